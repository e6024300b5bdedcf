"""The gate: what is accepted until when, what is worse than an earlier report, and what fails in the end."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import date

import pytest
from support.reports import artefact, off, recording, report

from parity.errors import InputError
from parity.history import held, judged_in, read_accepted, read_report, worse_than

DAY = date(2027, 1, 15)
EMBEDDINGS = '[accept.embeddings]\nmax_abs = 2e-3\nreason = "trunk in float16"\nuntil = 2027-03-01\n'


def entries(tmp_path, text=EMBEDDINGS):
    path = tmp_path / "parity.toml"
    path.write_text(text)
    return read_accepted(path)


def said(found):
    return [f"{w.recording}: {w.words}" for w in found.failures]


def test_without_anything_what_drifts_fails():
    found = held(report(recording(off(), artefact("count", "speaker_counting"))))
    assert found.status == 1 and said(found) == ["02: embeddings: 1.0e-03, 1.0e-05 allowed"]
    assert held(report(recording(artefact()))).status == 0


def test_accepted_drift_holds_until_its_day_and_is_reported(tmp_path):
    accepted = entries(tmp_path)
    found = held(report(recording(off())), accepted=accepted, today=DAY)
    assert found.status == 0 and [name for name, _, _ in found.accepted] == ["02"]
    assert held(report(recording(off(2.1e-3))), accepted=accepted, today=DAY).status == 1
    late = held(report(recording(off())), accepted=accepted, today=date(2027, 3, 2))
    assert late.status == 1 and "no longer" in said(late)[-1] and late.expired == accepted
    assert held(report(recording(off())), accepted=accepted, today=date(2027, 3, 1)).status == 0


def test_what_is_accepted_is_of_one_artefact_of_the_recordings_that_are_named(tmp_path):
    accepted = entries(tmp_path, EMBEDDINGS + 'recordings = ["14"]\n')
    found = held(report(recording(off())), accepted=accepted, today=DAY)
    assert found.status == 1 and found.unused == accepted
    other = off(name="centroids", stage="centroids")
    assert held(report(recording(other)), accepted=entries(tmp_path), today=DAY).status == 1


def test_elements_that_differ_are_not_covered_by_a_distance(tmp_path):
    assert held(report(recording(off(mismatches=3))), accepted=entries(tmp_path), today=DAY).status == 1
    assert held(report(recording(off(compared=0))), accepted=entries(tmp_path), today=DAY).status == 1


def test_an_answer_is_accepted_by_its_der(tmp_path):
    text = '[accept.diarization]\nder = 0.01\nreason = "as agreed"\nuntil = 2027-03-01\n'
    rttm = artefact("diarization", "annotation", verdict="different", max_abs=None, mismatches=None, compared=None)
    accepted = entries(tmp_path, text)
    assert held(report(recording(rttm, der=0.009)), accepted=accepted, today=DAY).status == 0
    assert held(report(recording(rttm, der=0.011)), accepted=accepted, today=DAY).status == 1
    unknown = recording(rttm, turns={})
    assert held(report(unknown), accepted=accepted, today=DAY).status == 1


@pytest.mark.parametrize("verdict", ["raises", "inconclusive", "limited coverage"])
def test_nothing_accepts_what_is_no_drift(tmp_path, verdict):
    whole = recording(off(), verdict=verdict, doubts=["the dump is suspect"])
    found = held(report(whole, verdict=verdict), accepted=entries(tmp_path), today=DAY)
    assert found.status == 1 and said(found) == [f"02: {verdict}: the dump is suspect"]


def test_wrong_inputs_are_status_2_whatever_is_accepted(tmp_path):
    document = report(verdict="error", errors={"02": "no such file"})
    assert held(document, document, entries(tmp_path), DAY).status == 2


def test_a_recording_that_is_missing_fails():
    document = report(
        recording(artefact()), verdict="limited coverage", not_compared=["03: only in kits, not compared"]
    )
    assert said(held(document)) == ["recordings: limited coverage: 03: only in kits, not compared"]


BEFORE = report(recording(off(), artefact("count", "speaker_counting"), der=0.02))


def test_the_same_drift_as_before_is_held_and_said():
    found = held(BEFORE, BEFORE)
    assert found.status == 0 and [case.artefact for _, case in found.kept] == ["embeddings"]


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (recording(off(1.2e-3), artefact("count", "c"), der=0.02), "embeddings: 1.2e-03, was 1.0e-03"),
        (recording(off(), off(2.0, name="count", stage="c"), der=0.02), "count: 2.0e+00, 1.0e-05 allowed; was within"),
        (recording(off(mismatches=1), artefact("count", "c"), der=0.02), "1 elements differ, were 0"),
        (recording(off(), der=0.02), "count: was compared, is not now"),
        (recording(off(compared=95), artefact("count", "c"), der=0.02), "95 elements compared, were 96"),
        (recording(off(), artefact("count", "c"), der=0.021), "DER 0.0210, was 0.0200"),
        (recording(off(), artefact("count", "c"), verdict="raises", der=0.02), "raises; was drift"),
    ],
)
def test_what_is_worse_fails(now, words):
    found = held(report(now, verdict=now["verdict"]), BEFORE)
    assert found.status == 1 and any(words in line for line in said(found)), said(found)


@pytest.mark.parametrize(
    "now",
    [
        recording(off(1.05e-3), artefact("count", "c"), der=0.02),
        recording(off(1e-6), artefact("count", "c"), der=0.0),
        recording(artefact(), artefact("count", "c"), artefact("masks", "masks"), der=0.02),
    ],
)
def test_what_is_not_worse_does_not(now):
    assert held(report(now, verdict=now["verdict"]), BEFORE).status == 0


def test_a_recording_that_is_gone_fails_and_a_new_one_has_to_be_right():
    two = report(recording(artefact()), recording(artefact(), name="03"))
    assert said(held(report(recording(artefact())), two)) == ["03: was compared in the baseline, is not now"]
    assert held(two, report(recording(artefact()))).status == 0
    new = report(recording(artefact()), recording(off(), name="03"))
    assert "not in the baseline" in said(held(new, report(recording(artefact()))))[0]


def test_what_native_code_made_in_a_ports_place_is_not_held_against_it():
    def of_run(within):
        row = {"stage": "vbx", "artefact": "q_final", "mode": "cascaded", "within": within, "max_abs": 1.0}
        row |= {"tolerance": 1e-9, "mismatches": 0, "excused": 0, "compared": 9, "where": "", "note": ""}
        whole = {
            "name": "02",
            "status": "drift",
            "error": None,
            "problems": [],
            "doubts": [],
            "notes": [],
            "lacking": [],
        }
        whole |= {"supplied": ["embeddings"], "der": 0.0, "der_exclusive": 0.0, "stage_seconds": {}, "artefacts": [row]}
        return {"schema": 2, "fixtures": [whole]}

    (judged,) = judged_in(of_run(False))
    assert judged.drifting == () and judged.cases
    assert worse_than(judged_in(of_run(True)), (judged,)) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("accept = 3", "one table per artefact"),
        ("[accept.embedding]\nmax_abs = 1", "embedding is no artefact"),
        ("[accept.embeddings]\nmaxabs = 1", "key maxabs is not known"),
        ("[accept.embeddings]\nmax_abs = 1\nuntil = 2027-01-01", "reason is missing"),
        ('[accept.embeddings]\nmax_abs = 1\nreason = "x"', "should be a date"),
        ('[accept.embeddings]\nmax_abs = 1\nreason = "x"\nuntil = 2027-01-01T00:00:00', "should be a date"),
        ('[accept.embeddings]\nreason = "x"\nuntil = 2027-01-01', "accepts nothing"),
        ('[accept.embeddings]\nmax_abs = -1\nreason = "x"\nuntil = 2027-01-01', "above 0"),
        ('[accept.embeddings]\nmax_abs = true\nreason = "x"\nuntil = 2027-01-01', "above 0"),
        ('[accept.hard_clusters]\nmismatches = 1.5\nreason = "x"\nuntil = 2027-01-01', "whole number"),
        ('[accept.embeddings]\nder = 0.1\nreason = "x"\nuntil = 2027-01-01', "what an RTTM is judged by"),
        ('[accept.diarization]\nmismatches = 1\nreason = "x"\nuntil = 2027-01-01', "needs der"),
        ("[accept", "cannot be read"),
    ],
)
def test_a_file_out_of_form_is_refused_in_one_line(tmp_path, text, words):
    with pytest.raises(InputError, match=words) as refused:
        entries(tmp_path, text)
    assert "parity.toml" in str(refused.value) and "\n" not in str(refused.value)


def test_no_file_accepts_nothing_but_one_that_was_named_has_to_be_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_accepted(None) == ()
    with pytest.raises(InputError, match="cannot be read"):
        read_accepted(tmp_path / "parity.toml")


@pytest.mark.parametrize("found", [3, {}, {"fixtures": [1], "schema": 2}, report() | {"schema": 1}, {"recordings": 0}])
def test_a_baseline_that_is_no_report_is_refused(tmp_path, found):
    path = tmp_path / "base.json"
    path.write_text(json.dumps(found))
    with pytest.raises(InputError, match=r"--baseline .*cannot be read"):
        read_report(path, "--baseline")
    with pytest.raises(InputError, match="--update-baseline writes one"):
        read_report(tmp_path / "none.json", "--baseline")


def test_a_report_is_left_as_it_was():
    before = deepcopy(BEFORE)
    held(BEFORE, BEFORE)
    assert before == BEFORE
