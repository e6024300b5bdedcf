"""The RNN-T step backend: the numbers, the two states, the counters, the buffers."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rnnt_examples import backend, encoded, joined, networks, predicted, small_head

from parity.networks.runtime import BoundNetwork
from parity.rnnt.graphs import build_joint, build_predictor
from parity.rnnt.head import Head
from parity.rnnt.seeded import SeededHead
from parity.rnnt.step import OnnxJointStep, RnntNetworks, Statistics
from parity.subjects.rnnt.fixtures import FIXTURES, HEADS, made_head


def step(under_test: OnnxJointStep, token: int | None, frame: np.ndarray | None = None) -> np.ndarray:
    out = np.empty(under_test.classes, dtype=np.float32)
    under_test.step(encoded()[0] if frame is None else frame, token, out)
    return out


# numbers


@pytest.mark.parametrize("layers, widths", [(1, (16, 16, 16)), (2, (24, 20, 28)), (3, (17, 19, 23))])
def test_a_step_is_the_lstm_and_the_joint_written_out(layers, widths):
    sizes = dict(zip(("pred_hidden", "enc_hidden", "joint_hidden"), widths))
    head = SeededHead("x", layers, 20, 9.0, 5, **sizes).head()
    under_test = OnnxJointStep(RnntNetworks(head))
    state, token = np.zeros(head.state_shape), None
    for following in (3, 0, 18, 3):
        after = predicted(head, token, state)
        frame = np.linspace(-1, 1, head.enc_hidden, dtype=np.float32)
        np.testing.assert_allclose(step(under_test, token, frame), joined(head, frame, after[0, -1]), atol=1e-5)
        np.testing.assert_allclose(under_test.tentative, after, atol=2e-6)
        under_test.commit()
        state, token = after, following


def test_at_a_real_heads_size_what_is_left_is_float32_of_frames_states_and_sums():
    """1.3e-6 and 1.7e-7; in eight parts of float32 throughout it was 2.5e-6 and 3.1e-7."""
    head = made_head(HEADS["two_layers_34"])
    under_test = OnnxJointStep(RnntNetworks(head))
    state, token = np.zeros(head.state_shape), None
    for number, frame in enumerate(FIXTURES["short_two_layers_34"].encoded()):
        after = predicted(head, token, state)
        np.testing.assert_allclose(step(under_test, token, frame), joined(head, frame, after[0, -1]), atol=2e-6)
        np.testing.assert_allclose(under_test.tentative, after, atol=2.5e-7)
        under_test.commit()
        state, token = after, number


def test_no_token_is_an_embedding_of_zeros_whatever_the_blanks_row_says():
    arrays = {name: array.copy() for name, array in small_head().arrays.items()}
    arrays["decoder.embed.weight"][-1] = 5.0
    odd = Head(arrays, **{name: getattr(small_head(), name) for name in (
        "layers", "classes", "pred_hidden", "enc_hidden", "joint_hidden")})  # fmt: skip
    np.testing.assert_array_equal(step(OnnxJointStep(RnntNetworks(odd)), None), step(backend(), None))


# states


def test_a_step_that_is_not_committed_leaves_no_trace():
    one, other = backend(), backend()
    step(one, 4)
    step(one, 9)
    np.testing.assert_array_equal(step(one, 2), step(other, 2))


def test_a_commit_keeps_the_last_steps_state():
    under_test = backend()
    step(under_test, None)
    kept = under_test.tentative.copy()
    under_test.commit()
    np.testing.assert_array_equal(under_test.committed, kept)
    assert not np.array_equal(step(under_test, 3), step(backend(), 3))


def test_a_reset_returns_to_zeros():
    under_test = backend()
    step(under_test, 3)
    under_test.commit()
    under_test.reset()
    assert not under_test.committed.any()
    np.testing.assert_array_equal(step(under_test, None), step(backend(), None))


def test_a_commit_without_a_step_is_an_error():
    under_test = backend()
    with pytest.raises(RuntimeError, match="nothing to commit"):
        under_test.commit()
    step(under_test, None)
    under_test.commit()
    with pytest.raises(RuntimeError, match="nothing to commit"):
        under_test.commit()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 18), st.booleans()), max_size=12))
def test_any_course_of_steps_and_commits_is_that_of_the_states_written_out(course):
    under_test, head = backend(), small_head()
    state = np.zeros(head.state_shape)
    for token, commits in course:
        after = predicted(head, token, state)
        np.testing.assert_allclose(step(under_test, token), joined(head, encoded()[0], after[0, -1]), atol=1e-5)
        if commits:
            under_test.commit()
            state = after


def test_backends_of_one_head_do_not_disturb_each_other():
    one, other = backend(), backend()
    step(one, 5)
    one.commit()
    step(other, None)
    np.testing.assert_array_equal(one.committed, OnnxJointStep_after(5))


def OnnxJointStep_after(token: int) -> np.ndarray:
    alone = backend()
    step(alone, token)
    alone.commit()
    return alone.committed.copy()


# what is refused


@pytest.mark.parametrize("token", [-1, 19, 20])
def test_a_token_that_is_none_is_refused(token):
    with pytest.raises(ValueError, match="expected 0 to 18"):
        step(backend(), token)


def test_a_frame_or_out_of_another_width_is_refused():
    with pytest.raises(ValueError, match=r"expected \(20,\) and \(20,\)"):
        step(backend(), None, np.zeros(21, dtype=np.float32))
    with pytest.raises(ValueError, match=r"out \(19,\)"):
        backend().step(encoded()[0], None, np.empty(19, dtype=np.float32))


def test_only_arrays_of_the_graphs_own_shape_are_bound():
    network = BoundNetwork(build_joint(small_head()))
    good = {name: np.zeros(shape, dtype=np.float32) for name, shape in (network.inputs | network.outputs).items()}
    network.bind(**good)()
    for bad in (np.zeros((1, 21), np.float32), np.zeros((1, 20), np.float64), np.zeros((20, 2), np.float32).T[:1]):
        with pytest.raises(ValueError, match="the graph has"):
            network.bind(**good | {"frame": bad})
    with pytest.raises(ValueError, match="binds"):
        network.bind(frame=good["frame"])


def test_the_predictors_graph_has_two_states_a_layer():
    network = BoundNetwork(build_predictor(small_head()))
    assert set(network.inputs) == {"token_gates", "h0", "c0", "h1", "c1"}
    assert set(network.outputs) == {"h0_next", "c0_next", "h1_next", "c1_next"}


# counters and buffers


def test_statistics_count_what_was_done_and_can_be_cleared():
    under_test = backend()
    step(under_test, None)
    step(under_test, None)
    under_test.commit()
    step(under_test, 1)
    under_test.reset()
    found = under_test.statistics
    assert (found.steps, found.commits, found.resets, found.predictor_runs) == (3, 1, 1, 2)
    assert found.joint.executing > 0 and found.predictor.executing > 0 and found.joint.packing > 0
    found.clear()
    assert found == Statistics()


def test_steps_allocate_nothing_that_stays():
    under_test, out, frame = backend(), np.empty(20, dtype=np.float32), encoded()[0]

    def course() -> None:
        for token in (None, 3, 3, 7, 1):
            under_test.step(frame, token, out)
            under_test.commit()

    course()
    tracemalloc.start()
    try:
        for _ in range(20):
            course()
        before = tracemalloc.take_snapshot()
        for _ in range(200):
            course()
        after = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    grown = [row for row in after.compare_to(before, "filename") if "parity" in row.traceback[0].filename]
    assert sum(row.size_diff for row in grown) < 1024


def test_sessions_are_shared_and_buffers_are_not():
    one, other = backend(), backend()
    assert networks() is networks()
    assert not np.shares_memory(one.committed, other.committed)
    assert not np.shares_memory(one.committed, one.tentative)
