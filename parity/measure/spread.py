"""How a difference is spread: signal to noise, cosine, quantiles, units in the last place, a histogram, a QQ curve.

Task: the candidate's and the reference's elements -> numbers and curves. Elements that are NaN or infinite on a side
are left out. A unit in the last place (ULP) is the step between neighbours of the reference's own type at the larger
of the two values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
BINS = 40
POINTS = 33
"""Of the QQ curve."""


@dataclass(frozen=True)
class Spread:
    """The difference of two arrays in numbers.

    Attributes
    ----------
    elements : that are numbers on both sides
    rms, bias : of candidate minus reference, in the artefact's unit
    snr_db : energy of the reference over that of the difference, in decibels; None where nothing differs
    cosine : of the two as one long vector
    quantiles : of the absolute difference, at `QUANTILES`
    ulps : median and largest, in units in the last place of the reference; None where it is no float
    would_pass : the smallest tolerance of largest differences, of one digit, that would have passed
    histogram : edges (41) and counts (40) of the difference; what lies outside is in the outermost bins
    qq : quantiles of the normal distribution, and of the difference over its RMS; a straight line is white noise
    """

    elements: int
    rms: float
    bias: float
    snr_db: float | None
    cosine: float | None
    quantiles: tuple[float, ...]
    ulps: tuple[float, float] | None
    would_pass: float
    histogram: tuple[tuple[float, ...], tuple[int, ...]]
    qq: tuple[tuple[float, ...], tuple[float, ...]]


def spread(got: np.ndarray, want: np.ndarray) -> Spread | None:
    """Numbers of a difference; None where nothing can be compared.

    Parameters
    ----------
    got, want : of one shape
    """
    if got.shape != want.shape:
        return None
    usable = np.isfinite(got) & np.isfinite(want)
    if not usable.any():
        return None
    ours, theirs = got[usable].astype(np.float64), want[usable].astype(np.float64)
    difference = ours - theirs
    size = np.abs(difference)
    energy, noise = float(np.sum(theirs**2)), float(np.sum(difference**2))
    lengths = float(np.sqrt(energy * np.sum(ours**2)))
    rms = float(np.sqrt(noise / len(size)))
    return Spread(
        elements=len(size),
        rms=rms,
        bias=float(difference.mean()),
        snr_db=10 * float(np.log10(energy / noise)) if noise > 0 and energy > 0 else None,
        cosine=float(np.sum(ours * theirs) / lengths) if lengths > 0 else None,
        quantiles=tuple(float(q) for q in np.quantile(size, QUANTILES)),
        ulps=_ulps(size, got[usable], want[usable]),
        would_pass=one_digit_above(float(size.max())),
        histogram=_histogram(difference),
        qq=_against_normal(difference, rms),
    )


def one_digit_above(value: float) -> float:
    """The smallest number of one digit that is not below another; 0 of 0."""
    if value <= 0 or not np.isfinite(value):
        return value
    power = int(np.floor(np.log10(value)))
    digits = float(np.ceil(value / 10.0**power - 1e-9))
    return float(f"{digits:.0f}e{power}")


def _ulps(size: np.ndarray, got: np.ndarray, want: np.ndarray) -> tuple[float, float] | None:
    if want.dtype.kind != "f":
        return None
    # At the larger of the two: zero's own neighbour is so near that everything is far from it.
    larger = np.maximum(np.abs(got.astype(want.dtype)), np.abs(want))
    steps = size / np.spacing(larger).astype(np.float64)
    return float(np.median(steps)), float(steps.max())


def _histogram(difference: np.ndarray) -> tuple[tuple[float, ...], tuple[int, ...]]:
    low, high = (float(q) for q in np.quantile(difference, (0.001, 0.999)))
    if high <= low:
        low, high = low - (abs(low) or 1.0) / 2, high + (abs(high) or 1.0) / 2
    edges = np.linspace(low, high, BINS + 1)
    counts, _ = np.histogram(np.clip(difference, low, high), edges)
    return tuple(float(edge) for edge in edges), tuple(int(count) for count in counts)


def _against_normal(difference: np.ndarray, rms: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    from scipy.special import ndtri

    share = (np.arange(POINTS) + 0.5) / POINTS
    found = np.quantile(difference, share) / rms if rms > 0 else np.zeros(POINTS)
    return tuple(float(x) for x in ndtri(share)), tuple(float(x) for x in found)
