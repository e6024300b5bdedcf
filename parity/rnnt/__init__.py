"""A per-utterance RNN-T step backend in the GigaAM layout, and its greedy search as a graph of stages.

Source of the whole: `RNNTGreedyDecoding` in gigaam/decoding.py and `RNNTHead` in gigaam/decoder.py, gigaam 0.1.0. For
use, `parity.rnnt.search.greedy` on a `parity.rnnt.step.OnnxJointStep`; the graph below is what the lab replays.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from parity.pipeline import Stage
from parity.pipeline.recurrent import Loop, RecurrentPipeline
from parity.rnnt.search import MAX_SYMBOLS
from parity.rnnt.stages import NO_TOKEN, advance, choose, join, predict, transcribe
from parity.rnnt.step import OnnxJointStep, RnntNetworks

__all__ = ["rnnt_pipeline"]

NAME = "rnn-t"
POSITION = ("step_frame", "step_symbols", "step_token", "step_state")
CARRIED = {name: name.replace("step_", "next_") for name in POSITION}


def rnnt_pipeline(networks: RnntNetworks, max_symbols: int = MAX_SYMBOLS) -> RecurrentPipeline:
    """The search as a graph; its one input is `encoded` (frames, enc_hidden) float32.

    Parameters
    ----------
    networks : of one head
    max_symbols : symbols per frame
    """
    head, backend = networks.head, OnnxJointStep(networks)

    def start(inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        return {
            "step_frame": np.zeros(1, dtype=np.int64),
            "step_symbols": np.zeros(1, dtype=np.int64),
            "step_token": np.full(1, NO_TOKEN, dtype=np.int64),
            "step_state": np.zeros((1, *head.state_shape), dtype=np.float32),
        }

    def goes_on(inputs: Mapping[str, Any], position: Mapping[str, np.ndarray]) -> bool:
        return bool(position["step_frame"][0] < len(inputs["encoded"]))

    def empty(inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        one = start(inputs)
        one |= {CARRIED[name]: value for name, value in one.items()}
        one |= {"predictor_state": one["step_state"], "predictor_output": one["step_state"][:, 0, -1]}
        one |= {"log_probabilities": np.zeros((1, head.classes), dtype=np.float32), "chosen": one["step_frame"]}
        return {name: value[:0] for name, value in one.items()}

    return RecurrentPipeline(
        NAME,
        ("encoded",),
        [
            Stage(
                "predictor",
                ("step_token", "step_state"),
                ("predictor_output", "predictor_state"),
                partial(predict, backend=backend),
            ),
            Stage(
                "joint",
                ("encoded", "step_frame", "predictor_output"),
                ("log_probabilities",),
                partial(join, backend=backend),
            ),
            Stage("choose", ("log_probabilities",), ("chosen",), choose),
            Stage(
                "advance",
                (*POSITION, "predictor_state", "chosen"),
                tuple(CARRIED.values()),
                partial(advance, blank=head.blank, max_symbols=max_symbols),
            ),
            Stage(
                "transcript",
                ("step_frame", "chosen"),
                ("tokens", "token_frames"),
                partial(transcribe, blank=head.blank),
            ),
        ],
        Loop(("predictor", "joint", "choose", "advance"), CARRIED, start, goes_on, empty),
        {"blank": head.blank, "classes": head.classes, "max_symbols": max_symbols},
    )
