"""How the inputs of decision cases are written down: spans of speech, exact unit vectors, scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from parity.community1 import geometry
from parity.fixtures.decisions import DecisionCase

FRAMES = 589
DIMENSION = 256

Span = tuple[int, int, int]
"""Speaker, first frame, number of frames."""


class Cases:
    """Collects the cases of one kind, without their answers."""

    def __init__(self, kind: str, stage: str) -> None:
        self.kind, self.stage = kind, stage
        self.made: list[DecisionCase] = []

    def add(self, name: str, about: str, inputs: Mapping[str, np.ndarray | None], **parameters: Any) -> None:
        """One case; inputs that are None were not made."""
        arrays = {key: np.ascontiguousarray(value) for key, value in inputs.items() if value is not None}
        self.made.append(DecisionCase(self.kind, name, self.stage, about, parameters, arrays, {}))


def speech(*chunks: Sequence[Span]) -> np.ndarray:
    """Segmentations: (chunks, 589, 3) float32, 1 where a span of that chunk is."""
    segmentations = np.zeros((len(chunks), FRAMES, 3), np.float32)
    for chunk, spans in enumerate(chunks):
        for speaker, first, number in spans:
            segmentations[chunk, first : first + number, speaker] = 1
    return segmentations


def whole(*numbers: int) -> np.ndarray:
    """Segmentations of chunks in which so many speakers speak throughout."""
    return speech(*([(speaker, 0, FRAMES) for speaker in range(number)] for number in numbers))


def embeddings(*chunks: Sequence[Mapping[int, float] | None]) -> np.ndarray:
    """Embeddings: (chunks, 3, 256) float32, each speaker's by its axes that are not zero; None is all zeros."""
    array = np.zeros((len(chunks), 3, DIMENSION), np.float32)
    for chunk, speakers in enumerate(chunks):
        for speaker, axes in enumerate(speakers):
            for axis, value in (axes or {}).items():
                array[chunk, speaker, axis] = value
    return array


def training(*rows: Mapping[int, float]) -> dict[str, np.ndarray]:
    """Embeddings that all train, three to a chunk, and where they are."""
    chunks = [rows[start : start + 3] for start in range(0, len(rows), 3)]
    return {"embeddings": embeddings(*chunks), **places(len(rows))}


def places(count: int) -> dict[str, np.ndarray]:
    """Where the first so many embeddings are: `train_chunk_idx`, `train_speaker_idx`, each (count,) int64."""
    index = np.arange(count)
    return {"train_chunk_idx": index // 3, "train_speaker_idx": index % 3}


def unit(axis: int, scale: float = 1.0) -> dict[int, float]:
    """A vector along an axis; two of length one are sqrt(2) apart, exactly as float64 has it."""
    return {axis: scale}


def halves(*signs: int, first: int = 0) -> dict[int, float]:
    """A vector of norm one whose four coordinates are a half; from an axis that is one of its four it is 1 away."""
    return {first + axis: 0.5 * sign for axis, sign in enumerate(signs or (1, 1, 1, 1))}


def below(value: float) -> float:
    """The next float64 towards zero, of a number above it."""
    return float(np.nextafter(value, 0.0))


def above(value: float) -> float:
    """The next float64 away from zero, of a number above it."""
    return float(np.nextafter(value, np.inf))


def frame_counts(chunks: int, *spans: tuple[int, int, int]) -> np.ndarray:
    """A count: (num_frames, 1) uint8; a span is (how many speak, first frame, number of frames)."""
    count = np.zeros((geometry.num_frames(chunks), 1), np.uint8)
    for number, first, length in spans:
        count[first : first + length] = number
    return count


def frames(total: int, *spans: Span, speakers: int) -> np.ndarray:
    """A discrete diarization: (total, speakers) float32."""
    array = np.zeros((total, speakers), np.float32)
    for speaker, first, number in spans:
        array[first : first + number, speaker] = 1
    return array
