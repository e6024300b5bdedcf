"""Does headroom foretell flips? Of every recording that was explained, what was to be expected, and what was seen.

Two answers. *Headroom* is the margin of a decision in units of the drift that this side really had there
(`parity.margins.margin`): below 1 the decision may fall otherwise, and does where the drift points at the edge. It
needs the side's own run. A recording's *chance* does not: it takes the base's margins alone, and what drift the side
had on the *other* recordings. Drift points either way, so that half of the drifts that reach over a margin flip it:
chance = 1 - product over kinds of (1 - half the share of the others' drifts that are as large as the margin).

Conventions: another VBx iteration is no decision about the answer: it moves numbers by less than the growth at which
VBx stops, and who survives, and who is whose, is decided by them later. It is counted for itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from parity.corpus.judging import share

Row = Mapping[str, Any]
NUMBERS_ONLY = ("vbx",)
"""Stages whose decisions move numbers, and nothing of the answer by themselves."""
HEADROOM_EDGES = (0.0, 0.3, 1.0, 3.0, 10.0, 100.0, 1000.0)
CHANCE_EDGES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
FACTOR = 2.0
"""A number of flips is foretold where it is within this factor of what was seen."""


def headrooms(explained: Mapping[str, Sequence[Row]], base: str) -> list[dict[str, Any]]:
    """One row for each recording of each side that drifts: its least headroom, its chance, whether it flipped.

    Of the base, which nothing but a capture can be compared with, there are none otherwise.

    Parameters
    ----------
    explained : side -> what `parity.corpus.explanations.explained_rows` has of it
    """
    found = []
    for side, rows in explained.items():
        known = [(row, json.loads(row["margins"])) for row in rows if row["error"] is None]
        if side == base and not _has_drift(margins for _, margins in known):
            continue
        chances = _chances([margins for _, margins in known])
        found += [
            {
                "side": side,
                "recording": row["recording"],
                **_least(margins),
                "chance": chance,
                "flipped": row["changed"],
            }
            for (row, margins), chance in zip(known, chances, strict=True)
        ]
    return found


def _has_drift(recordings: Iterable[Sequence[Row]]) -> bool:
    return any(row["drift"] is not None for margins in recordings for row in margins)


def _least(margins: Sequence[Row]) -> dict[str, Any]:
    """The first decision that may fall otherwise, else the one with the least headroom; those about numbers left out.

    Infinite headroom, where nothing drifts, is None. What is behind a decision that fell follows from it.
    """
    rooms = [(_headroom(row), row) for row in margins if row["smallest"] is not None]
    about = [(room, row) for room, row in rooms if row["stage"] not in NUMBERS_ONLY]
    least = min(about, key=lambda found: found[0], default=(np.inf, {"stage": None, "decision": None}))
    room, row = next((found for found in about if found[0] < 1), least)
    iterations = min((room for room, row in rooms if row["stage"] in NUMBERS_ONLY), default=np.inf)
    finite = bool(np.isfinite(room))
    return {
        "headroom": room if finite else None,
        "stage": row["stage"] if finite else None,
        "decision": row["decision"] if finite else None,
        "another_iteration": bool(iterations < 1),
    }


def _headroom(row: Row) -> float:
    """Of one kind; 0 where the two sides did not even take the same number of decisions: one before has fallen."""
    if row["drift"] is None:
        return 0.0
    return np.inf if row["least_headroom"] is None else float(row["least_headroom"])


def _chances(recordings: Sequence[Sequence[Row]]) -> list[float]:
    """Of each recording, by its own smallest margins and the others' drift at theirs."""
    drifts: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for number, margins in enumerate(recordings):
        for row in margins:
            if row["drift"] is not None and row["stage"] not in NUMBERS_ONLY:
                drifts.setdefault((row["stage"], row["decision"]), []).append((number, row["drift"]))
    return [_chance(number, margins, drifts) for number, margins in enumerate(recordings)]


def _chance(
    number: int, margins: Sequence[Row], drifts: Mapping[tuple[str, str], Sequence[tuple[int, float]]]
) -> float:
    stays = 1.0
    for row in margins:
        others = [drift for other, drift in drifts.get((row["stage"], row["decision"]), ()) if other != number]
        if others and row["smallest"] is not None:
            stays *= 1 - float(np.mean(np.array(others) >= row["smallest"])) / 2
    return 1 - stays


def foretold(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """One row for each side, and one for all: how many flips were to be expected, and how many there were."""
    sides = list(dict.fromkeys(row["side"] for row in rows))
    for side in [*sides, *(["all"] if len(sides) > 1 else [])]:
        own = [row for row in rows if side in (row["side"], "all")]
        below = [row for row in own if row["headroom"] is not None and row["headroom"] < 1]
        seen, chance = sum(row["flipped"] for row in own), sum(row["chance"] for row in own)
        yield {
            "side": side,
            "recordings": len(own),
            "flips": seen,
            "below_1": len(below),
            "flips_below_1": sum(row["flipped"] for row in below),
            "expected": chance,
            "below_1_within_2": within(len(below), seen),
            "expected_within_2": within(chance, seen),
            "another_iteration": sum(row["another_iteration"] for row in own),
            "flips_with_another_iteration": sum(row["flipped"] and row["another_iteration"] for row in own),
        }


def within(said: float, seen: float) -> bool:
    """Whether a number of flips is within a factor of two of those seen; less than half a flip is none."""
    return said < 1 / FACTOR if not seen else seen / FACTOR <= said <= seen * FACTOR


def calibration(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """How many of those with so much headroom, and of those with such a chance, flipped: all sides together."""
    for by, edges in (("headroom", HEADROOM_EDGES), ("chance", CHANCE_EDGES)):
        for low, high in zip(edges, [*edges[1:], None], strict=True):
            own = [row for row in rows if _in_bin(row[by], low, high)]
            seen = share(sum(row["flipped"] for row in own), len(own))
            if own:
                yield {
                    "by": by, "from": low, "to": high, "recordings": len(own), "flips": sum(r["flipped"] for r in own),
                    "share": seen.value, "low": seen.low, "high": seen.high,
                    "expected": sum(row["chance"] for row in own),
                }  # fmt: skip


def _in_bin(value: float | None, low: float, high: float | None) -> bool:
    value = np.inf if value is None else value
    return low <= value and (high is None or value < high)


def kinds(explained: Mapping[str, Sequence[Row]], base: str) -> Iterator[dict[str, Any]]:
    """One row for each side and kind of decision: how often it fell below 1, and how many of those flipped."""
    for side, rows in explained.items():
        found: dict[tuple[str, str], list[tuple[float, bool]]] = {}
        known = [(row, json.loads(row["margins"])) for row in rows if row["error"] is None]
        for row, margins in known if side != base or _has_drift(margins for _, margins in known) else ():
            for margin in margins:
                if margin["smallest"] is not None:
                    place = (margin["stage"], margin["decision"])
                    found.setdefault(place, []).append((_headroom(margin), row["changed"]))
        for (stage, decision), those in found.items():
            below = [flipped for room, flipped in those if room < 1]
            yield {
                "side": side, "stage": stage, "decision": decision, "recordings": len(those),
                "below_1": len(below), "flips_below_1": sum(below),
                "median": _plain(float(np.median([room for room, _ in those]))),
                "least": _plain(min(room for room, _ in those)),
            }  # fmt: skip


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
