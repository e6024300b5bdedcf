"""Mistakes behind a dump's drift: each stage where it is born is looked up on what the dump says it was given.

Task: a dump compared with its reference -> one diagnosis for each such stage. The first artefact that drifts is born in
its own stage, or in one of those before it of which the dump holds nothing; a later one where the native stage, given
the dump's own arrays, makes something else, and a known mistake makes what the dump holds. The first stage is given the
dump's own arrays where they are within tolerance, the reference's otherwise; where the dump's own explain nothing, the
reference's are tried too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from parity.community1 import Parameters
from parity.community1.annotation import from_rttm, to_rttm
from parity.diagnosis.apart import may_be_ties
from parity.diagnosis.drawing import of_part
from parity.diagnosis.few_chunks import HEAVY, in_few_chunks
from parity.diagnosis.look_up import BUDGET_SECONDS, look_up
from parity.diagnosis.outcomes import Outcomes
from parity.diagnosis.result import Diagnosis
from parity.diagnosis.trying import Bench
from parity.diagnosis.workshop import native_workshop
from parity.errors import InputError
from parity.faults.family import Family
from parity.faults.fault import Fault
from parity.measure.drift import compare
from parity.pipeline.artefact import ARTEFACTS, Comparison
from parity.pipeline.stage import ChunkSeries, Pipeline, Stage
from parity.ports.dump.comparison import DIFFERENT, DumpComparison
from parity.ports.dump.reading import Dump
from parity.ports.dump.rttm import plain
from parity.ports.dump.turns import compare_turns
from parity.ports.judging import AtHand, Judged, Loading, parameters_of
from parity.ports.yardstick import Means, reference_of
from parity.replay.engine import CASCADED, lacks, reference_artefacts
from parity.replay.outcome import URI, unread
from parity.sources import WeightSet

NEVER_HIDDEN = ("segmentation", "embeddings")
"""Stages that are not run to look up a later one: networks."""

BUDGETS = {"fbank": 10.0, "audio": 10.0, "segmentation": 60.0, "embeddings": 120.0}
"""Processor seconds for a stage's mistakes, of all threads together; of all others
`parity.diagnosis.look_up.BUDGET_SECONDS`. Networks spend them in as many threads as they have, so that on two cores
those of the embeddings are little more than a minute on the clock; a machine of many cores tries no more than one of
two, and a busy one no less than an idle one.
"""

OWN, REFERENCE, WRITTEN = "own", "reference", "written"
WORDS = {
    OWN: "the dump's own arrays",
    REFERENCE: "the reference's arrays",
    WRITTEN: "the dump's own arrays, in its own numbering",
}
"""Whose arrays a stage is given: the dump's under the reference's conventions, the reference's, the dump's as they are.
"""


@dataclass(frozen=True)
class Sides:
    """A dump and its reference, compared, and what the native pipeline needs.

    Attributes
    ----------
    comparison : of the two
    reference, candidate : the dumps
    parameters : that the reference was made with
    means, weights : of the native pipeline, loaded when they are needed
    threads : of networks
    without : stages that are not run to look up a later one, for what they need cannot be had
    outcomes : of mistakes, of dumps that were looked up before with the same native pipeline; None where none was
    """

    comparison: DumpComparison
    reference: Dump
    candidate: Dump
    parameters: Parameters
    means: Means
    weights: Callable[[], WeightSet]
    threads: int | None = None
    without: tuple[str, ...] = ()
    outcomes: Outcomes | None = None


def sides_of(
    judged: Judged, reference: Dump, candidate: Dump, means: Loading | AtHand, without: tuple[str, ...] = ()
) -> Sides:
    """The two sides of a dump that was judged: against the yardstick, where it declares what it does otherwise."""
    yardstick = judged.yardstick
    return Sides(
        comparison=judged.comparison,
        reference=reference if yardstick is None else yardstick.dump(),
        candidate=candidate,
        parameters=parameters_of(reference) if yardstick is None else yardstick.parameters,
        means=means(reference),
        weights=means.weights,
        threads=means.threads,
        without=without,
    )


def diagnose_dump(
    sides: Sides,
    faults: Iterable[Fault],
    families: Iterable[Family] = (),
    *,
    budgets: Mapping[str, float] = BUDGETS,
    later: bool = True,
) -> tuple[Diagnosis, ...]:
    """A diagnosis of the stage where the dump's drift begins, and of each later one in which a mistake is named.

    Behind the first stage noise of what was given may be enough to part the native stage from the dump's; there only
    what a known mistake explains is drift that was born.

    Parameters
    ----------
    faults, families : known mistakes
    budgets : stage -> processor seconds, for each side's arrays that it is tried on
    later : whether stages behind the first are looked up too

    Raises
    ------
    InputError : weights or a clip are needed and cannot be had
    """
    faults, families = list(faults), list(families)
    first = sides.comparison.first_drift
    if first is None:
        return ()
    begins = _Asked(sides, first.stage).answer(faults, families, budgets)
    found = [] if begins is None else [begins]
    for stage in _later(sides, first.stage) if later else ():
        asked = _Asked(sides, stage, inherited=True)
        answer = asked.answer(faults, families, budgets) if asked.born else None
        if answer is not None and answer.mistake is not None:
            found.append(answer)
    return tuple(found)


def _later(sides: Sides, first: str) -> list[str]:
    """Stages behind the first one that drift, and whose inputs the dump holds."""
    drifted = {found.stage for found in sides.comparison.artefacts if found.verdict == DIFFERENT}
    graph = native_workshop((), sides.parameters, sides.means, sides.weights)[0]
    names = [stage.name for stage in graph]
    held = set(sides.comparison.aligned.got)
    return [
        stage.name
        for stage in graph.stages[names.index(first) + 1 :]
        if stage.name in drifted and stage.name not in HEAVY and set(stage.reads) <= held
    ]


class _Asked:
    """One stage of a dump, with what it reads on either side.

    Parameters
    ----------
    inherited : whether it is given the dump's own arrays, within tolerance or not
    """

    def __init__(self, sides: Sides, stage: str, *, inherited: bool = False) -> None:
        self._sides, self._stage, self._inherited = sides, stage, inherited
        self._verdicts = {found.name: found.verdict for found in sides.comparison.artefacts}
        self._held = reference_artefacts(reference_of(sides.reference), {})
        self._chain = (*self._hidden(), stage)
        self._pipeline, self._workshop = native_workshop(
            self._chain, sides.parameters, sides.means, sides.weights, sides.threads
        )
        writes = self._pipeline[stage].writes
        self._judged = [name for name in writes if name in self._verdicts]
        self._drifted = [name for name in self._judged if self._verdicts[name] == DIFFERENT]
        self._outcomes = Outcomes()
        aligned = sides.comparison.aligned
        self._ties = may_be_ties(aligned.got, aligned.want, self._drifted)

    @property
    def born(self) -> bool:
        """Whether the native stage makes something else of the dump's own arrays than the dump holds."""
        made, candidate = self._native(self._given(WRITTEN)), self._candidate(WRITTEN)
        return any(_apart(name, made.get(name), candidate[name]) for name in self._drifted)

    def answer(self, faults: list[Fault], families: list[Family], budgets: Mapping[str, float]) -> Diagnosis | None:
        """What is known of it; None where the reference does not hold what it reads."""
        answers: list[Diagnosis] = []
        seen: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
        for whose in (WRITTEN,) if self._inherited else (OWN, REFERENCE, WRITTEN):
            given, candidate = self._given(whose), self._candidate(whose)
            if given is None or any(_alike(given, other) and _alike(candidate, held) for other, held in seen):
                continue
            seen.append((given, candidate))
            budget = budgets.get(self._stage, BUDGET_SECONDS)
            answers.append(self._look_up(given, candidate, whose, faults, families, budget))
            if answers[-1].mistake is not None:
                break
        if not answers:
            return None
        return replace(answers[-1] if answers[-1].mistake else answers[0], seconds=sum(a.seconds for a in answers))

    def _look_up(
        self,
        given: Mapping[str, Any],
        candidate: Mapping[str, Any],
        whose: str,
        faults: list[Fault],
        families: list[Family],
        budget: float,
    ) -> Diagnosis:
        reference = self._native(given) if self._inherited else {name: self._wanted(name) for name in candidate}
        aligned, mask = self._sides.comparison.aligned, unread("hard_clusters", self._held)
        drifted = [name for name in self._drifted if name in candidate]
        step = self._sides.parameters.chunk_step
        part = in_few_chunks(self._stage, given, candidate, reference, aligned.chunks, step, drifted)
        outcomes = self._outcomes_of(part.given)
        found = look_up(
            self._stage,
            part.given,
            part.candidate,
            part.reference,
            self._pipeline,
            self._workshop,
            faults,
            families,
            drifted=[name for name in drifted if name in part.candidate],
            hidden=self._chain[:-1],
            rows=part.rows,
            around=part.around,
            unread={} if mask is None else {"hard_clusters": mask},
            words=WORDS[whose],
            ties=self._ties,
            budget_seconds=budget,
            outcomes=outcomes,
        )
        if self._stage not in HEAVY:
            return found
        # Its inputs are heard in the clip: what the mistake makes of them is at hand only here.
        bench = Bench(
            self._pipeline, self._workshop, self._chain, part.given, part.rows,
            outcomes=outcomes, around=part.around,
        )  # fmt: skip
        return replace(found, evidence=of_part(found, part, bench, aligned.chunks, step, faults, families))

    def _outcomes_of(self, given: Mapping[str, Any]) -> Outcomes | None:
        """Of mistakes, from one look-up to the next: what was given may be the same where numbering is not."""
        if self._sides.outcomes is not None or any(isinstance(value, ChunkSeries) for value in given.values()):
            return self._sides.outcomes  # all of a series would have to be made to tell it from another
        return self._outcomes

    def _candidate(self, whose: str) -> dict[str, Any]:
        return {name: _value(self._sides, name, whose) for name in self._judged}

    def _native(self, given: Mapping[str, Any] | None) -> Mapping[str, Any]:
        return {} if given is None else self._pipeline[self._stage](given)

    def _wanted(self, name: str) -> Any:
        if ARTEFACTS[name].comparison is Comparison.TURNS:
            return from_rttm(self._sides.reference.values[name])
        return self._sides.comparison.aligned.want[name]

    def _hidden(self) -> tuple[str, ...]:
        """Stages before it, in order, that wrote what it reads and of which the dump holds nothing."""
        graph = native_workshop((), self._sides.parameters, self._sides.means, self._sides.weights)[0]
        if self._inherited:
            return ()
        wanted, found = set(graph[self._stage].reads), []
        never = (*NEVER_HIDDEN, *self._sides.without)
        for stage in reversed(graph.stages):
            if not wanted & set(stage.writes) or stage.name in never or stage.name == self._stage:
                continue
            if not any(name in self._verdicts for name in stage.writes) and self._ran(graph, stage):
                found.append(stage.name)
                wanted |= set(stage.reads)
        return tuple(reversed(found))

    def _ran(self, graph: Pipeline, stage: Stage) -> bool:
        """Whether the reference reached a stage, and has what it read."""
        known = (*graph.inputs, *graph["audio"].writes)  # what the clip gives
        if any(lacks(name, graph, self._held) for name in stage.needs if name not in known):
            return False
        return stage.when is None or stage.when.holds(self._held)

    def _given(self, whose: str) -> dict[str, Any] | None:
        """What the chain reads, by name; None where neither side holds it."""
        written = {name for stage in self._chain[:-1] for name in self._pipeline[stage].writes}
        names = {name for stage in self._chain for name in self._pipeline[stage].needs} - written
        given = {}
        for name in sorted(names):
            if name in self._pipeline.inputs:
                given[name] = self._sides.means.inputs()[name]
            elif whose != REFERENCE and self._takes(name):
                given[name] = self._whole(name, self._series(name, _value(self._sides, name, whose)))
            elif name in self._pipeline["audio"].writes and name not in self._held:
                given |= {heard: made for heard, made in self._heard().items() if heard == name}
            elif lacks(name, self._pipeline, self._held):
                return None
            else:
                given[name] = self._held.get(name)
        return given

    def _whole(self, name: str, value: Any) -> Any:
        """What a dump holds of some chunks, with what native code hears in the others: a mistake may mix chunks up."""
        if not isinstance(value, ChunkSeries) or name not in self._pipeline["audio"].writes:
            return value
        try:
            heard = self._heard()[name]
        except InputError:  # the clip is not at hand: most mistakes need nothing but the chunk itself
            return value
        return value.filled_from(heard) if len(heard) > len(value) else value

    def _heard(self) -> Mapping[str, Any]:
        """What native code hears in the reference's clip."""
        return self._pipeline["audio"](self._sides.means.inputs())

    def _series(self, name: str, value: Any) -> Any:
        """An artefact kept by chunk as stages read it."""
        if not ARTEFACTS[name].by_chunk or name == "segmentation_logits":
            return value
        aligned = self._sides.comparison.aligned
        return ChunkSeries.recorded(aligned.chunks.get(name, np.arange(len(value))), value)

    def _takes(self, name: str) -> bool:
        if name not in self._verdicts:
            return False
        return self._inherited or self._verdicts[name] != DIFFERENT


def _value(sides: Sides, name: str, whose: str) -> Any:
    """What the dump holds, as a stage writes it: under the reference's conventions, or in its own."""
    if name in sides.comparison.turns:
        own = sides.comparison.turns[name].candidate
        return from_rttm(plain(sides.candidate.values[name]) if whose == WRITTEN else own)
    value = (sides.candidate.values if whose == WRITTEN else sides.comparison.aligned.got)[name]
    want = np.dtype(ARTEFACTS[name].dtype)
    return value.astype(want) if value.dtype.kind in "biuf" and value.dtype != want else value


def _apart(name: str, made: Any, candidate: Any) -> bool:
    if made is None:
        return True
    if ARTEFACTS[name].comparison is Comparison.TURNS:
        return not compare_turns(to_rttm(made, URI), to_rttm(candidate, URI)).same
    return not compare(name, np.asarray(made), np.asarray(candidate), mode=CASCADED).within


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(_equal(one[name], other[name]) for name in one)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.shape == other.shape and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return one is other
