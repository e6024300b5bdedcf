"""Processes beside this one that end with it, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor


def spawned(count: int) -> ProcessPoolExecutor:
    """So many processes that take work.

    They leave an interrupt to the process that was asked, and end when it was killed.
    """
    # Spawned, not forked: ONNX Runtime's threads do not survive a fork.
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _as_one_of_several)


def _as_one_of_several() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that was asked ends the others
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # Killed, it cannot end the others, who would wait for work for ever.
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)
