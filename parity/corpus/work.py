"""What a worker does: one recording, one answer. Networks are loaded once in each process, and stay.

Only a recording's path goes there, and only a row comes back. Whatever goes wrong with a recording is a row.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from parity.audio.reading import read_audio
from parity.corpus.hypothesis import Hypothesis, of_failure
from parity.corpus.manifest import Entry
from parity.corpus.sides import Answer, Setup, Side, answerer
from parity.errors import InputError
from parity.files.whole import sha256_file
from parity.measure.score import count

_LOADED: dict[tuple[Side, Setup], Answer] = {}
ONE = threading.Lock()
"""One recording at a time in a process, whatever number of threads its scheduler gives it: networks have theirs."""


def answer_one(entry: Entry, side: Side, setup: Setup, known: str | None = None) -> Hypothesis | None:
    """One side's answer to one recording; None where the audio is what `known` says, whose answer is kept already.

    Parameters
    ----------
    known : sha256 of the audio that was answered before
    """
    row: dict[str, Any] = {"recording": entry.recording, "num_speakers": entry.num_speakers, "audio_sha256": ""}
    try:
        row["audio_sha256"] = sha256_file(entry.audio)
        if entry.sha256 not in (None, row["audio_sha256"]):
            raise InputError(f"{entry.audio}: sha256 is {row['audio_sha256']}, the manifest says {entry.sha256}")
        if known == row["audio_sha256"]:
            return None
        samples, rate = read_audio(entry.audio)
        row["audio_seconds"] = round(samples.shape[1] / rate, 6)
        with ONE:
            answer = _loaded(side, setup)
            started = time.perf_counter()
            rttm, exclusive = answer(samples, rate, entry.recording, entry.num_speakers)
            row["seconds"] = round(time.perf_counter() - started, 4)
        speakers, segments = count(rttm)
    except Exception as error:  # the end of this recording, never of the others
        return of_failure(error, **row)
    return Hypothesis(**row, rttm=rttm, exclusive=exclusive, speakers=speakers, segments=segments)


def _loaded(side: Side, setup: Setup) -> Answer:
    if (side, setup) not in _LOADED:
        _LOADED[side, setup] = answerer(side, setup)
    return _LOADED[side, setup]
