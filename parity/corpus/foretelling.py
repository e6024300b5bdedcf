"""Does headroom foretell flips? Of every recording that was explained, what was to be expected, and what was seen.

*Headroom* is the margin of a decision in units of the drift that this side really had there (`parity.margins.margin`):
below 1 the decision may fall otherwise, and does where the drift points at the edge. It needs the side's own run. So
many recordings as are below 1 may flip, and half of them where as many drifts point away from the edge as towards it.
Whether a decision *fell*, in whatever became the same answer in the end, is counted beside whether the answer flipped.
A recording's *chance* needs no run of it: it takes the base's margins alone, and what drift the side had on the *other*
recordings: chance = 1 - product over kinds of (1 - half the share of the others' drifts that are as large as the
margin). All three are numbers of flips that are foretold (`PREDICTIONS`). Of one recording such a number is never
within a factor of two; of groups it is or not: `parity.corpus.grouping`.

Conventions: another VBx iteration is no decision about the answer: it moves numbers by less than the growth at which
VBx stops, and who survives, and who is whose, is decided by them later. It is counted for itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
PREDICTIONS: dict[str, Callable[[Row], float]] = {
    "below_1": lambda row: int(_is_below(row)),
    "half_below_1": lambda row: _is_below(row) / 2,
    "expected": lambda row: float(row["chance"]),
}
"""What is foretold -> how many flips of a row of `headrooms`, whose sum is that of many."""


def headrooms(explained: Mapping[str, Sequence[Row]], base: str) -> list[dict[str, Any]]:
    """One row for each recording of each side that drifts: its least headroom, its chance, whether it fell and flipped.

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
                "fell": row["first_decision"] is not None,
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
    """One row for each side, and one for all: how many flips were to be expected, how many decisions fell and flips
    there were."""
    sides = list(dict.fromkeys(row["side"] for row in rows))
    for side in [*sides, *(["all"] if len(sides) > 1 else [])]:
        own = [row for row in rows if side in (row["side"], "all")]
        yield {
            "side": side,
            **counted(own),
            "flips_below_1": sum(row["flipped"] for row in own if _is_below(row)),
            "fell": sum(row["fell"] for row in own),
            "fell_below_1": sum(row["fell"] for row in own if _is_below(row)),
            "another_iteration": sum(row["another_iteration"] for row in own),
            "flips_with_another_iteration": sum(row["flipped"] and row["another_iteration"] for row in own),
        }


def counted(rows: Sequence[Row]) -> dict[str, Any]:
    """Recordings, flips, each of `PREDICTIONS`, and whether that is `within` a factor of two."""
    seen = sum(row["flipped"] for row in rows)
    said = {name: sum(map(one, rows)) for name, one in PREDICTIONS.items()}
    close = {f"{name}_within_2": within(value, seen) for name, value in said.items()}
    return {"recordings": len(rows), "flips": seen, **said, **close}


def _is_below(row: Row) -> bool:
    return row["headroom"] is not None and row["headroom"] < 1


def within(said: float, seen: float) -> bool:
    """Whether a number of flips is within a factor of two of those seen; less than half a flip is none."""
    return is_none(said) if not seen else seen / FACTOR <= said <= seen * FACTOR


def is_none(said: float) -> bool:
    """Whether a number of flips that is foretold says that there are none."""
    return said < 1 / FACTOR


def calibration(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """How many of those with so much headroom, and of those with such a chance, flipped: all sides together."""
    for by, edges in (("headroom", HEADROOM_EDGES), ("chance", CHANCE_EDGES)):
        for low, high in zip(edges, [*edges[1:], None], strict=True):
            own = [row for row in rows if _in_bin(row[by], low, high)]
            seen = share(sum(row["flipped"] for row in own), len(own))
            if own:
                yield {
                    "by": by, "from": low, "to": high, "recordings": len(own), "flips": sum(r["flipped"] for r in own),
                    "share": seen.value, "low": seen.low, "high": seen.high, "fell": sum(row["fell"] for row in own),
                    "expected": sum(row["chance"] for row in own),
                }  # fmt: skip


def _in_bin(value: float | None, low: float, high: float | None) -> bool:
    value = np.inf if value is None else value
    return low <= value and (high is None or value < high)


def kinds(explained: Mapping[str, Sequence[Row]], base: str) -> Iterator[dict[str, Any]]:
    """One row for each side and kind of decision: how often it fell below 1, and was the first; how many flipped."""
    first = [row for row in headrooms(explained, base) if _is_below(row)]
    firsts = Counter((row["side"], row["stage"], row["decision"]) for row in first)
    flips = Counter((row["side"], row["stage"], row["decision"]) for row in first if row["flipped"])
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
                "first_below_1": firsts[side, stage, decision], "flips_first_below_1": flips[side, stage, decision],
                "median": _plain(float(np.median([room for room, _ in those]))),
                "least": _plain(min(room for room, _ in those)),
            }  # fmt: skip


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
