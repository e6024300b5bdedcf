"""What kind of difference it is: where it is, and what it is like there; never a kind on weak evidence.

Task: an artefact as a candidate made it and as the reference made it -> kinds with their evidence, none where nothing
that the lab knows fits. *Where*: in some chunks (and which size of batches explains these), at the edges of chunks, in
quiet bins, where masks are short. *What*: a constant, a gain, a cast, or sums in another order. Conventions: a place is
named where all that differs a hundred times more than the rest lies in it; what is there is asked of it alone. A
constant and a gain have to leave at most a hundredth. Sums in another order are white, centred, small against the
type's unit, and grow with the values; before a logarithm they are largest where it is quiet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from parity.measure.casts import FEWEST, Cast, find_cast
from parity.measure.places import Place, places
from parity.pipeline.artefact import Comparison, find

LEAVES = 0.01
"""What a constant or a gain may leave of the difference, RMS over RMS."""

UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}
"""Half of a unit in the last place of 1.0."""

SMALL = 1024
"""Units of the array's size that a difference by sums in another order may have."""

WHITE = 0.25
"""Correlation of neighbours, and bias over RMS, that white noise may show here."""

GROWS = 1.15
"""RMS where the values are largest over that where they are smallest, a quarter of the elements each."""

ENOUGH = 512
"""Elements that growth and whiteness are measured on at least."""

CONSTANT, GAIN, CAST, ORDER = "constant", "gain", "cast", "reduction order"
NOTHING_KNOWN = "no kind that the lab knows"


@dataclass(frozen=True)
class Kind:
    """One thing that is known of a difference.

    Attributes
    ----------
    kind : `some chunks`, `edges`, `quiet bins`, `short masks`; `constant`, `gain`, `cast`, `reduction order`
    words : a sentence without its full stop
    leaves : what it leaves of the difference, RMS over RMS; None where that says nothing
    """

    kind: str
    words: str
    leaves: float | None = None


def kinds(
    name: str,
    got: np.ndarray,
    want: np.ndarray,
    *,
    chunks: np.ndarray | None = None,
    lengths: np.ndarray | None = None,
) -> tuple[Kind, ...]:
    """What is known of a difference: where it is first, then what it is like there.

    Parameters
    ----------
    name : of the artefact
    got, want : of one shape, the candidate's and the reference's
    chunks : (C,) which chunks the rows are, where the first axis is chunks and not all are there
    lengths : (C, S) frames that each mask lets through, of embeddings
    """
    artefact = find(name)
    if got.shape != want.shape or got.dtype.kind not in "biuf" or not want.size:
        return ()
    with np.errstate(all="ignore"):
        ours, apart = _apart(artefact.comparison, got, want)
        if not np.nansum(np.abs(apart)) > 0:
            return ()
        found = places(artefact.dims, name, apart, want, chunks=chunks, lengths=lengths)
        where = tuple(Kind(place.kind, place.words, place.outside) for place in found)
        if artefact.comparison in (Comparison.LABELS, Comparison.PARTITION):
            return where
        return where + _like(name, ours, want, apart, found)


def _apart(how: Comparison, got: np.ndarray, want: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The candidate under the reference's signs, and the difference in float64; NaN where a side is no number."""
    if how in (Comparison.LABELS, Comparison.PARTITION):
        return got, (got != want).astype(np.float64)
    if how is Comparison.AXES:
        got = got * np.where(np.nansum(got * want, axis=0) < 0, -1.0, 1.0).astype(got.dtype)
    difference = got.astype(np.float64) - want.astype(np.float64)
    return got, np.where(np.isfinite(difference), difference, np.nan)


def _like(
    name: str, got: np.ndarray, want: np.ndarray, apart: np.ndarray, found: tuple[Place, ...]
) -> tuple[Kind, ...]:
    inside = np.isfinite(apart)
    for place in found:
        inside &= place.inside
    if inside.sum() < FEWEST:
        return ()
    ours = np.where(inside, got.astype(np.float64), np.nan)
    theirs = np.where(inside, want.astype(np.float64), np.nan)
    for guess in _guesses(name, ours, theirs, got, want):
        return (guess,)
    return ()


def _guesses(name: str, ours: np.ndarray, theirs: np.ndarray, got: np.ndarray, want: np.ndarray) -> Iterator[Kind]:
    inside = np.isfinite(ours)
    x, y = theirs[inside], ours[inside]
    # What was float32 before may be a float64 here, and carries that rounding.
    types = ("float64", "float32") if got.dtype == want.dtype == np.float64 else ("float32",)
    floor = UNIT[types[0]] * _rms(x)  # what rounding the sum to the array's own type leaves
    if _rms(y - x) > 20 * floor:
        yield from _straight(x, y, floor)
    if (cast := find_cast(ours, theirs)) is not None:
        yield Kind(CAST, cast_in_words(cast))
    for kind in types:
        if (order := _order(name, ours - theirs, theirs, kind)) is not None:
            yield order


def _straight(x: np.ndarray, y: np.ndarray, floor: float) -> Iterator[Kind]:
    apart = y - x
    before, offset = _rms(apart), float(np.mean(apart))
    if _rms(apart - offset) <= LEAVES * before + 2 * floor:
        yield Kind(CONSTANT, f"a constant, {offset:+.6g}, on every element", _rms(apart - offset) / before)
    energy = float(np.sum(x**2))
    if energy <= 0 or np.ptp(np.abs(x)) <= 1e-3 * np.abs(x).max():
        return  # a gain of a constant is a constant
    factor = float(np.sum(x * y)) / energy
    if _rms(y - factor * x) <= LEAVES * before + 2 * floor:
        yield Kind(GAIN, f"a gain, {factor:.6g} times the reference", _rms(y - factor * x) / before)


def cast_in_words(cast: Cast) -> str:
    """A cast, and how it is known."""
    if cast.to == "int8":
        how = "one scale for all of it" if cast.axis == "all of it" else f"a scale for {cast.axis}"
        return f"a cast to int8, {how}: at most {cast.levels} different values, {cast.step:.4g} apart"
    if cast.to == "steps":
        return f"rounded to steps of {cast.step:.6g}"
    if cast.by:
        return f"a cast to {cast.to} by {cast.by}: the reference cast so is the candidate, {100 * cast.share:.4g} %"
    return f"a cast to {cast.to}, and more: every value lies on its lattice, the reference cast is not the candidate"


def _order(name: str, apart: np.ndarray, want: np.ndarray, kind: str) -> Kind | None:
    inside, unit = np.isfinite(apart), UNIT[kind]
    difference, values = apart[inside], np.abs(want[inside])
    size, scale = _rms(difference), _rms(values)
    if len(difference) < ENOUGH or not 0 < size <= SMALL * unit * scale:
        return None
    if abs(float(difference.mean())) > WHITE / 2 * size or abs(_neighbours(apart)) > WHITE:
        return None
    # Before a logarithm what is lost is a share of the energy's neighbours: quiet bins lose most.
    measure = -want[inside] if name == "fbank" else values
    low, high = np.quantile(measure, (0.25, 0.75))
    growth = _rms(difference[measure >= high]) / max(_rms(difference[measure <= low]), 1e-300)
    if growth < GROWS:
        return None
    where = "largest in quiet bins, as before a logarithm" if name == "fbank" else "growing with the values"
    return Kind(
        ORDER, f"sums in another order in {kind}: white, centred, {size / (unit * scale):.2g} half units, {where}"
    )


def _neighbours(apart: np.ndarray) -> float:
    """Correlation of neighbours along the last axis."""
    first, second = apart[..., :-1].ravel(), apart[..., 1:].ravel()
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < 2:
        return 0.0
    energy = _rms(first[both]) * _rms(second[both])
    return float(np.mean(first[both] * second[both]) / energy) if energy > 0 else 0.0


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0
