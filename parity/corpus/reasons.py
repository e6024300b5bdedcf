"""A store's explanations -> tables of its report: what decided each flip, and whether headroom foretold it.

Tables: `explained` (one row for each side and recording, without its long texts), `decides` (how often each stage
decides, and is the first to decide otherwise), `headroom`, `foretold`, `calibration`, `kinds`
(`parity.corpus.foretelling`), `foretold_groups`, `foretold_shares` (`parity.corpus.grouping`). All are empty where
nothing was explained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from parity.corpus.foretelling import calibration, foretold, headrooms, kinds
from parity.corpus.grouping import groups, shares

Row = Mapping[str, Any]
TABLES = (
    "explained", "decides", "headroom", "foretold", "foretold_groups", "foretold_shares", "calibration", "kinds",
)  # fmt: skip
SHORT = (
    "recording", "changed", "as_kept", "out_of_tolerance", "first_decision", "born", "decisive", "together", "failure",
    "error",
)  # fmt: skip
NOBODY = "no stage alone"


def reasons(
    explained: Mapping[str, Sequence[Row]], base: str | None, speakers: Mapping[str, int]
) -> dict[str, list[Row]]:
    """All tables.

    Parameters
    ----------
    explained : side -> what `parity.corpus.explanations.explained_rows` has of it
    base : name of the side that stood for the reference; None: nothing was explained
    speakers : recording -> how many the base hears
    """
    if base is None or not explained:
        return {name: [] for name in TABLES}
    rows = headrooms(explained, base)
    grouped = groups(rows, speakers)
    tables: dict[str, list[Row]] = {
        "explained": [
            {"side": side, **{key: row[key] for key in SHORT}} for side, own in explained.items() for row in own
        ],
        "decides": list(_decides(explained)),
        "headroom": list(rows),
        "foretold": list(foretold(rows)),
        "foretold_groups": list(grouped),
        "foretold_shares": list(shares(grouped)),
        "calibration": list(calibration(rows)),
        "kinds": list(kinds(explained, base)),
    }
    return tables


def _decides(explained: Mapping[str, Sequence[Row]]) -> Iterator[Row]:
    for side, rows in explained.items():
        changed = [row for row in rows if row["changed"]]
        for role, who in ROLES.items():
            for stage, count in Counter(map(who, changed)).most_common():
                yield {"side": side, "role": role, "stage": stage, "flips": count, "of": len(changed)}


def _who(row: Row) -> str:
    return str(row["decisive"] or row["together"] or NOBODY)


ROLES: dict[str, Callable[[Row], str]] = {
    "decides": _who,
    "first to decide otherwise": lambda row: row["first_decision"] or NOBODY,
}


def why(flip: Row, explained: Mapping[tuple[str, str], Row], base: str | None) -> str:
    """One flip's reason in a few words; empty where nothing was explained."""
    row = explained.get((flip["side"], flip["recording"]))
    if row is None or row["error"] is not None:
        return "" if row is None else f"not explained: {row['error']}"
    if not row["changed"] and flip["side"] == base:
        return f"{base} itself: see its closest decisions"
    if not row["changed"]:
        return f"as {base}: {base} itself is not the reference's"
    first = f", {row['first_decision']} first otherwise" if row["first_decision"] else ""
    return f"{_who(row)} decides{first}"
