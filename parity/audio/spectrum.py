"""Where a recording's spectrum ends: a file that was once of a lower rate, or was compressed, has a cliff there.

Task: blocks of samples -> the frequency of a cliff, or none. Some pieces of every block are transformed and their
powers averaged; a cliff is where the level falls by 25 dB or more within an eighth of its frequency and stays down.
Speech falls off slowly; what resampling or a codec left out falls at once.
"""

from __future__ import annotations

import numpy as np
import scipy

SIZE = 2048
"""Samples of a piece; its window's side lobes are 92 dB down, deeper than 16 bits."""

PIECES = 32
"""Of a block; more of it says nothing new."""

FALL_DB = 25.0
HALF_WAY_DB = 15.0
"""Below the brink; the cliff's place is where the level is so much lower for good. Images of what is loud further down,
which a poor filter leaves, may be no louder than that."""

BRINK, FOOT, FAR = 0.87, 1.12, 1.4
"""Around a cliff's frequency, as parts of it: levels from the first up to it, and between the others, are compared."""

HIGHEST_CLIFF = 0.85
"""Of half the sample rate; above it stands the filter of whoever made the file, which says nothing."""

LOWEST_CLIFF = 1_500.0
"""Hz; a cliff below it is a tone, not a bandwidth."""

FLOOR = 1e-14
"""Power in a bin, of full scale, that digital silence is taken to have: far below the steps of 16 bits."""

QUIET = 1e-9
"""Power in the loudest bin below which there is nothing to tell a bandwidth from."""


class Spectrum:
    """The average of powers so far.

    Parameters
    ----------
    sample_rate : Hz
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._window = scipy.signal.windows.blackmanharris(SIZE, sym=False).astype(np.float32)
        self._power = np.zeros(SIZE // 2 + 1)
        self._count = 0

    def add(self, block: np.ndarray) -> None:
        """Look at some pieces of a block, (channels, n) float32, evenly apart; a shorter one is left out."""
        last = block.shape[1] - SIZE
        if last < 0:
            return
        for start in np.unique(np.linspace(0, last, min(PIECES, 1 + last // SIZE)).astype(int)):
            bins = scipy.fft.rfft(block[:, start : start + SIZE] * self._window, axis=1)
            self._power += (bins.real.astype(np.float64) ** 2 + bins.imag.astype(np.float64) ** 2).mean(axis=0)
            self._count += 1

    def cliff(self) -> float | None:
        """The frequency in Hz above which there is next to nothing; None where the spectrum has no such place."""
        if not self._count:
            return None
        scale = self._count * float(self._window.sum()) ** 2
        power = self._power / scale
        if power.max() < QUIET:
            return None
        level = 10 * np.log10(np.maximum(power, FLOOR))
        step = self.sample_rate / SIZE
        loudest_above = np.maximum.accumulate(level[::-1])[::-1]
        fall, foot, brink = FALL_DB, None, 0.0
        for index in range(int(LOWEST_CLIFF / step), int(len(level) * HIGHEST_CLIFF)):
            below = float(np.median(level[int(index * BRINK) : index]))
            above = float(np.median(level[int(index * FOOT) : int(index * FAR)]))
            if below - above > fall and loudest_above[int(index * FOOT)] < below - HALF_WAY_DB:
                fall, foot, brink = below - above, index, below
        if foot is None:
            return None
        up_to = level[: int(foot * FOOT)]
        return float(np.flatnonzero(up_to > brink - HALF_WAY_DB).max()) * step
