"""A store's scores -> the tables of its report: plain rows, each with its interval.

Tables: `agreement` (each candidate against the reference), `accuracy` (each side against humans), `noninferiority`,
`values` (every metric, over all recordings and by dataset, number of speakers and length), `differences` (each
recording's DER against humans, candidate less reference), `counts`, `confusion` (numbers of speakers), `flips`,
`failures`; and those of `parity.corpus.reasons`, where answers were explained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from parity.corpus.explanations import explained_rows
from parity.corpus.judging import (
    Interval,
    confusion_of_counts,
    count_classes,
    flips,
    interval,
    intervals,
    non_inferiority,
    share,
    usable,
    what_flipped,
)
from parity.corpus.reasons import reasons, why
from parity.corpus.rows import read_records
from parity.corpus.scoring import HUMAN, METRICS
from parity.corpus.store import SCORES, Store
from parity.errors import InputError

REPORT_SCHEMA = 1
LENGTHS = (30, 60, 300, 1800)
"""Seconds; recordings are grouped by them."""
MARGIN = 0.005
"""What non-inferiority is judged by where nobody states a margin: half a point of DER."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Summary:
    """A store's tables.

    Attributes
    ----------
    reference : name of the side that the candidates were compared with; None: there is none
    candidates, sides : names, in their order
    recordings : in the store
    base : name of the side that answers were explained by; None: they were not
    margin : of non-inferiority
    tables : name -> rows, see above; every row of one table has the same keys
    seconds : side -> median seconds of work for a second of audio, where it is known
    """

    reference: str | None
    candidates: tuple[str, ...]
    sides: tuple[str, ...]
    recordings: int
    base: str | None
    margin: float
    tables: Mapping[str, list[Row]]
    seconds: Mapping[str, float]


def summarise(store: Store, margin: float = MARGIN, seed: int = 1) -> Summary:
    """All tables of a store that was scored.

    Raises
    ------
    InputError : it was not scored
    """
    if not (store.folder / SCORES).is_file():
        raise InputError(f"{store.folder}: not scored yet; `parity corpus score {store.folder}` does it")
    rows = read_records(store.folder / SCORES)
    sides = tuple(store.sides)
    candidates = tuple(name for name in sides if name != store.reference)
    pairs = sorted({(row["side"], row["against"]) for row in rows}, key=lambda pair: (pair[1], sides.index(pair[0])))
    judged = {pair: list(usable(rows, *pair).values()) for pair in pairs}
    failed = [row for row in rows if row["error"] is not None]
    explained = explained_rows(store)
    short = {(side, row["recording"]): row for side, own in explained.items() for row in own}
    tables: dict[str, list[Row]] = {
        "agreement": [
            _agreement(name, judged[name, against], failed)
            for name in candidates
            if (against := store.reference or "") and (name, against) in judged
        ],
        "accuracy": [_accuracy(pair[0], judged[pair], seed) for pair in pairs if pair[1] == HUMAN],
        "noninferiority": list(_non_inferiority(rows, store.reference, candidates, margin, seed)),
        "values": [row for pair in pairs for row in _values(pair, judged[pair], seed)],
        "counts": [{**_of(pair), "recordings": len(judged[pair]), **count_classes(judged[pair])} for pair in pairs],
        "confusion": [
            {**_of(pair), "right_speakers": right, "speakers": said, "recordings": number}
            for pair in pairs
            for (right, said), number in confusion_of_counts(judged[pair]).items()
        ],
        "differences": list(_differences(rows, store.reference, candidates)),
        "flips": [
            {**_flip(row), "why": why(row, short, store.base)}
            for name in candidates
            for row in flips(judged.get((name, store.reference or ""), []))
        ],
        "failures": [{key: row[key] for key in ("recording", "side", "against", "error")} for row in failed],
        **reasons(explained, store.base, _speakers(store)),
    }
    recordings, _ = store.counted()
    return Summary(store.reference, candidates, sides, recordings, store.base, margin, tables, _seconds(store))


def _speakers(store: Store) -> dict[str, int]:
    """Recording -> how many speakers the base hears; nothing where answers were not explained."""
    if store.base is None:
        return {}
    rows = store.answers(store.sides[store.base]).sorted_rows(("recording", "speakers"))
    return {row["recording"]: row["speakers"] for row in rows if row["speakers"] is not None}


def _of(pair: tuple[str, str]) -> Row:
    return {"side": pair[0], "against": pair[1]}


def _ends(found: Interval, name: str = "value") -> Row:
    return {name: found.value, "low": found.low, "high": found.high, "recordings": found.recordings}


def _agreement(name: str, rows: Sequence[Row], failed: Sequence[Row]) -> Row:
    changed = flips(rows)
    return {
        "side": name,
        "flips": len(changed),
        **_ends(share(len(changed), len(rows)), "flip_share"),
        "speakers_changed": sum(row["speakers"] != row["right_speakers"] for row in rows),
        "segments_changed": sum(row["segments"] != row["right_segments"] for row in rows),
        "der": interval(rows, "der").value,
        "failed": sum(row["side"] == name and row["against"] != HUMAN for row in failed),
    }


def _accuracy(name: str, rows: Sequence[Row], seed: int) -> Row:
    total = sum(row["der_total"] for row in rows)
    parts = {part: sum(row[part] for row in rows) / total if total else None for part in PARTS}
    return {"side": name, **_ends(interval(rows, "der", seed), "der"), **parts}


PARTS = ("missed", "false_alarm", "confusion")


def _non_inferiority(
    rows: Sequence[Row], reference: str | None, candidates: Sequence[str], margin: float, seed: int
) -> Iterator[Row]:
    theirs = usable(rows, reference, HUMAN) if reference else {}
    for name in candidates if theirs else ():
        for metric in ("der", "der_250ms", "jer"):
            found = non_inferiority(usable(rows, name, HUMAN), theirs, margin, metric, seed)
            difference = _ends(found.difference, "difference")
            yield {
                "side": name, "metric": metric, **difference, "margin": margin, "verdict": found.verdict,
                "recordings_needed": found.needed,
            }  # fmt: skip


def _differences(rows: Sequence[Row], reference: str | None, candidates: Sequence[str]) -> Iterator[Row]:
    theirs = usable(rows, reference, HUMAN) if reference else {}
    for name in candidates if theirs else ():
        own = usable(rows, name, HUMAN)
        for recording in sorted(own.keys() & theirs.keys()):
            row, other = own[recording], theirs[recording]
            seconds = row["der_errors"] - other["der_errors"]
            yield {
                "side": name, "recording": recording, "dataset": row["dataset"], "seconds": seconds,
                "difference": seconds / row["der_total"] if row["der_total"] else None,
            }  # fmt: skip


def _values(pair: tuple[str, str], rows: Sequence[Row], seed: int) -> Iterator[Row]:
    for group, member in GROUPS.items():
        for which in sorted({member(row) for row in rows}):
            chosen = [row for row in rows if member(row) == which]
            for metric, found in intervals(chosen, METRICS, seed).items():  # drawn once for all of them
                yield {**_of(pair), "group": group, "which": which, "metric": metric, **_ends(found)}


def _length(row: Row) -> str:
    below = [f"below {limit:>4} s" for limit in LENGTHS if row["audio_seconds"] < limit]
    return below[0] if below else f"{LENGTHS[-1]} s or more"


GROUPS: dict[str, Callable[[Row], str]] = {
    "all": lambda row: "",
    "dataset": lambda row: str(row["dataset"]),
    "speakers": lambda row: f"{row['right_speakers']:3d}",
    "length": _length,
}


def _flip(row: Row) -> Row:
    kept = ("side", "recording", "dataset", "der_errors", "right_speakers", "speakers", "right_segments", "segments")
    return {**{key: row[key] for key in kept}, "what": what_flipped(row)}


def _seconds(store: Store) -> dict[str, float]:
    found = {}
    for name, key in store.sides.items():
        answers = store.answers(key)
        ratios = sorted(
            answers.seconds[row["recording"]] / row["audio_seconds"]
            for row in answers.sorted_rows(("recording", "audio_seconds"))
            if row["recording"] in answers.seconds and row["audio_seconds"]
        )
        if ratios:
            found[name] = ratios[len(ratios) // 2]
    return found


def verdict(found: Summary) -> str:
    """The first line: what matters most, and what to do next."""
    failures = len({(row["recording"], row["side"]) for row in found.tables["failures"]})
    said = [f"{failures} answers failed"] if failures else []
    for row in found.tables["agreement"]:
        many = row["recordings"]
        if not row["flips"]:
            said.append(f"{row['side']}: all {many} line for line {found.reference}'s (flips below {row['high']:.1%})")
        else:
            ends = f"{row['low']:.1%} to {row['high']:.1%}"
            said.append(f"{row['side']}: {row['flips']} of {many} are not line for line {found.reference}'s ({ends})")
    for row in found.tables["noninferiority"]:
        if row["metric"] == "der":
            said.append(f"{row['side']} against humans: {row['verdict']} at a margin of {row['margin']:.2%} DER")
    if not found.tables["agreement"]:  # nobody to be compared with, but for humans
        known = [row for row in found.tables["accuracy"] if row["der"] is not None]
        said += [f"{row['side']}: DER {row['der']:.2%} against humans" for row in known]
    return "; ".join(said) or f"{found.recordings} recordings, nothing to compare: name a --reference, or human RTTMs"


def as_plain(found: Summary) -> dict[str, Any]:
    """The summary as JSON has it."""
    return {"schema": REPORT_SCHEMA, "verdict": verdict(found), **asdict(found)}
