"""Look a mistake up: every known one of a stage, tried on what the candidate was given, ranked by what it leaves.

Half of the elements choose, the other half confirm. A mistake is named only if it leaves at most a hundredth of the
difference on both, and clearly less than the next one that makes something else. Those that make the same on this
recording are named together. Families are fitted, single mistakes planted, then pairs of them and of values, within a
budget.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from parity.diagnosis.advice import first_check, kit_line
from parity.diagnosis.apart import Difference
from parity.diagnosis.few_chunks import HEAVY, Around, rows_apart
from parity.diagnosis.fitting import Fit, Fitted
from parity.diagnosis.outcomes import Outcomes
from parity.diagnosis.pairs import PAIRED, in_pairs
from parity.diagnosis.result import CLEARLY, Diagnosis, Left, Mistake, Parameter
from parity.diagnosis.trying import Bench, Tried
from parity.diagnosis.two_values import FittedTwo, two_values, two_whole_numbers
from parity.faults.family import Family
from parity.faults.fault import Fault
from parity.pipeline.stage import ChunkSeries, Pipeline

BUDGET_SECONDS = 1.8
"""Of processor time: two seconds with what was begun before they are over."""

EXACTLY = 1e-4
"""What a mistake leaves that is all there is to find: rounding. Above it families are tried although one fits."""

REFINED = 4
"""Families that are searched finely at most, of those whose rough search came nearest."""

NATIVELY = 1e-4
"""Of a value: how near the reference's it is that reference's, as far as a search over two values can tell."""

ONE_BY_ONE = ("fbank", "chunk_waveforms", "embeddings")
"""Artefacts of which each chunk is computed by itself; the first two when it is asked for."""

SLOW = tuple(stage for stage in HEAVY if stage != "fbank")
"""Stages in which the fine search of a family takes seconds."""

SEED = 4


def look_up(
    stage: str,
    given: Mapping[str, Any],
    candidate: Mapping[str, Any],
    reference: Mapping[str, Any],
    pipeline: Pipeline,
    workshop: Any,
    faults: Iterable[Fault],
    families: Iterable[Family] = (),
    *,
    drifted: Iterable[str] | None = None,
    hidden: Sequence[str] = (),
    rows: Mapping[str, np.ndarray] | None = None,
    around: Around | None = None,
    unread: Mapping[str, np.ndarray] | None = None,
    words: str = "the reference's arrays",
    ties: bool = False,
    budget_seconds: float = BUDGET_SECONDS,
    seed: int = SEED,
    outcomes: Outcomes | None = None,
) -> Diagnosis:
    """Which known mistake of a stage makes what a candidate made.

    Parameters
    ----------
    stage : where drift is born
    given : artefact -> value, all that `stage` (and those `hidden`) read
    candidate, reference : artefacts that the stage writes, as far as both are known
    pipeline, workshop : native, and what faults may build on
    faults, families : known mistakes, of whatever stage; others are passed over
    drifted : artefacts of `candidate` that are beyond tolerance; all by default
    hidden : stages before it, in order, of which the candidate wrote nothing; their mistakes are tried too
    rows : artefact -> the rows of what is made that `candidate` and `reference` are; all of those not named
    around : what mistakes that mix chunks are given instead of `given`, with rows of their own
    unread : artefact -> mask of elements that no later stage reads
    words : whose arrays `given` are
    ties : whether so little differs that it may be near ties alone
    budget_seconds : after which nothing more is begun, of processor time: this process's, all its threads together
    seed : of the halves
    outcomes : of look-ups before, with the same pipeline and workshop; added to

    Returns
    -------
    diagnosis : names nothing where nothing fits, or where two fit alike and are not the same
    """
    started = time.monotonic()
    until = time.process_time() + budget_seconds
    chain = (*hidden, stage)
    bench = Bench(pipeline, workshop, chain, given, rows or {}, until, outcomes=outcomes, around=around).remembering()
    moved = candidate if drifted is None else drifted
    difference = Difference(candidate, reference, moved, unread=unread, seed=seed)
    if (why := _undecidable(difference, ties)) is not None:
        return Diagnosis(
            stage=stage,
            judged_by=difference.names,
            mistake=None,
            runner_up=None,
            tried=0,
            not_tried=(),
            given=words,
            note=why,
            check=first_check(stage, ""),
            kit=kit_line(stage),
            seconds=time.monotonic() - started,
        )
    mine = [fault for fault in faults if fault.stage in bench.chain]
    kin = [family for family in families if family.stage in bench.chain]
    near, apart = _narrowed(bench, difference, candidate, reference, moved, seed)
    own = [fault for fault in mine if fault.stage == stage]
    tried = _alone(near, apart, own)
    if not any(one.mistake.left.worst <= EXACTLY for one in tried):
        tried += _alone(near, apart, [fault for fault in mine if fault.stage != stage])
    tried, fits = _with_families(near, apart, tried, kin)
    if near is not bench:
        tried = _again(bench, difference, tried, mine, kin)
    if not any(one.mistake.fits for one in tried):
        whole = two_whole_numbers(near, apart, bench, difference, kin)
        tried += [_of_two(pair, bench, difference) for pair in whole]
    if not any(one.mistake.fits for one in tried):
        tried += in_pairs(near, apart, bench, difference, mine, tried)
    if not any(one.mistake.fits for one in tried):
        tried += [_of_two(pair, bench, difference) for pair in two_values(near, apart, bench, difference, fits)]
    found, runner_up, note = _chosen(tried, difference)
    return Diagnosis(
        stage=stage,
        judged_by=difference.names,
        mistake=found,
        runner_up=runner_up,
        tried=len(mine) + len(kin),
        not_tried=tuple(dict.fromkeys(bench.not_tried)),
        given=words,
        note=note,
        check=first_check(stage, found.about if found else ""),
        kit=kit_line(stage),
        seconds=time.monotonic() - started,
    )


def _undecidable(difference: Difference, ties: bool) -> str | None:
    """Why no mistake is to be told by what differs; None where one may be."""
    if not difference.there:
        return "what both sides hold there is the same; only how much they hold is not"
    if ties:
        return "so few frames differ that each may be a near tie, which rounding alone settles"
    return None


def _narrowed(
    bench: Bench,
    difference: Difference,
    candidate: Mapping[str, Any],
    reference: Mapping[str, Any],
    moved: Iterable[str],
    seed: int,
) -> tuple[Bench, Difference]:
    """The same for one chunk of several, where each is computed by itself: a search there takes a third of the time.

    That one is the one that differs most.
    """
    if len(candidate) > 1:
        return bench, difference
    ((name, value),) = candidate.items()
    if name not in ONE_BY_ONE:
        return bench, difference
    known = reference.get(name)
    worst = int(np.argmax(rows_apart(value, known))) if len(value) else 0  # elsewhere it may not differ at all
    near = _on_one_chunk(bench, name, worst, len(value))
    if near is None:
        return bench, difference
    keep = slice(worst, worst + 1)
    return near, Difference({name: value[keep]}, {} if known is None else {name: known[keep]}, moved, seed=seed)


def _on_one_chunk(bench: Bench, name: str, row: int, rows: int) -> Bench | None:
    """The bench for one row of several; None where more than that chunk would have to be made."""
    if len(bench.rows.get(name, ())) == rows > 1:
        return replace(bench, rows={name: bench.rows[name][row : row + 1]})
    series = {n: v for n, v in bench.given.items() if isinstance(v, ChunkSeries) and len(v) == rows > 1}
    if len(series) != 1:
        return None
    ((read, value),) = series.items()
    given = {**bench.given, read: ChunkSeries(value.chunks[row : row + 1], value.compute)}
    # A mistake that mixes chunks up has them all.
    return replace(bench, given=given, around=Around(dict(bench.given), {name: np.array([row])}))


def _again(
    bench: Bench, difference: Difference, tried: Sequence[Tried], faults: Sequence[Fault], families: Sequence[Family]
) -> list[Tried]:
    """The best of what was tried on one chunk, on all of them; what it leaves there counts."""
    by_name = {fault.name: fault for fault in faults}
    kin = {family.name: family for family in families}
    found = []
    best = sorted(tried, key=lambda one: one.mistake.left.choosing)
    for one in [one for index, one in enumerate(best) if index < PAIRED or one.mistake.fits]:
        name, p = one.mistake.name, one.mistake.parameter
        fault = by_name[name] if name in by_name else kin[name].at(p.value if p else 0.0)
        made = bench.made(fault)
        if made is not None:
            found.append(Tried(replace(one.mistake, left=difference.left_by(made)), made))
    return found


def _alone(bench: Bench, difference: Difference, faults: Sequence[Fault]) -> list[Tried]:
    tried = []
    for index, fault in enumerate(faults):
        if bench.out_of_time:
            bench.not_tried.append(f"{len(faults) - index} mistakes, from {fault.name} on: no time was left")
            break
        made = bench.made(fault)
        if made is not None:
            tried.append(Tried(Mistake(fault.name, fault.about, difference.left_by(made)), made))
    return tried


def _with_families(
    bench: Bench, difference: Difference, tried: list[Tried], families: Sequence[Family]
) -> tuple[list[Tried], list[Fit]]:
    """Add what families fit, and say how each was searched.

    A single mistake that is a point of a family gets its value, and is not there twice. All are searched roughly, and
    the best of them finely: where that takes seconds until one leaves nothing, elsewhere all, for two may be the same
    there (Fa and Fb of one speaker). Where a single mistake leaves nothing already, only those of
    which it is a point, and those that make the same.
    """
    exact = {one.mistake.name for one in tried if one.mistake.left.worst <= EXACTLY}
    enough = bool(exact) or bench.stage in SLOW
    if exact and bench.stage in HEAVY:  # a search there takes seconds
        families = [family for family in families if exact & set(family.points)]
    fits = [Fit(family, bench, difference) for family in families]
    for rank, one in enumerate(sorted(fits, key=lambda one: one.distance)):
        kin = bool(exact & set(one.family.points)) or one.distance <= EXACTLY
        if not kin and ((exact and enough) or rank >= REFINED):
            continue
        fitted = one.refined()
        if fitted is not None:
            tried = _joined(tried, one.family, fitted)
            exact |= {one.family.name} if fitted.left.worst <= EXACTLY else set()
    return tried, fits


def _of_two(fitted: FittedTwo, bench: Bench, difference: Difference) -> Tried:
    """Two values as one mistake; where one of them is the reference's, the other alone, if that fits."""
    first, second = fitted.parameters
    for family, known, other in zip(fitted.families, (first, second), (second, first), strict=True):
        if other.reference is not None and np.isclose(other.value, other.reference, rtol=NATIVELY, atol=0.0):
            made = bench.made(family.at(known.value))
            if made is None:
                continue
            about, left = family.about(known.value, known.reference), difference.left_by(made)
            alone = Mistake(family.name, about, left, known, fitted=True)
            if alone.fits:
                return Tried(alone, made)
    names = " + ".join(family.name for family in fitted.families)
    about = "; and ".join(
        family.about(known.value, known.reference)
        for family, known in zip(fitted.families, fitted.parameters, strict=True)
    )
    return Tried(Mistake(names, about, fitted.left, first, fitted=True, second_parameter=second), fitted.made)


def _joined(tried: list[Tried], family: Family, fitted: Fitted) -> list[Tried]:
    p = fitted.parameter
    about = family.about(p.value, p.reference)
    for index, one in enumerate(tried):
        point = family.points.get(one.mistake.name)
        if point is not None and _is(point, p) and one.mistake.left.worst <= max(2 * fitted.left.worst, EXACTLY):
            known = replace(one.mistake, parameter=replace(p, value=float(point)))
            return [*tried[:index], Tried(known, one.made), *tried[index + 1 :]]
    return [*tried, Tried(Mistake(family.name, about, fitted.left, p, fitted=True), fitted.made)]


def _is(point: float, found: Parameter) -> bool:
    near = 1e-4 * max(abs(point), abs(found.value))
    return found.low - near <= point <= found.high + near


def _chosen(tried: Sequence[Tried], difference: Difference) -> tuple[Mistake | None, Mistake | None, str]:
    """What is named, what comes next, and why nothing is named."""
    ranked = sorted(tried, key=lambda one: (not one.mistake.fits, one.mistake.left.choosing))
    if not ranked:
        return None, None, "no mistake of this stage could be tried"
    best, *others = ranked
    if not best.mistake.fits:
        return None, best.mistake, f"none of them leaves less than {_percent(best.mistake.left)} of the difference"
    same = [one for one in others if one.mistake.fits and difference.same(one.made, best.made)]
    rest = [one for one in others if not any(one is alike for alike in same)]
    runner_up = rest[0].mistake if rest else None
    if runner_up is not None and runner_up.left.worst < CLEARLY * best.mistake.left.worst:
        return None, best.mistake, f"{best.mistake.name} and {runner_up.name} fit alike, and are not the same"
    return replace(best.mistake, same=tuple(one.mistake for one in same)), runner_up, ""


def _percent(left: Left) -> str:
    return f"{100 * left.worst:.2g} %" if left.worst < 1 else "all"
