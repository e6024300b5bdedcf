"""`docs/reference/tables.md`, every table and column, from the code that writes them: `python docs/make_tables.py`.

A test compares the page with what this makes of the code.
"""

from __future__ import annotations

from pathlib import Path

from parity.files.whole import write_text
from parity.report.tables import KINDS
from parity.report.wording import markdown_lines
from parity.tables import BOOLEAN, INTEGER, NUMBER, TEXT, Table, Tables

PAGE = Path(__file__).parent / "reference" / "tables.md"
DTYPES = {TEXT: "text", NUMBER: "number", INTEGER: "whole number", BOOLEAN: "yes or no"}
HEAD = """\
# Tables

Whatever the lab prints as a table can be had as a tidy table: one row per observation, always the same columns in the
same order, units in their names. Made from the code by `python docs/make_tables.py`.

On the command line, beside `--json`:

```
parity run --table fixtures.csv --table artefacts=artefacts.parquet
```

`--table FILE` writes the command's first table, `--table TABLE=FILE` another; both may be repeated. `.csv` is UTF-8
with the columns' names in the first line, empty where something is missing, numbers with all their digits; `.parquet`
keeps the dtypes and needs pyarrow (`pip install 'diarization-parity-lab[tables]'`). Another ending, an unknown table or
a file that cannot be written is refused before any work is done; a file is written whole or not at all.

From Python, results and reports give `pandas.DataFrame`:

```python
import parity

result.to_frame("artefacts")  # of what run_fixtures, explain, compare_dumps … return
parity.to_frame("reports/latest/parity.json", "artefacts")  # of a report that --json wrote, or of its data
```

Dtypes are pandas' nullable ones (`string`, `Float64`, `Int64`, `boolean`). Missing is `pandas.NA`: nothing measured,
nothing said, no number. Infinities stay infinite. Where a cell holds several words or numbers they are joined by `; `.
Nothing is computed here: a table holds what the JSON document holds ([parity.json](parity-json.md),
[calibration](calibration-json.md), [comparison](comparison-json.md)), and a test compares the two, row by row.
"""


def page() -> str:
    """The page's text."""
    lines, seen = [HEAD], {}
    for tables in KINDS:
        lines += _command(tables, seen)
    return "\n".join(lines)


def _command(tables: Tables, seen: dict[tuple, str]) -> list[str]:
    lines = [f"## `{tables.name} --table`", ""]
    for table in tables.tables:
        first = " (written by `--table FILE`)" if table is tables.tables[0] and len(tables.tables) > 1 else ""
        lines += [f"### {table.name}{first}", "", f"One row: {table.about}.", ""]
        if table.columns in seen:
            lines += [f"The columns of `{table.name}` of `{seen[table.columns]}`.", ""]
        else:
            seen[table.columns] = tables.name
            lines += [*_columns(table), ""]
    return lines


def _columns(table: Table) -> list[str]:
    rows = [(f"`{column.name}`", DTYPES[column.dtype], column.about) for column in table.columns]
    return markdown_lines([("column", "holds", "what"), ("---", "---", "---"), *rows])


if __name__ == "__main__":
    write_text(PAGE, page())
