"""More mistakes in filter, xvec and plda: which embeddings are clustered, and the space where they are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from parity.community1.filtering import MIN_ACTIVE_RATIO, clean_frames, filter_embeddings
from parity.community1.plda import Plda, to_plda
from parity.faults.fault import Workshop
from parity.faults.known.embedding import active_frames, filter_by
from parity.faults.known.planting import Make, Run, fault, instead

Indices = tuple[np.ndarray, np.ndarray]


def any_activity(embeddings: np.ndarray, segmentations: np.ndarray) -> Indices:
    """Those who speak at all in their chunk."""
    return filter_by(embeddings, segmentations, enough=np.greater, frames=active_frames, ratio=0.0)


def by_speaker_first(embeddings: np.ndarray, segmentations: np.ndarray) -> Indices:
    """The same embeddings in the order of local speakers, then of chunks."""
    chunks, speakers = filter_embeddings(embeddings, segmentations)
    order = np.lexsort((chunks, speakers))
    return chunks[order], speakers[order]


def whole_chunks(embeddings: np.ndarray, segmentations: np.ndarray) -> Indices:
    """All who speak in a chunk in which anybody is alone for long enough."""
    enough = clean_frames(segmentations) >= MIN_ACTIVE_RATIO * segmentations.shape[1]
    chunks, speakers = np.where(enough.any(axis=1, keepdims=True) & (active_frames(segmentations) > 0))
    return chunks, speakers


def most_active_only(embeddings: np.ndarray, segmentations: np.ndarray) -> Indices:
    """Of each chunk the one who is alone for longest, where that is long enough."""
    chunks, speakers = filter_embeddings(embeddings, segmentations)
    first = clean_frames(segmentations).argmax(axis=1)[chunks] == speakers
    return chunks[first], speakers[first]


def share_of_speech(embeddings: np.ndarray, segmentations: np.ndarray) -> Indices:
    """A fifth of the frames in which anybody speaks, instead of a fifth of all."""
    speech = segmentations.any(axis=2).sum(axis=1)[:, None]
    clean = clean_frames(segmentations)
    chunks, speakers = np.where((clean >= MIN_ACTIVE_RATIO * speech) & (clean > 0))
    return chunks, speakers


def _normalised(rows: np.ndarray, axis: int | None = 1) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=axis, keepdims=True)


def _xvec(
    plda: Plda,
    embeddings: np.ndarray,
    chunks: np.ndarray,
    speakers: np.ndarray,
    *,
    own_mean: bool = False,
    first_norm: bool = True,
    second_norm: bool = True,
    axis: int = 1,
    dtype: type[np.floating] = np.float64,
) -> np.ndarray:
    """`to_xvec`, which its defaults are, step by step: (num_train, 128) float64."""
    train = embeddings[chunks, speakers].astype(dtype)
    wide, narrow = plda.lda.shape
    centred = train - (train.mean(axis=0) if own_mean else plda.mean1).astype(dtype)
    if first_norm:
        centred = dtype(np.sqrt(wide)) * _normalised(centred, axis)
    reduced = centred @ plda.lda.astype(dtype) - plda.mean2.astype(dtype)
    if second_norm:
        reduced = dtype(np.sqrt(narrow)) * _normalised(reduced, axis)
    return reduced.astype(np.float64)


def _stepwise(**options: Any) -> Make:
    return lambda native, workshop: partial(_xvec, workshop.networks.plda, **options)


def _changed(**change: Any) -> Make:
    """The PLDA's arrays changed: field -> (array of the solved model) -> array."""

    def make(native: Run, workshop: Workshop) -> Run:
        plda = workshop.networks.plda
        new = {name: function(getattr(plda, name)) for name, function in change.items()}
        return partial(to_plda, plda=replace(plda, **new))

    return make


def _mean_after(native: Run, workshop: Workshop) -> Run:
    plda = workshop.networks.plda
    return lambda post_xvec: (post_xvec.dot(plda.transform.T) - plda.mu, plda.phi)


def _whitened(native: Run, workshop: Workshop) -> Run:
    def run(post_xvec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        projected, phi = native(post_xvec)
        return projected / np.sqrt(phi + 1.0), phi

    return run


def _in_float32(native: Run, workshop: Workshop) -> Run:
    plda = workshop.networks.plda
    mu, transform = plda.mu.astype(np.float32), plda.transform.astype(np.float32)

    def run(post_xvec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        projected = (post_xvec.astype(np.float32) - mu) @ transform.T
        return projected.astype(np.float64), plda.phi.astype(np.float32).astype(np.float64)

    return run


FAULTS = [
    fault(
        "filter_any_activity",
        "filter",
        "everybody who speaks at all is clustered, where a fifth of clean frames is needed",
        instead(any_activity),
    ),
    fault(
        "filter_by_speaker_first",
        "filter",
        "embeddings gathered speaker by speaker instead of chunk by chunk",
        instead(by_speaker_first),
    ),
    fault(
        "filter_whole_chunks",
        "filter",
        "all speakers of a chunk in which one has enough clean frames, instead of that one",
        instead(whole_chunks),
    ),
    fault(
        "filter_one_per_chunk",
        "filter",
        "only the most active speaker of a chunk, where all with enough clean frames count",
        instead(most_active_only),
    ),
    fault(
        "filter_share_of_speech",
        "filter",
        "20 % of the frames with speech instead of 20 % of the whole chunk",
        instead(share_of_speech),
    ),
    fault(
        "xvec_own_mean",
        "xvec",
        "the mean of the recording's own embeddings taken off instead of the model's",
        _stepwise(own_mean=True),
    ),
    fault(
        "xvec_without_first_norm",
        "xvec",
        "rows not brought to one length before the LDA",
        _stepwise(first_norm=False),
    ),
    fault(
        "xvec_without_second_norm",
        "xvec",
        "rows not brought to one length after the LDA",
        _stepwise(second_norm=False),
    ),
    fault(
        "xvec_norm_down_columns",
        "xvec",
        "each dimension brought to one length over all rows, instead of each row (the other axis)",
        _stepwise(axis=0),
    ),
    fault(
        "xvec_float32",
        "xvec",
        "computed in float32 instead of float64",
        _stepwise(dtype=np.float32),
    ),
    fault(
        "plda_transposed",
        "plda",
        "the square transform not turned round: rows times it instead of its transpose",
        _changed(transform=np.transpose),
    ),
    fault(
        "plda_signs_flipped",
        "plda",
        "every other axis the other way round: nothing after it sees a sign",
        _changed(transform=lambda axes: axes * np.where(np.arange(len(axes)) % 2, -1.0, 1.0)[:, None]),
    ),
    fault(
        "plda_phi_inverted",
        "plda",
        "within over between variances handed on instead of between over within",
        _changed(phi=np.reciprocal),
    ),
    fault(
        "plda_phi_rooted",
        "plda",
        "standard deviations between classes handed on instead of variances",
        _changed(phi=np.sqrt),
    ),
    fault(
        "plda_mean_after",
        "plda",
        "the mean taken off after the projection instead of before it",
        _mean_after,
    ),
    fault(
        "plda_whitened",
        "plda",
        "axes scaled to a total variance of one, where it is the variance within that is one",
        _whitened,
    ),
    fault(
        "plda_float32",
        "plda",
        "computed in float32 instead of float64",
        _in_float32,
    ),
]
