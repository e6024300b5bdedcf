"""One process that gives bad inputs to readers, one after the other, and says what each did.

An input is made from the seed, the reader's name and its own number, and from nothing else: a number that went wrong is
run again alone. What a reader may do is return or raise its refusal; whatever else comes is found.
"""

from __future__ import annotations

import contextlib
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from fuzz.materials import write
from fuzz.mutators import spoil
from fuzz.readers import READERS, Files, Reader

SECONDS = 10.0
MOST_MEMORY = 2_000_000_000
"""Bytes that a process may have taken, at its largest."""

ADDRESSES = 6 << 30  # bytes of addresses: what asks for more gets a MemoryError, and the machine stays
REFUSED, TAKEN, TRACEBACK, HANG, CORRUPT, MEMORY = "refused", "taken", "traceback", "hang", "accepted corrupt", "memory"


class Slow(BaseException):
    """The time for one input is over; no `Exception`, so that no reader catches it."""


@dataclass(frozen=True)
class Found:
    """What one input did.

    Attributes
    ----------
    outcome : one of the names above
    said : of what went wrong: what was raised, in one line
    place : file and line in the lab
    """

    reader: str
    number: int
    outcome: str
    said: str = ""
    place: str = ""


def schedule(inputs: int, names: list[str]) -> list[tuple[str, range]]:
    """Which reader gets how many inputs, by its share."""
    total = sum(READERS[name].share for name in names)
    counts = {name: inputs * READERS[name].share // total for name in names}
    rest = inputs - sum(counts.values())
    for name in names[:rest]:
        counts[name] += 1
    return [(name, range(count)) for name, count in counts.items() if count]


def run(reader: str, seed: int, numbers: range) -> Iterator[Found]:
    """Give a reader some of its inputs, by their numbers."""
    signal.signal(signal.SIGALRM, _on_alarm)
    good = READERS[reader].good()
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        place = Path(folder) / "in"
        for files in good:
            _read_good(READERS[reader], files, place)
        for number in numbers:
            place.mkdir()
            yield one(reader, seed, number, good, place)
            shutil.rmtree(place)


def _read_good(reader: Reader, files: Files, place: Path) -> None:
    # What a reader imports when it is first asked takes seconds on a busy machine; these are no input's.
    place.mkdir()
    write(place, files)
    with contextlib.suppress(*reader.refuses):
        reader.read(place)
    shutil.rmtree(place)


def made(reader: str, seed: int, number: int, good: list[Files]) -> tuple[Files, bool]:
    """The files of one input, and whether they must be refused."""
    found, rng = READERS[reader], random.Random(f"{seed} {reader} {number}")
    files = dict(rng.choice(good))
    names = [name for name in sorted(files) if name.endswith(found.spoils)] if found.spoils else sorted(files)
    name = rng.choice(names)
    spoilt = spoil(rng, name, files[name])
    changed = spoilt.data != files[name]
    files[name] = spoilt.data
    if found.mend is not None:
        found.mend(files)
    corrupt = spoilt.corrupt and not (spoilt.number and found.loose)
    return files, changed and (corrupt or found.pinned)


def one(reader: str, seed: int, number: int, good: list[Files], folder: Path) -> Found:
    """One input: made, written, read."""
    files, corrupt = made(reader, seed, number, good)
    write(folder, files)
    before = peak()
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        outcome, said, place = _asked(READERS[reader], folder, corrupt)
    except Slow as error:
        outcome, said, place = HANG, f"more than {SECONDS:g} s", _place(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if peak() > max(MOST_MEMORY, before):  # what was there already is no reader's
        outcome, said = MEMORY, f"{peak():,} bytes"
    return Found(reader, number, outcome, said, place)


def _asked(reader: Reader, folder: Path, corrupt: bool) -> tuple[str, str, str]:
    try:
        reader.read(folder)
    except reader.refuses as error:
        lines = str(error).splitlines()
        if len(lines) != 1:
            return TRACEBACK, f"a refusal of {len(lines)} lines: {lines[:1]}", _place(error)
        return REFUSED, "", ""
    except (Exception, SystemExit) as error:
        return TRACEBACK, f"{type(error).__name__}: {str(error)[:200]!r}", _place(error)
    return (CORRUPT, "taken for a good file", "") if corrupt else (TAKEN, "", "")


def _place(error: BaseException) -> str:
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/parity/" in frame.filename]
    return f"parity/{ours[-1].filename.rpartition('/parity/')[2]}:{ours[-1].lineno}" if ours else ""


def peak() -> int:
    """The most bytes of memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def limit_addresses() -> None:
    """Let this process have no more than `ADDRESSES`."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))


def _fast_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _on_alarm(number: int, frame: FrameType | None) -> None:
    raise Slow
