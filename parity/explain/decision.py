"""Which stage decides the answer, as far as a candidate lets that be told.

A stage decides where both directions say so: the reference's output of it, put into the candidate, brings the answer
back, *and* the candidate's own, put into the reference, breaks it. What is native decides nothing: it is the lab's own.
Arrays leave two doubts. Between two arrays the port may have gone wrong in a stage that it did not supply; and a wrong
array made from wrong inputs holds both mistakes at once, for there is no code to run on right ones. Both are
*inconclusive*, and what would settle them is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from parity.explain.explanation import (
    BORN,
    INHERITED,
    INTO_CANDIDATE,
    INTO_REFERENCE,
    TO_BLAME,
    UNCLEAR,
    Patch,
    StageVerdict,
)
from parity.explain.patching import Patching

PROGRAM = "a program to drive, which the lab gives the reference's own inputs of {}"


@dataclass(frozen=True)
class Decision:
    """What decides.

    Attributes
    ----------
    decisive : the earliest stage that decides alone; None where none does, or where that cannot be told
    interaction : stages that restore the answer together where none does alone
    suspects : stages that may be to blame as well, or instead; empty where it is settled
    settle : what would tell, in words
    patches : runs that it took beside those that were given
    """

    decisive: str | None = None
    interaction: tuple[str, ...] = ()
    suspects: tuple[str, ...] = ()
    settle: tuple[str, ...] = ()
    patches: tuple[Patch, ...] = ()


def decide(patching: Patching, verdicts: tuple[StageVerdict, ...], patches: tuple[Patch, ...]) -> Decision:
    """What decides an answer that changed.

    Parameters
    ----------
    verdicts : one per stage, in the pipeline's order
    patches : each stage alone, in both directions
    """
    named = tuple(v.stage for v in verdicts if v.verdict in TO_BLAME)
    alone = {(p.direction, p.stages[0]): p.restored for p in patches if len(p.stages) == 1}
    decisive = first_deciding(patching, named, alone)
    if decisive in named or len(named) < 2:
        return _told(patching, {v.stage: v.verdict for v in verdicts}, named, decisive)
    group, tried = _interaction(patching, named)
    if group and _may_inherit(patching, group):
        return Decision(None, (), *_before(patching, group, blamed=True), patches=tried)
    if group:
        return Decision(None, group, *_before(patching, group), patches=tried)
    found = _told(patching, {v.stage: v.verdict for v in verdicts}, named, decisive)
    return Decision(found.decisive, (), found.suspects, found.settle, tried)


def first_deciding(
    patching: Patching, preferred: Iterable[str] = (), alone: Mapping[tuple[str, str], bool] | None = None
) -> str | None:
    """The earliest stage of the candidate's own that decides in both directions.

    Parameters
    ----------
    preferred : in a loop, which has no earliest stage, those that come first
    alone : direction and stage -> whether the answer is the reference's; found out where it is not there
    """
    known = alone or {}

    def answered(direction: str, stage: str) -> bool:
        found = known.get((direction, stage))
        return patching.patch(direction, (stage,)).restored if found is None else found

    first = tuple(preferred) if patching.native.feedback else ()
    names = (name for name in (*first, *(stage.name for stage in patching.native)) if patching.supply.has(name))
    return next((n for n in names if answered(INTO_CANDIDATE, n) and not answered(INTO_REFERENCE, n)), None)


def _told(patching: Patching, verdicts: Mapping[str, str], named: tuple[str, ...], decisive: str | None) -> Decision:
    """A decision, with the doubts that arrays leave."""
    if not patching.supply.by_arrays:
        return Decision(decisive)
    if decisive is None or (named and decisive not in named):  # it carries what it was given, or hides it
        return Decision(None, (), *_before(patching, named, blamed=True))
    if verdicts[decisive] in (INHERITED, UNCLEAR):  # nobody before it was compared: it may only carry what it was given
        return Decision(None, (), *_before(patching, (decisive,), blamed=True))
    earlier = [name for name in named if name != decisive and name in patching.ancestors(decisive)]
    if verdicts[decisive] == BORN and earlier and not all(map(patching.within, patching.reads(decisive))):
        # What the array inherits and what was born in it cannot be taken apart.
        return Decision(None, (), *_before(patching, (*earlier, decisive), blamed=True))
    return Decision(decisive, (), *_before(patching, (decisive,)))


def _may_inherit(patching: Patching, group: tuple[str, ...]) -> bool:
    """Whether an array among a group may be wrong only for being made from what another stage of it made."""
    return patching.supply.by_arrays and any(
        set(group) & set(patching.ancestors(name)) and not all(map(patching.within, patching.reads(name)))
        for name in group
    )


def _before(
    patching: Patching, stages: tuple[str, ...], *, blamed: bool = False
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Suspects beside, or with, some stages, and what would settle it."""
    supply = patching.supply
    open_ones = {name for stage in stages for name in supply.before(stage)}
    suspects = open_ones | (set(stages) if blamed else set())
    settle = dict.fromkeys(name for stage in stages for name in supply.unread_by_port(stage))
    if blamed:
        settle |= dict.fromkeys(supply.conditions)
        suspects |= set(map(patching.writer, supply.conditions))
    words = [f"the port's {', '.join(settle)}"] if settle else []
    if blamed and stages and (len(stages) > 1 or not words):
        words.append(PROGRAM.format(stages[-1]))
    return tuple(stage.name for stage in patching.native if stage.name in suspects), tuple(words)


def _interaction(patching: Patching, named: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[Patch, ...]]:
    """Stages that restore the answer together where the born ones do not alone: two of them, or all.

    A stage behind all of them restores it too, for it is the answer or nearly; that says nothing.
    """
    tried = []
    groups = list(combinations(named, 2))
    for group in groups if groups[-1] == named or len(named) == 2 else [*groups, named]:
        tried.append(patching.patch(INTO_CANDIDATE, group))
        if tried[-1].restored:
            return group, tuple(tried)
    return (), tuple(tried)
