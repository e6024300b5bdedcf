"""Where drift is born: a verdict on each stage.

The pipeline is a graph: a stage is to blame where what it writes leaves tolerance while all that it reads is within
it. Isolated replays say so directly; where a snapshot lacks a stage's inputs the cascade says it, as far as what was
read was compared. *Not compared* is never the same as *within*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from parity.explain.explanation import (
    BORN,
    BORN_SMALL,
    INHERITED,
    NOT_COMPARED,
    NOT_SUPPLIED,
    RAISED,
    UNCLEAR,
    WITHIN,
    Amplification,
    StageVerdict,
)
from parity.explain.patching import Patching
from parity.measure.drift import Drift
from parity.measure.tolerances import tolerance
from parity.pipeline.artefact import Comparison, find
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import ChunkSeries, Stage
from parity.replay.engine import CASCADED, ISOLATED, in_common
from parity.replay.subject import Outcome

NoiseMultiple = Callable[[str, float], float | None]


class Verdicts:
    """A verdict on each stage, from the drifts of a replay.

    Parameters
    ----------
    outcome : of the candidate's replay
    noise : artefact and max abs -> multiple of the reference's own noise
    """

    def __init__(self, patching: Patching, outcome: Outcome, noise: NoiseMultiple | None = None) -> None:
        self._patching, self._noise_multiple = patching, noise
        self._snapshot, self._native, self._supply = patching.snapshot, patching.native, patching.supply
        self._drifts: dict[tuple[str, str], list[Drift]] = {}
        for drift in outcome.drifts:
            if self._supply.by_arrays and not self._supplied(drift):
                continue
            self._drifts.setdefault((drift.stage, drift.mode), []).append(drift)
        self._raised = {raised.stage: raised for raised in outcome.raised}
        for stage in patching.candidate:
            if extra := self._with_stand_ins(stage):
                self._drifts.setdefault((stage.name, ISOLATED), []).extend(extra)

    def all(self) -> tuple[StageVerdict, ...]:
        """In the pipeline's order."""
        verdicts = [self._of(stage) for stage in self._patching.candidate]
        return tuple(self._carried(verdicts))

    def _supplied(self, drift: Drift) -> bool:
        given = self._patching.candidate[drift.stage].given
        return drift.artefact in given if given else drift.mode == CASCADED or self._supply.has(drift.stage)

    def _of(self, stage: Stage) -> StageVerdict:
        isolated, cascaded = (_worst(self._drifts.get((stage.name, mode), [])) for mode in (ISOLATED, CASCADED))
        shown = isolated if isolated and not isolated.within else cascaded or isolated
        word = self._verdict(stage, isolated, cascaded)
        unsupplied = self._supply.before(stage.name) if word == BORN and stage.given else ()
        verdict = StageVerdict(stage.name, word, uncompared=self._uncompared(stage), unsupplied=unsupplied)
        if (raised := self._raised.get(stage.name)) is not None:
            return replace(verdict, where=str(raised))
        if shown is None:
            return verdict
        return replace(
            verdict,
            artefact=shown.artefact,
            isolated=_size(isolated),
            cascaded=_size(cascaded),
            isolated_ratio=_ratio(isolated),
            cascaded_ratio=_ratio(cascaded),
            noise_ratio=self._noise(cascaded),
            unit="elements" if shown.mismatches else "max abs",
            where=shown.where,
            amplification=self._amplification(stage),
        )

    def _verdict(self, stage: Stage, isolated: Drift | None, cascaded: Drift | None) -> str:
        if self._supply.by_arrays and not self._supply.has(stage.name):
            return NOT_SUPPLIED
        if (raised := self._raised.get(stage.name)) is not None:
            return INHERITED if raised.inherited else RAISED
        if isolated is None and cascaded is None:
            return NOT_COMPARED
        if isolated is not None and not isolated.within:
            return BORN
        if cascaded is None or cascaded.within:
            return WITHIN
        if isolated is not None:
            return INHERITED
        if (explained := self._supply.explained(stage, whole=True)) is not None:
            return INHERITED if explained else BORN
        if stage.given and self._supply.conditions:
            return UNCLEAR  # what it read was not compared, and native code did not get as far
        patching = self._patching
        writers = map(patching.writer, patching.reads(stage.name))
        reads = [_worst(self._drifts.get((writer, CASCADED), [])) for writer in writers]
        if all(drift is not None and drift.within for drift in reads):
            return BORN
        return UNCLEAR

    def _carried(self, verdicts: list[StageVerdict]) -> list[StageVerdict]:
        """Blame for what leaves tolerance though nobody before it did: the stage whose patch brings it back.

        A tolerance of an artefact alone says little of what the next stage makes of it: a filterbank 2.4e-4 off is
        inside its own and puts embeddings far outside theirs.
        """
        bad = {v.stage for v in verdicts if v.verdict in (BORN, RAISED, UNCLEAR, NOT_COMPARED)}
        for position, verdict in enumerate(verdicts):
            if verdict.verdict != INHERITED or bad & self._patching.ancestors(verdict.stage):
                continue
            culprit = next((v.stage for v in verdicts[:position] if self._brings_back(v.stage, verdict.stage)), None)
            if culprit is not None:
                bad.add(culprit)
                verdicts = [replace(v, verdict=BORN_SMALL) if v.stage == culprit else v for v in verdicts]
        return verdicts

    def _brings_back(self, patched: str, stage: str) -> bool:
        """Whether the reference's output of one stage puts what a later one writes back within tolerance."""
        if patched not in self._patching.ancestors(stage) or not self._differs(patched):
            return False
        if not self._supply.has(patched):
            return False
        patching = self._patching
        raised: list[StageRaised] = []
        made = patching.patched({name: patching.reference.get(name) for name in self._native[patched].writes}, raised)
        drifts = [self._compare(name, made) for name in self._native[stage].writes]
        return not raised and all(drift is None or drift.within for drift in drifts)

    def _differs(self, stage: str) -> bool:
        return any(
            not _equal(
                self._patching.made.get(name), self._patching.reference.get(name), self._snapshot.chunks.get(name)
            )
            for name in self._native[stage].writes
        )

    def _uncompared(self, stage: Stage) -> tuple[str, ...]:
        read, snapshot = self._patching.reads(stage.name), self._snapshot
        return tuple(name for name in read if name not in snapshot.values or name in snapshot.chunks)

    def _with_stand_ins(self, stage: Stage) -> list[Drift]:
        """A stage's isolated drift over the whole clip where the snapshot holds its inputs for some chunks only.

        Judged by the cascaded tolerance: the stand-in is itself within tolerance of the reference, not equal to it.
        """
        stand_ins = set(self._patching.stand_ins)
        if stage.given or not stand_ins & set(stage.reads):
            return []
        try:
            made = self._patching.on_reference(stage)
        except StageRaised:
            return []
        found = [self._compare(name, made) for name in stage.writes]
        return [replace(drift, mode=ISOLATED) for drift in found if drift is not None]

    def _compare(self, name: str, made: Mapping[str, Any]) -> Drift | None:
        """One artefact of a run against the reference's, by the cascaded tolerance; its own near ties excused."""
        got, want, chunks = made.get(name), self._snapshot.values.get(name), self._snapshot.chunks.get(name)
        if name in self._patching.subject.texts or want is None or got is None:
            return None
        if chunks is not None:
            got, want, chunks = in_common(got, want, chunks)
            if not len(chunks):
                return None
        allowed = self._patching.subject.excuses(made, self._snapshot)
        how = {"mode": CASCADED, "chunks": chunks, "excused": allowed.get(name)}
        return self._patching.subject.compare(name, got, want, self._snapshot.values, **how)

    def _noise(self, drift: Drift | None) -> float | None:
        known = self._noise_multiple
        return known(drift.artefact, drift.max_abs) if known and drift is not None and not drift.mismatches else None

    def _amplification(self, stage: Stage) -> Amplification | None:
        """What the native stage makes of the drift that the candidate's earlier stages gave it."""
        if self._supply.by_arrays and not self._supply.has(stage.name):
            return None
        made, reference = self._patching.made, self._patching.reference
        reads = [relative(name, made.get(name), reference.get(name), self._snapshot.chunks.get(name))
                 for name in stage.reads if name not in self._native.inputs]  # fmt: skip
        known = [value for value in reads if value is not None]
        if not known or (stage.when is not None and not stage.when.holds(made)):
            return None
        try:
            native = self._native[stage.name](made)
        except StageRaised:
            return None  # nobody could make anything of what it was given
        rows = [
            self._amplified(name, max(known), native)
            for name in stage.writes
            if name not in self._patching.subject.texts
        ]
        return max((row for row in rows if row is not None), key=lambda row: row.shown, default=None)

    def _amplified(self, name: str, read: float, native: Mapping[str, Any]) -> Amplification | None:
        made, reference = self._patching.made.get(name), self._patching.reference.get(name)
        chunks = self._snapshot.chunks.get(name)
        shown, explained = relative(name, made, reference, chunks), relative(name, native.get(name), reference, chunks)
        own = relative(name, made, native.get(name), chunks)
        if shown is None or explained is None or own is None:
            return None
        return Amplification(name, read, shown, explained, own, explained / read if read else None)


def relative(name: str, got: Any, want: Any, chunks: np.ndarray | None = None) -> float | None:
    """How far one side is from the other, relative to it: L2 over L2 for numbers, share of elements for labels.

    None where one is missing or the shapes differ.
    """
    if got is None or want is None or isinstance(got, list):
        return None
    if isinstance(got, ChunkSeries) or isinstance(want, ChunkSeries):
        shared = chunks if chunks is None else _shared(got, want, chunks)
        if shared is None or not len(shared):
            return None
        got, want = (_taken(side, shared) for side in (got, want))
    if got.shape != want.shape:
        return None
    if find(name).comparison in (Comparison.LABELS, Comparison.PARTITION):
        return float(np.mean(got != want)) if want.size else 0.0
    a, b = got.astype(np.float64), want.astype(np.float64)
    if find(name).comparison is Comparison.AXES:
        a = a * np.where(np.sum(a * b, axis=0) < 0, -1.0, 1.0)
    usable = np.isfinite(a) & np.isfinite(b)
    size = np.linalg.norm(b[usable])
    return float(np.linalg.norm((a - b)[usable]) / size) if size else 0.0


def _worst(drifts: list[Drift]) -> Drift | None:
    """The drift furthest out of its tolerance; those out before those within."""
    return max(drifts, key=lambda drift: (not drift.within, _ratio(drift)), default=None)


def _size(drift: Drift | None) -> float | None:
    if drift is None:
        return None
    return float(drift.mismatches) if drift.mismatches else drift.max_abs


def _ratio(drift: Drift | None) -> float | None:
    if drift is None:
        return None
    if drift.mismatches:
        return float("inf")
    limit = tolerance(drift.artefact, drift.mode)
    by_size = drift.max_abs / drift.tolerance if drift.tolerance else 0.0
    return max(by_size, drift.rms / limit.rms) if limit.rms else by_size


def _equal(got: Any, want: Any, chunks: np.ndarray | None) -> bool:
    if isinstance(got, ChunkSeries) or isinstance(want, ChunkSeries):
        shared = _shared(got, want, chunks)
        if not len(shared):
            return True  # nothing says that they differ
        got, want = (_taken(side, shared) for side in (got, want))
    if isinstance(got, np.ndarray) and isinstance(want, np.ndarray):
        return got.shape == want.shape and np.array_equal(got, want, equal_nan=got.dtype.kind == "f")
    return got is want


def _shared(got: Any, want: Any, chunks: np.ndarray | None) -> np.ndarray:
    """The chunks, of those recorded, that both sides have."""
    series = [side for side in (want, got) if isinstance(side, ChunkSeries)]
    shared = series[0].chunks if chunks is None else chunks
    for side in series:
        shared = side.having(shared)
    return shared


def _taken(side: Any, chunks: np.ndarray) -> Any:
    if isinstance(side, ChunkSeries):
        return side.take(chunks)
    return side[chunks] if isinstance(side, np.ndarray) else side
