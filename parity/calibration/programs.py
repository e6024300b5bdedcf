"""A program's own faults: mistakes that it plants in itself when it is asked to, by `fault` in `parameters.json`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity.errors import InputError
from parity.faults.fault import Fault
from parity.pipeline import Pipeline
from parity.ports import Implementation
from parity.ports.program import Program
from parity.ports.program.implementation import in_place

AS_IT_IS = "as_it_is"
"""The program without any of its faults: the control, which has to be at parity."""

Plant = Callable[[Pipeline, Any], Pipeline]


def faults_of(under_test: Implementation) -> list[Fault]:
    """The faults that a program says it has, and before them the program as it is.

    Raises
    ------
    InputError : it is no program, or says of none
    """
    program = under_test.program
    if program is None:
        raise InputError(
            f"--implementation {under_test.name}: is no program; faults in Python are taken from a module by --faults"
        )
    if not program.description.faults:
        raise InputError(f"--implementation {under_test.name}: `describe` names no `faults` that it could plant")
    control = Fault(AS_IT_IS, "nothing", "the program without a fault", _planted(program, {}))
    return [
        control,
        *(
            Fault(fault.name, fault.stage, fault.about, _planted(program, {"fault": fault.name}))
            for fault in program.description.faults
        ),
    ]


def _planted(program: Program, more: dict[str, Any]) -> Plant:
    return lambda native, workshop: in_place(program, native, more)
