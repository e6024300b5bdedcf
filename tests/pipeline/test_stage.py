from __future__ import annotations

import numpy as np
import pytest

from parity.errors import InputError, Unanswerable
from parity.pipeline.stage import ChunkSeries, Condition, Pipeline, Stage


def double(x):
    return 2 * x


def add(x, y):
    return x + y


def halves(x):
    return x // 2, x - x // 2


def never(*arguments):
    raise AssertionError(f"ran on {arguments}")


def arithmetic() -> Pipeline:
    """x -> doubled -> left, right -> total = left + x."""
    return Pipeline(
        "arithmetic",
        ("x",),
        [
            Stage("double", ("x",), ("doubled",), double),
            Stage("split", ("doubled",), ("left", "right"), halves),
            Stage("add", ("left", "x"), ("total",), add),
        ],
    )


def test_each_stage_runs_on_what_the_earlier_ones_made():
    made = arithmetic().run({"x": 5})
    assert made == {"x": 5, "doubled": 10, "left": 5, "right": 5, "total": 10}


def test_running_leaves_the_inputs_as_they_were():
    given = {"x": 5}
    arithmetic().run(given)
    assert given == {"x": 5}


def test_arguments_arrive_in_the_order_of_reads():
    stage = Stage("divide", ("b", "a"), ("quotient",), lambda b, a: b / a)
    assert stage({"a": 2, "b": 10}) == {"quotient": 5}


def test_a_single_result_that_is_a_tuple_stays_one_artefact():
    stage = Stage("pair", ("x",), ("pair",), lambda x: (x, x))
    assert stage({"x": 1}) == {"pair": (1, 1)}


@pytest.mark.parametrize("results", [(1,), (1, 2, 3)])
def test_a_stage_that_returns_another_number_of_artefacts_than_it_writes_fails(results):
    stage = Stage("split", ("x",), ("left", "right"), lambda _: results)
    with pytest.raises(ValueError, match="zip"):
        stage({"x": 1})


def test_a_stage_that_reads_what_nobody_wrote_is_refused_by_name():
    with pytest.raises(ValueError, match=r"stage late reads \['nothing'\] before anything writes it"):
        Pipeline("broken", ("x",), [Stage("late", ("x", "nothing"), ("y",), add)])


def test_a_stage_that_reads_what_only_a_later_one_writes_is_refused():
    first, second = Stage("first", ("b",), ("a",), double), Stage("second", ("x",), ("b",), double)
    with pytest.raises(ValueError, match="stage first reads"):
        Pipeline("backwards", ("x",), [first, second])
    assert [stage.name for stage in Pipeline("forwards", ("x",), [second, first])] == ["second", "first"]


def test_a_stage_that_reads_its_own_artefact_is_refused():
    with pytest.raises(ValueError, match="stage loop reads"):
        Pipeline("broken", ("x",), [Stage("loop", ("y",), ("y",), double)])


def test_what_a_condition_reads_must_have_been_written_too():
    when = Condition(("nothing",), bool)
    with pytest.raises(ValueError, match=r"reads \['nothing'\]"):
        Pipeline("broken", ("x",), [Stage("conditional", ("x",), ("y",), double, when)])


def test_two_stages_that_write_the_same_are_refused_by_name():
    stages = [Stage("one", ("x",), ("y",), double), Stage("two", ("x",), ("y",), double)]
    with pytest.raises(ValueError, match=r"stage two writes \['y'\] again"):
        Pipeline("broken", ("x",), stages)


def test_a_stage_that_overwrites_an_input_is_refused():
    with pytest.raises(ValueError, match=r"writes \['x'\] again"):
        Pipeline("broken", ("x",), [Stage("one", ("x",), ("x",), double)])


def test_needs_are_what_a_stage_and_its_condition_read_each_once():
    stage = Stage("s", ("b", "a"), ("c",), add, Condition(("a", "d"), lambda a, d: True))
    assert stage.needs == ("b", "a", "d")
    assert Stage("s", ("b", "a"), ("c",), add).needs == ("b", "a")


def test_a_condition_that_does_not_hold_keeps_the_stage_from_running():
    stage = Stage("s", ("x",), ("y",), never, Condition(("x",), lambda x: x > 0))
    assert stage({"x": 0}) == {}
    with pytest.raises(InputError, match="raised AssertionError: ran on"):
        stage({"x": 1})


@pytest.mark.parametrize("artefacts", [{}, {"x": None}])
def test_a_condition_is_false_where_an_artefact_it_reads_is_missing_or_none(artefacts):
    when = Condition(("x",), never)
    assert not when.holds(artefacts)
    assert Stage("s", (), ("y",), never, when)(artefacts) == {}


def test_a_condition_gives_a_plain_bool_from_numpy():
    assert Condition(("x",), lambda x: x.max() > 0).holds({"x": np.ones(2)}) is True


def test_what_an_unreached_stage_would_have_written_is_none_to_its_readers():
    pipeline = Pipeline(
        "partial",
        ("x",),
        [
            Stage("skipped", ("x",), ("y",), never, Condition(("x",), lambda x: False)),
            Stage("skipped_too", ("y",), ("z",), never, Condition(("y",), never)),
            Stage("reader", ("y", "z"), ("seen",), lambda y, z: (y, z)),
        ],
    )
    assert pipeline.run({"x": 1}) == {"x": 1, "seen": (None, None)}


def test_every_stage_is_announced_in_order_even_one_that_is_not_reached():
    announced: list[str] = []
    skipped = Stage("skipped", ("total",), ("more",), never, Condition(("total",), lambda total: False))
    pipeline = Pipeline("longer", ("x",), [*arithmetic(), skipped])
    pipeline.run({"x": 1}, on_stage=announced.append)
    assert announced == ["double", "split", "add", "skipped"]


def test_a_patch_replaces_what_a_stage_wrote_and_later_stages_see_it():
    made = arithmetic().run({"x": 5}, patches={"left": 100})
    assert made == {"x": 5, "doubled": 10, "left": 100, "right": 5, "total": 105}


def test_a_stage_all_of_whose_artefacts_are_patched_does_not_run():
    pipeline = arithmetic().replacing("split", never)
    made = pipeline.run({"x": 5}, patches={"left": 1, "right": 2})
    assert made["total"] == 6 and made["right"] == 2
    with pytest.raises(InputError, match="raised AssertionError: ran on"):
        pipeline.run({"x": 5}, patches={"left": 1})


def test_a_patch_with_none_is_a_patch():
    pipeline = Pipeline("p", ("x",), [Stage("a", ("x",), ("y",), never), Stage("b", ("y",), ("z",), repr)])
    assert pipeline.run({"x": 1}, patches={"y": None})["z"] == "None"


def test_a_patch_reaches_readers_of_a_stage_that_is_not_reached():
    pipeline = Pipeline(
        "p",
        ("x",),
        [
            Stage("a", ("x",), ("y",), never, Condition(("x",), lambda x: False)),
            Stage("b", ("y",), ("z",), double, Condition(("y",), lambda y: True)),
        ],
    )
    assert pipeline.run({"x": 1}, patches={"y": 4}) == {"x": 1, "y": 4, "z": 8}


def test_replacing_a_stage_changes_its_function_only_and_leaves_the_original():
    original = arithmetic()
    replaced = original.replacing("double", lambda x: 10 * x)
    assert replaced.run({"x": 5})["doubled"] == 50
    assert original.run({"x": 5})["doubled"] == 10
    assert [(s.name, s.reads, s.writes, s.when) for s in replaced] == [
        (s.name, s.reads, s.writes, s.when) for s in original
    ]
    assert replaced["add"] is original["add"]


def test_a_stage_is_found_by_its_name():
    assert arithmetic()["split"].writes == ("left", "right")


def test_an_unknown_stage_is_a_key_error_that_lists_the_known_ones():
    with pytest.raises(KeyError, match=r"splitt.*double, split, add"):
        arithmetic()["splitt"]


def test_replacing_an_unknown_stage_is_an_error_and_not_a_pipeline_unchanged():
    with pytest.raises(KeyError, match="splitt"):
        arithmetic().replacing("splitt", never)


def test_a_patch_that_no_stage_writes_is_an_error_and_not_ignored():
    with pytest.raises(ValueError, match=r"\['lefft', 'x'\]"):
        arithmetic().run({"x": 5}, patches={"x": 1, "lefft": 2, "left": 3})


def test_a_chunk_series_computes_only_the_chunks_asked_for():
    asked: list[int] = []

    def compute(chunk: int) -> np.ndarray:
        asked.append(chunk)
        return np.full(2, chunk)

    series = ChunkSeries(np.arange(5), compute)
    assert len(series) == 5 and asked == []
    assert series.take(np.array([3, 1])).tolist() == [[3, 3], [1, 1]]
    assert asked == [3, 1] and all(type(chunk) is int for chunk in asked)


def test_a_recorded_series_is_addressed_by_chunk_and_not_by_position():
    series = ChunkSeries.recorded(np.array([4, 7, 9]), np.array([[40.0], [70.0], [90.0]]))
    assert len(series) == 3 and series.chunks.tolist() == [4, 7, 9]
    assert series.take([9, 4]).tolist() == [[90.0], [40.0]]


def test_a_recorded_series_has_no_other_chunks():
    series = ChunkSeries.recorded(np.array([4, 7]), np.zeros((2, 1)))
    with pytest.raises(KeyError):
        series.take([0])


def test_a_stage_without_an_answer_is_a_finding_in_a_replay_and_its_own_line_elsewhere():
    def none(x):
        raise Unanswerable("4 speakers were asked for, but there are 3 embeddings")

    pipeline = Pipeline("p", ("x",), [Stage("kmeans", ("x",), ("y",), none), Stage("after", ("y",), ("z",), abs)])
    raised: list = []
    assert "z" not in pipeline.run({"x": 1}, raised=raised)
    assert [error.stage for error in raised] == ["kmeans"]
    with pytest.raises(InputError, match=r"^4 speakers were asked for, but there are 3 embeddings$"):
        pipeline.run({"x": 1})


def test_what_was_made_all_the_same_is_there_where_a_condition_does_not_hold():
    stage = Stage("s", ("x",), ("y", "z"), abs, Condition(("x",), bool), given=("y",), unreached={"y": 7})
    assert stage({"x": 0}) == {"y": 7}
