"""Heavy stages, asked in ranges of chunks: what a request holds, and one answer made of the answers.

Task: a stage and all that it reads -> requests that hold some chunks each, and back. A range is `[first, stop]`; the
waveform of one begins with its first chunk and ends with its last one, or where the recording ends: the program pads
with zeros there, as for the whole; the samples of a file are all of them every time. Where only some chunks were
recorded, ranges are those without a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.audio import resampled_length
from parity.community1.geometry import CHUNK_SAMPLES, STEP_SECONDS, num_chunks, step_samples
from parity.pipeline.artefact import find
from parity.pipeline.stage import Artefacts, ChunkSeries, Stage

RANGED = ("audio", "segmentation", "fbank", "embeddings")
"""Stages that are asked so: each chunk of what they write depends on that chunk alone; `waveform`, which `audio` writes
too, is all of it every time, and the first one counts."""

SERIES = ("chunk_waveforms", "fbank")
"""What they write that is too large to be one array."""

CHUNKS = 32
"""Chunks in a request at most: 10 MB of filterbank, 20 MB of waveforms."""


@dataclass(frozen=True)
class Piece:
    """One request of a stage.

    Attributes
    ----------
    values : what the program reads
    chunks : first chunk, and the one after the last; None where the stage is asked at once
    """

    values: Mapping[str, Any]
    chunks: tuple[int, int] | None = None


def pieces(stage: Stage, values: Mapping[str, Any], step: float = STEP_SECONDS) -> list[Piece]:
    """The requests that a stage takes.

    Parameters
    ----------
    values : artefact -> all of it
    step : seconds from the start of one chunk to that of the next
    """
    if stage.name not in RANGED:
        return [Piece(values)]
    spans = _spans(_chunks(values, step))
    every = step_samples(step)
    return [Piece({n: _part(n, v, every, *span) for n, v in values.items()}, span) for span in spans]


def joined(stage: Stage, asked: Sequence[Piece], answers: Sequence[Artefacts]) -> Artefacts:
    """The answers to `pieces` as what the stage writes."""
    if asked[0].chunks is None:
        return answers[0]
    found: Artefacts = {}
    for name in stage.writes:
        rows = [answer[name] for answer in answers]
        if name == "waveform":
            found[name] = rows[0]
        else:
            found[name] = _series(asked, rows) if name in SERIES else np.concatenate(rows)
    return found


def _chunks(values: Mapping[str, Any], step: float) -> np.ndarray:
    """The chunks that there is everything of, ascending."""
    if "sample_rate" in values:
        return np.arange(num_chunks(resampled_length(values["samples"].shape[1], int(values["sample_rate"])), step))
    if "waveform" in values:
        return np.arange(num_chunks(values["waveform"].shape[1], step))
    series = [value for value in values.values() if isinstance(value, ChunkSeries)]
    return series[0].chunks if series else np.arange(min(len(value) for value in values.values()))


def _spans(chunks: np.ndarray) -> Iterator[tuple[int, int]]:
    first = 0
    for index in range(1, len(chunks) + 1):
        if index == len(chunks) or chunks[index] != chunks[index - 1] + 1 or index - first == CHUNKS:
            yield int(chunks[first]), int(chunks[index - 1]) + 1
            first = index


def _part(name: str, value: Any, every: int, first: int, stop: int) -> Any:
    if name == "waveform":
        return value[:, first * every : (stop - 1) * every + CHUNK_SAMPLES]
    if isinstance(value, ChunkSeries):
        return value.take(range(first, stop))
    if name in ("samples", "sample_rate"):
        return value
    return value[first:stop] if find(name).dims[0] == "C" else value


def _series(asked: Sequence[Piece], rows: Sequence[np.ndarray]) -> ChunkSeries:
    starts = [piece.chunks[0] for piece in asked if piece.chunks is not None]
    chunks = np.concatenate([start + np.arange(len(part)) for start, part in zip(starts, rows, strict=True)])

    def compute(chunk: int) -> np.ndarray:
        index = int(np.searchsorted(starts, chunk, side="right")) - 1
        return rows[index][chunk - starts[index]]

    return ChunkSeries(chunks, compute)
