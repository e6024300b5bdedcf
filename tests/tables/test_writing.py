"""`--table`: what it may say, that it is refused before work begins, and that what is written reads back the same."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from support import ROOT
from support.command_line import only_error, parity
from support.table_examples import DOCUMENTS, document, stability
from typer.testing import CliRunner

from parity.__main__ import app
from parity.errors import InputError
from parity.report.frames import to_frame
from parity.report.tables import RUN
from parity.tables.writing import Target, targets, write_tables

EVERY = [(command, table) for command, (tables, _) in DOCUMENTS.items() for table in tables.tables]


def named(value: object) -> object:
    return getattr(value, "name", value)


def test_a_file_alone_is_the_first_table_and_a_name_asks_for_another(tmp_path):
    asked = [str(tmp_path / "a.csv"), f"artefacts={tmp_path / 'b=c.parquet'}"]
    assert targets(asked, RUN) == [
        Target(RUN["fixtures"], tmp_path / "a.csv"),
        Target(RUN["artefacts"], tmp_path / "b=c.parquet"),
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words, said", [
    ("a.xls", r"--table a\.xls: ends in '\.xls', expected \.csv or \.parquet"),
    ("artefacts", r"--table artefacts: ends in 'nothing', expected \.csv or \.parquet"),
    ("artefacts=a.json", r"--table artefacts=a\.json: ends in '\.json'"),
    ("faults=a.csv", r"no table 'faults' here; there are: fixtures, artefacts, stages"),
    ("a.CSV", r"ends in '\.CSV'"),
])  # fmt: skip
def test_what_cannot_be_written_is_refused(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said):
        targets([words], RUN)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_for_one_thing_only(tmp_path):
    with pytest.raises(InputError, match="two things would be written there"):
        targets([f"{tmp_path}/a.csv", f"artefacts={tmp_path}/./a.csv"], RUN)
    with pytest.raises(InputError, match="two things would be written there"):
        targets([f"{tmp_path}/a.csv"], RUN, [None, tmp_path / "a.csv"])


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match=r"a\.csv: is a folder"):
        targets([str(tmp_path / "a.csv")], RUN)


@pytest.mark.parametrize("command, table", EVERY, ids=named)
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_what_is_written_reads_back_the_same(command, table, ending, tmp_path):
    path = tmp_path / f"table{ending}"
    write_tables([Target(table, path)], document(command))
    if ending == ".csv":
        found = pd.read_csv(path, dtype={column.name: column.dtype for column in table.columns}, keep_default_na=False,
                            na_values=[""])  # fmt: skip
    else:
        found = pd.read_parquet(path)
    pd.testing.assert_frame_equal(found, table.frame(document(command)), check_exact=True)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_table_that_cannot_be_made_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("earlier")
    broken = {**document("run"), "fixtures": [{"name": "a", "audio_seconds": "long"}]}
    with pytest.raises(ValueError, match="long"):
        write_tables([Target(RUN["fixtures"], path)], broken)
    assert path.read_text() == "earlier" and [entry.name for entry in tmp_path.iterdir()] == ["a.csv"]


# on the command line


def test_the_catalogues_table_is_written_beside_what_is_printed(tmp_path):
    done = parity("fixtures", "list", "--table", tmp_path / "fixtures.csv")
    assert done.returncode == 0 and done.stdout
    found = pd.read_csv(tmp_path / "fixtures.csv")
    assert len(found) == len(document("fixtures list")["catalogue"]) == 14
    assert found["clip_sha256"].tolist() == [entry["clip_sha256"] for entry in document("fixtures list")["catalogue"]]


def test_margins_of_snapshots_and_of_a_report_are_one_table(tmp_path):
    done = parity("margins", "--fixture", "02_pyannote_sample", "--table", f"decisions={tmp_path / 'a.parquet'}")
    assert done.returncode == 0, done.stderr
    found = pd.read_parquet(tmp_path / "a.parquet")
    assert set(found["fixture"]) == {"02_pyannote_sample"} and found["headroom_drifts"].isna().all()
    assert found["margin"].notna().any() and (found["decisions"] > 0).all()


def test_compare_writes_its_tables_and_a_report(tmp_path):
    sides = ["fixtures/13_no_speech", "fixtures/13_no_speech"]
    done = parity("compare", *sides, "--json", tmp_path / "a.json", "--table", tmp_path / "a.csv", "--table",
                  f"scores={tmp_path / 'b.csv'}")  # fmt: skip
    assert done.returncode == 0, done.stderr
    (recording,) = json.loads((tmp_path / "a.json").read_text())["recordings"]
    assert pd.read_csv(tmp_path / "a.csv")["artefact"].tolist() == [row["name"] for row in recording["artefacts"]]
    assert pd.read_csv(tmp_path / "b.csv")["output"].tolist() == list(recording["turns"])


def test_stability_writes_what_was_measured(tmp_path, monkeypatch):
    def measured(*_, on_result, **__):
        for name, one in zip(("13_no_speech", "14_partial_tail"), stability(), strict=True):
            on_result(replace(one, fixture=name))

    monkeypatch.setattr("parity.margins.perturb.measure_all", measured)
    weights = SimpleNamespace(name="some", sha256="0" * 64, parameters={})
    monkeypatch.setattr("parity.sources.weights.load_weights", lambda *_: weights)
    monkeypatch.setattr("parity.commands.stability._made_of", lambda *_: {})
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["stability", "13", "14", "--table", str(tmp_path / "a.csv"), "--table",
                                    f"rounding={tmp_path / 'b.csv'}"])  # fmt: skip
    assert done.exit_code == 0, done.exception
    assert pd.read_csv(tmp_path / "a.csv")["noise_max_abs"].tolist() == [1e-6, 1e-5] * 4
    assert pd.read_csv(tmp_path / "b.csv")["max_abs"].tolist() == [1e-15, 2e-12]


@pytest.mark.models
@pytest.mark.parametrize("command, name", [
    (("run", "--no-html"), "artefacts"), (("explain",), "stages"), (("layers",), "layers"),
    (("calibrate", "--only", "count_ceiling"), "trials"),
], ids=lambda value: value[0] if isinstance(value, tuple) else value)  # fmt: skip
def test_a_commands_table_is_its_reports(command, name, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    report, path = tmp_path / "found.json", tmp_path / "found.parquet"
    files = ["--json", str(report), "--table", f"{name}={path}"]
    done = CliRunner().invoke(app, [command[0], "13_no_speech", *command[1:], *files])
    assert done.exit_code == 0, done.output
    found = pd.read_parquet(path)
    assert len(found)
    pd.testing.assert_frame_equal(found, to_frame(report, name), check_exact=True)


COMMANDS = [
    ("run",), ("explain", "13_no_speech"), ("compare", "fixtures/13_no_speech", "fixtures/13_no_speech"), ("margins",),
    ("calibrate",), ("layers",), ("runtimes",), ("verification",), ("stability",), ("fixtures", "list"),
    ("rnnt", "replay"), ("rnnt", "calibrate"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_that_prints_a_table_refuses_a_wrong_ending_before_it_works(command, tmp_path, monkeypatch):
    monkeypatch.setattr("parity.sources.weights.load_weights", lambda *_: pytest.fail("work began"))
    done = CliRunner().invoke(app, [*command, "--table", str(tmp_path / "a.xls")])
    assert isinstance(done.exception, InputError)  # `main` makes it one line and exit status 2
    assert "a.xls: ends in '.xls', expected .csv or .parquet" in str(done.exception)
    assert done.stdout == "" and list(tmp_path.iterdir()) == []


def test_on_the_command_line_that_is_one_line_and_exit_status_2(tmp_path):
    assert "a.xls: ends in '.xls'" in only_error(parity("margins", "--table", tmp_path / "a.xls"))
