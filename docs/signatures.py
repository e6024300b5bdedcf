"""What each known mistake makes of one fixture: `PYTHONPATH=. python docs/signatures.py` measures `signatures.json`.

A mistake of a stage behind the embeddings, or of counting, runs on the reference's own arrays and to the end: drift by
artefact, DER, speakers, the kind of the first difference. One of a stage before them runs alone, on the reference's own
inputs and the chunks that are recorded; of segmentation, counting and masks follow. What its embeddings would be takes
the embedding network on every chunk, and is left out, so that there is no DER.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parity.calibration.trials import Bench, bench_of
from parity.errors import one_line
from parity.faults.fault import Fault, load_faults
from parity.files.whole import write_text
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.prepare import load_networks, prepare
from parity.kept import results_where
from parity.measure.difference import describe
from parity.measure.drift import Drift
from parity.networks.runtime import one_blas_thread
from parity.pipeline import ChunkSeries, Pipeline
from parity.pipeline.stage import Artefacts
from parity.replay.engine import CASCADED, compare_alone, replay
from parity.replay.outcome import Replay
from parity.sources.weights import load_weights

FILE = Path(__file__).parent / "measured" / "signatures.json"
FIXTURE = "02_pyannote_sample"
COMMAND = "PYTHONPATH=. python docs/signatures.py"
ALONE = ("audio", "segmentation", "masks", "fbank", "embeddings")
"""Stages before the embeddings, and the embeddings."""

FOLLOW = {"segmentation": ("speaker_counting", "masks")}
"""Stages that are run on what one of these makes: no embedding network is needed for them."""


def measure(budget: float, known: Mapping[str, Any]) -> dict[str, Any]:
    """The document: every fault's signature, or why there is none.

    Parameters
    ----------
    budget : seconds; faults that do not fit are left out by name
    known : signatures that are kept
    """
    (fixture,) = Catalogue.read(default_folder()).select([FIXTURE])
    weights = load_weights()
    ready = prepare(fixture, fixture.snapshot_folder, weights)
    networks = load_networks(weights, kept=results_where(None, tested=True))
    bench = bench_of(ready, networks, weights, keep_networks=True)
    found, left_out, ends = dict(known), dict[str, str](), time.monotonic() + budget
    # Those that need no network first; the embedding network's, half a minute each, last.
    faults = sorted(load_faults(), key=lambda fault: ALONE.index(fault.stage) if fault.stage in ALONE else -1)
    for fault in faults:
        if fault.name in found:
            continue
        if time.monotonic() > ends:
            left_out[fault.name] = "not measured: the time was up"
            continue
        try:
            with one_blas_thread():
                found[fault.name] = signature(fault, bench)
        except Exception as error:  # a mistake may raise, which is a symptom too
            left_out[fault.name] = f"raises {type(error).__name__}: {one_line(error, 120)}"
        print(fault.name, found.get(fault.name, left_out.get(fault.name)), file=sys.stderr)
    order = [fault.name for fault in load_faults()]
    return {
        "fixture": FIXTURE,
        "weights": weights.name,
        "command": COMMAND,
        "faults": {name: found[name] for name in order if name in found},
        "left_out": {name: left_out[name] for name in order if name in left_out},
    }


def signature(fault: Fault, bench: Bench) -> dict[str, Any]:
    """One fault's: what it moves, in the pipeline's order, and where it can be known the answer."""
    pipeline = fault.plant(bench.native, bench.workshop)
    if fault.stage in ALONE:
        made = _alone(fault.stage, pipeline, bench.recorded)
        drifts = [d for stage in pipeline for d in compare_alone(stage, pipeline, made, bench.snapshot)]
        answer = None
    else:
        outcome, made = _to_the_end(fault.stage, pipeline, bench)
        drifts = [drift for drift in outcome.drifts if drift.mode == CASCADED]
        answer = {"der": outcome.score.der, "speakers": outcome.speakers, "turns": outcome.segments}
        answer |= {"raised": [raised.said for raised in outcome.raised]}
    out = [drift for drift in drifts if not drift.within]
    return {
        "moves": [_row(drift) for drift in out],
        "kind": _kind(out[0].artefact, made, bench) if out else "",
        "answer": answer,
    }


def _alone(name: str, pipeline: Pipeline, recorded: Artefacts) -> Artefacts:
    made: dict[str, Any] = dict(pipeline[name](recorded))
    for other in FOLLOW.get(name, ()):
        made |= pipeline[other]({**recorded, **made})
    return made


def _to_the_end(name: str, pipeline: Pipeline, bench: Bench) -> tuple[Replay, Artefacts]:
    """The cascade on the reference's own arrays up to the stage that is at fault."""
    before: list[str] = []
    for stage in bench.native:
        if stage.name == name and name != "speaker_counting":
            break
        if stage.name == "filter":
            break
        before += [] if stage.name == name else stage.writes
    given = {artefact: bench.recorded[artefact] for artefact in before if artefact in bench.recorded}
    made: Artefacts = {}
    outcome = replay(
        _patched(pipeline, given), bench.snapshot, bench.inputs, on_made=made.update, reference=bench.recorded
    )
    return outcome, made


def _patched(pipeline: Pipeline, given: Mapping[str, Any]) -> Pipeline:
    """The pipeline in which stages whose whole output is the reference's hand that on."""
    for stage in pipeline:
        if all(artefact in given for artefact in stage.writes):
            values = tuple(given[artefact] for artefact in stage.writes)
            pipeline = pipeline.replacing(stage.name, _handing_on(values))
    return pipeline


def _handing_on(values: tuple[Any, ...]) -> Any:
    return lambda *reads: values if len(values) > 1 else values[0]


def _row(drift: Drift) -> dict[str, Any]:
    return {
        "artefact": drift.artefact,
        "max_abs": None if drift.note and not drift.compared else _rounded(drift.max_abs),
        "rms": None if drift.note and not drift.compared else _rounded(drift.rms),
        "differ": drift.mismatches,
        "of": drift.compared,
        "note": drift.note,
    }


def _rounded(value: float) -> float | str:
    return float(f"{value:.3g}") if abs(value) < float("inf") else str(value)


def _kind(name: str, made: Artefacts, bench: Bench) -> str:
    got, want, chunks = made.get(name), bench.snapshot.values.get(name), bench.snapshot.chunks.get(name)
    if isinstance(got, ChunkSeries):
        got = got.take(chunks) if chunks is not None else None
    if got is None or isinstance(want, str) or want is None:
        return ""
    found = describe(name, got, want, chunks=chunks)
    return "" if found is None else "; ".join(kind.words for kind in found.kinds)


if __name__ == "__main__":
    kept = json.loads(FILE.read_text(encoding="utf-8"))["faults"] if FILE.exists() else {}
    seconds = float(sys.argv[1]) if sys.argv[1:] else float("inf")
    write_text(FILE, json.dumps(measure(seconds, kept), indent=1, ensure_ascii=False, allow_nan=False) + "\n")
