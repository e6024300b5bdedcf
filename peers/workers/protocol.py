"""One request, one answer: how a worker is told what to do and says what it did.

A worker is `python peers/workers/NAME.py` in an environment of its own. It reads one line of JSON from standard input
(`clip`: a 16 kHz mono 16-bit WAV file; `file`: the recording at its own rate; `uri`; `threads`; `options`: the
implementation's own), and writes one line of JSON to standard output (`rttm`, `load_seconds`, `seconds`,
`cpu_seconds`, `peak_mb`, `packages`). What libraries print goes to standard error. Only the standard library is
imported here: an implementation brings what else it needs.
"""

from __future__ import annotations

import array
import importlib.metadata
import json
import os
import platform
import re
import resource
import sys
import time
import wave
from collections.abc import Callable, Iterable
from pathlib import Path

Turn = tuple[float, float, int]
"""Start and end in seconds, the speaker's number."""

Diarizer = Callable[[list[float]], Iterable[Turn]]


def serve(load: Callable[[dict], Diarizer]) -> None:
    """Answer the one request on standard input.

    Parameters
    ----------
    load : makes a diarizer of the request; its time is not the clip's. The diarizer takes samples in -1 to 1 and gives
        turns in any order
    """
    request = json.loads(sys.stdin.readline())
    keep_to(request["threads"])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # native libraries print to the descriptor, not to sys.stdout
    started = time.perf_counter()
    diarize = load(request)
    load_seconds = time.perf_counter() - started
    samples = read_samples(request["clip"])
    started, used = time.perf_counter(), time.process_time()
    turns = diarize(samples)
    answer = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - used,
        "load_seconds": load_seconds,
        "peak_mb": peak_mb(),
        "rttm": to_rttm(turns, request["uri"]),
        "packages": packages(),
    }
    print(json.dumps(answer), file=answers, flush=True)


def keep_to(threads: int) -> None:
    """Let this process run on as many cores as it shall have threads: not every library can be told a number."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def read_samples(path: str) -> list[float]:
    """The samples of a 16 kHz mono 16-bit WAV file, in -1 to 1.

    Raises
    ------
    ValueError : the file is of another kind
    """
    with wave.open(path) as file:
        channels, rate, bits = file.getnchannels(), file.getframerate(), 8 * file.getsampwidth()
        if (channels, rate, bits) != (1, 16000, 16):
            raise ValueError(f"{path}: {channels} channels, {rate} Hz, {bits} bits; wants 1, 16000 and 16")
        samples = array.array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    return [value / 32768 for value in samples]


def to_rttm(turns: Iterable[Turn], uri: str) -> str:
    """Turns as RTTM text, ordered by start, end and speaker; start and duration with three decimals.

    Turns of one speaker that overlap or touch become one; those without a duration vanish.
    """
    spans: dict[int, list[list[float]]] = {}
    for start, end, speaker in sorted(turns):
        mine = spans.setdefault(speaker, [])
        if mine and start <= mine[-1][1]:
            mine[-1][1] = max(end, mine[-1][1])
        elif start < end:
            mine.append([start, end])
    names = {speaker: f"SPEAKER_{index:02d}" for index, speaker in enumerate(sorted(s for s in spans if spans[s]))}
    lines = sorted((start, end, names[speaker]) for speaker, mine in spans.items() for start, end in mine)
    return "".join(
        f"SPEAKER {uri} 1 {start:.3f} {end - start:.3f} <NA> <NA> {name} <NA> <NA>\n" for start, end, name in lines
    )


def peak_mb() -> float:
    """The most memory this process has had, in megabytes."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # The resource usage of a process that was started from a large one begins with the large one's.
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def packages() -> dict[str, str]:
    """Python's version and those of the packages installed here, by name."""
    found = {entry.metadata["Name"]: entry.version for entry in importlib.metadata.distributions()}
    return {"python": platform.python_version(), **dict(sorted(found.items(), key=lambda item: item[0].lower()))}
