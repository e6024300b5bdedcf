"""A difference as it is reported: its kind (`parity.measure.kinds`) and its numbers (`parity.measure.spread`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parity.measure.kinds import Kind, kinds
from parity.measure.spread import Spread, spread
from parity.pipeline.artefact import Comparison, find

MOST = 4_000_000
"""Elements looked at; of more, rows evenly between, which the words then count."""


@dataclass(frozen=True)
class Difference:
    """What one artefact's difference is like.

    Attributes
    ----------
    artefact : its name
    kinds : where it is and what it is like there; empty where nothing that the lab knows fits
    spread : its numbers; None of labels, which are equal or not
    """

    artefact: str
    kinds: tuple[Kind, ...]
    spread: Spread | None


def describe(
    name: str,
    got: np.ndarray,
    want: np.ndarray,
    *,
    chunks: np.ndarray | None = None,
    masks: np.ndarray | None = None,
) -> Difference | None:
    """What a difference is like; None where there is none, or the two cannot be laid over each other.

    Parameters
    ----------
    name : of the artefact
    got, want : the candidate's and the reference's
    chunks : (C,) which chunks the rows are, of an artefact kept for a subset
    masks : (C, S, F) the reference's, of embeddings of as many rows
    """
    numbers = all(side.dtype.kind in "biuf" for side in (got, want))
    if (
        not numbers
        or got.shape != want.shape
        or not want.size
        or np.array_equal(got, want, equal_nan=_floats(got, want))
    ):
        return None
    lengths = masks.sum(axis=2) if masks is not None and masks.shape[:2] == want.shape[:2] else None
    every = -(-want.size // MOST)
    if every > 1:
        rows = np.arange(0, len(want), every)
        got, want = got[rows], want[rows]
        chunks = rows if chunks is None else chunks[rows]
        lengths = None if lengths is None else lengths[rows]
    labels = find(name).comparison in (Comparison.LABELS, Comparison.PARTITION)
    with np.errstate(all="ignore"):
        found = kinds(name, got, want, chunks=chunks, lengths=lengths if name == "embeddings" else None)
        return Difference(name, found, None if labels else spread(got, want))


def _floats(got: np.ndarray, want: np.ndarray) -> bool:
    return got.dtype.kind == want.dtype.kind == "f"
