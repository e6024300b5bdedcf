"""What a mistake made of the same inputs is computed once, and another's inputs are never taken for them."""

from __future__ import annotations

import numpy as np
import pytest

from parity.diagnosis.outcomes import Outcome, Outcomes, digest_of
from parity.diagnosis.trying import Bench
from parity.faults.fault import Fault
from parity.pipeline.stage import ChunkSeries, Pipeline, Stage

ONES = np.ones(100)


def counting(runs: list[float]):
    """A pipeline of one stage, and a fault of it that says when it runs."""

    def plant(pipeline: Pipeline, workshop) -> Pipeline:
        def run(phi: np.ndarray) -> np.ndarray:
            runs.append(float(phi[0]))
            return phi * 2

        return pipeline.replacing("centroids", run)

    stage = Stage("centroids", ("phi",), ("centroids",), lambda phi: phi)
    return Pipeline("toy", ("phi",), (stage,)), Fault("doubled", "centroids", "twice", plant)


def test_a_mistake_runs_once_for_all_benches_with_the_same_inputs():
    runs: list[float] = []
    pipeline, fault = counting(runs)
    known = Outcomes()
    for value in (1.0, 1.0, 3.0, 1.0):
        bench = Bench(pipeline, None, ("centroids",), {"phi": np.full(2, value)}, outcomes=known)
        assert bench.made(fault)["centroids"].tolist() == [2 * value] * 2
    assert runs == [1.0, 3.0]
    bench = Bench(pipeline, None, ("centroids",), {"phi": ONES})
    assert bench.made(fault) is not None and bench.made(fault) is not None and len(runs) == 4


def test_what_raises_is_remembered_with_its_reason():
    def plant(pipeline, workshop):
        runs.append(1.0)
        raise ValueError("no such table")

    runs: list[float] = []
    pipeline, _ = counting(runs)
    known, fault = Outcomes(), Fault("broken", "centroids", "raises", plant)
    benches = [Bench(pipeline, None, ("centroids",), {"phi": ONES}, outcomes=known) for _ in range(2)]
    assert [bench.made(fault) for bench in benches] == [None, None] and len(runs) == 1
    assert benches[0].not_tried == benches[1].not_tried == ["broken: ValueError: no such table"]


def test_what_was_asked_for_longest_ago_is_dropped():
    known, computed = Outcomes(limit=2 * ONES.nbytes), list[str]()

    def asked(name: str) -> None:
        known.of(name, lambda: Outcome(computed.append(name) or {"phi": ONES}))

    for name in ("a", "b", "a", "c", "a", "b"):
        asked(name)
    assert computed == ["a", "b", "c", "b"] and len(known) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"phi": ONES.astype(np.float32)},
        {"phi": ONES.reshape(10, 10)},
        {"phi": ONES, "samples": None},
        {"phi": ChunkSeries(np.arange(2), lambda chunk: ONES)},
        {"phi": ChunkSeries(np.arange(1), lambda chunk: 2 * ONES)},
    ],
)
def test_inputs_that_differ_in_anything_are_told_apart(other):
    same = {"phi": ChunkSeries(np.arange(1), lambda chunk: ONES)}
    again = {"phi": ChunkSeries(np.arange(1), lambda chunk: ONES.copy())}
    assert digest_of(same) == digest_of(again) != digest_of(other) and digest_of({"phi": ONES}) != digest_of(other)
