"""Whether an array has been through a narrower number: the lattice of its values says so, and the reference cast.

Task: the candidate's and the reference's elements -> which cast, or none. Of a float with fewer bits of mantissa every
value ends in zeros; of integers every value is a whole number of steps from the others. An array of a few random
float32 is on neither by chance: one in 2**13 is a float16. A cast *before* a sum leaves no lattice, and is not named.
Conventions: mantissas are counted with the hidden bit (float16 and TF32 11, bfloat16 8, float32 24).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FEWEST = 32
"""Elements below which nothing is said."""

ON = 0.999
"""Share of the candidate's elements that have to lie on a lattice (a NaN-safe detour may leave one aside)."""

OFF = 0.5
"""Share of the reference's elements that may lie on it too: zeros, labels, silence."""

MANTISSA = {"bfloat16": 8, "float16 or TF32": 11, "float32": 24}
"""Narrow first: what is on a coarse lattice is on the finer ones too."""

HALF_RANGE = (2.0**-14, 65504.0)
"""Normal float16: outside it, TF32 keeps eleven bits and float16 does not."""

LEVELS = 256
"""Of an int8."""


@dataclass(frozen=True)
class Cast:
    """One cast.

    Attributes
    ----------
    to : `float16`, `bfloat16`, `TF32`, `float16 or TF32`, `float32`, `int8`, or `steps` of a decimal or another size
    by : `rounding` where the reference, cast to nearest, is the candidate; `truncation` where cut off it is; empty
        where more than the cast is between them
    step : between neighbours, of `int8` and `steps`; None of floats, whose steps grow with the value
    levels : different values that the candidate has, of `int8`
    axis : `all of it`, `each row` or `each column`, whatever has a scale of its own, of `int8`
    share : of the elements, exactly the cast reference
    """

    to: str
    by: str
    share: float
    step: float | None = None
    levels: int | None = None
    axis: str = ""


def find_cast(got: np.ndarray, want: np.ndarray) -> Cast | None:
    """The cast that lies between two arrays of one shape; None where none shows.

    Parameters
    ----------
    got, want : (…) floats, the candidate's and the reference's
    """
    usable = np.isfinite(got) & np.isfinite(want)
    ours, theirs = got[usable].astype(np.float64), want[usable].astype(np.float64)
    if len(ours) < FEWEST:
        return None
    return _to_float(ours, theirs) or _to_integers(got, want, usable)


def rounded(values: np.ndarray, bits: int) -> np.ndarray:
    """Float64 values rounded to nearest, ties to even, at so many bits of mantissa."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.round(mantissa * 2.0**bits) / 2.0**bits, exponent))


def truncated(values: np.ndarray, bits: int) -> np.ndarray:
    """The same, cut off towards zero."""
    mantissa, exponent = np.frexp(values)
    return np.asarray(np.ldexp(np.trunc(mantissa * 2.0**bits) / 2.0**bits, exponent))


def _to_float(got: np.ndarray, want: np.ndarray) -> Cast | None:
    for name, bits in MANTISSA.items():
        if _share(rounded(got, bits), got) < ON and not _half(got, bits):
            continue
        if _share(rounded(want, bits), want) > OFF:
            return None  # the reference is as coarse itself: nothing was cast
        return _as_float(name, bits, got, want)
    return None


def _half(got: np.ndarray, bits: int) -> bool:
    """Float16 below its normal range has fewer bits than eleven, and is still float16."""
    with np.errstate(over="ignore"):
        return bits == MANTISSA["float16 or TF32"] and _share(got.astype(np.float16).astype(np.float64), got) >= ON


def _as_float(name: str, bits: int, got: np.ndarray, want: np.ndarray) -> Cast | None:
    halves = bits == MANTISSA["float16 or TF32"]
    ways = {"rounding": rounded(want, bits), "truncation": truncated(want, bits)}
    if halves:
        with np.errstate(over="ignore"):
            half = want.astype(np.float16).astype(np.float64)
        as_half, as_tf32 = _share(half, got), _share(ways["rounding"], got)
        if as_half > as_tf32:
            ways["rounding"] = half
        name = "float16" if as_half > as_tf32 else "TF32" if as_tf32 > as_half else name
    by, share = max(((way, _share(cast, got)) for way, cast in ways.items()), key=lambda pair: pair[1])
    if share < ON:
        by = ""
    scale = np.maximum(np.abs(want), 2.0**-14 if halves else 0.0)
    # More than a few steps between them is another mistake, whatever the lattice.
    if np.sqrt(np.mean((got - want) ** 2)) > 4 * 2.0**-bits * 2 * np.sqrt(np.mean(scale**2)):
        return None
    return Cast(name, by, share)


def _share(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.mean(ours == theirs))


def _to_integers(got: np.ndarray, want: np.ndarray, usable: np.ndarray) -> Cast | None:
    whole = _grid(got[usable].astype(np.float64), want[usable].astype(np.float64))
    if whole is not None:
        step, levels, share = whole
        return Cast(
            "int8" if levels <= LEVELS and not _decimal(step) else "steps", "rounding", share, step, levels, "all of it"
        )
    if got.ndim < 2:
        return None
    for axis, words in ((-1, "each row"), (0, "each column")):
        lines = _lines(got, want, usable, axis)
        grids = [_grid(*line) for line in lines]
        if len(lines) >= 2 and all(grids) and all(grid is not None and grid[1] <= LEVELS for grid in grids):
            found = [grid for grid in grids if grid is not None]
            step, share = float(np.median([g[0] for g in found])), float(np.mean([g[2] for g in found]))
            return Cast("int8", "rounding", share, step, max(g[1] for g in found), words)
    return None


def _lines(got: np.ndarray, want: np.ndarray, usable: np.ndarray, axis: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows, or columns, of a few of them that are usable whole, as float64."""
    ours, theirs, fine = (x.reshape(-1, x.shape[-1]) for x in (got, want, usable))
    if axis == 0:
        ours, theirs, fine = ours.T, theirs.T, fine.T
    chosen = np.flatnonzero(fine.all(axis=1))[:: max(1, len(ours) // 16)]
    return [(ours[i].astype(np.float64), theirs[i].astype(np.float64)) for i in chosen]


def _grid(got: np.ndarray, want: np.ndarray) -> tuple[float, int, float] | None:
    """Step, levels and share of elements that the reference rounded to that grid gives; None where there is none.

    A grid shows where values come back, half as many as elements, or where all lie on the 256 of an int8: by chance two
    of so many random numbers are far closer. Rounding has to be all that is between the sides: at most half a step.
    """
    levels = np.unique(got)
    if len(got) < FEWEST or len(levels) < 3:
        return None
    noise = 8 * float(np.spacing(np.float32(np.abs(levels).max())))
    gaps = np.diff(levels)
    gaps = gaps[gaps > noise]
    if not len(gaps):
        return None
    step = _fitted(levels - levels[0], float(gaps.min()))
    spread = float(levels[-1] - levels[0])
    if 2 * len(levels) > len(got) and spread > (LEVELS - 0.5) * step:
        return None
    slack = max(noise, 1e-3 * step)
    if _off(levels, levels[0], step).max() > slack or np.abs(got - want).max() > 0.51 * step + noise:
        return None
    if np.mean(_off(want, levels[0], step) <= slack) > OFF:
        return None
    again = levels[0] + np.round((want - levels[0]) / step) * step
    return step, len(levels), float(np.mean(np.abs(again - got) <= slack))


def _fitted(distances: np.ndarray, step: float) -> float:
    """The step that distances are whole numbers of: the smallest gap is rounded itself, all of them say it better."""
    for _ in range(3):
        counts = np.round(distances / step)
        step = float(np.sum(counts * distances) / np.sum(counts**2))
    return step


def _off(values: np.ndarray, start: float, step: float) -> np.ndarray:
    return np.asarray(np.abs((values - start) - np.round((values - start) / step) * step))


def _decimal(step: float) -> bool:
    """Whether a step is a power of ten: a number written with so many decimals."""
    power = np.log10(step)
    return bool(abs(power - round(power)) < 1e-6)
