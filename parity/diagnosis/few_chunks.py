"""Which chunks a heavy stage is looked up in, and what it is given so that it makes no others.

A filterbank is asked for three chunks of those that both sides hold, the embedding network runs on three, segmentation
on the three chunks, of every three in a row, among which the candidate differs most. What is chosen differs most, for
there a mistake shows. A mistake of segmentation that mixes chunks up is given those around them too, in whole batches
of the recording, and is compared on the three alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parity.community1.geometry import CHUNK_SECONDS, SAMPLE_RATE, STEP_SECONDS
from parity.community1.segmentation import BATCH_SIZE
from parity.pipeline.stage import ChunkSeries

FEW = 3
"""Chunks."""

FROM_THE_START = 128
"""Chunks: where the few lie among so many, everything from the recording's start on is made for what mixes chunks. A
state that is carried over from chunk to chunk is not forgotten in a dozen of them."""

BEFORE = 8
"""Chunks in front of the few, at least, where they lie further on."""

TOGETHER = BATCH_SIZE
"""Chunks that segmentation takes at once: a mistake that mixes them needs whole batches, as they were."""

HEAVY = ("audio", "segmentation", "fbank", "embeddings")


@dataclass(frozen=True)
class Around:
    """What a mistake that mixes chunks is given: the few, and chunks around them.

    Attributes
    ----------
    given : what the stage is given
    rows : artefact -> which rows of what it makes are the few chunks
    """

    given: dict[str, Any]
    rows: dict[str, np.ndarray]


@dataclass(frozen=True)
class Part:
    """What a heavy stage is looked up in.

    Attributes
    ----------
    given : what it is given
    candidate, reference : rows of what it writes
    rows : artefact -> which rows of what it makes those are; none where all
    chunks : artefact -> which chunks of the recording they are, where they are not all
    around : what mistakes that mix chunks are given instead; None where they are given all there is anyway
    """

    given: dict[str, Any]
    candidate: dict[str, Any]
    reference: dict[str, Any]
    rows: dict[str, np.ndarray] = field(default_factory=dict)
    chunks: dict[str, np.ndarray] = field(default_factory=dict)
    around: Around | None = None


def in_few_chunks(
    stage: str,
    given: Mapping[str, Any],
    candidate: Mapping[str, Any],
    reference: Mapping[str, Any],
    chunks: Mapping[str, np.ndarray],
    step: float = STEP_SECONDS,
    drifted: Collection[str] = (),
) -> Part:
    """The part of a heavy stage that is looked up; all of any other stage.

    Parameters
    ----------
    given : what it reads
    candidate, reference : what it writes on either side
    chunks : artefact kept by chunk -> the chunks that its rows are of, on both sides
    step : seconds from the start of one chunk to that of the next
    drifted : artefacts of `candidate` that are beyond tolerance, where that is known
    """
    whole = Part(dict(given), dict(candidate), dict(reference))
    if stage == "embeddings":
        return _embeddings(whole)
    if stage == "segmentation":
        return _segmentation(whole, chunks, step, drifted)
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


def _segmentation(part: Part, chunks: Mapping[str, np.ndarray], step: float, drifted: Collection[str]) -> Part:
    """Three chunks in a row, and as much of the clip as they and one more hear; around them, whole batches."""
    names = [name for name in ("segmentation_logits", "segmentations") if name in part.candidate]
    shown = next((name for name in names if name in drifted), names[0])
    held = chunks.get(shown, np.arange(len(part.candidate[shown])))
    apart = rows_apart(part.candidate[shown], part.reference.get(shown))
    first = int(held[int(np.argmax(apart))]) // FEW * FEW if len(apart) else 0
    total = max(len(part.candidate.get("segmentations", ())), int(held.max(initial=0)) + 1)
    first = max(0, min(first, total - FEW))
    window = np.arange(first, min(total, first + FEW))
    start = 0 if first < FROM_THE_START else (first - BEFORE) // TOGETHER * TOGETHER
    stop = -(-(first + FEW) // TOGETHER) * TOGETHER
    candidate, reference, shown_chunks = {}, {}, {}
    for name, value in part.candidate.items():
        known = chunks.get(name, np.arange(len(value)))
        keep = np.flatnonzero(np.isin(known, window))
        if len(keep):
            candidate[name], shown_chunks[name] = value[keep], known[keep]
            if part.reference.get(name) is not None:
                reference[name] = part.reference[name][keep]
    few, around = (
        Around(_heard_by(part.given, at, end, step), {name: known - at for name, known in shown_chunks.items()})
        for at, end in ((first, first + FEW), (start, stop))
    )
    return Part(few.given, candidate, reference, few.rows, shown_chunks, around)


def _heard_by(given: Mapping[str, Any], first: int, stop: int, step: float) -> dict[str, Any]:
    """What chunks from `first` on hear of the clip, up to `stop` and with that one."""
    heard = dict(given)
    for name, rate in (("samples", int(given.get("sample_rate", SAMPLE_RATE))), ("waveform", SAMPLE_RATE)):
        if name in heard:
            begin, end = (round(float(x) * rate) for x in (first * step, stop * step + CHUNK_SECONDS))
            heard[name] = heard[name][:, begin:end]
    return heard


def _most(got: np.ndarray, want: Any) -> np.ndarray:
    """Positions of the rows that differ most, ascending."""
    return np.sort(np.argsort(-rows_apart(got, want), kind="stable")[:FEW])


def rows_apart(got: np.ndarray, want: Any) -> np.ndarray:
    """How far each row is from the reference's; where the two have other shapes, how much there is in it."""
    rows = np.asarray(got, dtype=np.float64).reshape(len(got), -1)
    if want is not None and np.shape(want) == np.shape(got):
        with np.errstate(invalid="ignore"):
            rows = rows - np.asarray(want, dtype=np.float64).reshape(len(got), -1)
    return np.asarray(np.abs(np.nan_to_num(rows, nan=1.0, posinf=1.0, neginf=-1.0)).mean(axis=1))
