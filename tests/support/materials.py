"""Samples of one value, with human turns."""

from __future__ import annotations

import numpy as np

from parity.fixtures.material import Material, Turn

SECOND = 16_000


def material(value: int, seconds: float, *turns: Turn) -> Material:
    samples = np.full(round(seconds * SECOND), value, dtype=np.int16)
    return Material(samples, turns, ((0.0, seconds),) if turns else ())
