"""Masks brought to the frames that the trunk leaves: torch's `nearest` rule as a precomputed one-hot matrix.

Source: `StatsPool.forward` in pyannote/audio/models/blocks/pooling.py at tag 4.0.4, which calls
`F.interpolate(weights, size=num_frames, mode="nearest")`. Convention: pooled frame i reads mask frame
floor(i * (mask frames / pooled frames)), the quotient and the product in float32, at most the last.
"""

from __future__ import annotations

import functools

import numpy as np


def pooled_frames(frames: int) -> int:
    """Frames that the trunk leaves of so many: three convolutions of stride 2 halve them, rounding up."""
    return -(-frames // 8)


def nearest_indices(mask_frames: int, frames: int) -> np.ndarray:
    """The mask frame that each pooled frame reads: (frames,) int64."""
    scale = np.float32(mask_frames) / np.float32(frames)
    source = np.floor(np.arange(frames, dtype=np.float32) * scale).astype(np.int64)
    return np.minimum(source, mask_frames - 1)


@functools.lru_cache(maxsize=32)
def nearest_matrix(mask_frames: int, frames: int) -> np.ndarray:
    """The rule as a one-hot matrix: (mask_frames, frames) float32, read-only; masks @ matrix are the pooled masks."""
    matrix = np.zeros((mask_frames, frames), np.float32)
    matrix[nearest_indices(mask_frames, frames), np.arange(frames)] = 1.0
    matrix.flags.writeable = False
    return matrix


def interpolate_nearest(masks: np.ndarray, frames: int) -> np.ndarray:
    """Masks (..., mask frames) float32 at the pooled frames: (..., frames), exactly values of the masks."""
    return masks if masks.shape[-1] == frames else masks @ nearest_matrix(masks.shape[-1], frames)
