"""`to_frame` of results gives what their document gives, and the page of tables is what the code says."""

from __future__ import annotations

import json
import runpy

import pandas as pd
import pytest
from support import ROOT, table_examples
from support.report_examples import results
from support.table_examples import DOCUMENTS, document, written

import parity
from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.gate.gate import Results
from parity.margins.margin import Margins
from parity.report.frames import to_frame

RESULTS = {
    "run": results,
    "compare": lambda: [table_examples.comparison()],
    "calibrate": table_examples.calibration,
    "layers": table_examples.proof,
    "runtimes": table_examples.costs,
    "stability": table_examples.stability,
    "fixtures list": lambda: Catalogue.read(default_folder()),
}
NOT_OF_RESULTS = {("compare", name) for name in ("stages", "patches", "elements", "network_layers")}
"""An explanation is a result of its own."""

EVERY = [
    (command, table.name)
    for command in RESULTS
    for table in DOCUMENTS[command][0].tables
    if (command, table.name) not in NOT_OF_RESULTS
]


@pytest.mark.parametrize("command, name", EVERY)
def test_a_results_table_is_its_documents(command, name):
    found, expected = to_frame(RESULTS[command](), name), to_frame_of_document(command, name)
    if (command, name) == ("compare", "recordings"):
        expected = expected[expected["error"].isna()]  # what could not be read has no result
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def to_frame_of_document(command: str, name: str) -> pd.DataFrame:
    return DOCUMENTS[command][0].frame(document(command), name)


@pytest.mark.parametrize("command", [command for command, (tables, _) in DOCUMENTS.items() if tables.keys])
def test_a_report_in_a_file_has_all_its_tables(command, tmp_path):
    path = written(command, tmp_path)
    for name in DOCUMENTS[command][0].names:
        expected = to_frame_of_document(command, name)
        pd.testing.assert_frame_equal(to_frame(path, name), expected)
        pd.testing.assert_frame_equal(to_frame(str(path), name), expected)


def test_one_fixture_its_replay_and_its_explanation_have_tables_of_their_own():
    _, bad, *_ = results()
    assert to_frame(bad)["fixture"].tolist() == ["b_bad"]
    alone = to_frame(bad.replay, "artefacts")
    assert alone["fixture"].isna().all() and alone["artefact"].tolist() == [d.artefact for d in bad.replay.drifts]
    assert to_frame(bad.explanation)["stage"].tolist() == ["fbank", "embeddings"]
    assert to_frame(bad.explanation, "patches")["fixture"].unique().tolist() == ["b_bad"]


@pytest.mark.parametrize("found, name", [
    (table_examples.comparison(), "scores"), (table_examples.calibration(), "trials"), (table_examples.proof(), None),
    (table_examples.costs(), "fixtures"), (table_examples.verification(), None),
    (table_examples.stability()[0], "rounding"), (results()[1], "artefacts"), (results()[1].replay, "artefacts"),
    (results()[1].explanation, "patches"), (Results(results()), "decisions"),
    (Margins(table_examples.margins()["a"]), None), (Catalogue.read(default_folder()), None),
], ids=lambda value: type(value).__name__)  # fmt: skip
def test_results_have_their_tables_themselves(found, name):
    assert len(found.to_frame(name))
    pd.testing.assert_frame_equal(found.to_frame(name), parity.to_frame(found, name))
    with pytest.raises(InputError, match="no table of"):
        found.to_frame("nothing")


def test_what_the_face_hands_on_has_tables(tmp_path):
    assert len(parity.margins("02_pyannote_sample").to_frame("decisions")) > 5
    assert len(parity.to_frame(parity.fixtures())) == 14
    same = parity.compare("fixtures/13_no_speech", "fixtures/13_no_speech").to_frame("artefacts")
    assert set(same["verdict"]) == {"exact"}


def test_decisions_of_one_fixture_need_no_name():
    found = to_frame(table_examples.margins()["a"])
    assert found["decision"].tolist() == ["cut"] and found["fixture"].isna().all()
    assert found["headroom_drifts"].tolist() == [0.5]


def test_equal_error_rates_have_a_table_without_windows():
    found = to_frame([table_examples.verification()])
    expected = to_frame_of_document("verification", "runtimes").drop(columns="version")
    pd.testing.assert_frame_equal(found.drop(columns="version"), expected)


@pytest.mark.parametrize("found, said", [
    (3, "a int has no tables"),
    ([], "a list has no tables"),
    ({"a": 1}, "a dict has no tables"),
    ([table_examples.calibration()] * 2, "2 of Calibration: ask each for its tables"),
    ("nowhere.json", "nowhere.json: cannot be read as a report"),
])  # fmt: skip
def test_what_has_no_tables_is_refused(found, said):
    with pytest.raises(InputError, match=said):
        to_frame(found)


@pytest.mark.parametrize("text", ["[]", "{}", "{", '{"schema": 2}'])
def test_a_file_that_is_no_report_is_refused_by_name(text, tmp_path):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json: "):
        to_frame(tmp_path / "a.json")


def test_a_table_of_another_report_is_refused_with_those_there_are():
    with pytest.raises(InputError, match=r"^faults: no table of parity run; there are: fixtures, artefacts"):
        to_frame(document("run"), "faults")


def test_the_page_of_tables_is_what_the_code_says():
    made = runpy.run_path(str(ROOT / "docs" / "make_tables.py"))
    text = made["PAGE"].read_text(encoding="utf-8")
    assert text == made["page"](), "run: python docs/make_tables.py"


def test_every_column_that_measures_says_its_unit():
    """A number's unit stands in its name, in a column named `…_unit`, or in its description."""
    units = ("seconds", "share", "_mb", "max_abs", "tolerances", "noises", "drifts", "relative", "rms", "per_chunk",
             "per_second")  # fmt: skip
    said = ("unit", "ratio", "log-probability", "cosine", "`limit_of`", "_unit`", "explained / read")
    silent = [
        (tables.name, table.name, column.name)
        for tables, _ in DOCUMENTS.values()
        for table in tables.tables
        for column in table.columns
        if column.dtype == "Float64"
        and not any(unit in column.name for unit in units)
        and not any(words in column.about for words in said)
        and column.name not in ("ratio", "ratio_low", "ratio_high")
    ]
    assert silent == []


def test_json_of_a_report_is_not_changed_by_reading_its_tables():
    before = json.dumps(document("run"))
    to_frame(document("run"), "stages")
    assert json.dumps(document("run")) == before
