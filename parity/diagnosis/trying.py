"""Mistakes tried on what a candidate was given: what each makes, and what raises."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from parity.diagnosis.outcomes import Outcome, Outcomes, digest_of
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
    rows : artefact -> which of its chunks are compared; all of those that are not named
    until : second of `time.monotonic` by which it has to be done
    not_tried : what could not be tried, and why
    outcomes : what was made of the same inputs in look-ups before; None where there were none
    """

    pipeline: Pipeline
    workshop: Any
    chain: tuple[str, ...]
    given: Mapping[str, Any]
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)
    until: float = float("inf")
    not_tried: list[str] = field(default_factory=list)
    outcomes: Outcomes | None = None

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
        made, why = self._remembered(
            tuple((fault.name, fault.value) for fault in faults), lambda: self._outcome(faults)
        )
        if made is None:
            self._note(" + ".join(fault.name for fault in faults), why)
        return made

    def _outcome(self, faults: Sequence[Fault]) -> Outcome:
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a mistake may well divide by zero
                planted = self.pipeline
                for fault in faults:
                    planted = fault.plant(planted, self.workshop)
                return self._run(planted), ""
        except InputError as error:
            return None, one_line(error)
        except Exception as error:
            return None, f"{type(error).__name__}: {one_line(error)}"

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
        return self._remembered("natively", lambda: (self._natively(), ""))[0] or {}

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
    if not isinstance(made, ChunkSeries):
        return made
    known: dict[int, np.ndarray] = {}

    def compute(chunk: int) -> np.ndarray:
        if chunk not in known:
            known[chunk] = made.compute(chunk)
        return known[chunk].copy()

    return ChunkSeries(made.chunks, compute)
