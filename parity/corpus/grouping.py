"""In how many groups of recordings is the number of flips foretold within a factor of two?

Groups are of one side each: the side itself, its recordings by the number of speakers, and by their place in the order
of headroom, in tenths of which each has at least `FEWEST` recordings. A group in which nothing flipped is within a
factor of two where nothing was foretold, and of most groups of a side that hardly drifts that is trivial: so those are
counted apart where something flipped, or some prediction says that something will (`telling`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from parity.corpus.foretelling import PREDICTIONS, counted, is_none

Row = Mapping[str, Any]
TENTHS, FEWEST = 10, 10
SIDE, SPEAKERS, HEADROOM = "side", "speakers", "headroom"


def groups(rows: Sequence[Row], speakers: Mapping[str, int]) -> list[dict[str, Any]]:
    """One row for each group: what was foretold of it and what was seen.

    Parameters
    ----------
    rows : of `parity.corpus.foretelling.headrooms`
    speakers : recording -> how many the base hears
    """
    found = []
    for side in dict.fromkeys(row["side"] for row in rows):
        own = [row for row in rows if row["side"] == side]
        for by, which, members in [(SIDE, "", own), *_by_speakers(own, speakers), *_by_headroom(own)]:
            said = counted(members)
            telling = bool(said["flips"]) or not all(is_none(said[name]) for name in PREDICTIONS)
            found.append({"side": side, "by": by, "which": which, **said, "telling": telling})
    return found


def _by_speakers(rows: Sequence[Row], speakers: Mapping[str, int]) -> Iterator[tuple[str, str, Sequence[Row]]]:
    known = [row for row in rows if row["recording"] in speakers]
    for number in sorted({speakers[row["recording"]] for row in known}):
        yield SPEAKERS, str(number), [row for row in known if speakers[row["recording"]] == number]


def _by_headroom(rows: Sequence[Row]) -> Iterator[tuple[str, str, Sequence[Row]]]:
    """From least to most; what drifts nowhere has most."""
    order = sorted(rows, key=lambda row: (np.inf if row["headroom"] is None else row["headroom"], row["recording"]))
    parts = min(TENTHS, max(1, len(rows) // FEWEST))
    for number, places in enumerate(np.array_split(np.arange(len(rows)), parts), start=1):
        yield HEADROOM, f"{number} of {parts}", [order[place] for place in places]


def shares(found: Sequence[Row]) -> Iterator[dict[str, Any]]:
    """One row for each way of grouping and side, and for all sides: how many groups each prediction is right about.

    `NAME_within_2` counts all groups, `NAME_within_2_telling` those that are telling.
    """
    sides = list(dict.fromkeys(row["side"] for row in found))
    for by in (SIDE, SPEAKERS, HEADROOM):
        for side in ["all"] if by == SIDE else [*sides, *(["all"] if len(sides) > 1 else [])]:
            own = [row for row in found if row["by"] == by and side in (row["side"], "all")]
            telling = [row for row in own if row["telling"]]
            right = {}
            for name in PREDICTIONS:
                right[f"{name}_within_2"] = sum(row[f"{name}_within_2"] for row in own)
                right[f"{name}_within_2_telling"] = sum(row[f"{name}_within_2"] for row in telling)
            if own:
                yield {"by": by, "side": side, "groups": len(own), "telling": len(telling), **right}
