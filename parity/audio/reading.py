"""Reading and writing audio: any WAV or FLAC in, PCM16 out.

A waveform is `(channels, samples)`, full scale at 1.0. A clip, what every fixture is made of, is 16-bit integers at any
rate, mostly one channel at 16 kHz; as a waveform it is `int16 / 32768`, which float32 holds exactly, so a clip read
here, by torchaudio or by pyannote.audio is the same bits.
"""

from __future__ import annotations

import contextlib
import io
import wave
from collections.abc import Iterator
from math import gcd
from pathlib import Path
from typing import BinaryIO

import numpy as np
import scipy
import soundfile

from parity.audio.header import Length, Mended, find_length
from parity.audio.media import MediaFile, has_decoder, how_to_read, kind_of
from parity.audio.part import WHOLE, Part, Sound
from parity.errors import InputError
from parity.files import writing_file
from parity.files.limits import LONGEST_RECORDING, MEMORY, as_text, longest_recording, memory_limit
from parity.files.opening import open_regular

SAMPLE_RATE = 16_000
"""Hz; what the pipeline's networks were trained on."""

FULL_SCALE = 32_768
"""The PCM16 value of 1.0."""

SHORTEST = 400
"""Samples at 16 kHz: one filterbank window of 25 ms. A shorter clip has no filterbank frame of its own."""

LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000
"""Hz; speech needs more than the lowest, and no recorder writes more than the highest."""

BLOCK = 1 << 22  # samples that are rounded at once

LOUDEST = 16.0
"""Full scales; float files overshoot 1.0 a little, but a greater value is integers stored unscaled."""


def read_audio(path: Path, part: Part = WHOLE) -> tuple[np.ndarray, int]:
    """Read any file that libsndfile reads, or FFmpeg where it is at hand.

    Parameters
    ----------
    part : of the file; all of it by default

    Returns
    -------
    waveform : (channels, samples) float32; full scale at 1.0
    sample_rate : Hz

    Raises
    ------
    InputError : the file is not there, is not audio, or `check_waveform` refuses what is in it
    """
    samples, sample_rate = _read(path, "float32", part)
    waveform = np.ascontiguousarray(samples.T)
    check_waveform(waveform, sample_rate, name=str(path))
    return waveform, sample_rate


def load_clip(path: Path) -> tuple[np.ndarray, int]:
    """Read a clip: PCM16, at its own rate and with its own channels.

    Returns
    -------
    samples : (channels, n) float32; exactly `int16 / 32768`
    sample_rate : Hz

    Raises
    ------
    InputError : the file is not audio, not a clip, or shorter than one filterbank window
    """
    _check_form(path)
    samples, sample_rate = _read(path, "int16")
    waveform = np.ascontiguousarray(samples.T).astype(np.float32)
    waveform /= np.float32(FULL_SCALE)
    check_waveform(waveform, sample_rate, name=str(path))
    return waveform, sample_rate


def check_waveform(waveform: np.ndarray, sample_rate: int, *, name: str) -> None:
    """Refuse what no diarization can be made of; structure first, then values.

    Parameters
    ----------
    waveform : (channels, samples) floating point; full scale at 1.0
    sample_rate : Hz
    name : what the error calls it, usually its path

    Raises
    ------
    InputError : a shape that is no waveform, no samples, a rate outside 4 to 384 kHz, less than 25 ms, NaN or
        infinite samples, samples over 16 times full scale
    """
    if waveform.ndim != 2 or not waveform.shape[0]:
        raise InputError(f"{name}: a waveform has shape (channels, samples), this has {waveform.shape}")
    if not waveform.shape[1]:
        raise InputError(f"{name}: has no samples at all; was its recording interrupted?")
    check_rate(sample_rate, name=name)
    # In integers, so that exactly 25 ms passes at every rate.
    if waveform.shape[1] * SAMPLE_RATE < SHORTEST * sample_rate:
        raise InputError(
            f"{name}: {waveform.shape[1] / sample_rate:.4g} s long ({waveform.shape[1]} samples at "
            f"{sample_rate} Hz); at least {SHORTEST / SAMPLE_RATE} s, one filterbank window, are needed"
        )
    _check_values(waveform, sample_rate, name)


def check_rate(sample_rate: int, *, name: str) -> None:
    """Refuse a rate, in Hz, that no recording of speech has; an InputError."""
    if not LOWEST_RATE <= sample_rate <= HIGHEST_RATE:
        raise InputError(
            f"{name}: a sample rate of {sample_rate} Hz is outside {LOWEST_RATE} to {HIGHEST_RATE} Hz; "
            "is its header right?"
        )


def _check_values(waveform: np.ndarray, sample_rate: int, name: str) -> None:
    if not np.isfinite(waveform).all():
        bad = ~np.isfinite(waveform)
        channel, sample = np.unravel_index(int(bad.argmax()), bad.shape)
        raise InputError(
            f"{name}: {int(bad.sum())} of {bad.size} samples are NaN or infinite, the first in channel "
            f"{channel} at {sample / sample_rate:.3f} s; audio is finite, so what wrote the file went wrong"
        )
    if (peak := float(max(waveform.max(), -waveform.min()))) > LOUDEST:  # no copy: hours are gigabytes
        raise InputError(
            f"{name}: samples reach {peak:.6g}, full scale is 1.0 and the limit {LOUDEST}; were integers "
            "stored as floating point without scaling?"
        )


def _read(path: Path, dtype: str, part: Part = WHOLE) -> tuple[np.ndarray, int]:
    with opened(path, part) as file:
        # Read, and once more with the channels apart.
        need, limit = 2 * np.dtype(dtype).itemsize * file.channels * max(0, file.frames), memory_limit()
        if need > limit:
            raise InputError(
                f"{path}: {file.frames / file.samplerate / 3600:.1f} hours take {as_text(need)} at once, the limit is "
                f"{as_text(limit)} ({MEMORY}, by default half of what is free)"
            )
        return file.read(dtype=dtype, always_2d=True), file.samplerate


@contextlib.contextmanager
def opened(path: Path, part: Part = WHOLE, *, whole: bool = True) -> Iterator[Sound]:
    """An audio file to read from, here or block by block: by libsndfile, or else by FFmpeg where it is at hand.

    Parameters
    ----------
    part : of the file; as if there were no more of it
    whole : False where the samples of a truncated WAV will do, as far as they are there

    Raises
    ------
    InputError : not there, not audio, truncated, or reading failed, whenever it did
    """
    if not path.is_file():
        special = "a folder" if path.is_dir() else "a device, pipe or socket"
        raise InputError(f"{path}: {f'is {special}, not an' if path.exists() else 'there is no such'} audio file")
    try:
        with open_regular(path) as file:
            found = find_length(file)
            if whole:
                check_whole(path, found)
            with _sound(path, file, found) as audio:
                sound = part.of(audio, str(path))
                _check_length(path, sound)
                yield sound
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: not audio that can be read ({_reason(error)}); WAV and FLAC can") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def _check_length(path: Path, sound: Sound) -> None:
    if sound.frames > (limit := longest_recording()) * sound.samplerate:
        raise InputError(
            f"{path}: {sound.frames / sound.samplerate / 3600:.1f} hours long, the limit is {limit / 3600:g} "
            f"({LONGEST_RECORDING}, in hours); --start and --end read a part"
        )


def _sound(path: Path, file: BinaryIO, found: Length | None) -> soundfile.SoundFile | MediaFile:
    mended = found is not None and found.mended
    source = Mended(file, found.place, found.patch) if found is not None and mended else Mended(file, 0, b"")
    try:
        return soundfile.SoundFile(source)
    except TypeError as error:  # what soundfile says of `.raw`, which has no header
        raise InputError(f"{path}: not audio that says its own rate and format; WAV and FLAC do") from error
    except soundfile.LibsndfileError:
        file.seek(0)
        kind = kind_of(file.read(32), path.suffix)
        file.seek(0)
        if kind is None:
            raise
        if not has_decoder():
            raise InputError(how_to_read(path, kind)) from None
        return MediaFile(path, file)


def check_whole(path: Path, found: Length | None) -> None:
    """Refuse a WAV whose samples end before its header says; libsndfile reads what there is and says nothing.

    Raises
    ------
    InputError : it is truncated
    """
    if found is not None and found.unit == "bytes" and found.truncated:
        raise InputError(
            f"{path}: truncated: its header declares {found.declared:,} bytes of samples, {found.there:,} follow; "
            "was a download or a recording interrupted?"
        )


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).strip().rstrip(".")


def _check_form(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path}: there is no such clip")
    try:
        found = soundfile.info(str(path))
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: not audio that can be read ({_reason(error)})") from error
    if found.subtype != "PCM_16":
        raise InputError(
            f"{path}: {found.samplerate} Hz, {found.channels} channel(s), {found.subtype}; a clip is PCM_16, of any "
            "rate and any number of channels: `parity fixtures add` makes one of any WAV or FLAC"
        )


def to_mono_16k(waveform: np.ndarray, sample_rate: int) -> np.ndarray:
    """The mean of all channels, resampled to 16 kHz by SciPy's polyphase filter.

    Parameters
    ----------
    waveform : (channels, samples); full scale at 1.0
    sample_rate : Hz

    Returns
    -------
    mono : (ceil(samples * 16000 / sample_rate),) float64; at 16 kHz already, the mean itself
    """
    mono = np.asarray(waveform, dtype=np.float64).mean(axis=0)
    if sample_rate == SAMPLE_RATE:
        return mono
    shared = gcd(SAMPLE_RATE, sample_rate)
    return scipy.signal.resample_poly(mono, SAMPLE_RATE // shared, sample_rate // shared)


def quantise(waveform: np.ndarray) -> np.ndarray:
    """The nearest PCM16 value of each sample, a half going to the even one, saturating at both ends.

    Parameters
    ----------
    waveform : floating point, any shape; finite, full scale at 1.0

    Returns
    -------
    samples : int16, same shape
    """
    waveform = np.asarray(waveform)
    samples = np.empty(waveform.shape, dtype=np.int16)
    for start in range(0, max(1, waveform.shape[-1] if waveform.ndim else 1), BLOCK):  # hours are gigabytes as float64
        block = (..., slice(start, start + BLOCK)) if waveform.ndim else ()
        scaled = np.rint(np.asarray(waveform[block], dtype=np.float64) * FULL_SCALE)
        samples[block] = np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1)
    return samples


def wav_bytes(samples: np.ndarray, sample_rate: int = SAMPLE_RATE) -> bytes:
    """A clip as the bytes of a WAV file: the canonical header of 44 bytes, then the samples.

    Parameters
    ----------
    samples : (n,) or (channels, n) int16
    sample_rate : Hz
    """
    if samples.dtype != np.int16 or samples.ndim not in (1, 2):
        raise TypeError(f"a clip is (n,) or (channels, n) int16, this is {samples.shape} {samples.dtype}")
    channels = np.atleast_2d(samples)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(channels.T.astype("<i2").tobytes())
    return buffer.getvalue()


def write_pcm16(path: Path, samples: np.ndarray) -> None:
    """Write a clip whole or not at all; the same samples always give the same bytes.

    Parameters
    ----------
    path : where to; replaced if there
    samples : (samples,) int16; 16 kHz, one channel

    Raises
    ------
    InputError : the disk is full or the folder cannot be written
    """
    data = wav_bytes(samples)
    with writing_file(path) as temporary:
        temporary.write_bytes(data)
