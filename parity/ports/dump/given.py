"""A port's artefacts as stages' output: under the reference's conventions, and as the port wrote them.

Task: a dump compared with the reference -> the arrays that `parity.ports.arrays.with_arrays` puts in place of stages.
Left out, native code would stand where a port's array stood and be at parity; so whatever a stage may have made is
handed on, of whatever length.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from parity.community1.annotation import from_rttm
from parity.errors import InputError
from parity.measure.gaps import LOGITS, with_others
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import ChunkSeries
from parity.ports.dump.comparison import DumpComparison
from parity.ports.dump.overlap import lengthened, overlap
from parity.ports.dump.reading import Dump
from parity.ports.dump.rttm import plain
from parity.ports.python import check_artefact

FBANK = "fbank"
HEAVY = {FBANK: {"embeddings"}, "chunk_waveforms": {FBANK, "embeddings"}}
"""Artefacts of which ports leave some chunks, and what has to be there too, made of all, for them to be of use."""


class Given(dict[str, Any]):
    """Artefacts under the reference's conventions.

    Attributes
    ----------
    written : the same artefacts as the port wrote them, in its own numbering and of its own length
    """

    def __init__(self, values: dict[str, Any], written: dict[str, Any] | None = None) -> None:
        super().__init__(values)
        self.written = {} if written is None else written


def given_values(comparison: DumpComparison, candidate: Dump) -> Given:
    """The candidate's artefacts, as `parity.ports.arrays.with_arrays` takes them.

    One that is too short or too long is brought to length: what is missing is 0, which is its own fault and no other's.
    Another number of iterations or of clusters has no convention to be brought to, and is handed on as it was written.
    Left out are those that no stage may have made, floats for labels, those with a frame more or less, and a filterbank
    or the samples of some chunks only where nothing behind them stands for the others. Of these two every chunk is
    handed on, those too that the reference did not record.
    """
    given: dict[str, Any] = {}
    aligned = comparison.aligned
    for found in comparison.artefacts:
        name, value = found.name, aligned.got[found.name]
        if name in comparison.turns:
            given[name] = from_rttm(comparison.turns[name].candidate)
        elif name in aligned.cropped:
            continue
        elif _usable(name, value, aligned.want[name]):
            value = lengthened(value, aligned.want[name])
            chunks = aligned.chunks.get(name)
            if name in HEAVY:  # no convention renumbers anything in them
                value, chunks = candidate.values[name], candidate.chunks(name)
            if name == LOGITS and chunks is not None:
                value, chunks = with_others(value, chunks, candidate.values[name], candidate.chunks(name))
            value = value.astype(ARTEFACTS[name].dtype)
            given[name] = value if chunks is None else ChunkSeries.recorded(chunks, value)
        elif name in HEAVY and _has_other_frames(candidate.values[name], aligned.want[name]):
            given[name] = _typed(candidate, name, candidate.values[name])
        elif _has_another_shape(name, value, aligned.want[name]):
            try:
                given[name] = as_artefact(candidate, name, value)
            except InputError:  # no stage may have made it, and the comparison says what is wrong with it
                continue
    for name, behind in HEAVY.items():
        if name in given and not behind & set(given) and not _all_chunks(given[name], comparison):
            del given[name]
    return Given(given, {name: _typed(candidate, name, _parsed(name, candidate.values[name])) for name in given})


def as_artefact(dump: Dump, name: str, value: Any) -> Any:
    """A value of a dump as the stage that writes it would return it.

    Raises
    ------
    InputError : no stage may have made it
    """
    parsed = _parsed(name, value)
    check_artefact(dump.places[name], ARTEFACTS[name], parsed)  # a dump may have a frame less, a stage may not
    return _typed(dump, name, parsed)


def _parsed(name: str, value: Any) -> Any:
    """Turns of RTTM text; an array is one already."""
    return from_rttm(plain(value)) if ARTEFACTS[name].dtype == "text" else value


def _typed(dump: Dump, name: str, value: Any) -> Any:
    """In the artefact's own dtype, and with the chunks that it is of."""
    artefact = ARTEFACTS[name]
    if artefact.dtype == "text":
        return value
    value = value.astype(artefact.dtype)
    return ChunkSeries.recorded(dump.chunks(name), value) if artefact.by_chunk else value


def _all_chunks(series: ChunkSeries, comparison: DumpComparison) -> bool:
    """Whether a series has every chunk of the clip, as far as either side says how many there are."""
    both = (comparison.aligned.want, comparison.aligned.got)
    whole = {len(values["segmentations"]) for values in both if "segmentations" in values}
    return np.array_equal(series.chunks, np.arange(len(series))) and (not whole or len(series) in whole)


def _usable(name: str, value: np.ndarray, want: np.ndarray) -> bool:
    """Whether a stage may have made such an array, its length aside."""
    if want.dtype.kind in "iu" and value.dtype.kind not in "iu":
        return False
    fits = np.shape(value) == np.shape(want)
    return fits or (not ARTEFACTS[name].by_chunk and overlap(name, value, want) is not None)


def _has_other_frames(value: np.ndarray, want: np.ndarray) -> bool:
    """Whether chunks are of another length than the reference's: windows that were cut otherwise, samples that were.

    The network takes them as they are, so what it made of them is not held against the embeddings.
    """
    return value.dtype.kind == "f" and value.ndim == want.ndim and value.shape[1:] != want.shape[1:]


def _has_another_shape(name: str, value: np.ndarray, want: np.ndarray) -> bool:
    return not ARTEFACTS[name].by_chunk and value.ndim == want.ndim and value.shape != want.shape
