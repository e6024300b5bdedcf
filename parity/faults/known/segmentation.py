"""Mistakes before the embeddings: segmentation, speaker_counting, masks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from parity.community1.aggregation import overlap_add
from parity.community1.masks import build_masks, min_num_frames
from parity.community1.segmentation import powerset_mapping, segment
from parity.community1.speaker_counting import mean_activity
from parity.faults.known.framing import one_sample_off, overlap_add_at
from parity.faults.known.planting import Make, Run, fault, instead
from parity.faults.known.rounded_weights import float16, rounded_segmentation

THRESHOLD = 0.5
ONSET, OFFSET = 0.6, 0.4
CHUNKS_AT_ONCE = 10
WARM_UP = 0.1
EPSILON = 1e-12


def speaker_probabilities(logits: np.ndarray) -> np.ndarray:
    """Probability that each speaker speaks, summed over the classes with them: (..., 7) -> (..., 3) float32."""
    return np.exp(logits) @ powerset_mapping()


def above_threshold(logits: np.ndarray) -> np.ndarray:
    """Speakers more probable than not: (..., 3) float32, 0 or 1."""
    return (speaker_probabilities(logits) > THRESHOLD).astype(np.float32)


def with_hysteresis(logits: np.ndarray) -> np.ndarray:
    """Speakers from where they exceed the onset to where they fall below the offset: (chunks, frames, 3) float32."""
    probabilities = speaker_probabilities(logits)
    active: np.ndarray = np.zeros(probabilities.shape, dtype=bool)
    state = active[:, 0]
    for frame in range(active.shape[1]):
        now = probabilities[:, frame]
        active[:, frame] = state = np.where(state, now >= OFFSET, now > ONSET)
    return active.astype(np.float32)


def pairs_in_another_order(logits: np.ndarray) -> np.ndarray:
    """The best class, read as nobody, 1, 2, 3, 1+2, 2+3, 1+3: (..., 3) float32."""
    return powerset_mapping()[[0, 1, 2, 3, 4, 6, 5]][np.argmax(logits, axis=-1)]


def deciding(decide: Callable[[np.ndarray], np.ndarray]) -> Make:
    """Segmentation that reads its network's logits otherwise: (..., 7) -> (..., 3) float32."""

    def run(native: Run, waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, _ = native(waveform)
        return logits, decide(logits)

    return lambda native, workshop: partial(run, native)


def _count(mean: np.ndarray, rounding: Callable[[np.ndarray], np.ndarray] = np.rint) -> np.ndarray:
    return rounding(mean).astype(np.uint8)


def half_up(mean: np.ndarray) -> np.ndarray:
    """Rounded as schools teach it."""
    return np.floor(mean + 0.5)


def count_off_by_a_sample(segmentations: np.ndarray) -> np.ndarray:
    """The count with chunks laid out on frames of 271 samples."""
    active = np.sum(segmentations, axis=-1, keepdims=True)
    total, weight = overlap_add_at(active, one_sample_off(len(active)))
    return _count(total / np.maximum(weight, EPSILON))


def count_over_ten(segmentations: np.ndarray) -> np.ndarray:
    """The count where each frame's sum is divided by ten, also near the ends, where fewer chunks overlap."""
    total, _ = overlap_add(np.sum(segmentations, axis=-1, keepdims=True))
    return _count(total / CHUNKS_AT_ONCE)


def count_with_warm_up(segmentations: np.ndarray) -> np.ndarray:
    """The count over the inner eight tenths of every chunk."""
    active = np.sum(segmentations, axis=-1, keepdims=True)
    edge = round(WARM_UP * active.shape[1])
    active[:, :edge] = active[:, -edge:] = np.nan
    total, weight = overlap_add(active)
    return _count(total / np.maximum(weight, EPSILON))


def masks_falling_back(segmentations: np.ndarray, least: int) -> np.ndarray:
    """Clean masks, but whole ones where a speaker has `least` clean frames or fewer; -1: never."""
    alone = np.sum(segmentations, axis=2, keepdims=True) < 2
    clean = build_masks(segmentations * alone, exclude_overlap=False)
    enough = clean.sum(axis=2, keepdims=True) > least
    return np.where(enough, clean, build_masks(segmentations, exclude_overlap=False))


FAULTS = [
    fault(
        "multilabel_threshold",
        "segmentation",
        "each speaker's probability against 0.5, where the best powerset class decides",
        deciding(above_threshold),
    ),
    fault(
        "hysteresis",
        "segmentation",
        "onset 0.6 and offset 0.4 on speakers' probabilities, where pyannote has no hysteresis",
        deciding(with_hysteresis),
    ),
    fault(
        "powerset_pair_order",
        "segmentation",
        "the last two classes read as 2+3 and 1+3, where they are 1+3 and 2+3",
        deciding(pairs_in_another_order),
    ),
    fault(
        "float16_segmentation_weights",
        "segmentation",
        "the segmentation network's weights, band edges of its sinc filters too, kept in float16 instead of float32",
        lambda native, workshop: partial(segment, network=rounded_segmentation(workshop, float16)),
    ),
    fault(
        "count_half_up",
        "speaker_counting",
        "the mean number of speakers rounded half up instead of half to even",
        instead(lambda segmentations: _count(mean_activity(segmentations), half_up)),
    ),
    fault(
        "count_ceiling",
        "speaker_counting",
        "the mean number of speakers rounded up instead of to the nearest",
        instead(lambda segmentations: _count(mean_activity(segmentations), np.ceil)),
    ),
    fault(
        "count_frame_step",
        "speaker_counting",
        "chunks laid out with a frame step of 271 samples instead of 270",
        instead(count_off_by_a_sample),
    ),
    fault(
        "count_over_ten",
        "speaker_counting",
        "sums divided by ten everywhere, instead of by the number of chunks that overlap there",
        instead(count_over_ten),
    ),
    fault(
        "count_warm_up",
        "speaker_counting",
        "the outer tenths of every chunk left out as warm-up, where this pipeline counts whole chunks",
        instead(count_with_warm_up),
    ),
    fault(
        "masks_with_overlap",
        "masks",
        "embeddings pooled over overlapped frames too, where those are excluded",
        instead(partial(build_masks, exclude_overlap=False)),
    ),
    fault(
        "masks_without_fallback",
        "masks",
        "no fallback to the whole mask for speakers with too little clean speech",
        instead(partial(masks_falling_back, least=-1)),
    ),
    fault(
        "masks_fallback_strict",
        "masks",
        "a clean mask of exactly as many frames as are too few is used (>= for >)",
        instead(lambda segmentations: masks_falling_back(segmentations, min_num_frames(segmentations.shape[1]) - 1)),
    ),
]
