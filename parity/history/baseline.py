"""What is worse in a report than in an earlier one: a stage that drifts, more drift, a worse answer, less compared.

Better is never worse: an artefact that drifted and does not now, a recording that is new, an artefact that is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from parity.history.cases import Case, Judged
from parity.measure.verdicts import BEST_FIRST, DRIFT

MORE = 1.1
"""Times the drift of before: less is what another CPU's rounding makes of the same mistake."""

SAME_DER = 1e-9


@dataclass(frozen=True)
class Worse:
    """One thing that got worse.

    Attributes
    ----------
    case : of the artefact it is about; None where it is about the whole recording
    words : what, in one line without the recording's name
    """

    recording: str
    case: Case | None
    words: str


def worse_than(before: Iterable[Judged], now: Iterable[Judged]) -> tuple[Worse, ...]:
    """What is worse now, in the order of the earlier report; of one recording, the pipeline's order."""
    then = {recording.name: recording for recording in before}
    current = {recording.name: recording for recording in now}
    lost = [Worse(name, None, "was compared in the baseline, is not now") for name in then if name not in current]
    found = [worse for name in then if name in current for worse in _of_one(then[name], current[name])]
    new = [worse for name in current if name not in then for worse in _of_a_new_one(current[name])]
    return (*lost, *found, *new)


def _of_a_new_one(now: Judged) -> Iterator[Worse]:
    if now.failed:
        yield from (Worse(now.name, case, f"{case.named}: {case.size}; not in the baseline") for case in now.drifting)
        if not now.drifting:
            yield Worse(now.name, None, _said(now))


def _of_one(before: Judged, now: Judged) -> Iterator[Worse]:
    had, has = ({case.key: case for case in judged.own} for judged in (before, now))
    for key, case in had.items():
        if key not in has:
            yield Worse(now.name, None, f"{case.named}: was compared, is not now")
    for key, case in has.items():
        words = _worse_case(had.get(key), case)
        if words:
            yield Worse(now.name, case, f"{case.named}: {words}")
    for name, der in before.ders.items():
        if now.ders.get(name, der) > der + SAME_DER:
            yield Worse(now.name, _case_of(now, name), f"{name}: DER {now.ders[name]:.4f}, was {der:.4f}")
    if _rank(now) > _rank(before) and (now.verdict != DRIFT or not now.drifting):  # which no artefact of its shows
        yield Worse(now.name, None, f"{_said(now)}; was {before.verdict}")


def _worse_case(before: Case | None, now: Case) -> str:
    """What is worse of one artefact, in words; empty where nothing is."""
    shrank = before is not None and now.compared < before.compared
    if shrank and before is not None:
        return f"{now.compared} elements compared, were {before.compared}"
    if now.within:
        return ""
    if before is None:
        return f"{now.size}; not in the baseline"
    if before.within:
        return f"{now.size}; was within tolerance"
    if now.mismatches > before.mismatches:
        return f"{now.mismatches} elements differ, were {before.mismatches}"
    ours, theirs = now.max_abs or 0.0, before.max_abs or 0.0
    if ours > MORE * theirs + (now.tolerance or 0.0):
        return f"{ours:.1e}, was {theirs:.1e}"
    return ""


def _case_of(judged: Judged, artefact: str) -> Case | None:
    return next((case for case in judged.own if case.artefact == artefact), None)


def _rank(judged: Judged) -> int:
    return BEST_FIRST.index(judged.verdict) if judged.verdict in BEST_FIRST else 0


def _said(judged: Judged) -> str:
    return f"{judged.verdict}: {judged.why[0]}" if judged.why else judged.verdict
