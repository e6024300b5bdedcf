"""Asked again, pyannote.audio's own functions give the decision cases that are kept; needs the capture environment."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from support import ROOT

from parity.fixtures.decisions import decisions_folder, read_kind

pytestmark = pytest.mark.torch


def test_asking_the_reference_again_gives_the_same_cases():
    pytest.importorskip("pyannote.audio")
    command = [sys.executable, "-m", "capture.decisions", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_case_that_changed_is_named_with_what_is_another_in_it():
    from capture.decisions.command import changes

    folder = decisions_folder() / "clean_mask"
    first, second, *rest = read_kind(folder)
    assert changes(folder, [first, second, *rest]) == []
    other = replace(first, expected={"masks": 1 - first.expected["masks"]})
    assert changes(folder, [other, second, *rest]) == [f"{first.name}: answer masks is another"]
    other = replace(first, about="Another sentence.")
    assert "its sentence" in changes(folder, [other, second, *rest])[0]
    assert changes(folder, [first, *rest]) == [f"{second.name}: is no longer there"]
    assert changes(folder, [first, second, replace(second, name="more"), *rest]) == ["more: is new"]


def test_a_text_that_changed_is_another_answer():
    from capture.decisions.command import changes

    folder = decisions_folder() / "turns"
    first, *rest = read_kind(folder)
    other = replace(first, expected={**first.expected, "diarization": ""})
    assert changes(folder, [other, *rest]) == [f"{first.name}: answer diarization is another"]
