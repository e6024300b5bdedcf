"""How well an array fits an artefact: by the recording's own numbers where the lab has them, else by name and shape.

Tried are the axes in every order that fits, the last of a trace, a flat array in the artefact's shape, some chunks of
an artefact that is kept of some; and what is left is a scale and an offset. What fits element by element is *sure*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import permutations
from math import log2
from typing import Any

import numpy as np

from parity.fixtures.snapshot import FIXED_DIMS
from parity.measure import tolerance
from parity.pipeline.artefact import ARTEFACTS, Artefact
from parity.ports.proposal.inventory import Stored
from parity.ports.proposal.names import CALLED
from parity.replay.engine import CASCADED

ALIKE = 0.9
"""Correlation from which two arrays may be of one thing, made with other weights or on another machine."""

LINEAR = 0.99999
"""Correlation from which one is the other times a number, plus a number."""

CLOSE_NAME = 0.75


@dataclass(frozen=True)
class Fit:
    """How an array fits an artefact.

    Attributes
    ----------
    score : higher is better; from 3 on it is sure
    said : keys of a map's entry beside file and key
    why : in words
    """

    artefact: str
    stored: Stored
    score: float
    why: str
    said: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sure(self) -> bool:
        """Whether the numbers themselves tell."""
        return self.score >= 3


def by_name(name: str, stored: Stored) -> float:
    """How much an array is called after an artefact, from 0 to 1."""
    known = (name, *CALLED.get(name, ()))
    return max(SequenceMatcher(None, own, other).ratio() for own in stored.names for other in known)


def fits(name: str, stored: Stored, want: np.ndarray | None, chunks: np.ndarray | None, recording: str) -> Fit | None:
    """The best fit of an array to an artefact; None where its shape cannot be made the artefact's.

    Parameters
    ----------
    want : what the lab has of the recording; None: it has nothing, so that shape and name have to tell
    chunks : of an artefact that is kept of some chunks, not of all, which
    recording : whose numbers they are, for the words
    """
    if want is None:
        return _by_shape(ARTEFACTS[name], stored)
    named = by_name(name, stored)
    found = [
        _measured(name, stored, array, target, said, recording, named)
        for array, target, said in _forms(name, stored.value, want, chunks)
    ]
    best = max((fit for fit in found if fit is not None), key=lambda fit: fit.score, default=None)
    return best or _by_shape(ARTEFACTS[name], stored)


def _measured(
    name: str, stored: Stored, got: np.ndarray, want: np.ndarray, said: dict[str, Any], recording: str, named: float
) -> Fit | None:
    """How far the numbers are from the recording's own."""
    ours, theirs = got.astype(np.float64), want.astype(np.float64)
    same = np.isnan(ours) == np.isnan(theirs)
    if not same.all() or want.size == 0:
        return None
    ours, theirs = (side[np.isfinite(theirs) & np.isfinite(ours)] for side in (ours, theirs))
    apart = float(np.max(np.abs(ours - theirs), initial=0.0))
    plain = 0.25 * (not said) + 0.5 * named  # of what fits equally well, what is called so and needs no step
    if apart == 0:
        return Fit(name, stored, 5 + plain, f"the numbers of {recording}, every one", said)
    limit = tolerance(name, CASCADED).max_abs
    whole = np.dtype(ARTEFACTS[name].dtype).kind in "iu" or limit == 0
    if apart <= limit:
        return Fit(name, stored, 4 + plain, f"the numbers of {recording}, within {apart:.1e}", said)
    if ours.size < 4 or np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return None
    alike = float(np.corrcoef(ours, theirs)[0, 1])
    if alike >= LINEAR or alike <= -LINEAR:
        return _linear(name, stored, ours, theirs, said, recording, plain)
    if alike >= ALIKE:
        what = "labels numbered otherwise, or another recording?" if whole else "other weights, or another machine?"
        words = f"alike ({alike:.5f}) and up to {apart:.1e} from the numbers of {recording}: {what}"
        return Fit(name, stored, 1 + alike + plain, words, said)
    return None


def _linear(
    name: str, stored: Stored, ours: np.ndarray, theirs: np.ndarray, said: dict[str, Any], recording: str, plain: float
) -> Fit:
    scale, offset = (float(number) for number in np.polyfit(ours, theirs, 1))
    if abs(log2(abs(scale)) - (power := round(log2(abs(scale))))) < 1e-4:  # such as 2^-15 of 16-bit samples
        scale = float(np.sign(scale) * 2.0**power)
    offset = float(np.mean(theirs - scale * ours))
    if abs(offset) < 1e-6 * float(np.std(theirs)):
        offset = 0.0
    left = float(np.max(np.abs(scale * ours + offset - theirs)))
    steps = {**said, **({"scale": scale} if scale != 1.0 else {}), **({"offset": offset} if offset else {})}
    words = f"the numbers of {recording} times {1 / scale:g}" + (f", moved by {-offset / scale:g}" if offset else "")
    within = left <= max(tolerance(name, CASCADED).max_abs, 1e-6 * float(np.max(np.abs(theirs))))
    return Fit(name, stored, (3 if within else 2) + plain, f"{words}, within {left:.1e}", steps)


def _forms(
    name: str, got: np.ndarray, want: np.ndarray, chunks: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray, dict[str, Any]]]:
    """An array in every form that has the artefact's shape, what it is compared with, and the steps to it."""
    for array, said in _taken(got, want):
        for order in permutations(range(array.ndim)):
            turned = array.transpose(order)
            steps = said if order == tuple(range(array.ndim)) else {**said, "axes": list(order)}
            if turned.shape == want.shape:
                yield turned, want, steps if chunks is None else {**steps, "chunks": chunks.tolist()}
            elif chunks is not None and turned.shape[1:] == want.shape[1:]:
                yield from _some_chunks(turned, want, chunks, steps)
    if got.ndim != want.ndim and got.size == want.size:
        yield got.reshape(want.shape), want, {"reshape": _lengths(ARTEFACTS[name], want.shape)}


def _taken(got: np.ndarray, want: np.ndarray) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    if got.ndim == want.ndim:
        yield got, {}
    if got.ndim == want.ndim + 1:
        yield got[-1], {"index": [-1] if len(got) > 1 else [0]}


def _some_chunks(
    got: np.ndarray, want: np.ndarray, chunks: np.ndarray, said: dict[str, Any]
) -> Iterator[tuple[np.ndarray, np.ndarray, dict[str, Any]]]:
    if len(got) > chunks[-1]:  # every chunk, of which the lab kept some
        yield got[chunks], want, said
    elif len(got) < len(want):
        rows = [int(np.argmin([np.max(np.abs(row - other)) for other in want])) for row in got]
        if rows == sorted(set(rows)):
            yield got, want[rows], {**said, "chunks": [int(chunks[row]) for row in rows]}


def _lengths(artefact: Artefact, shape: tuple[int, ...]) -> list[int]:
    """A new shape that fits other recordings too, where one length at most depends on the recording."""
    fixed = [length if letter.isdigit() or letter in FIXED_DIMS else -1 for letter, length in zip(artefact.dims, shape)]
    return fixed if fixed.count(-1) <= 1 else list(shape)


def _by_shape(artefact: Artefact, stored: Stored) -> Fit | None:
    """A fit by name, where the shape allows it."""
    value: np.ndarray = stored.value
    named = by_name(artefact.name, stored)
    if named < CLOSE_NAME:
        return None
    whole = np.dtype(artefact.dtype).kind in "iu"
    if whole and value.dtype.kind == "f" and not np.array_equal(value, np.round(value)):
        return None
    for said, shape in _shapes(artefact, value):
        if all(_may_be(letter, length) for letter, length in zip(artefact.dims, shape, strict=True)):
            return Fit(artefact.name, stored, named, "by its name and shape only", said)
    return None


def _shapes(artefact: Artefact, value: np.ndarray) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
    dims = len(artefact.dims)
    if value.ndim == dims:
        for order in permutations(range(dims)):
            said = {} if order == tuple(range(dims)) else {"axes": list(order)}
            yield said, tuple(value.shape[axis] for axis in order)
    if value.ndim == dims + 1:
        yield {"index": [-1] if len(value) > 1 else [0]}, value.shape[1:]
    if value.ndim == 1 and dims == 2:
        width = artefact.dims[1]
        if width.isdigit() and value.size % int(width) == 0:
            yield {"reshape": [-1, int(width)]}, (value.size // int(width), int(width))


def _may_be(letter: str, length: int) -> bool:
    if letter.isdigit():
        return length == int(letter)
    return length == FIXED_DIMS[letter] if letter in FIXED_DIMS else length > 0
