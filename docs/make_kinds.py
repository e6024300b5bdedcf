"""The table at the end of `docs/explanation/differences.md`, measured: `python docs/make_kinds.py`.

A test compares the page with what this makes.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from parity.calibration.kinds import NONE, PLANTS, RIGHT, WRONG, plant_kinds
from parity.files.whole import write_text
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.snapshot import read_snapshot
from parity.report.wording import markdown_lines

PAGE = Path(__file__).parent / "explanation" / "differences.md"
MARK = "<!-- kinds: made by python docs/make_kinds.py -->\n"
FIXTURE = "02_pyannote_sample"


def table() -> str:
    """One line per plant: on how many artefacts it was named right, wrongly, not at all."""
    (fixture,) = Catalogue.read(default_folder()).select([FIXTURE])
    snapshot = read_snapshot(fixture.snapshot_folder)
    found = plant_kinds(snapshot.values, snapshot.chunks)
    rows = [["planted", "artefacts", "named right", "named wrongly", "no kind"], ["---", *["---:"] * 4]]
    for plant in PLANTS:
        counts = Counter(one.outcome for one in found if one.plant == plant.name)
        title = plant.name if plant.kind else f"{plant.name} (none of them: no kind is right)"
        rows.append([title, *(str(n) for n in (counts.total(), counts[RIGHT], counts[WRONG], counts[NONE]))])
    return "\n".join(markdown_lines(rows)) + "\n"


def page() -> str:
    """The page with the table that the code gives now."""
    text = PAGE.read_text(encoding="utf-8")
    return text[: text.index(MARK) + len(MARK)] + "\n" + table()


if __name__ == "__main__":
    write_text(PAGE, page())
