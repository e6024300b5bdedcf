"""One RNN-T step at a time: a committed LSTM state, a tentative one, buffers that are reused.

Task: an encoder frame and the token before it -> log-probabilities of what comes next. A step starts from the committed
state and leaves a tentative one; `commit` keeps it (a token was taken), not committing discards it (a blank was).

Source: the loop body of `RNNTGreedyDecoding._greedy_decode` in gigaam/decoding.py, gigaam 0.1.0. Where it leaves the
source: after a blank neither token nor state has changed, so the predictor's output has not either, and it is not run
again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Protocol

import numpy as np

from parity.networks.runtime import BoundNetwork
from parity.rnnt.graphs import GATES, build_joint, build_predictor, input_table
from parity.rnnt.head import Head


class JointStep(Protocol):
    """What a search needs of a backend; one a concurrent utterance.

    Attributes
    ----------
    classes : vocabulary and blank, the last of them
    """

    classes: int

    def step(self, encoder_frame: np.ndarray, previous_token: int | None, out: np.ndarray) -> None:
        """Log-probabilities of one step, from the committed state.

        Parameters
        ----------
        encoder_frame : (enc_hidden,) float32
        previous_token : the last token taken; None is the blank's embedding, zeros, at the start of an utterance
        out : (classes,) float32, written
        """

    def commit(self) -> None:
        """Keep the last step's state."""

    def reset(self) -> None:
        """Return to a state of zeros, for another utterance."""


@dataclass
class Spent:
    """Nanoseconds in one network: packing its inputs, executing, reading its outputs."""

    packing: int = 0
    executing: int = 0
    reading: int = 0


@dataclass
class Statistics:
    """What a backend did since it was made or its statistics were cleared.

    Attributes
    ----------
    steps, commits, resets : calls
    predictor_runs : steps whose predictor ran; the others came after a blank
    predictor, joint : time spent
    """

    steps: int = 0
    commits: int = 0
    resets: int = 0
    predictor_runs: int = 0
    predictor: Spent = field(default_factory=Spent)
    joint: Spent = field(default_factory=Spent)

    def clear(self) -> None:
        """Start again from zero."""
        self.__dict__.update(vars(Statistics()))


class RnntNetworks:
    """The two sessions and the input table of one head, prepared once and shared by its backends."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.table = input_table(head)
        self.predictor = BoundNetwork(build_predictor(head))
        self.joint = BoundNetwork(build_joint(head))


class OnnxJointStep:
    """The backend on ONNX Runtime, one thread; it allocates nothing of its own after it was made.

    Two state buffers take turns at being the committed one; each direction has its bindings. The predictor's output is
    the last hidden state, so the joint reads it where the predictor has written it.

    Attributes
    ----------
    classes : vocabulary and blank
    statistics : counters and times, always on
    """

    def __init__(self, networks: RnntNetworks) -> None:
        head = networks.head
        self.classes, self._enc_hidden, self._blank = head.classes, head.enc_hidden, head.blank
        self.statistics = Statistics()
        self._table = networks.table
        self._gates = np.zeros((1, GATES * head.pred_hidden), dtype=np.float32)
        self._frame = np.zeros((1, head.enc_hidden), dtype=np.float32)
        self._scores = np.zeros((1, head.classes), dtype=np.float32)
        self._states = np.zeros((2, *head.state_shape[:2], 1, head.pred_hidden), dtype=np.float32)
        self._predict = [self._bound_predictor(networks, side) for side in (0, 1)]
        self._join = [self._bound_joint(networks, side) for side in (0, 1)]
        self._committed = 0
        self._predicted: int | None = None  # the row of the table that the tentative state was made of

    def _bound_predictor(self, networks: RnntNetworks, committed: int) -> Callable[[], object]:
        before, after = self._states[committed], self._states[1 - committed]
        arrays = {"token_gates": self._gates}
        for layer in range(networks.head.layers):
            arrays |= {f"h{layer}": before[0, layer], f"c{layer}": before[1, layer]}
            arrays |= {f"h{layer}_next": after[0, layer], f"c{layer}_next": after[1, layer]}
        return networks.predictor.bind(**arrays)

    def _bound_joint(self, networks: RnntNetworks, committed: int) -> Callable[[], object]:
        output = self._states[1 - committed][0, -1]
        return networks.joint.bind(frame=self._frame, output=output, log_probabilities=self._scores)

    def step(self, encoder_frame: np.ndarray, previous_token: int | None, out: np.ndarray) -> None:
        """Log-probabilities of one step; see `JointStep`.

        Raises
        ------
        ValueError : the frame or `out` has another shape, or the token is none
        """
        self.predict(previous_token)
        self.join(encoder_frame, out)
        self.statistics.steps += 1

    def predict(self, previous_token: int | None) -> None:
        """The predictor's half of a step: the tentative state, where it is not there already."""
        if previous_token is not None and not 0 <= previous_token < self._blank:
            raise ValueError(f"previous token {previous_token}: expected 0 to {self._blank - 1}, or None at the start")
        row = self._blank if previous_token is None else previous_token
        if row == self._predicted:
            return
        spent, started = self.statistics.predictor, perf_counter_ns()
        self._gates[0] = self._table[row]
        packed = perf_counter_ns()
        self._predict[self._committed]()
        spent.packing += packed - started
        spent.executing += perf_counter_ns() - packed  # its output is read where it lies
        self.statistics.predictor_runs += 1
        self._predicted = row

    def join(self, encoder_frame: np.ndarray, out: np.ndarray) -> None:
        """The joint's half of a step, on the tentative state."""
        if encoder_frame.shape != (self._enc_hidden,) or out.shape != (self.classes,):
            raise ValueError(
                f"frame {encoder_frame.shape} and out {out.shape}: expected ({self._enc_hidden},) and ({self.classes},)"
            )
        spent, started = self.statistics.joint, perf_counter_ns()
        self._frame[0] = encoder_frame
        packed = perf_counter_ns()
        self._join[self._committed]()
        executed = perf_counter_ns()
        out[:] = self._scores[0]
        spent.packing += packed - started
        spent.executing += executed - packed
        spent.reading += perf_counter_ns() - executed

    def commit(self) -> None:
        """Keep the last step's state.

        Raises
        ------
        RuntimeError : there was no step since the last commit or reset
        """
        if self._predicted is None:
            raise RuntimeError("nothing to commit: no step since the last commit or reset")
        self._committed, self._predicted = 1 - self._committed, None
        self.statistics.commits += 1

    def reset(self) -> None:
        """Return to a state of zeros."""
        self._states[self._committed] = 0.0
        self._predicted = None
        self.statistics.resets += 1

    @property
    def committed(self) -> np.ndarray:
        """The committed state, (2, layers, pred_hidden) float32: a view; written to, it is where the next step starts.

        Whoever writes to it calls `forget` after.
        """
        return self._states[self._committed][:, :, 0]

    @property
    def tentative(self) -> np.ndarray:
        """The last step's state, (2, layers, pred_hidden) float32: a view; the predictor's output is `[0, -1]`."""
        return self._states[1 - self._committed][:, :, 0]

    def forget(self) -> None:
        """Have the next step run the predictor, whatever ran before."""
        self._predicted = None
