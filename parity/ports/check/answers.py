"""Questions put to a port, and what became of them.

A port is a program (`parity.ports.program`) or Python functions (`parity.ports.python`); native stages that Python
functions leave in place are not asked.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import without_networks
from parity.errors import InputError, one_line
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.decisions import read_decisions
from parity.measure.drift import Drift
from parity.names import find_names
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import Artefacts
from parity.ports.check.questions import FEW, Question, hearing_stages, known_stages, questions
from parity.ports.program.contract import check_stages
from parity.ports.program.failures import ProgramFailed
from parity.ports.program.program import STAGE_TIMEOUT, Program
from parity.ports.python import NATIVE, PREFIX, Implementation, load_implementation
from parity.replay.decisions import ask

PYTHON = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
"""`module:object`, as no program is called."""


@dataclass(frozen=True)
class Answer:
    """One question and what was answered.

    Attributes
    ----------
    question : the question
    drifts : every artefact that both sides have, compared
    problem : what kept it from being compared, one line: an artefact missing, a crash, no answer in time
    got : artefact -> what was answered
    seconds : wall time of the port, files that pass between included
    """

    question: Question
    drifts: tuple[Drift, ...] = ()
    problem: str = ""
    got: Mapping[str, Any] = field(default_factory=dict, repr=False)
    seconds: float = 0.0

    @property
    def right(self) -> bool:
        """Whether it is the reference's answer."""
        return not self.problem and all(drift.within for drift in self.drifts)


@dataclass(frozen=True)
class Checked:
    """Everything that was asked of one port.

    Attributes
    ----------
    port : its name and version, as it says them
    given : what the command line named
    stages : those asked for
    answers : in the order asked
    not_asked : stages of the port to which there is no question, or that want audio and were not named
    seconds : wall time of all
    declared : what the port declares to do otherwise, by name
    changed : questions that were not put, for what is declared changes them and what is expected cannot be told
    """

    port: str
    given: str
    stages: tuple[str, ...]
    answers: tuple[Answer, ...]
    not_asked: tuple[str, ...]
    seconds: float
    declared: Mapping[str, Any] = field(default_factory=dict)
    changed: tuple[Question, ...] = ()

    @property
    def port_seconds(self) -> float:
        """Wall time of the port in it."""
        return sum(answer.seconds for answer in self.answers)

    @property
    def given_that(self) -> tuple[int, str]:
        """How many answers were judged with declared values, and these in words."""
        names = {name: None for answer in self.answers for name in answer.question.declared}
        if not names:
            return 0, ""
        from parity.ports.dump.deviations import in_words

        values = {name: self.declared[name] for name in names}
        many = sum(bool(answer.question.declared) for answer in self.answers)
        return many, in_words(values, vars(Parameters()))

    @property
    def wrong(self) -> tuple[Answer, ...]:
        """What was answered otherwise than by the reference."""
        return tuple(answer for answer in self.answers if not answer.right)


class Port(Protocol):
    """Whoever is asked."""

    @property
    def name(self) -> str:
        """Name and version."""

    @property
    def stages(self) -> tuple[str, ...]:
        """Stages it has."""

    @property
    def declared(self) -> Mapping[str, Any]:
        """What it declares to do otherwise."""

    def answer(self, question: Question) -> Answer | None:
        """Its answer; None where it cannot be asked that."""

    def close(self) -> None:
        """Nothing more is asked."""


def check(
    given: str,
    stages: Iterable[str] = (),
    fixtures: Iterable[str] = FEW,
    *,
    timeout: float = STAGE_TIMEOUT,
    on_question: Callable[[str], None] = lambda name: None,
) -> Checked:
    """Ask a port.

    Parameters
    ----------
    given : a program's command line, with or without `exec:`; or `module:object`; or `native`
    stages : names, or beginnings of them; all that the port has by default
    fixtures : recordings, by name
    timeout : seconds that a program may take for one request
    on_question : called with a question's name before it is put

    Raises
    ------
    InputError : no such port, a stage that it has not, or nothing that could be asked
    """
    started = time.perf_counter()
    named = _named(stages)
    entries = Catalogue.read(default_folder()).select(list(fixtures))
    port = open_port(given, timeout)
    try:
        if not port.stages:
            raise InputError(f"{given}: {port.name} has no stages, and only stages are asked here")
        asked = _stages_to_ask(port, named)
        heard = bool(hearing_stages() & set(named))
        answers, without, changed = [], set(asked), []
        for plain in questions(asked, read_decisions(stages=asked), entries, heard=heard):
            on_question(plain.name)
            if (question := _as_declared(plain, port)) is None:
                changed.append(plain)
                without.discard(plain.stage.name)
            elif (answer := port.answer(question)) is not None:
                answers.append(answer)
                without.discard(question.stage.name)
    finally:
        port.close()
    if not answers and changed:
        raise InputError(
            f"{given}: nothing could be asked of {', '.join(asked)}: what it declares ({', '.join(port.declared)}) "
            "changes all of it; ask on recordings: parity run --implementation"
        )
    if not answers:
        raise InputError(
            f"{given}: nothing could be asked of {', '.join(asked)} without audio; name a stage that reads it, as in "
            "--stage fbank, or ask on recordings: parity run --implementation"
        )
    seconds = time.perf_counter() - started
    not_asked = tuple(name for name in asked if name in without)
    return Checked(port.name, given, asked, tuple(answers), not_asked, seconds, port.declared, tuple(changed))


def open_port(given: str, timeout: float = STAGE_TIMEOUT) -> Port:
    """The port that is meant; close it.

    Raises
    ------
    InputError : there is none
    """
    if is_python(given):
        return PythonPort(load_implementation(given))
    return ProgramPort(command_of(given), timeout)


def is_python(given: str) -> bool:
    """Whether Python functions are meant rather than a program."""
    return given == NATIVE.name or (PYTHON.fullmatch(given) is not None and not given.startswith(PREFIX))


def command_of(given: str) -> list[str]:
    """A program's command line as words.

    Raises
    ------
    InputError : it is none
    """
    try:
        words = shlex.split(given.removeprefix(PREFIX))
    except ValueError as error:
        raise InputError(f"{given}: no command line ({error})") from error
    if not words:
        raise InputError("which program? parity check ./my_port, or parity check my_module:STAGES")
    return words


class ProgramPort:
    """A program, through the contract."""

    def __init__(self, command: list[str], timeout: float) -> None:
        self._program = Program(command, timeout=timeout)
        described = self._program.description
        self.name, self.stages = f"{described.name} {described.version}", described.stages
        self.declared: Mapping[str, Any] = {}
        try:
            check_stages(self._program.name, described, "community-1", known_stages())
            if described.declares:
                from parity.ports.program.declares import declared_by

                self.declared = declared_by(described, self._program.name)
        except InputError:
            self.close()
            raise

    def answer(self, question: Question) -> Answer:
        """Its answer; a crash, a hang or a wrong file is a problem of that answer."""
        started = time.perf_counter()
        try:
            made = self._program.stage(question.stage, question.values, question.parameters)
        except ProgramFailed as error:
            return Answer(question, problem=f"{error.what} ({error.place})", seconds=time.perf_counter() - started)
        return _judged(question, made, time.perf_counter() - started)

    def close(self) -> None:
        """Nothing of the program is left running."""
        self._program.close()


class PythonPort:
    """Functions in place of stages."""

    def __init__(self, implementation: Implementation) -> None:
        self._implementation = implementation
        native = community1_pipeline(without_networks(), Parameters())
        changed = implementation(native)
        own = [mine.name for mine, theirs in zip(changed, native, strict=True) if mine.run is not theirs.run]
        self.name = implementation.name
        self.declared: Mapping[str, Any] = {}
        self.stages = tuple(own) if implementation is not NATIVE else _without_weights()

    def answer(self, question: Question) -> Answer | None:
        """Its answer; None where a network of its own stands in front of the decision."""
        started = time.perf_counter()
        try:
            if question.case is not None:
                decided = ask(question.case, self._implementation)
                seconds = time.perf_counter() - started
                found = Answer(question, decided.drifts, decided.problem, decided.got or {}, seconds)
                return found if decided.asked else None
            pipeline = self._implementation(community1_pipeline(without_networks(), question.settings))
            made = replace(pipeline[question.stage.name], when=None)(question.values)  # the reference reached it
        except (StageRaised, InputError) as error:
            said = f"raised {error.said} ({error.place})" if isinstance(error, StageRaised) else one_line(error)
            return Answer(question, problem=said, seconds=time.perf_counter() - started)
        return _judged(question, made, time.perf_counter() - started)

    def close(self) -> None:
        """There is nothing to close."""


def _as_declared(question: Question, port: Port) -> Question | None:
    if not port.declared:
        return question
    from parity.ports.check.declared import with_what_is_declared

    return with_what_is_declared(question, port.declared)


def _judged(question: Question, made: Artefacts, seconds: float) -> Answer:
    drifts, problem = question.judged(made)
    return Answer(question, drifts, problem, made, seconds)


def _without_weights() -> tuple[str, ...]:
    """The native stages that need neither networks nor the PLDA's arrays."""
    needy = {*hearing_stages(), "embeddings", "xvec", "plda"}
    return tuple(name for name in known_stages() if name not in needy)


def _named(stages: Iterable[str]) -> list[str]:
    known = known_stages()
    return find_names(list(stages), known, refused="--stage {}: unknown", there_are="there are:")


def _stages_to_ask(port: Port, named: list[str]) -> tuple[str, ...]:
    if absent := [name for name in named if name not in port.stages]:
        there = ", ".join(port.stages) or "none"
        raise InputError(f"--stage {', '.join(absent)}: {port.name} has it not; its stages: {there}")
    return tuple(name for name in known_stages() if name in (named or port.stages))


def files_of(given: str) -> list[Path]:
    """The files that a port is made of, as far as its name tells."""
    if is_python(given):
        spec = importlib.util.find_spec(given.partition(":")[0])
        return [Path(spec.origin)] if spec and spec.origin else []
    words = command_of(given)
    found = [Path(word) for word in words if Path(word).is_file()]
    program = shutil.which(words[0])
    return list(dict.fromkeys([*([Path(program)] if program else []), *found]))
