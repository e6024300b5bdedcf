"""A port that says what it does otherwise is asked with that: no drift is said of what it declared."""

from __future__ import annotations

import sys

import pytest
from support import ROOT

from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import without_networks
from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.decisions import read_decisions
from parity.pipeline.stage import Pipeline
from parity.ports.check import Question, check, questions
from parity.ports.check.answers import PythonPort
from parity.ports.check.declared import with_what_is_declared
from parity.ports.check.questions import known_stages
from parity.ports.python import Implementation
from parity.report.check import check_data, headline, remarks

PORT = f"{sys.executable} {ROOT / 'tests/support/port_program.py'}"
CHANGES = [
    ({"count_threshold": 0.9}, "speaker_counting"),
    ({"exclude_overlap": False}, "masks"),
    ({"min_active_ratio": 0.6}, "filter"),
    ({"threshold": 1.2}, "ahc"),
    ({"fa": 0.3, "max_iterations": 3}, "vbx"),
    ({"survival": 0.3}, "centroids"),
    ({"max_speakers": 1}, "reconstruction"),
    ({"min_duration_off": 5.0}, "annotation"),
]


@pytest.fixture(scope="module")
def asked() -> list[Question]:
    fixtures = Catalogue.read(default_folder()).select(["14_partial_tail", "08_known_count"])
    return questions(known_stages(), read_decisions(), fixtures)


def of(asked: list[Question], stage: str) -> list[Question]:
    return [question for question in asked if question.stage.name == stage]


def hard_coded(declared: dict) -> PythonPort:
    """The native stages with values of their own, whatever a question's settings are."""

    def own(native: Pipeline) -> Pipeline:
        return community1_pipeline(without_networks(), Parameters(**{**native.settings, **declared}))

    return PythonPort(Implementation("own", own))


@pytest.mark.parametrize("declared, stage", CHANGES)
def test_what_is_declared_is_expected_of_its_stage_and_wrong_of_one_that_declares_nothing(asked, declared, stage):
    port = hard_coded(declared)
    plain = of(asked, stage)
    put = [changed for question in plain if (changed := with_what_is_declared(question, declared)) is not None]
    assert any(changed.declared for changed in put)  # a case may have the declared value itself
    assert {answer.question.name for changed in put if not (answer := port.answer(changed)).right} == set()
    may_be_put = [question for question in plain if with_what_is_declared(question, declared) is not None]
    assert not all(port.answer(question).right for question in may_be_put)


def test_a_stage_that_a_declared_value_does_not_change_keeps_the_references_answer(asked):
    for question in of(asked, "assignment") + of(asked, "xvec"):
        put = with_what_is_declared(question, {"threshold": 1.2})
        assert put.declared == () and put.expected is question.expected and put.parameters["threshold"] == 1.2


def test_what_the_reference_has_too_changes_nothing(asked):
    question = of(asked, "ahc")[0]
    assert with_what_is_declared(question, {"threshold": question.settings.threshold}).expected is question.expected


def test_bounds_that_contradict_a_question_and_stages_with_weights_cannot_be_told(asked):
    forced = [q for q in of(asked, "kmeans") if q.settings.num_speakers]
    least = [q for q in of(asked, "kmeans") if (q.settings.min_speakers or 0) > 1]
    assert forced and least and all(with_what_is_declared(q, {"max_speakers": 1}) is None for q in least)
    segmentation = Question("x", asked[0].stage, "", {}, Parameters(), "x", {}, asked[0].judged)
    stage = type(asked[0].stage)("segmentation", ("waveform",), ("segmentations",), None)
    segmentation = Question("x", stage, "", {}, Parameters(), "x", {}, segmentation.judged)
    assert with_what_is_declared(segmentation, {"chunk_step": 0.5}) is None


def test_a_program_that_declares_passes_and_the_report_says_what():
    found = check(f"{PORT} --stages annotation --declares min_duration_off=5.0")
    assert not found.wrong and found.changed == ()
    many = sum(bool(answer.question.declared) for answer in found.answers)
    assert f"{many} of them given what it declares: min_duration_off = 5 instead of 0" in headline(found)
    said = check_data(found)
    assert said["declared"] == {"min_duration_off": 5.0} and said["changed_by_what_is_declared"] == []
    assert sum(answer["declared"] == ["min_duration_off"] for answer in said["answers"]) == many > 20
    assert not any("declared" in line for line in remarks(found))


def test_a_declaration_that_may_not_be_is_refused():
    with pytest.raises(InputError, match="describe: declares: fa = -1"):
        check(f"{PORT} --stages annotation --declares fa=-1")
