"""Which chunks a heavy stage is looked up in, and what it is given so that it makes no others.

A filterbank is asked for three chunks of those that both sides hold, the embedding network runs on three, segmentation
on the three chunks, of every three in a row, among which the candidate differs most. What is chosen differs most, for
there a mistake shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parity.community1.geometry import CHUNK_SECONDS, SAMPLE_RATE, STEP_SECONDS
from parity.pipeline.stage import ChunkSeries

FEW = 3
"""Chunks."""

HEAVY = ("audio", "segmentation", "fbank", "embeddings")


@dataclass(frozen=True)
class Part:
    """What a heavy stage is looked up in.

    Attributes
    ----------
    given : what it is given
    candidate, reference : rows of what it writes
    rows : artefact -> which rows of what it makes those are; none where all
    chunks : artefact -> which chunks of the recording they are, where they are not all
    """

    given: dict[str, Any]
    candidate: dict[str, Any]
    reference: dict[str, Any]
    rows: dict[str, np.ndarray] = field(default_factory=dict)
    chunks: dict[str, np.ndarray] = field(default_factory=dict)


def in_few_chunks(
    stage: str,
    given: Mapping[str, Any],
    candidate: Mapping[str, Any],
    reference: Mapping[str, Any],
    chunks: Mapping[str, np.ndarray],
    step: float = STEP_SECONDS,
) -> Part:
    """The part of a heavy stage that is looked up; all of any other stage.

    Parameters
    ----------
    given : what it reads
    candidate, reference : what it writes on either side
    chunks : artefact kept by chunk -> the chunks that its rows are of, on both sides
    step : seconds from the start of one chunk to that of the next
    """
    whole = Part(dict(given), dict(candidate), dict(reference))
    if stage == "embeddings":
        return _embeddings(whole)
    if stage == "segmentation":
        return _segmentation(whole, chunks, step)
    rows = {name: known for name, known in chunks.items() if name in whole.candidate}
    return _some_rows(whole, rows) if stage in HEAVY else whole


def _some_rows(part: Part, rows: Mapping[str, np.ndarray]) -> Part:
    """Of artefacts kept by chunk the chunks that differ most; as those of one artefact, which the others have too."""
    candidate, reference, chosen = dict(part.candidate), dict(part.reference), {}
    for name, chunks in rows.items():
        keep = _most(candidate[name], reference.get(name))
        candidate[name] = candidate[name][keep]
        if reference.get(name) is not None and len(reference[name]) == len(chunks):
            reference[name] = reference[name][keep]
        chosen[name] = chunks[keep]
    return Part(part.given, candidate, reference, chosen, chosen)


def _embeddings(part: Part) -> Part:
    fbank = part.given.get("fbank")
    got, want = part.candidate["embeddings"], part.reference["embeddings"]
    if not isinstance(fbank, ChunkSeries):  # the filterbank is made on the way, of the samples
        keep = _most(got, want)
        given, chunks = dict(part.given), keep
        waveforms = given.get("chunk_waveforms")
        if isinstance(waveforms, ChunkSeries):
            given["chunk_waveforms"] = ChunkSeries(chunks, waveforms.compute)
            return _of_embeddings(given, got, want, chunks)
        return part
    able = fbank.chunks[fbank.chunks < min(len(got), len(want))]
    chunks = able[_most(got[able], want[able])]
    given = {**part.given, "fbank": ChunkSeries(chunks, fbank.compute)}
    return _of_embeddings(given, got, want, chunks)


def _of_embeddings(given: dict[str, Any], got: np.ndarray, want: np.ndarray, chunks: np.ndarray) -> Part:
    return Part(given, {"embeddings": got[chunks]}, {"embeddings": want[chunks]}, chunks={"embeddings": chunks})


def _segmentation(part: Part, chunks: Mapping[str, np.ndarray], step: float) -> Part:
    """Three chunks in a row, and as much of the clip as they and one more hear."""
    shown = "segmentation_logits" if "segmentation_logits" in part.candidate else "segmentations"
    held = chunks.get(shown, np.arange(len(part.candidate[shown])))
    apart = _apart(part.candidate[shown], part.reference.get(shown))
    first = int(held[int(np.argmax(apart))]) // FEW * FEW if len(apart) else 0
    total = max(len(part.candidate.get("segmentations", ())), int(held.max(initial=0)) + 1)
    first = max(0, min(first, total - FEW - 1))
    window = np.arange(first, min(total, first + FEW))
    given = dict(part.given)
    for name, rate in (("samples", int(given.get("sample_rate", SAMPLE_RATE))), ("waveform", SAMPLE_RATE)):
        if name in given:
            begin, end = (round(float(x) * rate) for x in (first * step, (first + FEW) * step + CHUNK_SECONDS))
            given[name] = given[name][:, begin:end]
    candidate, reference, rows, shown_chunks = {}, {}, {}, {}
    for name, value in part.candidate.items():
        known = chunks.get(name, np.arange(len(value)))
        keep = np.flatnonzero(np.isin(known, window))
        if len(keep):
            candidate[name], rows[name], shown_chunks[name] = value[keep], known[keep] - first, known[keep]
            if part.reference.get(name) is not None:
                reference[name] = part.reference[name][keep]
    return Part(given, candidate, reference, rows, shown_chunks)


def _most(got: np.ndarray, want: Any) -> np.ndarray:
    """Positions of the rows that differ most, ascending."""
    return np.sort(np.argsort(-_apart(got, want), kind="stable")[:FEW])


def _apart(got: np.ndarray, want: Any) -> np.ndarray:
    """How far each row is from the reference's; where the two have other shapes, how much there is in it."""
    rows = np.asarray(got, dtype=np.float64).reshape(len(got), -1)
    if want is not None and np.shape(want) == np.shape(got):
        with np.errstate(invalid="ignore"):
            rows = rows - np.asarray(want, dtype=np.float64).reshape(len(got), -1)
    return np.asarray(np.abs(np.nan_to_num(rows, nan=1.0, posinf=1.0, neginf=-1.0)).mean(axis=1))
