"""Long commands cut short and gone on with: the report is that of a run that nobody disturbed, but for times."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from support import ROOT
from support.command_line import parity
from support.schemas import valid
from typer.testing import CliRunner

from parity.__main__ import app
from parity.fixtures.catalogue import default_folder
from parity.fixtures.snapshot import MANIFEST, STABILITY
from parity.fixtures.stability import Perturbed, Stability
from parity.layers import proof
from parity.margins import margin, perturb

SMALL = "14_partial_tail"
OWN = """
import time
from pathlib import Path

HERE = Path(__file__).parent


def change(native):
    plda = native["plda"].run

    def held(*inputs):
        if (HERE / "hold").exists() and (HERE / "run.progress.json").exists():
            (HERE / "holding").touch()
            time.sleep(60)
        return plda(*inputs)

    return native.replacing("plda", held)
"""


def invoke(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def without_times(found):
    if isinstance(found, dict):
        times = {"seconds", "stage_seconds", "replay_seconds"}
        return {key: without_times(value) for key, value in found.items() if key not in times}
    return [without_times(value) for value in found] if isinstance(found, list) else found


@pytest.fixture
def elsewhere(tmp_path):
    """Two captures without a clip: replayed from their tensors, no network runs."""
    for name in ("a", "b"):
        folder = tmp_path / "captures" / name
        shutil.copytree(default_folder() / SMALL, folder, ignore=shutil.ignore_patterns("noise.json", STABILITY))
        manifest = json.loads((folder / MANIFEST).read_text())
        (folder / MANIFEST).write_text(json.dumps(manifest | {"clip_sha256": "0" * 64}))
    return tmp_path / "captures"


@pytest.mark.models
def test_a_killed_run_goes_on_to_the_report_of_an_undisturbed_one(elsewhere, tmp_path, monkeypatch):
    (tmp_path / "held_port.py").write_text(OWN)
    (tmp_path / "hold").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    report = tmp_path / "run.json"
    arguments = ["run", "--snapshots", elsewhere, "--implementation", "held_port:change", "--no-html"]
    environment = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    words = [sys.executable, "-m", "parity", *arguments, "--json", report]
    with subprocess.Popen([*map(str, words)], env=os.environ | environment, stderr=subprocess.PIPE) as running:
        for _ in range(2400):
            if (tmp_path / "holding").exists() or running.poll() is not None:
                break
            time.sleep(0.05)
        assert running.poll() is None, running.stderr.read()
        running.send_signal(signal.SIGKILL)
    assert not report.exists()
    assert list(json.loads((tmp_path / "run.progress.json").read_text())["parts"]) == ["a"]

    (tmp_path / "hold").unlink()
    done = parity(*arguments, "--json", report, "--resume", environment=environment)
    assert done.returncode == 0, done.stderr
    assert "--resume: 1 of 1 taken" in done.stderr
    # In processes of their own: a second solution of the same equations in one process differs by some 1e-14.
    undisturbed = tmp_path / "other" / "run.json"
    assert parity(*arguments, "--json", undisturbed, environment=environment).returncode == 0
    first, second = (without_times(json.loads(path.read_text())) for path in (report, undisturbed))
    assert first == second and [row["name"] for row in first["fixtures"]] == ["a", "b"]
    other = invoke(*arguments, "--explain", "--json", report, "--resume")
    assert "it is of another run: explain was false, is true" in str(other.exception)


class Cut(Exception):
    """What ends a command after its first fixture."""


def cut_after_first(function):
    calls = []

    def called(*arguments, **options):
        calls.append(arguments)
        if len(calls) > 1:
            raise Cut
        return function(*arguments, **options)

    return called


def test_margins_cut_short_go_on(tmp_path, monkeypatch):
    report, whole = tmp_path / "margins.json", tmp_path / "whole.json"
    arguments = ["margins", "13", "14", "--json"]
    with monkeypatch.context() as patch:
        patch.setattr(margin, "margins", cut_after_first(margin.margins))
        assert isinstance(invoke(*arguments, report).exception, Cut)
    assert not report.exists()
    done = invoke(*arguments, report, "--resume")
    assert done.exit_code == 0 and "--resume: 1 of 1 taken" in done.stderr
    assert invoke(*arguments, whole).exit_code == 0
    assert valid(report, "margins_schema.json") == json.loads(whole.read_text())
    assert "--json FILE" in str(invoke("margins", "13", "--resume").exception)


def measured(fixture, weights, networks, *, draws, fbank):
    size = Perturbed(draws, perturb.SIZES, (0.0,) * 5 + (1.0,))
    return Stability(fixture.name, perturb.snapshot_sha256(fixture.snapshot_folder), 0, 64, None, size, size)


@pytest.mark.models
def test_stability_cut_short_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(perturb, "load_networks", lambda *_: None)
    for name in ("13_no_speech", SMALL):
        shutil.copytree(default_folder() / name, tmp_path / "fixtures" / name)
    shutil.copy(default_folder() / "catalogue.toml", tmp_path / "fixtures")
    monkeypatch.setenv("PARITY_FIXTURES", str(tmp_path / "fixtures"))
    report = tmp_path / "stability.json"
    arguments = ["stability", "13", "14", "--json", report]
    with monkeypatch.context() as patch:
        patch.setattr(perturb, "measure", cut_after_first(measured))
        assert isinstance(invoke(*arguments).exception, Cut)
    monkeypatch.setattr(perturb, "measure", measured)
    done = invoke(*arguments, "--resume")
    assert done.exit_code == 0 and "--resume: 1 of 1 taken" in done.stderr, done.output
    assert [row["name"] for row in valid(report, "stability_schema.json")["fixtures"]] == ["13_no_speech", SMALL]
    other = invoke(*arguments, "--draws", 3, "--resume")
    assert "it is of another run: draws was 20, is 3" in str(other.exception)


@pytest.mark.models
def test_layers_cut_short_go_on(tmp_path, monkeypatch):
    report = tmp_path / "layers.json"
    with monkeypatch.context() as patch:
        patch.setattr(proof, "prove", cut_after_first(proof.prove))
        assert isinstance(invoke("layers", "13", "14", "--json", report).exception, Cut)
    assert not report.exists()
    monkeypatch.setattr(proof, "prove", lambda *arguments: pytest.fail("it was proven"))
    done = invoke("layers", "13", "--json", report, "--resume")
    assert done.exit_code == 0, done.output
    assert "--resume: 1 of 1 taken" in done.stderr
    (row,) = json.loads(report.read_text())["fixtures"]
    assert row["name"] == "13_no_speech" and row["first_out"] is None
