"""Planted faults: realistic porting mistakes, each a small variant of the native pipeline and the stage it breaks.

The protocol for other people's faults is this module: `parity calibrate --faults my_module` takes a module whose
`FAULTS` is a list of `Fault`.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.community1 import Networks, Parameters
from parity.errors import InputError, one_line
from parity.names import find_name
from parity.pipeline import Pipeline
from parity.ports import Implementation
from parity.sources import WeightSet

THERE_ARE = "there are (docs/symptoms.md has those that come with the lab):"
BUILT_IN = "parity.faults.known"

Network = Callable[..., tuple[Any, ...]]


@dataclass(frozen=True)
class Workshop:
    """What a fault may build on.

    Attributes
    ----------
    weights : the weight set's arrays, under their canonical names
    networks : the native networks; calls with inputs they have seen cost nothing
    parameters : of the fixture at hand
    threads : of networks that a fault builds of its own
    remembered : (name, network that a fault built) -> the same network, which may remember what it gave for a row, or
        as it is; for those of which no row depends on another, or on what ran before
    """

    weights: WeightSet
    networks: Networks
    parameters: Parameters
    threads: int | None = None
    remembered: Callable[[str, Network], Network] = lambda name, network: network


@dataclass(frozen=True)
class Fault:
    """One porting mistake.

    Attributes
    ----------
    name : lower-case words joined by underscores
    stage : the stage that it truly breaks
    about : what was done instead of what, in one line
    plant : (native pipeline, its own kind of workshop) -> the pipeline with the mistake in it; pure, called once per
        fixture
    reruns_trunk : whether the embedding network has to run again, 0.25 s per chunk; such faults are calibrated on the
        short fixtures unless told otherwise
    value : of a family's fault, the value that it has
    neighbours : whether what it makes of a chunk depends on other chunks: it is looked up with those around it
    """

    name: str
    stage: str
    about: str
    plant: Callable[[Pipeline, Any], Pipeline]
    reruns_trunk: bool = False
    value: float | None = None
    neighbours: bool = False


def load_faults(module: str = BUILT_IN) -> list[Fault]:
    """The faults that a module defines.

    Raises
    ------
    InputError : the module cannot be imported, or its `FAULTS` is not a list of faults with different names
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        faults = importlib.import_module(module).FAULTS
    except Exception as error:
        said = one_line(error)
        raise InputError(f"--faults {module}: cannot be loaded ({type(error).__name__}: {said})") from error
    if not isinstance(faults, (list, tuple)) or not faults or not all(isinstance(f, Fault) for f in faults):
        raise InputError(f"--faults {module}: FAULTS is not a list of parity.faults.fault.Fault")
    names = [fault.name for fault in faults]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"--faults {module}: {', '.join(twice)} more than once")
    return list(faults)


def planted(name: str, workshop: Workshop, module: str = BUILT_IN) -> Implementation:
    """A fault as an implementation under test, by its name or the beginning of one.

    Raises
    ------
    InputError : no fault of that name
    """
    faults = {fault.name: fault for fault in load_faults(module)}
    found = faults[find_name(name, faults, refused="--fault {}: unknown", there_are=THERE_ARE)]
    return Implementation(f"fault {found.name}", lambda native: found.plant(native, workshop))
