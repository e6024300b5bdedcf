"""Scores of one recording by hand, and a store scored, summarised, shown and compared."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import pandas as pd
import pytest
from support.command_line import here
from support.corpora import corpus, line
from support.schemas import valid

from parity.corpus.comparing import compare_stores
from parity.corpus.explaining import Explained
from parity.corpus.manifest import Entry
from parity.corpus.reasons import reasons
from parity.corpus.rows import read_rows
from parity.corpus.scoring import HUMAN, Pair, pairs_of, read_uem, score_pair, score_pairs
from parity.corpus.store import SCORES, Store
from parity.corpus.summary import summarise, verdict
from parity.errors import InputError
from parity.explain.explanation import Explanation, StageVerdict
from parity.report.corpus_page import write_report
from parity.report.document import explanation_data

RIGHT = line("a", 0, 4) + line("a", 4, 4, "b")
#  0   1   2   3   4   5   6   7   8   9
#  a---------------b---------------
#  x---------------------------x---y---     one speaker, then another who is nobody
ANSWER = line("a", 0, 7, "x") + line("a", 8, 1, "y")


def scored(right=RIGHT, answer=ANSWER, seconds=10.0, **entry):
    return score_pair(Pair(Entry("a", "a.wav", **entry), "s", "r", answer, right, seconds))


def test_every_part_is_what_one_counts_by_hand():
    found = scored()
    assert (found.missed, found.false_alarm, found.confusion) == pytest.approx((1, 1, 3))
    assert (found.der_errors, found.der_total) == pytest.approx((5, 8))
    assert (found.detection_errors, found.detection_total) == pytest.approx((2, 8))
    # 0.25 s to either side of 0, 4 and 8 do not count.
    wide = (found.der_250ms_missed, found.der_250ms_false_alarm, found.der_250ms_total)
    assert wide == pytest.approx((0.75, 0.75, 7))
    assert (found.speakers, found.right_speakers, found.segments, found.right_segments) == (2, 2, 2, 2)
    assert found.jer_total == 2 and 0 < found.jer_errors < 2
    assert found.impurity_errors / found.impurity_total == pytest.approx(4 / 8)  # y is nobody
    assert not found.same_lines


def test_a_uem_says_what_counts(tmp_path):
    (tmp_path / "a.uem").write_text(";; parts\na 1 0.0 4.0\na 1 8.0 10.0\n")
    found = scored(uem=tmp_path / "a.uem")
    assert (found.missed, found.false_alarm, found.confusion, found.der_total) == pytest.approx((0, 1, 0, 4))
    (tmp_path / "a.uem").write_text("b 1 0 4\nc 1 0 4\n")
    with pytest.raises(InputError, match="no parts of a"):
        read_uem(tmp_path / "a.uem", "a")


def test_the_same_lines_are_no_errors_and_a_broken_rttm_is_a_row():
    found = scored(answer=RIGHT.replace("SPEAKER a", "SPEAKER other"))
    assert found.same_lines and found.der_errors == found.jer_errors == 0
    (row,) = score_pairs([Pair(Entry("a", "a.wav"), "s", "r", "SPEAKER a 1 x 1 <NA> <NA> b <NA> <NA>\n", RIGHT, 1.0)])
    assert "RTTM line 1" in row["error"]


def test_nobody_against_nobody_is_no_error():
    found = scored("", "", seconds=0.0)
    assert found.same_lines and found.der_errors == found.der_total == 0


# a store, through the command line


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Twenty-four recordings; `b` misses a second of every other one, and has no answer to one."""
    folder = tmp_path_factory.mktemp("corpus")
    entries = corpus(folder, 24)
    for side in "ab":
        (folder / side).mkdir()
        for number, entry in enumerate(entries):
            name = entry.recording
            worse = side == "b" and number % 2
            text = line(name, 0, 3.0 if worse else 4.0) + line(name, 5, 3, "b")
            if worse and number % 4 == 1:
                text += line(name, 8.5, 0.5, "c")
            (folder / side / f"{name}.rttm").write_text(text)
    (folder / "b" / "r004.rttm").unlink()
    rows = [f"{e.recording},{e.audio.name},{e.human_rttm.name},{e.dataset}" for e in entries]
    (folder / "corpus.csv").write_text("recording,audio,human_rttm,dataset\n" + "\n".join(rows) + "\n")
    words = ["corpus", "run", folder / "corpus.csv", "--workers", 0]
    first = ["--reference", f"a=rttm:{folder / 'a'}", "--side", f"b=rttm:{folder / 'b'}"]
    said = [here(*words, "--store", folder / "store", *first)]
    said.append(here(*words, "--store", folder / "other", "--side", f"b=rttm:{folder / 'a'}"))
    said += [here("corpus", "score", folder / name, "--workers", 0) for name in ("store", "other")]
    return SimpleNamespace(folder=folder, store=Store(folder / "store"), other=Store(folder / "other"), said=said)


def test_the_command_line_says_the_verdict_first_and_ends_as_it_says(made):
    assert [said.returncode for said in made.said] == [1, 0, 1, 0]
    assert made.said[0].stdout.startswith("1 answers failed; next: parity corpus score")
    lines = made.said[2].stdout.splitlines()
    assert lines[0].startswith("1 answers failed; b: 12 of 23 are not line for line a's (33.0% to 70.8%)")
    assert "b against humans: inferior at a margin of 0.50% DER" in lines[0]
    assert all(len(row) <= 80 for row in lines[1:])


def test_scores_are_sorted_rows_and_what_has_no_answer_says_why(made):
    rows = read_rows(made.store.folder / SCORES)
    assert len(rows) == 3 * 24
    assert [(row["against"], row["side"], row["recording"]) for row in rows] == sorted(
        (row["against"], row["side"], row["recording"]) for row in rows
    )
    assert {row["error"] for row in rows if row["recording"] == "r004"} == {None, "b: no RTTM of it"}
    found = list(pairs_of(made.store))
    failed = [one for one in found if not isinstance(one, Pair)]
    assert len(found) - len(failed) == 70 and {score.against for score in failed} == {"a", HUMAN}


def test_the_summary_counts_flips_speakers_and_groups(made):
    found = summarise(made.store, margin=0.2)
    (agreement,) = found.tables["agreement"]
    assert (agreement["flips"], agreement["recordings"], agreement["speakers_changed"]) == (12, 23, 6)
    assert agreement["der"] == pytest.approx((12 * 1.0 + 6 * 0.5) / (23 * 7))
    first = found.tables["flips"][0]
    assert first["what"] == "speakers 2 -> 3, segments 2 -> 3" and first["der_errors"] == pytest.approx(1.5)
    assert [row["der"] for row in found.tables["accuracy"]] == pytest.approx([0, 15 / 161])
    assert {row["verdict"] for row in found.tables["noninferiority"] if row["metric"] == "der"} == {"non-inferior"}
    counts = {(row["side"], row["against"]): row["one off"] for row in found.tables["counts"]}
    assert counts == {("b", "a"): 6, ("a", HUMAN): 0, ("b", HUMAN): 6}
    datasets = {row["which"] for row in found.tables["values"] if row["group"] == "dataset"}
    assert datasets == {"even", "odd"} and "b: 12 of 23" in verdict(found)


def test_the_report_is_a_page_and_files_of_every_table(made):
    said = here("corpus", "report", made.folder / "store", "--out", made.folder / "report")
    assert said.returncode == 0 and said.stdout.rstrip().endswith("index.html")
    text = (made.folder / "report" / "index.html").read_text(encoding="utf-8")
    assert (
        "speakers 2 -&gt; 3" in text
        and "<svg" in text
        and "http" not in text.replace("http-equiv", "").replace("http://www.w3.org", "")
    )
    report = made.folder / "report"
    assert [len(pd.read_csv(report / "flips.csv")), len(pd.read_parquet(report / "flips.parquet"))] == [12, 12]
    document = valid(made.folder / "report" / "report.json", "corpus_schema.json")
    valid(made.folder / "store" / "corpus.json", "corpus_store_schema.json")
    assert document["verdict"] == verdict(summarise(made.store))


def test_flips_that_were_explained_have_a_page_and_the_page_says_what_headroom_foretold(made, tmp_path):
    stage = StageVerdict("ahc", "born", "dendrogram", cascaded=0.1, cascaded_ratio=2.0, where="merge <3>")
    told = explanation_data(Explanation("r001", "b", True, (stage,), ("ahc",), decisive="ahc"))
    room = {"stage": "ahc", "decision": "cut", "smallest": 1.0, "unit": "distance", "where": "merge 3"}
    rows = [
        {**asdict(Explained(name)), "changed": name == "r001", "decisive": "ahc" if name == "r001" else None}
        | {"margins": json.dumps([{**room, "drift": drift, "least_headroom": 1 / drift}])}
        for name, drift in (("r000", 0.1), ("r001", 4.0))
    ]
    rows[1]["explanation"] = json.dumps(told)
    itself = {**rows[0], "margins": json.dumps([{**room, "drift": None, "least_headroom": None}])}
    explained = {"a": [itself], "b": rows}
    found = summarise(made.store)
    found = replace(found, base="a", tables={**found.tables, **reasons(explained, "a", {"r000": 2, "r001": 2})})
    write_report(found, tmp_path, explained)
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert '<a href="flips/1/r001.html">r001</a>' in text and text.count("<svg") == 3
    assert "1, 1 of them flips" in text and "ahc</text>" in text and "1 of 1 (1 of 1)" in text
    flip = (tmp_path / "flips" / "1" / "r001.html").read_text(encoding="utf-8")
    assert "merge &lt;3&gt;" in flip and "ahc decides" in flip and "least headroom" in flip
    assert len(pd.read_parquet(tmp_path / "headroom.parquet")) == 2


def test_two_stores_are_compared_side_by_side(made):
    (found,) = compare_stores(made.other, made.store, margin=0.005)
    assert (found.against, found.better, found.worse, len(found.flipped), found.beyond) == (HUMAN, 0, 12, 12, True)
    words = [made.folder / "other", made.folder / "store"]
    worse, better = here("corpus", "compare", *words), here("corpus", "compare", *reversed(words))
    assert (worse.returncode, better.returncode) == (1, 0)
    assert worse.stdout.startswith("b against human: worse beyond the margin of 0.50%: DER +9.317%")
    assert here("corpus", "compare", *words, "--margin", 0.2).returncode == 0


def test_without_a_reference_the_first_line_says_how_far_from_humans(made):
    assert verdict(summarise(made.other)) == "b: DER 0.00% against humans"


def test_what_was_not_scored_is_said(made, tmp_path):
    said = here("corpus", "report", tmp_path / "none")
    assert said.returncode == 2 and "no store of a corpus" in said.stderr
