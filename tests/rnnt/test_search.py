"""Greedy RNN-T search: tokens, frames, the limit of symbols, the predictor's rest after a blank; vocabularies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rnnt_examples import SMALL, backend, encoded, searched, small_head

from parity.errors import InputError
from parity.rnnt.search import check_encoded, greedy, greedy_batch
from parity.rnnt.seeded import SeededUtterance


class Scripted:
    """A backend that says what it was told to say; 3 tokens and the blank."""

    classes = 4

    def __init__(self, *answers: int) -> None:
        self.answers, self.calls = list(answers), []

    def step(self, encoder_frame, previous_token, out):
        self.calls.append((float(encoder_frame[0]), previous_token))
        out[:] = 0
        out[self.answers.pop(0)] = 1

    def commit(self):
        self.calls.append("commit")

    def reset(self):
        self.calls.append("reset")


def frames(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.float32)[:, None]


def test_a_blank_goes_on_to_the_next_frame_and_a_token_stays():
    scripted = Scripted(1, 3, 3, 0, 2, 3)
    found = greedy(scripted, frames(3))
    assert found.tokens.tolist() == [1, 0, 2] and found.frames.tolist() == [0, 2, 2]
    assert scripted.calls == [
        "reset", (0.0, None), "commit", (0.0, 1), (1.0, 1), (2.0, 1), "commit", (2.0, 0), "commit", (2.0, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_a_frame_is_left_when_it_has_emitted_its_share(limit):
    scripted = Scripted(*[0] * (2 * limit))
    assert greedy(scripted, frames(2), max_symbols=limit).frames.tolist() == [0] * limit + [1] * limit
    assert not scripted.answers


def test_no_frames_are_no_tokens():
    found = greedy(Scripted(), frames(0))
    assert found.tokens.shape == found.frames.shape == (0,) and found.tokens.dtype == np.int64


def test_a_limit_below_one_is_refused():
    with pytest.raises(InputError, match="max_symbols 0"):
        greedy(Scripted(), frames(1), max_symbols=0)


def test_sums_that_overflow_are_told_instead_of_decoded():
    utterance = np.array(encoded())
    utterance[3] = 3e38
    with pytest.raises(InputError, match=r"^frame 3: log-probabilities are NaN"):
        greedy(backend(), utterance)
    with pytest.raises(InputError, match=r"^utterance 2: frame 3: log-probabilities are NaN"):
        greedy_batch(backend, [encoded(), utterance])


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(0, 30), st.sampled_from([0, 7]), st.sampled_from([1, 10]))
def test_the_search_is_that_of_one_that_runs_everything_at_every_step(seed, length, pushed, limit):
    utterance = SeededUtterance("x", length, seed, pushed).encoded(SMALL.enc_hidden)
    found = greedy(backend(), utterance, max_symbols=limit)
    assert (found.tokens.tolist(), found.frames.tolist()) == searched(small_head(), utterance, limit)


def test_the_predictor_rests_after_a_blank():
    under_test = backend()
    found = greedy(under_test, encoded())
    statistics = under_test.statistics
    assert 0 < len(found.tokens) == statistics.commits
    # Once at the start and once after each token, save after one that the limit and the utterance end with.
    assert statistics.predictor_runs == statistics.commits + 1 < statistics.steps


def test_a_batch_is_each_utterance_by_a_backend_of_its_own():
    utterances = [encoded(), encoded()[:0], encoded()[5:]]
    found = greedy_batch(backend, utterances)
    assert len({id(under_test) for _, under_test in found}) == 3
    for utterance, (hypothesis, _) in zip(utterances, found, strict=True):
        np.testing.assert_array_equal(hypothesis.tokens, greedy(backend(), utterance).tokens)


def test_a_backend_decodes_again_as_it_did_at_first():
    under_test = backend()
    first = greedy(under_test, encoded())
    greedy(under_test, encoded()[7:])
    np.testing.assert_array_equal(greedy(under_test, encoded()).tokens, first.tokens)


def test_steps_are_told():
    told = []
    found = greedy(backend(), encoded(), on_step=lambda frame, chosen, scores: told.append((frame, chosen)))
    assert [row for row in told if row[1] != 19] == list(zip(found.frames.tolist(), found.tokens.tolist()))


# frames that are none


@pytest.mark.parametrize(
    "array, said",
    [
        (np.zeros((5, 21), np.float32), "frames are 21 wide, this head reads 20"),
        (np.zeros((20, 5), np.float32), "it looks transposed"),
        (np.zeros((0, 20), np.float32), "holds no frames, at least 1"),
        (np.zeros((1, 5, 20), np.float32), "one utterance"),
        (np.zeros((5, 20), np.int64), "is int64"),
        (np.full((5, 20), np.nan, np.float32), "5 of 5 frames hold NaN"),
        (np.where(np.arange(100).reshape(5, 20) == 47, np.inf, 0.0), "1 of 5 frames hold NaN or infinity, the first"),
        (np.full((5, 20), 1e300), "5 of 5 frames hold NaN or infinity, the first is frame 0"),
    ],
)
def test_frames_that_do_not_fit_are_refused_in_one_line(array, said):
    with pytest.raises(InputError, match=said) as raised:
        check_encoded(array, 20, "utterance.npy")
    assert str(raised.value).startswith("utterance.npy: ") and "\n" not in str(raised.value)


def test_frames_in_another_precision_become_float32():
    assert check_encoded(np.zeros((5, 20), np.float16), 20, "x").dtype == np.float32
