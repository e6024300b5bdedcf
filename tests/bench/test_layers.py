"""The trunk's convolutions one by one are the trunk."""

from __future__ import annotations

import pytest

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
