"""The order of training embeddings, which is a convention: rows of every artefact that has one a training embedding."""

from __future__ import annotations

import numpy as np

from parity.ports.dump.aligned import Aligned
from parity.ports.dump.local_speakers import indexes


def order_training_rows(both: Aligned, orders: np.ndarray | None) -> None:
    """Every artefact with a row for each training embedding, in the reference's order of rows.

    Parameters
    ----------
    orders : (C, S) int64, of local speakers; None where it is not known
    """
    rows = _row_order(both, orders)
    if rows is None or np.array_equal(rows, np.arange(len(rows))):
        return
    words = "training embeddings in another order"
    names = ("train_chunk_idx", "train_speaker_idx", "post_xvec", "post_plda", "ahc_clusters", "qinit", "q_final",
             "kmeans_clusters")  # fmt: skip
    for name in names:
        value = both.got.get(name)
        if value is not None and value.ndim and len(value) == len(rows):
            both.change(name, value[rows], words)
    dendrogram = both.got.get("dendrogram")
    if dendrogram is not None and dendrogram.shape == (len(rows) - 1, 4):
        both.change("dendrogram", _relabelled(dendrogram, np.argsort(rows)), words)


def _row_order(both: Aligned, orders: np.ndarray | None) -> np.ndarray | None:
    """(T,) int64: which of the candidate's rows is the reference's row i; None where that cannot be known."""
    if both.both("train_chunk_idx", "train_speaker_idx") and both.got["train_chunk_idx"].ndim == 1:
        chunk, speaker = both.got["train_chunk_idx"], both.got["train_speaker_idx"]
        return np.lexsort((speaker, chunk))
    if orders is None or not indexes(both.want.get("train_chunk_idx"), both.want.get("train_speaker_idx"), orders):
        return None
    chunk, speaker = both.want["train_chunk_idx"], both.want["train_speaker_idx"]
    # Without indices of its own the candidate has them in the order of chunks and its own speakers.
    return np.argsort(np.lexsort((orders[chunk, speaker], chunk)))


def _relabelled(dendrogram: np.ndarray, leaves: np.ndarray) -> np.ndarray:
    """The dendrogram with leaf i called `leaves[i]`; the lower number of a merge first, as SciPy has it."""
    labels = np.concatenate([leaves, np.arange(len(leaves), 2 * len(leaves))])
    merged = dendrogram.copy()
    inside = (dendrogram[:, :2] >= 0) & (dendrogram[:, :2] < len(labels))
    merged[:, :2] = np.where(inside, labels[np.where(inside, dendrogram[:, :2], 0).astype(int)], dendrogram[:, :2])
    merged[:, :2] = np.sort(merged[:, :2], axis=1)
    return merged
