"""How families are made: of a field of a stage's numbers, set otherwise, or of a change to what a stage has made.

Two families may be planted one after the other: what the first set stays set, what it changed stays changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from parity.faults.family import LINEAR, Beside, Family, Values
from parity.pipeline import Pipeline

Run = Callable[..., Any]
Change = Callable[[Any, float], Any]
"""(an artefact, a value) -> the artefact, changed."""


@dataclass(frozen=True)
class Tuned:
    """A stage's function, and the numbers it was made with."""

    numbers: Any
    run: Run

    def __call__(self, *inputs: Any) -> Any:
        """What the stage writes."""
        return self.run(*inputs)


@dataclass(frozen=True)
class Tunable:
    """A stage whose numbers can be set otherwise.

    Attributes
    ----------
    stage : which
    numbers : workshop -> the reference's numbers, a frozen dataclass
    make : numbers, workshop -> the stage's function
    grid : how many values of a field are tried before the best is refined
    """

    stage: str
    numbers: Callable[[Any], Any]
    make: Callable[[Any, Any], Run]
    grid: int = 16

    def plant(self, field: str, pipeline: Pipeline, workshop: Any, value: float) -> Pipeline:
        """The pipeline with one more number set otherwise; those that were set before stay."""
        run = pipeline[self.stage].run
        numbers = run.numbers if isinstance(run, Tuned) else self.numbers(workshop)
        whole = any(known.name == field and known.type in (int, "int") for known in fields(numbers))
        numbers = replace(numbers, **{field: int(value) if whole else float(value)})
        return pipeline.replacing(self.stage, Tuned(numbers, self.make(numbers, workshop)))

    def family(
        self,
        name: str,
        field: str,
        words: str,
        low: float,
        high: float,
        scale: str = LINEAR,
        points: Mapping[str, float] | None = None,
        values: Values | None = None,
        plant: Callable[[Pipeline, Any, float], Pipeline] | None = None,
        grid: int | None = None,
        pairs: Mapping[str, Beside] | None = None,
    ) -> Family:
        """The family of one field.

        Parameters
        ----------
        plant : what sets it, where that is quicker than making the whole stage anew
        grid : of this field, where it is another than the stage's
        """
        return Family(
            name=name,
            stage=self.stage,
            parameter=words,
            reference=lambda workshop: float(getattr(self.numbers(workshop), field)),
            plant=plant or partial(self.plant, field),
            low=low,
            high=high,
            scale=scale,
            values=values,
            points=points or {},
            grid=grid or self.grid,
            pairs=pairs or {},
        )


def changing(
    name: str,
    words: str,
    reference: float,
    change: Change,
    low: float,
    high: float,
    points: Mapping[str, float] | None = None,
    values: Values | None = None,
    scale: str = LINEAR,
    *,
    stage: str,
    artefacts: Collection[str],
) -> Family:
    """The family of a change to what a stage has made.

    Parameters
    ----------
    words : what the value is called, with its unit
    reference : the value that changes nothing
    change : of each of these artefacts of the stage that was made
    """
    return Family(
        name=name,
        stage=stage,
        parameter=words,
        reference=lambda workshop: reference,
        plant=partial(_changed, stage, frozenset(artefacts), change),
        low=low,
        high=high,
        scale=scale,
        values=values,
        points=points or {},
    )


def _changed(
    stage: str, artefacts: frozenset[str], change: Change, pipeline: Pipeline, workshop: Any, value: float
) -> Pipeline:
    native, writes = pipeline[stage].run, pipeline[stage].writes

    def run(*inputs: Any) -> Any:
        results = native(*inputs)
        made = tuple(
            change(result, value) if name in artefacts and result is not None else result
            for name, result in zip(writes, results if len(writes) > 1 else (results,), strict=True)
        )
        return made if len(writes) > 1 else made[0]

    return pipeline.replacing(stage, run)
