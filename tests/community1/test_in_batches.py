"""Embeddings batch by batch are those of one chunk at a time, silent chunks and odd ends included."""

from __future__ import annotations

import numpy as np
import pytest
from support.random_arrays import random_segmentations, random_wespeaker

from parity.community1.embeddings import embed
from parity.community1.in_batches import embed_batches
from parity.networks.wespeaker.runtime import load_embedding
from parity.pipeline.stage import ChunkSeries

FRAMES = 40


@pytest.fixture(scope="module")
def network():
    return load_embedding(random_wespeaker(np.random.default_rng(4)), "onnx", 1)


@pytest.fixture
def series():
    values = np.random.default_rng(2).standard_normal((7, FRAMES, 80)).astype(np.float32)
    return ChunkSeries(np.arange(7), lambda chunk: values[chunk])


def whole_of(network, calls):
    def whole(fbank, weights):
        calls.append(len(fbank))
        return network.head(network.trunk(fbank)[0], weights)

    return whole


@pytest.mark.parametrize("silent", [[], [0], [2, 3, 6], list(range(7))])
@pytest.mark.parametrize("batch, workers", [(1, 1), (3, 2), (64, 4)])
def test_batches_give_what_single_chunks_give(network, series, silent, batch, workers):
    masks = random_segmentations(np.random.default_rng(1), 7).transpose(0, 2, 1).copy()
    masks[silent] = 0
    told: list[tuple[int, int]] = []
    calls: list[int] = []
    made = embed_batches(
        series,
        masks,
        whole=whole_of(network, calls),
        batch=batch,
        workers=workers,
        progress=lambda done, total: told.append((done, total)),
    )
    np.testing.assert_allclose(made, embed(series, masks, trunk=network.trunk, head=network.head), atol=1e-5)
    assert sum(calls) == 7 - max(0, len(silent) - 1) and max(calls) <= batch
    assert told[-1] == (7, 7) and [done for done, _ in told] == sorted(done for done, _ in told)


def test_an_error_of_the_network_is_the_callers(series):
    def broken(fbank, weights):
        raise MemoryError("full")

    with pytest.raises(MemoryError, match="full"):
        embed_batches(series, np.ones((7, 3, 589), np.float32), whole=broken, batch=2, workers=2)
