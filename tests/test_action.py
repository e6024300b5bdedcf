"""The GitHub action: its shell lines are run here as they stand, its expressions checked against what it declares."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from support import ROOT

from parity.fixtures.snapshot import read_snapshot

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step.get("id", step.get("name")): step for step in ACTION["runs"]["steps"]}
GATE = STEPS["gate"]
EXPRESSION = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")
FIXTURE = "14_partial_tail"


def step(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The step that gates, with the action's inputs as a runner hands them over."""
    given = {name: entry["default"] for name, entry in ACTION["inputs"].items()} | inputs
    values = {name: EXPRESSION.sub(lambda found: given[found[1]], text) for name, text in GATE["env"].items()}
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        values[name] = str(folder / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", GATE["run"]],
        cwd=folder,
        env={**os.environ, "PATH": path, **values},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def port(tmp_path):
    """A port's repository with one dump, wrong in two embeddings and right in its answer."""
    values, folder = read_snapshot(ROOT / "fixtures" / FIXTURE).values, tmp_path / "my dumps" / FIXTURE
    folder.mkdir(parents=True)
    wrong = values["embeddings"].copy()
    wrong[0, 0, :2] += 1e-3
    np.save(folder / "embeddings.npy", wrong)
    (folder / "diarization.rttm").write_text(values["diarization"], encoding="utf-8")
    return tmp_path


def test_a_port_is_red_then_held_by_its_baseline_then_red_again(port):
    given = {"dumps": "my dumps", "fixtures": "14", "report": "out"}
    done = step(port, **given)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"::error file=my dumps,title={FIXTURE}%2C stage embeddings::embeddings: 1.0e-03" in done.stdout
    assert (port / "GITHUB_OUTPUT").read_text() == "report=out/parity.json\nverdict=drift\n"
    assert FIXTURE in (port / "GITHUB_STEP_SUMMARY").read_text() and (port / "out" / "junit.xml").is_file()
    shutil.copy(port / "out" / "parity.json", port / "baseline.json")
    held = step(port, **given, baseline="baseline.json")
    assert held.returncode == 0 and held.stdout.startswith("HELD."), held.stdout + held.stderr
    np.save(port / "my dumps" / FIXTURE / "embeddings.npy", np.zeros((12, 3, 256), np.float32))
    worse = step(port, **given, baseline="baseline.json")
    assert worse.returncode == 1 and "NOT HELD." in worse.stdout
    report = json.loads((port / "out" / "parity.json").read_text())
    assert report["gate"]["held"] is False and report["gate"]["baseline"] == "baseline.json"


@pytest.mark.parametrize("given", [{}, {"dumps": "a", "program": "b"}])
def test_nothing_to_judge_or_two_things_are_said(tmp_path, given):
    done = step(tmp_path, **given)
    assert done.returncode == 2 and done.stdout.startswith("::error::")


def test_a_program_is_driven_stage_by_stage(tmp_path):
    done = step(tmp_path, program="./none --flags", fixtures="14")
    assert done.returncode == 2 and "none" in done.stderr, done.stdout + done.stderr


def test_inputs_reach_the_shell_as_variables_and_nothing_is_left_over():
    used = set()
    for one in ACTION["runs"]["steps"]:
        assert "${{" not in one.get("run", "")  # else whoever names a branch writes the shell's lines
        used |= set(re.findall(r"inputs\.([\w-]+)", json.dumps(one)))
    assert used == set(ACTION["inputs"])
    assert all(entry["description"] for entry in (*ACTION["inputs"].values(), *ACTION["outputs"].values()))


def test_the_container_takes_this_tree():
    lines = (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines()
    assert 'ENTRYPOINT ["parity"]' in lines and any(line.startswith("USER ") for line in lines)
