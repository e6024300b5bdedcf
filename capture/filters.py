"""The last bits of torchaudio's resampling filters, which no formula gives: `python -m capture.filters` writes them.

torch's float32 sine and cosine are right but for the last bit, in one value of twenty: whose they are (MKL's) nobody
else has. `parity.audio.resampling` rounds correctly; what is off by is kept for the rates that recordings have.
"""

from __future__ import annotations

from math import gcd

import numpy as np

from parity.audio.reading import SAMPLE_RATE
from parity.audio.resampling import ROLL_OFF, ROUNDINGS, ZERO_CROSSINGS, taps_of
from parity.console import stderr
from parity.files import writing_file

RATES = (
    *(4_000, 6_000, 8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    *(64_000, 88_200, 96_000, 176_400, 192_000),
)


def torchaudios(sample_rate: int) -> np.ndarray:
    """(taps, phases) float32: torchaudio's weights where ours are."""
    import torch
    from torchaudio.functional.functional import _get_sinc_resample_kernel

    where = (gcd(sample_rate, SAMPLE_RATE), ZERO_CROSSINGS, ROLL_OFF, "sinc_interp_hann", None, torch.device("cpu"))
    kernel, reach = _get_sinc_resample_kernel(sample_rate, SAMPLE_RATE, *where, torch.float32)
    first, weights = taps_of(sample_rate, SAMPLE_RATE)
    at = first + reach + np.arange(len(weights))[:, None]
    table = kernel[:, 0].numpy()
    found = table[np.arange(len(table)), np.minimum(at, table.shape[1] - 1)]
    return np.where(weights == 0, weights, found).astype(np.float32)


def roundings(sample_rate: int) -> list[tuple[int, int]]:
    """Index of a weight, and how many float32 numbers torchaudio's is above ours; only where it is another."""
    _, weights = taps_of(sample_rate, SAMPLE_RATE)
    steps = torchaudios(sample_rate).view(np.int32).astype(np.int64) - weights.view(np.int32)
    # Of a negative number the next one above has the smaller bits.
    steps = np.where(weights < 0, -steps, steps).ravel()
    return [(int(index), int(steps[index])) for index in np.flatnonzero(steps)]


def main() -> None:
    """Write the table."""
    rows = [f'"{rate}": {[list(pair) for pair in found]}' for rate in RATES if (found := roundings(rate))]
    with writing_file(ROUNDINGS) as temporary:
        temporary.write_text("{" + ",\n".join(rows) + "}\n", encoding="utf-8")
    stderr.print(f"{ROUNDINGS}: {len(rows)} of {len(RATES)} rates", markup=False, soft_wrap=True)


if __name__ == "__main__":
    main()
