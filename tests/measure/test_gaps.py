"""Log-probabilities of chunks of which the reference keeps the gap of the two best classes alone."""

from __future__ import annotations

import numpy as np
import pytest

from parity.measure.drift import compare
from parity.measure.gaps import LOGITS, gap_away, gap_of, with_other_chunks, with_others
from parity.measure.tolerances import GAP_ALONE
from parity.replay.engine import CASCADED

RECORDED = np.array([0, 4])
ALL = np.arange(6)


@pytest.fixture
def logits() -> np.ndarray:
    """(6, 589, 7) float32, log-probabilities of six chunks."""
    values = np.random.default_rng(5).normal(0, 3, (6, 589, 7))
    return (values - np.log(np.exp(values).sum(axis=-1, keepdims=True))).astype(np.float32)


def judged(got: np.ndarray, want: np.ndarray, chunks: np.ndarray = ALL):
    shared = np.isin(chunks, RECORDED)
    rows = chunks[shared]
    drift = compare(LOGITS, got[shared], want[rows], mode=CASCADED, chunks=rows)
    return with_other_chunks(drift, got, chunks, gap_of(want).astype(np.float32), rows)


def lead(values: np.ndarray, chunk: int, frame: int, by: float) -> np.ndarray:
    """The same with the best class of one frame that much less, relative to its gap where that is above 1."""
    other, gap = values.copy(), gap_of(values)[chunk, frame]
    other[chunk, frame, np.argmax(values[chunk, frame])] -= by * max(1.0, gap)
    return other


def test_the_gap_is_that_of_the_two_best_and_equal_ones_are_no_distance_apart():
    np.testing.assert_array_equal(gap_of(np.log([[[0.5, 0.25, 0.25]]])), np.log([[2.0]]))
    never = np.full((1, 1, 7), -np.inf, dtype=np.float32)
    assert gap_away(never, np.full((1, 1), np.nan)).item() == 0.0
    assert gap_away(np.full((1, 1, 7), np.nan), np.ones((1, 1))).item() == np.inf


def test_what_is_right_in_every_chunk_is_what_it_was(logits):
    drift = judged(logits, logits)
    assert drift.within and not drift.elsewhere and drift.max_abs == 0


@pytest.mark.parametrize(("times", "within"), [(0.9, True), (1.1, False)])
def test_a_chunk_that_is_not_recorded_is_judged_by_its_gap(logits, times, within):
    frame = int(np.argmax(gap_of(logits)[2]))
    drift = judged(lead(logits, 2, frame, times * GAP_ALONE.max_abs), logits)
    assert drift.within is within and drift.elsewhere is not within
    if not within:
        assert drift.worst_index == (2, frame, 0) and drift.where.startswith(f"chunk 2, frame {frame}, at ")
        assert drift.max_abs == pytest.approx(1.1 * GAP_ALONE.max_abs, rel=1e-3) and "1 of 4 chunks" in drift.note
        assert drift.want - drift.got == pytest.approx(drift.max_abs * max(1.0, drift.want), rel=1e-3)


def test_what_is_out_in_a_recorded_chunk_is_told_of_that_chunk(logits):
    frame = int(np.argmax(gap_of(logits)[4]))
    both = lead(lead(logits, 4, frame, 0.01), 2, 0, 0.5)
    drift = judged(both, logits)
    assert not drift.within and not drift.elsewhere and drift.worst_index is not None and drift.worst_index[0] == 4


def test_local_speakers_in_another_order_are_no_drift(logits):
    other = logits.copy()
    other[2] = logits[2][:, [0, 2, 1, 3, 4, 5, 6]]
    assert judged(other, logits).within


def test_a_chunk_of_nan_is_out_and_one_beyond_the_references_is_not_looked_at(logits):
    other = logits.copy()
    other[3] = np.nan
    assert judged(other, logits).max_abs == np.inf
    longer = np.concatenate([logits, np.zeros_like(logits[:1])])
    assert judged(longer, logits, np.arange(7)).within


def test_other_chunks_come_as_they_were_written_unless_the_numbers_were_not(logits):
    renumbered = logits[RECORDED][..., [0, 2, 1, 3, 4, 5, 6]]
    rows, chunks = with_others(renumbered, RECORDED, logits, ALL)
    np.testing.assert_array_equal(chunks, ALL)
    np.testing.assert_array_equal(rows[RECORDED], renumbered)
    np.testing.assert_array_equal(rows[1], logits[1])
    rows, chunks = with_others(renumbered, RECORDED, np.exp(logits), ALL)  # probabilities, undone in the rows
    np.testing.assert_array_equal(chunks, RECORDED)
