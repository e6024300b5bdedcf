"""Any file against real pyannote: rates, channels, subtypes and lengths, on three recordings of speech.

Task: the product of all of these has 6,480 files, which is days of pyannote. `covering` is a part of it in which every
two values of any two factors meet, and every source has all of it. Both sides are handed the same samples in memory,
read from a file of that form. Every case is kept as soon as it is known (`FILE`, a line of JSON each), and those that
are there are not run again.

A line of RTTM that differs is explained where a frame is: the two best classes of pyannote's own segmentation are then
nearer to each other than its noise.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations, product
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np

from parity.audio.reading import read_audio
from parity.console import stderr
from parity.diarize import Diarizer
from parity.files import writing_file
from parity.fixtures.clips import source_path
from parity.measure.tolerances import NEAR_TIE

FILE = Path("reports") / "matrix.jsonl"
RATES = (8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000)
LAYOUTS = ("mono", "equal", "inverted", "one silent", "differing", "six")
SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")
SECONDS = (3.2, 9.99, 10.0, 10.0625, 10.63, 11.0001)
SOURCES = ("sample", "ami_tst00", "two_cities")
FACTORS = (RATES, LAYOUTS, SUBTYPES, SECONDS)
UNEXPLAINED = "not explained"
START = 3.0
"""Seconds of a source that are left out: speech begins later."""


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes
    ----------
    source : which speech
    rate, layout, subtype, seconds : of the file
    """

    source: str
    rate: int
    layout: str
    subtype: str
    seconds: float

    @property
    def name(self) -> str:
        """In one line."""
        return f"{self.source} {self.rate} Hz {self.layout} {self.subtype} {self.seconds} s"


@dataclass(frozen=True)
class Row:
    """What became of a case.

    Attributes
    ----------
    lines, exclusive_lines : of pyannote's RTTM
    differing : lines of either RTTM, plain and exclusive, that the other side does not have
    waveform, chunk_waveforms, embeddings : largest difference; None where there is none of it
    frames, gap : frames whose class differs, and the largest gap of pyannote's two best classes in them
    device : that pyannote ran on
    """

    case: str
    lines: int
    exclusive_lines: int
    differing: int
    waveform: float
    chunk_waveforms: float | None
    embeddings: float | None
    frames: int
    gap: float | None
    device: str

    @property
    def explanation(self) -> str:
        """Why lines differ: empty where none do."""
        if not self.differing:
            return ""
        if self.frames and self.gap is not None and self.gap < NEAR_TIE:
            return f"near tie: {self.frames} frame(s), two best classes at most {self.gap:.1e} apart"
        return UNEXPLAINED


def covering() -> list[tuple[int, str, str, float]]:
    """Files in which every two values of any two factors meet, in an order in which most new pairs come first."""
    left = {(a, b, x, y) for a, b in combinations(range(4), 2) for x, y in product(FACTORS[a], FACTORS[b])}
    candidates, chosen = list(product(*FACTORS)), []
    while left:
        gains = [len(_pairs(candidate) & left) for candidate in candidates]
        best = candidates[int(np.argmax(gains))]
        chosen.append(best)
        left -= _pairs(best)
    return chosen


def _pairs(values: tuple[Any, ...]) -> set[tuple[int, int, Any, Any]]:
    return {(a, b, values[a], values[b]) for a, b in combinations(range(4), 2)}


def cases() -> list[Case]:
    """All of the covering set on each source; the first third meets every pair once, its sources in turn."""
    rows = covering()
    return [Case(SOURCES[(number + turn) % 3], *row) for turn in range(3) for number, row in enumerate(rows)]


def speech(source: str, rate: int, seconds: float) -> np.ndarray:
    """A stretch of a source at a rate: (n,) float64; SciPy's polyphase filter, for no side's own may make it."""
    from scipy.signal import resample_poly

    waveform, own = read_audio(source_path(source))
    shared = gcd(own, rate)
    start = round(START * own)
    piece = waveform.mean(axis=0, dtype=np.float64)[start : start + round((seconds + 1) * own)]
    made = piece if own == rate else resample_poly(piece, rate // shared, own // shared)
    return made[: round(seconds * rate)]


def channels(case: Case) -> np.ndarray:
    """The samples of a case before they are rounded: (channels, n) float64, inside full scale."""
    mono = speech(case.source, case.rate, case.seconds)
    other = speech(SOURCES[(SOURCES.index(case.source) + 1) % 3], case.rate, case.seconds)
    made = {
        "mono": [mono],
        "equal": [mono, mono],
        "inverted": [mono, -mono],
        "one silent": [mono, np.zeros_like(mono)],
        "differing": [mono, 0.5 * other],
        "six": [mono, 0.5 * other, 0.7 * mono, np.zeros_like(mono), -0.2 * other, 0.9 * mono],
    }[case.layout]
    return np.clip(np.stack(made), -0.999, 0.999)


def samples_of(case: Case) -> np.ndarray:
    """What a file of that form holds, read as any file is: (channels, n) float32."""
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        soundfile.write(path, channels(case).T, case.rate, subtype=case.subtype)
        return read_audio(path)[0]


def run_case(case: Case, pipeline: Any, diarizer: Diarizer, device: str) -> Row:
    """Both sides on one case."""
    from capture.reference import run_reference

    samples = samples_of(case)
    theirs = run_reference(pipeline, samples, case.rate, "clip")
    wanted = ("waveform", "chunk_waveforms", "embeddings", "segmentations")
    ours = diarizer(samples, sample_rate=case.rate, artefacts=wanted)
    made, values = ours.artefacts, theirs.values
    texts = [(theirs.diarization, ours.rttm("clip")), (theirs.exclusive_diarization, ours.rttm("clip", exclusive=True))]
    flips = np.any(made["segmentations"] != values["segmentations"], axis=2)
    chunks = made["chunk_waveforms"].take(theirs.heavy) if "chunk_waveforms" in values else None
    return Row(
        case=case.name,
        lines=len(texts[0][0].splitlines()),
        exclusive_lines=len(texts[1][0].splitlines()),
        differing=sum(len(set(a.splitlines()) ^ set(b.splitlines())) for a, b in texts),
        waveform=_apart(made["waveform"], values["waveform"]),
        chunk_waveforms=None if chunks is None else _apart(chunks, values["chunk_waveforms"]),
        embeddings=_embeddings_apart(made["embeddings"], values),
        frames=int(flips.sum()),
        gap=float(values["segmentation_gap"][flips].max()) if flips.any() else None,
        device=device,
    )


def _apart(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.abs(got - want).max()) if got.shape == want.shape else float("inf")


def _embeddings_apart(got: np.ndarray | None, values: Any) -> float | None:
    """Over rows of speakers who are active in their chunk, as everywhere in the lab."""
    if got is None or "embeddings" not in values:
        return None if got is None and "embeddings" not in values else float("inf")
    active = values["segmentations"].any(axis=1)
    rows = np.abs(got - values["embeddings"])[active]
    return float(np.nanmax(rows)) if rows.size else None


def read_rows(path: Path) -> dict[str, Row]:
    """The cases that are known, by name."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {row["case"]: Row(**row) for row in map(json.loads, lines)}


def run_all(path: Path, weights: str, threads: int, device: str, limit: int | None) -> dict[str, Row]:
    """Run what is not known yet, at most `limit` cases, and keep each; all that are known then."""
    from capture.reference import load_reference
    from parity.sources import load_weights

    weight_set, rows = load_weights(weights), read_rows(path)
    left = [case for case in cases() if case.name not in rows][:limit]
    pipeline, diarizer = load_reference(weight_set.folder, device), Diarizer(weight_set, threads=threads)
    for number, case in enumerate(left, start=1):
        row = run_case(case, pipeline, diarizer, device)
        rows[case.name] = row
        with writing_file(path) as temporary:
            temporary.write_text("".join(json.dumps(asdict(entry)) + "\n" for entry in rows.values()), encoding="utf-8")
        said = row.explanation or f"line for line ({row.lines} and {row.exclusive_lines})"
        stderr.print(f"[{number}/{len(left)}] {case.name}: {said}", markup=False, soft_wrap=True)
    return rows


def summary(rows: dict[str, Row]) -> Iterator[str]:
    """The verdict first, then every case that differs, then the largest differences."""
    known, total = list(rows.values()), len(cases())
    differing = [row for row in known if row.differing]
    unexplained = [row for row in differing if row.explanation == UNEXPLAINED]
    verdict = "NOT the reference's" if unexplained else "the reference's"
    yield f"{len(known) - len(differing)} of {len(known)} files line for line pyannote's ({total} in all): {verdict}"
    yield from (f"{row.case}: {row.differing} lines: {row.explanation}" for row in differing)
    for name in ("waveform", "chunk_waveforms", "embeddings"):
        found = [value for row in known if (value := getattr(row, name)) is not None]
        if found:
            yield f"{name}: at most {max(found):.1e} apart"
