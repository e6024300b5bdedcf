"""Files of every kind against real pyannote: every pair of factors meets, and a few are line for line the same."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from itertools import combinations, product

import numpy as np
import pytest

from capture.matrix import (
    FACTORS,
    SOURCES,
    SUBTYPES,
    UNEXPLAINED,
    Case,
    Row,
    cases,
    channels,
    covering,
    read_rows,
    samples_of,
    summary,
)

ROW = Row("a", 3, 2, 0, 1e-8, 2e-8, 3e-6, 0, None, "cpu")


def test_every_two_values_of_two_factors_meet_on_every_source():
    rows = covering()
    for a, b in combinations(range(4), 2):
        assert {(row[a], row[b]) for row in rows} == set(product(FACTORS[a], FACTORS[b]))
    assert len(rows) < 70 and {case.source for case in cases()} == set(SOURCES)
    assert len({case.name for case in cases()}) == len(cases()) == 3 * len(rows)


def test_what_differs_is_a_near_tie_or_is_not_explained():
    assert ROW.explanation == ""
    assert Row(**{**asdict(ROW), "differing": 2}).explanation == UNEXPLAINED
    tie = Row(**{**asdict(ROW), "differing": 2, "frames": 1, "gap": 3e-5})
    assert tie.explanation == "near tie: 1 frame(s), two best classes at most 3.0e-05 apart"
    assert Row(**{**asdict(tie), "gap": 2e-4}).explanation == UNEXPLAINED
    said = list(summary({"a": ROW, "b": tie}))
    assert said[0].startswith("1 of 2 files line for line") and said[0].endswith("the reference's")
    assert next(iter(summary({"a": Row(**{**asdict(ROW), "differing": 2})}))).endswith("NOT the reference's")


def test_what_is_known_is_read_back(tmp_path):
    assert read_rows(tmp_path / "none.jsonl") == {}
    (tmp_path / "rows.jsonl").write_text(json.dumps(asdict(ROW)) + "\n", encoding="utf-8")
    assert read_rows(tmp_path / "rows.jsonl") == {"a": ROW}


@pytest.mark.models
@pytest.mark.parametrize("subtype", SUBTYPES)
def test_samples_of_every_subtype_are_what_its_bytes_say(subtype):
    case = Case("sample", 8_000, "differing", subtype, 3.2)
    got, exact = samples_of(case), channels(case)
    bits = {"PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}.get(subtype)
    assert got.shape == exact.shape == (2, 25_600) and got.dtype == np.float32
    if bits is None:
        assert np.array_equal(got, exact.astype(np.float32))
        return
    steps = got.astype(np.float64) * 2.0 ** (bits - 1)
    assert bits == 32 or np.array_equal(steps, np.rint(steps))
    assert np.abs(got - exact).max() <= 1.01 * 2.0 ** -(bits - 1) + 2.0**-24


@pytest.fixture(scope="module")
def sides():
    # What the reference and its dependencies warn of while they are imported and run is not ours to judge.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("torch")
        from capture.environment import silence_torchcodec
        from capture.reference import load_reference
        from parity.diarize import Diarizer
        from parity.sources import load_weights

        silence_torchcodec()
        weights = load_weights()
        yield load_reference(weights.folder), Diarizer(weights)


@pytest.mark.torch
@pytest.mark.models
@pytest.mark.parametrize(
    "case",
    [
        Case("sample", 44_100, "one silent", "PCM_24", 11.0001),
        Case("two_cities", 48_000, "mono", "PCM_16", 10.63),
        Case("ami_tst00", 11_025, "differing", "FLOAT", 10.0625),
        Case("sample", 96_000, "six", "PCM_32", 3.2),
        Case("two_cities", 22_050, "inverted", "DOUBLE", 9.99),
    ],
    ids=lambda case: case.name,
)
def test_a_file_is_line_for_line_pyannotes(case, sides):
    from capture.matrix import run_case

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        row = run_case(case, *sides, "cpu")
    assert row.explanation != UNEXPLAINED, row
    assert row.waveform <= 2e-7 and (row.chunk_waveforms or 0.0) <= 2e-7
    assert (row.embeddings or 0.0) <= 1e-5
