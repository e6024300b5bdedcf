"""What was held against a port, what was accepted, what got no worse: in lines, and as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parity.history import Held, Worse
from parity.report.wording import inert

MOST = 20


def gate_lines(found: Held, *, baseline: str = "") -> list[str]:
    """The verdict of the gate first, then one line per failure, acceptance and expiry.

    Parameters
    ----------
    baseline : the earlier report's file; empty where there is none
    """
    failed = len(found.failures)
    first = _verdict(found.status == 0, failed, baseline)
    lines = [first, *(f"  {said(worse)}" for worse in found.failures[:MOST])]
    if failed > MOST:
        lines.append(f"  and {failed - MOST} more (--json has all)")
    if found.kept:
        names = ", ".join(dict.fromkeys(name for name, _ in found.kept))
        lines.append(f"As in the baseline or less, {len(found.kept)} artefacts still drift: {names}.")
    for entry in dict.fromkeys(entry for _, _, entry in found.accepted):
        where = ", ".join(dict.fromkeys(name for name, _, other in found.accepted if other == entry))
        lines.append(f"Accepted ({where}): {entry.words}.")
    lines += [f"Accepted, and not needed here: {entry.words}." for entry in found.unused]
    return lines


def _verdict(is_held: bool, failed: int, baseline: str) -> str:
    against = f" than in {baseline}" if baseline else ""
    if is_held:
        return f"HELD. Nothing is {f'worse{against}' if baseline else 'out of tolerance but what is accepted'}."
    what = f"worse{against}" if baseline else "out of tolerance, or not compared"
    return f"NOT HELD. {failed} {'thing is' if failed == 1 else 'things are'} {what}."


def of_gate(gate: Mapping[str, Any]) -> list[str]:
    """The key `gate` of a report in words: the verdict, then what failed, what is accepted, what drifts as before."""
    failures = [f"{row['recording']}: {row['what']}" if row["recording"] else row["what"] for row in gate["failures"]]
    lines = [_verdict(gate["held"], len(failures), gate["baseline"] or ""), *failures]
    lines += [
        f"Accepted until {row['until']} ({row['recording']}): {row['artefact']}, {row['reason']}"
        for row in gate["accepted"]
    ]
    return [*lines, *(f"As in the baseline or less ({row['recording']}): {row['artefact']}" for row in gate["kept"])]


def held_markdown(lines: Sequence[str]) -> list[str]:
    """What was held against a port, its verdict first, as lines of Markdown; none where nothing was."""
    shown = [inert(line.strip()) for line in lines if not line.startswith("::")]
    return [f"**{shown[0]}**", "", *(f"- {line}" for line in shown[1:]), ""] if shown else []


def gate_data(found: Held, *, baseline: str = "") -> dict[str, Any]:
    """The same as the key `gate` of a report."""
    return {
        "held": found.status == 0,
        "baseline": baseline or None,
        "failures": [
            {"recording": w.recording or None, "artefact": w.case.artefact if w.case else None, "what": w.words}
            for w in found.failures
        ],
        "accepted": [
            {"recording": name, "artefact": c.artefact, "reason": e.reason, "until": str(e.until)}
            for name, c, e in found.accepted
        ],
        "kept": [{"recording": name, "artefact": case.artefact} for name, case in found.kept],
    }


def said(worse: Worse) -> str:
    """A failure in one line, with its recording."""
    return f"{worse.recording}: {worse.words}" if worse.recording else worse.words
