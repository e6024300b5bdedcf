"""Inputs shared out to processes, each with limits; one that hangs or dies is ended, said, and another goes on."""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections import Counter
from typing import Any

from fuzz.worker import HANG, REFUSED, TAKEN, TRACEBACK, Found, limit_addresses, peak, run
from parity.errors import InputError

SILENT = 60.0  # seconds without a word, after which a process hangs where no alarm reaches it
PIECE = 5_000  # inputs that a process is given at a time: what it imports takes as long as a thousand of them

Counts = Counter[tuple[str, str]]
Task = tuple[str, range]


def run_all(tasks: list[Task], seed: int, processes: int) -> tuple[list[Found], Counts, int]:
    """Everything that went wrong, the counts by reader and outcome, and the bytes of the largest process.

    Parameters
    ----------
    tasks : readers, and the numbers of their inputs
    processes : at a time
    """
    pieces, running = _pieces(tasks, processes), list[_Process]()
    found, counts, most = list[Found](), Counts(), 0
    while pieces or running:
        while pieces and len(running) < processes:
            running.append(_Process(seed, pieces.pop()))
        time.sleep(0.05)
        for process in list(running):
            left = process.over()
            bad, counted, size = process.said()
            found, counts, most = found + bad, counts + counted, max(most, size)
            if left is None:
                continue
            running.remove(process)
            for lost in process.lost:
                found.append(lost)
                counts[lost.reader, lost.outcome] += 1
            pieces += [left] if left else []
    return found, counts, most


def _pieces(tasks: list[Task], processes: int) -> list[list[Task]]:
    """The same inputs in pieces for one process each."""
    size = min(PIECE, -(-sum(len(numbers) for _, numbers in tasks) // processes))
    pieces: list[list[Task]] = [[]]
    room = size
    for reader, numbers in tasks:
        while numbers:
            taken, numbers = numbers[:room], numbers[room:]
            pieces[-1].append((reader, taken))
            room -= len(taken)
            if not room:
                pieces.append([])
                room = size
    return [piece for piece in pieces if piece]


class _Process:
    """A process that works on one piece, and what it fell over."""

    def __init__(self, seed: int, tasks: list[Task]) -> None:
        context = multiprocessing.get_context("spawn")
        self.lost: list[Found] = []
        self._tasks, self._queue = tasks, context.Queue()
        self._at = context.Array("q", [-1, -1], lock=False)  # the task, and the input's number
        self._process = context.Process(target=work, args=(tasks, seed, self._queue, self._at))
        self._process.start()
        self._heard, self._last, self._ended = time.monotonic(), (-1, -1), False

    def said(self) -> tuple[list[Found], Counts, int]:
        """What came since it was last asked."""
        bad, counts, most = list[Found](), Counts(), 0
        while True:
            try:
                piece = self._queue.get_nowait()
            except queue.Empty:
                return bad, counts, most
            bad, counts, most = bad + piece[0], counts + piece[1], max(most, piece[2])
            self._ended = self._ended or piece[3]

    def over(self) -> list[Task] | None:
        """None while it works; then the tasks that it had not come to."""
        at = (self._at[0], self._at[1])
        if at != self._last:
            self._last, self._heard = at, time.monotonic()
        if self._ended:
            self._process.join()
            return []
        hangs = time.monotonic() - self._heard > SILENT and at[0] >= 0
        if self._process.is_alive() and not hangs:
            return None
        if not hangs and self._process.exitcode == 0:
            return None  # its last words are on their way
        self._process.kill()
        self._process.join()
        if at[0] < 0:
            raise InputError(f"a process ended before its first input (status {self._process.exitcode})")
        reader, numbers = self._tasks[at[0]]
        said = "no answer, and no alarm reached it" if hangs else f"the process ended, {self._process.exitcode}"
        self.lost.append(Found(reader, at[1], HANG if hangs else TRACEBACK, said))
        return [(reader, range(at[1] + 1, numbers.stop)), *self._tasks[at[0] + 1 :]]


def work(tasks: list[Task], seed: int, said: Any, at: Any) -> None:
    """What a process does; `at` is written before every input, so that who waits knows which one it fell over."""
    limit_addresses()
    bad, counts, told = list[Found](), Counts(), time.monotonic()
    for position, (reader, numbers) in enumerate(tasks):
        at[0], at[1] = position, numbers.start
        for found in run(reader, seed, numbers):
            at[0], at[1] = position, found.number + 1
            counts[found.reader, found.outcome] += 1
            bad += [found] if found.outcome not in (REFUSED, TAKEN) else []
            if time.monotonic() - told > 1:
                said.put((bad, counts, peak(), False))
                bad, counts, told = [], Counts(), time.monotonic()
    said.put((bad, counts, peak(), True))
    said.close()
    said.join_thread()
