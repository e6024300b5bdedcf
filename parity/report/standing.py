"""What reports say of the truth: how far a candidate is from float64, in units of the reference's own error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from parity.report.wording import inert_table, scientific

if TYPE_CHECKING:  # loads numpy, which who only asks for the names of tables need not wait for
    from parity.fixtures.standing import Standing

Found = dict[str, Any]
"""Standings as their JSON has them: artefact -> numbers."""

MOST = 3
COLUMNS = ("fixture", "artefact", "over the reference's own", "from the truth", "the reference from it", "")


def standing_data(found: Mapping[str, Standing] | None) -> Found | None:
    """Standings, ready for JSON; None where the snapshot has no truth."""
    if found is None:
        return None
    return {name: {**asdict(one), "no_worse": one.no_worse, "closer": one.closer} for name, one in found.items()}


def standing_lines(found: Found | None) -> list[str]:
    """Of one recording: each artefact's error in units of the reference's own, and what is closer to the truth."""
    if not found:
        return []
    said = ", ".join(f"{name} {ratio(row)}" for name, row in found.items())
    return [f"Error against float64, over the reference's own: {said}.", *_closer(found)]


def _closer(found: Found) -> list[str]:
    names = [name for name, row in found.items() if row["closer"]]
    return [f"Closer to the truth than the reference: {', '.join(names)}."] if names else []


def ratio(row: Found) -> str:
    """RMS from the truth over the reference's: two digits, and powers where it is large or small."""
    value = row["ratio"]
    if value is None:
        return "—"
    return f"{value:.2f}" if 0.095 <= value < 100 else f"{value:.1e}" if value else "0"


def standing_summary(fixtures: Iterable[Found]) -> list[str]:
    """Of a run: each artefact's range over the fixtures whose truth is known, and where it is closer to it."""
    of = {fixture["name"]: fixture["truth"] for fixture in fixtures if fixture.get("truth")}
    if not of:
        return []
    names = list(dict.fromkeys(name for found in of.values() for name in found))
    ranges = [_range(name, [found[name] for found in of.values() if name in found]) for name in names]
    where = next(iter(of)) if len(of) == 1 else f"{len(of)} fixtures"
    lines = [f"error against float64, over the reference's own ({where}): {', '.join(ranges)}"]
    for name in names:
        closer = [fixture for fixture, found in of.items() if name in found and found[name]["closer"]]
        more = f" and {len(closer) - MOST} more" if len(closer) > MOST else ""
        if closer:
            lines.append(f"{name}: closer to the truth than the reference on {', '.join(closer[:MOST])}{more}")
    return lines


def _range(name: str, rows: list[Found]) -> str:
    known = sorted((row for row in rows if row["ratio"] is not None), key=lambda row: row["ratio"])
    if not known:
        return f"{name} —"
    low, high = ratio(known[0]), ratio(known[-1])
    return f"{name} {low}" if low == high else f"{name} {low} to {high}"


def standing_markdown(fixtures: Iterable[Found]) -> list[str]:
    """Lines of a table of every fixture whose truth is known; none where none is."""
    rows = [
        (fixture["name"], name, *standing_cells(row))
        for fixture in fixtures
        for name, row in (fixture.get("truth") or {}).items()
    ]
    if not rows:
        return []
    head = "Error against float64 (the truth), RMS, over the reference's own:"
    return [
        "",
        "<details><summary>Against the truth</summary>",
        "",
        head,
        "",
        *inert_table(COLUMNS, rows),
        "</details>",
    ]


def standing_cells(row: Found) -> tuple[str, str, str, str]:
    """The ratio, both sides' largest distances, and whether it is closer."""
    word = "closer" if row["closer"] else "no worse" if row["no_worse"] else ""
    return ratio(row), scientific(row["candidate_max"]), scientific(row["reference_max"]), word


def no_worse_words(found: Found | None, names: Iterable[str]) -> str:
    """Of what is out of tolerance and no worse than the reference: by how much, in half a sentence.

    Parameters
    ----------
    names : of the artefacts that are out of tolerance
    """
    held = found or {}
    said = [f"{name} {ratio(held[name])}" for name in dict.fromkeys(names) if name in held]
    return f"Out of tolerance, with this much of the reference's own error against float64: {', '.join(said)}"
