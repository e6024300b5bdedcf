"""The stages of a search, as functions of any number of steps at once: N steps, classes = vocabulary and blank.

The networks' stages run the backend itself (`parity.rnnt.step`), its buffers and bindings, from whatever state each
step is given. Source: `RNNTGreedyDecoding._greedy_decode` in gigaam/decoding.py, gigaam 0.1.0.
"""

from __future__ import annotations

import numpy as np

from parity.rnnt.step import OnnxJointStep

NO_TOKEN = -1
"""In `step_token`: no token yet, the blank's embedding of zeros."""


def predict(step_token: np.ndarray, step_state: np.ndarray, *, backend: OnnxJointStep) -> tuple[np.ndarray, np.ndarray]:
    """The predictor's output and the state it leaves.

    Parameters
    ----------
    step_token : (N,) int64, the token before each step, -1 for none
    step_state : (N, 2, layers, pred_hidden) float32, the state each step starts from

    Returns
    -------
    predictor_output : (N, pred_hidden) float32
    predictor_state : (N, 2, layers, pred_hidden) float32
    """
    states = np.empty_like(step_state)
    for row, (token, state) in enumerate(zip(step_token, step_state, strict=True)):
        backend.committed[:] = state
        backend.forget()
        backend.predict(None if token == NO_TOKEN else int(token))
        states[row] = backend.tentative
    return states[:, 0, -1].copy(), states


def join(
    encoded: np.ndarray, step_frame: np.ndarray, predictor_output: np.ndarray, *, backend: OnnxJointStep
) -> np.ndarray:
    """Log-probabilities (N, classes) float32 of each step.

    Parameters
    ----------
    encoded : (frames, enc_hidden) float32
    step_frame : (N,) int64, the frame each step looks at
    predictor_output : (N, pred_hidden) float32
    """
    scores = np.empty((len(step_frame), backend.classes), dtype=np.float32)
    for row, (frame, output) in enumerate(zip(step_frame, predictor_output, strict=True)):
        backend.tentative[0, -1] = output
        backend.join(encoded[frame], scores[row])
    backend.forget()
    return scores


def choose(log_probabilities: np.ndarray) -> np.ndarray:
    """The best class of each step, (N,) int64; the first of equals."""
    return log_probabilities.argmax(axis=1)


def advance(
    step_frame: np.ndarray,
    step_symbols: np.ndarray,
    step_token: np.ndarray,
    step_state: np.ndarray,
    predictor_state: np.ndarray,
    chosen: np.ndarray,
    *,
    blank: int,
    max_symbols: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where the search stands after each step: the next step's frame, symbols so far at it, token and state.

    A blank goes on to the next frame and leaves token and state; a token is committed, and the frame left once it has
    emitted `max_symbols`.

    Parameters
    ----------
    step_symbols : (N,) int64, symbols that the frame has emitted before each step

    Returns
    -------
    next_frame, next_symbols, next_token : (N,) int64
    next_state : (N, 2, layers, pred_hidden) float32
    """
    emits = chosen != blank
    leaves = ~emits | (step_symbols + 1 >= max_symbols)
    return (
        step_frame + leaves,
        np.where(leaves, 0, step_symbols + 1),
        np.where(emits, chosen, step_token),
        np.where(emits[:, None, None, None], predictor_state, step_state),
    )


def transcribe(step_frame: np.ndarray, chosen: np.ndarray, *, blank: int) -> tuple[np.ndarray, np.ndarray]:
    """The tokens of an utterance and the frame of each: (n,) int64 both."""
    emits = chosen != blank
    return chosen[emits], step_frame[emits]
