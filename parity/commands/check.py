"""`parity check`: the inner loop of a port, small questions to its stages, answered in seconds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parity.commands.options import JsonOption, StageTimeoutOption
from parity.console import stderr, stdout, working
from parity.errors import InputError

if TYPE_CHECKING:
    from parity.diagnosis.asking import Asked
    from parity.ports.check import Checked


def check(
    program: Annotated[
        str | None,
        typer.Argument(
            help='A program and its flags, as in "./my_port --fast"; or module:object of Python functions; or native.',
            show_default=False,
        ),
    ] = None,
    stage: Annotated[
        list[str] | None, typer.Option("--stage", help="Only this stage; repeatable. All that the port has otherwise.")
    ] = None,
    fixture: Annotated[
        list[str] | None, typer.Option("--fixture", help="Recordings to ask on; repeatable. Two small ones otherwise.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Ask again whenever the program's file changes.")] = False,
    controls: Annotated[
        bool, typer.Option("--controls", help="Prove that the judge can fail: no program, programs of our own.")
    ] = False,
    json_path: JsonOption = None,
    stage_timeout: StageTimeoutOption = None,
) -> None:
    """Ask a port small questions: each stage on the reference's own inputs, and on every decision case.

    No network of ours is loaded and no audio is read, unless --stage names a stage that reads it. Exit status: 0
    everything as the reference, 1 something else, 2 wrong inputs.
    """
    if controls:
        if program or stage or fixture or watch:
            raise InputError("--controls: asks programs of our own, so no program, --stage, --fixture or --watch")
        raise typer.Exit(_controls(json_path))
    if not program:
        raise InputError("which program? parity check ./my_port, or parity check my_module:STAGES")
    if watch:
        _watch(program)
    raise typer.Exit(_check(program, stage, fixture, json_path, stage_timeout))


def _check(
    program: str, stages: list[str] | None, fixtures: list[str] | None, json_path: Path | None, timeout: float | None
) -> int:
    from parity.files.whole import check_writable, write_text
    from parity.ports.check import FEW
    from parity.ports.check import check as ask
    from parity.ports.program.program import STAGE_TIMEOUT
    from parity.report.check import (
        check_data,
        headline,
        looked_up_data,
        mistake_lines,
        remarks,
        stages_table,
        wrong_answers,
    )

    if json_path is not None:
        check_writable(json_path)
    with working(program) as say:
        checked = ask(program, stages or (), fixtures or FEW, timeout=timeout or STAGE_TIMEOUT, on_question=say)
        looked = _looked_up(checked, say)
    said = looked_up_data(checked, looked)
    if json_path is not None:
        from parity.report.document import to_json

        write_text(json_path, to_json(check_data(checked, said)))
    stdout.print(headline(checked, said), soft_wrap=True)
    for line in [*mistake_lines(said), *wrong_answers(checked)]:
        stdout.print(line, markup=False, soft_wrap=True)
    stdout.print(stages_table(checked))
    for line in remarks(checked):
        stdout.print(line, soft_wrap=True)
    return 1 if checked.wrong else 0


def _looked_up(checked: Checked, say: Callable[[str], None]) -> Asked | None:
    """Which known mistake it is; None where nothing is wrong, so that nothing is loaded to look it up."""
    if not checked.wrong:
        return None
    from parity.diagnosis.asking import LIGHT, Effort
    from parity.diagnosis.of_answers import ask_of_answers
    from parity.ports.judging import Loading

    say("known mistakes")
    return ask_of_answers(checked, Loading(), Effort(LIGHT, "parity explain FIXTURE --implementation"))


def _controls(json_path: Path | None) -> int:
    from parity.files.whole import check_writable, write_text
    from parity.ports.check import run_controls
    from parity.report.check import controls_data, controls_headline, controls_table
    from parity.report.document import to_json

    if json_path is not None:
        check_writable(json_path)
    with working("controls") as say:
        found = run_controls(say)
    if json_path is not None:
        write_text(json_path, to_json(controls_data(found)))
    stdout.print(controls_headline(found), soft_wrap=True)
    stdout.print(controls_table(found))
    return 0 if all(control.works for control in found) else 1


def _watch(program: str) -> None:
    """Check in a process of its own, so that Python functions are read anew, until interrupted."""
    from parity.ports.check.answers import files_of
    from parity.ports.check.watching import state_of, wait_for_change

    files = files_of(program)
    if not files:
        raise InputError(f"{program}: --watch: no file of it is known")
    command = [sys.executable, "-m", "parity", *(word for word in sys.argv[1:] if word != "--watch")]
    while True:
        state = state_of(files)
        subprocess.run(command, check=False)
        stderr.print(f"watching {', '.join(map(str, files))}; end with Ctrl-C", soft_wrap=True)
        wait_for_change(files, state)
