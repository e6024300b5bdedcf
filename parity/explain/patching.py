"""Patched replays: the cascade with some stages' outputs taken from the other side.

Two directions. The reference's output of a stage goes into the candidate's cascade: does the answer come back? The
candidate's goes into the reference's: does the answer break? The answer is both RTTMs, line for line. Where the
snapshot lacks what a patch needs (it keeps the filterbank of three chunks) the native stage on the reference's inputs
stands in, and the report says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from parity.explain.explanation import INTO_CANDIDATE, INTO_REFERENCE, Patch
from parity.explain.supply import Supply, downstream, same
from parity.fixtures.snapshot import Snapshot
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import Artefacts, ChunkSeries, Pipeline, Stage
from parity.replay.engine import CASCADED, reference_artefacts
from parity.replay.subject import subject_of


class Patching:
    """Patched runs of one fixture.

    Parameters
    ----------
    native : the native pipeline, which also runs the reference's side behind a patch
    candidate : the pipeline under test
    snapshot, inputs : what `parity.replay.outcome.replay` takes

    Attributes
    ----------
    reference : the reference's artefacts, filled up where the snapshot lacks some that stages read
    stand_ins : names of those that were filled up
    """

    def __init__(self, native: Pipeline, candidate: Pipeline, snapshot: Snapshot, inputs: Mapping[str, Any]) -> None:
        self.native, self.candidate, self.subject = native, candidate, subject_of(native)
        self.snapshot, self.inputs = snapshot, dict(inputs)
        self.stand_ins: list[str] = []
        self.reference = self._complete(reference_artefacts(snapshot, inputs))

    def of(self, candidate: Pipeline) -> Patching:
        """The same fixture with another candidate; the reference's side is shared."""
        other = copy(self)
        for name in ("made", "_run", "candidate_answer", "error", "supply", "_agreeing"):
            other.__dict__.pop(name, None)
        other.candidate = candidate
        return other

    @cached_property
    def made(self) -> Artefacts:
        """The candidate's cascade, as far as it gets where a stage raises."""
        return self._run[0]

    @cached_property
    def _run(self) -> tuple[Artefacts, list[StageRaised]]:
        raised: list[StageRaised] = []
        return self.candidate.run(self.inputs, raised=raised), raised

    @cached_property
    def supply(self) -> Supply:
        """What of the candidate is the port's own."""
        return Supply(self.native, self.candidate, self.made, self.agrees)

    @cached_property
    def candidate_answer(self) -> Any:
        """The candidate's."""
        return self._answer(*self._run)

    @cached_property
    def reference_answer(self) -> Any:
        """The reference's; the recorded one as far as it was recorded."""
        return self.subject.recorded_answer(self.subject.answer_of(self.reference), self.snapshot)

    @cached_property
    def error(self) -> Any:
        """How far the candidate's answer is from the reference's."""
        return self.subject.distance(self.candidate_answer, self.reference_answer)

    def into_candidate(self, stages: Iterable[str], values: Mapping[str, Any] | None = None) -> Any:
        """The candidate's answer with the reference's output of some stages in its cascade.

        Parameters
        ----------
        values : instead of the reference's own, by artefact
        """
        names = set(stages)
        patches = {name: self.reference.get(name) for stage in self.native if stage.name in names
                   for name in stage.writes} | dict(values or {})  # fmt: skip
        raised: list[StageRaised] = []
        return self._answer(self.patched(patches, raised), raised)

    def patched(self, patches: Mapping[str, Any], raised: list[StageRaised]) -> Artefacts:
        """The candidate's cascade with some artefacts replaced; what is behind them follows as far as it can.

        What is not behind them is what it was: no stage of that runs again.

        Parameters
        ----------
        raised : takes the stages that raise
        """
        # Taking over what is the same already moves nothing.
        moved = {name for name, value in patches.items() if not same(self.made.get(name), value)}
        behind = downstream(self.candidate, moved)
        as_before = {name: self.made[name] for stage in self.candidate if stage.name not in behind
                     for name in stage.writes if name in self.made}  # fmt: skip
        return self._with_code(behind).run(self.inputs, patches=as_before | dict(patches), raised=raised)

    def into_reference(self, stages: Iterable[str], values: Mapping[str, Any] | None = None) -> Any:
        """The reference's answer with the candidate's output of some stages in its cascade; same parameters."""
        names = set(stages)
        patches = {name: self._whole(name, self.made.get(name)) for stage in self.native if stage.name in names
                   for name in stage.writes} | dict(values or {})  # fmt: skip
        affected = downstream(self.native, set(patches))
        untouched = {
            name: self.reference.get(name)
            for stage in self.native
            if stage.name not in affected
            for name in stage.writes
        }
        raised: list[StageRaised] = []
        return self._answer(self.native.run(self.inputs, patches=untouched | patches, raised=raised), raised)

    def _answer(self, made: Artefacts, raised: list[StageRaised]) -> Any:
        answer = self.subject.answer_of(made)
        return replace(answer, raised=raised[0].stage) if raised else answer

    def patch(self, direction: str, stages: tuple[str, ...], *, prefix: bool = False) -> Patch:
        """One patched run, judged."""
        run = self.into_candidate if direction == INTO_CANDIDATE else self.into_reference
        found = run(stages)
        gone = self.subject.distance(found, self.reference_answer)
        return Patch(
            direction=direction,
            stages=stages,
            prefix=prefix,
            restored=found.same_as(self.reference_answer),
            recovery=self.subject.recovery(gone, self.error, direction == INTO_REFERENCE),
            der=getattr(gone, "der", None),
            speakers=getattr(found, "speakers", None),
        )

    def on_reference(self, stage: Stage) -> Artefacts:
        """A stage on the reference's inputs, stand-ins included."""
        return stage(self.reference)

    def _complete(self, reference: Artefacts) -> Artefacts:
        """The reference's artefacts, filled up where the snapshot lacks some that stages read."""
        texts = self.subject.texts
        for stage in self.native:
            lacking = [name for name in stage.writes if name not in reference or name in texts]
            partial = [name for name in stage.writes if name in self.snapshot.chunks and self._is_read(name)]
            if not lacking and not partial:
                continue
            if not any(self._is_read(name) or name in texts for name in (*lacking, *partial)):
                continue
            made = stage(reference)
            for name in lacking:
                if made.get(name) is not None:
                    reference[name] = made[name]
                    self._stands_in(name)
            for name in partial:
                if made.get(name) is not None:
                    reference[name] = reference[name].filled_from(made[name])
                    self._stands_in(name)
        return reference

    def _whole(self, name: str, value: Any) -> Any:
        """A candidate's artefact, with the reference's chunks where it gave some only: the others say nothing."""
        want = self.reference.get(name)
        if isinstance(value, ChunkSeries) and isinstance(want, ChunkSeries) and len(value) < len(want):
            return value.filled_from(want)
        return value

    def _is_read(self, name: str) -> bool:
        return any(name in stage.needs for stage in self.native)

    def _stands_in(self, name: str) -> None:
        if name not in self.subject.texts:
            self.stand_ins.append(name)

    def agrees(self, name: str, got: Any, want: Any) -> bool:
        """Whether two values of an artefact are within the tolerance of a cascade; only chunks that both have."""
        if got is None or want is None:
            return got is want
        if name in self.subject.texts:
            return self.subject.to_text(got) == self.subject.to_text(want)
        if isinstance(got, ChunkSeries) or isinstance(want, ChunkSeries):
            common = [c for side in (got, want) if isinstance(side, ChunkSeries) for c in side.chunks]
            common = [c for c in dict.fromkeys(common) if all(_holds(side, c) for side in (got, want))]
            if not common:
                return True  # nothing says that they differ
            got, want = _taken(got, common), _taken(want, common)
        return self.subject.compare(name, got, want, self.reference, mode=CASCADED).within

    def within(self, name: str) -> bool:
        """Whether the candidate's artefact agrees with the reference's."""
        if name not in self._agreeing:
            self._agreeing[name] = self.agrees(name, self.made.get(name), self.reference.get(name))
        return self._agreeing[name]

    @cached_property
    def _agreeing(self) -> dict[str, bool]:
        return {}

    def reads(self, stage: str) -> list[str]:
        """What a stage depends on beside the pipeline's inputs, as far as the reference made it."""
        given = set(self.native.inputs) - set(self.native.feedback)
        return [name for name in self.native[stage].needs if name not in given and name in self.reference]

    def ancestors(self, stage: str) -> set[str]:
        """Stages before one, near and far; those of a loop are each other's."""
        names: set[str] = set()
        left = [stage]
        while left:
            new = {self.writer(read) for read in self.reads(left.pop())} - names
            names |= new
            left += new
        return names

    def writer(self, artefact: str) -> str:
        """The stage that writes an artefact."""
        written = self.native.feedback.get(artefact, artefact)
        return next(stage.name for stage in self.native if written in stage.writes)

    def _with_code(self, affected: set[str]) -> Pipeline:
        """The candidate, with native code for arrays of stages behind a patch that native code is shown to have made.

        An array within tolerance stays: what native code made of a patch there could be no nearer to the reference's.
        """
        pipeline = self.candidate
        for stage in self.candidate:
            if not stage.given or stage.name not in affected or all(self.within(name) for name in stage.given):
                continue
            if self.supply.explained(stage):
                pipeline = pipeline.replacing(stage.name, self.native[stage.name].run)
        return pipeline


def _holds(side: Any, chunk: int) -> bool:
    return chunk in side.chunks if isinstance(side, ChunkSeries) else chunk < len(side)


def _taken(side: Any, chunks: list[int]) -> np.ndarray:
    return side.take(chunks) if isinstance(side, ChunkSeries) else side[chunks]
