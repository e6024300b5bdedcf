"""A program that stays: one request per line, one answer per line.

Conventions: a line is one JSON object; the answer bears the request's `id`. Whatever else a program writes on standard
output is a misbehaviour, for nobody could tell it from an answer; its log belongs on standard error.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parity.errors import one_line
from parity.files.documents import parse_json
from parity.ports.program.failures import Garbled, ProgramFailed, Refused, TimedOut, ended, read_log
from parity.ports.program.process import Child, in_words, send

LONGEST_LINE = 1 << 20
"""Bytes of an answer at most."""

SHOWN = 80
GRACE = 2.0
"""Seconds that a server is given to end by itself once there is nothing more to ask."""


class Died(Exception):
    """A server ended while it was asked; `failure` is what to say if that shall be the end of it."""

    def __init__(self, failure: ProgramFailed) -> None:
        super().__init__(str(failure))
        self.failure = failure


class Server:
    """A program in `serve`.

    Parameters
    ----------
    command : the program and its flags
    log : the file that takes its standard error, added to
    """

    def __init__(self, command: Sequence[str], mark: str, log: Path) -> None:
        self.name = " ".join(command)
        self.child = Child([*command, "serve"], mark, log, reads=True)
        self._buffer = b""
        self._asked = 0
        self._start = 0
        assert self.child.process.stdout is not None
        self._out = self.child.process.stdout.fileno()
        os.set_blocking(self._out, False)

    def ask(self, stage: str, request: Mapping[str, Any], limit: float) -> None:
        """Ask for one thing and wait for the answer.

        Parameters
        ----------
        stage : whom a failure is said of
        limit : seconds to wait at most

        Raises
        ------
        Died : it ended before it answered
        ProgramFailed : no answer in time, something else on standard output, or a refusal
        """
        self._asked += 1
        self._start = self.child.log.stat().st_size
        self.child.forget_peak()
        self._read()
        if self._buffer:
            raise Garbled(self.name, stage, f"wrote {self._shown()} before it was asked", self.log())
        line = json.dumps({"id": self._asked, **request}, ensure_ascii=False).encode() + b"\n"
        if not send(self.child.process.stdin, line):
            raise self._died(stage)
        missed = self.child.wait(limit, self._has_line)
        self.child.look()
        if missed is not None:
            raise TimedOut(self.name, stage, f"{in_words(missed, limit)}; killed", self.log())
        if b"\n" not in self._buffer and len(self._buffer) <= LONGEST_LINE:
            raise self._died(stage)
        self._check_answer(stage)

    def close(self) -> None:
        """End of input; what has not ended by itself soon after is killed."""
        stream = self.child.process.stdin
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
        self.child.has_ended(GRACE)
        self.child.end()

    def _check_answer(self, stage: str) -> None:
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            said = parse_json(line)
        except ValueError:
            said = None
        if not isinstance(said, dict) or not isinstance(said.get("ok"), bool):
            self._buffer = line
            raise Garbled(self.name, stage, f"wrote {self._shown()}, expected an answer in JSON", self.log())
        if said.get("id") != self._asked or isinstance(said.get("id"), bool):
            wrong = one_line(repr(said.get("id")), SHOWN)
            raise Garbled(self.name, stage, f"answered id {wrong}, the request was {self._asked}", self.log())
        if not said["ok"]:
            raise Refused(self.name, stage, f"said: {one_line(said.get('error', 'no reason'), SHOWN * 3)}", self.log())

    def _has_line(self, seconds: float) -> bool:
        """Whether there is a line, or will be none."""
        ready, _, _ = select.select([self._out], [], [], seconds)
        return bool(ready) and (self._read() or b"\n" in self._buffer or len(self._buffer) > LONGEST_LINE)

    def _read(self) -> bool:
        """Take what is there; whether the program has closed its output."""
        while len(self._buffer) <= LONGEST_LINE:
            try:
                piece = os.read(self._out, 1 << 16)
            except BlockingIOError:
                return False
            if not piece:
                return True
            self._buffer += piece
            if b"\n" in piece:
                return False
        return False

    def _died(self, stage: str) -> Died:
        self.child.has_ended(GRACE)  # it has closed its output: usually it is about to end
        still = not self.child.has_ended()
        status = self.child.end()
        if still:
            return Died(Garbled(self.name, stage, "closed its standard output before it answered", self.log()))
        return Died(ended(self.name, stage, status, self.log(), "before it answered"))

    def log(self) -> str:
        """What it wrote on standard error since it was last asked."""
        return read_log(self.child.log, self._start)

    def _shown(self) -> str:
        text = one_line(self._buffer.decode("utf-8", "replace"))
        return repr(text[:SHOWN]) + ("…" if len(text) > SHOWN else "")
