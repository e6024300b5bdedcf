"""The page of mistakes made in public: every row is a known fault of that stage, or says why it is none."""

from __future__ import annotations

import re

import pytest
from support import ROOT

from parity.faults.known import FAULTS

PAGE = (ROOT / "docs" / "explanation" / "mistakes.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("|") and not line.startswith(("| what", "|---"))
]
STAGE_OF = {fault.name: fault.stage for fault in FAULTS}


def test_there_are_as_many_rows_as_were_read():
    assert len(ROWS) == 33 and all(len(row) == 4 for row in ROWS)


@pytest.mark.parametrize(("what", "stage", "known", "seen"), ROWS)
def test_a_mistake_is_a_fault_of_its_stage_or_says_that_it_is_none(what, stage, known, seen):
    names = re.findall(r"`(\w+)`", known)
    assert known.startswith("none: ") if not names else {STAGE_OF[name] for name in names} == {stage}
    assert what and seen


def test_what_is_none_has_its_reason_and_other_faults_that_the_page_names_exist():
    reasons = PAGE.split("## What is none")[1]
    assert reasons.count("\n**") == 3
    assert set(re.findall(r"`([a-z]\w*_\w+)`", reasons)) <= set(STAGE_OF)
