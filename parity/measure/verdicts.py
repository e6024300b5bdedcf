"""What the lab says of a recording in the end: the words, which is worse, and the exit status each has.

The words are the same in the terminal, JSON, Markdown, the page and in exit statuses.
"""

from __future__ import annotations

from collections.abc import Iterable

PARITY = "parity"
"""Everything that was asked for was compared, and is within tolerance as it stands."""

EQUIVALENT = "equivalent"
"""The same under conventions that are undone and named: numbering, order, sign."""

DECLARED = "parity, given what you declared"
"""The same, or equivalent, measured against the native pipeline with what the port declares to do otherwise."""

NO_WORSE = "no worse than the reference's own error"
"""Numbers are out of tolerance, none of them further from the truth than the reference's is; every decision agrees."""

LIMITED = "limited coverage"
"""What was compared agrees, and the answer, or what was required, was not compared."""

INCONCLUSIVE = "inconclusive"
"""Something differs, and the dump or the reference is itself suspect."""

DRIFT = "drift"
"""Something is out of tolerance."""

RAISES = "raises"
"""A stage raised, so that nothing behind it could be looked at."""

ERROR = "error"
"""The inputs were wrong, or out of form."""

GREEN = (PARITY, EQUIVALENT, DECLARED)
"""What is counted as being at parity."""

PASSING = (*GREEN, NO_WORSE)
"""What ends with 0: parity, and what is none and yet as good."""

BEST_FIRST = (*PASSING, LIMITED, INCONCLUSIVE, DRIFT, RAISES, ERROR)

ANSWER = ("diarization", "discrete_diarization")
"""Artefacts that are the answer: one of them has to be compared where nothing else is required."""

ALL = "all"


def worst(verdicts: Iterable[str]) -> str:
    """The worst of some verdicts; words that are none of them (`counted`, `missing`) say nothing of code."""
    found = set(verdicts)
    return next((verdict for verdict in reversed(BEST_FIRST) if verdict in found), PARITY)


def exit_status(verdicts: Iterable[str]) -> int:
    """0 parity, as it stands, equivalent, given what was declared, or no worse than the reference's own error.

    1 is anything else of a port, 2 wrong inputs.
    """
    verdict = worst(verdicts)
    return 2 if verdict == ERROR else 0 if verdict in PASSING else 1


def lacking(compared: Iterable[str], held: Iterable[str], required: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Artefacts that had to be compared and were not.

    Parameters
    ----------
    compared : artefacts of which the candidate's own were compared
    held : artefacts that the reference has
    required : names, or `all`; none is the answer, where the reference has one
    """
    have, there = set(compared), tuple(held)
    if ALL in required:
        return tuple(name for name in there if name not in have)
    if required:
        return tuple(name for name in required if name not in have)
    answers = tuple(name for name in ANSWER if name in there)
    return () if have & set(answers) else answers
