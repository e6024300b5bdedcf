"""`python -m bench.corpus`: what is beside the work by two runs, and made pairs that can be scored."""

from __future__ import annotations

import pytest
from support.corpora import corpus

from bench.corpus import _some, beside, make_store
from parity.corpus.cluster import Tasks
from parity.corpus.manifest import read_manifest
from parity.corpus.rows import read_rows
from parity.corpus.scoring import score_store
from parity.corpus.store import SCORES


def test_what_is_beside_the_work_is_told_from_start_up():
    # Five seconds to start; each answer takes ten seconds and half a second besides.
    assert beside((5 + 4 * 10.5, 40.0), (5 + 8 * 10.5, 80.0)) == pytest.approx((0.05, 5.0))


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
