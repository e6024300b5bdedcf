"""Scores on timelines of small integers, checkable by hand; reference above, hypothesis below."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyannote.core import Segment

from parity.errors import InputError
from parity.measure.score import Score, count, read_turns, score, score_rttm, speaker_names


def rttm(*turns: tuple[str, float, float]) -> str:
    return "".join(f"SPEAKER clip 1 {s:.3f} {e - s:.3f} <NA> <NA> {who} <NA> <NA>\n" for who, s, e in turns)


def parts(score: Score) -> tuple[float, ...]:
    return tuple(round(value, 6) for value in (score.miss, score.false_alarm, score.confusion, score.total))


REFERENCE = rttm(("A", 0, 4), ("B", 4, 10))


# components, in seconds


def test_the_same_turns_score_zero_on_every_component():
    score = score_rttm(REFERENCE, REFERENCE)
    assert score == Score(der=0.0, miss=0.0, false_alarm=0.0, confusion=0.0, total=10.0)


def test_what_is_not_found_is_missed():
    # seconds  0   1   2   3   4   5   6   7   8   9  10
    #          A---------------B-----------------------|
    #          A---------------        B---------------|
    score = score_rttm(REFERENCE, rttm(("A", 0, 4), ("B", 6, 10)))
    assert parts(score) == (2, 0, 0, 10) and score.der == pytest.approx(0.2)


def test_what_nobody_said_is_a_false_alarm_and_not_in_the_total():
    # seconds  0   1   2   3   4   5   6   7   8   9  10  11  12  13
    #          A---------------B-----------------------|
    #          A---------------B-----------------------------------|
    score = score_rttm(REFERENCE, rttm(("A", 0, 4), ("B", 4, 13)))
    assert parts(score) == (0, 3, 0, 10) and score.der == pytest.approx(0.3)


def test_the_wrong_speaker_is_confusion():
    # seconds  0   1   2   3   4   5   6   7   8   9  10
    #          A---------------B-----------------------|
    #          A---B-----------------------------------|
    score = score_rttm(REFERENCE, rttm(("A", 0, 1), ("B", 1, 10)))
    assert parts(score) == (0, 0, 3, 10) and score.der == pytest.approx(0.3)


def test_all_three_errors_add_up():
    # seconds  0   1   2   3   4   5   6   7   8   9  10  11
    #          A---------------B-----------------------|
    #              x-------y-------------------    y-------|
    score = score_rttm(REFERENCE, rttm(("x", 1, 3), ("y", 3, 8), ("y", 9, 11)))
    assert parts(score) == (2, 1, 1, 10) and score.der == pytest.approx(0.4)


def test_two_speakers_found_as_one_are_confusion_for_the_shorter():
    score = score_rttm(REFERENCE, rttm(("x", 0, 10)))
    assert parts(score) == (0, 0, 4, 10)


def test_overlapping_speech_counts_once_a_speaker():
    # seconds  0   1   2   3   4   5   6
    #          A---------------|
    #                  B---------------|
    reference = rttm(("A", 0, 4), ("B", 2, 6))
    assert parts(score_rttm(reference, rttm(("A", 0, 4), ("B", 4, 6)))) == (2, 0, 0, 8)
    assert parts(score_rttm(rttm(("A", 0, 4), ("B", 4, 6)), reference)) == (0, 2, 0, 6)


def test_reference_and_hypothesis_are_not_exchangeable():
    ours = rttm(("A", 0, 4), ("B", 6, 10))
    assert score_rttm(REFERENCE, ours).miss == score_rttm(ours, REFERENCE).false_alarm == 2


# names mean nothing


def test_permuted_labels_score_zero():
    assert score_rttm(REFERENCE, rttm(("B", 0, 4), ("A", 4, 10))).der == 0.0
    assert score_rttm(REFERENCE, rttm(("SPEAKER_07", 0, 4), ("zoë", 4, 10))).der == 0.0


speech = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(1, 5)), min_size=1, max_size=8, unique=True
)


@given(speech, st.permutations("wxyz"))
def test_any_recording_scores_zero_against_itself_under_any_names(turns, names):
    reference = rttm(*(("ABCD"[who], start, start + length) for who, start, length in turns))
    hypothesis = rttm(*((names[who], start, start + length) for who, start, length in turns))
    score = score_rttm(reference, hypothesis)
    assert score.der == 0.0 and parts(score)[:3] == (0, 0, 0) and score.total > 0


@given(speech, st.randoms())
def test_the_order_of_lines_does_not_matter(turns, random):
    lines = [rttm(("ABCD"[who], start, start + length)) for who, start, length in turns]
    shuffled = random.sample(lines, len(lines))
    assert score_rttm("".join(lines), "".join(shuffled)).der == 0.0


def test_a_difference_of_a_millisecond_is_not_zero():
    score = score_rttm(REFERENCE, rttm(("A", 0, 4), ("B", 4, 10.001)))
    assert 0 < score.der == pytest.approx(1e-4) and score.false_alarm == pytest.approx(0.001)


# nothing at all


def test_nobody_against_nobody_is_zero():
    assert score_rttm("", "") == Score(der=0.0, miss=0.0, false_alarm=0.0, confusion=0.0, total=0.0)


def test_nobody_against_nobody_asks_no_library(monkeypatch):
    """It takes ten seconds to import on a busy machine."""
    monkeypatch.setitem(sys.modules, "pyannote.metrics.diarization", None)
    assert score_rttm("", "").der == 0.0 and speaker_names("", "") == {}


def test_nobody_found_is_all_missed():
    score = score_rttm(REFERENCE, "")
    assert parts(score) == (10, 0, 0, 10) and score.der == 1.0


def test_somebody_found_where_nobody_is_is_no_perfect_score():
    score = score_rttm("", REFERENCE)
    assert parts(score) == (0, 10, 0, 0) and score.der == 1.0


# options


def test_a_collar_forgives_its_half_on_both_sides_of_a_boundary_of_the_reference():
    # A boundary moved by 0.2 s, inside half of a collar of 0.5 s; by 0.4 s, 0.15 s beyond it.
    for moved, confusion in ((0.2, 0), (0.4, 0.15)):
        hypothesis = rttm(("A", 0, 4 + moved), ("B", 4 + moved, 10))
        assert parts(score_rttm(REFERENCE, hypothesis))[2] == pytest.approx(moved)
        assert parts(score_rttm(REFERENCE, hypothesis, collar=0.5))[2] == pytest.approx(confusion)


def test_a_collar_takes_its_time_from_the_total():
    # Three boundaries: 0 and 10 lose 0.25 s inside the recording each, 4 loses 0.5 s.
    assert score_rttm(REFERENCE, REFERENCE, collar=0.5).total == pytest.approx(9.0)
    assert score_rttm(REFERENCE, REFERENCE).total == 10.0


def test_skipping_overlap_leaves_out_where_the_reference_overlaps():
    # seconds  0   1   2   3   4   5   6
    #          A---------------|
    #                  B---------------|
    #          A---------------B-------|
    reference, hypothesis = rttm(("A", 0, 4), ("B", 2, 6)), rttm(("A", 0, 4), ("B", 4, 6))
    assert score_rttm(reference, hypothesis).der == pytest.approx(2 / 8)
    skipped = score_rttm(reference, hypothesis, skip_overlap=True)
    assert parts(skipped) == (0, 0, 0, 4)


def test_only_the_given_spans_are_scored():
    # seconds  0   1   2   3   4   5   6   7   8   9  10
    #          A---------------B-----------------------|
    #          B---------------                A-------|
    #  spans       |-------|                   |-------|
    hypothesis = rttm(("B", 0, 4), ("A", 8, 10))
    spans = ((1.0, 3.0), (8.0, 10.0))
    assert parts(score_rttm(REFERENCE, hypothesis, spans=spans)) == (0, 0, 0, 4)
    assert parts(score_rttm(REFERENCE, hypothesis)) == (4, 0, 0, 10)


def test_false_alarms_after_the_reference_ends_are_scored():
    assert score_rttm(rttm(("A", 0, 1)), rttm(("A", 0, 1), ("A", 50, 52))).false_alarm == 2


def test_options_are_named_and_a_misspelt_one_is_an_error():
    with pytest.raises(TypeError):
        score_rttm(REFERENCE, REFERENCE, 0.5)
    with pytest.raises(TypeError):
        score_rttm(REFERENCE, REFERENCE, colar=0.5)


# reading


def test_times_are_read_as_written():
    turns = read_turns("SPEAKER clip 1 0.031 2.500 <NA> <NA> SPEAKER_00 <NA> <NA>\n")
    assert list(turns.itertracks(yield_label=True)) == [(Segment(0.031, 2.531), 1, "SPEAKER_00")]


def test_two_speakers_over_the_same_time_are_two_turns():
    turns = read_turns(rttm(("A", 0, 1), ("B", 0, 1), ("A", 0, 1)))
    assert len(list(turns.itertracks())) == 3 and turns.labels() == ["A", "B"]


BAD = [
    "\n",
    "garbage\n",
    "SPEAKER clip 1 0.0 1.0 <NA> <NA>\n",
    "SPEAKER clip 1 zero 1.0 <NA> <NA> A <NA> <NA>\n",
    "SPEAKER clip 1 0.0 1,5 <NA> <NA> A <NA> <NA>\n",
    "SPEAKER clip 1 0.0 -1.0 <NA> <NA> A <NA> <NA>\n",
    "SPEAKER clip 1 0.0 nan <NA> <NA> A <NA> <NA>\n",
    "SPEAKER clip 1 inf 1.0 <NA> <NA> A <NA> <NA>\n",
    "SPEAKER clip 1 nan 1.0 <NA> <NA> A <NA> <NA>\n",
    "LEXEME clip 1 0.0 1.0 <NA> <NA> A <NA> <NA>\n",
    ";; a remark\n",
]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("read", [read_turns, count, lambda text: score_rttm(REFERENCE, text)])
def test_a_bad_line_is_named_by_its_number_in_one_line(bad, read):
    with pytest.raises(InputError, match="RTTM line 2: ") as caught:
        read(rttm(("A", 0, 1)) + bad + rttm(("B", 1, 2)))
    assert "\n" not in str(caught.value)


# counts


def test_speakers_and_segments_are_counted():
    assert count(rttm(("A", 0, 1), ("B", 1, 2), ("A", 2, 3))) == (2, 3)
    assert count(rttm(("A", 0, 1), ("A", 0, 1))) == (1, 2)
    assert count("") == (0, 0)


def test_text_and_files_score_alike(tmp_path):
    theirs, ours = "SPEAKER a 1 0.000 4.000 <NA> <NA> x <NA> <NA>\n", "SPEAKER a 1 0.000 3.000 <NA> <NA> y <NA> <NA>"
    (tmp_path / "theirs.rttm").write_text(theirs)
    (tmp_path / "ours.rttm").write_text(ours)
    expected = Score(der=0.25, miss=1.0, false_alarm=0.0, confusion=0.0, total=4.0)
    assert score(theirs, ours) == score(tmp_path / "theirs.rttm", str(tmp_path / "ours.rttm")) == expected
    assert score(theirs, "").miss == 4.0


@pytest.mark.parametrize("text, words", [(None, "cannot be read as RTTM"), ("SPEAKER a 1 now", "line 1")])
def test_a_file_that_cannot_be_scored_is_named(tmp_path, text, words):
    path = tmp_path / "ours.rttm"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as refused:
        score("", path)
    assert str(refused.value).startswith(str(path)) and words in str(refused.value)
