"""Overlap-add of what chunks say about the same moment.

Source: `Inference.aggregate` in pyannote/audio/core/inference.py at tag 4.0.4, without the Hamming window and the
warm-up, which this pipeline does not use. Sums are float32, as there.
"""

from __future__ import annotations

import numpy as np

from parity.community1 import geometry


def overlap_add(scores: np.ndarray, step: float = geometry.STEP_SECONDS) -> tuple[np.ndarray, np.ndarray]:
    """Add the frames of all chunks where they belong; NaN counts as absent.

    Parameters
    ----------
    scores : (num_chunks, frames, classes) float; NaN where a chunk says nothing
    step : seconds from the start of one chunk to that of the next

    Returns
    -------
    total : (num_frames, classes) float32, sum over chunks, 0 where all said nothing
    weight : (num_frames, classes) float32, number of chunks that said something
    """
    num_chunks, frames, classes = scores.shape
    total = np.zeros((geometry.num_frames(num_chunks, step), classes), dtype=np.float32)
    weight = np.zeros_like(total)
    for index, score in enumerate(scores):
        present = ~np.isnan(score)
        start = geometry.first_frame(index, step)
        total[start : start + frames] += np.where(present, score, 0.0)
        weight[start : start + frames] += present
    return total, weight
