"""Stages and the graph they form: who reads what, in order.

A pipeline is a graph, not a line: a stage names the artefacts it reads and writes, and may have a condition, itself a
reader of artefacts, on which it runs at all. A stage that is not reached writes nothing, and what it would have written
is None to those who read it. The lab reaches an implementation only through a `Pipeline`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np

from parity.errors import InputError, Unanswerable
from parity.pipeline.raised import StageRaised

Artefacts = dict[str, Any]


@dataclass(frozen=True)
class ChunkSeries:
    """An artefact that has one array per chunk and is too large to hold: computed, or looked up, when it is asked for.

    Attributes
    ----------
    chunks : (n,) int64, the chunks there are, ascending
    compute : chunk index -> array
    """

    chunks: np.ndarray
    compute: Callable[[int], np.ndarray]

    def __len__(self) -> int:
        return len(self.chunks)

    def take(self, chunks: Iterable[int]) -> np.ndarray:
        """The arrays of some chunks, stacked."""
        return np.stack([self.compute(int(chunk)) for chunk in chunks])

    def having(self, chunks: Iterable[int]) -> np.ndarray:
        """Those of some chunks that there are: (m,) int64, in the order asked for."""
        wanted = np.asarray(list(chunks), dtype=np.int64)
        return wanted[np.isin(wanted, self.chunks)]

    def filled_from(self, whole: ChunkSeries) -> ChunkSeries:
        """A series of all chunks of another one, which stands in where this one has none."""
        own = set(map(int, self.chunks))
        return ChunkSeries(whole.chunks, lambda chunk: (self if chunk in own else whole).compute(chunk))

    def remembering(self, most: int | None = None) -> ChunkSeries:
        """The same, which computes no chunk again that is among the `most` asked for last; None: no chunk twice."""
        known = lru_cache(maxsize=most)(self.compute)

        def compute(chunk: int) -> np.ndarray:
            value = known(int(chunk))
            return value.copy() if isinstance(value, np.ndarray) else value  # for who asks to change in place

        return replace(self, compute=compute)

    @classmethod
    def recorded(cls, chunks: np.ndarray, values: np.ndarray) -> ChunkSeries:
        """A series that holds the arrays of a subset of chunks."""
        position = {int(chunk): index for index, chunk in enumerate(chunks)}
        return cls(np.asarray(chunks), lambda chunk: values[position[chunk]])


@dataclass(frozen=True)
class Condition:
    """When a stage runs.

    Attributes
    ----------
    reads : artefacts that the test is given, in order; it is false where one of them is None
    test : artefacts -> whether the stage runs
    """

    reads: tuple[str, ...]
    test: Callable[..., bool]

    def holds(self, artefacts: Mapping[str, Any]) -> bool:
        """Whether the stage runs, given what is there."""
        values = [artefacts.get(name) for name in self.reads]
        return all(value is not None for value in values) and bool(self.test(*values))


@dataclass(frozen=True)
class Stage:
    """One step of a pipeline.

    Attributes
    ----------
    name : the stage's name in tables and reports
    reads, writes : artefacts, in the order of the function's arguments and results
    run : a pure function; one result, or a tuple of them where it writes several
    when : the condition on which it runs; None is always
    given : which of `writes` were given as arrays, so that there is no code to run on other inputs; none otherwise
    gates : which of `reads` only say whether there was anything to do, and move no number of the result
    written : of what was given, by artefact, as it was before its conventions were undone; empty where that is unknown
    unreached : what there is of it all the same where its condition does not hold, by artefact
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    run: Callable[..., Any]
    when: Condition | None = None
    given: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    written: Mapping[str, Any] = field(default_factory=dict, compare=False)
    unreached: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __call__(self, artefacts: Mapping[str, Any]) -> Artefacts:
        """Run on the artefacts given; what it writes, by name; `unreached` where its condition does not hold.

        Raises
        ------
        InputError : it raised; a `StageRaised` whatever it was that it raised
        """
        if self.when is not None and not self.when.holds(artefacts):
            return dict(self.unreached)
        try:
            results = self.run(*(artefacts.get(name) for name in self.reads))
        except Unanswerable as error:
            raise StageRaised(self.name, error) from error
        except InputError:
            raise
        except Exception as error:
            raise StageRaised(self.name, error) from error
        return dict(zip(self.writes, results if len(self.writes) > 1 else (results,), strict=True))

    @property
    def needs(self) -> tuple[str, ...]:
        """Everything it depends on: what it reads, and what its condition reads."""
        return tuple(dict.fromkeys(self.reads + (self.when.reads if self.when else ())))


class Pipeline:
    """Stages in an order in which each finds what it reads.

    Parameters
    ----------
    inputs : artefacts that are given
    stages : in order
    settings : the plain numbers that its functions were built with, by name, for those who run a stage elsewhere

    Raises
    ------
    ValueError : a stage reads what nobody before it writes, or two write the same
    """

    def __init__(
        self,
        name: str,
        inputs: tuple[str, ...],
        stages: Iterable[Stage],
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.settings: Mapping[str, Any] = settings or {}
        self.inputs = inputs
        self.stages = tuple(stages)
        known = set(inputs)
        for stage in self.stages:
            if unknown := [name for name in stage.needs if name not in known]:
                raise ValueError(f"stage {stage.name} reads {unknown} before anything writes it")
            if twice := [name for name in stage.writes if name in known]:
                raise ValueError(f"stage {stage.name} writes {twice} again")
            known.update(stage.writes)

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    def __getitem__(self, name: str) -> Stage:
        stages = {stage.name: stage for stage in self.stages}
        if name not in stages:
            raise KeyError(f"no stage {name!r} in {self.name}; there are: {', '.join(stages)}")
        return stages[name]

    def run(
        self,
        artefacts: Mapping[str, Any],
        *,
        patches: Mapping[str, Any] | None = None,
        on_stage: Callable[[str], None] | None = None,
        raised: list[StageRaised] | None = None,
    ) -> Artefacts:
        """Run all stages, each on what the earlier ones made.

        Parameters
        ----------
        artefacts : the inputs
        patches : artefacts that replace what a stage wrote; a stage all of whose artefacts are patched is not run
        on_stage : called with each stage's name before it runs
        raised : takes stages that raise, where the run shall go on: those that need what they lost are not reached

        Raises
        ------
        ValueError : a patch is for what no stage writes
        StageRaised : a stage raised, and `raised` is None
        """
        patches = patches or {}
        self._check_patches(patches)
        made, lost = dict(artefacts), set[str]()
        for stage in self.stages:
            if on_stage:
                on_stage(stage.name)
            written = self._written(stage, made, patches, lost, raised)
            made |= written | {name: patches[name] for name in stage.writes if name in patches}
        return made

    def _written(
        self,
        stage: Stage,
        made: Mapping[str, Any],
        patches: Mapping[str, Any],
        lost: set[str],
        raised: list[StageRaised] | None,
    ) -> Artefacts:
        """What a stage writes; what it could not is added to `lost`."""
        if all(name in patches for name in stage.writes):
            return {}
        if not lost & set(stage.needs):
            try:
                return stage(made)
            except StageRaised as error:
                if raised is None:
                    raise
                raised.append(error)
        lost |= set(stage.writes) - set(patches)
        return {}

    @property
    def feedback(self) -> Mapping[str, str]:
        """What a step reads -> what the step before wrote, where stages run in a loop (`parity.pipeline.recurrent`)."""
        return {}

    def _check_patches(self, patches: Mapping[str, Any]) -> None:
        if unknown := sorted(set(patches) - {name for stage in self.stages for name in stage.writes}):
            raise ValueError(f"patches for {unknown}, which no stage of {self.name} writes")

    def replacing(
        self,
        name: str,
        run: Callable[..., Any],
        *,
        given: tuple[str, ...] = (),
        written: Mapping[str, Any] | None = None,
    ) -> Pipeline:
        """The same pipeline with one stage's function replaced.

        Parameters
        ----------
        given : what it returns whatever it reads
        written : the same before its conventions were undone
        """
        replaced = replace(self[name], run=run, given=given, written=written or {})
        return self.with_stages(replaced if stage.name == name else stage for stage in self.stages)

    def with_settings(self, **more: Any) -> Pipeline:
        """The same pipeline with more that is known of it."""
        found = copy(self)
        found.settings = {**self.settings, **more}
        return found

    def with_stages(self, stages: Iterable[Stage]) -> Pipeline:
        """The same pipeline with other stages."""
        return Pipeline(self.name, self.inputs, stages, self.settings)
