"""What is told without SciPy's solvers and trees, which take a third of a second to import, is what they tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage, maxdists
from scipy.optimize import linear_sum_assignment

from parity.community1.ahc import subtree_heights
from parity.community1.assignment import constrained_argmax
from parity.margins.decisions import _assigned
from parity.measure.drift import _most_together
from parity.measure.sweep import sweep

SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_largest_merge_inside_each_subtree(seed):
    rows = np.random.default_rng(seed).normal(size=(2 + 3 * seed, 4))
    dendrogram = linkage(rows, "centroid")
    assert np.array_equal(subtree_heights(dendrogram), maxdists(dendrogram))


@pytest.mark.parametrize(
    "merges",
    [np.zeros((3, 3)), np.zeros(4), [[0, 3, 1.0, 2]], [[0, 0.5, 1.0, 2]], [[-1, 0, 1.0, 2]], [[0, 1, np.nan, 2]]],
)
def test_what_is_no_dendrogram_is_refused(merges):
    with pytest.raises(ValueError, match="no dendrogram"):
        subtree_heights(np.asarray(merges, dtype=np.float64))


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_that_have_most_in_common(seed):
    rng = np.random.default_rng(seed)
    table = np.zeros((4, 5))
    table[rng.permutation(4), rng.permutation(5)[:4]] = rng.integers(1, 9, 4)  # one partition, renamed
    for given in (table, table + rng.integers(0, 3, table.shape)):
        assert np.array_equal(_most_together(given), linear_sum_assignment(given, maximize=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_assignment_of_chunks(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    soft = rng.normal(size=(7, 3, 1 + seed % 6))
    soft[0, 0] = np.nan  # as good in every cluster: what the others of the chunk get is no choice
    found, want = _assigned(soft), constrained_argmax(soft)
    assert np.array_equal(found[1:], want[1:]) and np.array_equal(found[0, 1:], want[0, 1:])
    monkeypatch.setattr("parity.margins.decisions.MOST_CHOICES", 0)
    assert np.array_equal(_assigned(soft), constrained_argmax(soft))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mapping_that_is_known_is_the_one_that_is_found(seed):
    rng = np.random.default_rng(seed)
    turns = [(start, start + rng.uniform(0.1, 3), f"s{rng.integers(4)}") for start in rng.uniform(0, 30, 12)]
    renamed = [(start, end, f"x{who}") for start, end, who in turns]
    found, told = sweep(turns, renamed), sweep(turns, renamed, {f"x{who}": who for _, _, who in turns})
    assert (told.der, told.total) == (0, found.total) and found.der == 0
