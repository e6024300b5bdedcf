"""Mistakes that are a value: a threshold, a scale, a step. A fault is one point of such a family.

A family is a fault for every value; whoever looks a mistake up searches for the value that fits best
(`parity.diagnosis.fitting`). A point that the dictionary has as a fault of its own is said by name, so that both are
called the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from parity.faults.fault import Fault
from parity.pipeline import Pipeline

LINEAR, LOGARITHMIC, INTEGER = "linear", "logarithmic", "integer"

Values = Callable[[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], Iterable[float]]
"""(what the stage was given, what the native stage makes of it, what the candidate made) -> values worth a try, rising.
"""

Beside = Callable[[float, Mapping[str, Any]], list[float]]


@dataclass(frozen=True)
class Family:
    """One parameter, set otherwise.

    Attributes
    ----------
    name : lower-case words joined by underscores; none is a fault's
    stage : that it breaks
    parameter : what the value is called, with its unit where it has one
    reference : workshop -> the value that the reference has there; None where it has no such thing
    plant : (native pipeline, workshop, value) -> the pipeline with that value; pure
    low, high : the values that are searched
    scale : how they are spread: `linear`, `logarithmic`, or `integer`, of which each is tried
    values : what says which values to try first, where the inputs tell; None: spread evenly
    points : fault -> the value at which it is a point of this family
    pairs : of whole numbers, another family that may be set together with this one -> (a value of this one, what the
        candidate made) -> values of the other that can have made it, rising
    grid : how many values are tried before the best is refined
    """

    name: str
    stage: str
    parameter: str
    reference: Callable[[Any], float | None]
    plant: Callable[[Pipeline, Any, float], Pipeline]
    low: float
    high: float
    scale: str = LINEAR
    values: Values | None = None
    points: Mapping[str, float] = field(default_factory=dict)
    grid: int = 16
    pairs: Mapping[str, Beside] = field(default_factory=dict)

    def at(self, value: float) -> Fault:
        """The fault that is this family's at a value."""
        return Fault(
            self.name,
            self.stage,
            f"{self.parameter} {value:.6g}",
            partial(_planted, self, value),
            value=value,
        )

    def about(self, value: float, reference: float | None) -> str:
        """What was done instead of what."""
        if reference is None:
            return f"{self.parameter} {value:.4g}, where the reference has no such thing"
        return f"{self.parameter} {value:.4g} where the reference has {reference:.4g}"


def _planted(family: Family, value: float, pipeline: Pipeline, workshop: Any) -> Pipeline:
    return family.plant(pipeline, workshop, value)
