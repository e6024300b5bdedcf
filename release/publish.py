"""`reports/VERSION/`: what a release keeps of itself in the repository."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from parity.errors import InputError
from parity.files.documents import read_json
from parity.files.whole import writing_folder
from parity.fixtures.beside import snapshot_sha256
from release.captures import write_captures
from release.log import Log
from release.moved import as_html, markdown, page_of
from release.tree import VERSION

SCHEMA = 1
FILES = {
    "parity": ("parity.json", "parity.md", "index.html"),
    "calibration": ("calibration.json",),
    "bench": ("bench.json", "bench.md"),
    "fuzz": ("fuzz.json",),
    "sbom": ("sbom.json",),
}
"""Step -> what it leaves for the release's folder."""

SCHEMAS = ("parity", "bench", "fuzz", "peers", "release")


def releases(reports: Path) -> list[Path]:
    """Folders of releases, oldest first."""
    found = [path for path in reports.iterdir() if VERSION.fullmatch(path.name)] if reports.is_dir() else []
    return sorted((path for path in found if (path / "release.json").is_file()), key=_order)


def _order(path: Path) -> tuple[tuple[int, ...], bool, str]:
    numbers, pre = re.match(r"(\d+\.\d+\.\d+)(.*)", path.name).groups()  # type: ignore[union-attr]
    return tuple(map(int, numbers.split("."))), not pre, pre


def last_before(reports: Path, version: str) -> Path | None:
    """The last release before a version; None where there is none."""
    earlier = [path for path in releases(reports) if _order(path) < _order(Path(version))]
    return earlier[-1] if earlier else None


def snapshots(fixtures: Path) -> dict[str, str]:
    """Fixture -> hash of its snapshot."""
    names = sorted(path.parent.name for path in fixtures.glob("*/manifest.json"))
    return {name: snapshot_sha256(fixtures / name) for name in names}


def release_document(log: Log, version: str, day: str, of: dict[str, str], *, partial: bool) -> dict[str, Any]:
    """`release.json`: of what it was made, with the minutes of each step and what it found.

    Parameters
    ----------
    of : fixture -> hash of its snapshot
    partial : whether less was asked than a release needs: a rehearsal
    """
    return {
        "schema": SCHEMA,
        "version": version,
        "commit": log.commit,
        "date": day,
        "rehearsal": partial,
        "asked": log.asked,
        "snapshots": of,
        "seconds": round(sum(found["seconds"] for found in log.done.values()), 1),
        "steps": log.done,
    }


def publish(root: Path, out: Path, log: Log, version: str, day: str, *, partial: bool) -> list[str]:
    """Write the release's folder, whole or not at all; the names in it.

    Parameters
    ----------
    out : its folder, replaced where it is one of this version; what was made lies beside the log

    Raises
    ------
    InputError : something that a step made is not there, or the folder is of something else
    """
    made = log.path.parent
    kept = [name for step, names in FILES.items() if step in log.done for name in names]
    missing = [name for name in kept if not (made / name).is_file()]
    if missing:
        raise InputError(f"{made}: lacks {', '.join(missing)}; was it removed? run the release again without its log")
    if out.exists() and _version_of(out) != version:
        raise InputError(f"{out}: there is something that is no release {version}; move it away")
    of = snapshots(root / "fixtures")
    now = read_json(made / "parity.json") if "parity.json" in kept else {"fixtures": []}
    page = page_of(root, version, now, of, last_before(root / "reports", version))
    document = release_document(log, version, day, of, partial=partial)
    captured = [found for name, found in log.done.items() if name.startswith("capture ")]
    with writing_folder(out, replace=True) as folder:
        for name in kept:
            shutil.copy(made / name, folder / name)
        write_captures(folder / "captures.json", captured)
        (folder / "drift.md").write_text(markdown(page), encoding="utf-8")
        (folder / "drift.html").write_text(as_html(page), encoding="utf-8")
        text = json.dumps(document, indent=1, ensure_ascii=False)
        (folder / "release.json").write_text(text + "\n", encoding="utf-8")
        (folder / "README.md").write_text(readme(log, version, day, page.verdict, partial=partial), encoding="utf-8")
        (folder / "schemas").mkdir()
        for path in (path for part in SCHEMAS for path in (root / part).rglob("*schema.json")):
            shutil.copy(path, folder / "schemas" / path.name)
    return sorted(path.name for path in out.iterdir())


def _version_of(folder: Path) -> str | None:
    path = folder / "release.json"
    return read_json(path).get("version") if path.is_file() else None


def readme(log: Log, version: str, day: str, moved: str, *, partial: bool) -> str:
    """The release at a glance: every step, its minutes, what it said."""
    head = [f"# {version}, {day}", "", f"Made of `{log.commit}` by `nox -s release -- {version}`. {moved}", ""]
    if partial:
        head += ["**A rehearsal: less was asked than a release needs** (`asked` in release.json).", ""]
    rows = [f"| {name} | {took} | {said.replace('|', chr(92) + '|')} |" for name, took, said in log.lines()]
    files = [name for step, names in FILES.items() if step in log.done for name in names]
    files += ["drift.md", "drift.html", "captures.json", "release.json", "schemas/"]
    links = [", ".join(f"[{name}]({name})" for name in files) + "."]
    return "\n".join([*head, "| step | took | found |", "|---|---|---|", *rows, "", *links, ""])
