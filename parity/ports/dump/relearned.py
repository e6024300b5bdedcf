"""Mistakes inside the segmentation network, named by making them: the network is run with each and compared.

Task: a candidate's log-probabilities, the clip, and the network's weights -> the order of LSTM gates, or the shift of
the clip, with which the native network gives the candidate's. Neither can be read off arrays: each gives other numbers
everywhere (a clip half a frame late leaves 0.96 or more of the squared difference unexplained by any shift of the
log-probabilities on 02_pyannote_sample, 09_telephone and 14_partial_tail).
Source: torch stacks the gates of an LSTM as i, f, g, o (`torch.nn.LSTM`), ONNX as i, o, f, c (its operator `LSTM`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

import numpy as np

from parity.community1 import geometry
from parity.networks.pyannet import build_pyannet
from parity.networks.runtime import OnnxNetwork
from parity.ports.dump.probes import EXPLAINED, GROSS_LOGITS, difference

STORED = "ifgo"
KNOWN = {
    "iofg": " (ONNX's LSTM)",
    "ifog": " (Core ML's)",
    "igfo": " (TensorFlow's BasicLSTMCell, Haiku's LSTM)",
}
SHIFTS = {135: "half a frame (135 samples)", 270: "one frame (270 samples)"}


def explain_logits(
    got: np.ndarray, want: np.ndarray, chunks: np.ndarray, waveform: np.ndarray, weights: Mapping[str, np.ndarray],
    threads: int | None = None,
) -> str | None:  # fmt: skip
    """The mistake with which the native network makes the candidate's log-probabilities, in words; None: none does.

    Parameters
    ----------
    got, want : (n, 589, 7), the candidate's and the reference's
    chunks : (n,) int64, which chunks those are
    waveform : (1, num_samples) float32, 16 kHz, what the reference heard
    weights : of the network, under their canonical names (`parity.networks.pyannet`)
    threads : of the network; the cores this process may use by default
    """
    if got.shape != want.shape or not np.isfinite(got).all() or not len(chunks):
        return None
    changes = np.sum(np.diff(want.argmax(axis=-1), axis=1) != 0, axis=1)
    told = [int(np.argmax(changes))]  # thousands of numbers of one chunk, explained to a hundredth, are no accident
    before = difference(got[told], want[told])
    if before <= GROSS_LOGITS:
        return None
    mistakes = _mistakes(waveform, chunks[told], weights, threads)
    made = ((difference(got[told], logits), words) for words, logits in mistakes)
    left, words = min(made)
    return words if left <= EXPLAINED * before else None


def _mistakes(
    waveform: np.ndarray, chunks: np.ndarray, weights: Mapping[str, np.ndarray], threads: int | None
) -> Iterator[tuple[str, np.ndarray]]:
    """Each mistake in words, and the log-probabilities it leads to."""
    native = OnnxNetwork(build_pyannet(weights), threads)
    for samples, size in SHIFTS.items():
        for by, word in ((samples, "late"), (-samples, "early")):
            (logits,) = native(waveforms=geometry.chunks(_shifted(waveform, by), chunks))
            yield f"looks like your segmentation network's chunks start {size} {word}", logits
    heard = geometry.chunks(waveform, chunks)
    for order in map("".join, permutations(STORED)):
        if order != STORED:
            (logits,) = OnnxNetwork(build_pyannet(gates_taken_as(weights, order)), threads)(waveforms=heard)
            words = f"looks like LSTM gates taken in the order {', '.join(order)}{KNOWN.get(order, '')}"
            yield f"{words} where the weights have {', '.join(STORED)} (torch's)", logits


def _shifted(waveform: np.ndarray, by: int) -> np.ndarray:
    """The clip whose chunks start `by` samples late; before it and behind it is silence."""
    return waveform[:, by:] if by > 0 else np.pad(waveform, ((0, 0), (-by, 0)))


def gates_taken_as(weights: Mapping[str, np.ndarray], order: str) -> dict[str, np.ndarray]:
    """The weights of a network whose LSTMs take the stored blocks i, f, g, o for those of another order.

    Parameters
    ----------
    order : four letters; block k is taken for gate `order[k]`
    """
    blocks = [order.index(gate) for gate in STORED]
    return {
        name: np.concatenate([np.split(array, 4)[block] for block in blocks]) if name.startswith("lstm.") else array
        for name, array in weights.items()
    }
