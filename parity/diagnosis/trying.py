"""Mistakes tried on what a candidate was given: what each makes, and what raises."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from parity.errors import InputError, one_line
from parity.faults.fault import Fault
from parity.pipeline.stage import Artefacts, ChunkSeries, Pipeline


@dataclass
class Bench:
    """A stage, ready for mistakes.

    Attributes
    ----------
    pipeline : the native one
    workshop : what faults may build on
    chain : the stages that run, in order, the diagnosed one last; those before it wrote nothing that is known
    given : what they are given
    chunks : artefact kept by chunk -> those that are compared
    until : second of `time.monotonic` by which it has to be done
    not_tried : what could not be tried, and why
    """

    pipeline: Pipeline
    workshop: Any
    chain: tuple[str, ...]
    given: Mapping[str, Any]
    chunks: Mapping[str, np.ndarray] = field(default_factory=dict)
    until: float = float("inf")
    not_tried: list[str] = field(default_factory=list)

    @property
    def stage(self) -> str:
        """The one that is diagnosed."""
        return self.chain[-1]

    @property
    def out_of_time(self) -> bool:
        """Whether nothing more is to be started."""
        return time.monotonic() > self.until

    def remembering(self) -> Bench:
        """The same bench, on which the native stages compute what they compute once."""
        stages = [
            replace(stage, run=_once(stage.run)) if stage.name in self.chain else stage for stage in self.pipeline
        ]
        return replace(self, pipeline=self.pipeline.with_stages(stages))

    def made(self, *faults: Fault) -> Artefacts | None:
        """What the diagnosed stage writes with these mistakes, one planted after the other; None where it raises."""
        name = " + ".join(fault.name for fault in faults)
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a mistake may well divide by zero
                planted = self.pipeline
                for fault in faults:
                    planted = fault.plant(planted, self.workshop)
                return self._run(planted)
        except InputError as error:
            self.not_tried.append(f"{name}: {one_line(error)}")
        except Exception as error:
            self.not_tried.append(f"{name}: {type(error).__name__}: {one_line(error)}")
        return None

    def _run(self, planted: Pipeline) -> Artefacts:
        known = dict(self.given)
        for name in self.chain:
            known |= planted[name](known)
        return {name: self._plain(name, known.get(name)) for name in planted[self.stage].writes}

    def _plain(self, name: str, value: Any) -> Any:
        if not isinstance(value, ChunkSeries):
            return value
        chunks = self.chunks.get(name, value.chunks)
        return value.take(chunks) if np.isin(chunks, value.chunks).all() else None


def _once(run: Callable[..., Any]) -> Callable[..., Any]:
    """A stage that remembers what it made of the inputs it saw last."""
    seen: list[tuple[tuple[Any, ...], dict[str, Any], Any]] = []

    def remembered(*inputs: Any, **options: Any) -> Any:
        for known, how, made in seen:
            if len(known) == len(inputs) and all(a is b for a, b in zip(known, inputs)) and how == options:
                return made
        made = run(*inputs, **options)
        seen[:] = [(inputs, options, made)]
        return made

    return remembered
