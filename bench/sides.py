"""The processes of a benchmark, and the order in which clips go through them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from bench.peer import NAME as SHERPA
from bench.peer import SherpaSide
from bench.worker import Answer
from capture.environment import pinned
from parity.errors import InputError


class Side:
    """A worker process."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        command = [sys.executable, "-W", "ignore", "-m", "bench.worker", name, str(threads)]
        environment = {**os.environ, **pinned(threads)}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def wait_until_ready(self) -> None:
        """Wait until its models are loaded.

        Raises
        ------
        InputError : it ended instead
        """
        self._answer()

    def run(self, fixture: str) -> Answer:
        """Run one clip; same errors as `wait_until_ready`."""
        self._process.stdin.write(fixture + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> Answer:
        line = self._process.stdout.readline()
        if not line:
            raise InputError(
                f"bench: the {self.name} side ended with status {self._process.wait()}; its message is above"
            )
        return json.loads(line)


@contextmanager
def sides(names: Iterable[str], threads: int) -> Iterator[list[Side | SherpaSide]]:
    """Sides that are ready, ended when the body is done."""
    started: list[Side | SherpaSide] = []
    try:
        for name in names:
            started.append(SherpaSide(threads) if name == SHERPA else Side(name, threads))
            started[-1].wait_until_ready()
        yield started
    finally:
        for side in started:
            side.close()


def in_turns(
    running: Sequence[Side | SherpaSide], rounds: Sequence[Sequence[str]], say: Callable[[str], None]
) -> Iterator[tuple[str, dict[str, Answer]]]:
    """Every clip of every round on every side, one after another; each round begins with another side.

    Before that every side runs the first clip once, which does not count; nothing runs where there is no clip.

    Parameters
    ----------
    rounds : names of clips, for each round

    Yields
    ------
    name, answers by side
    """
    warm = next((name for names in rounds for name in names), None)
    if warm is None:
        return
    for side in running:
        say(f"warm-up: {side.name}")
        side.run(warm)
    for number, names in enumerate(rounds):
        first = number % len(running)  # heat and neighbours shall not always meet the same one
        order = [*running[first:], *running[:first]]
        for name in names:
            say(f"round {number + 1}/{len(rounds)}: {name}")
            yield name, {side.name: side.run(name) for side in order}
