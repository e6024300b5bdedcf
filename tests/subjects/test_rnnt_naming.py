"""RNN-T mistakes are named from what a stage makes of the reference's own steps; without them nothing is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from parity.report.calibration_naming import naming_document, passed
from parity.report.steps import diagnosed_lines, steps_document
from parity.subjects.rnnt import naming
from parity.subjects.rnnt.faults import FAULTS
from parity.subjects.rnnt.fixtures import FIXTURES
from parity.subjects.rnnt.named import calibrate_naming
from parity.subjects.rnnt.questions import bench_of, known_fault, planted, run_fixture

CROWDED = FIXTURES["crowded"]
OF_EACH_STAGE = ["one_bias", "frame_off_by_one", "blank_penalty", "one_symbol_more", "frames_off_by_one"]


@pytest.mark.parametrize("name", OF_EACH_STAGE)
def test_a_mistake_is_named_at_its_stage_and_unknown_when_it_is_taken_out(name, monkeypatch):
    fault = known_fault(name)
    result = run_fixture(CROWDED, implementation=planted(fault, CROWDED))
    (found,) = result.asked.diagnoses
    assert (found.stage, found.names, found.mistake.left.worst) == (fault.stage, (name,), 0.0)
    monkeypatch.setattr(naming, "FAULTS", [other for other in FAULTS if other.name != name])
    (without,) = run_fixture(CROWDED, implementation=planted(fault, CROWDED)).asked.diagnoses
    assert without.mistake is None


def test_all_that_move_something_are_named_and_none_is_where_it_is_taken_out():
    document = naming_document(calibrate_naming([bench_of(FIXTURES["short_one_layer_34"])]), weights="", seconds=0.0)
    summary = document["summary"]
    assert summary["faults"] == len(FAULTS) and summary["moving"] == summary["named"] == summary["unknown_said"] > 10
    assert summary["wrong"] == 0 and passed(document)
    assert all(row["names"] == [] for row in document["trials"] if not row["moves"])


def test_the_report_says_it_and_names_no_kit_that_has_no_such_section():
    result = run_fixture(CROWDED, implementation=planted(known_fault("blank_penalty"), CROWDED))
    (row,) = steps_document([result], implementation="fault blank_penalty")["fixtures"]
    said = "\n".join(diagnosed_lines(row))
    assert "Choose: the blank's score lowered by 1 before the best is taken (blank_penalty); leaves nothing" in said
    assert "Mend: Your choose does this" in said and "of a kit" not in said


def test_what_is_at_parity_is_not_looked_up_and_what_is_kept_in_part_says_so():
    parity = run_fixture(FIXTURES["single"])
    assert parity.asked.diagnoses == () and parity.asked.why_not == ""
    drifted = replace(parity.replay, tokens=3, problems=("tokens",))
    asked = naming.ask_of_steps(drifted, None, None, {}, None)
    assert asked.diagnoses == () and "own inputs" in asked.why_not
