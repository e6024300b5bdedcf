"""A mistake behind one stage of code: what the stage was given and what it answered, looked up.

Task: a stage that ran on the reference's own inputs, as an isolated replay runs it -> the mistake that makes what it
made. Whoever wrote the stage, Python or a program, it is told by its answer alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from parity.community1 import Parameters
from parity.community1.annotation import from_rttm
from parity.diagnosis.drawing import of_part
from parity.diagnosis.few_chunks import in_few_chunks
from parity.diagnosis.look_up import BUDGET_SECONDS, look_up
from parity.diagnosis.of_dump import BUDGETS
from parity.diagnosis.result import Diagnosis
from parity.diagnosis.trying import Bench
from parity.diagnosis.workshop import native_workshop
from parity.faults.family import Family
from parity.faults.fault import Fault
from parity.measure.drift import compare
from parity.pipeline.artefact import ARTEFACTS, Comparison
from parity.pipeline.stage import ChunkSeries, Pipeline
from parity.ports.yardstick import Means
from parity.replay.engine import CASCADED
from parity.replay.outcome import unread
from parity.sources import WeightSet


@dataclass(frozen=True)
class Ran:
    """One stage, run on the reference's own inputs.

    Attributes
    ----------
    stage : its name
    made : artefact -> what it wrote
    reference : artefact -> the reference's, of all that the stage reads and writes
    drifted : artefacts of it that are beyond tolerance; empty: those that differ at all
    parameters : that the reference was made with
    means, weights : of the native pipeline, loaded when they are needed
    threads : of networks
    chunks : of artefacts that the reference holds in part, which chunks those are
    """

    stage: str
    made: Mapping[str, Any]
    reference: Mapping[str, Any]
    drifted: tuple[str, ...]
    parameters: Parameters
    means: Means
    weights: Callable[[], WeightSet]
    threads: int | None = None
    chunks: Mapping[str, np.ndarray] | None = None


def diagnose_stage(ran: Ran, faults: Iterable[Fault], families: Iterable[Family] = ()) -> Diagnosis | None:
    """Which known mistake makes what a stage made; None where nothing of it can be compared.

    Raises
    ------
    InputError : weights are needed and cannot be had
    """
    faults, families = list(faults), list(families)
    pipeline, workshop = native_workshop((ran.stage,), ran.parameters, ran.means, ran.weights, ran.threads)
    given = {name: ran.reference.get(name) for name in pipeline[ran.stage].needs}
    candidate, reference, chunks = _both_sides(ran, pipeline)
    if not candidate:
        return None
    drifted = [name for name in ran.drifted if name in candidate] or _different(candidate, reference)
    mask = unread("hard_clusters", ran.reference)
    part = in_few_chunks(ran.stage, given, candidate, reference, chunks, ran.parameters.chunk_step, drifted)
    found = look_up(
        ran.stage,
        part.given,
        part.candidate,
        part.reference,
        pipeline,
        workshop,
        faults,
        families,
        drifted=[name for name in drifted if name in part.candidate],
        rows=part.rows,
        around=part.around,
        unread={} if mask is None else {"hard_clusters": mask},
        budget_seconds=BUDGETS.get(ran.stage, BUDGET_SECONDS),
    )
    bench = Bench(pipeline, workshop, (ran.stage,), part.given, part.rows, around=part.around)
    shown = of_part(found, part, bench, chunks, ran.parameters.chunk_step, faults, families)
    return replace(found, evidence=shown)


def _both_sides(ran: Ran, pipeline: Pipeline) -> tuple[dict[str, Any], dict[str, Any], dict[str, np.ndarray]]:
    """What the stage wrote, what the reference has there, and of artefacts kept by chunk, which chunks."""
    candidate: dict[str, Any] = {}
    reference: dict[str, Any] = {}
    chunks: dict[str, np.ndarray] = {}
    for name in pipeline[ran.stage].writes:
        got, want = ran.made.get(name), ran.reference.get(name)
        if got is None or want is None:
            continue
        if ARTEFACTS[name].comparison is Comparison.TURNS:
            candidate[name], reference[name] = (from_rttm(v) if isinstance(v, str) else v for v in (got, want))
            continue
        if isinstance(got, ChunkSeries) or isinstance(want, ChunkSeries):
            kept = _shared(got, want, (ran.chunks or {}).get(name))
            if not len(kept):
                continue
            got, want = _taken(got, kept), _taken(want, kept)
            chunks[name] = kept
        candidate[name], reference[name] = np.asarray(got), np.asarray(want)
    return _with_all_rows(ran, candidate, reference), reference, chunks


def _shared(got: Any, want: Any, recorded: np.ndarray | None) -> np.ndarray:
    """Chunks that both sides have, of those that were recorded where not all were."""
    series = [side for side in (want, got) if isinstance(side, ChunkSeries)]
    kept = series[0].chunks if recorded is None else recorded
    for side in (got, want):
        kept = side.having(kept) if isinstance(side, ChunkSeries) else kept[kept < len(side)]
    return np.asarray(kept)


def _taken(side: Any, chunks: np.ndarray) -> np.ndarray:
    return np.asarray(side.take(chunks) if isinstance(side, ChunkSeries) else side[chunks])


def _with_all_rows(ran: Ran, candidate: dict[str, Any], reference: Mapping[str, Any]) -> dict[str, Any]:
    """Embeddings of the few chunks whose filterbank was recorded, among the reference's own of the others."""
    fbank, got, want = ran.reference.get("fbank"), candidate.get("embeddings"), reference.get("embeddings")
    if got is None or want is None or not isinstance(fbank, ChunkSeries):
        return candidate
    if len(got) != len(fbank.chunks) or len(got) >= len(want) or got.shape[1:] != want.shape[1:]:
        return candidate
    whole = np.array(want)
    whole[fbank.chunks] = got
    return {**candidate, "embeddings": whole}


def _different(candidate: Mapping[str, Any], reference: Mapping[str, Any]) -> list[str]:
    return [name for name in candidate if not _equal(candidate[name], reference[name])]


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)


def beyond_tolerance(made: Mapping[str, Any], reference: Mapping[str, Any]) -> tuple[str, ...]:
    """Arrays of a stage that are beyond the tolerance of a cascade."""
    arrays = [name for name, value in made.items() if isinstance(value, np.ndarray)]
    both = [name for name in arrays if isinstance(reference.get(name), np.ndarray)]
    return tuple(name for name in both if not compare(name, made[name], reference[name], mode=CASCADED).within)
