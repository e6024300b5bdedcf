"""What a port that deviates on purpose is measured against: the native pipeline with the values that it declares.

Task: a reference, what a port declares (`parity.ports.dump.deviations`) -> the reference that the port would have, had
pyannote.audio those values. In front of the first stage that a declared value changes everything is the reference's
own, as recorded; that stage and all behind it are native. What the deviation itself costs is said apart: its answer
against the reference's. Networks run only where a declared value changes what they hear or are pooled over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from parity.community1 import Networks, community1_pipeline
from parity.community1.annotation import to_rttm
from parity.community1.networks import without_networks
from parity.community1.parameters import Parameters
from parity.community1.plda import Plda
from parity.fixtures.snapshot import CHUNK_STEP, Snapshot
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import Artefacts, ChunkSeries, Pipeline, Stage
from parity.ports.dump.comparison import DIFFERENT, DumpComparison, compare_dumps
from parity.ports.dump.deviations import FILE, KEYS, Declared, said, stages_of, with_declared
from parity.ports.dump.reading import Dump
from parity.ports.dump.turns import TurnDifference, compare_turns
from parity.replay.engine import lacks, reference_artefacts
from parity.replay.outcome import TEXTS, URI

NETWORKS = ("segmentation", "embeddings")
PLDA = ("xvec", "plda")
RECORDED_AS = {
    "threshold": ("ahc_state.npz", "threshold"),
    "fa": ("vbx_state.npz", "fa"),
    "fb": ("vbx_state.npz", "fb"),
    "max_iterations": ("vbx_state.npz", "max_iters"),
    "min_duration_off": ("reconstruction.npz", "min_duration_off"),
    "chunk_step": CHUNK_STEP,
}
"""Where a snapshot keeps a setting; the others lie under the file that declares them."""


@dataclass(frozen=True)
class Means:
    """What the native pipeline needs, each loaded when it is first needed.

    Attributes
    ----------
    networks : of the weight set that the reference was captured with
    plda : of the same
    inputs : `samples` (channels, n) float32 and their `sample_rate` in Hz, of the reference's clip
    """

    networks: Callable[[], Networks]
    plda: Callable[[], Plda]
    inputs: Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Yardstick:
    """A reference with what a port declares.

    Attributes
    ----------
    declared : what deviates, by name
    instead : what the reference has there
    parameters : all of them, with what is declared
    snapshot : what the port is measured against
    artefacts : those of it that are native with what is declared; the others are the reference's own
    reference, before : the reference itself and its parameters
    means : what it was made with
    seconds : wall time that it took
    network_chunks : chunks that went through each network for it
    """

    declared: Declared
    instead: Declared
    parameters: Parameters
    snapshot: Snapshot = field(repr=False)
    artefacts: tuple[str, ...]
    reference: Snapshot = field(repr=False)
    before: Parameters
    means: Means = field(repr=False)
    seconds: float
    network_chunks: Mapping[str, int]

    @cached_property
    def cost(self) -> TurnDifference | None:
        """What is declared against the reference: DER, speakers, turns; None where the reference has no RTTM."""
        answers = [side.values.get("diarization") for side in (self.reference, self.snapshot)]
        if any(answer is None for answer in answers):
            return None
        return compare_turns(*map(str, answers))

    def dump(self) -> Dump:
        """As `parity.ports.dump.comparison.compare_dumps` takes a reference."""
        return as_dump(self.snapshot, self.declared)

    def unshown(self, found: DumpComparison, candidate: Dump) -> tuple[str, ...]:
        """Declared values that a dump plainly does not show, each in a sentence.

        One is where an artefact that the value changes is what the reference's own value makes, everything else as
        declared, and not what the declared one makes; and none is the other way round.

        Parameters
        ----------
        found : the dump against this yardstick
        """
        if found.first_drift is None:
            return ()
        said_of = (self._unshown(name, found, candidate) for name in self.declared)
        return tuple(sentence for sentence in said_of if sentence)

    def _unshown(self, name: str, found: DumpComparison, candidate: Dump) -> str | None:
        other = as_dump(self._without(name), {n: v for n, v in self.declared.items() if n != name})
        moved = behind(_graph(), KEYS[name].stages)
        theirs = {a.name: a.verdict for a in compare_dumps(found.name, other, candidate).artefacts}
        own = {a.name: a.verdict for a in found.artefacts if a.stage in moved and a.name in theirs}
        as_declared = [n for n in own if own[n] != DIFFERENT and theirs[n] == DIFFERENT]
        as_reference = [n for n in own if own[n] == DIFFERENT and theirs[n] != DIFFERENT]
        if as_declared or not as_reference:
            return None
        before, after = (said(values[name]) for values in (self.instead, self.declared))
        return f"{name} = {after} is declared, and {as_reference[0]} is what {name} = {before} gives"

    def _without(self, name: str) -> Snapshot:
        """The yardstick with the reference's own value of one that is declared."""
        rest = {n: v for n, v in self.declared.items() if n != name}
        parameters = with_declared(self.before, rest, FILE)
        if behind(_graph(), KEYS[name].stages) & set(NETWORKS):  # from what was recorded, which spares the networks
            return deviated(self.reference, parameters, rest, self.means)[0]
        return deviated(self.snapshot, parameters, [name], self.means)[0]


def yardstick(
    reference: Snapshot, before: Parameters, declared: Mapping[str, Any], means: Means, place: str = FILE
) -> Yardstick | None:
    """The yardstick of a port that declares something; None where that is nothing but what the reference has.

    Parameters
    ----------
    before : the reference's parameters
    declared : as `parity.ports.dump.deviations` checked it
    place : where it is declared, for messages

    Raises
    ------
    InputError : what is declared contradicts what the reference was given, or the clip or weights that it takes cannot
        be had
    """
    other = {name: value for name, value in declared.items() if getattr(before, name) != value}
    if not other:
        return None
    started = time.perf_counter()
    parameters = with_declared(before, other, place)
    snapshot, artefacts, chunks = deviated(reference, parameters, other, means)
    return Yardstick(
        declared=other,
        instead={name: getattr(before, name) for name in other},
        parameters=parameters,
        snapshot=snapshot,
        artefacts=artefacts,
        reference=reference,
        before=before,
        means=means,
        seconds=time.perf_counter() - started,
        network_chunks=chunks,
    )


def deviated(
    reference: Snapshot, parameters: Parameters, names: Iterable[str], means: Means
) -> tuple[Snapshot, tuple[str, ...], dict[str, int]]:
    """A reference in which the stages that some parameters change, and those behind them, are native.

    Returns
    -------
    the reference, the artefacts that are native, chunks that went through each network
    """
    names = tuple(names)
    run = _Deviated(reference, parameters, means)
    for stage in run.graph:
        if stage.name in stages_of(names) or run.moves(stage):
            run.native |= dict.fromkeys(stage.writes) | run.outputs(stage)
            run.moved |= set(stage.writes)
    artefacts = tuple(name for name in ARTEFACTS if name in run.moved)
    return _snapshot(reference, run.native, artefacts, parameters, names), artefacts, run.chunks


class _Deviated:
    """The native pipeline run from the first stage that a declared value changes, in front of it what was recorded.

    Attributes
    ----------
    graph : the stages, of which those behind the networks can be run
    native : artefacts that were made so far
    moved : those of them that a declared value may have changed; the others fill gaps of the recording
    chunks : chunks that went through each network
    """

    def __init__(self, reference: Snapshot, parameters: Parameters, means: Means) -> None:
        self._reference, self._parameters, self._means = reference, parameters, means
        self._held = reference_artefacts(reference, {})
        self.graph = community1_pipeline(without_networks(), parameters)
        self.native: Artefacts = {}
        self.moved: set[str] = set()
        self.chunks: dict[str, int] = {}

    def moves(self, stage: Stage) -> bool:
        """Whether a stage reads what moved, or now runs where it did not, or the other way round."""
        if self.moved & set(stage.reads):
            return True
        if stage.when is None or not self.moved & set(stage.when.reads):
            return False
        return stage.when.holds({name: self._value(name) for name in stage.when.reads}) != stage.when.holds(self._held)

    def outputs(self, stage: Stage) -> Artefacts:
        """What a stage makes, natively."""
        return self._native(stage.name)({name: self._value(name) for name in stage.needs})

    def _value(self, name: str) -> Any:
        """What a stage is given: what was made, what was recorded, or what fills a gap of the recording."""
        if name in self.native:
            return self.native[name]
        if name in self.graph.inputs:
            return self._means.inputs()[name]
        if name in self._held and name not in self._reference.chunks:
            return self._held[name]
        if not lacks(name, self.graph, self._held) and name not in self._reference.chunks:
            return None
        writer = next(stage for stage in self.graph if name in stage.writes)
        self.native |= dict.fromkeys(writer.writes) | self.outputs(writer)
        return self.native[name]

    def _native(self, name: str) -> Stage:
        if name in NETWORKS:
            return community1_pipeline(self._means.networks(), self._parameters, self._count)[name]
        if name in PLDA:
            return community1_pipeline(without_networks(self._means.plda()), self._parameters)[name]
        return self.graph[name]

    def _count(self, stage: str, done: int, total: int) -> None:
        self.chunks[stage] = total


def behind(pipeline: Pipeline, stages: Iterable[str]) -> set[str]:
    """Some stages and all that read what they write, near and far."""
    found, moved = set(stages), set[str]()
    for stage in pipeline:
        if stage.name in found or moved & set(stage.reads):
            found.add(stage.name)
            moved |= set(stage.writes)
    return found


def as_dump(snapshot: Snapshot, declared: Mapping[str, Any]) -> Dump:
    """A snapshot that lies nowhere, as a dump."""
    beside = {f"{name}_chunks": chunks for name, chunks in snapshot.chunks.items()}
    if snapshot.segmentation_gap is not None:
        beside["segmentation_gap"] = snapshot.segmentation_gap
    return Dump(
        folder=snapshot.folder,
        values=dict(snapshot.values),
        beside=beside,
        places={name: f"{snapshot.folder} with {FILE}: {name}" for name in snapshot.values},
        manifest={key: value for key, value in snapshot.manifest.items() if key not in ("artifacts", "arrays")},
        found={(file, key): value for (file, key), value in snapshot.companions.items()},
        declared=dict(declared),
    )


def reference_of(dump: Dump) -> Snapshot:
    """A dump as a reference, with the settings that lie beside its arrays."""
    settings = {place: value for place, value in dump.found.items() if place[1] is not None and np.ndim(value) == 0}
    found = dump.snapshot()
    return replace(found, companions={**found.companions, **settings})  # type: ignore[dict-item]  # keys are text here


def _graph() -> Pipeline:
    return community1_pipeline(without_networks(), Parameters())


def _snapshot(
    reference: Snapshot, made: Artefacts, artefacts: tuple[str, ...], parameters: Parameters, names: tuple[str, ...]
) -> Snapshot:
    values = {name: value for name, value in reference.values.items() if name not in artefacts}
    chunks = {name: value for name, value in reference.chunks.items() if name not in artefacts}
    for name in artefacts:
        value = made.get(name)
        if name in TEXTS:
            values[name] = to_rttm(value or [], URI)
        elif value is not None:
            values[name], kept = _recorded(value, reference.chunks.get(name))
            if ARTEFACTS[name].by_chunk:
                chunks[name] = kept
    companions = dict(reference.companions)
    companions |= {RECORDED_AS.get(n, (FILE, n)): np.array(v) for n, v in asdict(parameters).items() if v is not None}
    if "segmentation_logits" in artefacts:
        best = np.sort(made["segmentation_logits"], axis=-1)
        companions["segmentations.npz", "segmentation_gap"] = best[..., -1] - best[..., -2]
    known = {name: value for name, value in asdict(parameters).items() if name in names or value is not None}
    manifest = {**reference.manifest, "parameters": {**reference.manifest.get("parameters", {}), **known}}
    return replace(
        reference,
        manifest=manifest,
        values={name: values[name] for name in ARTEFACTS if name in values},
        chunks=chunks,
        companions=companions,
    )


def _recorded(value: Any, kept: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """An artefact as a snapshot keeps it, and its chunks: of a series the first, the middle and the last."""
    if not isinstance(value, ChunkSeries):
        return value, np.arange(len(value))
    if kept is None or not np.isin(kept, value.chunks).all() or len(kept) == len(value):
        kept = value.chunks[sorted({0, len(value) // 2, len(value) - 1})]
    return value.take(kept), kept
