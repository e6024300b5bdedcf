"""Again, whenever a file has changed: by looking, for no system tells it everywhere in the same way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

PAUSE = 0.3
"""Seconds between two looks; a file that is still being written has changed again at the next one."""

State = dict[Path, tuple[int, int] | None]


def state_of(files: Iterable[Path]) -> State:
    """When each file was changed, in nanoseconds, and its size; None where there is none."""
    found: State = {}
    for path in files:
        try:
            stat = path.stat()
            found[path] = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            found[path] = None
    return found


def wait_for_change(files: Iterable[Path], before: State, sleep: Callable[[float], None] = time.sleep) -> State:
    """Wait until a file is another than it was, all are there, and none changes any more; how they are then."""
    files = list(files)
    while True:
        now = state_of(files)
        if now != before and None not in now.values():
            sleep(PAUSE)
            if state_of(files) == now:
                return now
        else:
            sleep(PAUSE)
