"""How much of the difference between candidate and reference a mistake leaves.

Task: what a candidate wrote and what the reference has there -> a function that takes what a mistake makes and says
what is left, as a fraction, on two halves of the elements: one chooses among mistakes, the other confirms the choice.
Of numbers a fraction of the RMS, of labels and turns of how many differ. Log-probabilities are compared as
probabilities, axes up to sign, partitions up to names. An artefact that the candidate has right has to stay right.
Where the two have other shapes nothing can be taken off element by element: numbers are then measured on the
candidate's own spread, and labels have to be the very same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from parity.community1.annotation import Turn
from parity.diagnosis.result import Left
from parity.measure.drift import compare
from parity.measure.tolerances import tolerance
from parity.pipeline.artefact import Comparison, find
from parity.replay.engine import CASCADED

ALL = Left(1.0, 1.0)
RUINED = Left(float("inf"), float("inf"))
"""Of a mistake that breaks what the candidate has right."""

FAR = 10.0
"""Distance of what is ruined, so that a mean of distances stays finite."""

FEWEST = 3
"""Lines that have to differ in either half: of fewer all are taken together, for a half would not tell a value."""

TIES = 6
"""Frames of speakers that have to differ where a network's decisions do and what it decided by does not: of fewer each
may be a near tie, which rounding alone settles, so that any mistake that rounds otherwise seems to explain it."""

COURSE = 2
"""Numbers of an iteration's course that two values are first searched by."""

Line = tuple[float, float, str]


def may_be_ties(candidate: Mapping[str, Any], reference: Mapping[str, Any], drifted: Iterable[str]) -> bool:
    """Whether all that drifts is a few decisions of the segmentation network, in all of a recording."""
    if set(drifted) != {"segmentations"}:
        return False
    got, want = np.asarray(candidate["segmentations"]), np.asarray(reference.get("segmentations"))
    return got.shape == want.shape and 0 < int(np.count_nonzero(got != want)) < TIES


class Difference:
    """The difference that a mistake has to explain.

    Parameters
    ----------
    candidate, reference : artefact -> array, or turns, of one stage
    drifted : those of them that are beyond tolerance; the others have to stay within it
    unread : artefact -> mask of elements that no later stage reads, and that therefore do not count
    seed : of the halves
    """

    def __init__(
        self,
        candidate: Mapping[str, Any],
        reference: Mapping[str, Any],
        drifted: Iterable[str],
        *,
        unread: Mapping[str, np.ndarray] | None = None,
        seed: int = 0,
    ) -> None:
        drifted, self._unread = set(drifted), unread or {}
        self.candidate = candidate
        rng = np.random.default_rng(seed)
        self.names = tuple(candidate)
        self._parts = {
            name: _part(name, value, self._read(name, reference.get(name)), name in drifted, rng)
            for name, value in candidate.items()
        }

    @property
    def there(self) -> bool:
        """Whether anything that is compared differs at all: where a row is missing, the others may all be right."""
        return any(part.there for part in self._parts.values() if part.drifted)

    def left_by(self, made: Mapping[str, Any]) -> Left:
        """What is left where a mistake made these artefacts; the worst of them counts."""
        lefts = [part.left(self._read(name, made.get(name))) for name, part in self._parts.items()]
        found = [left for left in lefts if left is not None]
        return Left(max(left.choosing for left in found), max(left.confirming for left in found)) if found else ALL

    def distance(self, made: Mapping[str, Any]) -> float:
        """What a search over values goes down: as `left_by` on the choosing half, but the mean of all artefacts."""
        return float(
            np.mean([min(part.distance(self._read(name, made.get(name))), FAR) for name, part in self._parts.items()])
        )

    def residuals(self, made: Mapping[str, Any]) -> np.ndarray | None:
        """What is left of the numbers that drifted, element by element on the choosing half, for least squares.

        Of a stage that iterates the first two numbers of its course alone, for what comes later depends on them with
        jumps: as many equations as a pair of values has unknowns.

        Returns
        -------
        residuals : (n,) float64, whose norm is as `distance`; None where no such numbers can be taken off each other
        """
        drifted = {n: p for n, p in self._parts.items() if isinstance(p, _Values) and p.drifted}
        course = [name for name in drifted if find(name).dims == ("iterations",)]
        lefts = [drifted[name].residuals(made.get(name), bool(course)) for name in course or drifted]
        known = [left for left in lefts if left is not None]
        return np.concatenate(known) if known and len(known) == len(lefts) else None

    @property
    def numbers(self) -> int:
        """How many of the numbers that drifted differ by a thousandth of the largest difference or more."""
        return sum(part.numbers for part in self._parts.values() if isinstance(part, _Values) and part.drifted)

    def same(self, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
        """Whether two mistakes make the same, within tolerance, of all that was compared."""
        return all(
            _within(name, self._read(name, one.get(name)), self._read(name, other.get(name))) for name in self.names
        )

    def _read(self, name: str, value: Any) -> Any:
        """An artefact that has the candidate's elements where nobody reads them."""
        mask = self._unread.get(name)
        if mask is None or not np.shape(value) == mask.shape == np.shape(self.candidate[name]):
            return value
        return np.where(mask, self.candidate[name], value)


class _Part(ABC):
    """One artefact; `left` is None where it says nothing because it was right and stayed so."""

    def __init__(self, drifted: bool) -> None:
        self.drifted = drifted

    @abstractmethod
    def left(self, made: Any) -> Left | None: ...

    @property
    @abstractmethod
    def there(self) -> bool:
        """Whether candidate and reference differ in it."""

    def distance(self, made: Any) -> float:
        left = self.left(made)
        return 0.0 if left is None else left.choosing


class _Values(_Part):
    def __init__(self, name: str, candidate: np.ndarray, reference: Any, drifted: bool, rng: np.random.Generator):
        super().__init__(drifted)
        self._name, self._shape, self._raw = name, np.shape(candidate), candidate
        self._candidate = _numbers(name, candidate)
        self._choosing = rng.random(self._candidate.shape) < 0.5
        finite = self._candidate[np.isfinite(self._candidate)]
        self._lonely = float(finite.std()) if finite.size else 1.0
        known = reference is not None and np.shape(reference) == np.shape(candidate)
        want = (
            _numbers(name, _as_signed(name, reference, candidate))
            if known
            else np.full_like(self._candidate, finite.mean() if finite.size else 0.0)
        )
        self._whole = self._halves(want)
        self._of_another_shape = reference is not None and not known
        with np.errstate(invalid="ignore"):
            apart = np.nan_to_num(np.abs(self._candidate - want), posinf=0.0)
        self.numbers = int(np.count_nonzero(apart > 1e-3 * apart.max(initial=0.0)))

    def residuals(self, made: Any, first_alone: bool) -> np.ndarray | None:
        if made is None:
            return None
        ours, theirs = self._candidate, _numbers(self._name, _as_signed(self._name, made, self._raw))
        if first_alone:
            ours, theirs = ours[:COURSE], theirs[:COURSE]
            return (
                (theirs - ours) / max(float(np.abs(ours).max(initial=0.0)), 1e-12) if len(ours) == len(theirs) else None
            )
        if ours.shape != theirs.shape:
            return None
        with np.errstate(invalid="ignore"):
            rest = (theirs - ours)[self._choosing]
        return np.nan_to_num(rest, posinf=0.0, neginf=0.0) / max(self._whole[0], 1e-12)

    @property
    def there(self) -> bool:
        return sum(self._whole) > 0 or self._of_another_shape  # one number has no spread of its own

    def left(self, made: Any) -> Left | None:
        if made is None or np.shape(made) != self._shape:
            return ALL if self.drifted else RUINED
        signed = _as_signed(self._name, made, self._raw)
        if not self.drifted:
            return None if _within(self._name, signed, self._raw) else RUINED
        rest = self._halves(_numbers(self._name, signed))
        return Left(*(_share(part, whole) for part, whole in zip(rest, self._whole, strict=True)))

    def distance(self, made: Any) -> float:
        """Of a series of another length the part that both have, and one more: a search finds its way there."""
        if made is None or np.ndim(made) != 1 or np.ndim(self._candidate) != 1 or len(made) == len(self._candidate):
            return super().distance(made)
        longer = np.array(self._candidate)
        shared = min(len(longer), len(made))
        longer[:shared] = _numbers(self._name, made)[:shared]
        return 1.0 + _share(self._halves(longer)[0], self._whole[0])

    def _halves(self, other: np.ndarray) -> tuple[float, float]:
        with np.errstate(invalid="ignore"):
            apart = np.abs(self._candidate - other)
        apart[self._candidate == other] = 0.0
        alone = np.isnan(self._candidate) != np.isnan(other)
        apart[np.isnan(apart)] = 0.0
        apart[alone | np.isinf(apart)] = max(self._lonely, 1e-12)
        squares = apart**2
        return float(np.sqrt(squares[self._choosing].sum())), float(np.sqrt(squares[~self._choosing].sum()))


class _Labels(_Part):
    def __init__(self, name: str, candidate: np.ndarray, reference: Any, drifted: bool, rng: np.random.Generator):
        super().__init__(drifted)
        self._partition = find(name).comparison is Comparison.PARTITION
        self._candidate = self._named(candidate)
        self._choosing = rng.random(self._candidate.shape) < 0.5
        self._known = reference is not None and np.shape(reference) == np.shape(candidate)
        self._whole = self._halves(self._named(reference)) if self._known else (0, 0)

    @property
    def there(self) -> bool:
        return not self._known or sum(self._whole) > 0

    def left(self, made: Any) -> Left | None:
        if made is None or np.shape(made) != self._candidate.shape:
            return ALL if self.drifted else RUINED
        rest = self._halves(self._named(made))
        if not self.drifted:  # near ties may have fallen the other way, and were excused
            return None if sum(rest) <= sum(self._whole) else RUINED
        if not self._known:
            return Left(*(float(part > 0) for part in rest))
        if sum(self._whole) and not all(self._whole):  # too few differ to stand on either half
            share = sum(rest) / sum(self._whole)
            return Left(share, share)
        return Left(*(_share(part, whole) for part, whole in zip(rest, self._whole, strict=True)))

    def _halves(self, other: np.ndarray) -> tuple[int, int]:
        differs = self._candidate != other
        return int(differs[self._choosing].sum()), int(differs[~self._choosing].sum())

    def _named(self, values: Any) -> np.ndarray:
        values = np.asarray(values)
        if not self._partition:
            return values
        _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[inverse].reshape(values.shape)


class _Turns(_Part):
    def __init__(self, name: str, candidate: Any, reference: Any, drifted: bool, rng: np.random.Generator):
        super().__init__(drifted)
        self._candidate = lines_of(candidate)
        self._seed = int(rng.integers(2**31))
        self._whole = self._halves(frozenset() if reference is None else lines_of(reference))

    @property
    def there(self) -> bool:
        return sum(self._whole) > 0

    def left(self, made: Any) -> Left | None:
        lines = frozenset[Line]() if made is None else lines_of(made)
        if not self.drifted:
            return None if lines == self._candidate else RUINED
        rest = self._halves(lines)
        if min(self._whole) < FEWEST:
            share = _share(sum(rest), sum(self._whole))
            return Left(share, share)
        return Left(*(_share(part, whole) for part, whole in zip(rest, self._whole, strict=True)))

    def _halves(self, other: frozenset[Line]) -> tuple[int, int]:
        differs = self._candidate ^ other
        chosen = sum(_even(line, self._seed) for line in differs)
        return chosen, len(differs) - chosen


def lines_of(turns: Iterable[Turn]) -> frozenset[Line]:
    """Start, duration and speaker of every turn, as RTTM has them: thousandths of a second."""
    return frozenset((round(t.start, 3), round(t.end - t.start, 3), t.speaker) for t in turns)


def _even(line: Line, seed: int) -> bool:
    """Which half a line is in: by its start, so that it is the same half on whichever side the line stands."""
    return bool((round(line[0] * 1000) * 2_654_435_761 + seed) >> 16 & 1)


def _part(name: str, candidate: Any, reference: Any, drifted: bool, rng: np.random.Generator) -> _Part:
    kinds = {
        Comparison.LABELS: _Labels,
        Comparison.PARTITION: _Labels,
        Comparison.TURNS: _Turns,
    }
    return kinds.get(find(name).comparison, _Values)(name, candidate, reference, drifted, rng)


def _numbers(name: str, values: Any) -> np.ndarray:
    """float64; of log-probabilities the probabilities, for improbable classes' logarithms mean nothing; of a dendrogram
    the heights, beside which clusters' numbers are large."""
    plain = np.array(values, dtype=np.float64)
    if name == "dendrogram":
        return plain[:, 2]
    return np.exp(plain) if find(name).comparison is Comparison.DECISIVE else plain


def _as_signed(name: str, values: Any, like: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if find(name).comparison is not Comparison.AXES:
        return values
    return values * np.where(np.sum(values * np.asarray(like), axis=0) < 0, -1.0, 1.0)


def _share(part: float, whole: float) -> float:
    if whole > 0:
        return part / whole
    return 0.0 if part == 0 else float("inf")


def _within(name: str, one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    if find(name).comparison is Comparison.TURNS:
        return lines_of(one) == lines_of(other)
    if find(name).comparison is Comparison.DECISIVE and np.shape(one) == np.shape(other):
        apart = np.abs(_numbers(name, one) - _numbers(name, other))
        return bool(np.nanmax(apart, initial=0.0) <= tolerance(name, CASCADED).max_abs)
    return compare(name, np.asarray(one), np.asarray(other), mode=CASCADED).within
