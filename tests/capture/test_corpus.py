"""`python -m capture --corpus`: what is kept of a recording, and how a run goes on. The reference itself: marked."""

import pytest

import capture.corpus
from capture.corpus import answer, run_corpus
from parity.corpus.hypothesis import Hypothesis, read_hypothesis
from parity.corpus.manifest import Entry
from parity.files.whole import sha256_file


@pytest.fixture
def entries(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.wav").write_bytes(name.encode())
    return [Entry(name, tmp_path / f"{name}.wav") for name in "ab"]


def test_what_was_answered_stays_and_what_failed_is_tried_again(entries, tmp_path, monkeypatch):
    asked = []

    def stand_in(entry, pipeline):
        asked.append(entry.recording)
        failing = entry.recording == "b" and len(asked) < 3
        known = {"recording": entry.recording, "audio_sha256": sha256_file(entry.audio)}
        return Hypothesis(**known, error="no") if failing else Hypothesis(**known, rttm="", speakers=0, segments=0)

    monkeypatch.setattr(capture.corpus, "answer", stand_in)
    runs = [run_corpus(entries, tmp_path / "out", lambda: None, {"side": "x"}) for _ in range(3)]
    assert runs == [(1, 1), (1, 0), (0, 0)] and asked == ["a", "b", "b"]
    entries[0].audio.write_bytes(b"other")
    assert run_corpus(entries, tmp_path / "out", lambda: None, {"side": "x"}) == (1, 0)


def test_a_recording_that_fails_is_a_row_with_its_error(entries):
    found = answer(entries[0], None)
    assert found.rttm is None and "not audio" in found.error


@pytest.mark.torch
def test_the_reference_answers_a_recording_of_a_corpus(tmp_path):
    pytest.importorskip("torch")
    from capture.reference import load_reference
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.fixtures.snapshot import read_snapshot
    from parity.sources import load_weights

    (fixture,) = Catalogue.read(default_folder()).select(["14_partial_tail"])
    entry = Entry(fixture.name, fixture.clip(), sha256=fixture.clip_sha256)
    run_corpus([entry], tmp_path, lambda: load_reference(load_weights().folder), {"side": "x"})
    kept = read_hypothesis(tmp_path, fixture.name)
    assert kept.rttm == read_snapshot(fixture.snapshot_folder).values["diarization"]
