"""`parity layers` and `parity verification` in processes of their own: what they print, write, and how they end."""

from __future__ import annotations

import shutil

import pytest
from support import ROOT
from support.command_line import only_error, parity
from support.schemas import valid

from parity.fixtures.catalogue import default_folder
from parity.fixtures.snapshot import LAYERS
from parity.layers.reference import PROVEN

SILENT = "13_no_speech"  # one chunk

OVER_FREQUENCY = """
import numpy as np
from parity.networks.wespeaker.onnx_runtime import OnnxEmbedding


class Network(OnnxEmbedding):
    def run_head(self, features, weights, layers):
        made = super().run_head(features, weights, layers)
        image = features.reshape(len(features), 256, 10, -1)
        pooled = {"mean": image.mean(axis=2), "std": image.std(axis=2, ddof=1)}
        return made[0], {name: pooled[name][:, None] for name in layers}
"""


@pytest.mark.models
def test_layers_of_a_fixture_are_within_and_written(tmp_path):
    report = tmp_path / "layers.json"
    done = parity("layers", SILENT, "--json", report)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Every layer is within tolerance: {SILENT}." in done.stdout
    (found,) = valid(report, "layers_schema.json")["fixtures"]
    assert (found["chunks"], found["sampled"], found["first_out"]) == ([0], True, None)
    assert [layer["layer"] for layer in found["layers"]] == list(PROVEN)
    assert all(layer["within"] for layer in found["layers"])
    assert found["layers"][0]["shape"] == [32, 80, 998]


@pytest.mark.models
def test_a_network_that_pools_over_frequency_exits_1_and_is_told_so(tmp_path):
    (tmp_path / "mine.py").write_text(OVER_FREQUENCY)
    paths = {"PYTHONPATH": f"{ROOT}:{tmp_path}"}
    done = parity("layers", SILENT, "--implementation", "mine:Network", environment=paths)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{SILENT}: the first layer out of tolerance is mean: of another shape" in done.stdout
    assert "pooling mean looks pooled over mel bins (frequency) instead of frames (time)" in done.stdout


@pytest.mark.models
def test_a_snapshot_without_layers_says_how_to_record_them(tmp_path):
    shutil.copytree(default_folder() / SILENT, tmp_path / SILENT)
    (tmp_path / SILENT / LAYERS).unlink()
    said = only_error(parity("layers", SILENT, "--snapshots", tmp_path))
    assert "has no layers.npz" in said and f"nox -s capture -- --layer-samples --fixture {SILENT}" in said


@pytest.mark.models
def test_verification_counts_every_pair_of_the_sample_and_says_the_rate(tmp_path):
    report = tmp_path / "verification.json"
    done = parity("verification", "--fixture", "02_pyannote_sample", "--json", report)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 windows of 2 s, one voice each: 2 speakers of 1 excerpt" in done.stdout
    found = valid(report, "verification_schema.json")
    (row,) = found["runtimes"]
    assert (row["same"]["pairs"], row["different"]["pairs"]) == (1 + 6, 2 * 4)
    assert row["same"]["mean"] > row["different"]["mean"]
    assert 0 <= row["equal_error_rate"] < 0.5 and found["equal"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("layers", "nobody"), "'nobody'"),
        (("layers", "--layers", "x.npz"), "--layers x.npz: holds one fixture's layers; name that fixture, not 14"),
        (("layers", SILENT, "--layers", "x.npz"), "x.npz: cannot be read as a file of layers"),
        (("layers", SILENT, "--runtime", "jax"), "--runtime jax: unknown; known: onnx"),
        (("layers", SILENT, "--implementation", "nowhere:x"), "--implementation nowhere:x: cannot be loaded"),
        (("layers", SILENT, "--snapshots", "nowhere"), "not a snapshot"),
        (("verification", "--runtime", "onnx", "--runtime", "onnx"), "--runtime onnx, onnx: each once"),
        (("verification", "--fixture", "07_monologue"), "0 windows of 0 speakers"),
    ],
)
@pytest.mark.models
def test_bad_input_is_one_line_and_leaves_nothing(in_an_empty_folder, arguments, words):
    assert words in only_error(parity(*arguments))
    assert list(in_an_empty_folder.iterdir()) == []


def test_layers_of_a_program_are_not_to_be_had_and_it_says_why():
    done = parity("layers", SILENT, "--implementation", "exec:./my_port")
    assert "a program shows what its stages write, and no layer inside one" in only_error(done)
