"""The trunk's convolutions one by one are the trunk."""

from __future__ import annotations

import pytest
from support.schemas import valid
from typer.testing import CliRunner

from bench import layers
from bench.limit import trunk_gflop


def test_the_shapes_are_all_the_work_of_the_trunk():
    work = sum(
        times * 2 * channels * out * size**2 * -(-bins // stride) * -(-frames // stride)
        for (channels, out, size, stride, bins, frames), times in layers.shapes().items()
    )
    assert work / 1e9 == pytest.approx(trunk_gflop(), rel=1e-12) and sum(layers.shapes().values()) == 36


def test_each_layer_in_its_fastest_way_is_never_slower_than_one_way_for_all():
    rows = [
        {"times": 2, "seconds": {"onnx": 3.0, "direct": 4.0, "F(4,3)": 2.0}},
        {"times": 1, "seconds": {"onnx": 1.0, "direct": 2.0}},
    ]
    sums = layers._sums(rows)
    assert sums["onnx"] == 7.0 and sums["direct"] == 10.0 and sums["F(4,3)"] == sums["fastest in ncnn"] == 6.0
    assert sums["fastest"] == 5.0


def test_the_report_fits_its_schema_and_the_table_shows_every_shape(tmp_path, monkeypatch):
    seconds = {"onnx": 0.01, "direct": 0.02, "F(2,3)": 0.015, "F(4,3)": 0.005, "F(6,3)": 0.02}
    monkeypatch.setattr(layers, "sgemm_gflops", lambda threads: {"numpy": 100.0})
    monkeypatch.setattr(
        layers, "_measure", lambda shape, rounds: seconds if shape[2:4] == (3, 1) else {"onnx": 0.01, "direct": 0.02}
    )
    done = CliRunner().invoke(layers.app, ["--json", str(tmp_path / "layers.json")])
    assert done.exit_code == 0, done.output
    document = valid(tmp_path / "layers.json", "bench_layers_schema.json")
    assert len(document["layers"]) == len(layers.shapes()) and "each layer whichever is fastest" in done.output
    assert {row["fastest"] for row in document["layers"]} == {"F(4,3)", "onnx"}
