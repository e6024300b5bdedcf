"""Is something wrong with a recording? Its header, its samples, what the pipeline hears, and what pyannote would hear.

Task: a file -> `Checkup`. Every sample is read once, in blocks; where PyAV is at hand, once more through FFmpeg, which
is what pyannote.audio reads through, and the two are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parity.audio.examination import Examination, Facts
from parity.audio.header import Length, find_length
from parity.audio.long import BLOCK_SECONDS
from parity.audio.media import MediaFile, has_decoder
from parity.audio.part import Sound
from parity.audio.reading import LOUDEST, SAMPLE_RATE, SHORTEST, check_rate, check_whole, opened
from parity.audio.remarks import WARNING, Remark, remarks_of
from parity.errors import InputError

SAME_SAMPLES = 2e-6
"""Full scales. Two decoders of MP3 round that differently; those of WAV and FLAC not at all."""


@dataclass(frozen=True)
class Checkup:
    """What was found.

    Attributes
    ----------
    path : of the file
    container, coding : as libsndfile or FFmpeg name them
    declared_seconds : by the header; None where it does not say
    facts : of the samples
    refused : why `diarize` would not take it, in one line; None where it would
    remarks : what is to be said, warnings first
    pyannote : how many samples FFmpeg reads, and how far they are from ours; None where PyAV is missing
    """

    path: Path
    container: str
    coding: str
    declared_seconds: float | None
    facts: Facts
    refused: str | None
    remarks: tuple[Remark, ...]
    pyannote: OtherReader | None

    @property
    def verdict(self) -> str:
        """`refused`, `warnings` or `fine`."""
        if self.refused is not None:
            return "refused"
        return "warnings" if any(remark.severity == WARNING for remark in self.remarks) else "fine"


@dataclass(frozen=True)
class OtherReader:
    """The same file through FFmpeg.

    Attributes
    ----------
    samples : per channel
    worst : largest absolute difference of a sample that both have, full scales
    error : why FFmpeg could not read it; None where it could
    """

    samples: int = 0
    worst: float = 0.0
    error: str | None = None

    def same_as(self, facts: Facts) -> bool:
        """Whether pyannote.audio hears what is heard here."""
        return self.error is None and self.samples == facts.samples and self.worst <= SAME_SAMPLES


def examine(path: Path) -> Checkup:
    """Everything that can be said of a file without the networks.

    Raises
    ------
    InputError : nothing can: it is not there, or not audio
    """
    with opened(path, whole=False) as file:
        facts = _facts(_blocks(file), file.samplerate)
        container, coding, known = file.format, file.subtype, file.frames / file.samplerate
    with path.open("rb") as file_bytes:
        length = find_length(file_bytes)
    declared = known if length is None else _declared(length, facts, known)
    remarks = list(remarks_of(facts, length))
    other = _through_ffmpeg(path, facts) if has_decoder() else None
    if other is not None and not other.same_as(facts):
        remarks.append(
            Remark("pyannote", WARNING, f"pyannote.audio would read it otherwise: {_difference(other, facts)}")
        )
    remarks.sort(key=lambda remark: remark.severity != WARNING)
    return Checkup(path, container, coding, declared, facts, _refusal(path, length, facts), tuple(remarks), other)


def _declared(length: Length, facts: Facts, known: float) -> float | None:
    """Seconds by the header: where it is wrong, as many as its bytes or frames are of those that are there."""
    if length.declared is None:
        return None
    return facts.seconds * length.declared / max(1, length.there) if length.mended or length.truncated else known


def _blocks(file: Sound) -> Iterator[np.ndarray]:
    """(channels, n) float32 each."""
    size = BLOCK_SECONDS * file.samplerate
    while len(block := file.read(size, dtype="float32", always_2d=True)):
        yield np.ascontiguousarray(block.T)


def _facts(blocks: Iterator[np.ndarray], sample_rate: int) -> Facts:
    examination = Examination(sample_rate)
    for block in blocks:
        examination.see(block)
    return examination.facts()


def _refusal(path: Path, length: Length | None, facts: Facts) -> str | None:
    """Why `diarize` says no; the limits are those of `parity.audio.reading.check_waveform`."""
    try:
        check_whole(path, length)
        check_rate(facts.sample_rate, name=str(path))
    except InputError as error:
        return str(error).removeprefix(f"{path}: ")
    if not facts.samples:
        return "has no samples at all"
    if facts.samples * SAMPLE_RATE < SHORTEST * facts.sample_rate:
        return f"{facts.seconds:.4g} s are too short; at least {SHORTEST / SAMPLE_RATE} s are needed"
    if any(channel.not_finite for channel in facts.channels):
        return "some samples are NaN or infinite"
    if (peak := max(channel.peak for channel in facts.channels)) > LOUDEST:
        return f"samples reach {peak:.6g}, the limit is {LOUDEST}: integers that were not scaled?"
    return None


def _through_ffmpeg(path: Path, facts: Facts) -> OtherReader:
    samples, worst = 0, 0.0
    try:
        with path.open("rb") as file, MediaFile(path, file) as theirs, opened(path, whole=False) as ours:
            if (theirs.samplerate, theirs.channels) != (facts.sample_rate, len(facts.channels)):
                return OtherReader(error=f"it takes it for {theirs.samplerate} Hz, {theirs.channels} channel(s)")
            size = BLOCK_SECONDS * facts.sample_rate
            while len(block := theirs.read(size)):
                same = ours.read(size, dtype="float32", always_2d=True)[: len(block)]
                with np.errstate(invalid="ignore"):  # infinite on both sides
                    difference = np.abs(block[: len(same)] - same)
                worst = max(worst, float(np.nan_to_num(difference, nan=0.0, posinf=0.0).max(initial=0.0)))
                samples += len(block)
    except InputError as error:
        return OtherReader(samples, worst, str(error).removeprefix(f"{path}: "))
    return OtherReader(samples, worst)


def _difference(other: OtherReader, facts: Facts) -> str:
    if other.error is not None:
        return other.error
    if other.samples != facts.samples:
        return f"{other.samples:,} samples, not {facts.samples:,}"
    return f"samples differ by up to {other.worst:.2g} of full scale"
