"""Replay a pipeline against a snapshot: isolated and cascaded, whatever the pipeline.

Isolated: a stage gets the reference's own inputs; what differs was born there. Cascaded: it gets what our earlier
stages made; what differs was born or inherited. Nothing that the snapshot holds goes uncompared. What is the pipeline's
own (its answer, what may differ) its `parity.replay.subject.Subject` says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from parity.fixtures.snapshot import Snapshot
from parity.measure.drift import Drift, compare
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import Artefacts, ChunkSeries, Pipeline, Stage
from parity.replay.subject import Raised, Replayed, Subject, subject_of

ISOLATED, CASCADED = "isolated", "cascaded"


def replay(
    pipeline: Pipeline,
    snapshot: Snapshot,
    inputs: Mapping[str, Any],
    *,
    on_stage: Callable[[str], None] | None = None,
    on_made: Callable[[Artefacts], None] | None = None,
    reference: Artefacts | None = None,
    native: Pipeline | None = None,
) -> Any:
    """Run a pipeline on a recording and compare every artefact that the snapshot holds.

    Parameters
    ----------
    inputs : the pipeline's own: of `community-1` `samples` and `sample_rate`, of `rnn-t` `encoded`
    on_stage : called with a stage's name before it runs in the cascade
    on_made : called with the artefacts of the cascade, which are not kept otherwise
    reference : `reference_artefacts` of this snapshot, where it is replayed often
    native : the native pipeline that the one under test was made of; where that is arrays in part, what native code
        made beside them is not held against it

    Returns
    -------
    what the pipeline's subject makes of it: `parity.replay.outcome.Replay`, `parity.subjects.rnnt.subject.StepReplay`
    """
    subject = subject_of(pipeline)
    clock = _Clock(on_stage)
    errors: list[StageRaised] = []
    made = pipeline.run(inputs, on_stage=clock.start, raised=errors)
    seconds = clock.stop()
    if on_made:
        on_made(made)
    reference = reference or reference_artefacts(snapshot, inputs)
    allowed = subject.excuses(made, snapshot)
    drifts: list[Drift] = []
    without: dict[str, tuple[str, ...]] = {}
    alone_raised: dict[str, StageRaised | None] = {}
    for stage in pipeline:
        try:
            alone, missing = _alone(stage, pipeline, reference, made, inputs, native)
        except StageRaised as error:
            alone, missing, alone_raised[stage.name] = {}, (), error
        if missing:
            without[stage.name] = missing
        elif alone:
            alone_raised[stage.name] = None
        drifts += _compare_outputs(stage, alone, snapshot, ISOLATED, subject.excuses(alone, snapshot), subject)
        drifts += _compare_outputs(stage, made, snapshot, CASCADED, allowed, subject)
    drifts += _compare_carried(pipeline, made, snapshot)
    raised = _raised(pipeline, errors, alone_raised, drifts)
    missing = (*map(str, raised), *_uncompared(made, snapshot, drifts))
    return subject.finish(
        Replayed(made, snapshot, tuple(drifts), missing, without, seconds, raised, _native(pipeline, native))
    )


def _native(pipeline: Pipeline, native: Pipeline | None) -> frozenset[str]:
    """Artefacts that native code made where others were given as arrays; none where nothing was."""
    if native is None or not any(stage.given for stage in pipeline):
        return frozenset()
    by_lab = [stage for stage in pipeline if stage.given or stage.run is native[stage.name].run]
    return frozenset(name for stage in by_lab for name in stage.writes if name not in stage.given)


def _raised(
    pipeline: Pipeline, errors: list[StageRaised], alone: Mapping[str, StageRaised | None], drifts: list[Drift]
) -> tuple[Raised, ...]:
    """What raised, in the pipeline's order, and whose fault it may be.

    Parameters
    ----------
    errors : of the cascade
    alone : stage -> what it raised on the reference's own inputs; None where it did not; no key where it could not run
    """
    cascaded = {error.stage: error for error in errors}
    bad = [drift.stage for drift in drifts if drift.mode == CASCADED and not drift.within]
    found = []
    for stage in pipeline:
        error = cascaded.get(stage.name) or alone.get(stage.name)
        if error is None:
            continue
        mode = CASCADED if stage.name in cascaded else ISOLATED
        wrong = next((name for name in bad if name in _before(stage, pipeline)), None)
        again = alone[stage.name] is not None if stage.name in alone else None
        if again is None and all(name in pipeline.inputs for name in stage.reads):
            again = True  # there it reads what the reference's stage reads
        found.append(Raised(stage.name, mode, error.said, error.place, error.trace, again, wrong))
    return tuple(found)


def _before(stage: Stage, pipeline: Pipeline) -> set[str]:
    """Names of the stages whose output reaches a stage."""
    names, reads = set(), set(stage.needs)
    for other in reversed(pipeline.stages):
        if reads & set(other.writes) and other.name != stage.name:
            names.add(other.name)
            reads |= set(other.needs)
    return names


def reference_artefacts(snapshot: Snapshot, inputs: Mapping[str, Any]) -> Artefacts:
    """What stages read, as the reference made it: recorded subsets become series of the chunks there are."""
    reference: Artefacts = {**inputs, **snapshot.implied}
    for name, value in snapshot.values.items():
        partial = name in snapshot.chunks
        reference[name] = ChunkSeries.recorded(snapshot.chunks[name], value) if partial else value
    return reference


def run_isolated(
    stage: Stage, pipeline: Pipeline, reference: Artefacts, made: Artefacts, inputs: Mapping[str, Any]
) -> tuple[Artefacts, tuple[str, ...]]:
    """A stage on the reference's own inputs: what it writes, and which inputs the snapshot lacks.

    A stage that reads nothing but the pipeline's inputs did the same in the cascade and is not run twice; one whose
    output is given as arrays cannot run on other inputs.
    """
    if stage.given:
        return {}, ()
    if all(name in inputs for name in stage.reads):
        return _what_it_made(stage, made), ()
    if (
        stage.when is not None
        and all(name in reference for name in stage.when.reads)
        and not stage.when.holds(reference)
    ):
        return {}, ()
    missing = tuple(name for name in stage.needs if lacks(name, pipeline, reference))
    return ({}, missing) if missing else (stage(reference), ())


def _alone(
    stage: Stage,
    pipeline: Pipeline,
    reference: Artefacts,
    made: Artefacts,
    inputs: Mapping[str, Any],
    native: Pipeline | None,
) -> tuple[Artefacts, tuple[str, ...]]:
    """As `run_isolated`; native code, which does not remember what it was asked, is not asked the same twice."""
    if native is not None and stage.run is native[stage.name].run and _had_the_same(stage, reference, made):
        return _what_it_made(stage, made), ()
    return run_isolated(stage, pipeline, reference, made, inputs)


def _had_the_same(stage: Stage, reference: Artefacts, made: Artefacts) -> bool:
    """Whether what a stage was given in the cascade is the reference's to the bit, and it made something of it."""
    read = [(reference.get(name), made.get(name)) for name in stage.needs]
    return bool(_what_it_made(stage, made)) and all(
        isinstance(want, np.ndarray)
        and isinstance(got, np.ndarray)
        and (want.dtype, want.shape) == (got.dtype, got.shape)
        and want.tobytes() == got.tobytes()
        for want, got in read
    )


def _what_it_made(stage: Stage, made: Artefacts) -> Artefacts:
    return {name: made[name] for name in stage.writes if made.get(name) is not None}


def compare_alone(stage: Stage, pipeline: Pipeline, outputs: Artefacts, snapshot: Snapshot) -> list[Drift]:
    """What a stage made of the reference's own inputs, compared with what the snapshot holds of it."""
    subject = subject_of(pipeline)
    return _compare_outputs(stage, outputs, snapshot, ISOLATED, subject.excuses(outputs, snapshot), subject)


def lacks(name: str, pipeline: Pipeline, reference: Artefacts) -> bool:
    """Whether the reference made an artefact, or may have, and the snapshot does not hold it.

    What its stage's condition left out (no VBx where there is nothing to cluster) is no lack: readers find None there.
    """
    if name in reference:
        return False
    writer = next((stage for stage in pipeline if name in stage.writes), None)
    if writer is None or writer.when is None:
        return True
    return any(lacks(read, pipeline, reference) for read in writer.when.reads) or writer.when.holds(reference)


def _compare_outputs(
    stage: Stage,
    outputs: Artefacts,
    snapshot: Snapshot,
    mode: str,
    allowed: Mapping[str, np.ndarray],
    subject: Subject,
) -> list[Drift]:
    drifts = []
    for name in stage.writes:
        want, got = snapshot.values.get(name), outputs.get(name)
        if want is None or got is None:
            continue
        if name in subject.texts:
            drifts.append(compare(name, subject.to_text(got), subject.recorded_text(want), mode=mode))
        else:
            excused = allowed.get(name) if mode == CASCADED or name in subject.excused_isolated else None
            drift = _compare_array(name, got, want, snapshot, mode, excused, subject)
            drifts += [] if drift is None else [drift]
    return drifts


def _compare_array(
    name: str,
    got: Any,
    want: np.ndarray,
    snapshot: Snapshot,
    mode: str,
    excused: np.ndarray | None,
    subject: Subject,
) -> Drift | None:
    """None where an artefact is kept by chunk and the two sides have no chunk in common."""
    made, chunks, total = got, snapshot.chunks.get(name), None
    if chunks is not None:
        whole = len(snapshot.values["segmentations"]) if "segmentations" in snapshot.values else len(want)
        total = whole * want[0].size
        got, want, chunks = in_common(got, want, chunks)
        if not len(chunks):
            return None
    elif (chunks := subject.recorded_part(name, got, want, snapshot)) is not None:
        total, want = want.size, want[chunks]
        excused = excused[chunks] if excused is not None else None
    how = {"mode": mode, "chunks": chunks, "excused": excused, "total": total, "step": snapshot.chunk_step}
    return subject.beyond_recorded(subject.compare(name, got, want, snapshot.values, **how), made, snapshot)


def in_common(got: Any, want: np.ndarray, chunks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both sides' rows of the recorded chunks, those left out that the candidate has not, and which chunks they are.

    Parameters
    ----------
    got : a series, or an array of all chunks
    want : the rows of `chunks`
    """
    held = got.having(chunks) if isinstance(got, ChunkSeries) else chunks[chunks < len(got)]
    kept = want[np.isin(chunks, held)]
    if not len(held):
        return kept, kept, held
    return (got.take(held) if isinstance(got, ChunkSeries) else got[held]), kept, held


def _compare_carried(pipeline: Pipeline, made: Artefacts, snapshot: Snapshot) -> list[Drift]:
    """What each step of a loop started from; no stage writes it under that name."""
    values = snapshot.values
    names = [name for name in pipeline.feedback if name in values and made.get(name) is not None]
    return [compare(name, made[name], values[name], mode=CASCADED) for name in names]


def _uncompared(made: Artefacts, snapshot: Snapshot, drifts: list[Drift]) -> tuple[str, ...]:
    held = [name for name in snapshot.layout.artefacts if name in snapshot.values]
    compared = {drift.artefact for drift in drifts if drift.mode == CASCADED}
    problems = []
    if missing := [name for name in held if name not in compared]:
        problems.append(f"compared {len(compared)} of {len(held)} artefacts; missing: {', '.join(missing)}")
    return tuple(problems)


class _Clock:
    """Wall time by stage."""

    def __init__(self, on_stage: Callable[[str], None] | None) -> None:
        self._on_stage = on_stage
        self._seconds: dict[str, float] = {}
        self._running: tuple[str, float] | None = None

    def start(self, stage: str) -> None:
        self.stop()
        self._running = (stage, time.perf_counter())
        if self._on_stage:
            self._on_stage(stage)

    def stop(self) -> dict[str, float]:
        if self._running:
            name, started = self._running
            self._seconds[name] = time.perf_counter() - started
            self._running = None
        return self._seconds
