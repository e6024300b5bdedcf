"""The one exception type that a user's mistake, or a broken input, raises, and what keeps its message on one line.

`parity.console.run_and_exit` maps it to one line on stderr and exit status 2, and everything else too, with where it
was raised; `parity --traceback COMMAND` shows all.
"""

from __future__ import annotations

from collections.abc import Sequence


class InputError(Exception):
    """Something was wrong with what the user gave: a file, a value, an option, a download.

    The message is one line: what is wrong, its value, the limit it broke, and the likely cause or cure. Breaks of lines
    that names from outside bring along become spaces.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(" ".join(str(message).splitlines()))


class Unanswerable(InputError):
    """A stage has no answer to what it was given, nor has the reference: a finding in a replay, else the end."""


def one_line(text: object, most: int | None = None) -> str:
    """Words of an error, or of any text, on one line.

    Parameters
    ----------
    text : an exception stands for its message
    most : characters that are kept; all of them where None
    """
    return " ".join(str(text).split())[:most]


def first_of(problems: Sequence[str]) -> str:
    """The first of what is wrong with a dump, and how many more things `parity validate` says."""
    more = f" (and {len(problems) - 1} more: parity validate)" if len(problems) > 1 else ""
    return f"{problems[0]}{more}"
