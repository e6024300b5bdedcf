"""How far one artefact is from another.

Task: an artefact as an implementation made it, and as the reference made it -> one `Drift`. Structure comes before
values: another shape is said as such. NaN is compared with NaN, inactive rows like any other. Labels count mismatches,
partitions up to renaming, eigenvector axes up to sign, log-probabilities by the gap that decides.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.community1 import geometry
from parity.measure.tolerances import Tolerance, tolerance
from parity.pipeline.artefact import Artefact, Comparison, find

ROWWISE_COSINE = {"embeddings", "post_xvec", "post_plda", "centroids"}
WORDS = {
    **{"N": "step", "2": "part", "U": "token", "V": "class", "L": "layer", "H": "unit"},
    **{"998": "window", "80": "filter", "K": "cluster", "K0": "cluster", "iterations": "iteration"},
}


@dataclass(frozen=True)
class Drift:
    """The outcome of one comparison.

    Attributes
    ----------
    stage, artefact, mode : what was compared, and whether the stage ran on the reference's inputs or on our own
    compared, total : elements compared, and elements the reference's whole artefact has
    max_abs, rms : over compared elements that are numbers on both sides
    cosine : smallest over rows, for vectors
    mismatches : elements that differ where they must not (labels, NaN on one side only, lines), excused ones left out
    excused : elements that differ where the reference's own choice is noise
    tolerance : limit of `max_abs`
    within : whether everything is inside its limits
    worst_index : of the worst element
    where : the same in words: chunk, speaker, second
    got, want : the worst element on either side
    note : another shape, what was excused, why nothing could be compared
    elsewhere : whether it is of chunks whose own values the reference does not hold (`parity.measure.gaps`)
    """

    stage: str
    artefact: str
    mode: str
    compared: int
    total: int
    max_abs: float
    rms: float
    mismatches: int
    tolerance: float
    within: bool
    cosine: float | None = None
    excused: int = 0
    worst_index: tuple[int, ...] | None = None
    where: str = ""
    got: Any = None
    want: Any = None
    note: str = ""
    elsewhere: bool = False


@dataclass(frozen=True)
class _Measured:
    max_abs: float = 0.0
    rms: float = 0.0
    mismatches: int = 0
    worst: tuple[int, ...] | None = None
    excused: int = 0
    cosine: float | None = None


def compare(
    name: str,
    got: Any,
    want: Any,
    *,
    mode: str,
    chunks: np.ndarray | None = None,
    excused: np.ndarray | None = None,
    total: int | None = None,
    step: float = geometry.STEP_SECONDS,
) -> Drift:
    """Compare one artefact with the reference's.

    Parameters
    ----------
    name : of the artefact
    got, want : ours and the reference's, arrays or RTTM text
    mode : `isolated` or `cascaded`
    chunks : which chunks the rows are, where they are a subset
    excused : (as `want`) bool, elements that may differ because the reference's own choice there is noise
    total : elements the reference's whole artefact has; those of `want` by default
    step : seconds from the start of one chunk to that of the next
    """
    artefact = find(name)
    limit = tolerance(name, mode)
    if artefact.comparison is Comparison.TURNS:
        return _compare_turns(artefact, mode, got, want)
    got, want = np.asarray(got), np.asarray(want)
    whole = want.size if total is None else total
    if got.shape != want.shape:
        note = f"shape {_shape(got)}, the reference's is {_shape(want)}"
        return Drift(artefact.stage, name, mode, 0, whole, np.inf, np.inf, want.size, limit.max_abs, False, note=note)
    measured = _MEASURES[artefact.comparison](got, want, excused)
    if name in ROWWISE_COSINE and want.size:
        measured = _Measured(**{**vars(measured), "cosine": smallest_cosine(got, want)})
    return _judged(artefact, mode, got, want, limit, measured, whole, chunks, step)


def _judged(
    artefact: Artefact,
    mode: str,
    got: np.ndarray,
    want: np.ndarray,
    limit: Tolerance,
    measured: _Measured,
    total: int,
    chunks: np.ndarray | None,
    step: float,
) -> Drift:
    within = measured.mismatches == 0 and measured.max_abs <= limit.max_abs
    within = within and (limit.rms is None or measured.rms <= limit.rms)
    worst, where, sides = measured.worst, "", (None, None)
    if worst is not None and artefact.comparison is not Comparison.DECISIVE:
        sides = (got[worst].item(), want[worst].item())
    if worst is not None:
        # Rows of a subset are named by the chunk they are.
        worst = (int(chunks[worst[0]]), *worst[1:]) if chunks is not None else worst
        where = in_words(artefact.dims, worst, step)
    return Drift(
        stage=artefact.stage,
        artefact=artefact.name,
        mode=mode,
        compared=want.size,
        total=total,
        max_abs=measured.max_abs,
        rms=measured.rms,
        cosine=measured.cosine,
        mismatches=measured.mismatches,
        excused=measured.excused,
        tolerance=limit.max_abs,
        within=bool(within),
        worst_index=worst,
        where=where,
        got=sides[0],
        want=sides[1],
    )


def in_words(dims: tuple[str, ...], index: tuple[int, ...], step: float = geometry.STEP_SECONDS) -> str:
    """Where an element of an array with these dims is: `chunk 83, speaker 1, at 83.0 s`; `step` is between chunks."""
    words, seconds = [], None
    for letter, position in zip(dims, index, strict=True):
        if letter == "C":
            words.append(f"chunk {position}")
            seconds = position * step
        elif letter == "S":
            words.append(f"speaker {position}")
        elif letter == "F":
            words.append(f"frame {position}")
            seconds = (seconds or 0.0) + position * geometry.FRAME_STEP_SECONDS
        elif letter == "frames":
            words.append(f"output frame {position}")
            seconds = float(geometry.frame_middles(position + 1)[-1])
        elif letter == "T":
            words.append(f"training embedding {position}")
        elif letter in WORDS:
            words.append(f"{WORDS[letter]} {position}")
        else:
            words.append(f"[{position}]")
    return ", ".join(words) + (f", at {seconds:.1f} s" if seconds is not None else "")


def _shape(array: np.ndarray) -> str:
    return "(" + ", ".join(map(str, array.shape)) + ")"


def _values(got: np.ndarray, want: np.ndarray, excused: np.ndarray | None) -> _Measured:
    if want.size == 0:
        return _Measured()
    lonely = np.isnan(got) != np.isnan(want)
    with np.errstate(invalid="ignore"):  # equal infinities
        difference = np.abs(got.astype(np.float64) - want.astype(np.float64))
    difference[got == want] = 0.0
    difference[np.isnan(difference)] = 0.0
    beyond = np.zeros_like(lonely) if excused is None else excused & ((difference > 0) | lonely)
    difference[beyond] = 0.0
    lonely &= ~beyond
    worst = np.argmax(np.where(lonely, np.inf, difference))
    return _Measured(
        max_abs=float(difference.max()),
        rms=float(np.sqrt(np.mean(difference**2))),
        mismatches=int(lonely.sum()),
        worst=tuple(int(i) for i in np.unravel_index(worst, want.shape)),
        excused=int(beyond.sum()),
    )


def _axes(got: np.ndarray, want: np.ndarray, excused: np.ndarray | None) -> _Measured:
    sign = np.where(np.sum(got * want, axis=0) < 0, -1.0, 1.0)
    return _values(got * sign, want, excused)


def _labels(got: np.ndarray, want: np.ndarray, excused: np.ndarray | None) -> _Measured:
    differs = got != want
    allowed = np.zeros_like(differs) if excused is None else differs & excused
    differs = differs & ~allowed
    worst = tuple(int(i) for i in np.argwhere(differs)[0]) if differs.any() else None
    size = np.abs(got.astype(np.float64) - want.astype(np.float64))[differs]
    return _Measured(
        max_abs=float(size.max()) if size.size else 0.0,
        rms=float(np.sqrt(np.sum(size**2) / max(1, want.size))),
        mismatches=int(differs.sum()),
        worst=worst,
        excused=int(allowed.sum()),
    )


def _partition(got: np.ndarray, want: np.ndarray, excused: np.ndarray | None) -> _Measured:
    """Mismatches under the renaming that agrees most; none where the two are one partition."""
    _, ours = np.unique(got, return_inverse=True)
    _, theirs = np.unique(want, return_inverse=True)
    table = np.zeros((ours.max(initial=-1) + 1, theirs.max(initial=-1) + 1))
    np.add.at(table, (ours, theirs), 1)
    rows, columns = _most_together(table)
    renamed = np.full(len(table), -1)
    renamed[rows] = columns
    return _labels(renamed[ours], theirs, excused)


def _most_together(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns, one to one, that have most in common; a solver is asked only where it is not plain."""
    together = table > 0
    if (together.sum(axis=0) <= 1).all() and (together.sum(axis=1) <= 1).all():
        rows, columns = np.nonzero(together)
        return rows, columns
    from scipy.optimize import linear_sum_assignment  # a third of a second of imports

    return linear_sum_assignment(table, maximize=True)


def _decisive(got: np.ndarray, want: np.ndarray, excused: np.ndarray | None) -> _Measured:
    """The change of the gap between the reference's two best classes."""
    best, second = np.moveaxis(np.argsort(want, axis=-1)[..., -2:], -1, 0)[::-1]

    def gap(values: np.ndarray) -> np.ndarray:
        top, next_ = (np.take_along_axis(values, index[..., None], -1)[..., 0] for index in (best, second))
        return (top.astype(np.float64) - next_)[..., None]

    if excused is not None:
        excused = np.any(excused, axis=-1, keepdims=True)
    # A gap of ten changes nothing when it moves by a hundredth; what decides are the small ones.
    return _values(gap(got) / np.maximum(1.0, gap(want)), gap(want) / np.maximum(1.0, gap(want)), excused)


def _compare_turns(artefact: Artefact, mode: str, got: str, want: str) -> Drift:
    ours, theirs = got.splitlines(), want.splitlines()
    # Lines only: `ndiff` also looks inside them, which takes minutes where every turn of a long clip moved.
    blocks = difflib.SequenceMatcher(None, theirs, ours, autojunk=False).get_opcodes()
    changed = sum(i2 - i1 + j2 - j1 for kind, i1, i2, j1, j2 in blocks if kind != "equal")
    first = next((index for index, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    note = "" if not changed else f"{len(ours)} turns, the reference has {len(theirs)}"
    return Drift(
        stage=artefact.stage,
        artefact=artefact.name,
        mode=mode,
        compared=len(theirs),
        total=len(theirs),
        max_abs=0.0,
        rms=0.0,
        mismatches=changed,
        tolerance=0.0,
        within=not changed,
        worst_index=(first,) if changed else None,
        where=f"turn {first}" if changed else "",
        got=ours[first] if changed and first < len(ours) else None,
        want=theirs[first] if changed and first < len(theirs) else None,
        note=note,
    )


def smallest_cosine(got: np.ndarray, want: np.ndarray) -> float:
    """The smallest cosine similarity over rows (the last axis); rows with NaN or of zero length are left out."""
    a, b = (x.reshape(-1, x.shape[-1]).astype(np.float64) for x in (got, want))
    product = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    usable = np.isfinite(product) & (product > 0)
    return float(np.min(np.sum(a[usable] * b[usable], axis=1) / product[usable])) if usable.any() else float("nan")


_MEASURES: dict[Comparison, Callable[[np.ndarray, np.ndarray, np.ndarray | None], _Measured]] = {
    Comparison.VALUES: _values,
    Comparison.LABELS: _labels,
    Comparison.PARTITION: _partition,
    Comparison.AXES: _axes,
    Comparison.DECISIVE: _decisive,
}
