"""Centroid linkage in little memory against SciPy's, bit for bit; the heap; which way is taken when."""

from __future__ import annotations

import heapq
import warnings

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import ClusterWarning, linkage
from support import ROOT

from parity.community1 import ahc, singles
from parity.community1 import linkage as own
from parity.community1.ahc import bounded_linkage, cluster_ahc, normalised_training
from parity.community1.heap import IndexedHeap
from parity.community1.linkage import centroid_linkage, full_bytes
from parity.errors import InputError

FIXTURES = ROOT / "fixtures"
EMBEDDED = sorted(path.parent.name for path in FIXTURES.glob("*/dendrogram.npz"))
PLENTY = 10**9
PROPERTY = settings(deadline=None, max_examples=150, derandomize=True)

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def scipys(rows: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClusterWarning)  # two rows may look like a matrix of distances
        return linkage(rows, "centroid")


def equal(got: np.ndarray, want: np.ndarray) -> bool:
    return got.dtype == want.dtype and np.array_equal(got, want)


# --- against SciPy -----------------------------------------------------------------------------------------------


@PROPERTY
@given(seeds, st.integers(2, 70), st.integers(2, 5))
def test_points_without_ties(rng, count, dimension):
    rows = rng.standard_normal((count, dimension))
    assert equal(centroid_linkage(rows, limit=PLENTY), scipys(rows))


@PROPERTY
@given(seeds, st.integers(2, 90), st.integers(1, 4), st.integers(1, 3))
def test_points_of_a_grid_many_the_same_nearly_all_distances_tied(rng, count, dimension, side):
    rows = rng.integers(0, side + 1, (count, dimension)).astype(np.float64)
    assert equal(centroid_linkage(rows, limit=PLENTY), scipys(rows))


@PROPERTY
@given(seeds, st.integers(1, 12), st.integers(2, 12))
def test_tiles_of_the_same_unit_vectors(rng, distinct, times):
    rows = rng.standard_normal((distinct, 8)).astype(np.float32)
    rows = np.tile(rows / np.linalg.norm(rows, axis=1, keepdims=True), (times, 1))
    assert equal(centroid_linkage(rows, limit=PLENTY), scipys(rows))


@PROPERTY
@given(seeds, st.integers(3, 60))
def test_inversions(rng, count):
    # Corners of a simplex: all as far apart, so every merged centroid is nearer to the rest than its parts were.
    rows = np.eye(count) + rng.choice([0.0, 1e-3]) * rng.standard_normal((count, count))
    got = centroid_linkage(rows, limit=PLENTY)
    assert (np.diff(got[:, 2]) < 0).any()
    assert equal(got, scipys(rows))


@pytest.mark.parametrize("name", EMBEDDED)
def test_embeddings_of_the_snapshots(name):
    rows = training(name)
    got = centroid_linkage(rows, limit=PLENTY)
    assert equal(got, scipys(rows))
    with np.load(FIXTURES / name / "dendrogram.npz") as recorded:
        assert np.allclose(got, recorded["dendrogram"], rtol=0, atol=1e-12)


def test_all_snapshots_together_twice_one_voice_apart():
    rows = np.concatenate([training(name) for name in EMBEDDED])
    rows = np.concatenate([rows, rows[::-1], rows[:50] * -1])
    assert equal(centroid_linkage(rows, limit=PLENTY), scipys(rows))


@pytest.mark.parametrize("first_rows, block_share, squeeze_below", [(1, 10**6, 1.1), (7, 1, 0.0), (10**6, 3, 0.5)])
def test_sizes_of_blocks_do_not_matter(monkeypatch, first_rows, block_share, squeeze_below):
    monkeypatch.setattr(singles, "AT_ONCE", first_rows)
    monkeypatch.setattr(own, "BLOCK_SHARE", block_share)
    monkeypatch.setattr(own, "SQUEEZE_BELOW", squeeze_below)
    rows = training("06_long_mixture")
    assert equal(centroid_linkage(rows, limit=PLENTY), scipys(rows))


@pytest.mark.parametrize("times_square", [2, 3.5, 6, 10.9, 11, 100])
def test_how_many_distances_are_kept_does_not_matter(times_square):
    rows = training("06_long_mixture")
    table = singles.Singles(rows.astype(np.float64), times_square * len(rows) ** 2).bytes
    assert table <= min(times_square, 8) * len(rows) ** 2
    assert equal(centroid_linkage(rows, limit=times_square * len(rows) ** 2), scipys(rows))


def test_no_distance_is_computed_twice_where_there_is_memory(monkeypatch):
    rows, computed = training("06_long_mixture"), []

    def counted(ours, theirs):
        found = scipy.spatial.distance.cdist(ours, theirs)
        computed.append(found.size)
        return found

    monkeypatch.setattr(singles, "cdist", counted)
    monkeypatch.setattr(singles, "AT_ONCE", 1)
    assert equal(centroid_linkage(rows, limit=11 * len(rows) ** 2), scipys(rows))
    assert sum(computed) == len(rows) * (len(rows) + 1) // 2


def test_the_input_is_left_alone():
    rows = np.random.default_rng(0).standard_normal((40, 4))
    before = rows.copy()
    centroid_linkage(rows, limit=PLENTY)
    assert np.array_equal(rows, before)


def training(name: str) -> np.ndarray:
    folder = FIXTURES / name
    with np.load(folder / "raw_embeddings.npz") as raw, np.load(folder / "plda_embeddings.npz") as index:
        return normalised_training(raw["embeddings"], index["train_chunk_idx"], index["train_speaker_idx"])


# --- limits ------------------------------------------------------------------------------------------------------


def test_scipy_takes_what_is_said_it_takes():
    assert full_bytes(3_536) <= ahc.SCIPY_BYTES < full_bytes(3_537)


def test_too_little_memory_is_one_line_that_says_how_much():
    with pytest.raises(InputError) as caught:
        centroid_linkage(training("06_long_mixture"), limit=100_000)
    assert str(caught.value) == (
        "clustering 431 embeddings needs more than 110 kB for the distances of merged clusters; the limit is 100 kB "
        "(PARITY_MEMORY, by default half of the memory that is free): give it more, or diarize the recording in parts"
    )


def test_a_third_of_scipys_memory_is_enough_where_all_merge_in_pairs_first():
    centres = np.random.default_rng(0).standard_normal((200, 64))
    rows = np.repeat(centres, 2, axis=0) + 1e-3 * np.random.default_rng(1).standard_normal((400, 64))
    assert equal(centroid_linkage(rows, limit=full_bytes(400) // 3), scipys(rows))


def test_rows_must_be_finite_for_either():
    rows = np.full((3, 2), np.nan)
    for run in (lambda: centroid_linkage(rows, limit=PLENTY), lambda: scipys(rows)):
        with pytest.raises(ValueError, match="finite"):
            run()


@pytest.mark.parametrize("memory, taken", [("1G", "scipy"), ("300K", "own")])
def test_which_way_is_taken(monkeypatch, memory, taken):
    monkeypatch.setenv("PARITY_MEMORY", memory)
    ways = []
    monkeypatch.setattr(
        scipy.cluster.hierarchy, "linkage", lambda *args, **kwargs: ways.append("scipy") or linkage(*args, **kwargs)
    )
    monkeypatch.setattr(
        ahc, "centroid_linkage", lambda *args, **kwargs: ways.append("own") or centroid_linkage(*args, **kwargs)
    )
    rows = training("06_long_mixture")
    found = bounded_linkage(rows)
    assert ways == [taken]
    assert equal(found, scipys(rows))


def test_the_stage_passes_it_on(monkeypatch):
    monkeypatch.setenv("PARITY_MEMORY", "10K")
    rows = training("06_long_mixture")[None]
    with pytest.raises(InputError, match="PARITY_MEMORY"):
        cluster_ahc(rows, np.zeros(431, np.int64), np.arange(431), threshold=0.6)


# --- the heap ----------------------------------------------------------------------------------------------------


@PROPERTY
@given(st.lists(st.integers(0, 20), min_size=1), st.data())
def test_the_heap_gives_the_smallest_whatever_changes(numbers, data):
    heap, values = IndexedHeap(np.array(numbers, dtype=np.float64)), dict(enumerate(map(float, numbers)))
    while values:
        if data.draw(st.booleans()):
            key, value = data.draw(st.sampled_from(sorted(values))), data.draw(st.integers(0, 20))
            heap.change(key, float(value))
            values[key] = float(value)
        key, value = heap.smallest()
        assert values[key] == value == min(values.values())
        heap.pop()
        del values[key]
    assert not len(heap)


def test_the_heap_sorts_as_the_standard_librarys_does():
    values = np.random.default_rng(0).standard_normal(500)
    heap, popped = IndexedHeap(values), []
    while len(heap):
        popped.append(heap.smallest()[1])
        heap.pop()
    assert popped == heapq.nsmallest(500, values.tolist())


def test_keys_can_be_renamed():
    heap = IndexedHeap(np.array([3.0, 1.0, 2.0, 0.0]))
    heap.pop()
    heap.rename(np.array([0, 1, 2, -1]))
    heap.change(0, 0.5)
    assert heap.smallest() == (0, 0.5)
