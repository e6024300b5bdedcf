"""Arrays that are too short or too long: what of them can be compared, and how long they have to be.

Task: two arrays with the artefact's dims of other lengths -> the part that both have, and the formula of the right
length in words. Lengths that are compared so are those that follow from the recording: chunks, frames, training
embeddings; a dim that is fixed, or says how many clusters there are, is no matter of length.
"""

from __future__ import annotations

import numpy as np

from parity.community1.geometry import FRAME_SECONDS, FRAME_STEP_SECONDS, STEP_SECONDS, step_samples
from parity.pipeline.artefact import ARTEFACTS

LENGTHS = ("C", "F", "frames", "T", "T-1")


def right_length(letter: str, step: float = STEP_SECONDS) -> str:
    """The formula of a length in words; chunks start every `step` seconds."""
    later = "chunks - 1" if step == STEP_SECONDS else f"{step:g} * (chunks - 1)"
    return {
        "C": (
            f"chunks = max(0, floor((samples - 160000) / {step_samples(step)}) + 1), and one more where samples are "
            "left over"
        ),
        "F": "frames of a chunk = 589",
        "frames": (
            f"frames = round((10 + {later}) / {FRAME_STEP_SECONDS:g}) + 1, a "
            f"frame being {FRAME_SECONDS:g} s long and {FRAME_STEP_SECONDS:g} s after the one before, halves to even"
        ),
        "T": "training embeddings = speakers of chunks who speak alone for 20 % of it, and whose embedding has no NaN",
        "T-1": "merges = training embeddings - 1",
    }[letter]


def overlap(
    name: str, got: np.ndarray, want: np.ndarray, step: float = STEP_SECONDS
) -> tuple[np.ndarray, np.ndarray, str] | None:
    """The part of two arrays that both have, and what is wrong with the length, in words.

    None where the shapes are equal, or differ in anything but a length.

    Parameters
    ----------
    name : of the artefact
    got, want : the candidate's and the reference's
    step : seconds from the start of one chunk to that of the next
    """
    dims = ARTEFACTS[name].dims
    if got.shape == want.shape or not got.ndim == want.ndim == len(dims):
        return None
    other = [axis for axis in range(want.ndim) if got.shape[axis] != want.shape[axis]]
    shared = tuple(min(ours, theirs) for ours, theirs in zip(got.shape, want.shape, strict=True))
    if not all(dims[axis] in LENGTHS for axis in other) or not all(shared):
        return None
    part = tuple(slice(0, length) for length in shared)
    said = [
        f"{got.shape[axis]} {dims[axis]} for {want.shape[axis]}: {right_length(dims[axis], step)}" for axis in other
    ]
    return got[part], want[part], "; ".join(said)


def lengthened(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """An array brought to the reference's shape: what is too long is cut, what is missing is 0."""
    if got.shape == want.shape:
        return got
    part = tuple(slice(0, min(pair)) for pair in zip(got.shape, want.shape, strict=True))
    filled = np.zeros(want.shape, got.dtype)
    filled[part] = got[part]
    return filled
