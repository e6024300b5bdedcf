"""The memo: nothing is computed twice for the same inputs, and what a scratch computed is forgotten."""

from __future__ import annotations

import numpy as np

from parity.community1 import Networks
from parity.explain.memo import CHUNKS, Memo
from parity.pipeline.stage import ChunkSeries, Pipeline, Stage


def doubling() -> tuple[Pipeline, list]:
    calls = []

    def double(x):
        calls.append(x)
        return 2 * x

    return Pipeline("p", ("x",), [Stage("double", ("x",), ("y",), double)]), calls


def networks(seen: list) -> Networks:
    def trunk(fbank):
        seen.append(len(fbank))
        return (fbank * 2,)

    return Networks(segmentation=trunk, trunk=trunk, head=trunk, plda=None)


def test_a_stage_runs_once_on_the_same_contents_and_again_on_others():
    pipeline, calls = doubling()
    memo = Memo()
    remembered = memo.pipeline(pipeline)
    for value in (1.0, 1.0, 2.0):
        made = remembered.run({"x": np.array([value])})
        assert made["y"] == 2 * value
    assert len(calls) == 2
    assert memo.stage_runs["double"] == 2


def test_a_stage_that_gives_nothing_is_remembered_too():
    memo, calls = Memo(), []
    remembered = memo.pipeline(Pipeline("p", ("x",), [Stage("none", ("x",), ("y",), lambda x: calls.append(x))]))
    for _ in range(2):
        assert remembered.run({"x": 1})["y"] is None
    assert len(calls) == 1


def test_arrays_of_equal_bytes_and_other_shape_or_dtype_are_not_the_same():
    pipeline, calls = doubling()
    remembered = Memo().pipeline(pipeline)
    for array in (np.zeros(4, np.float32), np.zeros((2, 2), np.float32), np.zeros(4, np.int32)):
        remembered.run({"x": array})
    assert len(calls) == 3


def test_a_network_works_on_each_chunk_once_however_they_are_batched():
    seen: list[int] = []
    memo = Memo()
    trunk = memo.networks(networks(seen)).trunk
    rows = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(trunk(fbank=rows[:2])[0], rows[:2] * 2)
    np.testing.assert_array_equal(trunk(fbank=rows[[1, 3, 0]])[0], rows[[1, 3, 0]] * 2)
    np.testing.assert_array_equal(trunk(fbank=rows)[0], rows * 2)
    assert seen == [2, 1, 1]
    assert memo.network_runs["trunk"] == 4


def test_a_network_that_a_fault_built_works_on_each_chunk_once_and_is_forgotten_with_its_scratch():
    seen: list[int] = []
    memo, rows = Memo(keep_networks=True), np.arange(12.0).reshape(4, 3)
    trunk = networks(seen).trunk
    for _ in range(2):
        with memo.scratch():
            np.testing.assert_array_equal(memo.network("trunk", trunk)(fbank=rows[:3])[0], rows[:3] * 2)
            np.testing.assert_array_equal(memo.network("trunk", trunk)(fbank=rows)[0], rows * 2)
    assert seen == [3, 1, 3, 1]


def test_a_series_is_told_apart_by_identity():
    calls = []
    stage = Stage("length", ("s",), ("n",), lambda s: calls.append(s) or len(s))
    remembered = Memo().pipeline(Pipeline("p", ("s",), [stage]))
    one, other = (ChunkSeries(np.arange(3), lambda chunk: np.zeros(2)) for _ in range(2))
    for series in (one, other, one):
        remembered.run({"s": series})
    assert len(calls) == 2


def test_a_series_that_a_stage_made_computes_no_chunk_twice_and_stays_as_it_is_whatever_is_done_to_one():
    asked = []
    series = ChunkSeries(np.arange(CHUNKS + 1), lambda chunk: asked.append(chunk) or np.full(2, float(chunk)))
    made = Memo().pipeline(Pipeline("p", ("x",), [Stage("hear", ("x",), ("s",), lambda x: series)])).run({"x": 1})["s"]
    for _ in range(2):
        made.compute(3)[:] = -1.0
        assert made.take([3, 4]).tolist() == [[3.0, 3.0], [4.0, 4.0]]
    assert asked == [3, 4]
    made.take(made.chunks)
    asked.clear()
    made.compute(0)
    assert asked == [0], "of a long series what was asked for first is not held"


def test_what_a_scratch_computed_is_forgotten_and_what_was_known_before_is_used():
    pipeline, calls = doubling()
    memo = Memo()
    remembered = memo.pipeline(pipeline)
    remembered.run({"x": 1})
    with memo.scratch():
        remembered.run({"x": 1})
        remembered.run({"x": 2})
        remembered.run({"x": 2})
        assert calls == [1, 2]
    remembered.run({"x": 2})
    assert calls == [1, 2, 2]


def test_a_pipeline_remembered_twice_is_remembered_once():
    pipeline, _ = doubling()
    memo = Memo()
    once = memo.pipeline(pipeline)
    assert memo.pipeline(once)["double"].run is once["double"].run
