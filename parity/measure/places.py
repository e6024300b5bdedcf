"""Where a difference is: in some chunks, at the edges, in quiet bins, where masks are short; nowhere else.

Task: a difference, element by element -> the places that hold all of it. A place is named only where what lies outside
is a hundred times smaller, root mean square over root mean square, and where it is the smaller part of the array.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from parity.community1.geometry import FRAME_STEP_SECONDS

APART = 100.0
"""How many times smaller the difference has to be elsewhere."""

SOME_CHUNKS, EDGES, QUIET, SHORT = "some chunks", "edges", "quiet bins", "short masks"

FRAMES = {"F": "frames", "998": "filterbank frames", "frames": "output frames"}
EDGE = 0.05
"""Share of frames at either end that still is an edge."""

QUIETEST = 0.1
"""Share of elements that are the quiet ones."""

BATCHES = (32, 16, 64, 8, 128, 256, 4, 10, 20, 50, 100, 24, 48, 2)
"""Sizes of batches that people choose, pyannote's own first."""

FEW = 3
"""Rows below which no rule is read out of them."""


@dataclass(frozen=True)
class Place:
    """A part of the array that holds the difference.

    Attributes
    ----------
    kind : `some chunks`, `edges`, `quiet bins`, `short masks`
    words : where, in a sentence without its full stop
    outside : what lies outside of it, RMS over that of the whole difference
    inside : bool, that part, of the array's shape
    """

    kind: str
    words: str
    outside: float
    inside: np.ndarray


def places(
    dims: tuple[str, ...],
    name: str,
    apart: np.ndarray,
    want: np.ndarray,
    *,
    chunks: np.ndarray | None = None,
    lengths: np.ndarray | None = None,
) -> tuple[Place, ...]:
    """Every place that holds all of a difference.

    Parameters
    ----------
    dims : letters of the array's axes (`parity.pipeline.artefact`)
    apart : difference, NaN where there is none to speak of
    want : the reference
    chunks, lengths : see `parity.measure.kinds.kinds`
    """
    if len(dims) != apart.ndim:
        return ()
    return tuple(_places(dims, name, apart, want, chunks, lengths))


def _places(
    dims: tuple[str, ...],
    name: str,
    apart: np.ndarray,
    want: np.ndarray,
    chunks: np.ndarray | None,
    lengths: np.ndarray | None,
) -> Iterator[Place]:
    if lengths is not None and dims[:2] == ("C", "S") and lengths.shape == apart.shape[:2]:
        yield from _short_masks(apart, lengths)
    if dims[0] == "C":
        numbers = np.arange(len(apart)) if chunks is None or len(chunks) != len(apart) else np.asarray(chunks)
        yield from _some_chunks(apart, numbers)
    for axis, letter in enumerate(dims):
        if letter in FRAMES:
            yield from _edges(apart, axis, FRAMES[letter])
    if name == "fbank":
        yield from _quiet(apart, want)


def split(sizes: np.ndarray) -> np.ndarray | None:
    """Which of some sizes stand a hundred times above all others: bool, at most half of them; None where none do."""
    usable = np.isfinite(sizes)
    order = np.sort(sizes[usable])[::-1]
    for count in range(1, len(order) // 2 + 1):
        if order[count - 1] > 0 and order[count - 1] >= APART * order[count]:
            return np.asarray(usable & (sizes >= order[count - 1]))
    return None


def _rms_over(apart: np.ndarray, keep: tuple[int, ...]) -> np.ndarray:
    """RMS of the difference for each position on some axes; NaN where nothing was compared."""
    others = tuple(axis for axis in range(apart.ndim) if axis not in keep)
    counts = np.isfinite(apart).sum(axis=others)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(np.nansum(apart**2, axis=others) / np.where(counts > 0, counts, np.nan)))


def _place(kind: str, words: str, apart: np.ndarray, inside: np.ndarray) -> Place:
    rest = np.nansum(apart[~inside] ** 2)
    return Place(kind, words, float(np.sqrt(rest / np.nansum(apart**2))), inside)


def _short_masks(apart: np.ndarray, lengths: np.ndarray) -> Iterator[Place]:
    sizes = _rms_over(apart, (0, 1))
    large = split(sizes.ravel())
    if large is None:
        return
    large = large.reshape(sizes.shape)
    small = np.isfinite(sizes) & ~large
    if large.sum() < FEW or small.sum() < FEW:
        return
    longest, shortest = int(lengths[large].max()), int(lengths[small].min())
    if longest >= shortest:
        return
    words = (
        f"only where masks are short: {int(large.sum())} rows of at most {longest} frames "
        f"({longest * FRAME_STEP_SECONDS:.2f} s), none of {shortest} or more"
    )
    yield _place(SHORT, words, apart, np.broadcast_to(large[..., None], apart.shape))


def _some_chunks(apart: np.ndarray, numbers: np.ndarray) -> Iterator[Place]:
    large = split(_rms_over(apart, (0,)))
    if large is None or len(numbers) < FEW:
        return
    inside = np.broadcast_to(large.reshape(-1, *[1] * (apart.ndim - 1)), apart.shape)
    words = f"only in {_listed(numbers[large])}{batches(numbers[large], numbers)}"
    yield _place(SOME_CHUNKS, words, apart, inside)


def _listed(numbers: np.ndarray) -> str:
    if len(numbers) == 1:
        return f"chunk {numbers[0]}"
    if len(numbers) > 2 and np.all(np.diff(numbers) == 1):
        return f"chunks {numbers[0]} to {numbers[-1]}"
    shown = ", ".join(map(str, numbers[:6]))
    return f"{len(numbers)} chunks, {shown}" + (", …" if len(numbers) > 6 else "")


def batches(affected: np.ndarray, numbers: np.ndarray) -> str:
    """Which size of batches explains which chunks are affected, as the end of a sentence; empty where none does.

    Parameters
    ----------
    affected, numbers : chunks that differ, and all that were compared, ascending
    """
    total = int(numbers[-1]) + 1
    found = {size: words for size in BATCHES if (words := _explains(size, affected, numbers, total))}
    if not found:
        return ""
    size, words = next(iter(found.items()))
    others = [str(other) for other in list(found)[1:3]]
    return f": {words.format(size)}" + (f" (or of {', of '.join(others)})" if others else "")


def _explains(size: int, affected: np.ndarray, numbers: np.ndarray, total: int) -> str:
    if size >= total:
        return ""
    begins = total - total % size
    if total % size and np.array_equal(affected, numbers[numbers >= begins]):
        return "the last, incomplete batch of {}"
    first = int(affected[0]) // size
    if len(affected) >= FEW and np.array_equal(affected, numbers[numbers // size == first]):
        return "one batch of {}"
    places = np.unique(affected % size)
    if len(places) == 1 and len(affected) >= FEW and np.array_equal(affected, numbers[numbers % size == places[0]]):
        return f"place {places[0]} of every batch of " + "{}"
    later = numbers[(numbers % size == 0) & (numbers > 0)]
    if len(affected) >= FEW and np.array_equal(affected, later):
        return "the first of every batch of {} but the first"
    return ""


def _edges(apart: np.ndarray, axis: int, what: str) -> Iterator[Place]:
    sizes = _rms_over(apart, (axis,))
    large, count = split(sizes), apart.shape[axis]
    if large is None or count < 20:
        return
    at, most = np.flatnonzero(large), max(1, round(EDGE * count))
    first, last = at[at < most], at[at >= count - most]
    if len(first) + len(last) < len(at):
        return
    parts = []
    if len(first):
        parts.append(f"the first {first[-1] + 1}" if first[-1] else "the first")
    if len(last):
        parts.append(f"the last {count - last[0]}" if count - last[0] > 1 else "the last")
    shape = [1] * apart.ndim
    shape[axis] = count
    inside = np.broadcast_to(large.reshape(shape), apart.shape)
    yield _place(EDGES, f"only at the edges: {' and '.join(parts)} of {count} {what}", apart, inside)


def _quiet(apart: np.ndarray, want: np.ndarray) -> Iterator[Place]:
    limit = np.quantile(want, QUIETEST)
    inside = want <= limit
    if not np.nansum(apart[~inside] ** 2) * APART <= np.nansum(apart**2):
        return
    words = f"only in quiet bins: the quietest tenth, of at most {limit:.3g}, holds all but a hundredth of its energy"
    yield _place(QUIET, words, apart, inside)
