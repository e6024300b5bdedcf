"""Small RNN-T heads and utterances, and an honest, slow search in float64 to hold against."""

from __future__ import annotations

import functools

import numpy as np

from parity.rnnt.head import Head
from parity.rnnt.seeded import SeededHead, SeededUtterance
from parity.rnnt.step import OnnxJointStep, RnntNetworks

SMALL = SeededHead("small", 2, 20, 9.0, 7, pred_hidden=24, enc_hidden=20, joint_hidden=28)
UTTERANCE = SeededUtterance("small", 40, 3, pushed=16)


@functools.cache
def small_head() -> Head:
    return SMALL.head()


@functools.cache
def networks() -> RnntNetworks:
    return RnntNetworks(small_head())


def backend() -> OnnxJointStep:
    return OnnxJointStep(networks())


def encoded() -> np.ndarray:
    return UTTERANCE.encoded(SMALL.enc_hidden)


def predicted(head: Head, token: int | None, state: np.ndarray) -> np.ndarray:
    """One LSTM step written out in float64, gates i, f, g, o: (2, layers, pred_hidden)."""
    arrays = {name: array.astype(np.float64) for name, array in head.arrays.items()}
    x = np.zeros(head.pred_hidden) if token is None else arrays["decoder.embed.weight"][token]
    after = np.empty_like(state, dtype=np.float64)
    for layer in range(head.layers):
        weights = {part: arrays[f"decoder.lstm.{part}_l{layer}"]
                   for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}  # fmt: skip
        gates = weights["weight_ih"] @ x + weights["bias_ih"] + weights["weight_hh"] @ state[0, layer]
        i, f, g, o = np.split(gates + weights["bias_hh"], 4)
        cell = sigmoid(f) * state[1, layer] + sigmoid(i) * np.tanh(g)
        x = sigmoid(o) * np.tanh(cell)
        after[:, layer] = x, cell
    return after


def joined(head: Head, frame: np.ndarray, output: np.ndarray) -> np.ndarray:
    """The joint written out in float64: (classes,) log-probabilities."""
    a = {name: array.astype(np.float64) for name, array in head.arrays.items() if name.startswith("joint")}
    encoder = a["joint.enc.weight"] @ frame + a["joint.enc.bias"]
    hidden = np.maximum(encoder + a["joint.pred.weight"] @ output + a["joint.pred.bias"], 0)
    scores = a["joint.joint_net.1.weight"] @ hidden + a["joint.joint_net.1.bias"]
    return scores - scores.max() - np.log(np.exp(scores - scores.max()).sum())


def searched(head: Head, frames: np.ndarray, limit: int = 10) -> tuple[list[int], list[int]]:
    """Tokens and frames of a greedy search that runs everything at every step."""
    tokens, at = [], []
    state, last = np.zeros(head.state_shape), None
    for position, frame in enumerate(frames):
        for _ in range(limit):
            after = predicted(head, last, state)
            best = int(joined(head, frame, after[0, -1]).argmax())
            if best == head.blank:
                break
            tokens.append(best)
            at.append(position)
            state, last = after, best
    return tokens, at


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))
