"""Every form of an answer, read back by a reader that is not the lab's own; names that need care."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import jsonschema
import numpy as np
import pandas as pd
import pytest
from pyannote.database.util import load_rttm
from support import ROOT
from support.answers import SPEAKERS, TURNS, Span, answer, read_srt, read_textgrid
from support.refusals import refusal

from parity.answers import FORMS, as_text, recording_name, write_voices
from parity.answers.diarization import later
from parity.community1.annotation import Turn

SCHEMA = json.loads((ROOT / "parity" / "answers" / "diarization_schema.json").read_text(encoding="utf-8"))
ODD_NAMES = ["a b", "1505.10", "-dash", 'a,b "c"', "ñandú", "#x;y", "=1+1"]
ROUNDED = [Span(round(turn.start, 3), round(turn.end, 3), turn.speaker) for turn in TURNS]


def by_name(spans: list[Span], name: str) -> list[Span]:
    return sorted(span for span in spans if span.text == name)


def test_rttm_is_read_by_pyannotes_own_reader(tmp_path):
    named = [turn for turn in TURNS if " " not in turn.speaker]
    (tmp_path / "a.rttm").write_text(as_text(answer(named), "rttm", "1505.10"), encoding="utf-8")
    (found,) = load_rttm(str(tmp_path / "a.rttm"), keep_type="SPEAKER").values()
    got = [Span(round(s.start, 3), round(s.end, 3), label) for s, _, label in found.itertracks(yield_label=True)]
    assert found.uri == "1505.10" and [span.text for span in got] == [turn.speaker for turn in named]
    for span, turn in zip(got, named):  # start and duration are rounded, so the end may be a millisecond off
        assert abs(span.start - turn.start) <= 0.000501 and abs(span.end - turn.end) <= 0.001001


def test_csv_is_read_by_pandas_digit_for_digit():
    frame = pd.read_csv(io.StringIO(as_text(answer(), "csv", "1505.10")), dtype={"recording": "string"})
    assert list(frame) == ["recording", "start_seconds", "end_seconds", "speaker"]
    assert [Span(*row) for row in frame.drop(columns="recording").itertuples(index=False)] == ROUNDED
    assert set(frame["recording"]) == {"1505.10"}


def test_json_keeps_its_schema_and_every_digit():
    found = json.loads(as_text(answer(), "json", "a b"))
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert [(t["start"], t["end"], t["speaker"]) for t in found["turns"]] == [
        (t.start, t.end, t.speaker) for t in TURNS
    ]
    assert len(found["exclusive_turns"]) == 1 and found["recording"] == "a b"
    (first, _, _) = found["speakers"]
    assert first == {"speaker": "SPEAKER_00", "turns": 2, "seconds": pytest.approx(1.215 + 0.5)}


def test_a_schema_that_anything_fits_is_none():
    found = json.loads(as_text(answer(), "json", "a"))
    for spoilt in ({**found, "schema": 2}, {**found, "more": 1}, {**found, "turns": [{"start": 0}]}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(SCHEMA).validate(spoilt)


def test_subtitles_are_read_back():
    assert read_srt(as_text(answer(), "srt", "a")) == ROUNDED


def test_a_textgrid_is_read_back_with_a_tier_for_each_speaker_and_no_gap():
    tiers = read_textgrid(as_text(answer(), "textgrid", "a"))
    assert set(tiers) == set(SPEAKERS)
    for name, spans in tiers.items():
        assert [span for span in spans if span.text] == by_name(ROUNDED, name)
        assert spans[-1].end == 3700.03, "the end of the last turn, which is behind the recording's"


def test_labels_are_three_columns_apart_by_tabs():
    rows = [line.split("\t") for line in as_text(answer(), "audacity", "a").splitlines()]
    assert [Span(float(start), float(end), label) for start, end, label in rows] == ROUNDED


def test_one_speaker_at_a_time_is_asked_for_in_every_form_and_json_has_both():
    one = {form: as_text(answer(), form, "a", exclusive=True) for form in FORMS}
    assert len(read_srt(one["srt"])) == 1 and set(read_textgrid(one["textgrid"])) == {"SPEAKER_00"}
    assert len(one["rttm"].splitlines()) == len(one["audacity"].splitlines()) == 1 == len(one["csv"].splitlines()) - 1
    assert one["json"] == as_text(answer(), "json", "a")


def test_nobody_speaks_in_any_form():
    silent = {form: as_text(answer([], 1.5), form, "a") for form in FORMS}
    assert silent["rttm"] == silent["srt"] == silent["audacity"] == ""
    assert pd.read_csv(io.StringIO(silent["csv"])).empty
    assert read_textgrid(silent["textgrid"]) == {"nobody speaks": [Span(0, 1.5, "")]}
    assert json.loads(silent["json"])["turns"] == []


def test_turns_that_touch_or_begin_at_zero_leave_no_empty_interval():
    turns = [Turn(0.0, 1.0, "A", "x"), Turn(1.0, 2.0, "B", "x")]
    assert read_textgrid(as_text(answer(turns, 2.0), "textgrid", "a")) == {"x": [Span(0, 1, "x"), Span(1, 2, "x")]}


def test_a_part_of_a_recording_is_answered_in_the_files_own_seconds():
    part = replace(answer(later(TURNS[:1], 100.0), 5.0), start_seconds=100.0)
    assert later(TURNS, 0.0) == TURNS and part.end_seconds == 105.0
    assert part.rttm("a").split()[3] == "100.031"
    assert read_textgrid(as_text(part, "textgrid", "a"))["SPEAKER_00"][0] == Span(0, 100.031, "")
    found = json.loads(as_text(part, "json", "a"))
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert (found["start_seconds"], found["audio_seconds"]) == (100.0, 5.0) and found["remarks"][0]["kind"] == "quiet"


# names


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_name_survives_wherever_a_form_has_one(name):
    frame = pd.read_csv(io.StringIO(as_text(answer(), "csv", name)), dtype={"recording": "string"})
    assert set(frame["recording"]) == {name}
    assert json.loads(as_text(answer(), "json", name))["recording"] == name
    if " " not in name:
        assert {line.split()[1] for line in as_text(answer(), "rttm", name).splitlines()} == {name}


@pytest.mark.parametrize("name", ["a b", "", "a\tb", "a\nb", "a\u00a0b"])
def test_rttm_refuses_a_name_that_would_be_two_fields(name):
    assert f"recording's name {name!r}: RTTM separates" in refusal(as_text, answer(), "rttm", name)
    assert f"recording's name {name!r}: RTTM separates" in refusal(answer().rttm, name)


@pytest.mark.parametrize("form", FORMS)
def test_a_name_that_is_no_text_is_refused_in_one_line(form):
    assert r"'a\udcff': holds bytes that are not UTF-8" in refusal(as_text, answer(), form, "a\udcff")


def test_a_recording_is_called_as_its_file_is(tmp_path):
    assert [recording_name(tmp_path / f"{name}.wav") for name in ODD_NAMES] == ODD_NAMES


def test_a_form_may_be_begun_and_an_unknown_one_is_refused():
    assert as_text(answer(), "aud", "a") == as_text(answer(), "audacity", "a") == answer().text("audacity", "a")
    said = refusal(as_text, answer(), "textgird", "a")
    assert said.startswith("--format textgird: unknown; did you mean textgrid? ") and "rttm, json, csv, srt" in said


# voices


def test_embeddings_of_several_recordings_are_rows_of_one_file_without_pickles(tmp_path):
    write_voices(tmp_path / "all.npz", [("a b", answer()), ("silent", answer([])), ("c", answer(TURNS[:1]))])
    with np.load(tmp_path / "all.npz", allow_pickle=False) as found:
        assert list(found["recording"]) == ["a b"] * 3 + ["c"]
        assert list(found["speaker"]) == [*SPEAKERS, "SPEAKER_00"]
        assert found["embeddings"].dtype == np.float64
        assert np.array_equal(found["embeddings"], np.concatenate([answer().embeddings, answer(TURNS[:1]).embeddings]))


def test_nobody_anywhere_is_a_file_without_rows(tmp_path):
    write_voices(tmp_path / "all.npz", [("silent", answer([]))])
    with np.load(tmp_path / "all.npz", allow_pickle=False) as found:
        assert [found[name].shape for name in ("recording", "speaker", "embeddings")] == [(0,), (0,), (0, 256)]


def test_embeddings_go_into_npz_only(tmp_path):
    assert "ends in '.csv', expected .npz" in refusal(write_voices, tmp_path / "all.csv", [])
    assert list(tmp_path.iterdir()) == []
