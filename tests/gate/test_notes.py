"""What `run` and `explain` say of a port's arrays that a replay does not."""

from __future__ import annotations

import numpy as np

import parity
from parity.gate.gate import notes_of


def compared(tmp_path, theirs, ours):
    for name, array in (("kit", theirs), ("dump", ours)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "count.npy", array)
    return parity.compare(tmp_path / "kit", tmp_path / "dump")


def test_what_a_replay_excuses_is_said_in_the_words_of_compare(tmp_path):
    count = np.ones((50, 1), np.uint8)
    wrong = count.copy()
    wrong[49] = 2
    found = compared(tmp_path, count, wrong)
    assert notes_of(found) == ()
    (said,) = notes_of(found, shown=False)
    assert said.startswith("count: Smallest example: output frame 49")


def test_what_is_of_another_length_is_said_once(tmp_path):
    found = compared(tmp_path, np.ones((50, 1), np.uint8), np.ones((40, 1), np.uint8))
    assert notes_of(found) == notes_of(found, shown=False) and len(notes_of(found)) == 1


def test_where_nothing_differs_there_is_nothing_to_say(tmp_path):
    same = np.ones((50, 1), np.uint8)
    assert notes_of(compared(tmp_path, same, same), shown=False) == ()


def test_an_array_that_no_stage_may_have_made_is_said_to_be_left_out_and_why(tmp_path):
    found = compared(tmp_path, np.ones((50, 1), np.uint8), np.ones((50, 2), np.uint8))
    said, *_ = notes_of(found, given=())
    assert said.startswith("count: shape (50, 2)") and said.endswith("not in form, so native code stands in for it")
    assert said not in notes_of(found, given=("count",))
