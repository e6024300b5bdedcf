"""The tables of two trees of captures: one row per recording, one per artefact."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from support.command_line import here
from support.dump_examples import copy_of, write

from parity.community1.annotation import from_rttm, to_rttm
from parity.faults.families.turns import late
from parity.fixtures.catalogue import default_folder
from parity.ports.dump.comparison import compare_dumps
from parity.ports.dump.reading import read_dump
from parity.report.comparison import comparison_data
from parity.report.tree import artefact_rows, origins, recording_rows, tree_markdown

SHORT, SILENT = "14_partial_tail", "13_no_speech"


@pytest.fixture(scope="module")
def dumps():
    return {name: read_dump(default_folder() / name) for name in (SHORT, SILENT)}


def compared(reference, candidate):
    return comparison_data(compare_dumps(reference.folder.name, reference, candidate))


def by_name(rows):
    return {row[0]: row[1:] for row in rows}


def test_the_same_capture_is_exact_everywhere(dumps):
    found = [compared(dump, dump) for dump in dumps.values()]
    assert by_name(recording_rows(found)) == {
        SHORT: ("24 / 0 / 0", "—", "—", "0", "same", "same", "0, 0"),
        SILENT: ("5 / 0 / 0", "—", "—", "—", "—", "same", "0, 0"),
    }
    rows = by_name(artefact_rows(found))
    assert rows["segmentations"] == ("2", "0", "0", "0", "—")
    assert rows["embeddings"] == ("1", "0", "0", "0", "—")
    assert "kmeans_clusters" not in rows


def test_drift_is_counted_sized_and_put_where_it_is_largest(dumps):
    rounded, far = copy_of(dumps[SHORT]), copy_of(dumps[SHORT])
    rounded.values["embeddings"][3, 0, 7] += np.float32(4e-6)
    far.values["embeddings"][3, 0, 7] += np.float32(2e-3)
    far.values["hard_clusters"][2, 1] += 1
    small, large = compared(dumps[SHORT], rounded), {**compared(dumps[SHORT], far), "name": "far"}
    rows = by_name(recording_rows([small, large]))
    assert rows[SHORT] == ("23 / 1 / 0", "embeddings", "—", "4.0e-06", "same", "same", "0, 0")
    assert rows["far"][:5] == ("22 / 0 / 2", "embeddings", "embeddings", "2.0e-03", "1≠")
    for order in ([small, large], [large, small]):
        assert by_name(artefact_rows(order))["embeddings"] == ("0", "1", "1", "2.0e-03", "far")


def test_other_turns_are_counted_on_both_sides_and_scored(dumps):
    other = copy_of(dumps[SHORT])
    lines = other.values["diarization"].splitlines(keepends=True)
    other.values["diarization"] = "".join(lines[1:])
    found = [compared(dumps[SHORT], other)]
    (row,) = recording_rows(found)
    assert row[6] == "-1 +0 turns" and row[7].startswith("0.") and row[7].endswith(", 0")
    assert by_name(artefact_rows(found))["diarization"] == ("0", "0", "1", "other turns", SHORT)


def test_another_shape_is_worse_than_any_number(dumps):
    moved, cut = copy_of(dumps[SHORT]), copy_of(dumps[SHORT])
    moved.values["centroids"] += 1e6
    cut.values["centroids"] = np.zeros((2, 256))
    found = [compared(dumps[SHORT], moved), {**compared(dumps[SHORT], cut), "name": "cut"}]
    assert by_name(artefact_rows(found))["centroids"] == ("0", "0", "2", "shape", "cut")


def test_what_was_compared_with_what_is_said_once_where_it_is_the_same(dumps):
    one = compared(dumps[SHORT], dumps[SHORT])
    other = {**one, "name": "b"}
    assert origins([one, other]) == [" ".join(one["origin"])]
    assert one["origin"][0] == "pyannote.audio 4.0.4 on cpu against 4.0.4 on cpu."
    other["origin"] = ["something else."]
    assert origins([one, other]) == [f"{SHORT}: {' '.join(one['origin'])}", "b: something else."]
    other["origin"] = []
    assert origins([one, other]) == [f"{SHORT}: {' '.join(one['origin'])}"]


def test_the_page_has_both_tables_and_what_was_not_compared(dumps):
    page = tree_markdown("a against b", [compared(dumps[SILENT], dumps[SILENT])], ["x: only in a,\nnot compared"])
    lines = page.splitlines()
    assert lines[0] == "# a against b" and lines[-1] == "- x: only in a, not compared"
    tables = [line for line in lines if line.startswith("| ---")]
    assert [table.count("---") for table in tables] == [8, 6]
    assert f"| {SILENT} | 5 / 0 / 0 | — | — | — | — | same | 0, 0 |" in lines


def test_compare_of_two_trees_prints_and_writes_the_table_and_names_what_one_side_lacks(dumps, tmp_path):
    for name in (SHORT, SILENT):
        shutil.copytree(default_folder() / name, tmp_path / "a" / name)
    other = copy_of(dumps[SILENT])
    other.values["segmentations"][0, 0, 0] = 1 - other.values["segmentations"][0, 0, 0]
    write(tmp_path / "b" / SILENT, other)
    page = tmp_path / "page.md"
    done = here("compare", tmp_path / "a", tmp_path / "b", "--markdown", page)
    assert done.returncode == 1, done.stderr
    assert page.read_text(encoding="utf-8").startswith("# a against b\n")
    assert f"- {SHORT}: only in {tmp_path / 'a'}, not compared" in page.read_text(encoding="utf-8")
    done = here("compare", tmp_path / "a", tmp_path / "a", "--markdown", page)
    assert done.returncode == 0, done.stderr
    assert "Nothing else is different" in done.stdout and "e/q/d" in done.stdout


def test_the_page_has_the_whole_diagnosis_of_compare(dumps, tmp_path):
    other = copy_of(dumps[SHORT])
    for name in ("diarization", "exclusive_diarization"):
        other.values[name] = to_rttm(late(from_rttm(other.values[name]), 0.25), SHORT)
    write(tmp_path / SHORT, other)
    page = tmp_path / "page.md"
    done = here("compare", default_folder() / SHORT, tmp_path / SHORT, "--markdown", page)
    text = page.read_text(encoding="utf-8")
    assert done.returncode == 1, done.stderr
    assert "- Annotation: turns late by (s) 0.25 where the reference has 0 " in text
    assert "\n  - Check first: " in text and "\n  - Mend: Yours acts like turns late by (s) 0.25; make that 0. " in text
    done = here("compare", default_folder() / SHORT, tmp_path / SHORT, "--no-diagnose", "--markdown", page)
    assert "- Which mistake it is was not asked: --no-diagnose was given." in page.read_text(encoding="utf-8")
