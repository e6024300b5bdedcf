"""Runs one row of the table on one clip, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from parity.errors import InputError
from peers.environments import said_last

ROOT = Path(__file__).resolve().parent.parent
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PARITY_THREADS")
NUMBERS = ("load_seconds", "seconds", "cpu_seconds", "peak_mb")


@dataclass(frozen=True)
class Run:
    """What a worker said.

    Attributes
    ----------
    rttm : its turns, times with three decimals
    load_seconds : until the models were loaded
    seconds, cpu_seconds : of the clip alone, by the clock and over all threads
    peak_mb : memory of the process at its largest, loading included
    packages : versions in its environment, by name
    """

    rttm: str
    load_seconds: float
    seconds: float
    cpu_seconds: float
    peak_mb: float
    packages: dict[str, str]


def run_worker(
    python: Path,
    worker: str,
    *,
    clip: Path,
    uri: str,
    threads: int,
    options: dict,
    limit: float | None = None,
    file: Path | None = None,
) -> Run:
    """Run a worker on a clip.

    Parameters
    ----------
    python : interpreter of the peer's environment
    worker : a module of `peers.workers`
    clip : 16 kHz, one channel, 16 bits
    uri : the recording's name in the RTTM
    limit : seconds until it is given up
    file : the recording at its own rate, for who resamples by himself; the clip where it is not given

    Raises
    ------
    InputError : it ended badly, took too long, or answered what is no answer; with the last it said
    """
    request = {"clip": str(clip), "file": str(file or clip), "uri": uri, "threads": threads, "options": options}
    pinned = dict.fromkeys(THREAD_VARIABLES, str(threads))
    # Nothing of this environment may be found by another one's interpreter, but the workers themselves.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    # As a file: `-m` would put the current folder before everything else.
    command = [str(python), str(ROOT / "peers" / "workers" / f"{worker}.py")]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request) + "\n",
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**environment, **pinned, "PYTHONPATH": str(ROOT)},
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"{worker}: gave no answer in {limit:.0f} s") from None
    except OSError as error:
        raise InputError(f"{worker}: {python} does not start: {error.strerror or error}") from error
    if done.returncode:
        raise InputError(f"{worker}: ended with status {done.returncode}: {said_last(done.stderr)}")
    return read_answer(worker, done.stdout)


def read_answer(worker: str, text: str) -> Run:
    """A worker's answer.

    Raises
    ------
    InputError : it is not one line of JSON with the keys of `Run`
    """
    try:
        answer = json.loads(text)
        numbers = {key: float(answer[key]) for key in NUMBERS}
        return Run(rttm=str(answer["rttm"]), packages=dict(answer["packages"]), **numbers)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{worker}: answered {text[:80]!r}, which is not what a worker answers: {error}") from None
