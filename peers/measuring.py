"""Every row on every clip, in alternation: all rows of a clip follow one another, so that they share its weather."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import soundfile

from parity.audio.reading import quantise, write_pcm16
from parity.community1.audio import hear
from parity.errors import InputError
from parity.fixtures import Fixture
from parity.fixtures.heard import is_the_clip
from parity.fixtures.prepare import load_inputs
from parity.measure import Score, count, score_rttm
from parity.sources import WeightSet
from peers.adapters import Row
from peers.environments import python_of
from peers.keeping import keep, kept
from peers.onnx_files import write_onnx_files
from peers.running import Run, run_worker

# Seconds until a worker is given up, at least and a second of audio: far beyond what any of them takes.
LEAST_SECONDS, SECONDS_A_SECOND = 300.0, 30.0


@dataclass(frozen=True)
class Result:
    """One row on one clip.

    Attributes
    ----------
    row : its name
    run, score, speakers, segments : None where it did not run
    reason : why it did not
    """

    row: str
    run: Run | None = None
    score: Score | None = None
    speakers: int | None = None
    segments: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Clip:
    """What was measured on one clip; speakers and segments are the reference's."""

    name: str
    audio_seconds: float
    speakers: int
    segments: int
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Bench:
    """What every run has in common.

    Attributes
    ----------
    environments : the folder of the peers' environments
    weights : of the networks that sherpa-onnx gets
    threads : of every row
    out : where runs are kept, if anywhere
    reuse : whether a run kept there may stand for a new one
    """

    environments: Path
    weights: WeightSet
    threads: int
    out: Path | None = None
    reuse: bool = False


def measure(
    bench: Bench, fixtures: Iterable[Fixture], rows: Iterable[Row], on_step: Callable[[str], None] = lambda said: None
) -> list[Clip]:
    """Run and score all of them; what cannot be run is said in its result, and the others go on."""
    rows = tuple(rows)
    pythons, reasons = _environments(bench, rows, on_step)
    clips = []
    with tempfile.TemporaryDirectory() as folder:
        files = write_onnx_files(bench.weights, Path(folder))
        for fixture in fixtures:
            reference = read_reference(fixture)
            results = []
            for row in rows:
                on_step(f"{fixture.name}: {row.name}")
                if row.peer.name in reasons:
                    results.append(Result(row.name, reason=reasons[row.peer.name]))
                else:
                    results.append(_result(bench, fixture, row, pythons[row.peer.name], files, reference))
            clips.append(Clip(fixture.name, _seconds(fixture), *count(reference), tuple(results)))
    return clips


def read_reference(fixture: Fixture) -> str:
    """The RTTM of pyannote.audio 4.0.4 on a fixture.

    Raises
    ------
    InputError : it was never captured
    """
    path = fixture.snapshot_folder / "reference.rttm"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; capture it: nox -s capture") from None


def judged(row: str, run: Run, reference: str) -> Result:
    """A run against the reference's RTTM."""
    return Result(row, run, score_rttm(reference, run.rttm), *count(run.rttm))


def _environments(
    bench: Bench, rows: tuple[Row, ...], on_step: Callable[[str], None]
) -> tuple[dict[str, Path], dict[str, str]]:
    pythons, reasons = {}, {}
    for peer in dict.fromkeys(row.peer for row in rows):
        on_step(f"environment of {peer.name}")
        try:
            pythons[peer.name] = python_of(peer, bench.environments)
        except InputError as error:
            reasons[peer.name] = str(error)
    return pythons, reasons


def _result(bench: Bench, fixture: Fixture, row: Row, python: Path, files: dict[str, str], reference: str) -> Result:
    options = row.options(fixture, count(reference)[0], files)
    question = {
        "clip_sha256": fixture.clip_sha256,
        "requirements": list(row.peer.requirements),
        "options": {key: value for key, value in options.items() if key not in files},
        "threads": bench.threads,
        "weights_sha256": bench.weights.sha256,
    }
    folder = bench.out / row.name / fixture.name if bench.out else None
    try:
        run = kept(folder, question) if folder and bench.reuse else None
        if run is None:
            run = _run(bench, fixture, row, python, options)
            if folder:
                keep(folder, run, question)
        return judged(row.name, run, reference)
    except InputError as error:
        return Result(row.name, reason=str(error))


def _run(bench: Bench, fixture: Fixture, row: Row, python: Path, options: dict) -> Run:
    limit = LEAST_SECONDS + SECONDS_A_SECOND * _seconds(fixture)
    with tempfile.TemporaryDirectory(prefix="parity-peers-") as folder:
        return run_worker(
            python,
            row.peer.worker,
            clip=at_16_khz(fixture.clip(), Path(folder)),
            file=fixture.clip(),
            uri=fixture.name,
            threads=bench.threads,
            options=options,
            limit=limit,
        )


def at_16_khz(clip: Path, folder: Path) -> Path:
    """A clip as peers want it, 16 kHz with one channel: itself, or what pyannote's segmentation hears, in 16 bits.

    Parameters
    ----------
    folder : where to write it, if it is another
    """
    inputs = load_inputs(clip)
    if is_the_clip(inputs["samples"], inputs["sample_rate"]):
        return clip
    waveform, _ = hear(**inputs)
    write_pcm16(folder / clip.name, quantise(waveform[0]))
    return folder / clip.name


def _seconds(fixture: Fixture) -> float:
    return soundfile.info(str(fixture.clip())).duration
