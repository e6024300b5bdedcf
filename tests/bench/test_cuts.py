"""A trunk that is cut is the same trunk."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from support.random_arrays import random_wespeaker
from support.schemas import valid
from typer.testing import CliRunner

from bench import cuts
from parity.networks.wespeaker.architecture import BLOCKS
from parity.networks.wespeaker.ncnn_runtime import load_trunk


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return random_wespeaker(np.random.default_rng(3))


def test_wherever_it_is_cut_the_features_are_the_same(arrays):
    fbank = np.random.default_rng(1).standard_normal((1, 64, 80)).astype(np.float32)
    first, last = BLOCKS[0][0], BLOCKS[-2][0]
    found = {name: run(fbank) for name, run in cuts.trunks(arrays, (first, *cuts.CUTS, last)).items()}
    assert set(found) == {*cuts.ALONE, first, *cuts.CUTS, last}
    for features in found.values():
        np.testing.assert_allclose(features, found["onnx"], rtol=0, atol=1e-4 * np.abs(found["onnx"]).max())


def test_what_is_before_the_cut_is_not_computed_again(arrays):
    """Another front gives other features: ncnn starts from what it was given."""
    fbank = np.random.default_rng(1).standard_normal((1, 64, 80)).astype(np.float32)
    net = load_trunk(arrays)
    zeros = np.zeros((32, 80, 64), np.float32)
    assert np.abs(cuts._rest(net, "layer1.2.out", zeros) - cuts.trunks(arrays, ())["ncnn"](fbank)).max() > 0


def test_the_report_fits_its_schema(tmp_path, monkeypatch, arrays):
    monkeypatch.setattr(cuts, "load_weights", lambda name: SimpleNamespace(name=name, embedding=arrays))
    monkeypatch.setattr(cuts, "example_chunk", lambda: (np.ones((1, 64, 80), np.float32), None))
    done = CliRunner().invoke(cuts.app, ["--rounds", "1", "--json", str(tmp_path / "cuts.json")])
    assert done.exit_code == 0, done.output
    rows = valid(tmp_path / "cuts.json", "bench_cuts_schema.json")["trunks"]
    assert [row["name"] for row in rows] == [*cuts.ALONE, *cuts.CUTS]
    assert min(row["of_the_best_alone"] for row in rows[:2]) == 1.0 and rows[0]["drift"] == 0.0
