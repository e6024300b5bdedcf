"""`docs/reference/schemas.md`, every JSON that is written with its schema and version: `python docs/make_schemas.py`.

A test compares the page with what this makes of the schemas. `docs/hooks.py` puts the schemas themselves beside it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from parity.files.whole import write_text
from parity.report.wording import markdown_lines

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "schemas.md"
GROUPS = (
    ("What commands write", ("parity/report", "parity/answers", "parity/explain", "parity/corpus")),
    ("What lies in and beside snapshots, kits and goldens", ("parity/fixtures", "parity/ports")),
    ("What a checkout's sessions write", ("bench", "fuzz", "peers", "release")),
)
HEAD = """\
# Every JSON, with its schema

All that the lab writes for others to read, each with a JSON Schema (draft 2020-12) and a number. Made from the
schemas by `python docs/make_schemas.py`; the files lie beside this page (`reference/schemas/`), in the wheel and in
the repository where the table says. A test holds what every option writes against them, with no key more or less.

## What is promised

- **A number is a form.** While `schema` stays the same, no key is removed, none changes its meaning, its type or
  its unit, and none that was always there may be missing. What changes one of these gets the next number, and a
  line under *Changed* in the
  [changelog](https://github.com/diarization-parity-lab/diarization-parity-lab/blob/main/CHANGELOG.md).
- **Keys may be added**, to objects and as new values of a word that says a kind, within a number: a reader skips
  what it does not know. The schemas describe what *this* version writes, so they refuse keys that it does not
  write; do not validate another version's files with them.
- **Reports are read for one release after the one that wrote them**, at least: `--baseline`, `--report`, `parity
  history` and `parity.to_frame` take the last release's reports. Each release keeps its reports and its schemas in
  `reports/VERSION/`, and a test reads them with the code of today, and holds today's schemas to the first promise.
- Numbers that JSON does not have are text: `"inf"`, `"-inf"`, `"nan"`. Documents are UTF-8, and whole or not there.
- Not promised, for nobody but the lab reads them: `*.progress.json` beside reports (`--resume`), what lies in the
  cache, what lies in the store of a corpus beside `corpus.json`, and what goes back and forth with a program beyond
  [its contract](program.md).

JUnit, SARIF and GitHub's annotations (`--junit`, `--sarif`, `--annotations`) have forms of their own: SARIF is
2.1.0 as OASIS has it.
"""


def page() -> str:
    """The page's text."""
    return "\n".join([HEAD, *(line for group in GROUPS for line in _group(*group))])


def _group(title: str, folders: tuple[str, ...]) -> list[str]:
    rows = [_row(path) for folder in folders for path in sorted((ROOT / folder).glob("*schema.json"))]
    return [f"## {title}", "", *markdown_lines([("written by", "schema", "file", "what"), ("---",) * 4, *rows]), ""]


def _row(path: Path) -> tuple[str, str, str, str]:
    schema = json.loads(path.read_text(encoding="utf-8"))
    title, _, number = schema["title"].partition(", schema ")
    about = re.sub(r"(?<!\()docs/reference/([\w-]+\.md)", r"[\1](\1)", schema["description"])
    about = re.sub(r"\(docs/reference/([\w-]+\.md)\)", r"([\1](\1))", about)
    where = path.relative_to(ROOT).as_posix()
    return title, number, f"[`{where}`](schemas/{path.name})", about


if __name__ == "__main__":
    write_text(PAGE, page())
