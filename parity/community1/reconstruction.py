"""reconstruction: clustered chunks and the count -> who speaks in each output frame.

Source: `SpeakerDiarization.reconstruct` and the end of `apply` (pipelines/speaker_diarization.py) and
`SpeakerDiarizationMixin.to_diarization` (pipelines/utils/diarization.py) at tag 4.0.4.
Conventions: speakers inactive in their chunk belong to nobody; activations are summed over chunks in float32; in each
frame the `count` most active speakers win; columns are added where the count exceeds the clusters; the exclusive
variant lets one speaker at most win.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from parity.community1 import geometry
from parity.community1.assignment import UNASSIGNED
from parity.community1.scoring import inactive

BLOCK_FRAMES = 8192  # ranked at once: a long double and two indices for each frame and speaker


def reconstruct(
    segmentations: np.ndarray,
    hard_clusters: np.ndarray,
    count: np.ndarray,
    *,
    max_speakers: float,
    step: float = geometry.STEP_SECONDS,
) -> tuple[np.ndarray, np.ndarray]:
    """Discrete diarization, plain and exclusive.

    Parameters
    ----------
    segmentations : (num_chunks, 589, 3) float32, 0 or 1
    hard_clusters : (num_chunks, 3) int8
    count : (num_frames, 1) uint8
    max_speakers : count is capped there
    step : seconds from the start of one chunk to that of the next

    Returns
    -------
    discrete_diarization : (num_frames, num_speakers) float32, 0 or 1
    exclusive_discrete_diarization : the same with at most one speaker per frame
    """
    activations = sum_activations(segmentations, hard_clusters, step)
    capped = np.minimum(count, max_speakers).astype(np.int8)
    return most_active(activations, capped), most_active(activations, np.minimum(capped, 1))


def sum_activations(
    segmentations: np.ndarray, hard_clusters: np.ndarray, step: float = geometry.STEP_SECONDS
) -> np.ndarray:
    """How many chunks say that a cluster speaks: (num_frames, num_clusters) float32.

    What `overlap_add` makes of `cluster_activity`, to the bit, which at an hour would be hundreds of megabytes of NaN.
    """
    clusters = active_clusters(segmentations, hard_clusters)
    num_chunks, frames, _ = segmentations.shape
    total = np.zeros((geometry.num_frames(num_chunks, step), clusters.max() + 1), dtype=np.float32)
    for chunk, row in enumerate(clusters):
        start = geometry.first_frame(chunk, step)
        for cluster, activity in _activities(segmentations[chunk], row):
            total[start : start + frames, cluster] += np.where(np.isnan(activity), 0.0, activity)
    return total


def cluster_activity(segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """Who speaks in each chunk, NaN for clusters that the chunk has not: (num_chunks, 589, num_clusters) float64."""
    clusters = active_clusters(segmentations, hard_clusters)
    num_chunks, frames, _ = segmentations.shape
    clustered = np.full((num_chunks, frames, clusters.max() + 1), np.nan)
    for chunk, row in enumerate(clusters):
        for cluster, activity in _activities(segmentations[chunk], row):
            clustered[chunk, :, cluster] = activity
    return clustered


def active_clusters(segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """The clusters of the speakers who say something in their chunk, -2 for the others: (num_chunks, 3) int8."""
    return np.where(inactive(segmentations), UNASSIGNED, hard_clusters)


def _activities(segmentation: np.ndarray, row: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    # One chunk's clusters, each with (589,) float32 of the speakers that it has there.
    for cluster in np.unique(row[row != UNASSIGNED]):
        yield cluster, segmentation[:, row == cluster].max(axis=1)


def most_active(activations: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The `count` most active speakers of each frame: (num_frames, num_speakers) float32, 0 or 1."""
    num_frames, num_clusters = activations.shape
    count = np.broadcast_to(count, (num_frames, 1))
    discrete = np.empty((num_frames, max(num_clusters, int(count.max()))), dtype=np.float32)
    for start in range(0, num_frames, BLOCK_FRAMES):
        block = slice(start, start + BLOCK_FRAMES)
        padded = np.pad(activations[block], ((0, 0), (0, discrete.shape[1] - num_clusters)))
        order = rank_speakers(padded)
        ranks = np.empty_like(order)
        np.put_along_axis(ranks, order, np.arange(order.shape[1])[None, :], axis=1)
        discrete[block] = ranks < count[block]
    return discrete


def rank_speakers(activations: np.ndarray) -> np.ndarray:
    """Speakers of each frame from most to least active: (num_frames, num_speakers) int64.

    The reference calls NumPy's default `argsort`, which is not stable: among equals, vectorised sorts (AVX2, AVX-512)
    give another order than the plain one. For long double NumPy has no vectorised sort, so this is the plain order on
    every CPU; captures pin NumPy to it too.
    """
    return np.argsort(-activations.astype(np.longdouble), axis=-1)
