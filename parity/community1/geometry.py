"""Where chunks and frames lie in time.

Source: `Inference.slide` in pyannote/audio/core/inference.py, `Model.receptive_field` in pyannote/audio/core/model.py
and `SlidingWindow` in pyannote.core, at the versions that pyannote.audio 4.0.4 runs with.
Conventions: seconds throughout; a chunk is 10 s long and starts every second, or every `step` seconds where somebody
declares another step; a frame is the receptive field of the segmentation network, 991 samples every 270, the first one
starting at 0.
"""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 16000
CHUNK_SECONDS = 10.0
STEP_SECONDS = 1.0
CHUNK_SAMPLES = 160000
STEP_SAMPLES = 16000
FRAME_SECONDS = 991 / SAMPLE_RATE
FRAME_STEP_SECONDS = 270 / SAMPLE_RATE


def step_samples(step: float) -> int:
    """How many samples lie between the starts of two chunks; `Inference.slide` rounds them."""
    return round(step * SAMPLE_RATE)


def num_chunks(num_samples: int, step: float = STEP_SECONDS) -> int:
    """How many chunks cover a waveform; the last one is padded with zeros where samples are left over."""
    every = step_samples(step)
    whole = max(0, (num_samples - CHUNK_SAMPLES) // every + 1)
    rest = num_samples < CHUNK_SAMPLES or (num_samples - CHUNK_SAMPLES) % every > 0
    return whole + int(rest)


def chunk(waveform: np.ndarray, index: int, step: float = STEP_SECONDS) -> np.ndarray:
    """One chunk, zero-padded at the end.

    Parameters
    ----------
    waveform : (1, num_samples) float32
    step : seconds from the start of one chunk to that of the next

    Returns
    -------
    (1, 160000) float32
    """
    start = index * step_samples(step)
    piece = waveform[:, start : start + CHUNK_SAMPLES]
    return np.pad(piece, ((0, 0), (0, CHUNK_SAMPLES - piece.shape[1])))


def chunks(waveform: np.ndarray, indices: np.ndarray, step: float = STEP_SECONDS) -> np.ndarray:
    """Several chunks: (len(indices), 1, 160000) float32."""
    return np.stack([chunk(waveform, int(index), step) for index in indices])


def closest_frame(seconds: float) -> int:
    """Index of the frame whose middle is closest (`SlidingWindow.closest_frame`; halves go to the even index)."""
    return int(np.rint((seconds - 0.5 * FRAME_SECONDS) / FRAME_STEP_SECONDS))


def first_frame(chunk_index: int, step: float = STEP_SECONDS) -> int:
    """Index of the output frame that the first frame of a chunk is added to."""
    return closest_frame(chunk_index * step + 0.5 * FRAME_SECONDS)


def num_frames(chunk_count: int, step: float = STEP_SECONDS) -> int:
    """How many output frames the overlap-add of that many chunks has."""
    return closest_frame(CHUNK_SECONDS + (chunk_count - 1) * step + 0.5 * FRAME_SECONDS) + 1


def frame_middles(count: int) -> np.ndarray:
    """The middle of each output frame in seconds, (count,) float64.

    Written as the reference computes it (start, end, half their sum), so that times agree to the last bit.
    """
    starts = 0.0 + np.arange(count) * FRAME_STEP_SECONDS
    return 0.5 * (starts + (starts + FRAME_SECONDS))
