"""`exec:PROGRAM` as an implementation under test: the native pipeline with a program in place of the stages it has."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import partial
from typing import Any

from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import without_networks
from parity.errors import InputError
from parity.fixtures.decisions import INSIDE
from parity.pipeline.stage import Pipeline, Stage
from parity.ports.program.contract import check_stages
from parity.ports.program.declares import declared_by
from parity.ports.program.program import STAGE_TIMEOUT, Program
from parity.ports.python import PREFIX, Implementation

URI = "recording"
"""What a program's RTTM lines are to be called; they are compared under one name whatever they say."""


def load_program(spec: str, timeout: float = STAGE_TIMEOUT) -> Implementation:
    """The implementation behind `exec:PROGRAM --flags`; its program runs until it is closed.

    Parameters
    ----------
    spec : the prefix, and a command as a shell would take it; no shell runs it
    timeout : seconds that one request may take

    Raises
    ------
    InputError : there is no such program, what it says of itself is wrong, or it names a stage that there is not
    """
    try:
        command = shlex.split(spec.removeprefix(PREFIX))
    except ValueError as error:
        raise InputError(f'--implementation {spec}: no command ({error}); expected exec:"./my_port --flags"') from None
    if not command:
        raise InputError(f'--implementation {spec}: names no program; expected exec:"./my_port --flags"')
    try:
        program = Program(command, timeout=timeout)
    except InputError as error:
        raise InputError(f"--implementation {PREFIX}{error}") from None
    try:
        _check_early(spec, program)
    except InputError:
        program.close()
        raise
    return Implementation(spec, partial(in_place, program), program)


def _check_early(spec: str, program: Program) -> None:
    """Said before minutes of work are done; a recurrent pipeline is checked when it is there."""
    declared_by(program.description, f"--implementation {spec}:")
    native = community1_pipeline(without_networks(), Parameters())
    if program.description.pipeline == native.name:
        check_stages(f"--implementation {spec}", program.description, native.name, _known(native))


def in_place(program: Program, native: Pipeline, more: Mapping[str, Any] | None = None) -> Pipeline:
    """The native pipeline with a program's stages in place of its own.

    Parameters
    ----------
    more : goes into `parameters.json` beside the pipeline's settings

    Raises
    ------
    InputError : the program is another pipeline's, names a stage that this one has not, or has none
    """
    place = f"--implementation {PREFIX}{program.name}"
    check_stages(place, program.description, native.name, _known(native))
    if not program.description.stages:
        raise InputError(f"{place}: has no stages, and only stages can be driven here; it answers `run`")
    parameters = {"uri": URI, **native.settings, **(more or {})}
    for name in program.description.stages:
        if name in INSIDE:
            continue
        native = native.replacing(name, partial(_run, program, native[name], parameters))
    return native


def _known(native: Pipeline) -> tuple[str, ...]:
    """What a program may name: stages, and lines inside them that only `parity check` asks."""
    return (*(stage.name for stage in native), *INSIDE)


def _run(program: Program, stage: Stage, parameters: Mapping[str, Any], *values: Any) -> Any:
    made = program.stage(stage, dict(zip(stage.reads, values, strict=True)), parameters)
    written = tuple(made[name] for name in stage.writes)
    return written if len(written) > 1 else written[0]
