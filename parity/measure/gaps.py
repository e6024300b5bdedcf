"""The gap of the two best classes of every frame, which a snapshot holds of all chunks; log-probabilities, of three.

Task: log-probabilities of any chunks, and the reference's gaps of all -> how far the gaps are from the reference's, and
whether that is further than its own float32 explains. Convention: the change is relative to the gap where that is above
1, as `parity.measure.drift` has it of recorded log-probabilities; the order of local speakers plays no part.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from parity.community1 import geometry
from parity.measure.drift import Drift, in_words
from parity.measure.tolerances import GAP_ALONE

LOGITS = "segmentation_logits"
DIMS = ("C", "F")


def gap_of(logits: np.ndarray) -> np.ndarray:
    """The gap of the two best log-probabilities: (C, F, 7) -> (C, F) float64, so that what is equal drifts by 0."""
    second, best = np.moveaxis(np.sort(logits.astype(np.float64), axis=-1)[..., -2:], -1, 0)
    with np.errstate(invalid="ignore"):  # two classes of no probability at all
        return best - second


def gap_away(logits: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """How far the gap of each frame is from the reference's: (C, F, 7) and (C, F) -> (C, F) float64.

    Infinite where a side is no number and the other is.
    """
    own, want = gap_of(logits), gap.astype(np.float64)
    with np.errstate(invalid="ignore"):  # equal infinities
        away = np.abs(own - want) / np.maximum(1.0, want)
    away[(own == want) | (np.isnan(own) & np.isnan(want))] = 0.0
    return np.where(np.isnan(away), np.inf, away)


def with_others(
    rows: np.ndarray, recorded: np.ndarray, logits: np.ndarray, chunks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows under the reference's conventions, with all other chunks as a port wrote them, and which chunks they are.

    Local speakers of the others may be in the port's own order. Where a convention of the numbers was undone in the
    rows, nobody knows how the others are written, and the rows alone are handed back.

    Parameters
    ----------
    rows : (n, F, 7), of `recorded`, (n,) int64
    logits : (m, F, 7), of `chunks`, (m,) int64, as written
    """
    where = np.isin(chunks, recorded)
    usable = logits.ndim == 3 and len(chunks) == len(logits) and logits[where].shape == rows.shape
    if not usable or not np.array_equal(gap_of(logits[where]), gap_of(rows), equal_nan=True):
        return rows, recorded
    whole = logits.copy()
    whole[where] = rows
    return whole, chunks


def with_other_chunks(
    drift: Drift,
    logits: np.ndarray,
    chunks: np.ndarray,
    gap: np.ndarray,
    recorded: np.ndarray,
    step: float = geometry.STEP_SECONDS,
) -> Drift:
    """The drift of recorded log-probabilities, or of a chunk whose gap alone is recorded where only that is out.

    Parameters
    ----------
    drift : of recorded chunks
    logits : (n, F, 7) the candidate's, of `chunks`, (n,) int64
    gap : (C, F) the reference's, of all chunks
    recorded : chunks whose log-probabilities were compared
    step : seconds from the start of one chunk to that of the next
    """
    others = ~np.isin(chunks, recorded) & (chunks < len(gap))
    if not drift.within or not others.any() or logits.shape[1:2] != gap.shape[1:]:
        return drift
    chunks = chunks[others]
    away = gap_away(logits[others], gap[chunks])
    row, frame = np.unravel_index(np.argmax(away), away.shape)
    if away[row, frame] <= GAP_ALONE.max_abs:
        return drift
    place = (int(chunks[row]), int(frame))
    out = int((away.max(axis=1) > GAP_ALONE.max_abs).sum())
    return replace(
        drift,
        max_abs=float(away[row, frame]),
        tolerance=GAP_ALONE.max_abs,
        within=False,
        worst_index=(*place, 0),
        where=in_words(DIMS, place, step),
        got=round(float(gap_of(logits[others][row])[frame]), 6),
        want=round(float(gap[place]), 6),
        note=f"the gap of the two best classes, by {away[row, frame]:.1e}, in {out} of {len(chunks)} chunks of which "
        "only that is recorded",
        elsewhere=True,
    )
