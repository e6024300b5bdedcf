"""More mistakes in speaker_counting and masks: other sums over chunks, other frames under a mask."""

from __future__ import annotations

import numpy as np

from parity.community1 import geometry
from parity.community1.aggregation import overlap_add
from parity.community1.masks import build_masks
from parity.community1.speaker_counting import EPSILON, mean_activity
from parity.faults.known.framing import hamming_overlap_add, last_said, native_starts, on_589ths, overlap_add_at
from parity.faults.known.planting import fault, instead
from parity.faults.known.segmentation import masks_falling_back


def active_speakers(segmentations: np.ndarray) -> np.ndarray:
    """How many speak in each frame of each chunk: (num_chunks, 589, 1) float32."""
    return np.sum(segmentations, axis=-1, keepdims=True)


def _whole(mean: np.ndarray) -> np.ndarray:
    return np.rint(mean).astype(np.uint8)


def count_summed(segmentations: np.ndarray) -> np.ndarray:
    """What all chunks say together: (num_frames, 1) uint8."""
    return _whole(overlap_add(active_speakers(segmentations))[0])


def count_hamming(segmentations: np.ndarray) -> np.ndarray:
    """The mean with a chunk's middle counted for more than its ends."""
    total, weight = hamming_overlap_add(active_speakers(segmentations))
    return _whole(total / np.maximum(weight, EPSILON))


def count_most(segmentations: np.ndarray) -> np.ndarray:
    """The most that any chunk says."""
    active = active_speakers(segmentations)
    most = np.zeros((geometry.num_frames(len(active)), 1), dtype=np.float32)
    for start, chunk in zip(native_starts(len(active)), active, strict=True):
        part = most[start : start + len(chunk)]
        np.maximum(part, chunk, out=part)
    return _whole(most)


def count_of_the_last(segmentations: np.ndarray) -> np.ndarray:
    """What the last chunk that hears a frame says."""
    return _whole(last_said(active_speakers(segmentations)))


def count_of_speech(segmentations: np.ndarray) -> np.ndarray:
    """One where more chunks than not hear anybody, at most one."""
    total, weight = overlap_add(np.minimum(active_speakers(segmentations), 1.0))
    return _whole(total / np.maximum(weight, EPSILON))


def count_on_589ths(segmentations: np.ndarray) -> np.ndarray:
    """The mean with chunks laid out on frames that are a 589th of ten seconds apart."""
    total, weight = overlap_add_at(active_speakers(segmentations), on_589ths(len(segmentations)))
    return _whole(total / np.maximum(weight, EPSILON))


def masks_in_shares(segmentations: np.ndarray) -> np.ndarray:
    """Overlapped frames shared among those who speak in them: (num_chunks, 3, 589) float32."""
    return build_masks(segmentations / np.maximum(active_speakers(segmentations), 1.0), exclude_overlap=False)


def masks_one_late(segmentations: np.ndarray) -> np.ndarray:
    """Every mask one frame late."""
    masks = build_masks(segmentations)
    return np.concatenate([np.zeros_like(masks[..., :1]), masks[..., :-1]], axis=-1)


def masks_reshaped(segmentations: np.ndarray) -> np.ndarray:
    """The numbers of (chunks, frames, speakers) read as (chunks, speakers, frames)."""
    masks = build_masks(segmentations)
    return np.ascontiguousarray(masks.transpose(0, 2, 1)).reshape(masks.shape)


def masks_whole_where_empty(segmentations: np.ndarray) -> np.ndarray:
    """The whole chunk for those who say nothing in it."""
    masks = build_masks(segmentations)
    return np.where(masks.any(axis=2, keepdims=True), masks, np.float32(1.0))


def masks_of_half_a_second(segmentations: np.ndarray) -> np.ndarray:
    """Whole masks for speakers who are alone for half a second or less: 30 frames."""
    return masks_falling_back(segmentations, least=30)


def masks_whole_for_all(segmentations: np.ndarray) -> np.ndarray:
    """Whole masks for all speakers of a chunk where any of them is too little alone."""
    whole, clean = build_masks(segmentations, exclude_overlap=False), masks_falling_back(segmentations, least=-1)
    fallen = (build_masks(segmentations) != clean).any(axis=(1, 2), keepdims=True)
    return np.where(fallen, whole, clean)


FAULTS = [
    fault(
        "count_summed",
        "speaker_counting",
        "numbers of speakers summed over the chunks that overlap, where they are averaged",
        instead(count_summed),
    ),
    fault(
        "count_hamming",
        "speaker_counting",
        "a Hamming window laid over every chunk before the mean, where all frames count alike",
        instead(count_hamming),
    ),
    fault(
        "count_floor",
        "speaker_counting",
        "the mean number of speakers cut off to a whole number instead of rounded",
        instead(lambda segmentations: np.floor(mean_activity(segmentations)).astype(np.uint8)),
    ),
    fault(
        "count_most",
        "speaker_counting",
        "the most that any chunk says of a frame instead of the mean over chunks",
        instead(count_most),
    ),
    fault(
        "count_of_the_last_chunk",
        "speaker_counting",
        "what the last chunk says of a frame instead of the mean over chunks",
        instead(count_of_the_last),
    ),
    fault(
        "count_of_speech",
        "speaker_counting",
        "speech or none, so never two speakers at once",
        instead(count_of_speech),
    ),
    fault(
        "count_589ths",
        "speaker_counting",
        "chunks laid out on frames of 10/589 s (16.98 ms) instead of 16.875 ms",
        instead(count_on_589ths),
    ),
    fault(
        "masks_in_shares",
        "masks",
        "soft masks: overlapped frames shared among their speakers, where they are left out",
        instead(masks_in_shares),
    ),
    fault(
        "masks_one_frame_late",
        "masks",
        "every mask one frame late",
        instead(masks_one_late),
    ),
    fault(
        "masks_reshaped",
        "masks",
        "frames by speakers read as speakers by frames without turning the array round",
        instead(masks_reshaped),
    ),
    fault(
        "masks_whole_where_empty",
        "masks",
        "the whole chunk pooled for those who say nothing in it, where their mask is empty",
        instead(masks_whole_where_empty),
    ),
    fault(
        "masks_of_half_a_second",
        "masks",
        "the fallback to the whole mask at half a second of clean speech instead of at two frames",
        instead(masks_of_half_a_second),
    ),
    fault(
        "masks_fallback_for_all",
        "masks",
        "whole masks for all speakers of a chunk where one of them has too little clean speech",
        instead(masks_whole_for_all),
    ),
]
