"""Numbers in smaller formats: the nearest bfloat16, and whole numbers of eight bits times a scale."""

from __future__ import annotations

import numpy as np

LEVELS = 127  # int8 without -128, so that zero is a level and the scheme symmetric


def bfloat16_bits(array: np.ndarray) -> np.ndarray:
    """The nearest numbers with eight significant bits, halves to even: their bits, uint16, of a float32 array."""
    bits = np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def quantise(weight: np.ndarray, axis: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Weights as whole numbers times a scale.

    Parameters
    ----------
    weight : float32, any shape
    axis : of output channels, each with a scale of its own; None for one scale

    Returns
    -------
    levels : int8, same shape, -127 to 127; levels * scale is at most half a scale from the weight
    scale : () or (channels,) float32
    """
    others = None if axis is None else tuple(i for i in range(weight.ndim) if i != axis)
    largest = np.abs(weight).max(axis=others)
    scale = np.where(largest > 0, largest / np.float32(LEVELS), np.float32(1)).astype(np.float32)
    spread = scale if others is None else np.expand_dims(scale, others)
    return np.clip(np.rint(weight / spread), -LEVELS, LEVELS).astype(np.int8), scale
