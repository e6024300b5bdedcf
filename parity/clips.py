"""Recipes: how a fixture's clip is made from the pinned sources, and what humans say is in it.

Every recipe is a small pure function of the catalogue's arguments to a `Material`: samples, and the human
speaker turns that go with them through every cut, shift and sum. Sources are members of `sources.toml`, named
as there. Gains are powers of two, and only resampling rounds in floating point (float64, then to 16 bits), so
a clip is the same bytes everywhere.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.signal import resample_poly

from parity.audio.reading import FULL_SCALE, SAMPLE_RATE, quantise, read_audio, to_mono_16k, wav_bytes
from parity.errors import InputError
from parity.files.whole import cache_dir, sha256_bytes, sha256_file, writing_file
from parity.sources import distributions as locked

AMI = "ami_"
AMI_RTTM = ("ami_rttm_train", "ami_rttm_development", "ami_rttm_test")

SOLE_VOICE = {"two_cities": "reader"}
"""Sources without human turns in which one known voice reads from end to end."""

SLIVER = 1e-3
"""Seconds, RTTM's own step; a turn that a cut leaves shorter than this is rounding, not speech."""

LEVEL = 2.0**-6
"""RMS, full scale at 1.0, that spliced turns are brought near to."""


class Turn(NamedTuple):
    """One human speaker turn: seconds from the clip's beginning, and who."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True)
class Material:
    """Samples and the human turns in them.

    Attributes
    ----------
    samples : (samples,) int16; 16 kHz, one channel
    turns : seconds; sorted, inside the samples
    annotated : (start, end) in seconds; the spans that humans annotated, outside which `turns` says nothing
    """

    samples: np.ndarray
    turns: tuple[Turn, ...] = ()
    annotated: tuple[tuple[float, float], ...] = ()

    @property
    def seconds(self) -> float:
        """Duration."""
        return len(self.samples) / SAMPLE_RATE

    def cut(self, start: int, stop: int) -> Material:
        """The samples `start` to `stop`; turns that reach beyond are cut, turns outside are left out."""
        first, last = start / SAMPLE_RATE, stop / SAMPLE_RATE
        turns = [Turn(max(t.start, first) - first, min(t.end, last) - first, t.speaker) for t in self.turns]
        spans = [(max(a, first) - first, min(b, last) - first) for a, b in self.annotated]
        return Material(
            samples=self.samples[start:stop],
            turns=tuple(turn for turn in turns if turn.end - turn.start >= SLIVER),
            annotated=tuple((a, b) for a, b in spans if b > a),
        )


def join(materials: Iterable[Material]) -> Material:
    """One after another, without a gap; turns move along."""
    samples, turns, annotated, offset = [], [], [], 0
    for material in materials:
        shift = offset / SAMPLE_RATE
        samples.append(material.samples)
        turns += [Turn(t.start + shift, t.end + shift, t.speaker) for t in material.turns]
        annotated += [(a + shift, b + shift) for a, b in material.annotated]
        offset += len(material.samples)
    return Material(np.concatenate(samples), tuple(turns), tuple(annotated))


def excerpt(*, source: str) -> Material:
    """One source as it is, at 16 kHz; the AMI excerpts are float32, but each sample is a whole PCM16 step."""
    path = source_path(source)
    waveform, sample_rate = read_audio(path)
    samples = quantise(to_mono_16k(waveform, sample_rate))
    turns = _human_turns(source)
    whole = Material(samples, turns, ((0.0, len(samples) / SAMPLE_RATE),) if turns else ())
    return whole.cut(0, len(samples))


def joined(*, sources: list[str]) -> Material:
    """Sources one after another, in the order given."""
    return join(excerpt(source=source) for source in sources)


def telephone(*, source: str) -> Material:
    """A source at 8 kHz, through mu-law at 8 bits, and back to 16 kHz."""
    whole = excerpt(source=source)
    narrow = mu_law(quantise(resample_poly(whole.samples / FULL_SCALE, 1, 2)))
    samples = quantise(resample_poly(narrow / FULL_SCALE, 2, 1))[: len(whole.samples)]
    return Material(samples, whole.turns, whole.annotated)


def mu_law(samples: np.ndarray) -> np.ndarray:
    """What ITU-T G.711 mu-law (mu = 255, 8 bits a sample) leaves of PCM16: its encoder, then its decoder.

    In integers throughout: sign, 8 segments, 16 steps a segment, as the standard's tables have it (a
    bias of 132 on a 16-bit scale, magnitudes limited to 32635).

    Parameters
    ----------
    samples : int16, any shape

    Returns
    -------
    decoded : int16, same shape; one of 255 values
    """
    wide = samples.astype(np.int32)
    biased = np.minimum(np.abs(wide), 32_635) + 132
    segment = np.searchsorted(256 << np.arange(7), biased, side="right")
    step = segment + 3
    decoded = ((biased >> step) << step) + (1 << (step - 1)) - 132
    return (np.sign(wide) * decoded).astype(np.int16)


def summed(*, sources: list[str]) -> Material:
    """Sources on top of each other; halved, as a whole, until nothing clips. Ends with the longest."""
    parts = [excerpt(source=source) for source in sources]
    total = np.zeros(max(len(part.samples) for part in parts), dtype=np.float64)
    for part in parts:
        total[: len(part.samples)] += part.samples / FULL_SCALE
    while np.abs(total).max() * FULL_SCALE > FULL_SCALE - 1:
        total /= 2
    turns = tuple(sorted(turn for part in parts for turn in part.turns))
    spans = [span for part in parts for span in part.annotated]
    # Only where every part was annotated is the sum: the shortest part bounds it.
    both = ((max(a for a, _ in spans), min(b for _, b in spans)),) if len(spans) == len(parts) else ()
    return Material(quantise(total), turns, both)


def scaled(*, source: str, exponent: int) -> Material:
    """A source times `2 ** exponent`, rounded to 16 bits again."""
    whole = excerpt(source=source)
    return Material(_gain(whole.samples, exponent), whole.turns, whole.annotated)


def padded(*, source: str, silence: float, seconds: float) -> Material:
    """`silence` seconds of digital zero, then the first `seconds` of a source."""
    before = Material(np.zeros(round(silence * SAMPLE_RATE), dtype=np.int16), annotated=((0.0, silence),))
    return join([before, excerpt(source=source).cut(0, round(seconds * SAMPLE_RATE))])


def spliced(*, sources: list[str], shortest: float, visit: float, visits: int) -> Material:
    """Every voice of the sources that is ever heard alone, in turn, each levelled by powers of two.

    Parameters
    ----------
    sources : in which order voices appear
    shortest : seconds; stretches of one voice below this are left out
    visit : seconds; how long a voice may speak before the next one does (longer stretches are cut into this)
    visits : how many times all voices are gone through. A voice goes on where it stopped, and begins anew
        when it has nothing left, so that those with little material come back too
    """
    voices: dict[str, deque[Material]] = {}
    for source in sources:
        for speaker, piece in _pieces(source, shortest, visit):
            voices.setdefault(speaker, deque()).append(_levelled(piece))
    return join(piece for _ in range(visits) for pieces in voices.values() for piece in _visit(pieces, visit))


def _visit(pieces: deque[Material], seconds: float) -> list[Material]:
    taken = []
    for _ in range(len(pieces)):
        seconds -= pieces[0].seconds
        if taken and seconds < 0:
            break
        taken.append(pieces[0])
        pieces.rotate(-1)
    return taken


def _pieces(source: str, shortest: float, longest: float) -> list[tuple[str, Material]]:
    whole = excerpt(source=source)
    if source in SOLE_VOICE:
        whole = Material(whole.samples, (Turn(0.0, whole.seconds, SOLE_VOICE[source]),), ((0.0, whole.seconds),))
    found, step = [], round(longest * SAMPLE_RATE)
    for turn in alone(whole.turns):
        first, last = round(turn.start * SAMPLE_RATE), round(turn.end * SAMPLE_RATE)
        cuts = [whole.cut(start, min(start + step, last)) for start in range(first, last, step)]
        found += [(turn.speaker, piece) for piece in cuts if piece.seconds >= shortest]
    return found


def alone(turns: Iterable[Turn]) -> list[Turn]:
    """The stretches in which exactly one speaker has a turn, as long as they come, in order of time.

    A  |----------|      |---|          A  |---|            |---|
    B        |------|             =>    B             |--|
    """
    turns = list(turns)
    edges = sorted({edge for turn in turns for edge in (turn.start, turn.end)})
    found: list[Turn] = []
    for start, end in pairwise(edges):
        speakers = {turn.speaker for turn in turns if turn.start < end and turn.end > start}
        if len(speakers) != 1:
            continue
        speaker = speakers.pop()
        if found and found[-1].end == start and found[-1].speaker == speaker:
            start = found.pop().start
        found.append(Turn(start, end, speaker))
    return found


def _levelled(piece: Material) -> Material:
    # The power of two that brings the RMS nearest to LEVEL, less where that would clip.
    wide = piece.samples.astype(np.float64) / FULL_SCALE
    rms, peak = np.sqrt(np.mean(wide**2)), np.abs(wide).max()
    if not peak:
        return piece
    exponent = round(float(np.log2(LEVEL / rms)))
    while peak * 2.0**exponent >= 1:
        exponent -= 1
    return Material(_gain(piece.samples, exponent), piece.turns, piece.annotated)


def _gain(samples: np.ndarray, exponent: int) -> np.ndarray:
    return quantise(np.ldexp(samples / FULL_SCALE, exponent))


RECIPES: dict[str, Callable[..., Material]] = {
    "untouched": excerpt,  # its file is copied byte for byte: see `clip_bytes`
    "excerpt": excerpt,
    "resampled": excerpt,
    "joined": joined,
    "telephone": telephone,
    "summed": summed,
    "scaled": scaled,
    "padded": padded,
    "spliced": spliced,
}

ARGUMENT_TYPES = {"source": str, "sources": list, "exponent": int, "visits": int}  # all others: seconds


def check_recipe(recipe: str, arguments: Mapping) -> None:
    """Refuse a recipe that cannot be followed: its name, its arguments' names and types, its sources.

    Raises
    ------
    InputError : naming the recipe or argument; the caller says in which file and fixture
    """
    if recipe not in RECIPES:
        raise InputError(f"recipe = {recipe!r} is not known; known are {', '.join(sorted(RECIPES))}")
    wanted = set(inspect.signature(RECIPES[recipe]).parameters)
    if wanted != set(arguments):
        raise InputError(f"recipe {recipe!r} takes arguments {sorted(wanted)}, these are {sorted(arguments)}")
    for key, value in arguments.items():
        _check_argument(key, value)
    known = sorted(_sources())
    named = arguments.get("sources", [arguments.get("source")])
    if unknown := [source for source in named if source not in known]:
        raise InputError(f"source {', '.join(map(repr, unknown))} is not known; known are {', '.join(known)}")


def _check_argument(key: str, value: object) -> None:
    wanted = ARGUMENT_TYPES.get(key, (int, float))
    if isinstance(value, bool) or not isinstance(value, wanted) or value == []:
        kind = {str: "a text", list: "a list of sources", int: "a whole number"}.get(wanted, "seconds")
        raise InputError(f"argument {key} = {value!r} should be {kind}")
    if key not in ("exponent", "source", "sources") and value <= 0:
        raise InputError(f"argument {key} = {value!r} should be above 0")


def _sources() -> dict[str, str]:
    # Audio members of the lock file, and which distribution holds each.
    return {
        member: name
        for name, source in locked.sources().items()
        for member, entry in source.members.items()
        if entry.path.endswith(".wav")
    }


def source_path(source: str) -> Path:
    """The file of one source in the cache, downloaded if it is not there."""
    return locked.fetch(_sources()[source], source)


def _human_turns(source: str) -> tuple[Turn, ...]:
    if source == "sample":
        return read_rttm(locked.fetch("pyannote", "sample_rttm"), source)
    if not source.startswith(AMI):
        return ()
    uri = source.removeprefix(AMI)
    files = [locked.fetch("pyannote", member) for member in AMI_RTTM]
    return tuple(turn for file in files for turn in read_rttm(file, uri))


def read_rttm(path: Path, uri: str) -> tuple[Turn, ...]:
    """The turns of one recording in an RTTM file, sorted."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    turns = [Turn(float(r[3]), round(float(r[3]) + float(r[4]), 3), r[7]) for r in rows if r[1] == uri]
    return tuple(sorted(turns))


def clip_bytes(recipe: str, arguments: Mapping) -> bytes:
    """The bytes of the clip that a recipe makes: a WAV file, 16 kHz, one channel, PCM16."""
    if recipe == "untouched":
        return source_path(arguments["source"]).read_bytes()
    return wav_bytes(RECIPES[recipe](**arguments).samples)


def build_clip(name: str, recipe: str, arguments: Mapping, sha256: str) -> Path:
    """A fixture's clip in the cache, made if it is not there or not whole.

    Returns
    -------
    path : `clips/<name>.<first 12 of sha256>.wav` in the cache

    Raises
    ------
    InputError : what was made has another hash than the pinned one, or a source or the cache failed
    """
    path = cache_dir() / "clips" / f"{name}.{sha256[:12]}.wav"
    if path.is_file() and sha256_file(path) == sha256:
        return path
    data = clip_bytes(recipe, arguments)
    if (got := sha256_bytes(data)) != sha256:
        raise InputError(
            f"{name}: the clip made here has sha256 {got}, the catalogue pins {sha256}; its recipe, its "
            "arguments or SciPy's resampling changed"
        )
    with writing_file(path) as temporary:
        temporary.write_bytes(data)
    return path
