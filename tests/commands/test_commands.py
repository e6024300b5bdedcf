"""The commands that ask the lab a question, in processes of their own: what they print, write, and how they end."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from support import ROOT
from support.command_line import only_error, parity
from support.schemas import valid

from parity.fixtures.catalogue import default_folder

SILENT = "13_no_speech"  # a second of work
SHORT = "14_partial_tail"


@pytest.mark.models
def test_explain_on_a_fixture_at_parity_names_nothing_and_exits_0(tmp_path):
    done = parity("explain", SILENT, "--json", tmp_path / "found.json")
    assert done.returncode == 0, done.stderr
    assert "All is within tolerance." in done.stdout
    found = valid(tmp_path / "found.json", "explain_schema.json")
    assert found["named"] == [] and not found["answer_changed"]
    chunks = len(np.load(default_folder() / SILENT / "segmentations.npz")["segmentations"])
    assert found["network_runs"] == {"segmentation": chunks}


@pytest.mark.models
def test_explain_names_a_planted_fault_its_elements_and_writes_a_case_that_reproduces(tmp_path):
    case = tmp_path / "case.json"
    done = parity("explain", SHORT, "--fault", "count_half_up", "--write-case", case)
    assert done.returncode == 1, done.stderr
    assert "Drift is born in speaker_counting (count:" in done.stdout
    assert "speaker_counting decides" in done.stdout
    assert "restore the answer (none can be left out" in done.stdout
    again = parity("case", case)
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("reproduced: ")
    mended = json.loads(case.read_text())
    for row in mended["rows"]:
        row["candidate"] = row["reference"]
    case.write_text(json.dumps(mended))
    assert parity("case", case).returncode == 1


@pytest.mark.models
def test_arrays_of_a_port_are_compared_and_a_fixture_without_any_is_an_error_of_its_own(tmp_path):
    (tmp_path / SILENT).mkdir()
    shutil.copy(default_folder() / SILENT / "segmentations.npz", tmp_path / SILENT)
    report = tmp_path / "report.json"
    done = parity("run", "--arrays", tmp_path, "--fixture", SILENT, "--fixture", SHORT, "--no-html", "--json", report)
    assert done.returncode == 2
    first, second = valid(report, "schema.json")["fixtures"]
    assert first["status"] == "limited coverage" and first["lacking"] == ["diarization"]  # nobody speaks: no frames
    assert first["supplied"] == ["segmentations"]
    assert second["status"] == "error" and SHORT in second["error"] and "not a folder" in second["error"]


@pytest.mark.models
def test_arrays_that_are_too_short_are_drift_in_every_command_with_the_formula_of_their_length(tmp_path):
    folder = tmp_path / SILENT
    folder.mkdir()
    np.save(folder / "count.npy", np.zeros((100, 1), np.uint8))
    (folder / "diarization.rttm").write_text("")
    asked = (("compare", default_folder() / SILENT, folder), ("run", SILENT, "--arrays", folder, "--no-html", "--json",
             tmp_path / "report.json"), ("explain", SILENT, "--arrays", folder))  # fmt: skip
    for command in asked:
        done = parity(*command)
        assert done.returncode == 1, done.stdout + done.stderr
        first = done.stdout.splitlines()[0]
        assert first.startswith("DRIFT. ") and "First to drift: count" in first
        assert "and agrees where they overlap; 100 frames for" in first and "frames = round((10 + chunks - 1)" in first
        assert first.endswith("Formula: kit, stage 3.")


@pytest.mark.models
def test_run_and_explain_take_deviations_and_say_what_they_cost(tmp_path):
    (tmp_path / "mine.toml").write_text("chunk_step = 2\n")
    report = tmp_path / "report.json"
    done = parity("run", SILENT, "--deviations", tmp_path / "mine.toml", "--no-html", "--json", report)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("PARITY, GIVEN WHAT YOU DECLARED. 1 of 1 fixtures at parity.")
    assert "changes nothing in the answer here: DER 0 against the reference" in done.stdout.splitlines()[0]
    (found,) = json.loads(report.read_text())["fixtures"]
    assert found["declaration"]["network_chunks"]["segmentation"] > 0 and found["status"].startswith("parity, given")
    done = parity("explain", SILENT, "--deviations", tmp_path / "mine.toml", "--json", tmp_path / "found.json")
    assert done.returncode == 0 and done.stdout.startswith("PARITY, GIVEN WHAT YOU DECLARED.")
    assert json.loads((tmp_path / "found.json").read_text())["verdict"] == "parity, given what you declared"


@pytest.mark.models
def test_calibrate_prints_the_tables_and_writes_the_report(tmp_path):
    report = tmp_path / "calibration.json"
    done = parity(
        "calibrate", "--fixture", SILENT, "--only", "count_ceiling", "--only", "fbank_floor", "--json", report
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 faults: 1 move something, 1 of them detected, 1 named rightly" in done.stdout
    found = valid(report, "calibration_schema.json")
    assert [row["name"] for row in found["faults"]] == ["count_ceiling", "fbank_floor"]
    assert found["faults"][0]["named"] == "speaker_counting"
    assert found["summary"]["false_alarms"] == 0


@pytest.mark.models
def test_margins_in_units_of_a_runs_drift_put_the_one_that_would_break_first_on_top(tmp_path):
    report = tmp_path / "report.json"
    assert parity("run", "--fixture", SILENT, "--no-html", "--json", report).returncode == 0
    done = parity("margins", "--report", report, "--fixture", SILENT)
    assert done.returncode == 0, done.stderr
    assert SILENT in done.stdout and "segmentation" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("explain", "nobody"), "'nobody'"),
        (("explain", SILENT, "--fault", "xyzzy"), "--fault xyzzy: unknown; there are (docs/symptoms.md"),
        (
            ("explain", SILENT, "--fault", "hysteresis", "--implementation", "a:b"),
            "--implementation cannot be given",
        ),
        (("explain", SILENT, "--write-case", "case.json", "--budget", 0), "--budget 0 leaves out"),
        (("explain", SILENT, "--arrays", "nowhere"), "--arrays nowhere: not a folder"),
        (("explain", SILENT, "--layers", "nowhere.npz"), "nowhere.npz"),
        (("run", "--arrays", "nowhere"), "--arrays nowhere: not a folder"),
        (("case", "nowhere.json"), "nowhere.json: cannot be read as a case"),
        (("calibrate", "--faults", "no_such_module"), "--faults no_such_module: cannot be loaded"),
        (("calibrate", "--only", "nothing"), "--only nothing: no such fault"),
        (("margins", "--report", "nowhere.json"), "nowhere.json: cannot be read as a report"),
    ],
)
@pytest.mark.models
def test_bad_input_is_one_line_and_leaves_nothing(in_an_empty_folder, arguments, words):
    assert words in only_error(parity(*arguments))
    assert list(in_an_empty_folder.iterdir()) == []


@pytest.mark.models
def test_where_there_is_no_case_to_write_the_explanation_stands_and_the_reason_is_said(tmp_path):
    done = parity("explain", SILENT, "--write-case", tmp_path / "case.json")
    assert done.returncode == 0 and "All is within tolerance." in done.stdout
    assert "no case written: " in done.stderr and "no set of elements brings a failure about" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.models
def test_arrays_of_one_fixture_are_that_fixtures_in_run_and_explain_alike(tmp_path):
    arrays = tmp_path / "port"
    (arrays / SILENT).mkdir(parents=True)
    shutil.copy(default_folder() / SILENT / "segmentations.npz", arrays / SILENT)
    report = tmp_path / "report.json"
    for folder in (arrays, arrays / SILENT):
        run = ("run", SILENT, "--arrays", folder, "--require", "segmentations", "--no-html", "--json", report)
        assert parity(*run).returncode == 0
        assert parity("explain", SILENT, "--arrays", folder, "--require", "segmentations").returncode == 0
    several = parity("run", SILENT, SHORT, "--arrays", arrays / SILENT, "--json", report)
    assert "holds one recording's arrays; name its fixture" in only_error(several)


def test_a_refused_run_leaves_no_folder_of_reports(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    only_error(parity("run", "nobody"))
    only_error(parity("run", SILENT, "--implementation", "nowhere:x"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", [".", "/"])
def test_a_folder_to_diarize_is_said_to_be_one(folder):
    assert f"{folder}: is a folder, expected an audio file" in only_error(parity("diarize", folder))
