"""pyannote.audio over a corpus: of each recording of a manifest the answer, and nothing else.

No stage is tapped and no array kept, so any number of recordings goes through. What is answered stays answered: a run
that was stopped goes on, and recordings that failed are tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from capture.settings import Settings
from parity.audio.reading import read_audio
from parity.console import stderr
from parity.corpus.hypothesis import Hypothesis, of_failure, read_hypothesis, write_hypothesis, write_side
from parity.corpus.manifest import Entry
from parity.errors import InputError
from parity.files.whole import sha256_file
from parity.measure.score import count
from parity.sources import WeightSet


def side_of(settings: Settings, weights: WeightSet) -> dict[str, Any]:
    """Whose answers they are: all that an answer may depend on."""
    from capture.device import described
    from capture.snapshots import versions
    from parity.files.machine import cpu_model

    return {
        "side": "pyannote",
        "weights": weights.name,
        "parameters": dict(weights.parameters),
        "threads": settings.threads,
        "cpu": cpu_model(),
        **described(settings.device, settings.tf32),
        "versions": versions(),
    }


def run_corpus(
    entries: Sequence[Entry], folder: Path, pipeline: Callable[[], Any], side: dict[str, Any], limit: int | None = None
) -> tuple[int, int]:
    """Answer what is not answered yet, and keep each.

    Parameters
    ----------
    folder : of the answers
    pipeline : gives the reference's, loaded; called where anything is left
    side : whose answers they are; a folder of another side's is refused
    limit : so many recordings at most

    Returns
    -------
    answered, failed : of the recordings that were left
    """
    write_side(folder, side)
    left = [entry for entry in entries if not _is_answered(entry, folder)][:limit]
    loaded, failed = pipeline() if left else None, 0
    for number, entry in enumerate(left, start=1):
        found = answer(entry, loaded)
        write_hypothesis(folder, found)
        failed += found.error is not None
        said = found.error or f"{found.speakers} speakers, {found.segments} segments in {found.seconds:.1f} s"
        stderr.print(f"[{number}/{len(left)}] {entry.recording}: {said}", markup=False, soft_wrap=True)
    return len(left) - failed, failed


def _is_answered(entry: Entry, folder: Path) -> bool:
    kept = read_hypothesis(folder, entry.recording)
    try:
        return kept is not None and kept.answers(entry.sha256 or sha256_file(entry.audio), entry.num_speakers)
    except OSError:  # said of the recording, in its turn
        return False


def answer(entry: Entry, pipeline: Any) -> Hypothesis:
    """One recording's answer, or why there is none."""
    known: dict[str, Any] = {"recording": entry.recording, "num_speakers": entry.num_speakers, "audio_sha256": ""}
    started = time.perf_counter()
    try:
        known["audio_sha256"] = sha256_file(entry.audio)
        if entry.sha256 not in (None, known["audio_sha256"]):
            raise InputError(f"{entry.audio}: sha256 is {known['audio_sha256']}, the manifest says {entry.sha256}")
        samples, rate = read_audio(entry.audio)
        known["audio_seconds"] = round(samples.shape[1] / rate, 6)
        from capture.reference import run_reference

        made = run_reference(
            pipeline, samples, rate, entry.recording, {"num_speakers": entry.num_speakers}, tapped=False
        )
        speakers, segments = count(made.diarization)
    except Exception as error:  # one recording that fails is never the end of the others
        return of_failure(error, **known, seconds=round(time.perf_counter() - started, 3))
    return Hypothesis(
        **known,
        rttm=made.diarization,
        exclusive=made.exclusive_diarization,
        seconds=round(made.seconds, 3),
        speakers=speakers,
        segments=segments,
    )
