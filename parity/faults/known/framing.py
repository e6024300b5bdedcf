"""Where chunks are laid in time, the wrong way."""

from __future__ import annotations

import numpy as np

from parity.community1 import geometry

FRAME_SAMPLES = 270


def overlap_add_at(scores: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Overlap-add as `parity.community1.aggregation.overlap_add`, with the first output frame of each chunk given.

    Parameters
    ----------
    scores : (num_chunks, frames, classes) float; NaN where a chunk says nothing
    starts : (num_chunks,) int64

    Returns
    -------
    total, weight : (num_frames, classes) float32, as many frames as the pipeline has
    """
    num_chunks, frames, classes = scores.shape
    total = np.zeros((geometry.num_frames(num_chunks), classes), dtype=np.float32)
    weight = np.zeros_like(total)
    for start, score in zip(starts, scores, strict=True):
        total[start : start + frames] += np.nan_to_num(score)
        weight[start : start + frames] += ~np.isnan(score)
    return total, weight


def one_sample_off(num_chunks: int) -> np.ndarray:
    """Each chunk's first frame where a frame is taken for 271 samples instead of 270."""
    return np.rint(np.arange(num_chunks) * geometry.STEP_SAMPLES / (FRAME_SAMPLES + 1)).astype(np.int64)


def rounded_down(num_chunks: int) -> np.ndarray:
    """Each chunk's first frame where the frame that contains its start is taken instead of the closest one."""
    return np.arange(num_chunks) * geometry.STEP_SAMPLES // FRAME_SAMPLES
