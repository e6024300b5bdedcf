"""What a port is asked: one stage at a time, on inputs that the reference itself had, or that were made by hand.

No network of ours is loaded and no audio is read, unless a stage that reads audio is asked for by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import never_run, without_networks
from parity.fixtures.catalogue import Fixture
from parity.fixtures.decisions import INSIDE, POWERSET, URI, DecisionCase
from parity.fixtures.snapshot import Snapshot, read_snapshot
from parity.measure.drift import Drift
from parity.pipeline.stage import Artefacts, Pipeline, Stage
from parity.replay.decisions import judge
from parity.replay.engine import compare_alone, lacks, reference_artefacts

FEW = ("14_partial_tail", "08_known_count")
"""Recordings whose stages are asked: the smallest that goes through every stage but KMeans, and one that needs it."""

HEARD = {"samples", "sample_rate", "waveform", "chunk_waveforms"}
"""Audio: what only stages read whose work is a minute's."""

Verdict = tuple[tuple[Drift, ...], str]
"""What was compared, and what kept it from being compared: one line, or nothing."""


@dataclass(frozen=True)
class Question:
    """One stage, once.

    Attributes
    ----------
    name : `assignment/p18_tied_rows`, or a recording's name
    stage : the stage, what it reads, and what it is to write here: nothing where the reference does not run it
    about : one sentence
    values : artefact -> what the stage reads
    settings : hyper-parameters and bounds
    uri : the recording's name in RTTM lines
    expected : artefact -> what the reference wrote
    judged : what was answered -> the verdict
    case : the decision case, where it is one
    declared : values that the port declares and that change what is expected, see `parity.ports.check.declared`
    """

    name: str
    stage: Stage
    about: str
    values: Mapping[str, Any] = field(repr=False)
    settings: Parameters
    uri: str
    expected: Mapping[str, Any] = field(repr=False)
    judged: Callable[[Artefacts], Verdict] = field(repr=False)
    case: DecisionCase | None = field(default=None, repr=False)
    declared: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, Any]:
        """What a program finds in `parameters.json`."""
        return {"uri": self.uri, **vars(self.settings)}


def known_stages() -> tuple[str, ...]:
    """Everything that a port may be asked for, in the pipeline's order; a line inside a stage comes before it."""
    names = [stage.name for stage in _graph(Parameters())]
    for inside, stage in INSIDE.items():
        names.insert(names.index(stage), inside)
    return tuple(names)


def hearing_stages() -> set[str]:
    """Stages that read audio, and so are asked only where they are named."""
    return {stage.name for stage in _graph(Parameters()) if HEARD & set(stage.reads)}


def questions(
    stages: Iterable[str], cases: Iterable[DecisionCase], fixtures: Iterable[Fixture], *, heard: bool = False
) -> list[Question]:
    """Everything to ask of some stages: decision cases first, then recordings.

    Parameters
    ----------
    stages : of `known_stages`
    heard : whether stages that read audio are asked; the clip is made or fetched then

    Raises
    ------
    InputError : a snapshot cannot be read, or a clip cannot be had
    """
    wanted = set(stages)
    found = [_of_case(case) for case in cases if case.stage in wanted]
    for fixture in fixtures:
        found += _of_recording(fixture, wanted, heard)
    return found


@cache
def _graph(settings: Parameters) -> Pipeline:
    return community1_pipeline(without_networks(), settings)


def _of_case(case: DecisionCase) -> Question:
    settings = Parameters(**case.parameters)
    if case.stage == POWERSET:
        stage = Stage(POWERSET, tuple(case.inputs), tuple(case.expected), never_run)
    else:
        native = _graph(settings)[case.stage]
        writes = native.writes if case.expected else ()
        stage = Stage(native.name, native.reads, writes, native.run)
    judged = partial(_verdict_on_case, case)
    return Question(case.id, stage, case.about, case.inputs, settings, URI, case.expected, judged, case)


def judged_as(question: Question, case: DecisionCase) -> Question:
    """The question with a case's answer expected instead of its own."""
    stage, judged = question.stage, partial(_verdict_on_case, case)
    if question.case is None:
        return replace(question, expected=case.expected, judged=judged)
    stage = Stage(stage.name, stage.reads, tuple(case.expected), stage.run)
    return replace(question, stage=stage, expected=case.expected, judged=judged, case=case)


def _verdict_on_case(case: DecisionCase, made: Artefacts) -> Verdict:
    decided = judge(case, made)
    return decided.drifts, decided.problem


def _verdict_on_recording(stage: Stage, pipeline: Pipeline, snapshot: Snapshot, made: Artefacts) -> Verdict:
    missing = [name for name in stage.writes if name in snapshot.values and made.get(name) is None]
    problem = f"wrote no {', '.join(missing)}" if missing else ""
    return tuple(compare_alone(stage, pipeline, made, snapshot)), problem


def _of_recording(fixture: Fixture, wanted: set[str], heard: bool) -> Iterator[Question]:
    inputs: Mapping[str, Any] = {}
    snapshot = read_snapshot(fixture.snapshot_folder)
    if heard:
        from parity.fixtures.heard import with_heard
        from parity.fixtures.prepare import load_inputs

        inputs = load_inputs(fixture.clip())
        snapshot = with_heard(snapshot, inputs)
    settings = Parameters(**fixture.speakers)
    pipeline = _graph(settings)
    reference = reference_artefacts(snapshot, inputs)
    for stage in pipeline:
        expected = {name: snapshot.values[name] for name in stage.writes if name in snapshot.values}
        if stage.name not in wanted or not expected or (HEARD & set(stage.reads) and not heard):
            continue
        if any(lacks(name, pipeline, reference) for name in set(stage.needs) - HEARD):
            continue
        yield Question(
            name=fixture.name,
            stage=stage,
            about=f"The reference's own inputs of {fixture.name}.",
            values={name: reference.get(name) for name in stage.reads},
            settings=settings,
            uri=fixture.name,
            expected=expected,
            judged=partial(_verdict_on_recording, stage, pipeline, snapshot),
        )
