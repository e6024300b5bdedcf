"""What a program did instead of answering: one exception type for each way to fail.

All of them are a `StageRaised`: a replay takes them as its verdict on the stage, stages behind it are not reached, and
everything else goes on. `said` is what happened, `place` the end of the program's log, `trace` all that is kept of it.
"""

from __future__ import annotations

import signal
from pathlib import Path

from parity.errors import InputError, one_line
from parity.pipeline.raised import StageRaised

QUOTED_LINES, QUOTED = 3, 160
"""Lines of a log in a message, and characters of each."""

KEPT = 16 << 10
"""Bytes of a log's end that are kept."""


class ProgramFailed(StageRaised):
    """A program did not do what it was asked.

    Attributes
    ----------
    stage, said, place, trace : see `parity.pipeline.raised.StageRaised`
    program : its command
    exit_status, signal : how it ended; None where it did not, or otherwise
    what : what happened
    log : the last lines that it wrote for this request
    still_of_use : whether a server that failed so can be asked for other things
    """

    still_of_use = False

    def __init__(
        self, program: str, stage: str, what: str, log: str = "", *, exit_status: int | None = None, died_of: int = 0
    ) -> None:
        self.program, self.stage, self.log = program, stage, log
        self.exit_status, self.signal = exit_status, died_of or None
        self.what = what
        self.said = f"{type(self).__name__}: {what}"
        self.place = in_one_line(log)
        self.trace = f"{program}: stage {stage}: {what}\n{log}\n"
        InputError.__init__(self, f"{program}: stage {stage}: {what} ({self.place})")


class Exited(ProgramFailed):
    """It ended with an exit status other than 0, or a server ended while it was asked."""


class Crashed(ProgramFailed):
    """A signal ended it."""


class TimedOut(ProgramFailed):
    """It did not answer in time, and was killed."""


class Garbled(ProgramFailed):
    """A server wrote something on standard output that is no answer to what it was asked."""


class Refused(ProgramFailed):
    """A server answered that it could not."""

    still_of_use = True


class WrongOutput(ProgramFailed):
    """What it wrote is not what the stage writes: a file missing, too many, half, or with another content."""

    still_of_use = True


def ended(program: str, stage: str, returncode: int, log: str, when: str = "") -> ProgramFailed:
    """The failure of a program that ended.

    Parameters
    ----------
    returncode : as `subprocess` has it: negative is a signal
    when : what it should have done first, such as `before it answered`
    """
    tail = f" {when}" if when else ""
    if returncode < 0:
        return Crashed(program, stage, f"died of signal {_signal(-returncode)}{tail}", log, died_of=-returncode)
    return Exited(program, stage, f"exit status {returncode}{tail or ', expected 0'}", log, exit_status=returncode)


def in_one_line(log: str) -> str:
    """The end of a log, for a message."""
    lines = [one_line(line, QUOTED) for line in log.splitlines() if line.strip()]
    return f"its log ends: {' / '.join(lines[-QUOTED_LINES:])}" if lines else "its log is empty"


def read_log(path: Path, start: int = 0) -> str:
    """The end of a log file from a position on, as text without control characters."""
    try:
        with path.open("rb") as file:
            file.seek(max(start, path.stat().st_size - KEPT))
            data = file.read(KEPT)
    except OSError:
        return ""
    text = data.decode("utf-8", "replace").replace("\r", "\n")
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in text)


def _signal(number: int) -> str:
    try:
        return f"{number} ({signal.Signals(number).name})"
    except ValueError:
        return str(number)
