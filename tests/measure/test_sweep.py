"""One pass over time gives what pyannote.metrics gives, and many turns do not take long."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from parity.measure import score
from parity.measure.score import read_turns, score_rttm, speaker_names, swept
from parity.measure.sweep import sweep

TURN = st.tuples(st.integers(0, 60), st.integers(0, 25), st.sampled_from("ABCD"))


def rttm(turns, names: str = "") -> str:
    """Turns of (start, duration) in quarters of a second as text."""
    return "".join(
        f"SPEAKER x 1 {start / 4:.3f} {length / 4:.3f} <NA> <NA> {names}{who} <NA> <NA>\n"
        for start, length, who in turns
    )


def overlaps_itself(turns) -> bool:
    """Whether a speaker has two turns at once."""
    spans = sorted((who, start, start + length) for start, length, who in turns if length)
    return any(one[0] == other[0] and other[1] < one[2] for one, other in combinations(spans, 2))


def best_mappings(overlap: np.ndarray) -> int:
    """How many ways of pairing speakers share the most time, pairs that share none left out."""
    square = np.zeros((max(overlap.shape, default=0),) * 2)
    square[: overlap.shape[0], : overlap.shape[1]] = overlap
    ways: dict[frozenset[tuple[int, int]], float] = {}
    for order in permutations(range(len(square))):
        pairs = frozenset((row, column) for row, column in enumerate(order) if square[row, column] > 0)
        ways[pairs] = round(sum(square[pair] for pair in pairs), 6)
    return list(ways.values()).count(max(ways.values()))


@settings(max_examples=200, deadline=None)
@given(st.lists(TURN, max_size=12), st.lists(TURN, max_size=12))
def test_it_is_pyannotes_der_and_mapping(reference, hypothesis):
    from pyannote.metrics.diarization import DiarizationErrorRate

    texts = rttm(reference), rttm(hypothesis, "S")
    if overlaps_itself(reference) or overlaps_itself(hypothesis):
        # Of two mappings that are as good, each library takes one; where a speaker talks over themself they differ.
        assume(best_mappings(read_turns(texts[0]) * read_turns(texts[1])) == 1)
    want, got = score_rttm(*texts), swept(*texts)
    for part in ("der", "miss", "false_alarm", "confusion", "total"):
        assert getattr(got, part) == pytest.approx(getattr(want, part), abs=1e-9), part
    mapping = DiarizationErrorRate().optimal_mapping(*map(read_turns, texts))
    overlap = read_turns(texts[0]) * read_turns(texts[1])
    theirs, ours = (read_turns(text).labels() for text in texts)

    def together(names) -> float:
        return sum(overlap[theirs.index(name), ours.index(who)] for who, name in names.items())

    assert together(got.names) == pytest.approx(together(mapping), abs=1e-9)


def test_the_same_turns_under_other_names_are_exactly_0():
    turns = [(start, 3, "ABC"[start % 3]) for start in range(200)]
    found = sweep(*([(s / 4, (s + d) / 4, side + who) for s, d, who in turns] for side in ("", "S")))
    assert found.der == 0 and found.names == {"SA": "A", "SB": "B", "SC": "C"}


def test_many_turns_are_swept_and_give_the_same_answer(monkeypatch):
    rng = np.random.default_rng(0)
    turns = [(int(3 * i), int(rng.integers(1, 5)), "ABCD"[rng.integers(4)]) for i in range(300)]
    other = [(s, d + int(rng.random() < 0.1), who if rng.random() < 0.95 else "A") for s, d, who in turns]
    texts = rttm(turns), rttm(other, "S")
    want, names = score_rttm(*texts), speaker_names(*texts)
    monkeypatch.setattr(score, "MANY", 100)
    monkeypatch.setattr(score, "read_turns", None)  # the library is not asked
    got = score_rttm(*texts)
    assert (got.der, got.miss, got.confusion) == pytest.approx((want.der, want.miss, want.confusion), abs=1e-9)
    assert speaker_names(*texts) == names
