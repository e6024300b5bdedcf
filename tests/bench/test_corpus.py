"""`python -m bench.corpus`: what is beside the work by runner and loop in turns, and made pairs that can be scored."""

from __future__ import annotations

import contextlib
import os

import pytest
from support.corpora import corpus

import bench.corpus_overhead as corpus_overhead
import parity.corpus.running as running
from bench.corpus import _some, make_store
from bench.corpus_overhead import Round, made_up, measured, nothing, told, told_of_tasks
from parity.corpus.cluster import Tasks
from parity.corpus.manifest import read_manifest
from parity.corpus.rows import read_rows
from parity.corpus.scoring import score_store
from parity.corpus.sides import Setup, Side
from parity.corpus.store import SCORES, Store


def test_what_is_beside_the_work_is_a_share_of_the_loop_and_start_up_is_apart():
    # A run takes 43 s, of which 2 s are its start, where the loop takes 40; then 40.6 of 40, then as much as the loop.
    rounds = [Round(43, 2, 40), Round(42.6, 2, 40), Round(42, 2, 40)]
    assert [one.share for one in rounds] == pytest.approx([0.025, 0.015, 0])
    share, start = told(5.0, rounds)
    assert share.startswith("beside the work: median +1.50% (+0.00% to +2.50%) of 40.00 processor s")
    assert "a cluster that starts 5.00 processor s, a run that has nothing to do 2.00" in start
    assert told_of_tasks(100, rounds).startswith("a task: median 6.00 processor ms (0.00 to 10.00)")


def test_runner_and_loop_answer_in_turns_and_the_loop_is_not_counted_as_the_runner(tmp_path, monkeypatch):
    busy = []
    monkeypatch.setattr(corpus_overhead, "tasks_on", lambda workers: contextlib.nullcontext(Tasks()))
    monkeypatch.setattr(corpus_overhead, "_seconds", lambda but: busy.append(but) or float(len(busy)))
    monkeypatch.setattr(running, "identity_of", lambda side, setup: {"side": side.form})
    told_of = []
    start_up, rounds = measured(
        tmp_path, made_up(3), Side("none", "native"), Setup("wheels"), 2, nothing, lambda *one: told_of.append(one)
    )
    assert [number for number, _ in told_of] == [1, 2] and [one for _, one in told_of] == rounds
    assert {(one.runner, one.start) for one in rounds} == {(1, 1)} and all(0 <= one.loop < 1 for one in rounds)
    assert len(set(busy)) == 1 and os.getpid() not in busy and start_up > 0
    (key,) = Store(tmp_path / "round-2").sides.values()
    assert len(Store(tmp_path / "round-2").answers(key).rows) == 3


def test_made_pairs_are_the_same_every_time_and_can_be_scored(tmp_path):
    first, again = (make_store(tmp_path / name, 3) for name in ("a", "b"))
    texts = [
        {row.rttm for key in store.sides.values() for row in store.answers(key).rows.values()}
        for store in (first, again)
    ]
    assert texts[0] == texts[1] and len(texts[0]) == 6
    assert score_store(first, Tasks()) == 0
    rows = read_rows(first.folder / SCORES)
    assert [row["error"] for row in rows] == [None] * 3
    assert all(0 < row["der_errors"] < row["der_total"] / 2 for row in rows)


def test_some_of_a_manifest_is_a_manifest(tmp_path):
    entries = corpus(tmp_path, 3)
    rows = "".join(f"{one.recording},{one.audio}\n" for one in entries)
    (tmp_path / "all.csv").write_text("recording,audio\n" + rows)
    (tmp_path / "other").mkdir()
    found = read_manifest(_some(tmp_path / "all.csv", ["r000", "r002"], tmp_path / "other"))
    assert [one.recording for one in found] == ["r000", "r002"]
