"""Reports: what a person and a script read of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from support import ROOT

from parity.fixtures.catalogue import Catalogue, default_folder
from parity.gate.gate import DRIFT, ERROR, PARITY, FixtureResult
from parity.measure.drift import compare
from parity.measure.score import Score, count
from parity.replay.outcome import NearTie, Replay
from parity.report.document import document
from parity.report.markdown import markdown
from parity.report.terminal import remarks, table
from parity.sources.weights import WeightSet

NOTHING = Score(der=0.0, miss=0.0, false_alarm=0.0, confusion=0.0, total=3.0)
WEIGHTS = WeightSet("some-weights", Path(), {}, {}, {}, {}, {}, "ab" * 32)


def replayed(**changes) -> Replay:
    embeddings = np.ones((2, 3, 4), dtype=np.float32)
    drifts = (compare("embeddings", embeddings, embeddings, mode="cascaded"),)
    whole = Replay(drifts, (), (), "", "", NOTHING, NOTHING, 2, 5, 2, 5, 1e-6)
    return replace(whole, **changes)


def found(*results: FixtureResult) -> dict:
    return json.loads(json.dumps(document(results, WEIGHTS, 12.5)))


def good(name: str = "good") -> FixtureResult:
    return FixtureResult(name, PARITY, 30.0, 4.0, replayed())


def bad() -> FixtureResult:
    got = np.zeros((100, 3, 4), dtype=np.float32)
    got[83, 1, 2] = 0.5
    drift = compare("embeddings", got, np.zeros_like(got), mode="cascaded")
    return FixtureResult("bad", DRIFT, 30.0, 4.0, replayed(drifts=(drift,), speakers=3))


def test_the_document_holds_every_key_that_its_schema_names():
    text = (ROOT / "docs" / "reference" / "parity-json.md").read_text(encoding="utf-8")
    run = found(good())
    for part in (run, run["summary"], run["fixtures"][0], run["fixtures"][0]["artefacts"][0]):
        for key in part:
            assert f"`{key}`" in text, key


def test_the_summary_counts_and_takes_the_worst():
    summary = found(good(), bad(), FixtureResult("wrong", ERROR, error="no clip"))["summary"]
    assert summary["fixtures"] == 3
    assert summary["at_parity"] == 1
    assert summary["worst_der"] == 0
    assert summary["worst_embedding_drift"] == 1e-6
    assert summary["audio_seconds"] == 60


def test_a_fixture_with_wrong_inputs_has_the_keys_of_every_other():
    run = found(good(), FixtureResult("wrong", ERROR, error="no clip"))
    assert run["fixtures"][0].keys() == run["fixtures"][1].keys()
    assert run["fixtures"][1]["der"] is None


def test_a_drift_is_said_with_what_where_and_how_bad():
    (line,) = remarks(found(bad()))
    assert line.startswith("bad: embeddings (embeddings, cascaded): max 5.0e-01, limit 1.0e-05; worst at chunk 83")
    assert "speaker 1" in line
    assert "at 83.0 s: got 0.5, want 0.0; first stage to drift" in line


def test_an_error_a_problem_and_an_excused_frame_are_said():
    tie = NearTie(chunk=1, frame=548, seconds=10.25, gap=9.8e-6)
    lines = remarks(
        found(
            FixtureResult("wrong", ERROR, error="no clip"),
            FixtureResult(
                "short", DRIFT, 1.0, 1.0, replayed(problems=("compared 5 of 6 artefacts; missing: q_final",))
            ),
            FixtureResult("tied", PARITY, 1.0, 1.0, replayed(near_ties=(tie,))),
        )
    )
    assert lines[0] == "wrong: no clip"
    assert lines[1] == "short: compared 5 of 6 artefacts; missing: q_final"
    assert lines[2].startswith("tied: frame 548 of chunk 1 (10.25 s) differs")


def test_markdown_has_one_row_a_fixture_and_fits_a_pull_request():
    text = markdown(found(good(), bad(), FixtureResult("wrong", ERROR, error="no clip")))
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) == 4
    assert "| bad | drift | 3 (reference 2) |" in text
    assert len({row.count("|") for row in rows}) == 1


def test_the_table_fits_eighty_columns_with_every_name_whole():
    console = Console(width=80, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    names = ["06_long_mixture", "01_far_field_pair", "02_pyannote_sample"]
    console.print(table(found(*(good(name) for name in names), bad())))
    console.file.close()
    text = console.export_text()
    assert all(name in text for name in names)
    assert "1.0e-06" in text


def test_a_number_that_json_lacks_becomes_text():
    drift = compare("embeddings", np.zeros((1, 3, 4)), np.zeros((2, 3, 4)), mode="cascaded")
    row = found(FixtureResult("bad", DRIFT, 1.0, 1.0, replayed(drifts=(drift,))))["fixtures"][0]
    assert row["artefacts"][0]["max_abs"] == "inf"
    assert row["first_drift"]["note"] == "shape (1, 3, 4), the reference's is (2, 3, 4)"


@pytest.mark.parametrize("name", Catalogue.read(default_folder()).names)
def test_the_table_of_the_fourteen_gives_each_fixture_the_counts_of_its_snapshot(name):
    page = (ROOT / "docs" / "measured" / "fixtures.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| {name} "))
    rttm = (default_folder() / name / "reference.rttm").read_text(encoding="utf-8")
    speakers, segments = count(rttm)
    assert f"| {speakers} | {segments} |" in row
