"""masks: the frames over which a speaker's embedding is pooled.

Source: `SpeakerDiarization.get_embeddings` in pyannote/audio/pipelines/speaker_diarization.py at tag 4.0.4.
Convention: frames where somebody else speaks too are left out, unless too few remain: a speaker with at most two clean
frames keeps all of theirs (the embedding network needs 400 samples, and ceil(589 * 400 / 160000) = 2).
"""

from __future__ import annotations

import math

import numpy as np

from parity.community1.geometry import CHUNK_SAMPLES

MIN_NUM_SAMPLES = 400  # one filterbank window; found by bisection in the reference (`min_num_samples`)
BLOCK_CHUNKS = 512  # at once: half a dozen arrays of them are made on the way


def build_masks(segmentations: np.ndarray, *, exclude_overlap: bool = True) -> np.ndarray:
    """The mask of every speaker in every chunk.

    Parameters
    ----------
    segmentations : (num_chunks, 589, 3) float32, 0 or 1; NaN counts as 0
    exclude_overlap : False keeps every frame in which the speaker is active

    Returns
    -------
    masks : (num_chunks, 3, 589) float32, 0 or 1
    """
    num_chunks, frames, speakers = segmentations.shape
    masks = np.empty((num_chunks, speakers, frames), dtype=np.float32)
    build = _clean_or_all if exclude_overlap else _by_speaker
    for start in range(0, num_chunks, BLOCK_CHUNKS):
        masks[start : start + BLOCK_CHUNKS] = build(segmentations[start : start + BLOCK_CHUNKS])
    return masks


def _clean_or_all(segmentations: np.ndarray) -> np.ndarray:
    alone = np.sum(segmentations, axis=2, keepdims=True) < 2
    clean = _by_speaker(segmentations * alone)
    enough = np.sum(clean, axis=2, keepdims=True) > min_num_frames(segmentations.shape[1])
    return np.where(enough, clean, _by_speaker(segmentations))


def min_num_frames(frames: int) -> int:
    """A speaker needs more clean frames than this for the clean mask to be used."""
    return math.ceil(frames * MIN_NUM_SAMPLES / CHUNK_SAMPLES)


def _by_speaker(segmentations: np.ndarray) -> np.ndarray:
    return np.nan_to_num(segmentations, nan=0.0).astype(np.float32).transpose(0, 2, 1)
