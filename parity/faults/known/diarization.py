"""Mistakes in reconstruction and annotation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from parity.community1 import geometry
from parity.community1.annotation import Turn, annotate
from parity.community1.reconstruction import cluster_activity, most_active, sum_activations
from parity.faults.fault import Workshop
from parity.faults.known.framing import FRAME_SAMPLES, native_starts, overlap_add_at, rounded_down
from parity.faults.known.planting import Make, Run, fault, instead

TIE = 1e-3  # activations are whole numbers
SHORTEST_TURN = 0.25
GAP = 0.5

Turns = list[Turn]
Activations = Callable[[np.ndarray, np.ndarray], np.ndarray]


def from_activations(activate: Activations) -> Make:
    """Reconstruction from other activations: (segmentations, hard_clusters) -> (num_frames, num_clusters)."""

    def make(native: Run, workshop: Workshop) -> Run:
        _, max_speakers = workshop.parameters.speaker_bounds

        def run(
            segmentations: np.ndarray, hard_clusters: np.ndarray, count: np.ndarray
        ) -> tuple[np.ndarray, np.ndarray]:
            activations = activate(segmentations, hard_clusters)
            capped = np.minimum(count, max_speakers).astype(np.int8)
            return most_active(activations, capped), most_active(activations, np.minimum(capped, 1))

        return run

    return make


def favouring(direction: float, segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """Summed activations with ties broken towards high (+1) or low (-1) cluster numbers."""
    activations = sum_activations(segmentations, hard_clusters)
    return activations + direction * TIE * np.arange(activations.shape[1], dtype=np.float32)


def averaged(segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """Activations averaged over the chunks in which the cluster occurs."""
    clustered = cluster_activity(segmentations, hard_clusters)
    total, weight = overlap_add_at(clustered, native_starts(len(clustered)))
    return total / np.maximum(weight, 1.0)


def laid_out_early(segmentations: np.ndarray, hard_clusters: np.ndarray) -> np.ndarray:
    """Summed activations of chunks that begin up to one frame early."""
    clustered = cluster_activity(segmentations, hard_clusters)
    return overlap_add_at(clustered, rounded_down(len(clustered)))[0]


def _exclusive_as_plain(native: Run, workshop: Workshop) -> Run:
    def run(*inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        plain, _ = native(*inputs)
        return plain, plain.copy()

    return run


def on_turns(change: Callable[[Turns], Turns]) -> Make:
    """Annotation whose two lists of turns are changed afterwards, and put in order again."""

    def run(native: Run, *inputs: np.ndarray | None) -> tuple[Turns, Turns]:
        plain, exclusive = native(*inputs)
        return sorted(change(plain)), sorted(change(exclusive))

    return lambda native, workshop: partial(run, native)


def retimed(time: Callable[[float], float]) -> Make:
    """Annotation whose times are changed afterwards, starts and ends alike: seconds -> seconds."""
    return on_turns(lambda turns: [replace(turn, start=time(turn.start), end=time(turn.end)) for turn in turns])


def longer_step(seconds: float) -> float:
    """A frame's middle where frames are 271 samples apart."""
    middle = 0.5 * geometry.FRAME_SECONDS
    return (seconds - middle) * (FRAME_SAMPLES + 1) / FRAME_SAMPLES + middle


def _by_appearance(native: Run, workshop: Workshop) -> Run:
    def run(*inputs: np.ndarray | None) -> tuple[Turns, Turns]:
        plain, exclusive = native(*inputs)
        order = list(dict.fromkeys(turn.speaker for turn in plain))
        names = {speaker: f"SPEAKER_{index:02d}" for index, speaker in enumerate(order)}
        named = [
            sorted(replace(turn, speaker=names.get(turn.speaker, turn.speaker)) for turn in turns)
            for turns in (plain, exclusive)
        ]
        return named[0], named[1]

    return run


FAULTS = [
    fault(
        "ties_to_the_last",
        "reconstruction",
        "of equally active speakers the last one wins, where the reference's sort decides",
        from_activations(partial(favouring, 1.0)),
    ),
    fault(
        "ties_to_the_first",
        "reconstruction",
        "of equally active speakers the first one wins (a stable sort), where the reference's sort is not stable",
        from_activations(partial(favouring, -1.0)),
    ),
    fault(
        "activations_averaged",
        "reconstruction",
        "activations averaged over the chunks in which a speaker occurs, where they are summed",
        from_activations(averaged),
    ),
    fault(
        "reconstruction_frame_offset",
        "reconstruction",
        "chunks begin at the frame that contains their start, up to one before the closest",
        from_activations(laid_out_early),
    ),
    fault(
        "exclusive_with_overlap",
        "reconstruction",
        "the exclusive diarization keeps overlapped speech",
        _exclusive_as_plain,
    ),
    fault(
        "annotation_frame_step",
        "annotation",
        "frames 271 samples apart instead of 270",
        retimed(longer_step),
    ),
    fault(
        "turns_from_frame_starts",
        "annotation",
        "turns start and end where frames start, instead of at their middles",
        retimed(lambda seconds: seconds - 0.5 * geometry.FRAME_SECONDS),
    ),
    fault(
        "rttm_two_decimals",
        "annotation",
        "times rounded to hundredths of a second, where RTTM here has thousandths",
        retimed(lambda seconds: round(seconds, 2)),
    ),
    fault(
        "gaps_filled",
        "annotation",
        "gaps of one speaker shorter than 0.5 s are filled, where none is",
        instead(partial(annotate, min_duration_off=GAP)),
    ),
    fault(
        "short_turns_dropped",
        "annotation",
        "turns shorter than 0.25 s are dropped, where none is",
        on_turns(lambda turns: [turn for turn in turns if turn.end - turn.start >= SHORTEST_TURN]),
    ),
    fault(
        "speakers_by_appearance",
        "annotation",
        "speakers named as they first speak, instead of in the order of their numbers as text",
        _by_appearance,
    ),
]
