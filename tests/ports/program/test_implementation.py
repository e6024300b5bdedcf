"""`exec:PROGRAM` as an implementation: replayed and explained as the same functions in Python are."""

from __future__ import annotations

import dataclasses
import sys

import pytest
from support import ROOT
from support.mistakes import greedy_assignment, rounded_half_up, two_swapped
from support.synthetic import automatic, captured, inputs, networks, synthetic

from parity.community1 import Parameters, community1_pipeline
from parity.errors import InputError
from parity.explain.localise import Question, explain
from parity.explain.memo import Memo
from parity.fixtures.catalogue import Fixture
from parity.fixtures.prepare import Prepared
from parity.measure.verdicts import DECLARED
from parity.ports.arrays import supplied_by
from parity.ports.python import Implementation, load_implementation
from parity.replay.engine import CASCADED, ISOLATED, replay

PORT = f"exec:{sys.executable} {ROOT / 'tests/support/port_program.py'}"
MISTAKES = {
    "greedy": {"assignment": greedy_assignment},
    "half-up": {"speaker_counting": rounded_half_up},
    "swapped": {"assignment": two_swapped},
}

pytestmark = pytest.mark.usefixtures("one_blas_thread")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return captured(automatic(), tmp_path_factory.mktemp("automatic") / "one")


def test_a_program_is_replayed_isolated_and_cascaded(reference):
    with load_implementation(PORT) as under_test:
        outcome = replay(under_test(synthetic()), reference, inputs())
        costs = under_test.program.settle().costs
    assert outcome.at_parity, outcome.problems
    compared = {(drift.stage, drift.mode) for drift in outcome.drifts}
    assert {(stage, mode) for stage in costs for mode in (ISOLATED, CASCADED)} <= compared
    # What a stage reads in the cascade is what the reference's stage reads, to the last bit: it is asked once. Of the
    # waveforms three chunks were recorded, with gaps between them: three ranges beside the whole.
    assert {stage: cost.calls for stage, cost in costs.items()} == dict.fromkeys(costs, 1) | {"fbank": 4}


def explained(reference, change: Implementation):
    memo = Memo()
    native = memo.pipeline(community1_pipeline(memo.networks(networks()), Parameters()))
    candidate = memo.pipeline(change(native))
    found = explain(Question("clip", "mine", native, candidate, reference, inputs(), memo, budget=60)).explanation
    return dataclasses.replace(found, seconds=0.0)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_explained_as_the_same_one_in_python(reference, mistake):
    in_python = explained(reference, Implementation("mine", lambda native: _with(native, MISTAKES[mistake])))
    with load_implementation(f"{PORT} --fault {mistake}") as under_test:
        in_program = explained(reference, under_test)
    assert in_program == in_python
    assert mistake != "swapped" or (in_program.decisive == "assignment" and in_program.elements.chosen)


def _with(native, stages):
    for name, run in stages.items():
        native = native.replacing(name, run)
    return native


@pytest.mark.parametrize(
    "spec, words",
    [
        ("exec:", "names no program"),
        ("exec:'./my_port", "no command (No closing quotation)"),
        ("exec:./no-such-port --flag", "cannot be run (no such program"),
        (f"{PORT} --stages assignment,clusterin", "unknown stages clusterin"),
        (f"{PORT} --no-such-flag", "describe: exit status 2"),
    ],
)
def test_a_program_that_cannot_be_used_is_refused_in_one_line(spec, words):
    with pytest.raises(InputError) as refused:
        load_implementation(spec)
    said = str(refused.value)
    assert said.startswith(f"--implementation {spec.split(' --')[0]}") and words in said and "\n" not in said


# what it declares


def prepared(reference) -> Prepared:
    fixture = Fixture("clip", "file", "made here", "0" * 64, reference.folder)
    return Prepared(fixture, Parameters(), reference, inputs())


def test_a_program_is_measured_with_what_it_declares(reference):
    declares = {"min_duration_off": 5.0}
    with load_implementation(f"{PORT} --declares min_duration_off=5.0") as under_test:
        assert under_test.program.description.declares == declares
        supplied = supplied_by(prepared(reference), networks(), under_test)
        ready, declaration = supplied.ready, supplied.declaration
        native = community1_pipeline(networks(), ready.parameters)
        outcome = replay(under_test(native), ready.snapshot, inputs())
        plain = replay(Implementation("x", lambda p: under_test(native))(synthetic()), reference, inputs())
    assert declaration.declared == declares and declaration.instead == {"min_duration_off": 0.0}
    assert declaration.artefacts == ("diarization", "exclusive_diarization") and declaration.cost.score.der > 0
    assert outcome.at_parity and supplied.verdict(outcome) == DECLARED
    assert not plain.at_parity


@pytest.mark.parametrize(
    "said, words", [("fa=-1", "declares: fa = -1"), ("fatigue=1", "is nothing that can be declared")]
)
def test_a_declaration_that_may_not_be_is_refused_before_anything_runs(said, words):
    with pytest.raises(InputError) as refused:
        load_implementation(f"{PORT} --declares {said}")
    assert words in str(refused.value) and str(refused.value).startswith("--implementation exec:")


def test_a_time_limit_is_a_programs():
    with pytest.raises(InputError, match="--stage-timeout 5: is a program's, and --implementation native is none"):
        load_implementation("native", stage_timeout=5)
