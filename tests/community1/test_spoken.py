"""Embeddings without the work that cannot change them are those with it."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from support.random_arrays import random_wespeaker

from parity.community1.embeddings import embed
from parity.community1.spoken import embed_spoken
from parity.networks.side_by_side import side_by_side
from parity.networks.wespeaker.runtime import load_embedding
from parity.pipeline.stage import ChunkSeries

CHUNKS = 5


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return random_wespeaker(np.random.default_rng(6))


@pytest.fixture(scope="module")
def network(arrays):
    return load_embedding(arrays, "onnx", 1)


@pytest.fixture(scope="module")
def fbank() -> ChunkSeries:
    values = np.random.default_rng(7).standard_normal((CHUNKS, 998, 80)).astype(np.float32)
    return ChunkSeries.recorded(np.arange(CHUNKS), values)


@pytest.fixture(scope="module")
def masks() -> np.ndarray:
    """Nobody in chunk 0; a short turn in 1; a late one in 2; two speakers in 3; everybody all the time in 4."""
    masks = np.zeros((CHUNKS, 3, 589), dtype=np.float32)
    masks[1, 0, 200:240] = 1
    masks[2, 2, 550:] = 1
    masks[3, 0, :60], masks[3, 1, 300:360] = 1, 1
    masks[4] = 1
    return masks


class Watched:
    """A trunk that remembers what it was given."""

    def __init__(self, trunk) -> None:
        self._trunk, self.frames, self.threads = trunk, [], set()

    def __call__(self, fbank: np.ndarray):
        self.frames.append(fbank.shape[1])
        self.threads.add(threading.get_ident())
        return self._trunk(fbank)


@pytest.mark.parametrize("workers", [1, 3])
def test_embeddings_are_those_of_all_the_work(network, fbank, masks, arrays, workers):
    everything = embed(fbank, masks, trunk=network.trunk, head=network.head)
    trunk = Watched(network.trunk)
    spared = embed_spoken(fbank, masks, trunk=trunk, head=network.head, workers=workers)
    assert spared.dtype == np.float32 and spared.shape == everything.shape
    np.testing.assert_allclose(spared, everything, rtol=0, atol=1e-6 * np.abs(everything).max())
    silent = ~masks.any(axis=2)
    assert (spared[silent] == arrays["seg_1.bias"]).all() and (everything[silent] == arrays["seg_1.bias"]).all()


def test_silent_chunks_have_no_trunk_and_sparse_ones_a_stretch_of_it(network, fbank, masks):
    trunk = Watched(network.trunk)
    embed_spoken(fbank, masks, trunk=trunk, head=network.head)
    assert len(trunk.frames) == CHUNKS - 1
    short, late, two, whole = trunk.frames
    assert short < 400 and late < 300 and two < 800 and whole == 998


def test_progress_counts_chunks_in_order(network, fbank, masks):
    said = []
    embed_spoken(fbank, masks, trunk=network.trunk, head=network.head, workers=2, progress=lambda *n: said.append(n))
    assert said == [(number, CHUNKS) for number in range(1, CHUNKS + 1)]


def test_workers_work_at_once_and_results_keep_their_order():
    both = threading.Barrier(2, timeout=30)

    def work(item: int) -> int:
        both.wait()  # passes only where two are at it
        return item * item

    assert list(side_by_side(work, range(6), 2)) == [0, 1, 4, 9, 16, 25]
    assert list(side_by_side(lambda item: (item, threading.get_ident()), [1], 1)) == [(1, threading.get_ident())]


def test_an_error_of_one_chunk_ends_all_of_them():
    begun = []

    def work(item: int) -> None:
        begun.append(item)
        raise ValueError(f"chunk {item}")

    with pytest.raises(ValueError, match="chunk 0"):
        list(side_by_side(work, range(1000), 2))
    assert len(begun) < 1000
