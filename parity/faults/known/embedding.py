"""Mistakes in embeddings (pooling, mask interpolation, weights) and in filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from parity.community1.embeddings import embed
from parity.community1.filtering import MIN_ACTIVE_RATIO, clean_frames
from parity.faults.fault import Fault, Workshop
from parity.faults.known.planting import Make, Run, fault, instead
from parity.faults.known.rounded_weights import Rounding, bfloat16, float16, int8, rounded_embedding
from parity.networks.wespeaker.architecture import POOLING_EPS
from parity.pipeline import ChunkSeries

POOLED_FRAMES = 125
ROOT_EPS = 1e-7

Deviation = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(sum of weighted squares, sum of weights, unbiased denominator) -> deviation."""


def unbiased(squares: np.ndarray, total: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The reference's deviation."""
    return np.sqrt(squares / denominator)


def biased(squares: np.ndarray, total: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The deviation of the population."""
    return np.sqrt(squares / total)


def eps_under_root(squares: np.ndarray, total: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The deviation with WeSpeaker's own epsilon, below the root."""
    return np.sqrt(squares / denominator + np.float32(ROOT_EPS))


def variance(squares: np.ndarray, total: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The variance."""
    return squares / denominator


def pooling_head(
    arrays: Mapping[str, np.ndarray], deviation: Deviation = unbiased, eps: float = POOLING_EPS
) -> Callable[..., tuple[np.ndarray]]:
    """The embedding network's head in NumPy, its deviation and its epsilon to choose.

    Returns
    -------
    head : features (batch, 2560, n), weights (batch, speakers, n) -> one array, (batch, speakers, 256) float32
    """
    weight, bias, eps = arrays["seg_1.weight"].astype(np.float32).T, arrays["seg_1.bias"], np.float32(eps)

    def head(features: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray]:
        x, w = features[:, None], weights[:, :, None].astype(np.float32)
        with np.errstate(divide="ignore", invalid="ignore"):  # an epsilon may be missing: NaN, as in a port
            total = w.sum(axis=-1, keepdims=True) + eps
            mean = (x * w).sum(axis=-1, keepdims=True) / total
            squares = ((x - mean) ** 2 * w).sum(axis=-1, keepdims=True)
            denominator = total - (w**2).sum(axis=-1, keepdims=True) / total + eps
            statistics = np.concatenate([mean, deviation(squares, total, denominator)], axis=2)[..., 0]
        return (statistics @ weight + bias,)

    return head


def interpolate_linear(masks: np.ndarray) -> np.ndarray:
    """Masks at the pooled frames by torch's `linear` rule: (..., frames) -> (..., 125) float32."""
    frames = masks.shape[-1]
    source = np.maximum((np.arange(POOLED_FRAMES) + 0.5) * frames / POOLED_FRAMES - 0.5, 0.0)
    left = np.floor(source).astype(np.int64)
    right = np.minimum(left + 1, frames - 1)
    share = (source - left).astype(np.float32)
    return masks[..., left] * (1 - share) + masks[..., right] * share


def interpolate_at_middles(masks: np.ndarray) -> np.ndarray:
    """Masks at the pooled frames by torch's `nearest-exact` rule: (..., frames) -> (..., 125)."""
    frames = masks.shape[-1]
    return masks[..., np.floor((np.arange(POOLED_FRAMES) + 0.5) * frames / POOLED_FRAMES).astype(np.int64)]


def of_unit_norm(embeddings: np.ndarray) -> np.ndarray:
    """Each row divided by its length."""
    return embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)


def _pooling(**options: Any) -> Make:
    def make(native: Run, workshop: Workshop) -> Run:
        return partial(embed, trunk=workshop.networks.trunk, head=pooling_head(workshop.weights.embedding, **options))

    return make


def interpolating(interpolate: Callable[[np.ndarray], np.ndarray]) -> Make:
    """Embeddings of masks brought to the pooled frames otherwise: (..., 589) -> (..., 125)."""

    def run(native: Run, fbank: ChunkSeries, masks: np.ndarray) -> np.ndarray:
        return native(fbank, interpolate(masks))  # masks that have the pooled frames are taken as they are

    return lambda native, workshop: partial(run, native)


def _rounded_weights(name: str, rounding: Rounding) -> Fault:
    def make(native: Run, workshop: Workshop) -> Run:
        def run(fbank: ChunkSeries, masks: np.ndarray) -> np.ndarray:
            network = rounded_embedding(workshop, rounding)  # built when it runs: to plant a fault costs nothing
            return embed(fbank, masks, trunk=workshop.remembered("trunk", network["trunk"]), head=network["head"])

        return run

    about = f"the embedding network's weights kept in {rounding.__name__} instead of float32"
    return fault(name, "embeddings", about, make, reruns_trunk=True)


def filter_by(
    embeddings: np.ndarray,
    segmentations: np.ndarray,
    enough: Callable[[np.ndarray, float], np.ndarray] = np.greater_equal,
    frames: Callable[[np.ndarray], np.ndarray] = clean_frames,
    ratio: float = MIN_ACTIVE_RATIO,
) -> tuple[np.ndarray, np.ndarray]:
    """`filter_embeddings` with its comparison, the frames it counts and the share they must have to choose."""
    active = enough(frames(segmentations), ratio * segmentations.shape[1])
    chunks, speakers = np.where(active & ~np.any(np.isnan(embeddings), axis=2))
    return chunks, speakers


def active_frames(segmentations: np.ndarray) -> np.ndarray:
    """Frames in which each speaker is active, alone or not: (num_chunks, 3)."""
    return segmentations.sum(axis=1)


FAULTS = [
    fault(
        "pooling_biased_variance",
        "embeddings",
        "the deviation divided by the sum of weights, where the reference's is unbiased",
        _pooling(deviation=biased),
    ),
    fault(
        "pooling_eps_under_root",
        "embeddings",
        "1e-7 added below the root too, as WeSpeaker's own pooling does, where the reference adds 1e-8 to the weights",
        _pooling(deviation=eps_under_root),
    ),
    fault(
        "pooling_without_eps",
        "embeddings",
        "no epsilon in the pooling's denominators: NaN where the reference has a speaker without frames",
        _pooling(eps=0.0),
    ),
    fault(
        "pooling_variance",
        "embeddings",
        "the variance pooled instead of the standard deviation",
        _pooling(deviation=variance),
    ),
    fault(
        "linear_mask_interpolation",
        "embeddings",
        "masks brought to the pooled frames linearly instead of by the nearest",
        interpolating(interpolate_linear),
    ),
    fault(
        "nearest_exact_mask_interpolation",
        "embeddings",
        "masks taken at the middle of a pooled frame (nearest-exact) instead of at its start (nearest)",
        interpolating(interpolate_at_middles),
    ),
    fault(
        "embeddings_of_unit_norm",
        "embeddings",
        "embeddings normalised to unit length, where they are raw",
        lambda native, workshop: lambda fbank, masks: of_unit_norm(native(fbank, masks)),
    ),
    _rounded_weights("float16_weights", float16),
    _rounded_weights("bfloat16_weights", bfloat16),
    _rounded_weights("int8_weights", int8),
    fault(
        "filter_strict",
        "filter",
        "more than 20 % of clean frames instead of at least (117.8 of 589: no whole number lies between)",
        instead(partial(filter_by, enough=np.greater)),
    ),
    fault(
        "filter_tenth",
        "filter",
        "10 % of clean frames instead of 20 %",
        instead(partial(filter_by, ratio=0.1)),
    ),
    fault(
        "filter_with_overlap",
        "filter",
        "all active frames counted instead of those in which the speaker is alone",
        instead(partial(filter_by, frames=active_frames)),
    ),
    fault(
        "filter_missing",
        "filter",
        "every embedding that is a number is clustered, where 20 % of clean frames are needed",
        instead(partial(filter_by, ratio=0.0)),
    ),
]
