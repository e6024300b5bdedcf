"""`--implementation exec:…` on the command line, on real fixtures: reports, exit statuses, a line for each failure."""

from __future__ import annotations

import json
import sys

import pytest
from support import ROOT
from support.command_line import only_error, parity

PORT = f"exec:{sys.executable} {ROOT / 'tests/support/port_program.py'}"
SILENT, SHORT = "13_no_speech", "14_partial_tail"

pytestmark = pytest.mark.models


def test_a_program_that_fails_on_one_fixture_is_named_there_and_the_other_fixtures_run(tmp_path):
    command = f"{PORT} --stages speaker_counting,filter,assignment,reconstruction,annotation --dies-on {SILENT}"
    path = tmp_path / "parity.json"
    done = parity("run", SILENT, SHORT, "--implementation", command, "--json", path, environment={"COLUMNS": "80"})
    assert done.returncode == 1 and "Traceback" not in done.stderr + done.stdout
    # The stage behind it reads nothing where nobody speaks, so that it can be asked alone.
    for stage in ("speaker_counting", "annotation"):
        words = f"stage {stage} raised Exited: exit status 3 before it answered (its log ends: no memory for {stage})"
        assert f"\n{SILENT}: {words}" in done.stdout
    silent, short = json.loads(path.read_text())["fixtures"]
    assert (silent["status"], short["status"]) == ("raises", "parity")
    assert silent["program"]["remarks"][0].endswith("its server was restarted once")
    assert f"{SILENT}: {silent['program']['remarks'][0]}" in done.stdout
    stages = {row["stage"]: row for row in short["program"]["stages"]}
    assert set(stages) == {"speaker_counting", "filter", "assignment", "reconstruction", "annotation"}
    assert all(row["calls"] >= 1 and row["seconds"] > 0 for row in stages.values())
    assert "what the program's stages cost" in done.stdout and "peak memory" in done.stdout
    assert "speaker_counting" in path.with_suffix(".md").read_text()
    shown = parity("margins", "--report", path)
    assert shown.returncode == 0 and SHORT in shown.stdout
    assert "What the program took" in (tmp_path / "index.html").read_text()


def test_a_program_that_only_runs_is_judged_by_what_it_leaves(tmp_path):
    script = tmp_path / "whole.py"
    script.write_text(
        "import json, pathlib, sys\n"
        "if sys.argv[1] == 'describe':\n"
        "    print(json.dumps({'protocol': 1, 'name': 'w', 'version': '1', 'stages': [], 'run': True}))\n"
        "elif pathlib.Path(sys.argv[2]).read_bytes()[:4] == b'RIFF':\n"
        "    pathlib.Path(sys.argv[3], 'diarization.rttm').write_text('')\n"
    )
    path = tmp_path / "parity.json"
    command = f"exec:{sys.executable} -S {script}"
    done = parity("run", SILENT, "--implementation", command, "--json", path, "--no-html")
    (row,) = json.loads(path.read_text())["fixtures"]
    assert done.returncode == 0 and row["supplied"] == ["diarization"] and row["status"] == "parity", row


def test_a_program_that_is_none_ends_before_any_work(tmp_path):
    done = parity("run", SILENT, "--implementation", "exec:./no_port", "--json", tmp_path / "parity.json")
    assert only_error(done).startswith("error: --implementation exec:./no_port: cannot be run (no such program")
    assert list(tmp_path.iterdir()) == []
