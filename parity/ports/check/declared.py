"""What a port that deviates on purpose is asked: the expected answer is the native stage's with what it declares.

Task: a question, declared values (`parity.ports.dump.deviations`) -> the question as it can be put. A stage that no
declared value changes is judged by the reference as ever. One that is changed gets the same inputs, and what is
expected is made here, natively, with the declared values, which the program finds in its `parameters.json` too,
whether or not it reads them there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from parity.errors import InputError
from parity.fixtures.decisions import DecisionCase
from parity.ports.check.questions import HEARD, Question, judged_as
from parity.ports.dump.deviations import stages_of, with_declared
from parity.replay.decisions import ask

WEIGHTS = {"segmentation", "embeddings", "xvec", "plda"}
"""Stages that cannot be run here, for they hold what was learned."""


def with_what_is_declared(question: Question, declared: Mapping[str, Any]) -> Question | None:
    """The question to a port that declares something.

    Returns
    -------
    question : with `declared` where another answer is expected than the reference's; None where what is expected
        cannot be told: the stage needs weights or audio, raises with those values or does not run, or the question's
        own bounds on the number of speakers contradict them
    """
    other = {name: value for name, value in declared.items() if getattr(question.settings, name) != value}
    changed = tuple(name for name in other if question.stage.name in stages_of([name]))
    try:
        settings = with_declared(question.settings, other, "declares")
    except InputError:
        return None if changed else question
    if not changed:
        return replace(question, settings=settings)
    if question.stage.name in WEIGHTS or HEARD & set(question.stage.reads):
        return None
    case = _as_case(question)
    case = replace(case, parameters={**case.parameters, **other})
    made = ask(case).got
    if made is None or (not made and question.case is None):
        return None
    return replace(judged_as(question, replace(case, expected=made)), settings=settings, declared=changed)


def _as_case(question: Question) -> DecisionCase:
    """A stage on a recording's own inputs is one decision more."""
    if question.case is not None:
        return question.case
    return DecisionCase(
        "recording",
        question.name,
        question.stage.name,
        question.about,
        parameters=asdict(question.settings),
        inputs=question.values,
        expected=question.expected,
    )
