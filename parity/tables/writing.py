"""`--table`: which table goes into which file, refused before any work is done; written whole or not at all.

Conventions: `FILE` is the command's first table, `NAME=FILE` another; the ending says the form: `.csv` (UTF-8, one
line of names, empty where missing, numbers with all their digits) or `.parquet` (dtypes kept; needs pyarrow).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from parity.checkout import need
from parity.errors import InputError
from parity.files import check_writable, writing_file
from parity.tables.table import Document, Table, Tables

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".parquet")
NAMED = re.compile(r"([a-z_]+)=(.+)")


@dataclass(frozen=True)
class Target:
    """A table that is wanted, and the file it goes into."""

    table: Table
    path: Path


def targets(asked: Iterable[str], tables: Tables, taken: Iterable[Path | None] = ()) -> list[Target]:
    """What `--table` asks for, checked; to be called before work begins.

    Parameters
    ----------
    asked : `FILE` or `NAME=FILE`, each
    tables : that the command can write
    taken : files that the command writes besides

    Raises
    ------
    InputError : an unknown table, a wrong ending, two things for one file, pyarrow missing, or no way to write there
    """
    found = [_target(words, tables) for words in asked]
    seen = {path.resolve() for path in taken if path is not None}
    for target in found:
        if target.path.resolve() in seen:
            raise InputError(f"--table {target.path}: two things would be written there; give each a file of its own")
        seen.add(target.path.resolve())
        check_writable(target.path)
    return found


def _target(words: str, tables: Tables) -> Target:
    named = NAMED.fullmatch(words)
    table = tables.tables[0]
    if named is not None:
        if named[1] not in tables.names:
            raise InputError(f"--table {words}: no table {named[1]!r} here; there are: {', '.join(tables.names)}")
        table = tables[named[1]]
    path = Path(named[2] if named else words)
    if path.suffix not in ENDINGS:
        raise InputError(f"--table {words}: ends in {path.suffix or 'nothing'!r}, expected {' or '.join(ENDINGS)}")
    need("pandas", f"--table {words}")
    if path.suffix == ".parquet":
        need("pyarrow", f"--table {words}", ".csv needs none of it")
    return Target(table, path)


def write_tables(wanted: Iterable[Target], document: Document) -> None:
    """Write every wanted table of a document.

    Raises
    ------
    InputError : a file cannot be written; it is as it was before
    """
    for target in wanted:
        write_frame(target.table.frame(document), target.path)


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """One table into one file, by its ending, whole or not at all; same errors as `write_tables`."""
    with writing_file(path) as temporary:
        if path.suffix == ".parquet":
            frame.to_parquet(temporary, engine="pyarrow", index=False)
        else:
            frame.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
