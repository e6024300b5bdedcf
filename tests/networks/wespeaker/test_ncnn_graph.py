"""The two files of the trunk that ncnn reads."""

from __future__ import annotations

import numpy as np
import pytest
from support.random_arrays import random_wespeaker

from parity.networks.wespeaker.architecture import CONVOLUTIONS, TRUNK_LAYERS
from parity.networks.wespeaker.batch_norm import fold_batch_norm
from parity.networks.wespeaker.ncnn_graph import INPUT, MAGIC, OUTPUT, build_trunk


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return random_wespeaker(np.random.default_rng(12))


def layers(param: str) -> list[list[str]]:
    return [line.split() for line in param.splitlines()[2:]]


def test_counts_names_and_the_order_of_layers_are_what_ncnn_wants(arrays):
    param, _ = build_trunk(arrays)
    magic, counts = param.splitlines()[:2]
    found = layers(param)
    made: set[str] = set()
    for _, name, inputs, outputs, *rest in found:
        reads, writes = rest[: int(inputs)], rest[int(inputs) : int(inputs) + int(outputs)]
        assert set(reads) <= made, f"{name} reads what nobody made before it"
        made |= set(writes)
    assert magic == MAGIC and counts == f"{len(found)} {len(made)}"
    assert len({name for _, name, *_ in found}) == len(found) and {INPUT, OUTPUT} <= made
    reads = [blob for _, _, inputs, _, *rest in found for blob in rest[: int(inputs)]]
    assert len(reads) == len(set(reads)), "a blob is read twice without a Split"


def test_weights_are_the_folded_ones_bit_for_bit_each_behind_four_zero_bytes(arrays):
    param, data = build_trunk(arrays)
    place = 0
    for kind, name, *rest in layers(param):
        if kind != "Convolution":
            continue
        weight, bias = fold_batch_norm(arrays, name, CONVOLUTIONS[name].norm)
        assert data[place : place + 4] == bytes(4)
        values = np.frombuffer(data, dtype="<f4", count=weight.size + bias.size, offset=place + 4)
        assert np.array_equal(values, np.concatenate([weight.ravel(), bias]))
        options = dict(word.split("=") for word in rest if "=" in word)
        out, _, size, _ = weight.shape
        assert (options["0"], options["1"], options["4"]) == (str(out), str(size), str(size // 2))
        assert options["3"] == str(CONVOLUTIONS[name].stride) and options["6"] == str(weight.size)
        place += 4 + 4 * (weight.size + bias.size)
    assert place == len(data)


def test_asking_for_layers_makes_them_blobs_and_leaves_the_weights(arrays):
    param, data = build_trunk(arrays, TRUNK_LAYERS)
    assert data == build_trunk(arrays)[1]
    made = {blob for _, _, inputs, outputs, *rest in layers(param) for blob in rest[int(inputs) :][: int(outputs)]}
    assert set(TRUNK_LAYERS) <= made


def test_nothing_that_ncnn_can_store_or_compute_in_a_smaller_format_is_on(arrays):
    ncnn = pytest.importorskip("ncnn")
    from parity.networks.wespeaker.ncnn_runtime import NcnnEmbedding, options_off

    smaller = [name for name in dir(ncnn.Option()) if name.startswith(("use_fp16", "use_bf16", "use_int8"))]
    assert smaller and set(smaller) <= set(options_off())
    NcnnEmbedding(arrays, 1)
