"""More mistakes in reconstruction and annotation: who wins a frame, and when a turn begins and ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import floor

import numpy as np

from parity.community1 import geometry
from parity.community1.annotation import Turn, speaker_names
from parity.community1.assignment import UNASSIGNED
from parity.community1.reconstruction import cluster_activity, sum_activations
from parity.faults.fault import Workshop
from parity.faults.known.diarization import from_activations, on_turns, retimed
from parity.faults.known.framing import hamming_overlap_add, last_said, native_starts, on_589ths, overlap_add_at
from parity.faults.known.planting import Make, Run, fault
from parity.faults.known.scores import untrained

OTHER_FRAMES = 560
"""Per chunk, where there are 589."""
LEEWAY = 0.1

Both = tuple[np.ndarray, np.ndarray]
Turns = list[Turn]


def weighted_by_hamming(segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """Activations summed under a Hamming window over every chunk."""
    return hamming_overlap_add(cluster_activity(segmentations, hard_clusters))[0]


def on_frames_of_589ths(segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """Activations of chunks laid out on frames of 10/589 s."""
    return overlap_add_at(cluster_activity(segmentations, hard_clusters), on_589ths(len(segmentations)))[0]


def overwritten(segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """What the last chunk that knows a cluster says of it."""
    return last_said(cluster_activity(segmentations, hard_clusters))


def by_local_number(segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """Local speakers added up by their number in the chunk."""
    return sum_activations(segmentations, np.broadcast_to(np.arange(3, dtype=np.int8), hard_clusters.shape))


def of_the_trained(segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """Activations without those who have too few clean frames to be clustered."""
    kept = np.where(untrained(segmentations), UNASSIGNED, hard_clusters).astype(np.int8)
    clusters = int(hard_clusters.max()) + 1
    made = sum_activations(segmentations, kept) if (kept >= 0).any() else np.zeros((1, 0), np.float32)
    missing = clusters - made.shape[1]
    rows = geometry.num_frames(len(segmentations))
    return np.pad(np.broadcast_to(made, (rows, made.shape[1])), ((0, 0), (0, max(0, missing))))


def shared_clusters_added(segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """Two local speakers of one cluster added up, where the more active one counts."""
    total = np.zeros_like(sum_activations(segmentations, hard_clusters))
    for start, chunk, row in zip(native_starts(len(segmentations)), segmentations, hard_clusters, strict=True):
        for speaker, cluster in enumerate(row):
            if cluster >= 0 and chunk[:, speaker].any():
                total[start : start + len(chunk), cluster] += chunk[:, speaker]
    return total


def _exclusive(change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Make:
    """The exclusive diarization made of the plain one and of its own: (plain, exclusive) -> exclusive."""

    def make(native: Run, workshop: Workshop) -> Run:
        def run(*inputs: np.ndarray) -> Both:
            plain, exclusive = native(*inputs)
            return plain, change(plain, exclusive)

        return run

    return make


def highest_of(plain: np.ndarray, exclusive: np.ndarray) -> np.ndarray:
    """Of all who speak in a frame the one with the highest number."""
    last = plain.shape[1] - 1 - plain[:, ::-1].argmax(axis=1)
    return plain * np.eye(plain.shape[1], dtype=plain.dtype)[last]


def none_where_overlapped(plain: np.ndarray, exclusive: np.ndarray) -> np.ndarray:
    """Nobody where more than one speaks."""
    return plain * (plain.sum(axis=1, keepdims=True) == 1)


def _above_half(native: Run, workshop: Workshop) -> Run:
    def run(segmentations: np.ndarray, hard_clusters: np.ndarray, count: np.ndarray) -> Both:
        clustered = cluster_activity(segmentations, hard_clusters)
        total, weight = overlap_add_at(clustered, native_starts(len(clustered)))
        active = (total > 0.5 * np.maximum(weight, 1.0)).astype(np.float32)
        plain, exclusive = native(segmentations, hard_clusters, count)
        active = np.pad(active, ((0, 0), (0, plain.shape[1] - active.shape[1])))
        return active, active * exclusive

    return run


def _retimed_both(start: Callable[[float], float], end: Callable[[float], float]) -> Make:
    def change(turns: Turns) -> Turns:
        moved = [replace(turn, start=start(turn.start), end=end(turn.end)) for turn in turns]
        return [turn for turn in moved if turn.end > turn.start]

    return on_turns(change)


def _unchanged(seconds: float) -> float:
    return seconds


def frames_apart(seconds: float, step: float) -> float:
    """A frame's middle where frames are `step` seconds apart."""
    frame = (seconds - 0.5 * geometry.FRAME_SECONDS) / geometry.FRAME_STEP_SECONDS
    return frame * step + 0.5 * geometry.FRAME_SECONDS


def cut_off(seconds: float) -> float:
    """Milliseconds cut off instead of rounded, a hair above their value being theirs."""
    return floor(seconds * 1000 + 1e-9) / 1000


def _ends_for_lengths(turns: Turns) -> Turns:
    return [replace(turn, end=turn.start + turn.end) for turn in turns]


def _joined_anywhere(turns: Turns) -> Turns:
    """Turns that follow one another at once, whoever speaks: one, of the first speaker."""
    joined: Turns = []
    for turn in sorted(turns):
        if joined and turn.start <= joined[-1].end:
            joined[-1] = replace(joined[-1], end=max(joined[-1].end, turn.end))
        else:
            joined.append(turn)
    return joined


def _named(number: Callable[[int, np.ndarray], int]) -> Make:
    """Other names: (column, columns that speak, rising) -> the number in the name."""

    def make(native: Run, workshop: Workshop) -> Run:
        def run(discrete: np.ndarray | None, exclusive: np.ndarray | None) -> tuple[Turns, Turns]:
            made: tuple[Turns, Turns] = native(discrete, exclusive)
            if discrete is None:
                return made
            speaking = np.flatnonzero(discrete.any(axis=0))
            theirs = speaker_names(set(speaking.tolist()))
            names = {name: f"SPEAKER_{number(column, speaking):02d}" for column, name in theirs.items()}
            plain, other = (
                sorted(replace(turn, speaker=names.get(turn.speaker, turn.speaker)) for turn in turns) for turns in made
            )
            return plain, other

        return run

    return make


FAULTS = [
    fault(
        "activations_hamming",
        "reconstruction",
        "a Hamming window laid over every chunk before activations are summed, where all frames count alike",
        from_activations(weighted_by_hamming),
    ),
    fault(
        "activations_on_589ths",
        "reconstruction",
        "chunks laid out on frames of 10/589 s (16.98 ms) instead of 16.875 ms",
        from_activations(on_frames_of_589ths),
    ),
    fault(
        "activations_overwritten",
        "reconstruction",
        "a later chunk overwrites what earlier ones said, where all are summed",
        from_activations(overwritten),
    ),
    fault(
        "speakers_by_local_number",
        "reconstruction",
        "local speakers of all chunks added up by their number, no clustering between",
        from_activations(by_local_number),
    ),
    fault(
        "untrained_dropped",
        "reconstruction",
        "speakers with too few clean frames dropped, where they are only not clustered",
        from_activations(of_the_trained),
    ),
    fault(
        "shared_clusters_added",
        "reconstruction",
        "two speakers of a chunk in one cluster added up, where the more active counts",
        from_activations(shared_clusters_added),
    ),
    fault(
        "speakers_above_half",
        "reconstruction",
        "all who are active in more than half of their chunks, where the count says how many win",
        _above_half,
    ),
    fault(
        "exclusive_to_the_highest",
        "reconstruction",
        "the exclusive diarization gives overlap to the highest number, where the most active wins",
        _exclusive(highest_of),
    ),
    fault(
        "exclusive_without_overlap",
        "reconstruction",
        "the exclusive diarization drops overlapped frames, where the most active wins them",
        _exclusive(none_where_overlapped),
    ),
    fault(
        "annotation_560_frames",
        "annotation",
        "560 frames taken to fill a chunk where there are 589: every time 6 % late",
        retimed(partial(frames_apart, step=geometry.CHUNK_SECONDS / OTHER_FRAMES)),
    ),
    fault(
        "annotation_589ths",
        "annotation",
        "frames 10/589 s (16.98 ms) apart instead of 16.875 ms",
        retimed(partial(frames_apart, step=geometry.CHUNK_SECONDS / 589)),
    ),
    fault(
        "turns_to_the_last_frame",
        "annotation",
        "turns end at the middle of their last frame, where they end at that of the first after it",
        _retimed_both(_unchanged, lambda seconds: seconds - geometry.FRAME_STEP_SECONDS),
    ),
    fault(
        "turns_of_whole_frames",
        "annotation",
        "turns run from where their first frame starts to where their last one ends",
        _retimed_both(
            lambda seconds: seconds - 0.5 * geometry.FRAME_SECONDS,
            lambda seconds: seconds - geometry.FRAME_STEP_SECONDS + 0.5 * geometry.FRAME_SECONDS,
        ),
    ),
    fault(
        "turns_padded",
        "annotation",
        "a tenth of a second added before and after every turn, where nothing is",
        _retimed_both(lambda seconds: max(0.0, seconds - LEEWAY), lambda seconds: seconds + LEEWAY),
    ),
    fault(
        "times_in_whole_frames",
        "annotation",
        "times cut off to whole frames of 10 ms, where RTTM here has thousandths",
        retimed(lambda seconds: floor(seconds * 100) / 100),
    ),
    fault(
        "rttm_cut_off",
        "annotation",
        "thousandths of a second cut off, where they are rounded",
        retimed(cut_off),
    ),
    fault(
        "rttm_ends_for_lengths",
        "annotation",
        "ends written where RTTM has lengths",
        on_turns(_ends_for_lengths),
    ),
    fault(
        "rttm_times_in_float32",
        "annotation",
        "samples counted and divided in float32 instead of float64",
        retimed(lambda seconds: float(np.float32(seconds))),
    ),
    fault(
        "turns_joined_across_speakers",
        "annotation",
        "turns that touch or overlap joined, whoever speaks",
        on_turns(_joined_anywhere),
    ),
    fault(
        "speakers_in_order_of_number",
        "annotation",
        "speakers named by rising numbers (2 before 10), where numbers are ordered as text",
        _named(lambda column, speaking: int(np.searchsorted(speaking, column))),
    ),
    fault(
        "speakers_by_column",
        "annotation",
        "speakers named by their columns' numbers, where those who speak are numbered anew",
        _named(lambda column, speaking: column),
    ),
]
