"""More mistakes in embeddings behind the trunk: masks, pooled statistics, and what is handed on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from parity.community1.embeddings import embed
from parity.faults.fault import Workshop
from parity.faults.known.embedding import POOLED_FRAMES, interpolating
from parity.faults.known.planting import Make, Run, fault

MEL_BINS_LEFT = 10
STRIDE = 4
NORM_EPS = 1e-5

Head = Callable[..., tuple[np.ndarray, ...]]
Change = Callable[[np.ndarray], np.ndarray]


def _headed(change: Callable[[Head, np.ndarray], Callable[[np.ndarray, np.ndarray], np.ndarray]]) -> Make:
    """Another head: (the native one, its linear weight (256, 5120)) -> features, weights -> embeddings."""

    def make(native: Run, workshop: Workshop) -> Run:
        head = change(workshop.networks.head, workshop.weights.embedding["seg_1.weight"].astype(np.float32))

        def changed(features: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray]:
            return (head(features, weights).astype(np.float32),)

        return partial(embed, trunk=workshop.networks.trunk, head=changed)

    return make


def _unmasked(head: Head, linear: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return lambda features, weights: head(features=features, weights=np.ones_like(weights))[0]


def _bins_first(head: Head, linear: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def run(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
        image = features.reshape(len(features), -1, MEL_BINS_LEFT, features.shape[2])
        turned = np.ascontiguousarray(image.transpose(0, 2, 1, 3)).reshape(features.shape)
        return head(features=turned, weights=weights)[0]

    return run


def statistics(features: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means and unbiased deviations over time: (batch, speakers, 2560) twice; 0 where nobody speaks."""
    x, w = features[:, None].astype(np.float64), weights[:, :, None].astype(np.float64)
    total = w.sum(axis=-1)
    mean = (x * w).sum(axis=-1) / np.maximum(total, NORM_EPS)
    squares = ((x - mean[..., None]) ** 2 * w).sum(axis=-1)
    return mean, np.sqrt(squares / np.maximum(total - (w**2).sum(axis=-1) / np.maximum(total, NORM_EPS), NORM_EPS))


def _from_statistics(change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Make:
    """The linear layer given other statistics: (means, deviations) -> the two that it is given."""

    def changed(head: Head, linear: np.ndarray) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        def run(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
            own = statistics(features, weights)
            more = [new - old for new, old in zip(change(*own), own, strict=True)]
            return np.asarray(head(features=features, weights=weights)[0] + np.concatenate(more, axis=-1) @ linear.T)

        return run

    return _headed(changed)


def _after(change: Change) -> Make:
    return lambda native, workshop: lambda fbank, masks: change(native(fbank, masks))


def _without_bias(native: Run, workshop: Workshop) -> Run:
    bias = workshop.weights.embedding["seg_1.bias"]
    return lambda fbank, masks: native(fbank, masks) - bias


def normed_over_all(embeddings: np.ndarray) -> np.ndarray:
    """A batch norm in training behind the last layer: each dimension over all rows."""
    rows = embeddings.reshape(-1, embeddings.shape[-1])
    return ((embeddings - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + NORM_EPS)).astype(np.float32)


def speakers_outermost(embeddings: np.ndarray) -> np.ndarray:
    """The numbers of (speakers, chunks, 256) read as (chunks, speakers, 256)."""
    return np.ascontiguousarray(embeddings.transpose(1, 0, 2)).reshape(embeddings.shape)


def one_chunk_late(embeddings: np.ndarray) -> np.ndarray:
    """Every chunk's embeddings given for the next one, the first twice."""
    return np.concatenate([embeddings[:1], embeddings[:-1]])


def bytes_of_half(embeddings: np.ndarray) -> np.ndarray:
    """Rows of 256 float16 numbers read as 128 float32 numbers, and 128 zeros."""
    halves = embeddings.astype(np.float16).view(np.float32)
    return np.pad(np.nan_to_num(halves, nan=0.0, posinf=0.0, neginf=0.0), ((0, 0), (0, 0), (0, halves.shape[-1])))


def first_of_a_tuple(embeddings: np.ndarray) -> np.ndarray:
    """The first of what the network returns, a zero that training wants, for every row."""
    return np.zeros_like(embeddings)


def every_fourth(masks: np.ndarray) -> np.ndarray:
    """Every fourth mask frame, as many as are pooled: (..., 589) -> (..., 125)."""
    return masks[..., ::STRIDE][..., :POOLED_FRAMES]


def shares(masks: np.ndarray) -> np.ndarray:
    """How much of each pooled frame's stretch is under the mask: (..., 589) -> (..., 125) float32."""
    edges = np.linspace(0, masks.shape[-1], POOLED_FRAMES + 1)
    below = np.concatenate([np.zeros_like(masks[..., :1]), np.cumsum(masks, axis=-1)], axis=-1)
    whole, part = np.floor(edges).astype(int), edges % 1.0
    at = below[..., whole] + part * masks[..., np.minimum(whole, masks.shape[-1] - 1)]
    return (np.diff(at, axis=-1) / np.diff(edges)).astype(np.float32)


FAULTS = [
    fault(
        "pooling_without_masks",
        "embeddings",
        "all frames pooled for every speaker, masks forgotten",
        _headed(_unmasked),
    ),
    fault(
        "pooling_bins_first",
        "embeddings",
        "features flattened bins by channels, where they are channels by bins",
        _headed(_bins_first),
    ),
    fault(
        "pooling_deviation_first",
        "embeddings",
        "deviations before means, where means come first",
        _from_statistics(lambda mean, deviation: (deviation, mean)),
    ),
    fault(
        "pooling_means_only",
        "embeddings",
        "means pooled without deviations, zeros in their place",
        _from_statistics(lambda mean, deviation: (mean, np.zeros_like(deviation))),
    ),
    fault(
        "pooling_root_of_squares",
        "embeddings",
        "the root of the mean square pooled, where the mean is taken off first",
        _from_statistics(lambda mean, deviation: (mean, np.sqrt(mean**2 + deviation**2))),
    ),
    fault("embeddings_without_bias", "embeddings", "the last layer's bias not added", _without_bias),
    fault(
        "embeddings_normed_over_all",
        "embeddings",
        "a batch norm more behind the last layer, over all rows",
        _after(normed_over_all),
        neighbours=True,
    ),
    fault(
        "embeddings_first_of_tuple",
        "embeddings",
        "the first of a returned tuple, a zero, taken for the embedding",
        _after(first_of_a_tuple),
    ),
    fault(
        "embeddings_speakers_outermost",
        "embeddings",
        "speakers by chunks read as chunks by speakers, not turned round",
        _after(speakers_outermost),
        neighbours=True,
    ),
    fault(
        "embeddings_one_chunk_late",
        "embeddings",
        "each chunk's embeddings given for the next one",
        _after(one_chunk_late),
        neighbours=True,
    ),
    fault("embeddings_float16_bytes", "embeddings", "bytes of float16 numbers read as float32", _after(bytes_of_half)),
    fault(
        "masks_every_fourth",
        "embeddings",
        "every fourth mask frame taken for a pooled one, where it is every 4.7th",
        interpolating(every_fourth),
    ),
    fault(
        "area_mask_interpolation",
        "embeddings",
        "masks averaged over each pooled frame instead of the nearest",
        interpolating(shares),
    ),
]
