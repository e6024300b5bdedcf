"""speaker_counting: how many people speak in each output frame.

Source: `SpeakerDiarizationMixin.speaker_count` in pyannote/audio/pipelines/utils/diarization.py at tag 4.0.4.
Convention: the mean over chunks is rounded half to even; where another threshold than a half is declared, what
is above it is rounded up.
"""

from __future__ import annotations

import numpy as np

from parity.community1.aggregation import overlap_add
from parity.community1.geometry import STEP_SECONDS

EPSILON = 1e-12
HALF = 0.5


def count_speakers(segmentations: np.ndarray, *, threshold: float = HALF, step: float = STEP_SECONDS) -> np.ndarray:
    """Instantaneous number of speakers.

    Parameters
    ----------
    segmentations : (num_chunks, 589, 3) float32, 0 or 1
    threshold : the part of a speaker above which one more is counted; a half is the reference's
    step : seconds from the start of one chunk to that of the next

    Returns
    -------
    count : (num_frames, 1) uint8
    """
    mean = mean_activity(segmentations, step)
    rounded = np.rint(mean) if threshold == HALF else np.ceil(mean - np.float32(threshold))
    return rounded.astype(np.uint8)


def mean_activity(segmentations: np.ndarray, step: float = STEP_SECONDS) -> np.ndarray:
    """The mean over chunks before it is rounded: (num_frames, 1) float32."""
    total, weight = overlap_add(np.sum(segmentations, axis=-1, keepdims=True), step)
    return total / np.maximum(weight, EPSILON)
