"""Mistakes tried on what a candidate was given: what each makes, and what raises."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from parity.diagnosis.few_chunks import Around
from parity.diagnosis.outcomes import Outcome, Outcomes, digest_of
from parity.diagnosis.result import Mistake
from parity.errors import InputError, one_line
from parity.faults.fault import Fault
from parity.pipeline.stage import Artefacts, ChunkSeries, Pipeline


@dataclass
class Tried:
    """A mistake, tried: `made` are the artefacts of the stage."""

    mistake: Mistake
    made: Artefacts


@dataclass
class Bench:
    """A stage, ready for mistakes.

    Attributes
    ----------
    pipeline : the native one
    workshop : what faults may build on
    chain : the stages that run, in order, the diagnosed one last; those before it wrote nothing that is known
    given : what they are given
    rows : artefact -> which of its chunks are compared; all of those that are not named
    until : second of `time.process_time` by which it has to be done: processor time of this process, all its threads
        together, so that a busy machine tries as much as an idle one
    not_tried : what could not be tried, and why
    outcomes : what was made of the same inputs in look-ups before; None where there were none
    around : what mistakes that mix chunks are given instead; None: the same as all others
    alone : names of mistakes, of those tried, that run nothing of what they stand in for
    """

    pipeline: Pipeline
    workshop: Any
    chain: tuple[str, ...]
    given: Mapping[str, Any]
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)
    until: float = float("inf")
    not_tried: list[str] = field(default_factory=list)
    outcomes: Outcomes | None = None
    around: Around | None = None
    alone: set[str] = field(default_factory=set)
    _first: dict[str, Pipeline] = field(default_factory=dict, init=False)

    @property
    def stage(self) -> str:
        """The one that is diagnosed."""
        return self.chain[-1]

    @property
    def out_of_time(self) -> bool:
        """Whether nothing more is to be started."""
        return time.process_time() > self.until

    def remembering(self) -> Bench:
        """The same bench, on which the native stages compute what they compute once."""
        return replace(self, pipeline=_remembering(self.pipeline, self.chain))

    def made(self, *faults: Fault) -> Artefacts | None:
        """What the diagnosed stage writes with these mistakes, one planted after the other; None where it raises."""
        bench = self._wider if any(fault.neighbours for fault in faults) else self
        made = bench._remembered(tuple((fault.name, fault.value) for fault in faults), lambda: bench._outcome(faults))
        if made.alone:
            self.alone.add(faults[0].name)
        if made.made is None:
            self._note(" + ".join(fault.name for fault in faults), made.why)
        return made.made

    @cached_property
    def _wider(self) -> Bench:
        """The same with the chunks around those that are compared."""
        if self.around is None:
            return self
        return replace(self, given=self.around.given, rows=self.around.rows, around=None)

    def _outcome(self, faults: Sequence[Fault]) -> Outcome:
        called: list[str] = []
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a mistake may well divide by zero
                *before, last = faults
                planted = self._with(before) if before else _noting(self.pipeline, last.stage, called)
                made = self._run(last.plant(planted, self.workshop))
                return Outcome(made, alone=not before and not called)
        except InputError as error:
            return Outcome(None, one_line(error))
        except Exception as error:
            return Outcome(None, f"{type(error).__name__}: {one_line(error)}")

    def _with(self, faults: Sequence[Fault]) -> Pipeline:
        """The pipeline with mistakes that another is planted behind; a single one computes what it makes once."""
        planted, (first, *_) = self.pipeline, faults
        if len(faults) == 1 and first.name in self._first:
            return self._first[first.name]
        for fault in faults:
            planted = fault.plant(planted, self.workshop)
        if len(faults) == 1 and first.value is None:  # values of one stage may be numbers that are set together
            planted = self._first[first.name] = _remembering(planted, (first.stage,))
        return planted

    def _remembered(self, what: Hashable, compute: Callable[[], Outcome]) -> Outcome:
        return compute() if self.outcomes is None else self.outcomes.of((self._inputs, what), compute)

    @cached_property
    def _inputs(self) -> Hashable:
        """What tells this bench's inputs from another's."""
        return (self.chain, digest_of(self.given), digest_of(self.rows))

    def _note(self, name: str, why: str) -> None:
        """Keep why a mistake could not be tried; of a family's values the first says it for all."""
        if not any(line.startswith(f"{name}: ") for line in self.not_tried):
            self.not_tried.append(f"{name}: {why}")

    def natively(self) -> Artefacts:
        """What is given, and what the chain makes of it without a mistake, as far as it comes."""
        return self._remembered("natively", lambda: Outcome(self._natively())).made or {}

    def _natively(self) -> Artefacts:
        known = dict(self.given)
        with np.errstate(all="ignore"):
            for name in self.chain:
                try:
                    known |= self.pipeline[name](known)
                except InputError:
                    break
        written = self.pipeline[self.stage].writes
        return {name: self._plain(name, value) if name in written else value for name, value in known.items()}

    def _run(self, planted: Pipeline) -> Artefacts:
        known = dict(self.given)
        for name in self.chain:
            known |= planted[name](known)
        return {name: self._plain(name, known.get(name)) for name in planted[self.stage].writes}

    def _plain(self, name: str, value: Any) -> Any:
        rows = self.rows.get(name)
        if isinstance(value, ChunkSeries):
            rows = value.chunks if rows is None else rows
            return value.take(rows) if len(rows) and np.isin(rows, value.chunks).all() else None
        if rows is None or value is None:
            return value
        return value[rows] if rows.max(initial=-1) < len(value) else None


def _remembering(pipeline: Pipeline, stages: Sequence[str]) -> Pipeline:
    """The same pipeline, some stages of which compute what they compute once."""
    return pipeline.with_stages(
        replace(stage, run=_once(stage.run)) if stage.name in stages else stage for stage in pipeline
    )


def _noting(pipeline: Pipeline, name: str, called: list[str]) -> Pipeline:
    """The same pipeline, one stage of which says when its function is called."""
    run = pipeline[name].run

    def noted(*inputs: Any, **options: Any) -> Any:
        called.append(name)
        return run(*inputs, **options)

    return pipeline.replacing(name, noted)


def _once(run: Callable[..., Any]) -> Callable[..., Any]:
    """A stage that remembers what it made of the inputs it saw last."""
    seen: list[tuple[tuple[Any, ...], dict[str, Any], Any]] = []

    def remembered(*inputs: Any, **options: Any) -> Any:
        for known, how, made in seen:
            if len(known) == len(inputs) and all(a is b for a, b in zip(known, inputs)) and how == options:
                return _copied(made)
        made = run(*inputs, **options)
        made = tuple(map(_kept, made)) if isinstance(made, tuple) else _kept(made)
        seen[:] = [(inputs, options, made)]
        return _copied(made)

    return remembered


def _copied(made: Any) -> Any:
    """The same for a mistake to change in place, as some do."""
    if isinstance(made, tuple):
        return tuple(map(_copied, made))
    return made.copy() if isinstance(made, (np.ndarray, list)) else made


def _kept(made: Any) -> Any:
    """A series that keeps what it computed; anything else as it is."""
    return made.remembering() if isinstance(made, ChunkSeries) else made
