"""An answer to write down, and readers of the forms that it is written in, none of them the lab's own."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from parity.answers import Diarization
from parity.audio.loudness import Energy
from parity.audio.remarks import Remark
from parity.community1.annotation import Turn

TURNS = [
    Turn(0.0309375, 1.2459375, "A", "SPEAKER_00"),
    Turn(1.0, 3600.98765, "B", "SPEAKER_01"),
    Turn(2.5, 3.0, "C", "SPEAKER_00"),
    Turn(3700.0004, 3700.0296, "D", 'SPEAKER "02"'),
]
SPEAKERS = ("SPEAKER_00", "SPEAKER_01", 'SPEAKER "02"')


def answer(turns: list[Turn] = TURNS, audio_seconds: float = 3700.02) -> Diarization:
    """Three speakers, one with a quotation mark in the name; the last turn ends behind the recording."""
    speakers = tuple(name for name in SPEAKERS if any(turn.speaker == name for turn in turns))
    embeddings = np.arange(len(speakers) * 256.0).reshape(-1, 256)
    return Diarization(
        turns,
        turns[:1],
        embeddings,
        speakers,
        audio_seconds,
        remarks=(Remark("quiet", "warning", "very quiet, -60 dBFS"),),
        energy=Energy(10.0, (-20.0,) * 370),
        weights="community-1-int8",
        runtime="onnx",
    )


class Span(NamedTuple):
    """Seconds, and what is said of them."""

    start: float
    end: float
    text: str


def read_srt(text: str) -> list[Span]:
    """Subtitles: blocks apart by empty lines; a number counting from 1, a line of times, then text."""
    spans = []
    for number, block in enumerate([block for block in text.split("\n\n") if block], start=1):
        count, times, *words = block.strip("\n").split("\n")
        assert int(count) == number
        start, end = (_seconds(clock) for clock in times.split(" --> "))
        spans.append(Span(start, end, "\n".join(words)))
    return spans


def _seconds(clock: str) -> float:
    found = re.fullmatch(r"(\d\d+):([0-5]\d):([0-5]\d),(\d{3})", clock)
    assert found, clock
    hours, minutes, seconds, thousandths = map(int, found.groups())
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def read_textgrid(text: str) -> dict[str, list[Span]]:
    """Tiers of intervals of a TextGrid. Praat itself reads no keys: numbers, texts and flags in their order are all."""
    tokens = iter(re.findall(r'"(?:[^"]|"")*"|<exists>|(?<![\w\[.])-?\d+(?:\.\d+)?(?![\w\].])', text))

    def words() -> str:
        token = next(tokens)
        assert token[0] == '"', token
        return token[1:-1].replace('""', '"')

    assert (words(), words()) == ("ooTextFile", "TextGrid")
    start, end = float(next(tokens)), float(next(tokens))
    assert start == 0 and next(tokens) == "<exists>"
    tiers = {}
    for _ in range(int(next(tokens))):
        assert words() == "IntervalTier"
        name = words()
        assert (float(next(tokens)), float(next(tokens))) == (start, end)
        count = int(next(tokens))
        spans = [Span(float(next(tokens)), float(next(tokens)), words()) for _ in range(count)]
        at = start
        for span in spans:
            assert span.start == at < span.end, "intervals follow each other"
            at = span.end
        assert at == end
        tiers[name] = spans
    assert next(tokens, None) is None
    return tiers
