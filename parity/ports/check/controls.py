"""Can the judge fail? Programs that answer rightly, and wrongly in one way each, are checked like any port.

Real subprocesses through the contract: one echoes the reference and has to pass; one puts things in another order, one
rounds to half precision, one answers with what it was asked before, one says nothing, and each of them has to fail.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.decisions import read_decisions
from parity.ports.check import control_program
from parity.ports.check.answers import Checked, ProgramPort
from parity.ports.check.questions import FEW, Question, known_stages, questions
from parity.ports.kit_decisions import write_answer
from parity.ports.program.exchange import write_inputs
from parity.ports.program.ranges import RANGED

CONTROLS = {
    control_program.ECHO: "answers as the reference",
    control_program.PERMUTED: "answers in another order",
    control_program.FLOAT16: "rounds numbers to half precision",
    control_program.STALE: "answers with what it was asked before",
    control_program.SILENT: "answers nothing",
}
TIMEOUT = 60.0


@dataclass(frozen=True)
class Control:
    """What became of one control.

    Attributes
    ----------
    name, about : the way in which it answers
    has_to_pass : whether it is to be found right
    checked : everything that it was asked
    """

    name: str
    about: str
    has_to_pass: bool
    checked: Checked

    @property
    def works(self) -> bool:
        """Whether the judge said what is so."""
        return self.has_to_pass == (not self.checked.wrong)


def run_controls(on_control: Callable[[str], None] = lambda name: None) -> list[Control]:
    """Check every control, on everything that is asked without audio.

    Parameters
    ----------
    on_control : called with a control's name before it is checked

    Raises
    ------
    InputError : fixtures or decision cases are not there
    """
    stages = [name for name in known_stages() if name not in RANGED]
    fixtures = Catalogue.read(default_folder()).select(list(FEW))
    asked = questions(stages, read_decisions(), fixtures)
    with tempfile.TemporaryDirectory(prefix="parity-controls-") as temporary:
        book = Path(temporary)
        write_book(book, asked)
        found = []
        for name, about in CONTROLS.items():
            on_control(name)
            found.append(Control(name, about, name == control_program.ECHO, _checked(name, book, asked)))
    return found


def write_book(book: Path, asked: Iterable[Question]) -> None:
    """Write the reference's answers, where a control looks them up."""
    asked = list(asked)
    stages = list(dict.fromkeys(question.stage.name for question in asked))
    (book / control_program.STAGES).write_text(json.dumps(stages), encoding="utf-8")
    request = book / "request"
    for question in asked:
        request.mkdir()
        values = {name: question.values.get(name) for name in question.stage.reads}
        write_inputs(request, values, question.parameters)
        page = book / control_program.key_of(question.stage.name, request)
        for path in request.iterdir():
            path.unlink()
        request.rmdir()
        page.mkdir(exist_ok=True)
        for name, value in question.expected.items():
            write_answer(page, name, value)


def _checked(name: str, book: Path, asked: Iterable[Question]) -> Checked:
    started = time.perf_counter()
    command = [sys.executable, control_program.__file__, name, str(book)]
    port = ProgramPort(command, TIMEOUT)
    try:
        answers = tuple(port.answer(question) for question in asked)
    finally:
        port.close()
    return Checked(port.name, name, port.stages, answers, (), time.perf_counter() - started)
