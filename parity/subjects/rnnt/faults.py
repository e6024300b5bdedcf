"""Planted faults of RNN-T ports: each a small variant of the native pipeline and the stage it breaks.

The protocol is `parity.faults.fault`'s; a fault's second argument is a `StepWorkshop`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from parity.faults import Fault
from parity.pipeline import Pipeline
from parity.rnnt.head import Head
from parity.rnnt.stages import NO_TOKEN, advance, join, predict
from parity.rnnt.step import OnnxJointStep, RnntNetworks

LOG_HALF = float(np.log(0.5))
BLANK_PENALTY = 1.0


@dataclass(frozen=True)
class StepWorkshop:
    """What a fault may build on: the head, and the search's limit of symbols per frame."""

    head: Head
    max_symbols: int


def _with_arrays(head: Head, change: Callable[[str, np.ndarray], np.ndarray]) -> Head:
    return replace(head, arrays={name: change(name, array) for name, array in head.arrays.items()})


def _predicting(native: Pipeline, networks: RnntNetworks) -> Pipeline:
    return native.replacing("predictor", partial(predict, backend=OnnxJointStep(networks)))


def _gate_order(native: Pipeline, workshop: StepWorkshop) -> Pipeline:
    def change(name: str, array: np.ndarray) -> np.ndarray:
        if ".lstm." not in name:
            return array
        i, o, f, g = np.split(array, 4)  # torch's i, f, g, o taken for i, o, f, g
        return np.concatenate([i, f, g, o])

    return _predicting(native, RnntNetworks(_with_arrays(workshop.head, change)))


def _one_bias(native: Pipeline, workshop: StepWorkshop) -> Pipeline:
    def change(name: str, array: np.ndarray) -> np.ndarray:
        return np.zeros_like(array) if "bias_hh" in name else array

    return _predicting(native, RnntNetworks(_with_arrays(workshop.head, change)))


def _half_weights(native: Pipeline, workshop: StepWorkshop) -> Pipeline:
    def change(name: str, array: np.ndarray) -> np.ndarray:
        return array.astype(np.float16).astype(np.float32) if ".lstm.weight" in name else array

    return _predicting(native, RnntNetworks(_with_arrays(workshop.head, change)))


def _blank_row(native: Pipeline, workshop: StepWorkshop) -> Pipeline:
    networks = RnntNetworks(workshop.head)
    # Row zero of the embedding is what a vocabulary with the blank first would look up.
    networks.table[workshop.head.blank] = networks.table[0]
    return _predicting(native, networks)


def _next_row(native: Pipeline, workshop: StepWorkshop) -> Pipeline:
    networks = RnntNetworks(workshop.head)
    networks.table[: workshop.head.blank] = np.roll(networks.table[: workshop.head.blank], -1, axis=0)
    return _predicting(native, networks)


def _advancing(native: Pipeline, workshop: StepWorkshop, more: int) -> Pipeline:
    limit = workshop.max_symbols + more
    return native.replacing("advance", partial(advance, blank=workshop.head.blank, max_symbols=limit))


def _rewritten_position(
    change: Callable[..., tuple[np.ndarray, ...]], native: Pipeline, workshop: StepWorkshop
) -> Pipeline:
    run = native["advance"].run

    def advance_otherwise(*reads: np.ndarray) -> tuple[np.ndarray, ...]:
        return change(run(*reads), reads, workshop.head.blank)

    return native.replacing("advance", advance_otherwise)


def _kept_on_blank(made: tuple[np.ndarray, ...], reads: tuple[np.ndarray, ...], blank: int) -> tuple[np.ndarray, ...]:
    return (*made[:3], reads[4])


def _blank_fed(made: tuple[np.ndarray, ...], reads: tuple[np.ndarray, ...], blank: int) -> tuple[np.ndarray, ...]:
    frame, symbols, token, state = made
    return frame, symbols, np.where(reads[5] == blank, NO_TOKEN, token), state


def _raw_scores(head: Head, encoded: np.ndarray, step_frame: np.ndarray, output: np.ndarray) -> np.ndarray:
    a = head.arrays
    encoder = encoded[step_frame] @ a["joint.enc.weight"].T + a["joint.enc.bias"]
    hidden = np.maximum(encoder + output @ a["joint.pred.weight"].T + a["joint.pred.bias"], 0.0)
    return hidden @ a["joint.joint_net.1.weight"].T + a["joint.joint_net.1.bias"]


def _no_softmax(native: Pipeline, workshop: StepWorkshop) -> Pipeline:
    return native.replacing("joint", partial(_raw_scores, workshop.head))


def _no_softmax_before_threshold(native: Pipeline, workshop: StepWorkshop) -> Pipeline:
    """The blank where its log-probability is above one half, which decides nothing else; raw scores know no half."""

    def choose(scores: np.ndarray) -> np.ndarray:
        return np.where(scores[:, -1] > LOG_HALF, scores.shape[1] - 1, scores.argmax(axis=1))

    return _no_softmax(native, workshop).replacing("choose", choose)


def _next_frame(native: Pipeline, workshop: StepWorkshop) -> Pipeline:
    run = native["joint"].run

    def joint(encoded: np.ndarray, step_frame: np.ndarray, output: np.ndarray) -> np.ndarray:
        return run(encoded, np.minimum(step_frame + 1, len(encoded) - 1), output)

    return native.replacing("joint", joint)


def _no_predictor_bias(native: Pipeline, workshop: StepWorkshop) -> Pipeline:
    def change(name: str, array: np.ndarray) -> np.ndarray:
        return np.zeros_like(array) if name == "joint.pred.bias" else array

    networks = RnntNetworks(_with_arrays(workshop.head, change))
    return native.replacing("joint", partial(join, backend=OnnxJointStep(networks)))


def _penalised_blank(native: Pipeline, workshop: StepWorkshop) -> Pipeline:
    def choose(scores: np.ndarray) -> np.ndarray:
        penalty = np.zeros(scores.shape[1], dtype=np.float32)
        penalty[-1] = BLANK_PENALTY
        return (scores - penalty).argmax(axis=1)

    return native.replacing("choose", choose)


def _late_frames(native: Pipeline, workshop: StepWorkshop) -> Pipeline:
    run = native["transcript"].run

    def transcript(*reads: np.ndarray) -> tuple[Any, ...]:
        tokens, frames = run(*reads)
        return tokens, frames + 1

    return native.replacing("transcript", transcript)


FAULTS = [
    Fault("gate_order", "predictor", "gates stacked i, f, g, o read as i, o, f, g", _gate_order),
    Fault("one_bias", "predictor", "one of the LSTM's two biases left out", _one_bias),
    Fault("lstm_float16", "predictor", "LSTM weights rounded to float16", _half_weights),
    Fault(
        "blank_row_not_zero", "predictor", "the first step starts from a row of the embedding, not zeros", _blank_row
    ),
    Fault("embedding_row_off_by_one", "predictor", "each token looks up its neighbour's row", _next_row),
    Fault("log_softmax_left_out", "joint", "raw scores for log-probabilities", _no_softmax),
    Fault(
        "log_softmax_left_out_before_threshold",
        "joint",
        "raw scores held against a log-probability: blank above log 1/2",
        _no_softmax_before_threshold,
    ),
    Fault("frame_off_by_one", "joint", "the next encoder frame looked at", _next_frame),
    Fault("joint_bias_left_out", "joint", "the predictor's projection without its bias", _no_predictor_bias),
    Fault("blank_penalty", "choose", "the blank's score lowered by 1 before the best is taken", _penalised_blank),
    Fault(
        "state_kept_on_blank",
        "advance",
        "the state of a step that ended in a blank not discarded",
        partial(_rewritten_position, _kept_on_blank),
    ),
    Fault(
        "blank_fed_back",
        "advance",
        "the blank fed to the predictor as the token before",
        partial(_rewritten_position, _blank_fed),
    ),
    Fault("one_symbol_more", "advance", "eleven symbols per frame for ten", partial(_advancing, more=1)),
    Fault("one_symbol_fewer", "advance", "nine symbols per frame for ten", partial(_advancing, more=-1)),
    Fault("frames_off_by_one", "transcript", "frames counted from one", _late_frames),
]
