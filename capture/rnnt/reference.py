"""One run of the reference's search, recorded step by step by tapping: no body of it is copied.

What a step is made of passes through two methods, `decoder.predict` and `joint.joint`; the frame that a step looks at
is known by the encoder row that the joint is given. Tokens are read off the text, whose vocabulary has one character a
token.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from capture.rnnt.package import load
from capture.taps import tapped
from parity.errors import InputError
from parity.rnnt.head import Head
from parity.rnnt.stages import NO_TOKEN

FIRST_CHARACTER = 0x4E00  # a block of 20,992 characters in a row, none of them special


@dataclass(frozen=True)
class RnntRun:
    """What one run showed.

    Attributes
    ----------
    values : artefact -> array, all of `parity.pipeline.artefact.STEP_ARTEFACTS`
    text : of the hypothesis, one character a token
    seconds : wall time
    """

    values: Mapping[str, np.ndarray]
    text: str
    seconds: float


def build_head(head: Head) -> torch.nn.Module:
    """The reference's own `RNNTHead` with a head's arrays, in evaluation mode."""
    decoder, _ = load()
    module = decoder.RNNTHead(
        {"pred_hidden": head.pred_hidden, "pred_rnn_layers": head.layers, "num_classes": head.classes},
        {
            "enc_hidden": head.enc_hidden,
            "pred_hidden": head.pred_hidden,
            "joint_hidden": head.joint_hidden,
            "num_classes": head.classes,
        },
    )
    module.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in head.arrays.items()})
    return module.eval()


def build_search(head: Head, max_symbols: int) -> Any:
    """The reference's own `RNNTGreedyDecoding`, with one character a token."""
    _, decoding = load()
    vocabulary = [chr(FIRST_CHARACTER + token) for token in range(head.blank)]
    return decoding.RNNTGreedyDecoding(vocabulary, max_symbols_per_step=max_symbols)


def decode(search: Any, module: torch.nn.Module, encoded: np.ndarray) -> str:
    """The reference's text for one utterance, (frames, enc_hidden) float32."""
    dtype = next(module.parameters()).dtype
    batch = torch.from_numpy(np.array(encoded.T)).to(dtype)[None]
    return search.decode(module, batch, torch.tensor([len(encoded)]))[0]


def run_reference(head: Head, encoded: np.ndarray, max_symbols: int, *, dtype: torch.dtype = torch.float32) -> RnntRun:
    """Run the reference on one utterance and record every step.

    Parameters
    ----------
    dtype : float64 asks how far float32 is off

    Raises
    ------
    InputError : what was tapped does not add up to the text
    """
    module, search = build_head(head).to(dtype), build_search(head, max_symbols)
    recorder = _Recorder(head, encoded)
    with ExitStack() as taps, _default_dtype(dtype):
        taps.enter_context(tapped(module.decoder, "predict", recorder.predicted))
        taps.enter_context(tapped(module.joint, "joint", recorder.joined))
        started = time.perf_counter()
        text = decode(search, module, encoded)
        seconds = time.perf_counter() - started
    values = recorder.values(len(encoded))
    if [ord(character) - FIRST_CHARACTER for character in text] != values["tokens"].tolist():
        raise InputError("capture: the steps that were tapped do not add up to the reference's text")
    return RnntRun(values, text, seconds)


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """The reference makes the zeros it starts from in torch's default dtype."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


class _Recorder:
    """Collects the steps of one run."""

    def __init__(self, head: Head, encoded: np.ndarray) -> None:
        self._head, self._encoded = head, encoded
        self._tokens: list[int] = []
        self._before: list[np.ndarray] = []
        self._after: list[np.ndarray] = []
        self._outputs: list[np.ndarray] = []
        self._scores: list[np.ndarray] = []
        self._frames: list[int] = []

    def predicted(self, result: tuple[Any, ...], token: torch.Tensor | None, state: tuple[Any, ...] | None) -> None:
        output, after = result
        zeros = np.zeros(self._head.state_shape, dtype=np.float32)
        self._tokens.append(NO_TOKEN if token is None else int(token))
        self._before.append(zeros if state is None else self._stacked(state))
        self._after.append(self._stacked(after))
        self._outputs.append(_array(output)[0, 0])

    def joined(self, result: torch.Tensor, frame: torch.Tensor, output: torch.Tensor) -> None:
        here, row = (self._frames[-1] if self._frames else 0), _array(frame)[0, 0]
        while not np.array_equal(row, self._encoded[here].astype(row.dtype)):
            here += 1
        self._frames.append(here)
        self._scores.append(_array(result)[0, 0, 0])

    def _stacked(self, state: tuple[torch.Tensor, torch.Tensor]) -> np.ndarray:
        return np.stack([_array(part)[:, 0] for part in state])

    def values(self, num_frames: int) -> dict[str, np.ndarray]:
        """The artefacts; where the search stands after the last step is told from that step alone."""
        head, steps = self._head, len(self._tokens)
        frame, token = (np.array(x, dtype=np.int64) for x in (self._frames, self._tokens))
        scores = _rows(self._scores, (head.classes,))
        before, after = (_rows(x, head.state_shape) for x in (self._before, self._after))
        chosen = np.array([int(torch.from_numpy(row).argmax()) for row in scores], dtype=np.int64)
        emits = chosen != head.blank
        last = slice(max(0, steps - 1), steps)
        next_token = np.concatenate([token[1:], np.where(emits, chosen, token)[last]])
        next_state = np.concatenate([before[1:], np.where(emits[:, None, None, None], after, before)[last]])
        symbols = _symbols(frame)
        return {
            "step_frame": frame,
            "step_symbols": symbols,
            "step_token": token,
            "step_state": before,
            "predictor_output": _rows(self._outputs, (head.pred_hidden,)),
            "predictor_state": after,
            "log_probabilities": scores,
            "chosen": chosen,
            "next_frame": np.concatenate([frame[1:], np.full(len(frame[last]), num_frames)]).astype(np.int64),
            "next_symbols": np.concatenate([symbols[1:], np.zeros(len(symbols[last]), dtype=np.int64)]),
            "next_token": next_token,
            "next_state": next_state,
            "tokens": chosen[emits],
            "token_frames": frame[emits],
        }


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().copy()


def _rows(rows: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    return np.stack(rows) if rows else np.zeros((0, *shape), dtype=np.float32)


def _symbols(frame: np.ndarray) -> np.ndarray:
    """How many symbols each step's frame had emitted before it."""
    first = np.searchsorted(frame, frame, side="left")
    return np.arange(len(frame), dtype=np.int64) - first
