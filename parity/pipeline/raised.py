"""A stage that raised: which one, what, in which file and line.

Where nobody asks for it, it is an `InputError` like any other and ends the run in one line. A replay asks for it: what
raised is then a finding like a drift, stages behind it are not reached, and everything else goes on.
"""

from __future__ import annotations

import sysconfig
import traceback
from pathlib import Path

from parity.errors import InputError, Unanswerable, one_line

_LIBRARIES = tuple({str(Path(sysconfig.get_paths()[key]).resolve()) for key in ("stdlib", "purelib", "platlib")})


class StageRaised(InputError):
    """A stage raised.

    Attributes
    ----------
    stage : its name
    said : type and message of the exception, one line
    place : file and line of the innermost code that is no library's, where there is any
    trace : the whole traceback, as Python prints it
    """

    def __init__(self, stage: str, error: Exception, whose: str = "") -> None:
        self.stage = stage
        self.said = f"{type(error).__name__}: {one_line(error)}"
        self.place = _place(error)
        self.trace = "".join(traceback.format_exception(error))
        plain = isinstance(error, Unanswerable)
        super().__init__(error if plain else f"{whose}stage {stage} raised {self.said} ({self.place})")


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "no line"
    own = [frame for frame in frames if not frame.filename.startswith((*_LIBRARIES, "<"))]
    frame = (own or frames)[-1]
    path = Path(frame.filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}, line {frame.lineno}"
