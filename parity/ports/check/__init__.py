"""Does a port answer small questions as the reference, in the time that one waits between two edits?

`questions` are stages on the reference's own inputs of a few recordings, and the decision cases; `answers` puts them to
a program or to Python functions and judges; `controls` shows that the judge can fail; `watching` asks again.
"""

from __future__ import annotations

from parity.ports.check.answers import Answer, Checked, check
from parity.ports.check.controls import run_controls
from parity.ports.check.questions import FEW, Question, questions

__all__ = [
    "FEW",
    "Answer",
    "Checked",
    "Question",
    "check",
    "questions",
    "run_controls",
]
