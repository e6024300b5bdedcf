"""How the faults of this package are written: a stage's native function in, the mistaken one out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from parity.faults.fault import Fault, Workshop
from parity.pipeline import Pipeline

Run = Callable[..., Any]
Make = Callable[[Run, Workshop], Run]


def fault(
    name: str, stage: str, about: str, make: Make, *, reruns_trunk: bool = False, neighbours: bool = False
) -> Fault:
    """A fault in one stage.

    Parameters
    ----------
    make : (the stage's native function, workshop) -> a function of the same arguments and results, with the mistake
    reruns_trunk, neighbours : as of `Fault`
    """

    def plant(pipeline: Pipeline, workshop: Workshop) -> Pipeline:
        return pipeline.replacing(stage, make(pipeline[stage].run, workshop))

    return Fault(name, stage, about, plant, reruns_trunk, neighbours=neighbours)


def instead(run: Run) -> Make:
    """For a mistake that needs neither the native function nor the workshop."""
    return lambda native, workshop: run
