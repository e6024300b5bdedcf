"""`parity new-port`: a program to begin a port with."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from parity.console import stdout


def new_port(
    folder: Annotated[Path, typer.Argument(help="Where the program goes; empty, or not there yet.")],
    language: Annotated[str, typer.Option(help="c, rust, node or python.")],
) -> None:
    """Write a small program to begin a port with: the contract, five stages at parity, how to build and check it.

    It reads and writes .npy, answers describe, stage and serve, and needs no library but NumPy and SciPy in Python.
    """
    from parity.ports.new_port import write_port

    template = write_port(folder, language)
    steps = [f"cd {shlex.quote(str(folder))}", template.build, f"parity check {_one_word(template.program)}"]
    then = " && ".join(step for step in steps if step)
    stdout.print(f"{folder}: start with README.md; then: {then}", markup=False, soft_wrap=True)


def _one_word(program: str) -> str:
    return f'"{program}"' if " " in program else program
