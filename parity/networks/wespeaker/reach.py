"""How far the trunk sees: the filterbank frames that a pooled frame depends on.

Task: pooled frames wanted -> the stretch of the filterbank that gives the very same features there. A convolution of
size 3 reaches one frame of its input to either side, and a frame of a later input is as long as all strides before it.
Convention: a stretch begins and ends at multiples of 32 frames (or at the chunk's end), so that neither the strides nor
the tiles of a Winograd convolution, four frames of the last layer, lie otherwise than in the whole chunk.
"""

from __future__ import annotations

import functools

import numpy as np

from parity.networks.wespeaker.architecture import BLOCKS
from parity.networks.wespeaker.masks import pooled_frames

SHRINKS = 8
ALIGNED = 4 * SHRINKS


@functools.cache
def reach() -> int:
    """Filterbank frames to either side of a pooled frame's first that it depends on."""
    total, stride = 1, 1  # conv1
    for _, block_stride in BLOCKS:
        total += stride  # the block's first convolution sees its input's frames,
        stride *= block_stride
        total += stride  # its second the first one's
    return total


def stretch(wanted: np.ndarray, frames: int) -> tuple[int, int]:
    """The filterbank frames that the features at some pooled frames depend on.

    Parameters
    ----------
    wanted : (pooled frames,) bool, at least one true
    frames : of the chunk's filterbank; the pooled ones are an eighth, rounded up

    Returns
    -------
    start, stop : multiples of 32, `stop` at most `frames`
    """
    if len(wanted) != pooled_frames(frames):
        raise ValueError(f"{len(wanted)} pooled frames, expected {pooled_frames(frames)} of {frames}")
    first, last = np.flatnonzero(wanted)[[0, -1]]
    start = max(0, int(first) * SHRINKS - reach()) // ALIGNED * ALIGNED
    stop = -(-(int(last) * SHRINKS + reach() + 1) // ALIGNED) * ALIGNED
    return start, min(stop, frames)
