"""`docs/symptoms.md`, from what you see to what it was: `PYTHONPATH=. python docs/make_symptoms.py`.

The page is what people saw in public, by hand, and below its mark what each known mistake makes of one fixture
(`measured/signatures.json`, which `python docs/signatures.py` measures). A test compares the page with this.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from parity.diagnosis.advice import CHECKS
from parity.faults.fault import Fault, load_faults
from parity.files.whole import write_text
from parity.pipeline.artefact import ARTEFACTS
from parity.report.wording import markdown_lines, number, scientific

FOLDER = Path(__file__).parent
PAGE, FILE = FOLDER / "symptoms.md", FOLDER / "measured" / "signatures.json"
MARK = "<!-- made by python docs/make_symptoms.py -->\n"
MOST = 3
HEAD = """\
## What each known mistake makes of {fixture}

{measured} of the {known} [known mistakes](explanation/mistakes.md), measured: what leaves tolerance first and what
follows, by its largest difference (or how many labels differ), the [kind](explanation/differences.md) of the first
difference where it has one, and the answer. Mistakes behind the embeddings, and of counting, run on the reference's
own arrays to the end. Those before them run alone, on the reference's own inputs and the recorded chunks; what the
answer would be takes the embedding network on every chunk, and is not said. *Nothing* is what a mistake does that this
recording does not show. The reference has 2 speakers and 13 turns here.

Made by `python docs/make_symptoms.py` of `docs/measured/signatures.json`, which `{command}` measures. {left_out}
"""


def page() -> str:
    """The page's text, what stands above the mark as it is."""
    text = PAGE.read_text(encoding="utf-8")
    found, faults = json.loads(FILE.read_text(encoding="utf-8")), load_faults()
    measured = [fault for fault in faults if fault.name in found["faults"]]
    head = HEAD.format(
        fixture=found["fixture"],
        measured=len(measured),
        known=len(faults),
        command=found["command"],
        left_out=_left_out(found["left_out"]),
    )
    lines = [head]
    for stage in dict.fromkeys(artefact.stage for artefact in ARTEFACTS.values()):
        if rows := [fault for fault in measured if fault.stage == stage]:
            lines += [*_stage(stage, rows, found["faults"]), ""]
    return text[: text.index(MARK) + len(MARK)] + "\n" + "\n".join(lines)


def _left_out(names: dict[str, str]) -> str:
    reasons: dict[str, list[str]] = {}
    for name, reason in names.items():
        reasons.setdefault(reason, []).append(name)
    said = [f"{len(some)} {reason} ({', '.join(f'`{name}`' for name in some)})" for reason, some in reasons.items()]
    return f"Left out: {'; '.join(said)}." if said else "None is left out."


def _stage(stage: str, faults: list[Fault], signatures: dict[str, Any]) -> list[str]:
    rows = [("you see", "the answer", "cause", "its name"), ("---", "---", "---", "---")]
    rows += [
        (_seen(signatures[fault.name]), _answer(signatures[fault.name]["answer"]), fault.about, f"`{fault.name}`")
        for fault in faults
    ]
    return [f"### {stage}", "", f"First check: {CHECKS[stage]}.", "", *markdown_lines(rows)]


def _seen(found: dict[str, Any]) -> str:
    moves = found["moves"]
    if not moves:
        return "nothing"
    listed = [f"`{row['artefact']}` {_size(row)}" for row in moves[:MOST]]
    more = f", and {len(moves) - MOST} more" if len(moves) > MOST else ""
    return ", ".join(listed) + more + (f"; {found['kind']}" if found["kind"] else "")


def _size(row: dict[str, Any]) -> str:
    if row["note"]:
        return row["note"]
    if row["differ"]:
        return f"{row['differ']} of {row['of']} differ"
    return str(scientific(row["max_abs"]))


def _answer(found: dict[str, Any] | None) -> str:
    if found is None:
        return "—"
    if found["raised"]:
        return f"raises {found['raised'][0]}"
    counts = f"{found['speakers']} speaker{'' if found['speakers'] == 1 else 's'}, {found['turns']} turns"
    return f"DER {number(found['der'])}, {counts}"


if __name__ == "__main__":
    write_text(PAGE, page())
