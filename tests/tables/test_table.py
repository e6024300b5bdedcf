"""What a cell is, and what a table says of a name it does not have."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest
from support import ROOT

from parity.errors import InputError
from parity.tables import BOOLEAN, INTEGER, NUMBER, TEXT, Column, Table, Tables

COLUMNS = (
    Column("where", TEXT, ""),
    Column("max_abs", NUMBER, "", "drift.max_abs"),
    Column("chunks", INTEGER, ""),
    Column("within", BOOLEAN, ""),
)
TABLE = Table("rows", "a row", COLUMNS, lambda document: document["rows"])
TABLES = Tables("some command", (TABLE, Table("none", "", COLUMNS, lambda document: ())), frozenset({"rows"}))


def one(**row: object) -> dict:
    return dict(next(TABLE.rows({"rows": [row]})))


@pytest.mark.parametrize("value, cell", [
    ("chunk 3", "chunk 3"), ("", None), (None, None), ([], None), (["a", "b"], "a; b"), ((1, 2), "1; 2"), (0.1, "0.1"),
    (False, "False"),
])  # fmt: skip
def test_text_is_text_and_nothing_is_missing(value, cell):
    assert one(where=value)["where"] == cell


@pytest.mark.parametrize("value, cell", [
    (1e-17, 1e-17), ("inf", float("inf")), ("-inf", -float("inf")), ("nan", None), (float("nan"), None), (0, 0.0),
    (None, None),
])  # fmt: skip
def test_infinities_stay_and_what_is_no_number_is_missing(value, cell):
    assert one(drift={"max_abs": value})["max_abs"] == cell


def test_what_a_row_lacks_at_any_depth_is_missing():
    assert one() == {"where": None, "max_abs": None, "chunks": None, "within": None}
    assert one(drift=None)["max_abs"] is None


def test_a_frame_keeps_zero_false_and_missing_apart():
    rows = [{"chunks": 0, "within": False, "drift": {"max_abs": 0.0}}, {}]
    found = TABLE.frame({"rows": rows})
    assert found["chunks"].tolist() == [0, pd.NA] and found["within"].tolist() == [False, pd.NA]
    assert found["max_abs"].tolist() == [0.0, pd.NA] and found["where"].isna().all()
    assert list(found.dtypes.astype(str)) == [TEXT, NUMBER, INTEGER, BOOLEAN]


def test_whole_numbers_that_a_float_cannot_hold_stay_whole():
    assert TABLE.frame({"rows": [{"chunks": 2**53 + 1}, {}]})["chunks"][0] == 2**53 + 1


def test_an_unknown_table_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"^stages: no table of some command; there are: rows, none$"):
        TABLES.frame({"rows": []}, "stages")
    assert len(TABLES.frame({"rows": [{}]})) == 1 and len(TABLES.frame({"rows": [{}]}, "none")) == 0


def test_to_know_which_tables_there_are_loads_neither_pandas_nor_numpy():
    code = "import sys, parity.__main__; print({'numpy', 'pandas', 'pyarrow', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
