"""A dump against the truth beside a fixture: the verdict, its words, its exit status, in `compare` and in `run`."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from referencing import Registry, Resource
from support import ROOT
from support.report_examples import WEIGHTS, details, results

from parity.fixtures.catalogue import default_folder
from parity.fixtures.snapshot import read_snapshot
from parity.fixtures.standing import Standing
from parity.fixtures.truth import read_truth
from parity.gate.gate import PARITY, FixtureResult
from parity.history.held import held
from parity.measure.verdicts import DRIFT, GREEN, LIMITED, NO_WORSE, exit_status, worst
from parity.ports.dump.comparison import compare_dumps
from parity.ports.dump.reading import Dump, read_dump
from parity.report.comparison import comparison_data, comparison_document, in_words
from parity.report.document import document, fixture_data
from parity.report.headline import of_comparison, of_run
from parity.report.html import page
from parity.report.markdown import markdown
from parity.report.terminal import remarks, table

NAME = "09_telephone"
"""The fixture whose own embeddings are further from float64 than its tolerance."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What a port leaves that computes filterbank and embeddings in float64, where the truth of them is kept."""
    source = default_folder() / NAME
    folder = tmp_path_factory.mktemp("port") / NAME
    folder.mkdir()
    for path in source.iterdir():
        if path.suffix in (".npz", ".npy", ".rttm") and path.name not in ("truth.npz", "layers.npz"):
            shutil.copy2(path, folder / path.name)
    snapshot, truth = read_snapshot(source), read_truth(source)
    assert truth is not None
    scaled = {n: truth.distances[n].astype(np.float64) * truth.artefacts[n].scale for n in ("fbank", "embeddings")}
    fbank = snapshot.values["fbank"].astype(np.float64)
    fbank[:, ::8] += scaled["fbank"]
    _with_array(folder / "fbank.npz", fbank)
    _with_array(folder / "raw_embeddings.npz", snapshot.values["embeddings"] + np.nan_to_num(scaled["embeddings"]))
    return folder


def _with_array(path: Path, values: np.ndarray) -> None:
    with np.load(path) as held:
        arrays = dict(held)
    (name,) = (name for name, value in arrays.items() if value.shape == values.shape)
    np.savez(path, **{**arrays, name: values})


def compared(folder: Path, **changes: np.ndarray):
    reference, candidate = read_dump(default_folder() / NAME), read_dump(folder)
    return compare_dumps(NAME, reference, replace(candidate, values={**candidate.values, **changes}))


def test_a_port_in_float64_is_no_worse_and_is_told_that_it_is_closer(folder):
    found = compared(folder)
    assert found.verdict == NO_WORSE and found.first_drift is not None
    data = comparison_data(found)
    whole = comparison_document([data], [], {})
    assert of_comparison(whole).startswith(f"{NO_WORSE.upper()}. ")
    assert "Out of tolerance, with this much of the reference's own error against float64: " in of_comparison(whole)
    lines = in_words(data)
    assert any(
        line.startswith("Error against float64, over the reference's own: segmentation_logits 1.00") for line in lines
    )
    assert "Closer to the truth than the reference: fbank, embeddings." in lines
    assert exit_status([whole["verdict"]]) == 0 and NO_WORSE not in GREEN
    assert held(whole).status == 0
    names = ("schema.json", "comparison_schema.json")
    schemas = {name: json.loads((ROOT / "parity" / "report" / name).read_text(encoding="utf-8")) for name in names}
    registry = Registry().with_resource("schema.json", Resource.from_contents(schemas["schema.json"]))
    jsonschema.Draft202012Validator(schemas["comparison_schema.json"], registry=registry).validate(whole)


def test_the_same_port_in_float16_is_drift_with_how_many_times_the_error(folder):
    own = read_dump(folder).values["embeddings"]
    found = compared(folder, embeddings=own.astype(np.float16))
    assert found.verdict == DRIFT
    assert found.truth is not None and found.truth["embeddings"].ratio > 5


def test_a_turn_or_what_was_not_compared_is_never_no_worse(folder):
    rttm = read_dump(folder).values["diarization"]
    assert compared(folder, diarization=rttm.replace("SPEAKER_00", "SPEAKER_01", 1)).verdict == DRIFT
    reference, candidate = read_dump(default_folder() / NAME), read_dump(folder)
    values = {name: candidate.values[name] for name in ("fbank", "embeddings")}
    assert compare_dumps(NAME, reference, replace(candidate, values=values)).verdict == LIMITED


def test_without_a_truth_nothing_is_said_and_drift_is_drift(folder, tmp_path):
    reference = tmp_path / NAME
    shutil.copytree(default_folder() / NAME, reference)
    for name in ("truth.json", "truth.npz"):
        (reference / name).unlink()
    dumps: list[Dump] = [read_dump(path) for path in (reference, folder)]
    found = compare_dumps(NAME, *dumps)
    assert (found.verdict, found.truth) == (DRIFT, None)
    assert not any("float64" in line for line in in_words(comparison_data(found)))


# a run's report


def reported(*found: FixtureResult) -> dict:
    return document(found, WEIGHTS, 1.0)


def test_a_run_says_it_in_the_first_line_the_table_markdown_and_on_the_page():
    (drifting, *_) = (result for result in results() if result.replay and not result.replay.at_parity)
    truth = {"embeddings": Standing(100, 1e-6, 1e-7, 2e-5, 5e-6, 0.02)}
    found = reported(replace(drifting, status=NO_WORSE, explanation=None, details=replace(details(), truth=truth)))
    assert of_run(found).startswith(f"{NO_WORSE.upper()}. 1 of 1 fixtures: ")
    assert "embeddings 2.0e-02" in of_run(found) and "The answer is the reference's." in of_run(found)
    assert found["summary"]["at_parity"] == 0
    assert table(found).row_count == 1
    name = found["fixtures"][0]["name"]
    assert f"embeddings: closer to the truth than the reference on {name}" in remarks(found)
    assert "| embeddings | 2.0e-02 | 1.0e-06 | 2.0e-05 | closer |" in markdown(found)
    assert "Against the truth" in page(found)


def test_a_run_without_truths_says_nothing_of_them():
    found = reported(FixtureResult("one", PARITY, details=replace(details(), truth=None)))
    assert fixture_data(FixtureResult("one", PARITY))["truth"] is None
    assert not any("float64" in line for line in remarks(found))
    assert "Against the truth" not in page(found) and "truth" not in markdown(found)


def test_it_is_worse_than_parity_and_better_than_limited_coverage():
    assert worst([PARITY, NO_WORSE]) == NO_WORSE
    assert worst([LIMITED, NO_WORSE]) == LIMITED
    assert [exit_status([word]) for word in (PARITY, NO_WORSE, LIMITED, DRIFT)] == [0, 0, 1, 1]
