"""A difference as it is reported, from arrays to a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from parity.measure import difference
from parity.measure.difference import describe
from parity.report.differences import difference_data, difference_in_words

WANT = np.random.default_rng(0).standard_normal((40, 3, 256)).astype(np.float32)


def words(name: str, got: np.ndarray, want: np.ndarray) -> str:
    (line,) = difference_in_words(difference_data(describe(name, got, want)))
    return line


def test_a_cast_is_said_in_one_line_with_its_numbers() -> None:
    line = words("embeddings", WANT.astype(np.float16).astype(np.float32), WANT)
    assert line.startswith("What differs in embeddings: a cast to float16")
    assert "signal to noise" in line and "would have passed" in line and line.count("\n") == 0


def test_nothing_known_is_said_as_such() -> None:
    got = WANT * (1 + 0.1 * np.sin(np.arange(256))).astype(np.float32)
    assert words("embeddings", got, WANT).startswith("What differs in embeddings: no kind that the lab knows")


def test_labels_have_no_numbers() -> None:
    want = np.zeros((40, 3), dtype=np.int8)
    assert "dB" not in words("hard_clusters", np.where(np.arange(40)[:, None] > 31, 1, want), want)


def test_what_cannot_be_laid_over_each_other_is_not_described() -> None:
    assert describe("embeddings", WANT[:3], WANT) is None
    assert describe("embeddings", WANT, WANT.copy()) is None
    assert difference_in_words(difference_data(None)) == []


def test_of_a_large_array_rows_between_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "MOST", WANT.size // 4)
    found = describe("embeddings", 2 * WANT, WANT)
    assert found is not None and found.spread is not None
    assert found.spread.elements == WANT.size // 4
    assert [kind.kind for kind in found.kinds] == ["gain"]
