"""What moved since the last release, and what of the project that may be why: `drift.md` and `drift.html`."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from parity.files.documents import read_json
from parity.history import Judged, judged_in, worse_than
from parity.history.changelog import entry
from release.tree import git

CODE_OF = {"audio": "parity/audio", "segmentation": "parity/networks", "embeddings": "parity/networks"}
"""A stage -> where it is computed, where that is no module of its own in `parity/community1`."""

COMMITS = 5
"""At most so many commits are named for one stage."""


@dataclass(frozen=True)
class Moved:
    """One number of one artefact that is not what it was.

    Attributes
    ----------
    before, now : the largest difference from the reference and elements that differ; None: was not, is not compared
    """

    fixture: str
    stage: str
    artefact: str
    mode: str
    before: tuple[float | None, int] | None
    now: tuple[float | None, int] | None
    tolerance: float | None

    @property
    def words(self) -> tuple[str, ...]:
        """The cells of a table's row."""
        limit = "equal" if not self.tolerance else f"{self.tolerance:.0e}"
        return self.fixture, f"{self.artefact} ({self.mode})", _size(self.before), _size(self.now), limit


def moved(before: Iterable[Judged], now: Iterable[Judged]) -> list[Moved]:
    """Every artefact whose drift is another one, in the order of this release's report, what is gone at the end."""
    then = {(one.name, case.key): case for one in before for case in one.cases}
    rows = []
    seen: set[tuple[str, tuple[str, str]]] = set()
    for one in now:
        for case in one.cases:
            seen.add((one.name, case.key))
            old = then.get((one.name, case.key))
            sizes = None if old is None else (old.max_abs, old.mismatches), (case.max_abs, case.mismatches)
            if sizes[0] != sizes[1]:
                rows.append(Moved(one.name, case.stage, case.artefact, case.mode, *sizes, case.tolerance))
    for (name, told), case in then.items():
        if (name, told) not in seen:
            size = (case.max_abs, case.mismatches)
            rows.append(Moved(name, case.stage, case.artefact, case.mode, size, None, case.tolerance))
    return rows


def captured_anew(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Fixtures whose snapshot is another one: name -> hash, in both releases."""
    return sorted(name for name in before if name in now and now[name] != before[name])


def reasons(root: Path, since: str, stages: Iterable[str]) -> dict[str, list[str]]:
    """Stage -> the subjects of commits since one commit that touched where the stage is computed."""
    found = {}
    for stage in dict.fromkeys(stages):
        module = Path("parity", "community1", f"{stage}.py")
        place = CODE_OF.get(stage) or (module.as_posix() if (root / module).is_file() else "parity/community1")
        lines = git(root, "log", "--format=%h %s", f"{since}..HEAD", "--", place).splitlines()
        more = [f"and {len(lines) - COMMITS} more"] if len(lines) > COMMITS else []
        found[stage] = [*lines[:COMMITS], *more] or [f"no commit touched {place}"]
    return found


@dataclass(frozen=True)
class Page:
    """What the page says.

    Attributes
    ----------
    version, last : of this release and of the one before; None: there is none
    rows : what moved
    anew : fixtures that were captured anew
    why : stage -> commits that touched it
    worse : what got worse, one line each
    said : this version's section of the changelog
    """

    version: str
    last: str | None
    rows: list[Moved]
    anew: list[str]
    why: dict[str, list[str]]
    worse: list[str]
    said: str

    @property
    def verdict(self) -> str:
        """The first line."""
        if self.last is None:
            return f"{self.version} is the first release whose reports are kept: nothing to compare it with."
        if not self.rows:
            return f"Nothing moved since {self.last}: every artefact of every fixture drifts as it did."
        worse = f"{len(self.worse)} got worse" if self.worse else "nothing got worse"
        return f"{len(self.rows)} numbers moved since {self.last}; {worse}."


def page_of(root: Path, version: str, now: dict[str, Any], snapshots: Mapping[str, str], last: Path | None) -> Page:
    """What moved since the last release.

    Parameters
    ----------
    now : this release's `parity.json`
    snapshots : fixture -> hash of its snapshot
    last : the last release's folder; None: there is none
    """
    said = entry((root / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if last is None:
        return Page(version, None, [], [], {}, [], said)
    made = read_json(last / "release.json")
    before, current = judged_in(read_json(last / "parity.json")), judged_in(now)
    rows = moved(before, current)
    worse = [f"{one.recording}: {one.words}" for one in worse_than(before, current)]
    why = reasons(root, made["commit"], (row.stage for row in rows))
    return Page(version, last.name, rows, captured_anew(made["snapshots"], snapshots), why, worse, said)


HEADS = ("fixture", "artefact", "was", "is", "limit")


def markdown(page: Page) -> str:
    """The page for a repository."""
    lines = [f"# What moved in {page.version}", "", page.verdict]
    if page.rows:
        lines += ["", "| " + " | ".join(HEADS) + " |", "|---|---|---|---|---|"]
        lines += ["| " + " | ".join(row.words) + " |" for row in page.rows]
    for title, texts in _lists(page):
        lines += ["", f"## {title}", "", *(f"- {text}" for text in texts)]
    return "\n".join([*lines, "", "## What the changelog says", "", _said(page), ""])


def as_html(page: Page) -> str:
    """The same as one page that loads nothing."""
    cells = "".join(f"<th>{head}</th>" for head in HEADS)
    rows = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row.words)}</tr>\n" for row in page.rows)
    table = f"<table><tr>{cells}</tr>\n{rows}</table>" if page.rows else ""
    lists = "".join(
        f"<h2>{html.escape(title)}</h2><ul>{''.join(f'<li>{html.escape(text)}</li>' for text in texts)}</ul>"
        for title, texts in _lists(page)
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>What moved in {html.escape(page.version)}</title>'
        "<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
        "td,th{padding:.1rem .8rem .1rem 0;text-align:left}td{font-variant-numeric:tabular-nums}"
        "h3{margin:1rem 0 0}</style>"
        f"<h1>What moved in {html.escape(page.version)}</h1><p>{html.escape(page.verdict)}</p>{table}{lists}"
        f"<h2>What the changelog says</h2>{MarkdownIt('commonmark', {'html': False}).render(_said(page))}</html>\n"
    )


def _said(page: Page) -> str:
    """The changelog's section, its links as they lead from `reports/VERSION`."""
    return re.sub(r"\]\((?!\w+:|#|/)", "](../../", page.said)


def _lists(page: Page) -> list[tuple[str, list[str]]]:
    why = [f"{stage}: {'; '.join(commits)}" for stage, commits in page.why.items()]
    found = [("Got worse", page.worse), ("Captured anew", page.anew), ("What touched the code, by stage", why)]
    return [(title, texts) for title, texts in found if texts]


def _size(found: tuple[float | None, int] | None) -> str:
    if found is None:
        return "not compared"
    largest, differ = found
    return f"{differ} differ" if differ else ("equal" if not largest else f"{largest:.2e}")
