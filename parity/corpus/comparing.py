"""Two stores, as of two versions of a port: what got better, what got worse, what flipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from parity.corpus.judging import NonInferiority, non_inferiority, usable
from parity.corpus.rows import read_records
from parity.corpus.scoring import HUMAN
from parity.corpus.store import SCORES, Store
from parity.errors import InputError

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Compared:
    """One side of both stores, against one right answer.

    Attributes
    ----------
    side, against : names
    found : the second store's DER less the first's, and whether that is within the margin
    better, worse : recordings whose DER is lower or higher in the second
    flipped : rows of the recordings whose answer is another one, most changed first
    """

    side: str
    against: str
    found: NonInferiority
    better: int
    worse: int
    flipped: list[Row]

    @property
    def beyond(self) -> bool:
        """Whether the second is worse by more than the margin."""
        return self.found.difference.value is not None and self.found.difference.value > self.found.margin


def compare_stores(before: Store, after: Store, margin: float, seed: int = 1) -> list[Compared]:
    """Every side that both stores have, against humans and against the reference.

    Raises
    ------
    InputError : one of them was not scored, or they have no side, or no recording of one, in common
    """
    rows = [_scores(store) for store in (before, after)]
    found = [
        compared
        for side in before.sides
        if side in after.sides
        for compared in _compared(side, rows, (before, after), margin, seed)
    ]
    if not found:
        raise InputError(
            f"{before.folder} and {after.folder}: no side's answers to the same recordings in both; there are "
            f"{', '.join(before.sides)} and {', '.join(after.sides)} (--side NAME=… gives a side the same name)"
        )
    return found


def _scores(store: Store) -> list[Row]:
    if not (store.folder / SCORES).is_file():
        raise InputError(f"{store.folder}: not scored yet; `parity corpus score {store.folder}` does it")
    return list(read_records(store.folder / SCORES))


def _compared(
    side: str, rows: list[list[Row]], stores: tuple[Store, Store], margin: float, seed: int
) -> Iterator[Compared]:
    answers = [store.answers(store.sides[side]).sorted_rows(("recording", "rttm")) for store in stores]
    texts = [{row["recording"]: row["rttm"] for row in those} for those in answers]
    for against in (HUMAN, stores[0].reference):
        first, second = (usable(some, side, against or "") for some in rows)
        names = sorted(first.keys() & second.keys())
        if not names or against is None:
            continue
        moved = {name: second[name]["der_errors"] - first[name]["der_errors"] for name in names}
        flipped = [name for name in names if texts[0].get(name) != texts[1].get(name)]
        flipped.sort(key=lambda name: (-abs(moved[name]), name))
        yield Compared(
            side,
            against,
            non_inferiority(second, first, margin, "der", seed),
            better=sum(change < -STEP for change in moved.values()),
            worse=sum(change > STEP for change in moved.values()),
            flipped=[
                _flip(name, first, second, moved)
                for name in sorted(flipped, key=lambda name: (-abs(moved[name]), name))
            ],
        )


STEP = 5e-4
"""Seconds: half of RTTM's step, below which two sums of errors are the same."""


def _flip(name: str, first: Mapping[str, Row], second: Mapping[str, Row], moved: Mapping[str, float]) -> Row:
    return {
        "recording": name,
        "seconds_worse": moved[name],
        "speakers_before": first[name]["speakers"],
        "speakers_after": second[name]["speakers"],
        "segments_before": first[name]["segments"],
        "segments_after": second[name]["segments"],
    }
