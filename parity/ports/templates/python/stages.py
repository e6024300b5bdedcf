"""The stages: functions of the parameters and of the artefacts that they read, by name.

`parity stages` lists what each reads and writes. C chunks of F = 589 frames and S = 3 local speakers, N output frames,
K clusters, T embeddings to cluster. A stage that you add goes into the three tables at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import groupby
from string import ascii_uppercase
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

FRAME_SECONDS, FRAME_STEP, CHUNK_SECONDS = 991 / 16000, 270 / 16000, 10.0
MIN_ACTIVE_RATIO = 0.2
SHORTEST = 1e-6  # seconds
UNASSIGNED = -2

Parameters = Mapping[str, Any]
Turn = tuple[float, float, str, int]
"""Start, end, track, speaker's number."""


def closest_frame(seconds: float) -> int:
    """Index of the frame whose middle is closest; halves go to the even index."""
    return int(np.rint((seconds - 0.5 * FRAME_SECONDS) / FRAME_STEP))


def first_frame(chunk: int) -> int:
    """The output frame that the first frame of a chunk is added to."""
    return closest_frame(chunk + 0.5 * FRAME_SECONDS)


def num_frames(chunks: int) -> int:
    """How many output frames so many chunks have."""
    return closest_frame(CHUNK_SECONDS + (chunks - 1) + 0.5 * FRAME_SECONDS) + 1


def speaker_counting(parameters: Parameters, segmentations: np.ndarray) -> tuple[np.ndarray]:
    """Segmentations (C, F, S) f4 -> count (N, 1) u1: the mean over chunks, rounded half to even."""
    total = np.zeros(num_frames(len(segmentations)), dtype=np.float32)
    weight = np.zeros_like(total)
    for chunk, activity in enumerate(segmentations.sum(axis=2)):
        place = slice(first_frame(chunk), first_frame(chunk) + len(activity))
        total[place] += np.nan_to_num(activity)
        weight[place] += ~np.isnan(activity)
    return (np.rint(total / np.maximum(weight, np.float32(1e-12))).astype(np.uint8)[:, None],)


def filter_embeddings(
    parameters: Parameters, embeddings: np.ndarray, segmentations: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """-> train_chunk_idx, train_speaker_idx (T,) i8.

    Speakers who are alone for a fifth of the chunk, and whose embedding holds no NaN.
    """
    alone = segmentations.sum(axis=2, keepdims=True) == 1
    enough = (segmentations * alone).sum(axis=1) >= MIN_ACTIVE_RATIO * segmentations.shape[1]
    chunks, speakers = np.nonzero(enough & ~np.isnan(embeddings).any(axis=2))
    return chunks, speakers


def assignment(
    parameters: Parameters, soft_clusters: np.ndarray, train_chunk_idx: np.ndarray, kmeans_clusters: np.ndarray | None
) -> tuple[np.ndarray]:
    """soft_clusters (C, S, K) f8 -> hard_clusters (C, S) i1, -2 for nobody.

    Within a chunk two speakers never share a cluster and the best total wins, unless KMeans made the clusters.
    """
    hard = np.full(soft_clusters.shape[:2], UNASSIGNED, dtype=np.int8)
    if len(train_chunk_idx) < 2:
        return (np.zeros_like(hard),)
    if kmeans_clusters is not None:
        return (soft_clusters.argmax(axis=2).astype(np.int8),)
    scores = np.nan_to_num(soft_clusters, nan=np.nanmin(soft_clusters))
    for chunk, chunk_scores in enumerate(scores):
        speakers, clusters = linear_sum_assignment(chunk_scores, maximize=True)
        hard[chunk, speakers] = clusters
    return (hard,)


def reconstruction(
    parameters: Parameters, segmentations: np.ndarray, hard_clusters: np.ndarray, count: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """-> discrete_diarization, exclusive_discrete_diarization (N, speakers) f4, the latter with one speaker at most."""
    activity = activations(segmentations, hard_clusters)
    most = parameters.get("num_speakers") or parameters.get("max_speakers") or math.inf
    capped = np.minimum(count, most)
    return most_active(activity, capped), most_active(activity, np.minimum(capped, 1))


def activations(segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """How many chunks say that a cluster speaks: (N, K) float32. Who says nothing in a chunk belongs to nobody."""
    clusters = np.where(segmentations.sum(axis=1) == 0, UNASSIGNED, hard_clusters)
    total = np.zeros((num_frames(len(segmentations)), int(clusters.max()) + 1), dtype=np.float32)
    for chunk, own in enumerate(clusters):
        place = slice(first_frame(chunk), first_frame(chunk) + segmentations.shape[1])
        for cluster in set(own[own >= 0].tolist()):
            total[place, cluster] += np.nan_to_num(segmentations[chunk][:, own == cluster].max(axis=1))
    return total


def most_active(activity: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The `count` most active of each frame; columns are added where the count exceeds the clusters.

    Which of equally active speakers wins is decided by NumPy's default sort in its plain form, which it has for long
    doubles on every machine; the vectorised ones leave another order.
    """
    columns = max(activity.shape[1], int(count.max()))
    padded = np.pad(activity, ((0, 0), (0, columns - activity.shape[1])))
    order = np.argsort(-padded.astype(np.longdouble), axis=1)
    ranks = np.argsort(order, axis=1)
    return (ranks < count).astype(np.float32)


def annotation(
    parameters: Parameters,
    discrete_diarization: np.ndarray | None,
    exclusive_discrete_diarization: np.ndarray | None,
) -> tuple[str, str]:
    """-> diarization, exclusive_diarization as RTTM, under the same names: speakers' numbers in their order as text."""
    gap = parameters["min_duration_off"]
    plain, alone = (turns_of(each, gap) for each in (discrete_diarization, exclusive_discrete_diarization))
    speakers = sorted({speaker for *_, speaker in plain}, key=str)
    names = {speaker: f"SPEAKER_{index:02d}" for index, speaker in enumerate(speakers)}
    return to_rttm(plain, parameters["uri"], names), to_rttm(alone, parameters["uri"], names)


def turns_of(discrete: np.ndarray | None, gap: float) -> list[Turn]:
    """From the middle of a turn's first frame to the middle of the first frame after it, ordered as in RTTM."""
    if discrete is None:
        return []  # nobody spoke: it was not made
    starts = np.arange(len(discrete)) * FRAME_STEP
    middles = 0.5 * (starts + (starts + FRAME_SECONDS))
    turns: list[Turn] = []
    for speaker in sorted(range(discrete.shape[1]), key=str):
        spans = [(float(middles[a]), float(middles[min(b, len(middles) - 1)])) for a, b in runs(discrete[:, speaker])]
        spans = [(start, end) for start, end in spans if end - start > SHORTEST]
        if gap > 0:  # tracks lose their names then, as in the reference
            spans = joined(spans, gap)
            turns += [(*span, track(len(turns) + index), speaker) for index, span in enumerate(spans)]
        else:
            turns += [(*span, track(speaker), speaker) for span in spans]
    return sorted(turns)


def runs(activity: np.ndarray) -> list[tuple[int, int]]:
    """First frame of each run of activity, and the first after it."""
    found, at = [], 0
    for active, frames in groupby((activity > 0.5).tolist()):
        length = len(list(frames))
        found += [(at, at + length)] if active else []
        at += length
    return found


def joined(spans: list[tuple[float, float]], gap: float) -> list[tuple[float, float]]:
    """Spans less than `gap` seconds apart become one."""
    found: list[tuple[float, float]] = []
    for start, end in spans:
        if found and start - found[-1][1] < gap:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def track(index: int) -> str:
    """A, B, …, Z, AA, AB, … as pyannote.core names tracks; turns that begin and end together are ordered by them."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = ascii_uppercase[rest] + letters
    return letters


def to_rttm(turns: list[Turn], uri: str, names: Mapping[int, str]) -> str:
    """Times with three decimals, halves to even, as Python formats them."""
    return "".join(
        f"SPEAKER {uri} 1 {start:.3f} {end - start:.3f} <NA> <NA> {names.get(speaker, speaker)} <NA> <NA>\n"
        for start, end, _, speaker in turns
    )


STAGES: dict[str, Callable[..., tuple[np.ndarray | str, ...]]] = {
    "speaker_counting": speaker_counting,
    "filter": filter_embeddings,
    "assignment": assignment,
    "reconstruction": reconstruction,
    "annotation": annotation,
}
READS = {
    "speaker_counting": ("segmentations",),
    "filter": ("embeddings", "segmentations"),
    "assignment": ("soft_clusters", "train_chunk_idx", "kmeans_clusters"),
    "reconstruction": ("segmentations", "hard_clusters", "count"),
    "annotation": ("discrete_diarization", "exclusive_discrete_diarization"),
}
WRITES = {
    "speaker_counting": ("count",),
    "filter": ("train_chunk_idx", "train_speaker_idx"),
    "assignment": ("hard_clusters",),
    "reconstruction": ("discrete_diarization", "exclusive_discrete_diarization"),
    "annotation": ("diarization", "exclusive_diarization"),
}
