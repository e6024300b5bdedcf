"""Pipelines with a loop: stages that run once per step, each step on what the one before left.

A step's artefacts are rows: an array that a looped stage reads or writes has steps as its first axis, and its function
takes any number of rows at once. In the loop it is given one row; in an isolated replay all the recorded ones together,
every row from the reference's own. What is *carried* is read at a step under one name and was written at the step
before under another (`step_state`, `next_state`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import Artefacts, Pipeline, Stage

Rows = dict[str, np.ndarray]


@dataclass(frozen=True)
class Loop:
    """How steps follow each other.

    Attributes
    ----------
    stages : names of the stages in the loop, the first ones of the pipeline
    carried : what a step reads -> what the step before wrote
    start : the pipeline's inputs -> the first step's carried rows, each (1, ...)
    goes_on : the pipeline's inputs, a step's carried rows -> whether that step is taken
    empty : the pipeline's inputs -> every looped artefact with no rows, (0, ...), where there is no step at all
    """

    stages: tuple[str, ...]
    carried: Mapping[str, str]
    start: Callable[[Mapping[str, Any]], Rows]
    goes_on: Callable[[Mapping[str, Any], Rows], bool]
    empty: Callable[[Mapping[str, Any]], Rows]


class RecurrentPipeline(Pipeline):
    """A pipeline whose first stages run in a loop.

    Parameters
    ----------
    inputs : artefacts that are given
    stages : in order; those of the loop first
    loop : how steps follow each other
    settings : see `Pipeline`
    """

    def __init__(
        self,
        name: str,
        inputs: tuple[str, ...],
        stages: Iterable[Stage],
        loop: Loop,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        # To a step, what is carried is given.
        super().__init__(name, (*inputs, *loop.carried), stages, settings)
        self.loop = loop
        self._given = inputs
        if tuple(stage.name for stage in self.stages[: len(loop.stages)]) != loop.stages:
            raise ValueError(f"the loop's stages {loop.stages} are not the first of {name}")

    @property
    def feedback(self) -> Mapping[str, str]:
        """What a step reads -> what the step before wrote."""
        return self.loop.carried

    def run(
        self,
        artefacts: Mapping[str, Any],
        *,
        patches: Mapping[str, Any] | None = None,
        on_stage: Callable[[str], None] | None = None,
        raised: list[StageRaised] | None = None,
    ) -> Artefacts:
        """Run the loop step by step, then what follows it; see `Pipeline.run`.

        A patch of a looped artefact replaces its row at each step as long as there are rows; beyond them a run that
        takes more steps than the patch has rows goes on by itself. A patch may also be a dictionary of some steps'
        rows. Where a stage of the loop raises and the run shall go on, the loop ends with the step before.
        """
        patches = dict(patches or {})
        self._check_patches(patches)
        if on_stage:
            on_stage(self.loop.stages[0])
        made: Artefacts = dict(artefacts) | self._stacked(artefacts, self._steps(artefacts, patches, raised))
        lost: set[str] = set()
        for stage in self.stages[len(self.loop.stages) :]:
            if on_stage:
                on_stage(stage.name)
            written = self._written(stage, made, patches, lost, raised)
            made |= written | {name: patches[name] for name in stage.writes if name in patches}
        return made

    def with_stages(self, stages: Iterable[Stage]) -> RecurrentPipeline:
        """The same pipeline, loop included, with other stages."""
        return RecurrentPipeline(self.name, self._given, stages, self.loop, self.settings)

    def _steps(
        self, artefacts: Mapping[str, Any], patches: Mapping[str, Any], raised: list[StageRaised] | None
    ) -> list[Rows]:
        steps: list[Rows] = []
        carried = self.loop.start(artefacts)
        while self.loop.goes_on(artefacts, carried):
            try:
                rows = self._step(artefacts, patches, carried, len(steps))
            except StageRaised as error:
                if raised is None:
                    raise
                raised.append(error)
                break
            steps.append(rows)
            carried = {name: rows[source] for name, source in self.loop.carried.items()}
        return steps

    def _step(self, artefacts: Mapping[str, Any], patches: Mapping[str, Any], carried: Rows, step: int) -> Rows:
        rows = dict(carried)
        for stage in self.stages[: len(self.loop.stages)]:
            rows_here = {name: _row(patches.get(name), step) for name in stage.writes}
            replaced = {name: row for name, row in rows_here.items() if row is not None}
            written = {} if len(replaced) == len(stage.writes) else stage({**artefacts, **rows})
            rows |= written | replaced
        return rows

    def _stacked(self, artefacts: Mapping[str, Any], steps: list[Rows]) -> Rows:
        if not steps:
            return self.loop.empty(artefacts)
        return {name: np.concatenate([rows[name] for rows in steps]) for name in steps[0]}


def _row(patch: np.ndarray | Mapping[int, np.ndarray] | None, step: int) -> np.ndarray | None:
    """A patch's row (1, ...) of one step; None where it has none."""
    if isinstance(patch, Mapping):
        return patch[step][None] if step in patch else None
    return None if patch is None or step >= len(patch) else patch[step : step + 1]
