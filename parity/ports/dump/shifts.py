"""Shifts in time: by a frame or a chunk exactly, and by half a frame as far as arrays of whole frames can show it.

Half a frame shows in three ways. Resampled arrays are the mean of two neighbouring frames: exact. A filterbank whose
windows start half a hop away resembles two neighbouring frames equally, and their mean more than either: on
02_pyannote_sample, 09_telephone and 14_partial_tail the mismatch over whole shifts, a parabola, then has its minimum
0.43 to 0.57 frames away, and the mean leaves 0.36 to 0.48 of the squared difference (a quarter of a frame: 0.13 to
0.17, and 0.94 or more). In arrays of 0 and 1 about half of all starts and ends move by one frame, all of them the same
way; where they were rounded to the nearest frame none or all do, and half a frame cannot be told from none or from one.
Log-probabilities of a network that heard a shifted clip are in no array of the reference
(`parity.ports.dump.relearned`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from parity.pipeline import ARTEFACTS

FRAMES = {"F": "frame", "frames": "frame", "998": "filterbank frame"}
HALF = (0.4, 0.6)
"""Where the parabola has its minimum, in frames."""

MEAN_LEAVES = 0.6
"""Of the squared difference, where the mean of two neighbouring frames is nearer than either."""

FEWEST = 8
"""Edges that all moved the same way by accident: once in 128 times."""

STRAYS = 0.1
"""Of the frames that moved, how many others may differ: one frame of speech falls between the frames of either side."""

Guess = tuple[str, np.ndarray, np.ndarray]
"""In words, and both sides with the mistake undone."""


def shifts(name: str, got: np.ndarray, want: np.ndarray) -> Iterator[Guess]:
    """Guesses that an array of the reference's shape is early or late by a frame, half a frame, or a chunk."""
    dims = ARTEFACTS[name].dims
    for axis in _frame_axes(name):
        end, unit = want.shape[axis], FRAMES[dims[axis]]
        after, before = np.arange(1, end), np.arange(end - 1)
        ours, theirs = ([np.take(x, index, axis) for index in (before, after)] for x in (got, want))
        yield f"looks like your {name} are one {unit} late", ours[1], theirs[0]
        yield f"looks like your {name} are one {unit} early", ours[0], theirs[1]
        mean = (theirs[0].astype(np.float64) + theirs[1]) / 2
        words = f"looks like your {name} are half a {unit}"
        yield f"{words} late: each is the mean of the reference's and the one before", ours[1], mean
        yield f"{words} early: each is the mean of the reference's and the one after", ours[0], mean
    if dims and dims[0] == "C" and len(want) > 2:
        yield f"looks like your {name} are one chunk late", got[1:], want[:-1]
        yield f"looks like your {name} are one chunk early", got[:-1], want[1:]


def half_a_frame(name: str, got: np.ndarray, want: np.ndarray) -> str | None:
    """Half a frame where no resampling explains it, in words; None where it does not show.

    Parameters
    ----------
    got, want : of one shape, the candidate's and the reference's
    """
    if name == "fbank":
        return _half_a_hop(got, want)
    (axis,) = _frame_axes(name) or (None,)
    if axis is None or not _whole(got) or not _whole(want):
        return None
    ours, theirs = (np.moveaxis(x, axis, -1).astype(np.int64) for x in (got, want))
    for late in (False, True):
        found = _moved(ours[..., ::-1], theirs[..., ::-1]) if late else _moved(ours, theirs)
        if found is not None:
            where = "late and none early" if late else "early and none late"
            return (
                f"looks like your {name} are {'late' if late else 'early'} by about half a frame: {found[0]} of "
                f"{found[1]} starts and ends are one frame {where}"
            )
    return None


def _whole(values: np.ndarray) -> bool:
    return values.dtype.kind in "biuf" and bool(np.all((values >= 0) & (values <= 8) & (np.mod(values, 1) == 0)))


def _frame_axes(name: str) -> list[int]:
    return [axis for axis, letter in enumerate(ARTEFACTS[name].dims) if letter in FRAMES]


def _half_a_hop(got: np.ndarray, want: np.ndarray) -> str | None:
    got, want = (np.moveaxis(x, 1, 0).astype(np.float64) for x in (got, want))
    end = len(want)
    if end < 8:
        return None
    mine = got[2:-2]
    apart = [float(np.mean((mine - want[2 - k : end - 2 - k]) ** 2)) for k in (-2, -1, 0, 1, 2)]
    best = int(np.clip(np.argmin(apart), 1, 3))
    left, middle, right = apart[best - 1 : best + 2]
    if not np.isfinite(apart).all() or left - 2 * middle + right <= 0:
        return None
    late = best - 2 + (left - right) / (2 * (left - 2 * middle + right))  # the parabola's minimum
    towards = 1 if late > 0 else -1
    mean = (want[2:-2] + want[2 - towards : end - 2 - towards]) / 2
    if not HALF[0] <= abs(late) <= HALF[1] or np.mean((mine - mean) ** 2) > MEAN_LEAVES * apart[2]:
        return None
    return (
        f"looks like your fbank are half a filterbank frame (80 samples) {'late' if late > 0 else 'early'}: they lie "
        "between two neighbouring frames of the reference"
    )


def _moved(got: np.ndarray, want: np.ndarray) -> tuple[int, int] | None:
    """Edges that are a frame early, and all edges; None unless those explain the difference.

    Starts and ends both have to be early: starts early and ends late is another threshold, not a shift.
    """
    got, here, after = got[..., :-1], want[..., :-1], want[..., 1:]
    starts, ends = here < after, here > after
    moved = got != here
    strays = moved & (got != after)
    moved &= ~strays
    if strays.sum() > STRAYS * moved.sum() or moved.sum() < FEWEST:
        return None
    edges = int(starts.sum() + ends.sum())
    shares = [moved[side].mean() if side.any() else 0.0 for side in (starts, ends)]
    if not 0.25 <= moved.sum() / edges <= 0.75 or min(shares) < 0.1:
        return None
    return int(moved.sum()), edges
