"""The numbering of AHC's and of the final clusters, which are conventions.

A numbering is taken from the earliest artefact that shows it, centroids before scores before labels before frames, and
then holds for everything behind: labels that come out swapped of scores the wrong way round are no numbering where the
centroids have one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import scipy

from parity.pipeline import ARTEFACTS
from parity.ports.dump.aligned import Aligned
from parity.ports.dump.local_speakers import unlike
from parity.ports.dump.tied import WORDS, decides, induced
from parity.replay.outcome import unread

CLUSTERS, AHC_CLUSTERS = "cluster numbering", "AHC clusters numbered otherwise"
NOTHING = 1e-12
"""Of costs that are sums and means of distances between labels and weights of at most 1: rounding."""
DISCRETE = ("discrete_diarization", "exclusive_discrete_diarization")


def number(both: Aligned) -> None:
    """AHC's and the final clusters in the reference's numbering, unless it is the numbering that decides who speaks.

    There it stays as the port has it, from the earliest artefact that shows it, and the artefacts differ.
    """
    before = both.copy()
    ahc = number_ahc_clusters(both)
    between = both.copy()
    final = number_clusters(both)
    follows = None if ahc is None else induced(both, ahc)
    columns = final if final is not None else follows
    if columns is None or not decides(both, before.got, columns):
        return
    first = before if follows is not None and np.array_equal(follows, columns) else between
    both.numbering = {n: WORDS for n, words in both.by.items() if len(words) > len(first.by.get(n, ()))}
    both.got, both.by = first.got, first.by


def number_ahc_clusters(both: Aligned) -> np.ndarray | None:
    """AHC's labels, and the columns that VBx makes of them.

    Returns
    -------
    (K0,) int64 : which of the candidate's clusters is the reference's cluster k; None where they stay as they are
    """
    columns = None
    if both.both("ahc_clusters"):
        columns = renaming(both.want["ahc_clusters"], both.got["ahc_clusters"])
        if columns is None:
            return None
        both.change("ahc_clusters", _renamed(both.got["ahc_clusters"], columns), AHC_CLUSTERS)
    else:
        for name in ("qinit", "q_final"):
            if columns is None and both.both(name) and both.want[name].ndim == 2:
                columns = matched(column_costs(both.want[name], both.got[name]))
    if columns is None or np.array_equal(columns, np.arange(len(columns))):
        return None
    for name in ("qinit", "q_final", "sp_final"):
        value = both.got.get(name)
        if value is not None and value.ndim and value.shape[-1] == len(columns):
            both.change(name, np.take(value, columns, axis=-1), AHC_CLUSTERS)
    return columns


def number_clusters(both: Aligned) -> np.ndarray | None:
    """The final clusters, numbered as the earliest artefact that shows a numbering has them.

    It is undone there and in everything behind; artefacts before it show none, and stay as they are.

    Returns
    -------
    (K,) int64 : which of the candidate's clusters is the reference's cluster k; None where they stay as they are
    """
    shown, columns = _shown(both)
    if shown is not None and columns is not None:
        for name, axis in _NUMBERED[_ORDER.index(shown) :]:
            value = both.got.get(name)
            if value is None or value.ndim <= axis:
                continue
            if name == "hard_clusters":
                both.change(name, _renamed(value, columns), CLUSTERS)
            elif value.shape[axis] == len(columns):
                both.change(name, np.take(value, columns, axis=axis), CLUSTERS)
    if both.both("kmeans_clusters"):
        names = renaming(both.want["kmeans_clusters"], both.got["kmeans_clusters"])
        if names is not None:
            both.change("kmeans_clusters", _renamed(both.got["kmeans_clusters"], names), CLUSTERS)
    return columns if shown is not None else None


def _shown(both: Aligned) -> tuple[str | None, np.ndarray | None]:
    """The earliest artefact that shows how clusters are numbered, and (K,) int64: which of the candidate's clusters is
    the reference's cluster k; None where they stay as they are."""
    for name in _ORDER:
        if not both.both(name) or both.want[name].ndim != len(ARTEFACTS[name].dims):
            continue
        found = _SHOWS[name](both)
        if found is not None:
            return name, matched(found)
    return None, None


def _by_centroids(both: Aligned) -> np.ndarray | None:
    want, got = both.want["centroids"].astype(float), both.got["centroids"].astype(float)
    costs = np.array([unlike(np.broadcast_to(row, got.shape), got) for row in want])
    return costs if _fits(costs, 0.5) else None


def _by_scores(both: Aligned) -> np.ndarray | None:
    want, got = (
        np.nan_to_num(x.reshape(-1, x.shape[2])) for x in (both.want["soft_clusters"], both.got["soft_clusters"])
    )
    costs = column_costs(want, got)
    return costs if _fits(costs, 0.1 * float(np.std(want))) else None


def _by_labels(both: Aligned) -> np.ndarray | None:
    want, got, heard = both.want["hard_clusters"], both.got["hard_clusters"], _heard(both)
    count = max(_count(both, "want"), _count(both, "got"))
    if count > want.size:
        return None
    want, got = (labels if heard is None else labels[heard] for labels in (want, got))
    return _disagreements(want, got, count)


def _by_frames(name: str, both: Aligned) -> np.ndarray:
    return column_costs(both.want[name], both.got[name])


def _fits(costs: np.ndarray, most: float) -> bool:
    """Whether some numbering explains an artefact: what its best matching leaves of each cluster, on the mean."""
    if not len(costs) or not np.isfinite(costs).all():
        return False
    if np.trace(costs) <= most * len(costs):  # as it stands; the solver takes a third of a second to import
        return True
    return bool(costs[scipy.optimize.linear_sum_assignment(costs)].mean() <= most)


def _disagreements(want: np.ndarray, got: np.ndarray, count: int) -> np.ndarray:
    """(count, count): how many elements are cluster k there or cluster j here, and not both."""
    named = (want >= 0) & (got >= 0)
    together = np.zeros((count, count))
    np.add.at(together, (want[named], got[named]), 1)
    theirs, ours = (np.bincount(labels[labels >= 0].ravel(), minlength=count) for labels in (want, got))
    return theirs[:, None] + ours[None, :] - 2 * together


def _count(both: Aligned, side: str) -> int:
    values: Mapping[str, Any] = getattr(both, side)
    counts = [int(values["hard_clusters"].max(initial=-1)) + 1]
    counts += [values[name].shape[axis] for name, axis in (("centroids", 0), ("soft_clusters", -1)) if name in values]
    return max(counts)


def _heard(both: Aligned) -> np.ndarray | None:
    """(C, S) bool: who says something in the chunk, in the reference; None where that cannot be known."""
    mask, clusters = unread("hard_clusters", both.want), both.want.get("hard_clusters")
    return None if mask is None or clusters is None or mask.shape != clusters.shape else ~mask


def column_costs(want: np.ndarray, got: np.ndarray) -> np.ndarray:
    """(K, K): mean distance of the reference's column k and the candidate's column j."""
    return np.array([np.mean(np.abs(got.astype(float) - column[:, None]), axis=0) for column in want.T.astype(float)])


def matched(costs: np.ndarray) -> np.ndarray | None:
    """The cheapest one-to-one matching, (K,) int64; None where it is not clearly better than as it stands."""
    if not len(costs) or not np.isfinite(costs).all():
        return None
    if (standing := np.trace(costs)) <= NOTHING:  # no cost is below zero
        return None
    rows, columns = scipy.optimize.linear_sum_assignment(costs)
    best = costs[rows, columns].sum()
    return columns if best < 0.5 * standing and standing - best > NOTHING else None


def renaming(want: np.ndarray, got: np.ndarray) -> np.ndarray | None:
    """Which of the candidate's labels is the reference's label k, (K,); None unless the two are one partition."""
    pairs = np.unique(np.stack([want, got]), axis=1)
    labels = np.arange(pairs.shape[1])
    if not len(labels) or not (np.array_equal(pairs[0], labels) and np.array_equal(np.sort(pairs[1]), labels)):
        return None
    return pairs[1]


def _renamed(labels: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Labels in the reference's numbering; those that are none of its clusters, such as -2, stay."""
    inside = (labels >= 0) & (labels < len(columns))
    names = np.argsort(columns)[np.where(inside, labels, 0)]
    return np.where(inside, names, labels).astype(labels.dtype)


_NUMBERED = (("centroids", 0), ("soft_clusters", 2), ("hard_clusters", 0), *((name, 1) for name in DISCRETE))
_ORDER = tuple(name for name, _ in _NUMBERED)
_SHOWS: dict[str, Callable[[Aligned], np.ndarray | None]] = {
    "centroids": _by_centroids,
    "soft_clusters": _by_scores,
    "hard_clusters": _by_labels,
    **{name: partial(_by_frames, name) for name in DISCRETE},
}
