"""A child process that cannot outlive us: its own process group, a deadline, a bounded log, and its peak memory.

Conventions: a program runs in the folder that the lab was started in. Its group is killed as soon as the program has
ended or is no longer waited for, so that nothing it started in the background stays; what left the group is found by
a mark in its environment, where the system shows that (`/proc`).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from parity.errors import InputError

MARK = "PARITY_PROGRAM"
PROC = Path("/proc")
LOG_LIMIT = 64 << 20
"""Bytes of log after which a program is taken to have run wild."""

SHORTEST_WAIT, LONGEST_WAIT = 0.002, 0.02
"""Seconds between two looks at a child: at its log, and at its memory."""


class Child:
    """A program that runs.

    Parameters
    ----------
    command : the program and what it is told
    mark : goes into its environment, see `kill_marked`
    log : takes its standard error
    output : takes its standard output; None: a pipe
    reads : whether it gets a pipe as standard input; it gets an empty one otherwise

    Attributes
    ----------
    peak : bytes of memory at most, as far as it could be seen; None where it could not

    Raises
    ------
    InputError : there is no such program, or it may not be run
    """

    def __init__(
        self, command: Sequence[str], mark: str, log: Path, output: Path | None = None, *, reads: bool = False
    ) -> None:
        self.log = log
        self._files = [path for path in (log, output) if path is not None]
        self.peak: int | None = None
        with contextlib.ExitStack() as stack:
            stdout: Any = subprocess.PIPE if output is None else stack.enter_context(output.open("ab"))
            stderr = stack.enter_context(log.open("ab"))
            try:
                self.process: subprocess.Popen[bytes] = subprocess.Popen(
                    list(command),
                    stdin=subprocess.PIPE if reads else subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                    env={**os.environ, MARK: mark},
                )
            except (OSError, ValueError) as error:
                raise InputError(f"{command[0]}: cannot be run ({_why(error)})") from None
        self._end = _pidfd(self.pid)

    @property
    def pid(self) -> int:
        """Its process id, which is its group's too."""
        return self.process.pid

    def wait(self, limit: float, ready: Callable[[float], bool] | None = None) -> str | None:
        """Wait until it has ended, or until something else is there.

        Parameters
        ----------
        limit : seconds to wait at most
        ready : waits for that many seconds at most, and says whether what is waited for is there; None: for the end

        Returns
        -------
        None where it came; else why not: `time` or `log`
        """
        deadline, pause = time.monotonic() + limit, SHORTEST_WAIT
        while True:
            if ready is None or pause > SHORTEST_WAIT:  # most answers are there at once, and who stays is asked then
                self.look()
            if self._log_size() > LOG_LIMIT:
                return "log"
            left = deadline - time.monotonic()
            if left <= 0:
                return "time"
            if (ready or self.has_ended)(min(pause, left)):
                return None
            pause = min(2 * pause, LONGEST_WAIT)

    def has_ended(self, seconds: float = 0.0) -> bool:
        """Wait that long at most for its end."""
        deadline = time.monotonic() + seconds
        while not self._ended():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if self._end is None:
                time.sleep(min(left, SHORTEST_WAIT))
            else:
                select.select([self._end], [], [], left)
        return True

    def look(self) -> None:
        """Take note of the memory it holds: of the largest of its processes, where it has several."""
        sizes = [size for pid in _family(self.pid) if (size := _peak_memory(pid)) is not None]
        if sizes:
            self.peak = max(self.peak or 0, *sizes)

    def forget_peak(self) -> None:
        """Begin to measure its memory anew, as far as the system can."""
        self.peak = None
        for pid in _family(self.pid):
            with contextlib.suppress(OSError):
                (PROC / str(pid) / "clear_refs").write_text("5")

    def end(self) -> int:
        """Kill whatever of its group still runs; how the program ended, as `subprocess` has it."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.pid, signal.SIGKILL)
            else:  # pragma: no cover
                self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if self._end is not None:
            os.close(self._end)
            self._end = None
        return self.process.wait()

    def _ended(self) -> bool:
        """It stays known to the system where that can be, so that its number is nobody else's before its group goes."""
        if hasattr(os, "waitid"):
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        return self.process.poll() is not None  # macOS before Python 3.13

    def _log_size(self) -> int:
        return sum(path.stat().st_size for path in self._files if path.exists())


def in_words(missed: str, limit: float) -> str:
    """What `Child.wait` missed; `limit` is the seconds that it had."""
    return f"no answer in {limit:g} s" if missed == "time" else f"more than {LOG_LIMIT >> 20} MiB of log"


def _pidfd(pid: int) -> int | None:
    """What becomes readable when a process ends; None where the system has no such thing."""
    opened = getattr(os, "pidfd_open", None)
    with contextlib.suppress(OSError):
        return None if opened is None else int(opened(pid))
    return None


def end_on_sigterm() -> None:
    """Let a request to terminate unwind the stack, so that programs end and folders go; others' handlers stay."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def send(stream: IO[bytes] | None, data: bytes) -> bool:
    """Write to a child; whether it still listens."""
    assert stream is not None
    try:
        stream.write(data)
        stream.flush()
    except (OSError, ValueError):
        return False
    return True


def kill_marked(mark: str) -> None:
    """Kill what carries a mark in its environment: processes that left the group of one that we started."""
    wanted = f"{MARK}={mark}".encode()
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if wanted in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                os.kill(int(folder.name), signal.SIGKILL)


def _family(pid: int) -> list[int]:
    """A process and its children, near and far."""
    found, left = [], [pid]
    while left:
        found.append(left.pop())
        tasks = f"{PROC}/{found[-1]}/task"
        with contextlib.suppress(OSError, ValueError), os.scandir(tasks) as entries:  # closed if one has just ended too
            for task in entries:
                left += map(int, Path(task.path, "children").read_bytes().split())
    return found


def _peak_memory(pid: int) -> int | None:
    """Bytes: the most that a process has held (`VmHWM`); None where that cannot be told."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"{PROC}/{pid}/status").read_bytes().partition(b"VmHWM:")[2].split(maxsplit=1)[0]) << 10
    return None


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such program; a name without a folder is looked up on the PATH"
    return getattr(error, "strerror", None) or str(error)
