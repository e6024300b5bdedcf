"""How is a result had as a table?

`table` says what a table is: its columns, each with a dtype, a unit and where its value stands in a document, and how
it becomes a `pandas.DataFrame`; `writing` is `--table FILE` of every command; `results` gives results `to_frame`.
Which tables there are, `parity.report.tables` says; nothing is computed here. pandas is imported when a frame is made,
and `writing`, which brings NumPy, when a command runs.
"""

from __future__ import annotations

from parity.tables.results import Tabular
from parity.tables.table import BOOLEAN, INTEGER, NUMBER, TEXT, Column, Table, Tables

__all__ = [
    "BOOLEAN",
    "INTEGER",
    "NUMBER",
    "TEXT",
    "Column",
    "Table",
    "Tables",
    "Tabular",
]
