"""Implementations under test: the native pipeline with some stages replaced by somebody else's functions.

Task: `module:object`, or the name of an entry point in the group `parity.implementations` -> a pipeline of the same
stages; `exec:PROGRAM` is `parity.ports.program`'s. The object is a mapping from stage names to functions with the
signature of the native stage (see `parity.community1`), or a function from the native pipeline to another. What a
replaced stage returns is checked before anybody reads it, so that a mistake is reported by the stage that made it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from parity.community1.annotation import Turn
from parity.errors import InputError, one_line
from parity.fixtures.snapshot import FIXED_DIMS
from parity.names import find_names
from parity.pipeline.artefact import MAY_HOLD_NAN, Artefact, find
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import ChunkSeries, Pipeline, Stage

if TYPE_CHECKING:
    from parity.ports.dump.deviations import Declared
    from parity.ports.program import Program

GROUP = "parity.implementations"
PREFIX = "exec:"
"""What a program's command line follows, see `parity.ports.program`."""


@dataclass(frozen=True)
class Implementation:
    """A way to turn the native pipeline into the one under test.

    Attributes
    ----------
    name : in reports
    change : native pipeline -> pipeline under test
    program : what runs its stages, where that is a program; None where they are functions
    """

    name: str
    change: Callable[[Pipeline], Pipeline]
    program: Program | None = None

    @property
    def declares(self) -> Declared:
        """What a program says that it does otherwise on purpose; nothing where there is no program.

        Raises
        ------
        InputError : it is nothing that can be declared
        """
        if self.program is None:
            return {}
        from parity.ports.program.declares import declared_by  # who drives functions need not wait for it

        return declared_by(self.program.description, self.program.name)

    def __enter__(self) -> Implementation:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        """End the program, where there is one."""
        if self.program is not None:
            self.program.close()

    def __call__(self, native: Pipeline) -> Pipeline:
        """The pipeline under test; its stages are those of the native one, replaced ones are guarded.

        Raises
        ------
        InputError : the implementation raised, or lacks, adds or reorders stages
        """
        try:
            changed = self.change(native)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"implementation {self.name}: {_said(error)} while it was put together") from error
        if not isinstance(changed, Pipeline):
            raise InputError(f"implementation {self.name}: gave a {type(changed).__name__}, expected a Pipeline")
        wanted, got = [stage.name for stage in native], [stage.name for stage in changed]
        if got != wanted:
            odd = sorted(set(wanted) ^ set(got)) or got
            raise InputError(f"implementation {self.name}: its stages are not the pipeline's: {', '.join(odd)}")
        stages = [
            mine if mine.run is theirs.run else replace(mine, run=partial(_guarded, self.name, mine, mine.run))
            for mine, theirs in zip(changed, native, strict=True)
        ]
        return native.with_stages(stages)


NATIVE = Implementation("native", lambda pipeline: pipeline)
Given = Implementation | str | Mapping[str, Callable[..., Any]] | Callable[[Pipeline], Pipeline]
"""What can be put under test, see `implementation_of`."""


def load_implementation(spec: str, stage_timeout: float | None = None) -> Implementation:
    """The implementation behind `native`, `module:object`, `exec:PROGRAM`, or an installed entry point.

    A context manager: a program runs until it is closed.

    Parameters
    ----------
    stage_timeout : seconds that a program may take for one request; None: `parity.ports.program.STAGE_TIMEOUT`

    Raises
    ------
    InputError : nothing of that name can be loaded, it is neither a mapping of stages nor a function, or what the
        program says of itself is wrong
    """
    if stage_timeout is not None and not spec.startswith(PREFIX):
        raise InputError(f"--stage-timeout {stage_timeout:g}: is a program's, and --implementation {spec} is none")
    if spec == NATIVE.name:
        return NATIVE
    if spec.startswith(PREFIX):
        from parity.ports.program import STAGE_TIMEOUT
        from parity.ports.program.implementation import load_program

        return load_program(spec, stage_timeout or STAGE_TIMEOUT)
    return _implementation(spec, load_object(spec) if ":" in spec else _load_entry_point(spec))


def implementation_of(given: Given) -> Implementation:
    """What is under test, however it is given.

    Parameters
    ----------
    given : an implementation; what `load_implementation` takes; functions by stage; or a function from the native
        pipeline to the one under test

    Raises
    ------
    InputError : it is none of these; see `load_implementation`
    """
    if isinstance(given, Implementation):
        return given
    if isinstance(given, str):
        return load_implementation(given)
    name = ", ".join(map(str, given)) if isinstance(given, Mapping) else getattr(given, "__qualname__", str(given))
    return _implementation(name, given)


@contextmanager
def opened(given: Given) -> Iterator[Implementation]:
    """`implementation_of`, closed at the end where it was not there before."""
    found = implementation_of(given)
    try:
        yield found
    finally:
        if not isinstance(given, Implementation):
            found.close()


def _implementation(name: str, found: Any) -> Implementation:
    if isinstance(found, Mapping):
        return Implementation(name, partial(_replace_stages, name, found))
    if not callable(found):
        raise InputError(
            f"--implementation {name}: is a {type(found).__name__}, expected stages by name, or a function"
        )
    return Implementation(name, found)


def load_object(spec: str) -> Any:
    """What `module:object` names, from the installed packages or the folder one is in.

    Raises
    ------
    InputError : there is no such module or object, or importing it raises
    """
    module, _, name = spec.partition(":")
    if str(Path.cwd()) not in sys.path:  # the installed command does not look here, `python -m parity` does
        sys.path.insert(0, str(Path.cwd()))
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        raise InputError(
            f"--implementation {spec}: cannot be loaded ({_said(error)}); expected module:object"
        ) from error


def _load_entry_point(spec: str) -> Any:
    import importlib.metadata

    points = {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
    if spec not in points:
        known = ", ".join(["native", *sorted(points)])
        raise InputError(f"--implementation {spec}: unknown; installed: {known}; or module:object, or exec:PROGRAM")
    try:
        return points[spec].load()
    except Exception as error:
        raise InputError(f"--implementation {spec}: cannot be loaded ({_said(error)})") from error


def _replace_stages(name: str, stages: Mapping[str, Callable[..., Any]], native: Pipeline) -> Pipeline:
    known = [stage.name for stage in native]
    meant = find_names(stages, known, refused=f"implementation {name}: unknown stage {{}}", there_are="known:")
    if len(meant) < len(stages):
        raise InputError(f"implementation {name}: two of {', '.join(stages)} are one stage")
    for stage, run in zip(meant, stages.values(), strict=True):
        native = native.replacing(stage, run)
    return native


def _guarded(name: str, stage: Stage, run: Callable[..., Any], *values: Any) -> Any:
    place = f"implementation {name}: stage {stage.name}"
    try:
        results = run(*values)
    except StageRaised:  # a program's failure, which says all of it
        raise
    except Exception as error:
        raise StageRaised(stage.name, error, f"implementation {name}: ") from error
    written = results if len(stage.writes) > 1 else (results,)
    if not isinstance(written, tuple) or len(written) != len(stage.writes):
        raise InputError(f"{place} returned a {type(results).__name__}, expected {len(stage.writes)} results")
    for artefact, value in zip(stage.writes, written, strict=True):
        check_artefact(place, find(artefact), value)
    return results


def check_artefact(place: str, artefact: Artefact, value: Any) -> None:
    """Refuse a value that is not what the catalogue says an artefact is.

    Parameters
    ----------
    place : who made it, for the message

    Raises
    ------
    InputError : another type, shape or dtype, or NaN where none may be
    """
    if isinstance(value, ChunkSeries):
        return
    if artefact.dtype == "text":
        _check_turns(place, artefact, value)
        return
    if not isinstance(value, np.ndarray):
        raise InputError(f"{place}: {artefact.name} is a {type(value).__name__}, expected an array")
    shape = ", ".join(artefact.dims)
    fixed = {**FIXED_DIMS, **{letter: int(letter) for letter in artefact.dims if letter.isdigit()}}
    fits = value.ndim == len(artefact.dims) and all(
        fixed.get(letter, size) == size for letter, size in zip(artefact.dims, value.shape, strict=True)
    )
    if not fits:
        raise InputError(f"{place}: {artefact.name} has shape {value.shape}, expected ({shape})")
    if not np.can_cast(value.dtype, artefact.dtype, casting="same_kind") and value.dtype.kind not in "iub":
        raise InputError(f"{place}: {artefact.name} is {value.dtype}, expected {artefact.dtype}")
    if value.dtype.kind == "f" and artefact.name not in MAY_HOLD_NAN and np.isnan(value).any():
        first = tuple(int(i) for i in np.argwhere(np.isnan(value))[0])
        raise InputError(f"{place}: {artefact.name} holds {int(np.isnan(value).sum())} NaN, first at {first}")


def _check_turns(place: str, artefact: Artefact, value: Any) -> None:
    if not isinstance(value, list) or not all(isinstance(turn, Turn) for turn in value):
        raise InputError(f"{place}: {artefact.name} is a {type(value).__name__}, expected a list of `Turn`s")
    for number, turn in enumerate(value):
        if not (np.isfinite([turn.start, turn.end]).all() and 0 <= turn.start <= turn.end):
            raise InputError(f"{place}: {artefact.name}: turn {number} runs from {turn.start} s to {turn.end} s")
        if not isinstance(turn.speaker, str) or turn.speaker.split() != [turn.speaker]:
            raise InputError(f"{place}: {artefact.name}: turn {number}: {turn.speaker!r} is no speaker's name")


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(error)}"
