"""Native stages around which results are kept, chunk by chunk: `audio`, `fbank`, `embeddings`.

Each takes the native function and is called in its place. What is put around a stage runs the function itself on
whatever it cannot tell apart, so that mistakes are the function's to report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from parity.community1.geometry import SAMPLE_RATE
from parity.kept.results import Results
from parity.kept.store import key_of, token
from parity.pipeline import ChunkSeries

Run = Callable[..., Any]


@dataclass(frozen=True)
class MarkedSeries(ChunkSeries):
    """A series whose arrays are told apart without being read again.

    Attributes
    ----------
    mark : chunk index -> the token of its array
    """

    mark: Callable[[int], bytes]


def kept_audio(results: Results, run: Run) -> Run:
    """`parity.community1.audio.hear`, kept; at 16 kHz with one channel there is nothing to keep."""
    settings = repr(sorted(run.keywords.items())) if isinstance(run, partial) else ""
    kind = results.key("audio", ("parity.community1.audio",), ("scipy",), settings)

    def audio(samples: Any, sample_rate: int) -> tuple[np.ndarray, ChunkSeries]:
        if not isinstance(samples, np.ndarray) or (len(samples) == 1 and int(sample_rate) == SAMPLE_RATE):
            return run(samples, sample_rate)
        heard = cache(partial(run, samples, sample_rate))
        clip = key_of(kind, token(samples), str(int(sample_rate)))
        keep = partial(results.find, "audio")
        waveform = keep(key_of(clip, "waveform"), lambda: heard()[0])
        chunks = keep(key_of(clip, "chunks"), lambda: heard()[1].chunks)
        return waveform, ChunkSeries(
            chunks, lambda index: keep(key_of(clip, str(index)), lambda: heard()[1].compute(index))
        )

    return audio


def kept_fbank(results: Results, native: set[bytes], run: Run) -> Run:
    """`parity.community1.fbank.fbank_series`, kept.

    Parameters
    ----------
    native : takes the token of every chunk's filterbank
    """
    kind = results.key("fbank", ("parity.community1.fbank",), ("scipy",))

    def fbank(chunk_waveforms: Any) -> Any:
        made = run(chunk_waveforms)
        if not isinstance(chunk_waveforms, ChunkSeries):
            return made

        key = cache(lambda index: key_of(kind, token(chunk_waveforms.compute(index))))

        def compute(index: int) -> np.ndarray:
            return results.find("fbank", key(index), partial(made.compute, index))

        @cache
        def mark(index: int) -> bytes:
            found = token(compute(index))
            native.add(found)
            return found

        return MarkedSeries(made.chunks, compute, mark)

    return fbank


def kept_embeddings(results: Results, key: str, networks: tuple[Any, Any], run: Run) -> Run:
    """`parity.community1.embeddings.embed`, kept.

    Parameters
    ----------
    key : of code, weights, runtime and machine
    networks : trunk and head that the key is of; around a function with others nothing is put
    """
    keywords = run.keywords if isinstance(run, partial) else {}
    if not all(_built_on(keywords.get(name), network) for name, network in zip(("trunk", "head"), networks)):
        return run

    def embeddings(fbank: Any, masks: Any) -> Any:
        if not isinstance(fbank, ChunkSeries) or not len(fbank) or fbank.chunks.max() >= len(masks):
            return run(fbank, masks)
        mark = fbank.mark if isinstance(fbank, MarkedSeries) else lambda chunk: token(fbank.compute(chunk))
        keys = [key_of(key, mark(int(chunk)), token(masks[chunk])) for chunk in fbank.chunks]
        rows = [results.get("embeddings", key) for key in keys]
        missing = [number for number, row in enumerate(rows) if row is None]
        if missing:
            made = run(ChunkSeries(fbank.chunks[missing], fbank.compute), masks)
            for number, row in zip(missing, made, strict=True):
                rows[number] = row
                results.put("embeddings", keys[number], row)
        return np.stack([row for row in rows if row is not None])

    return embeddings


def _built_on(function: Any, network: Any) -> bool:
    """Whether a function is a network, or the network remembered (`parity.explain.memo`)."""
    return function is network or (isinstance(function, partial) and any(a is network for a in function.args))
