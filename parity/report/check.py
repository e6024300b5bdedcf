"""What a port answered: the verdict in one line, each wrong answer in a few, and all of it as plain data."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.errors import one_line
from parity.measure.drift import Drift
from parity.ports.check import Answer, Checked
from parity.ports.check.answers import is_python
from parity.ports.check.controls import Control
from parity.ports.python import PREFIX
from parity.report.diagnosis import diagnosis_data, diagnosis_lines, not_diagnosed_lines, of_first_line
from parity.report.grid import uncut
from parity.report.wording import said, scientific

if TYPE_CHECKING:
    from parity.diagnosis.asking import Asked

SCHEMA = 1
PASS, FAILS = "pass", "fails"
SHOWN = 5
"""Wrong answers that are shown in full; the others are named."""
ELEMENTS = 24
"""Numbers of an array that are shown as they are; of a larger one its shape, and how many of it are not 0."""
WIDTH = 80

Found = dict[str, Any]
NOTHING: Found = {"diagnoses": [], "not_diagnosed": ""}


def verdict(checked: Checked) -> str:
    """One word."""
    return FAILS if checked.wrong else PASS


def headline(checked: Checked, looked: Found | None = None) -> str:
    """The verdict, its cause, the mistake where it is known, the next step.

    Parameters
    ----------
    looked : of `looked_up_data`
    """
    total, wrong = len(checked.answers), checked.wrong
    many, declared = checked.given_that
    given = f", {many} of them given what it declares: {declared}" if many else ""
    if not wrong:
        next_step = f"Next, on whole recordings: parity run --implementation {_quoted(checked.given)}"
        return said(PASS, f"{checked.port}: {total} answers as the reference's{given}", next_step)
    first = wrong[0]
    stages = list(dict.fromkeys(answer.question.stage.name for answer in wrong))
    cause = f"{checked.port}: {len(wrong)} of {total} answers wrong, in {', '.join(stages)}"
    example = f"First: {first.question.name}, {_what(first)}"
    mistakes = [of_first_line([one], one["stage"]) for one in (looked or NOTHING)["diagnoses"]]
    return said(
        FAILS,
        cause,
        next(filter(None, mistakes), ""),
        example,
        f"Next: parity check {_quoted(checked.given, '')} --stage {stages[0]}",
    )


def stages_table(checked: Checked) -> Table:
    """One row per stage: how much was asked, how much was wrong, and how long the port took."""
    table = Table(box=SIMPLE_HEAD)
    for name in ("stage", "asked", "wrong", "seconds"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for stage in _by_stage(checked):
        table.add_row(stage["stage"], str(stage["asked"]), str(stage["wrong"]), f"{stage['seconds']:.2f}")
    return uncut(table)


def wrong_answers(checked: Checked) -> Iterator[str]:
    """Lines on each wrong answer: what was decided, input, expected, got."""
    for answer in checked.wrong[:SHOWN]:
        yield from _lines(answer)
    if rest := checked.wrong[SHOWN:]:
        names = ", ".join(answer.question.name for answer in rest)
        yield from textwrap.wrap(f"and {len(rest)} more: {names}", WIDTH)


def remarks(checked: Checked) -> Iterator[str]:
    """What was not asked, and the time."""
    if checked.not_asked:
        yield f"not asked: {', '.join(checked.not_asked)} (no question without audio; name it with --stage)"
    if checked.changed:
        stages = Counter(question.stage.name for question in checked.changed)
        many = ", ".join(f"{name} ({number})" for name, number in stages.items())
        yield from textwrap.wrap(f"not asked, for what you declared changes it: {many}", WIDTH)
    yield f"{checked.seconds:.1f} s, {checked.port_seconds:.1f} s of them the port's and its files'"


def looked_up_data(checked: Checked, looked: Asked | None) -> Found:
    """What was looked up, as plain data; nothing where nothing was."""
    if looked is None:
        return NOTHING
    again = f"parity check {_quoted(checked.given, '')} --stage"
    return {
        "diagnoses": [diagnosis_data(one, f"{again} {one.stage}") for one in looked.diagnoses],
        "not_diagnosed": looked.why_not,
    }


def mistake_lines(looked: Found) -> Iterator[str]:
    """Which known mistake it is, in lines of a terminal's width."""
    lines = [line for one in looked["diagnoses"] for line in diagnosis_lines(one)]
    for line in [*lines, *not_diagnosed_lines(looked)]:
        indent = " " * (len(line) - len(line.lstrip()))
        yield from textwrap.wrap(line, WIDTH, initial_indent="", subsequent_indent=indent + "  ")


def check_data(checked: Checked, looked: Found | None = None) -> dict[str, Any]:
    """Everything that was found; parameters are those of `headline`."""
    return {
        "schema": SCHEMA,
        "port": checked.port,
        "given": checked.given,
        "verdict": verdict(checked),
        "headline": headline(checked, looked),
        "stages": _by_stage(checked),
        "not_asked": list(checked.not_asked),
        "declared": dict(checked.declared),
        "changed_by_what_is_declared": [
            {"question": question.name, "stage": question.stage.name} for question in checked.changed
        ],
        "answers": [_answer(answer) for answer in checked.answers],
        **(looked or NOTHING),
        "seconds": checked.seconds,
        "port_seconds": checked.port_seconds,
    }


def controls_headline(controls: Iterable[Control]) -> str:
    """Whether the judge can fail."""
    controls = list(controls)
    broken = [control for control in controls if not control.works]
    if not broken:
        names = ", ".join(control.name for control in controls if not control.has_to_pass)
        right = next(control for control in controls if control.has_to_pass)
        return said(PASS, f"The judge passes {right.name} and fails {names}, each by name")
    wrong = "; ".join(f"{c.name} was {'failed' if c.has_to_pass else 'passed'}" for c in broken)
    return said(FAILS, f"The judge cannot be trusted: {wrong}", "Next: a bug of this lab, please report it")


def controls_table(controls: Iterable[Control]) -> Table:
    """One row per control."""
    table = Table(box=SIMPLE_HEAD)
    for name in ("control", "it", "wrong", "of", "first named"):
        table.add_column(name, justify="right" if name in ("wrong", "of") else "left")
    for control in controls:
        wrong = control.checked.wrong
        first = f"{wrong[0].question.name}, {wrong[0].question.stage.name}" if wrong else "-"
        table.add_row(control.name, control.about, str(len(wrong)), str(len(control.checked.answers)), first)
    return uncut(table)


def controls_data(controls: Iterable[Control]) -> dict[str, Any]:
    """Everything that was found."""
    return {
        "schema": SCHEMA,
        "controls": [
            {
                "name": control.name,
                "about": control.about,
                "has_to_pass": control.has_to_pass,
                "works": control.works,
                "asked": len(control.checked.answers),
                "wrong": [answer.question.name for answer in control.checked.wrong],
                "seconds": control.checked.seconds,
            }
            for control in controls
        ],
    }


def brief(value: Any) -> str:
    """An artefact in a line: all of a small one."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        lines = value.splitlines()
        return " / ".join(lines[:2]) + (f" / … {len(lines)} lines" if len(lines) > 2 else "") or "no line"
    if isinstance(value, list):
        return f"{len(value)} turns"
    array = np.asarray(value)
    if array.size <= ELEMENTS:
        return str(array.tolist())
    shape = ", ".join(map(str, array.shape))
    return f"({shape}) {array.dtype}, {np.count_nonzero(array)} of {array.size} not 0"


def _lines(answer: Answer) -> Iterator[str]:
    question = answer.question
    yield ""
    yield from _wrapped("", f"{question.name} ({question.stage.name}): {question.about}")
    if question.declared:
        yield from _wrapped(
            "expected  ", f"as the native stage has it with the declared {', '.join(question.declared)}"
        )
    if question.case is not None:
        for name in question.stage.reads:
            if question.values.get(name) is not None:
                yield from _wrapped("input     ", f"{name} = {brief(question.values[name])}")
        changed = ", ".join(f"{name}={value!r}" for name, value in question.case.parameters.items())
        yield from _wrapped("with      ", changed) if changed else ()
    if answer.problem:
        expected = [f"{name} = {brief(value)}" for name, value in question.expected.items()]
        for text in expected or ["nothing"]:
            yield from _wrapped("expected  ", text)
        yield from _wrapped("got       ", answer.problem)
    for drift in answer.drifts:
        if not drift.within:
            yield from _sides(drift, question.expected.get(drift.artefact), answer.got.get(drift.artefact))


def _sides(drift: Drift, expected: Any, got: Any) -> Iterator[str]:
    small = isinstance(expected, np.ndarray) and expected.size <= ELEMENTS
    place = f" at {drift.where}" if drift.where else ""
    if small or drift.note or drift.want is None:
        yield from _wrapped("expected  ", f"{drift.artefact} = {brief(expected)}")
        yield from _wrapped("got       ", f"{drift.artefact} = {brief(got)}; {_how_far(drift)}{place}")
    else:
        yield from _wrapped("expected  ", f"{drift.artefact} = {drift.want}{place}")
        yield from _wrapped("got       ", f"{drift.artefact} = {drift.got}; {_how_far(drift)}")


def _what(answer: Answer) -> str:
    if answer.problem:
        return answer.problem
    drift = next(drift for drift in answer.drifts if not drift.within)
    place = f" at {drift.where}" if drift.where else ""
    return f"{drift.artefact} {_how_far(drift)}{place}"


def _how_far(drift: Drift) -> str:
    if drift.note:
        return drift.note
    if drift.mismatches:
        return f"{drift.mismatches} of {drift.compared} differ"
    return f"off by {scientific(drift.max_abs)}, tolerance {scientific(drift.tolerance)}"


def _wrapped(head: str, text: str) -> list[str]:
    indent = "  " if head else ""
    return textwrap.wrap(one_line(text), WIDTH, initial_indent=indent + head, subsequent_indent="  " + " " * len(head))


def _by_stage(checked: Checked) -> list[dict[str, Any]]:
    names = dict.fromkeys(answer.question.stage.name for answer in checked.answers)
    rows = []
    for name in names:
        mine = [answer for answer in checked.answers if answer.question.stage.name == name]
        wrong = sum(not answer.right for answer in mine)
        seconds = sum(answer.seconds for answer in mine)
        rows.append({"stage": name, "asked": len(mine), "wrong": wrong, "seconds": seconds})
    return rows


def _answer(answer: Answer) -> dict[str, Any]:
    drifts: list[Mapping[str, Any]] = [
        {
            "artefact": drift.artefact,
            "max_abs": drift.max_abs if np.isfinite(drift.max_abs) else None,
            "mismatches": drift.mismatches,
            "tolerance": drift.tolerance,
            "within": drift.within,
            "where": drift.where,
            "note": drift.note,
        }
        for drift in answer.drifts
    ]
    return {
        "question": answer.question.name,
        "stage": answer.question.stage.name,
        "about": answer.question.about,
        "decision": answer.question.case is not None,
        "declared": list(answer.question.declared),
        "right": answer.right,
        "problem": answer.problem,
        "artefacts": drifts,
        "seconds": answer.seconds,
    }


def _quoted(given: str, prefix: str = PREFIX) -> str:
    if is_python(given):
        return given
    text = prefix + given.removeprefix(PREFIX)
    return f'"{text}"' if " " in text else text
