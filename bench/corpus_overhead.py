"""What the corpus runner costs beside a recording's own work, in processor seconds of every process that is concerned.

Seconds by the wall of two runs differ by more than is asked about. Here the same recordings are answered in turns by
the runner, on a cluster of one worker, and by a plain loop in a process of its own, which does what a worker does and
nothing else; networks are loaded, and one recording answered, before anything counts. What a run costs that finds
everything answered is its own start, and is told apart. Between two rounds of the same loop lies what such a
measurement cannot tell.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from unittest.mock import patch

from parity.corpus import running
from parity.corpus.cluster import Tasks, Workers, tasks_on
from parity.corpus.hypothesis import Hypothesis
from parity.corpus.manifest import Entry
from parity.corpus.running import run_sides
from parity.corpus.sides import Setup, Side
from parity.corpus.store import Store
from parity.corpus.work import answer_one
from parity.errors import InputError
from parity.files.whole import sha256_file

TURNS = 20
"""Lines of an answer that nobody computed: about as many as 60 s of conversation have."""
Answer = Callable[[Entry, Side, Setup, str | None], Hypothesis | None]


@dataclass(frozen=True)
class Round:
    """Processor seconds of one round.

    Attributes
    ----------
    runner : of a run over all recordings: client, scheduler, worker
    start : of the same run where everything is answered already
    loop : of the plain loop over the same recordings
    """

    runner: float
    start: float
    loop: float

    @property
    def share(self) -> float:
        """What is beside the loop's work, as a share of it."""
        return (self.runner - self.start) / self.loop - 1


def measured(
    folder: Path,
    entries: Sequence[Entry],
    side: Side,
    setup: Setup,
    rounds: int,
    answer: Answer = answer_one,
    watch: Callable[[int, Round], None] = lambda number, found: None,
) -> tuple[float, list[Round]]:
    """Rounds of runner and loop in turns; who is first changes from round to round.

    Parameters
    ----------
    folder : for stores, one for each round
    answer : what answers a recording, in the worker and in the loop
    watch : called with every round's number, from 1

    Returns
    -------
    start_up, rounds : processor seconds of a cluster that starts and runs once, less the loop's; and the rounds

    Raises
    ------
    InputError : a recording was not answered
    """
    entries = [replace(entry, sha256=entry.sha256 or sha256_file(entry.audio)) for entry in entries]
    found: list[Round] = []
    with _looping(entries, side, setup, answer) as loop, patch.object(running, "answer_one", answer):
        loop()
        before = _seconds(loop.pid)
        with tasks_on(Workers(1)) as tasks:

            def run(store: Path) -> float:
                return _run(store, entries, side, setup, tasks, loop.pid)

            run(folder / "warm")
            start_up = _seconds(loop.pid) - before
            for number in range(1, rounds + 1):
                store = folder / f"round-{number}"
                if number % 2:
                    plain, whole = loop(), run(store)
                else:
                    whole, plain = run(store), loop()
                found.append(Round(whole, run(store), plain))
                watch(number, found[-1])
    return start_up - statistics.median(one.loop for one in found), found


def _run(store: Path, entries: Sequence[Entry], side: Side, setup: Setup, tasks: Tasks, but: int) -> float:
    before = _seconds(but)
    (state,) = run_sides(Store(store), entries, [side], setup, tasks)
    if state.failed:
        raise InputError(f"{side.name}: {state.failed} recordings were not answered; `parity corpus run` says why")
    return _seconds(but) - before


def told(start_up: float, rounds: Sequence[Round]) -> Iterator[str]:
    """The share in words, with what the loop differs from itself by; and what starting costs."""
    shares, loops = [one.share for one in rounds], [one.loop for one in rounds]
    middle = statistics.median(loops)
    yield (
        f"beside the work: median {statistics.median(shares):+.2%} ({min(shares):+.2%} to {max(shares):+.2%}) of "
        f"{middle:.2f} processor s; the loop against its own median {min(loops) / middle - 1:+.2%} to "
        f"{max(loops) / middle - 1:+.2%}"
    )
    yield (
        f"apart from that: a cluster that starts {start_up:.2f} processor s, a run that has nothing to do "
        f"{statistics.median(one.start for one in rounds):.2f}"
    )


def told_of_tasks(count: int, rounds: Sequence[Round]) -> str:
    """What a task costs beside what it does, in words."""
    each = [1000 * (one.runner - one.start - one.loop) / count for one in rounds]
    return f"a task: median {statistics.median(each):.2f} processor ms ({min(each):.2f} to {max(each):.2f})"


# --- the loop --------------------------------------------------------------------------------------------------------


class _Loop:
    """A process that answers all recordings when it is called; processor seconds that they took it."""

    def __init__(self, pid: int, line: Connection) -> None:
        self.pid, self._line = pid, line

    def __call__(self) -> float:
        self._line.send(True)
        found: float = self._line.recv()
        return found


@contextmanager
def _looping(entries: Sequence[Entry], side: Side, setup: Setup, answer: Answer) -> Iterator[_Loop]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_loop, args=(theirs, entries, side, setup, answer), daemon=True)
    process.start()
    assert process.pid is not None
    try:
        yield _Loop(process.pid, ours)
    finally:
        process.kill()
        process.join()


def _loop(line: Connection, entries: Sequence[Entry], side: Side, setup: Setup, answer: Answer) -> None:
    while line.recv():
        before = _own_seconds()
        for entry in entries:
            answer(entry, side, setup, None)
        line.send(_own_seconds() - before)


def _own_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _seconds(but: int) -> float:
    """Processor seconds of this process and all below it, but for one and those below that."""
    import psutil  # which Dask brings

    left_out = {but, *(one.pid for one in psutil.Process(but).children(recursive=True))}
    below = [one for one in psutil.Process().children(recursive=True) if one.pid not in left_out]
    return float(sum(sum(one.cpu_times()[:4]) for one in below)) + _own_seconds()


# --- tasks that do nothing -------------------------------------------------------------------------------------------


def nothing(entry: Entry, side: Side, setup: Setup, known: str | None = None) -> Hypothesis | None:
    """An answer that costs nothing, as long as one to 60 s of conversation."""
    if known is not None:
        return None
    turn = f"SPEAKER {entry.recording} 1 0.000 1.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n" * TURNS
    return Hypothesis(entry.recording, "0" * 64, entry.num_speakers, turn, turn, 0.001, 60.0, 1, TURNS)


def made_up(count: int) -> list[Entry]:
    """Recordings for `nothing`; there are no such files."""
    return [Entry(f"r{number:06d}", Path("none.wav"), sha256="0" * 64) for number in range(count)]
