"""The judge can fail: a right program passes, and each that is wrong in one way fails by name."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.schemas import valid

from parity.ports.check import control_program
from parity.ports.check.controls import CONTROLS, Control, run_controls
from parity.report.check import controls_data, controls_headline


@pytest.fixture(scope="module")
def controls():
    return {control.name: control for control in run_controls()}


def test_the_echo_passes(controls):
    echo = controls["echo"]
    assert echo.has_to_pass and echo.works and len(echo.checked.answers) > 200
    assert [(a.question.name, a.problem) for a in echo.checked.wrong] == []


@pytest.mark.parametrize("name", [name for name in CONTROLS if name != "echo"])
def test_every_wrong_program_fails_by_name(controls, name):
    found = controls[name]
    assert found.works and not found.has_to_pass and found.checked.wrong
    stages = {answer.question.stage.name for answer in found.checked.wrong}
    assert stages & {"centroids", "vbx", "scoring", "xvec"}  # numbers too, not only decisions


def test_half_precision_is_seen_in_numbers_only(controls):
    stages = {answer.question.stage.name for answer in controls["float16"].checked.wrong}
    assert not stages & {"speaker_counting", "masks", "filter", "assignment", "reconstruction", "annotation"}


def test_silence_is_right_only_where_nothing_is_to_be_written(controls):
    right = [answer for answer in controls["silent"].checked.answers if answer.right]
    assert right and all(not answer.question.expected for answer in right)


def test_the_verdict_says_which_control_the_judge_got_wrong(controls):
    assert controls_headline(controls.values()).startswith("PASS. The judge passes echo and fails permuted, float16")
    silent = controls["silent"]
    deaf = Control(silent.name, silent.about, True, silent.checked)
    assert "silent was failed" in controls_headline([controls["echo"], deaf])
    data = valid(controls_data(controls.values()), "check_schema.json")["controls"]
    assert [entry["name"] for entry in data] == list(CONTROLS) and all(entry["works"] for entry in data)


def test_permuting_and_rounding_do_what_they_say(tmp_path):
    source, target = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(source, np.array([[1.0001, 2.0], [3.0, 4.0]]))
    control_program.permuted(source, target)
    assert np.load(target).tolist() == [[3.0, 4.0], [1.0001, 2.0]]
    control_program.rounded(source, target)
    assert np.load(target).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    lines = tmp_path / "a.rttm"
    lines.write_text("one\ntwo\nthree\n")
    control_program.permuted(lines, tmp_path / "b.rttm")
    assert (tmp_path / "b.rttm").read_text() == "two\none\nthree\n"


def test_a_request_is_known_by_its_stage_and_its_files(tmp_path):
    (tmp_path / "x.npy").write_bytes(b"1")
    first = control_program.key_of("ahc", tmp_path)
    assert control_program.key_of("xvec", tmp_path) != first
    (tmp_path / "parameters.json").write_text(json.dumps({}))
    assert control_program.key_of("ahc", tmp_path) != first
