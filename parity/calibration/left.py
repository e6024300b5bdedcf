"""How much of a calibration is left: trials, and about how long they take."""

from __future__ import annotations

import time
from collections.abc import Mapping

EARLY = 0.02
"""The part of the work below which nobody can say how long the rest takes."""


class Left:
    """What is left, as trials are done.

    A trial takes about as long as its recording is; those of an earlier run took nothing of this one's time.

    Parameters
    ----------
    seconds : fixture -> seconds of audio
    trials : fixture -> how many trials there are to do
    """

    def __init__(self, seconds: Mapping[str, float], trials: Mapping[str, int]) -> None:
        self._seconds = seconds
        self._trials, self._work = sum(trials.values()), sum(seconds[name] * count for name, count in trials.items())
        self._done, self._worked, self._started = 0, 0.0, time.perf_counter()

    def done(self, fixture: str) -> None:
        """One trial is done."""
        self._done += 1
        self._worked += self._seconds[fixture]

    def __str__(self) -> str:
        said = f"{self._done} of {self._trials} trials"
        if not self._worked or self._worked < EARLY * self._work:
            return said
        rest = (time.perf_counter() - self._started) * (self._work / self._worked - 1)
        return f"{said}, about {rest / 60:.0f} min left" if rest > 90 else f"{said}, about {rest:.0f} s left"
