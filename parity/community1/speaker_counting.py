"""speaker_counting: how many people speak in each output frame.

Source: `SpeakerDiarizationMixin.speaker_count` in pyannote/audio/pipelines/utils/diarization.py at tag 4.0.4.
Convention: the mean over chunks is rounded half to even.
"""

from __future__ import annotations

import numpy as np

from parity.community1.aggregation import overlap_add

EPSILON = 1e-12


def count_speakers(segmentations: np.ndarray) -> np.ndarray:
    """Instantaneous number of speakers.

    Parameters
    ----------
    segmentations : (num_chunks, 589, 3) float32, 0 or 1

    Returns
    -------
    count : (num_frames, 1) uint8
    """
    return np.rint(mean_activity(segmentations)).astype(np.uint8)


def mean_activity(segmentations: np.ndarray) -> np.ndarray:
    """The mean over chunks before it is rounded: (num_frames, 1) float32."""
    total, weight = overlap_add(np.sum(segmentations, axis=-1, keepdims=True))
    return total / np.maximum(weight, EPSILON)
