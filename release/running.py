"""Commands that a release runs: their output goes into a file, and the last lines of it into a refusal."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from parity.errors import InputError

TOLD = 300
"""Characters of a failed command's output in the message."""


class Stopped(InputError):
    """A step found something that no release may have."""


@dataclass(frozen=True)
class Place:
    """Where and with what a release is made.

    Attributes
    ----------
    root : of the checkout
    folder : where its steps write, of this version alone
    python : the interpreter with `.[test]`
    capture_python : the one with `.[capture]` too
    """

    root: Path
    folder: Path
    python: str
    capture_python: str

    def run(
        self, name: str, *words: object, capture: bool = False, ok: tuple[int, ...] = (0,), **environment: str
    ) -> tuple[int, str]:
        """Run a module in the checkout; its exit status, and what it said.

        Parameters
        ----------
        name : of the file that keeps what it said, `NAME.txt`
        words : behind `python -m`
        capture : with the interpreter that has pyannote.audio
        ok : exit statuses that are no failure

        Raises
        ------
        Stopped : another exit status; with the end of what it said
        """
        python = self.capture_python if capture else self.python
        command = [python, "-m", *map(str, words)]
        return told(
            name, command, self.root, self.folder / f"{name}.txt", ok, {"PYTHONPATH": str(self.root), **environment}
        )


def told(
    name: str, command: list[str], where: Path, kept: Path, ok: tuple[int, ...] = (0,), more: Mapping[str, str] = {}
) -> tuple[int, str]:
    """Run a command; its exit status, and what it said, which is kept in a file as it comes.

    Raises
    ------
    Stopped : it cannot be started, or ends with a status that is not `ok`
    """
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        with kept.open("w", encoding="utf-8") as file:
            done = subprocess.run(
                command, cwd=where, env={**os.environ, **more}, stdout=file, stderr=subprocess.STDOUT, check=False
            )
    except OSError as error:
        raise Stopped(f"{name}: {command[0]} cannot be started ({error})") from error
    said = kept.read_text(encoding="utf-8", errors="replace")
    if done.returncode not in ok:
        tail = " / ".join(line for line in said.splitlines() if line.strip())[-TOLD:]
        raise Stopped(f"{name}: stopped, exit status {done.returncode}; all of it: {kept}; its end: {tail}")
    return done.returncode, said
