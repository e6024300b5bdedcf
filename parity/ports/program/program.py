"""A program under test: described, asked for stages, timed, closed.

Task: a command -> stages as functions of artefacts. A program that can `serve` is started once; others are called once
per request. A server that died is restarted once per request; that is said, and if it dies again the stage has failed.
"""

from __future__ import annotations

import tempfile
import time
import uuid
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from parity.community1.geometry import STEP_SECONDS
from parity.errors import InputError
from parity.pipeline.stage import Artefacts, Stage
from parity.ports.program import process
from parity.ports.program.contract import Description, read_description
from parity.ports.program.exchange import read_outputs, write_inputs
from parity.ports.program.failures import ProgramFailed, TimedOut, WrongOutput, ended, read_log
from parity.ports.program.kept import Kept, key_of
from parity.ports.program.process import Child, in_words
from parity.ports.program.ranges import Piece, joined, pieces
from parity.ports.program.request_folders import IN, OUT, RequestFolders, remove
from parity.ports.program.server import Died, Server

STAGE_TIMEOUT = 300.0
"""Seconds that one request may take, loading of models included."""

DESCRIBE, WHOLE = "describe", "run"
OUTPUT = "output"
DESCRIBE_TIMEOUT = 60.0
DESCRIPTION_LIMIT = 1 << 20


@dataclass(frozen=True)
class Cost:
    """What a stage of a program cost.

    Attributes
    ----------
    stage : its name
    calls : requests that reached the program
    seconds : wall time of all of them, files included
    peak_memory : bytes, the most that it was seen to hold meanwhile; None where the system does not say
    """

    stage: str
    calls: int = 0
    seconds: float = 0.0
    peak_memory: int | None = None

    def with_call(self, seconds: float, peak: int | None) -> Cost:
        """The same and one more call."""
        known = [size for size in (self.peak_memory, peak) if size is not None]
        return replace(
            self, calls=self.calls + 1, seconds=self.seconds + seconds, peak_memory=max(known) if known else None
        )


@dataclass
class Account:
    """What a program cost since it was last asked, and what has to be said of it.

    Attributes
    ----------
    costs : by stage
    remarks : one line each
    """

    costs: dict[str, Cost] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


class Program:
    """A program that runs stages; a context manager, at whose end nothing of it is left running.

    Parameters
    ----------
    command : the executable and its flags
    timeout : seconds that one request may take
    serve : whether to use `serve` where the program has it

    Attributes
    ----------
    description : what it says of itself
    account : what it cost so far
    serves : whether stages are asked of its server

    Raises
    ------
    InputError : there is no such program, or what it says of itself is wrong
    """

    def __init__(self, command: Sequence[str], *, timeout: float = STAGE_TIMEOUT, serve: bool = True) -> None:
        self.command = tuple(command)
        self.name = " ".join(command)
        self.timeout = timeout
        self.account = Account()
        process.end_on_sigterm()
        self.folder = Path(tempfile.mkdtemp(prefix="parity-program-"))
        self._mark = uuid.uuid4().hex
        self._server: Server | None = None
        self._requests = 0
        self._end = weakref.finalize(self, _clear, self.folder, self._mark)
        try:
            self.description = self._describe()
        except BaseException:
            self.close()
            raise
        self.serves = serve and self.description.serve
        self._kept = Kept(self.folder)
        self._folders = RequestFolders(self.folder)

    def __enter__(self) -> Program:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server, kill what is left of the program, and remove its folder."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._end()

    def stage(self, stage: Stage, values: Mapping[str, Any], parameters: Mapping[str, Any]) -> Artefacts:
        """Run one stage.

        Parameters
        ----------
        stage : which, what it reads and what it writes
        values : artefacts, at least those that the stage reads; None is an artefact that was not made
        parameters : plain numbers and texts that go into `parameters.json`

        Returns
        -------
        everything that the stage writes; what was asked for before comes from memory. Heavy stages are asked in
        ranges of chunks (`parity.ports.program.ranges`), a filterbank is a series

        Raises
        ------
        ProgramFailed : one line that names the stage, how the program ended, and the last lines of its log
        """
        step = parameters.get("chunk_step", STEP_SECONDS)
        asked = pieces(stage, {name: values.get(name) for name in stage.reads}, step)
        return joined(stage, asked, [self._piece(stage, piece, parameters) for piece in asked])

    def _piece(self, stage: Stage, piece: Piece, parameters: Mapping[str, Any]) -> Artefacts:
        read = piece.values
        if piece.chunks is not None:
            parameters = {**parameters, "chunks": list(piece.chunks)}
        key = key_of(stage.name, read, parameters)
        if (known := self._kept.get(key)) is not None:
            return known
        try:
            made = self._ask(stage, read, parameters)
        except ProgramFailed as failure:
            self._kept.fail(key, failure)
            raise
        return self._kept.put(key, made)

    def dump(self, clip: Path) -> Path:
        """What the whole pipeline makes of a clip: a folder that is there until the program is closed.

        Raises
        ------
        ProgramFailed : as the stage `run`; what lies in the folder is not looked at
        """
        self._requests += 1
        folder = self.folder / f"{self._requests:06d}"
        out = folder / clip.stem
        out.mkdir(parents=True)
        started, peak = time.perf_counter(), None
        try:
            _, peak = self._called(WHOLE, [WHOLE, str(clip.absolute()), str(out)], folder, self.timeout)
        finally:
            self._spent(WHOLE, started, peak)
        return out

    def forget(self) -> None:
        """Forget what was answered, so that the same is asked again; as for a program that was built anew."""
        self._kept = Kept(self.folder)

    def settle(self) -> Account:
        """What it cost since the last time this was asked."""
        account, self.account = self.account, Account()
        return account

    def _ask(self, stage: Stage, read: Mapping[str, Any], parameters: Mapping[str, Any]) -> Artefacts:
        self._requests += 1
        started, peak = time.perf_counter(), None
        folder = self._folders.take(self._requests)
        into, out = folder / IN, folder / OUT
        try:
            since = time.time()
            write_inputs(into, read, parameters, self.description.formats)
            if self.serves:
                log, peak = self._served(stage.name, into, out)
            else:
                words = ["stage", stage.name, str(into), str(out)]
                log, peak = self._called(stage.name, words, folder, self.timeout)
            try:
                return read_outputs(out, stage, read, self.description.formats, since, parameters.get("chunks"))
            except InputError as error:
                raise WrongOutput(self.name, stage.name, str(error), log) from None
        finally:
            self._spent(stage.name, started, peak)
            self._folders.give_back(folder)

    def _spent(self, stage: str, started: float, peak: int | None) -> None:
        cost = self.account.costs.get(stage, Cost(stage))
        self.account.costs[stage] = cost.with_call(time.perf_counter() - started, peak)

    def _called(self, stage: str, words: Sequence[str], folder: Path, limit: float) -> tuple[str, int | None]:
        """One call of the program; its log, and its peak memory. What it printed lies in `folder`, in `OUTPUT`."""
        files = folder / "log", folder / OUTPUT
        child = Child([*self.command, *words], self._mark, *files)
        try:
            missed = child.wait(limit)
        finally:
            status = child.end()
        log = next((text for file in files if (text := read_log(file)).strip()), "")
        if missed is not None:
            raise TimedOut(self.name, stage, f"{in_words(missed, limit)}; killed", log)
        if status != 0:
            raise ended(self.name, stage, status, log)
        return log, child.peak

    def _served(self, stage: str, into: Path, out: Path) -> tuple[str, int | None]:
        """One request to the server, two where it died; its log, and its peak memory."""
        request = {"request": "stage", "stage": stage, "in": str(into), "out": str(out)}
        for again in (False, True):
            if self._server is None:
                self._server = Server(self.command, self._mark, self.folder / "server.log")
            server = self._server
            try:
                server.ask(stage, request, self.timeout)
                return server.log(), server.child.peak
            except Died as death:
                self._server = None
                if again:
                    raise death.failure from None
                self.account.remarks.append(f"{death.failure}; its server was restarted once")
                _empty(out)
            except ProgramFailed as failure:
                if not failure.still_of_use:
                    server.child.end()
                    self._server = None
                raise
        raise AssertionError("a server is asked twice at most")

    def _describe(self) -> Description:
        try:
            self._called(DESCRIBE, [DESCRIBE], self.folder, min(self.timeout, DESCRIBE_TIMEOUT))
        except ProgramFailed as failure:
            raise InputError(f"{self.name} {DESCRIBE}: {failure.what} ({failure.place})") from None
        with (self.folder / OUTPUT).open("rb") as file:
            return read_description(self.name, file.read(DESCRIPTION_LIMIT))


def _empty(folder: Path) -> None:
    remove(folder)
    folder.mkdir()


def _clear(folder: Path, mark: str) -> None:
    process.kill_marked(mark)
    remove(folder)
