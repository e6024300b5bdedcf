"""Where chunks are laid in time, and how much each counts there, the wrong way."""

from __future__ import annotations

import numpy as np

from parity.community1 import geometry

FRAME_SAMPLES = 270
CHUNK_FRAMES = 589


def overlap_add_at(scores: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Overlap-add as `parity.community1.aggregation.overlap_add`, with the first output frame of each chunk given.

    Parameters
    ----------
    scores : (num_chunks, frames, classes) float; NaN where a chunk says nothing
    starts : (num_chunks,) int64; what reaches past the last output frame is cut off

    Returns
    -------
    total, weight : (num_frames, classes) float32, as many frames as the pipeline has
    """
    num_chunks, frames, classes = scores.shape
    total = np.zeros((geometry.num_frames(num_chunks), classes), dtype=np.float32)
    weight = np.zeros_like(total)
    for start, score in zip(starts, scores, strict=True):
        fits = len(total[start : start + frames])
        total[start : start + fits] += np.nan_to_num(score[:fits])
        weight[start : start + fits] += ~np.isnan(score[:fits])
    return total, weight


def native_starts(num_chunks: int) -> np.ndarray:
    """Each chunk's first frame, as the pipeline has it: (num_chunks,) int64."""
    return np.array([geometry.first_frame(index) for index in range(num_chunks)], dtype=np.int64)


def one_sample_off(num_chunks: int) -> np.ndarray:
    """Each chunk's first frame where a frame is taken for 271 samples instead of 270."""
    return np.rint(np.arange(num_chunks) * geometry.STEP_SAMPLES / (FRAME_SAMPLES + 1)).astype(np.int64)


def on_589ths(num_chunks: int) -> np.ndarray:
    """Each chunk's first frame where 589 frames are taken to fill ten seconds."""
    frames = np.arange(num_chunks) * (geometry.STEP_SECONDS * CHUNK_FRAMES / geometry.CHUNK_SECONDS)
    return np.rint(frames).astype(np.int64)


def rounded_down(num_chunks: int) -> np.ndarray:
    """Each chunk's first frame where the frame that contains its start is taken instead of the closest one."""
    return np.arange(num_chunks) * geometry.STEP_SAMPLES // FRAME_SAMPLES


def hamming_overlap_add(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`overlap_add_at` the native places with a Hamming window over every chunk: total and weight, float32."""
    window = np.hamming(scores.shape[1])[None, :, None]
    starts = native_starts(len(scores))
    total, _ = overlap_add_at(scores * window, starts)
    weight, _ = overlap_add_at(np.where(np.isnan(scores), np.nan, window), starts)
    return total, weight


def last_said(scores: np.ndarray) -> np.ndarray:
    """What the last chunk that says anything of a frame says: (num_frames, classes) float32, 0 where none does."""
    num_chunks, frames, classes = scores.shape
    said = np.zeros((geometry.num_frames(num_chunks), classes), dtype=np.float32)
    for start, score in zip(native_starts(num_chunks), scores, strict=True):
        part = said[start : start + frames]
        part[:] = np.where(np.isnan(score), part, score)
    return said
