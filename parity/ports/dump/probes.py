"""What a gross mismatch looks like: one mistake at a time is undone, and the one that explains the difference is named.

Probes: another order of axes, announced by the shape or hidden under the right one; a factor (32768, 32767, ln 10) and
an offset; rows of another length; a mean not subtracted; shifts in time (`parity.ports.dump.shifts`); probabilities for
log-probabilities; turns shifted by a constant. A probe is suggested only when what it leaves is a hundredth of what
there was; for half a frame, which arrays of whole frames do not hold, on the signs that `shifts` names. Mistakes inside
a network show only where the network and its clip are at hand (`parity.ports.dump.relearned`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import permutations

import numpy as np

from parity.community1.geometry import FRAME_SECONDS, FRAME_STEP_SECONDS
from parity.pipeline.artefact import ARTEFACTS, Comparison
from parity.ports.dump.shifts import Guess, half_a_frame, shifts
from parity.ports.dump.turns import Line, TurnDifference

GROSS = 0.02
"""Root mean square of the difference over that of the reference; a share of elements, for labels."""

GROSS_LOGITS = 0.002
"""The same for log-probabilities: most of their size is in classes at -20 that nobody chooses."""

EXPLAINED = 0.01
"""What a probe may leave of the difference."""

AXES = {
    "C": "chunk", "F": "frame", "S": "speaker", "T": "training embedding", "K": "cluster", "K0": "AHC cluster",
    "7": "class", "998": "filterbank frame", "80": "mel bin", "256": "dimension", "128": "dimension",
    "frames": "frame", "speakers": "speaker",
}  # fmt: skip

FACTORS = {
    32768.0: "samples as 16-bit integers, not divided by 32768",
    32767.0: "samples as 16-bit integers, not divided by 32767",
    1 / 32768.0: "divided by 32768 once too often",
    1 / 32767.0: "divided by 32767 once too often",
    np.log(10): "ln where the reference has log10",
    1 / np.log(10): "log10 where the reference has ln",
    10 / np.log(10): "decibels where the reference has ln",
    -1.0: "the other sign",
}
OFFSETS = {
    2 * np.log(32768.0): "samples as 16-bit integers, not divided by 32768, before the logarithm",
    2 * np.log(32767.0): "samples as 16-bit integers, not divided by 32767, before the logarithm",
}


SIMILARITIES = {"cosine distances": (-1, 2), "cosine similarities": (1, -1)}
"""Factor and offset from the reference's scores."""


def explain_array(name: str, got: np.ndarray, want: np.ndarray) -> str | None:
    """The one mistake that explains why an artefact is far off, in words; None where none does or it is not far off.

    Parameters
    ----------
    name : of the artefact
    got, want : the candidate's and the reference's, of any shape
    """
    if got.dtype.kind not in "biuf" or not want.size or not got.size:
        return None
    with np.errstate(all="ignore"):
        return _explained(name, got, want)


def _explained(name: str, got: np.ndarray, want: np.ndarray) -> str | None:
    if got.shape == want.shape:
        before = difference(got, want)
        if before <= (GROSS_LOGITS if ARTEFACTS[name].comparison is Comparison.DECISIVE else GROSS):
            return None
    else:
        before = 1.0
    before = min(before, 1.0)  # what is left counts in the reference's size: a huge number, scaled down, is no mistake
    best = min(((difference(a, b), words) for words, a, b in _guesses(name, got, want)), default=None)
    if best is not None and best[0] <= EXPLAINED * before:
        return best[1]
    return half_a_frame(name, got, want) if got.shape == want.shape else None


def difference(got: np.ndarray, want: np.ndarray) -> float:
    """How much of the reference the difference is: RMS over RMS, elements with NaN on a side left out.

    Infinite where the shapes differ or where less than half of the elements can be compared.
    """
    if got.shape != want.shape:
        return np.inf
    got, want = got.astype(np.float64), want.astype(np.float64)
    usable = np.isfinite(got) & np.isfinite(want)
    if 2 * usable.sum() < want.size or not usable.any():
        return np.inf
    scale = np.sqrt(np.mean(want[usable] ** 2))
    return float(np.sqrt(np.mean((got - want)[usable] ** 2)) / max(scale, 1e-30))


def _guesses(name: str, got: np.ndarray, want: np.ndarray) -> Iterator[Guess]:
    yield from _axis_orders(name, got, want)
    yield from _lying_headers(name, got, want)
    if got.shape != want.shape:
        return
    yield from shifts(name, got, want)
    if ARTEFACTS[name].comparison in (Comparison.LABELS, Comparison.PARTITION):
        return
    got, want = got.astype(np.float64), want.astype(np.float64)
    yield from _logarithms(name, got, want)
    yield from _means(name, got, want)
    yield from _lengths(name, got, want)
    yield from _straight_line(name, got, want)
    yield from _similarities(name, got, want)


def _axis_orders(name: str, got: np.ndarray, want: np.ndarray) -> Iterator[Guess]:
    dims = ARTEFACTS[name].dims
    if not want.ndim == len(dims) > 1:
        return
    for order in list(permutations(range(want.ndim)))[1:]:
        said = f"({', '.join(AXES.get(dims[axis], dims[axis]) for axis in order)})"
        back = np.argsort(order)
        if got.ndim == want.ndim and got.transpose(back).shape == want.shape:
            yield f"looks like your {name} are {said}", got.transpose(back), want
        if got.size == want.size:
            shape = [want.shape[axis] for axis in order]
            yield f"looks like your {name} lie in the order {said} under another shape", _laid(got, shape, back), want


def _lying_headers(name: str, got: np.ndarray, want: np.ndarray) -> Iterator[Guess]:
    """Arrays read as their header says, which is not how they were written."""
    if got.dtype.itemsize > 1:
        words = f"looks like the bytes of your {name} are in the other order than their header says"
        yield words, got.byteswap(), want
    if got.ndim > 1:
        words = f"looks like your {name} are in C order and their header says Fortran order"
        yield words, got.ravel(order="F").reshape(got.shape), want


def _laid(got: np.ndarray, shape: list[int], back: np.ndarray) -> np.ndarray:
    return got.reshape(shape).transpose(back)


def _logarithms(name: str, got: np.ndarray, want: np.ndarray) -> Iterator[Guess]:
    if name == "segmentation_logits" and np.all(got >= 0):
        yield f"looks like your {name} are probabilities, not their logarithms", got, np.exp(want)
    if name == "segmentation_logits":
        shift = np.log(np.sum(np.exp(got - got.max(-1, keepdims=True)), -1, keepdims=True)) + got.max(-1, keepdims=True)
        yield f"looks like your {name} have not been through log_softmax", got - shift, want


def _means(name: str, got: np.ndarray, want: np.ndarray) -> Iterator[Guess]:
    if name == "fbank" and got.ndim == 3:
        centred = got - got.mean(axis=1, keepdims=True)
        yield f"looks like the mean over each chunk's frames was not subtracted from your {name}", centred, want
        for factor, words in ((np.log(10), "are log10"), (np.log(10) / 10, "are in decibels")):
            yield f"looks like your {name} {words}, and the mean was not subtracted", centred * factor, want
    if want.ndim > 1 and want.shape[-1] in (80, 128, 256):
        rows = (got - want).reshape(-1, want.shape[-1])
        rows = rows[np.isfinite(rows).all(axis=1)]
        if len(rows) > 2:
            words = f"looks like a mean vector was not subtracted from your {name}, or was twice"
            yield words, got - rows.mean(axis=0), want


def _lengths(name: str, got: np.ndarray, want: np.ndarray) -> Iterator[Guess]:
    if want.ndim < 2 or want.shape[-1] not in (128, 256):
        return
    ours, theirs = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (got, want))
    if not (np.isfinite(ours).any() and np.isfinite(theirs).any()):
        return
    unit, wanted = got / ours, want / theirs
    spread = [float(np.nanstd(x) / max(np.nanmean(x), 1e-30)) for x in (ours, theirs)]
    if np.nanmean(ours) > 0 and spread[0] < 1e-3 < spread[1]:
        words = f"are normalised to length {np.nanmean(ours):.4g}, the reference's are not normalised"
    elif spread[1] < 1e-3 < spread[0]:
        words = f"are not normalised, the reference's have length {np.nanmean(theirs):.4g}"
    elif spread[0] < 1e-3 and spread[1] < 1e-3:
        words = f"are normalised to length {np.nanmean(ours):.4g}, the reference's to {np.nanmean(theirs):.4g}"
    else:
        return
    yield f"looks like your {name} {words}", unit, wanted


def _straight_line(name: str, got: np.ndarray, want: np.ndarray) -> Iterator[Guess]:
    usable = np.isfinite(got) & np.isfinite(want)
    x, y = want[usable], got[usable]
    if len(x) < 8 or np.std(x) == 0:
        return
    factor = float(np.sum((x - x.mean()) * (y - y.mean())) / np.sum((x - x.mean()) ** 2))
    offset = float(y.mean() - factor * x.mean())
    if factor == 0:
        return
    yield _line_in_words(name, factor, offset, float(np.std(x))), (got - offset) / factor, want


def _similarities(name: str, got: np.ndarray, want: np.ndarray) -> Iterator[Guess]:
    """Distances for similarities: speakers whom both sides set aside, each at a number of its own, are left out."""
    if name != "soft_clusters" or want.ndim != 3 or want.shape[2] < 2:
        return
    aside = (np.ptp(got, axis=2) == 0) & (np.ptp(want, axis=2) == 0)
    got, want = (np.where(aside[:, :, None], np.nan, side) for side in (got, want))
    for meaning, (factor, offset) in SIMILARITIES.items():
        yield (
            f"looks like your {name} are {meaning}; the reference has 2 - cosine distance",
            (got - offset) / factor,
            want,
        )


def _line_in_words(name: str, factor: float, offset: float, scale: float) -> str:
    shifted = abs(offset) > 1e-3 * abs(factor) * scale
    if name == "soft_clusters" and shifted and abs(abs(factor) - 1) < 1e-3:
        lines = {line: meaning for meaning, line in SIMILARITIES.items()}
        meaning = lines.get((round(factor), round(offset)))
        if meaning:
            return f"looks like your {name} are {meaning}; the reference has 2 - cosine distance"
    if shifted and abs(factor - 1) < 1e-3:
        return f"looks like your {name} are the reference's plus {offset:.6g}{_known(offset, OFFSETS)}"
    plus = f" plus {offset:.6g}" if shifted else ""
    return f"looks like your {name} are {factor:.6g} times the reference's{plus}{_known(factor, FACTORS)}"


def _known(value: float, table: Mapping[float, str]) -> str:
    for constant, words in table.items():
        if abs(value / constant - 1) < 1e-5:
            return f" ({words})"
    return ""


# RTTM

_SHIFTS: tuple[tuple[float, str], ...] = (
    (FRAME_STEP_SECONDS, "one frame"),
    (FRAME_STEP_SECONDS / 2, "half a frame's step"),
    (FRAME_SECONDS / 2, "half a frame's width: starts of frames where the reference takes middles, or back"),
)


def explain_turns(found: TurnDifference) -> str | None:
    """The one shift of all turns that explains why RTTMs differ, in words; None where none does."""
    if found.same or len(found.only_reference) != len(found.only_candidate) or found.segments[0] != found.segments[1]:
        return None
    by_speaker: Callable[[Line], tuple[str, float]] = lambda line: (line[2], line[0])  # noqa: E731
    pairs = list(zip(sorted(found.only_reference, key=by_speaker), sorted(found.only_candidate, key=by_speaker)))
    if any(a[2] != b[2] or abs(a[1] - b[1]) > 0.0021 for a, b in pairs) or 2 * len(pairs) < found.segments[0]:
        return None
    moves = [b[0] - a[0] for a, b in pairs]
    shift = float(np.median(moves))
    if max(abs(move - shift) for move in moves) > 0.0021:
        return None
    for size, words in _SHIFTS:
        if abs(abs(shift) - size) < 0.0011:
            return f"looks like your turns are {'late' if shift > 0 else 'early'} by {words} ({size * 1000:.1f} ms)"
    return f"looks like your turns are {'late' if shift > 0 else 'early'} by {abs(shift):.3f} s, all alike"
