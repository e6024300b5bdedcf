"""Tables of a store: the same bytes whatever the order, and the same rows however they are read."""

import json

import pytest

import parity.corpus.rows
from parity.corpus.rows import Gathered, Parts, read_records, read_rows, stream_rows, stream_sorted, write_rows
from parity.errors import InputError

TYPES = {"recording": "string", "seconds": "float64", "turns": "int64", "same": "bool_", "error": "string"}
ROWS = [
    {"recording": f"r{number}", "seconds": number / 8, "turns": number, "same": number % 2 == 0, "error": None}
    for number in range(7)
]
ROWS[3]["error"] = "no"


def test_rows_that_come_in_any_order_give_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(parity.corpus.rows, "ROWS", 3)
    write_rows(tmp_path / "sorted.parquet", ROWS, TYPES)
    first, second = Gathered(TYPES), Gathered(TYPES)
    first.add(ROWS)
    for row in reversed(ROWS):
        second.add([row])
    for name, gathered in (("a", first), ("b", second)):
        gathered.write(tmp_path / f"{name}.parquet", by=("recording",))
        assert (tmp_path / f"{name}.parquet").read_bytes() == (tmp_path / "sorted.parquet").read_bytes()


def test_nothing_gathered_is_a_table_without_rows(tmp_path):
    Gathered(TYPES).write(tmp_path / "none.parquet", by=("recording",))
    assert read_rows(tmp_path / "none.parquet") == read_records(tmp_path / "none.parquet") == []


def test_a_record_has_what_a_row_has_in_python_s_own_types(tmp_path):
    write_rows(tmp_path / "a.parquet", ROWS, TYPES)
    records = read_records(tmp_path / "a.parquet")
    assert [dict(record) for record in records] == read_rows(tmp_path / "a.parquet") == ROWS
    assert json.loads(json.dumps(dict(records[3]))) == ROWS[3] and len(records[3]) == 5
    assert type(records[0]["same"]) is bool and type(records[0]["turns"]) is int


@pytest.mark.parametrize("under_way", [False, True])
def test_rows_come_by_recording_of_what_is_whole_and_of_what_is_under_way(tmp_path, under_way):
    table = Parts(tmp_path / "t", TYPES)
    for row in reversed(ROWS):
        table.add(row)
    table.flush() if under_way else table.close()
    found = list(Parts(tmp_path / "t", TYPES).sorted_rows(("recording", "turns")))
    assert found == [{"recording": row["recording"], "turns": row["turns"]} for row in ROWS]


def test_sorted_rows_of_a_file_that_is_not(tmp_path):
    write_rows(tmp_path / "a.parquet", ROWS[::-1], TYPES)
    assert list(stream_sorted(tmp_path / "a.parquet")) == ROWS
    (tmp_path / "b.parquet").write_text("no")
    for read in (read_records, read_rows, lambda path: list(stream_rows(path, ("recording",)))):
        with pytest.raises(InputError, match="cannot be read as Parquet"):
            read(tmp_path / "b.parquet")
