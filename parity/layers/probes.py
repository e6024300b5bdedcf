"""What a layer that is out looks like: one mistake at a time is made on purpose, and the one that fits is named.

Probes: the pooling over mel bins (frequency) or channels instead of frames (time); features mel bin by mel bin instead
of channel by channel; the mask left out; a biased deviation; another order of an image's axes. Pooling is done anew on
the candidate's own features, so what it was given does not matter. A probe is named only when what it leaves is a
hundredth of what there was, as in `parity.ports.dump.probes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

import numpy as np

from parity.layers.reference import FEATURES, POOLED, TRUNK, ReferenceChunk
from parity.networks.wespeaker.architecture import POOLING_EPS
from parity.networks.wespeaker.masks import interpolate_nearest
from parity.ports.dump.probes import EXPLAINED, difference

AXES = ("channel", "mel bin", "frame")
TITLES = {"mean": "pooling mean", "std": "pooling standard deviation"}

Statistics = dict[str, np.ndarray]


def explain_layer(name: str, made: Mapping[str, np.ndarray], chunk: ReferenceChunk) -> str | None:
    """The mistake that explains why a layer is out, in words; None where none that is tried does.

    Parameters
    ----------
    name : the first layer that is out
    made : the candidate's layers on the chunk, by name
    chunk : the reference's
    """
    guesses = _poolings(name, made, chunk) if name in POOLED else _axis_orders(name, made[name], chunk)
    found = [(left, words) for words, left in guesses if left <= EXPLAINED]
    return min(found)[1] if found else None


def _axis_orders(name: str, got: np.ndarray, chunk: ReferenceChunk) -> Iterator[tuple[str, float]]:
    """Orders of an image's axes, and the share of the difference that each leaves."""
    reference = chunk.layers[name]
    if name not in TRUNK or got.ndim != 3:
        return
    before = difference(reference.at(got), reference.values) if got.shape == reference.shape else 1.0
    for order in list(permutations(range(3)))[1:]:
        turned = got.transpose(np.argsort(order))
        if turned.shape == reference.shape and before > 0:
            said = ", ".join(AXES[axis] for axis in order)
            left = difference(reference.at(turned), reference.values) / before
            yield f"{name} looks laid out ({said}) instead of ({', '.join(AXES)})", left


def _poolings(name: str, made: Mapping[str, np.ndarray], chunk: ReferenceChunk) -> Iterator[tuple[str, float]]:
    """Ways to pool the candidate's own features wrongly, and the share of the difference that each leaves."""
    features, got = made[FEATURES], made[name]
    if features.shape != chunk.layers[FEATURES].shape:
        return
    weights = interpolate_nearest(chunk.masks, features.shape[2])
    right = _flat(pool(features, weights))[name]
    before = difference(got, right) if got.shape == right.shape else 1.0
    if not before > 0:
        return
    for words, statistics in _mistakes(features, weights):
        for guess in _forms(statistics[name]):
            if guess.size == got.size:
                yield f"{TITLES[name]} looks {words}", difference(got.ravel(), guess.ravel()) / before


def pool(features: np.ndarray, weights: np.ndarray, *, unbiased: bool = True) -> Statistics:
    """Weighted mean and deviation over the last axis, as `StatsPool` at tag 4.0.4 has them, in float64.

    Parameters
    ----------
    features : (..., n)
    weights : (masks, n)
    unbiased : whether the deviation is the reference's

    Returns
    -------
    mean, std : (masks, ...)
    """
    x, w = features.astype(np.float64), weights.astype(np.float64)
    w = w.reshape(len(w), *[1] * (x.ndim - 1), -1)
    total = w.sum(-1) + POOLING_EPS
    mean = (x * w).sum(-1) / total
    squares = (np.square(x - mean[..., None]) * w).sum(-1)
    freedom = total - np.square(w).sum(-1) / total + POOLING_EPS
    return {"mean": mean, "std": np.sqrt(squares / (freedom if unbiased else total))}


def _flat(statistics: Statistics) -> Statistics:
    return {key: value.reshape(len(value), -1) for key, value in statistics.items()}


def _mistakes(features: np.ndarray, weights: np.ndarray) -> Iterator[tuple[str, Statistics]]:
    """Every wrong pooling: words, and its statistics (masks, ...), from features (channels, mel bins, frames)."""
    over = "pooled over mel bins (frequency) instead of frames (time)"
    by_frame = pool(features.swapaxes(1, 2), np.ones((len(weights), features.shape[1])))  # (masks, channels, frames)
    yield over, by_frame
    yield over, {key: value.swapaxes(1, 2) for key, value in by_frame.items()}
    # Brought back to the length that the linear layer wants: an average over frames, the same for every mel bin.
    for counted in (weights, np.ones_like(weights)):  # the mask heeded, or left out as well
        share = counted / (counted.sum(axis=1, keepdims=True) + POOLING_EPS)
        averaged = {key: np.einsum("mcn,mn->mc", value, share) for key, value in by_frame.items()}
        yield over, averaged
        yield over, {key: np.repeat(value, features.shape[1], axis=1) for key, value in averaged.items()}
        yield over, {key: np.tile(value, (1, features.shape[1])) for key, value in averaged.items()}
    by_channel = pool(features.transpose(1, 2, 0), np.ones((len(weights), features.shape[0])))
    yield "pooled over channels instead of frames (time)", by_channel
    right = pool(features, weights)
    mel_major = {key: value.swapaxes(1, 2) for key, value in right.items()}
    yield "laid out mel bin by mel bin instead of channel by channel", mel_major
    yield "pooled over all frames, the mask left out", pool(features, np.ones_like(weights))
    yield "biased: divided by n where the reference has n - 1", pool(features, weights, unbiased=False)


def _forms(guess: np.ndarray) -> tuple[np.ndarray, ...]:
    """With an entry a mask, and, of what does not depend on masks, with a single one."""
    return guess, guess[0]
