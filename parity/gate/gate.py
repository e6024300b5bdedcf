"""The main job: replay fixtures and say of each whether the reimplementation is at parity.

A fixture whose inputs are wrong is reported as such and the others still run. Results are plain data; `parity.report`
renders them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from parity.community1 import community1_pipeline
from parity.community1.annotation import Turn, to_rttm
from parity.community1.networks import Networks
from parity.diagnosis.asking import Asked, Effort, effort_of
from parity.diagnosis.of_replay import Replayed, ask_of_replay
from parity.diagnosis.result import Diagnosis
from parity.errors import InputError, one_line
from parity.explain.explanation import Explanation
from parity.explain.localise import ask, candidate_of, explain
from parity.fixtures.catalogue import Fixture
from parity.fixtures.prepare import load_networks, prepare
from parity.fixtures.recording import Recording
from parity.fixtures.snapshot import Snapshot
from parity.gate.details import Details, find_details
from parity.gate.recorded import Means, Recorded, replay_recording
from parity.kept import Results as KeptResults
from parity.measure.score import Score, score_rttm
from parity.measure.verdicts import DRIFT, ERROR, NO_WORSE, PARITY, RAISES
from parity.networks.placement import Placement
from parity.networks.runtime import one_blas_thread
from parity.networks.wespeaker.runtime import DEFAULT_RUNTIME
from parity.pipeline.stage import Artefacts
from parity.ports.arrays import Supplied, supplied_by
from parity.ports.dump.comparison import STANDS_IN, DumpComparison
from parity.ports.dump.declaration import Declaration
from parity.ports.dump.folders import folder_of
from parity.ports.judging import AtHand
from parity.ports.program import Account
from parity.ports.python import NATIVE, Implementation
from parity.replay.engine import replay
from parity.replay.outcome import Replay
from parity.sources.weights import WeightSet
from parity.tables import Tabular

MOST = 3
COUNTED, MISSING = "counted", "missing"


@dataclass(frozen=True)
class Human:
    """DER against a human's annotation, in which neither side can be right: information, not a gate."""

    reference: Score
    ours: Score


@dataclass(frozen=True)
class FixtureResult(Tabular):
    """What the main job says of one fixture.

    Attributes
    ----------
    status : one of `parity.measure.verdicts`; of a recording captured elsewhere also `counted`, where its RTTM's counts
        are all there was to look at, or `missing`, where there was nothing
    seconds : of the cascade, isolated replays and scoring left out
    replay : None where there was an error, or nothing to replay; of a recording captured elsewhere from its tensors,
        or from audio where it has none
    error : in one line
    details : numbers behind the report's plots
    explanation : where drift is born and what decides it, where that was asked
    recorded : what was at hand of a recording captured elsewhere; None of the catalogue's fixtures
    supplied : artefacts that a port's arrays stood for; everything else is native. Empty where nothing came as arrays
    lacking : artefacts that had to be among them and were not
    conventions : of the arrays, what was undone before they were compared, in words
    doubts : of the arrays, what has to be cleared up before a difference says anything of the port, in sentences
    notes : of the arrays, what is out of form, and of another length, in words
    declaration : what the port does otherwise on purpose; None where it declares nothing
    account : what a program's stages cost, and what has to be said of it; None where nothing but functions ran
    not_run : native stages of which something came from the cache
    diagnoses : of stages where drift is born, which known mistake it is
    not_diagnosed : why the first of them was not looked up; empty where it was, or nothing drifts
    """

    name: str
    status: str
    audio_seconds: float | None = None
    seconds: float | None = None
    replay: Replay | None = None
    human: Human | None = None
    error: str | None = None
    machine: dict[str, Any] | None = None
    details: Details | None = None
    explanation: Explanation | None = None
    recorded: Recorded | None = None
    supplied: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    conventions: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    declaration: Declaration | None = None
    account: Account | None = None
    not_run: tuple[str, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    not_diagnosed: str = ""


class Results(list[FixtureResult], Tabular):
    """What the main job says of several fixtures: a list that can be had as tables."""


class Watcher:
    """What a run tells while it works; this one tells nobody."""

    def fixture(self, name: str, audio_seconds: float) -> None:
        """A fixture begins."""

    def stage(self, name: str) -> None:
        """A stage begins."""

    def step(self, stage: str, done: int, total: int) -> None:
        """Chunks of a stage are done."""

    def finished(self, result: FixtureResult) -> None:
        """A fixture is done."""


def run_fixtures(
    fixtures: Iterable[Fixture | Recording],
    weights: WeightSet,
    *,
    snapshots: Path | None = None,
    watcher: Watcher | None = None,
    threads: int | None = None,
    implementation: Implementation = NATIVE,
    arrays: Path | None = None,
    explain_drift: bool = False,
    runtime: str = DEFAULT_RUNTIME,
    placement: Placement | None = None,
    required: tuple[str, ...] = (),
    deviations: Path | None = None,
    on_result: Callable[[FixtureResult], None] = lambda result: None,
    kept: KeptResults | None = None,
    effort: Effort | None = None,
) -> Results:
    """Replay fixtures, and recordings captured elsewhere, one after the other.

    Parameters
    ----------
    snapshots : another folder of snapshots, one per fixture by its name
    threads : of the networks; the cores this process may use by default
    implementation : the pipeline under test, made of the native one
    arrays : a folder with what a port made: one folder per fixture by its name, or the arrays of the only fixture
    explain_drift : whether fixtures that drift are localised too; holds 1.3 MB per second of audio in memory
    runtime : of the embedding network, see `parity.networks.wespeaker.runtime.RUNTIMES`
    placement : the device and the precision of the networks; the CPU by default
    required : artefacts that arrays have to hold, or `all`; the answer where nothing is named
    deviations : a file that declares what is done otherwise on purpose, for whatever cannot hold one
    on_result : called with each result as soon as it is there, to keep it
    kept : what native stages before what is under test made of the same inputs is taken from there; None: all is
        computed
    effort : how much is done to name the mistake where something drifts; with `explain_drift` everything by default,
        else what takes a second or two
    """
    effort = effort or effort_of(None, all_of_it=explain_drift, more="--explain")
    watcher = watcher or Watcher()
    results = Results()
    with one_blas_thread():
        networks = load_networks(weights, threads, runtime, placement, kept)
        for fixture in fixtures:
            if kept is not None:
                kept.taken.clear()
            try:
                if isinstance(fixture, Recording):
                    recorded = Means(
                        weights, networks, implementation, explain_drift, watcher.stage, watcher.step, effort, threads
                    )
                    watcher.fixture(fixture.name, 0.0)
                    result = _run_recording(fixture, recorded)
                else:
                    folder = snapshots / fixture.name if snapshots else fixture.snapshot_folder
                    ready = prepare(fixture, folder, weights)
                    watcher.fixture(fixture.name, ready.audio_seconds)
                    supplied = supplied_by(
                        ready,
                        networks,
                        implementation,
                        arrays=folder_of(arrays, fixture.name) if arrays else None,
                        required=required,
                        deviations=deviations,
                    )
                    means = AtHand(weights, networks, ready.inputs, threads)
                    result = _run_fixture(supplied, networks, watcher, implementation, explain_drift, means, effort)
            except (InputError, OSError) as error:
                result = FixtureResult(fixture.name, ERROR, error=one_line(error))
            if implementation.program is not None:
                result = replace(result, account=implementation.program.settle())
            if kept is not None:
                result = replace(result, not_run=kept.not_run)
            results.append(result)
            on_result(result)
            watcher.finished(result)
    return results


def _run_fixture(
    supplied: Supplied,
    networks: Networks,
    watcher: Watcher,
    implementation: Implementation,
    explain_drift: bool,
    means: AtHand,
    effort: Effort,
) -> FixtureResult:
    question, ready = None, supplied.ready
    if explain_drift:
        question = ask(ready, networks, implementation, supplied=supplied, progress=watcher.step)
        native, pipeline = question.native, question.candidate
    else:
        native = community1_pipeline(networks, ready.parameters, watcher.step).with_settings(uri=ready.fixture.name)
        pipeline = candidate_of(native, implementation, supplied)
    made: Artefacts = {}
    outcome = replay(pipeline, ready.snapshot, ready.inputs, on_stage=watcher.stage, on_made=made.update, native=native)
    explain_it = question if not outcome.at_parity else None
    details = find_details(
        ready.snapshot,
        made,
        outcome.rttm,
        ready.heard[0],
        noise=ready.noise,
        stability=ready.stability,
        truth=ready.truth,
    )
    found, status = supplied.comparison, supplied.verdict(outcome, truth=details.truth)
    answered = explain(explain_it, on_step=watcher.stage) if explain_it else None
    if status == NO_WORSE or (outcome.at_parity and (found is None or found.first_drift is None)):
        asked = Asked()
    else:
        watcher.stage("known mistakes")
        reference = answered.patching.reference if answered else None
        stages = answered.explanation.named if answered else ()
        code = Replayed(pipeline, native, ready, outcome, reference)
        asked = ask_of_replay(supplied, code, stages, means, effort)
    return FixtureResult(
        name=ready.fixture.name,
        status=status,
        error=f"not in form: {'; '.join(found.form[:MOST])}" if found and status == ERROR else None,
        supplied=tuple(name for stage in pipeline for name in stage.given),
        lacking=supplied.lacking,
        conventions=found.conventions if found else (),
        doubts=found.doubts if found else (),
        notes=notes_of(found, shown=outcome.first_drift is not None, given=supplied.values) if found else (),
        declaration=supplied.declaration,
        audio_seconds=ready.audio_seconds,
        seconds=sum(outcome.stage_seconds.values()),
        replay=outcome,
        human=_against_human(ready.fixture, ready.snapshot, outcome),
        machine=ready.snapshot.manifest.get("machine"),
        details=details,
        explanation=answered.explanation if answered else None,
        diagnoses=asked.diagnoses,
        not_diagnosed=asked.why_not,
    )


def notes_of(found: DumpComparison, *, shown: bool = True, given: Container[str] | None = None) -> tuple[str, ...]:
    """What `compare` says of arrays and a replay does not: what is out of form, and what is of another length.

    Parameters
    ----------
    shown : whether something else says what drifts first; else `compare`'s word of it is handed on: a replay excuses
        frames that are near ties, and with them what was no noise
    given : artefacts that were put in place; all that were compared by default
    """
    lengths = [
        f"{artefact.name}: {artefact.drift.note}, {STANDS_IN}"
        for artefact in found.artefacts
        if given is not None and artefact.name not in given
        if artefact.drift is not None and artefact.drift.note.startswith("shape ") and not artefact.note
    ]
    lengths += [
        f"{artefact.name}: {artefact.note}" for artefact in found.artefacts if artefact.note.startswith("shape ")
    ]
    form = [f"not in form: {problem}" for problem in found.form]
    first = found.first_drift
    if shown or lengths or form or first is None:
        return (*lengths, *form)
    where = first.drift.where if first.drift is not None and first.drift.where else "its turns"
    return (f"{first.name}: Smallest example: {where}",)


def _run_recording(recording: Recording, means: Means) -> FixtureResult:
    program = means.implementation.program
    if program is not None and program.description.declares:
        raise InputError(f"{program.name} declares to do something otherwise, which only fixtures can be measured with")
    found = replay_recording(recording, means)
    audio, outcome = found.audio, found.tensors
    if outcome is None and audio is not None:
        outcome = audio.replay
    details = None
    if found.snapshot is not None and outcome is not None:
        details = find_details(found.snapshot, found.made, outcome.rttm, found.waveform)
    replays = [replay for replay in (found.tensors, audio and audio.replay) if replay]
    return FixtureResult(
        name=recording.name,
        status=_status(found),
        audio_seconds=audio.audio_seconds if audio else None,
        seconds=sum(sum(replay.stage_seconds.values()) for replay in replays) if replays else None,
        replay=outcome,
        machine=found.snapshot.manifest.get("machine") if found.snapshot else None,
        details=details,
        explanation=audio.explanation if audio else None,
        recorded=found,
        diagnoses=found.asked.diagnoses,
        not_diagnosed=found.asked.why_not,
    )


def _status(found: Recorded) -> str:
    if found.judged:
        words = [_word(outcome) for outcome in found.judged]
        return next((word for word in (RAISES, DRIFT) if word in words), PARITY)
    return COUNTED if found.counts else MISSING


def _word(outcome: Replay) -> str:
    return PARITY if outcome.at_parity else RAISES if outcome.raised else DRIFT


def _against_human(fixture: Fixture, snapshot: Snapshot, outcome: Replay) -> Human | None:
    turns, spans = fixture.human_turns(), fixture.human_spans()
    if not turns:
        return None
    human = to_rttm([Turn(start, end, "", speaker) for start, end, speaker in turns], fixture.name)
    reference = snapshot.values["diarization"]
    return Human(score_rttm(human, reference, spans=spans), score_rttm(human, outcome.rttm, spans=spans))


def timed(function: Callable[[], list[FixtureResult]]) -> tuple[list[FixtureResult], float]:
    """The results and the wall seconds they took."""
    started = time.perf_counter()
    return function(), time.perf_counter() - started
