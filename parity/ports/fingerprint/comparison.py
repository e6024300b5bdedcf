"""Fingerprints compared as far as they go: exact by hash, different where that is proved, and everything between said.

What is proved of an artefact: it is *exact* where hashes are equal; *different* where shapes are, or where its extremes
or means are further apart than they can be with every element within tolerance, which no order and no numbering
changes. In between it is *partly seen* (elements that were looked at, extremes and means all agree), or *untold*: it
differs in a way that a convention may account for, which a fingerprint cannot undo. Neither is ever parity.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from parity.errors import InputError
from parity.measure import tolerance, verdicts
from parity.measure.tolerances import NEAR_TIE
from parity.pipeline.artefact import ARTEFACTS, Comparison
from parity.ports.dump.aligned import Aligned
from parity.ports.dump.comparison import (
    DIFFERENT,
    EQUIVALENT,
    EXACT,
    PARTLY_SEEN,
    UNTOLD,
    Compared,
    DumpComparison,
)
from parity.ports.dump.folders import named_below, namesakes
from parity.ports.dump.margins import Headroom
from parity.ports.dump.origin import origin_lines
from parity.ports.dump.reading import Dump, read_dump
from parity.ports.fingerprint.reading import is_fingerprint, read_fingerprints
from parity.ports.fingerprint.record import Fingerprint, Spoken, Summary, fingerprint_of
from parity.replay.engine import CASCADED

Side = Path | Fingerprint

NUMBERED = {"ahc_clusters", "kmeans_clusters", "hard_clusters", "train_speaker_idx"}
"""Artefacts whose very values are numbers somebody gave; in the others a convention only moves them about."""

AT_NEAR_TIES = {"segmentations", "masks", "count"}
SLACK = 1e-12
"""Relative: what sums of the same numbers in another order are apart."""


def sides(reference: Path, candidate: Path) -> tuple[dict[str, tuple[Side, Side]], list[str]]:
    """Recordings that both sides have, by name, where one of them is a fingerprint; see `parity.ports.dump.folders`.

    Raises
    ------
    InputError : a side holds nothing, or they have no recording in common
    """
    theirs, ours = _held(reference), _held(candidate)
    if len(theirs) == len(ours) == 1:
        ((name, our_own),) = ours.items()
        return {name: (next(iter(theirs.values())), our_own)}, []
    both, alone = namesakes(reference, candidate, theirs, ours)
    return both, [] if 1 in (len(theirs), len(ours)) else alone  # of one recording only the namesake is meant


def _held(path: Path) -> dict[str, Side]:
    return dict(read_fingerprints(path)) if is_fingerprint(path) else dict(named_below(path))


def compare_sides(name: str, reference: Side, candidate: Side, required: tuple[str, ...] = ()) -> DumpComparison:
    """Compare two sides of which at least one is a fingerprint.

    Parameters
    ----------
    required : artefacts that have to be compared, or `all`; the answer where nothing is named

    Raises
    ------
    InputError : a dump is out of form, or they have no artefact in common
    """
    near = 0
    if isinstance(reference, Path):
        dump = read_dump(reference)
        near = _near_ties(dump)
        _declares_nothing(dump)
        reference = fingerprint_of(dump, name, at=candidate if isinstance(candidate, Fingerprint) else None)
    if isinstance(candidate, Path):
        dump = read_dump(candidate)
        _declares_nothing(dump)
        candidate = fingerprint_of(dump, name, at=reference)
    want, got = reference.values, candidate.values
    common = [one for one in ARTEFACTS if one in want and one in got]
    if not common:
        raise InputError(f"{candidate.place}: nothing to compare: it holds {', '.join(got)}, not {', '.join(want)}")
    found = tuple(_compared(one, want[one], got[one], near) for one in common)
    return DumpComparison(
        name=name,
        artefacts=found,
        turns={},
        left_out=tuple(one for one in want if one not in got),
        extra=tuple(one for one in got if one not in want),
        headroom=Headroom(),
        aligned=Aligned({}, {}),
        origin=origin_lines(reference.manifest, candidate.manifest),
        lacking=verdicts.lacking(common, list(want), required),
        seen=_seen(found, got),
    )


def _declares_nothing(dump: Dump) -> None:
    if dump.declared:
        raise InputError(f"{dump.folder}: declares deviations, which need the arrays themselves: no fingerprint")


def _near_ties(dump: Dump) -> int:
    gap = dump.beside.get("segmentation_gap")
    return 0 if gap is None else int(np.sum(gap < NEAR_TIE))


def _seen(found: tuple[Compared, ...], got: Mapping[str, Summary | Spoken]) -> str:
    """How much was compared, in words."""
    whole = [entry.name for entry in found if entry.verdict in (EXACT, EQUIVALENT)]
    rest = [got[entry.name] for entry in found if entry.name not in whole]
    arrays = [value for value in rest if isinstance(value, Summary)]
    words = f"a fingerprint: {len(whole)} of {len(found)} artefacts whole, by their hashes"
    if arrays:
        shown, size = sum(len(value.index) for value in arrays), sum(value.size for value in arrays)
        words += f"; of the others {shown:,} of {size:,} numbers, extremes and means"
    return words


def _compared(name: str, want: Summary | Spoken, got: Summary | Spoken, near: int) -> Compared:
    stage = ARTEFACTS[name].stage
    if isinstance(want, Spoken) or isinstance(got, Spoken):
        assert isinstance(want, Spoken) and isinstance(got, Spoken)
        if want.sha256 == got.sha256:
            return Compared(name, stage, EXACT, ())
        return Compared(name, stage, DIFFERENT, (), note=_counts(want, got))
    if want.sha256 == got.sha256 and (want.shape, want.chunks) == (got.shape, got.chunks):
        if note := _moments(name, want, got) or _elements(name, want, got)[1]:
            raise InputError(f"{name}: the hashes are equal and yet {note}: one of the two contradicts itself")
        by = () if want.dtype == got.dtype else (f"{got.dtype} for {want.dtype}",)
        return Compared(name, stage, EQUIVALENT if by else EXACT, by, note="by its hash")
    verdict, note = _in_part(name, want, got, near)
    return Compared(name, stage, verdict, (), note=note)


def _in_part(name: str, want: Summary, got: Summary, near: int) -> tuple[str, str]:
    """What can be said of arrays whose hashes differ, and in what words."""
    if want.chunks != got.chunks:
        return UNTOLD, "kept of other chunks, so that nothing of it was compared"
    if want.shape != got.shape:
        return _other_shape(name, want.shape, got.shape)
    if ARTEFACTS[name].comparison is Comparison.DECISIVE:
        return PARTLY_SEEN, "judged by the gap of the two best classes, which a fingerprint does not hold"
    apart, (agree, off) = _moments(name, want, got), _elements(name, want, got)
    if apart and name in NUMBERED:
        return UNTOLD, f"{apart}; or numbered otherwise, which a fingerprint cannot undo"
    if apart and name in AT_NEAR_TIES and _within_near_ties(want, got, near):
        return UNTOLD, f"{apart}; the reference has {near} frames whose two best classes are all but tied"
    if apart:
        return DIFFERENT, apart
    if off:
        return UNTOLD, f"{off}, and extremes and means agree: the same numbers in another order, or another mistake"
    if tolerance(name, CASCADED).max_abs == 0:
        return UNTOLD, f"differs somewhere outside the {agree:,} elements that were looked at, which agree"
    return PARTLY_SEEN, f"{agree:,} of {want.size:,} elements looked at, and they agree, as do extremes and means"


def _other_shape(name: str, want: tuple[int, ...], got: tuple[int, ...]) -> tuple[str, str]:
    shapes = ["(" + ", ".join(map(str, shape)) + ")" for shape in (got, want)]
    words = f"shape {shapes[0]} for {shapes[1]}"
    dims = ARTEFACTS[name].dims
    ends = [letter in ("F", "frames") and abs(a - b) == 1 for letter, a, b in zip(dims, want, got, strict=True)]
    same = [a == b for a, b in zip(want, got, strict=True)]
    if all(end or equal for end, equal in zip(ends, same, strict=True)):
        return UNTOLD, f"{words}: a frame more or less, which a fingerprint cannot undo"
    return DIFFERENT, words


def _moments(name: str, want: Summary, got: Summary) -> str:
    """What proves that an element is out of tolerance, in words; empty where nothing does."""
    if (want.nan, want.infinite) != (got.nan, got.infinite):
        return f"{got.nan} NaN and {got.infinite} infinite for {want.nan} and {want.infinite}"
    signed = ARTEFACTS[name].comparison is Comparison.AXES  # eigenvectors have no sign, squares none either
    limit = tolerance(name, CASCADED).max_abs
    for what in ("rms",) if signed else ("minimum", "maximum", "mean", "rms"):
        theirs, ours = getattr(want, what), getattr(got, what)
        if theirs is None or ours is None:
            continue
        if abs(theirs - ours) > limit + SLACK * max(abs(theirs), abs(ours)):
            return f"{what} {ours:.9g} for {theirs:.9g}, {abs(ours - theirs):.1e} apart where {limit:.0e} is allowed"
    return ""


def _elements(name: str, want: Summary, got: Summary) -> tuple[int, str]:
    """How many elements both show agree, and what is wrong with the others in words; empty where nothing is."""
    common, theirs, ours = np.intersect1d(want.index, got.index, assume_unique=True, return_indices=True)
    a, b = want.sample[theirs], got.sample[ours]
    if ARTEFACTS[name].comparison is Comparison.AXES:
        a, b = np.abs(a), np.abs(b)
    with np.errstate(invalid="ignore"):
        apart = np.where(a == b, 0.0, np.abs(a - b))
    apart = np.where(np.isnan(a) & np.isnan(b), 0.0, np.where(np.isnan(apart), np.inf, apart))
    off = np.flatnonzero(apart > tolerance(name, CASCADED).max_abs)
    if not len(off):
        return len(common), ""
    worst = off[np.argmax(apart[off])]
    place = [int(i) for i in np.unravel_index(int(common[worst]), want.shape)]
    words = f"the worst at {place}: {b[worst]:.9g} for {a[worst]:.9g}"
    return len(common) - len(off), f"{len(off)} of {len(common)} elements differ, {words}"


def _within_near_ties(want: Summary, got: Summary, near: int) -> bool:
    if near == 0 or want.mean is None or got.mean is None:
        return False
    speakers = 3  # a class more or less in a frame changes what at most three of them do
    return abs(want.mean - got.mean) * want.size <= speakers * near + 0.5 and want.maximum == got.maximum


def _counts(want: Spoken, got: Spoken) -> str:
    return (
        f"{got.turns} turns of {got.speakers} speakers, {got.seconds:.3f} s, for {want.turns} of {want.speakers}, "
        f"{want.seconds:.3f} s"
    )
