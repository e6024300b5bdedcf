"""audio: a file's samples at its own rate -> what segmentation hears, and what the filterbank hears of each chunk.

Source: `Audio.__call__`, `Audio.crop` and `Audio.downmix_and_resample` (pyannote/audio/core/io.py) at tag 4.0.4, for a
waveform in memory; `Inference.slide` takes the first, `SpeakerDiarization.get_embeddings` the second.

Segmentation's waveform is the mean of the channels, resampled whole. A chunk of the filterbank's is cropped at the
file's own rate, padded with zeros there, and then mixed down and resampled by itself, so that the filter finds silence
before and after it, where the whole waveform has neighbours. The two differ in the few samples at a chunk's ends that
the filter reaches (seven of 160,000 at 48 kHz), and past the end of a file, where a padded chunk rings on and the whole
waveform stops.

Chunks begin and end at whole seconds, and a second is what `parity.audio.resampling` makes at a time. So all that is
kept beside the waveform is a few samples for every second of it: those that a chunk which begins there, or ends there,
has instead. A chunk is put together when it is asked for, from the same bits that resampling it by itself gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Protocol

import numpy as np

from parity.audio.resampling import around_seconds, kernel_of, mix_down, resample, resampled_length
from parity.community1 import geometry
from parity.community1.geometry import CHUNK_SAMPLES, SAMPLE_RATE
from parity.pipeline import ChunkSeries

TOGETHER_SECONDS = 60
"""Of 16 kHz; what is mixed down, or copied, at a time."""


AT_FIRST = 600 * SAMPLE_RATE
"""Samples that there is room for at first: 38 MB, of which nothing is touched before it is needed."""


class Blocks(Protocol):
    """Samples that are read when they are wanted, as of a long file."""

    def blocks(self) -> Iterator[np.ndarray]:
        """All of them in order, (channels, n) float32 each, of any length."""


Samples = np.ndarray | Blocks


def hear(samples: Samples, sample_rate: int, *, step: float = geometry.STEP_SECONDS) -> tuple[np.ndarray, ChunkSeries]:
    """What the two networks hear of a file.

    Parameters
    ----------
    samples : (channels, n) float32, full scale at 1.0; at 16 kHz with one channel it is what comes out, not a copy
    sample_rate : Hz
    step : seconds from the start of one chunk to that of the next; where it is no whole number of them, the whole file
        is held at its own rate

    Returns
    -------
    waveform : (1, n16k) float32, 16 kHz; how long, `resampled_length` says
    chunk_waveforms : series of (160000,) float32, 16 kHz, one per chunk of `waveform`
    """
    sample_rate = int(sample_rate)
    if sample_rate == SAMPLE_RATE:
        if isinstance(samples, np.ndarray) and len(samples) == 1:
            waveform = samples.astype(np.float32, copy=False)
        else:
            waveform = _joined(_mono(samples))[None]
        return waveform, _series(waveform, step, partial(_chunk_of, waveform, step))
    if step != int(step):
        mono = _joined(_mono(samples))
        waveform = resample(mono, sample_rate)[None]
        return waveform, _series(waveform, step, partial(_by_itself, mono, sample_rate, step))
    heard, length = _resampled(samples, sample_rate)
    waveform = heard.samples[None, :length]
    return waveform, _series(waveform, step, partial(_Heard.chunk, heard, int(step)))


def _series(waveform: np.ndarray, step: float, compute: Callable[[int], np.ndarray]) -> ChunkSeries:
    return ChunkSeries(np.arange(geometry.num_chunks(waveform.shape[1], step)), compute)


def _chunk_of(waveform: np.ndarray, step: float, index: int) -> np.ndarray:
    return geometry.chunk(waveform, index, step)[0]


def _by_itself(mono: np.ndarray, sample_rate: int, step: float, index: int) -> np.ndarray:
    """A chunk that begins between two seconds, as the definition has it."""
    start, stop = (round((index * step + seconds) * sample_rate) for seconds in (0.0, geometry.CHUNK_SECONDS))
    piece = mono[start:stop]
    return resample(np.pad(piece, (0, stop - start - len(piece))), sample_rate)


def _mono(samples: Samples) -> Iterator[np.ndarray]:
    """The mean of the channels, (n,) float32, block by block."""
    if not isinstance(samples, np.ndarray):
        yield from map(mix_down, samples.blocks())
        return
    size = TOGETHER_SECONDS * SAMPLE_RATE
    for start in range(0, samples.shape[1], size):
        yield mix_down(samples[:, start : start + size])


@dataclass(frozen=True)
class _Heard:
    """A whole file at 16 kHz, and how chunks differ from it where they begin and end.

    Attributes
    ----------
    samples : (whole seconds,) float32, until the filter has run out of the file
    heads : (seconds, edge) float32; the first samples of a chunk that begins there
    tails : (seconds, edge) float32; the last samples of a chunk that ends with that second
    """

    samples: np.ndarray
    heads: np.ndarray
    tails: np.ndarray

    def chunk(self, step: int, index: int) -> np.ndarray:
        """What the filterbank hears of one chunk: (160000,) float32; `step` is that of chunks in seconds."""
        second, edge = index * step, self.heads.shape[1]
        start = second * SAMPLE_RATE
        piece = self.samples[start : start + CHUNK_SAMPLES]
        made = np.zeros(CHUNK_SAMPLES, np.float32)
        made[: len(piece)] = piece
        made[:edge] = self.heads[second]
        if (last := second + CHUNK_SAMPLES // SAMPLE_RATE - 1) < len(self.tails):
            made[CHUNK_SAMPLES - edge :] = self.tails[last]
        return made


def _resampled(samples: Samples, sample_rate: int) -> tuple[_Heard, int]:
    """The file, and how long its waveform is."""
    kernel = kernel_of(sample_rate)
    reach, edge = kernel.reach, ceil(kernel.reach * SAMPLE_RATE / sample_rate) + 1
    heads, tails, count = [], [], 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal count
        for block in _mono(samples):
            count += len(block)
            yield block

    def seconds() -> Iterator[np.ndarray]:
        for around in around_seconds(counted(), kernel):
            alone = around.copy()
            alone[:reach] = 0
            heads.append(kernel.some(alone, slice(edge)))
            alone[:reach], alone[-reach:] = around[:reach], 0
            tails.append(kernel.some(alone, slice(-edge, None)))
            yield kernel.second(around)

    whole = _joined(seconds())
    return _Heard(whole, np.array(heads), np.array(tails)), resampled_length(count, sample_rate)


def _joined(pieces: Iterable[np.ndarray]) -> np.ndarray:
    """Pieces joined: (n,) float32; of hours, too, there is never more in memory than what was joined so far.

    A list of pieces, or of minutes, would stay in the allocator's hands after they are joined, and double the peak. An
    array this large is moved by the system's tables when it grows, not copied.
    """
    whole, done = np.empty(AT_FIRST, np.float32), 0
    for piece in pieces:
        if done + len(piece) > len(whole):
            whole.resize(done + len(piece) + TOGETHER_SECONDS * SAMPLE_RATE, refcheck=False)
        whole[done : done + len(piece)] = piece
        done += len(piece)
    whole.resize(done, refcheck=False)
    return whole
