"""Another resampler: the width of its filter, and where it cuts off.

The reference's is torchaudio's with its defaults: a sinc of 6 zero crossings to either side under a Hann window, cut
off at 0.99 of the lower rate's half. Where a recording is at the pipeline's own rate nothing is resampled, and no value
moves anything. The formula is in `parity.audio.resampling`; weights are float32 step by step, as torchaudio's are, but
sums are in double precision, for here nobody needs the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, gcd

import numpy as np

from parity.audio.reading import SAMPLE_RATE
from parity.audio.resampling import ROLL_OFF, ZERO_CROSSINGS, resampled_length
from parity.faults.families.building import Tunable
from parity.faults.family import INTEGER, LINEAR
from parity.faults.known.audio import FrontEnd

WIDTHS = (1, 2, 4, 8, 12, 16, 24, 32, 64)
"""That are tried before the best is refined."""


@dataclass(frozen=True)
class Resampler:
    """A windowed sinc; defaults are the reference's.

    Attributes
    ----------
    width : zero crossings of the sinc to either side, within the window
    roll_off : where the filter cuts off, as a part of the lower rate's half
    """

    width: int = ZERO_CROSSINGS
    roll_off: float = ROLL_OFF

    def __call__(self, mono: np.ndarray, rate: int) -> np.ndarray:
        """Samples at 16 kHz: (n,) float32 at a rate in Hz -> (m,) float32; with the defaults the reference's to 1e-6 of
        full scale."""
        from scipy.signal import upfirdn  # heavy, and most who plant mistakes plant others

        if rate == SAMPLE_RATE:
            return mono
        shared = gcd(rate, SAMPLE_RATE)
        old, new = rate // shared, SAMPLE_RATE // shared
        taps, delay = _filter(old, new, self.width, self.roll_off)
        made = upfirdn(taps, mono.astype(np.float64), up=new, down=old)[delay:]
        length = resampled_length(len(mono), rate)
        return np.pad(made[:length], (0, max(0, length - len(made)))).astype(np.float32)


@lru_cache(maxsize=4)
def _filter(old: int, new: int, width: int, roll_off: float) -> tuple[np.ndarray, int]:
    """The filter at `new` times the input's rate, (taps,) float64, and by how many outputs it is late."""
    single, base = np.float32, min(old, new) * roll_off
    reach = ceil(width * old / base)
    phases = np.arange(new)
    inputs = phases * old // new + np.arange(-reach - 1, reach + 2)[:, None]
    distance = (-phases).astype(single) / single(new) + inputs.astype(single) / single(old)
    crossings = np.clip(distance * single(base), -width, width)
    window = np.cos(crossings * single(np.pi) / single(width) / single(2)) ** 2
    angle = crossings * single(np.pi)
    sinc = np.divide(np.sin(angle), angle, out=np.ones_like(angle), where=angle != 0)
    weights = np.where(np.abs(crossings) < width, sinc * (window * single(base / old)), single(0))
    at = phases * old - inputs * new
    delay = ceil(-int(at.min()) / old)
    taps = np.zeros(delay * old + int(at.max()) + 1)
    taps[at + delay * old] = weights
    return taps, delay


AUDIO = Tunable("audio", lambda workshop: Resampler(), lambda numbers, workshop: FrontEnd(convert=numbers))

FAMILIES = [
    AUDIO.family("resampler_width", "width", "the resampler's zero crossings to either side",
                 1, 64, INTEGER, values=lambda given, native, candidate: map(float, WIDTHS)),
    AUDIO.family("resampler_roll_off", "roll_off", "the resampler's cut-off, a part of the lower rate's half",
                 0.5, 1.0, LINEAR, grid=6),
]  # fmt: skip
