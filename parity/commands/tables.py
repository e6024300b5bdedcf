"""`--table` of every command that prints a table: the option, worded once."""

from __future__ import annotations

from typing import Any

import typer

from parity.tables import Tables


def table_option(tables: Tables) -> Any:
    """The option of a command that can write these tables."""
    first, *others = tables.names
    named = f" TABLE=FILE for others: {', '.join(others)}." if others else ""
    return typer.Option(
        "--table",
        metavar="FILE",
        help=f"Write the table {first} as .csv or .parquet too; repeatable.{named} Columns: docs/reference/tables.md.",
    )
