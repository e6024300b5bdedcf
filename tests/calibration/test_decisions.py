"""What the decision cases catch of the planted faults, and the page that says so."""

from __future__ import annotations

import runpy

import pytest
from support import ROOT

from parity.calibration.decisions import catch, summary
from parity.faults.fault import Fault
from parity.faults.known import FAULTS
from parity.faults.known.planting import instead
from parity.fixtures.decisions import read_decisions

CASES = read_decisions()


@pytest.fixture(scope="module")
def caught():
    return catch(FAULTS, CASES)


def test_two_thirds_of_the_faults_that_touch_a_decision_are_caught_without_a_network(caught):
    total = summary(caught)
    assert total["faults"] >= 40
    assert 3 * total["caught"] >= 2 * total["faults"]


def test_a_fault_that_needs_weights_is_left_out(caught):
    assert "float16_segmentation_weights" not in {one.fault.name for one in caught}


def test_a_fault_that_changes_nothing_is_not_caught():
    harmless = Fault("harmless", "masks", "nothing", lambda native, workshop: native)
    (one,) = catch([harmless], CASES)
    assert one.cases == () and one.asked == sum(case.stage == "masks" for case in CASES)


def test_a_fault_of_a_stage_without_cases_is_not_asked():
    plant = lambda native, workshop: native.replacing("plda", instead(None)(None, workshop))  # noqa: E731
    assert catch([Fault("other", "plda", "another stage", plant)], CASES) == []


def test_the_page_of_decisions_is_what_the_cases_and_the_code_say(caught):
    made = runpy.run_path(str(ROOT / "docs" / "make_decisions.py"))
    text = made["PAGE"].read_text(encoding="utf-8")
    assert made["untimed"](text) == made["untimed"](made["page"](caught)), "run: python docs/make_decisions.py"
