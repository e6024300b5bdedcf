"""What is said of one stage: the mistake that makes what the candidate made, how sure that is, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NAMED, UNKNOWN = "named", "nothing known"

LEAVES_AT_MOST = 0.01
"""Of the difference, in RMS or in labels, on either half: more, and no mistake is named."""

FITTED_LEAVES_AT_MOST = 0.001
"""The same of a value that was fitted: a free value explains much of a difference that is none of its making."""

CLEARLY = 3.0
"""How many times what the named mistake leaves the next one has to leave, unless the two are the same there."""


@dataclass(frozen=True)
class Left:
    """What a mistake leaves of the difference between candidate and reference, as a fraction.

    Attributes
    ----------
    choosing : over the half of the elements that mistakes are ranked by
    confirming : over the other half
    """

    choosing: float
    confirming: float

    @property
    def worst(self) -> float:
        """The larger of the two."""
        return max(self.choosing, self.confirming)


@dataclass(frozen=True)
class Parameter:
    """The value that fits best, of a mistake that has one.

    Attributes
    ----------
    name : what it is called, with its unit where it has one
    value : that fits best
    reference : what the reference has there; None where it has no such thing
    low, high : every value between them makes the same here; both `value` where only that one does
    """

    name: str
    value: float
    reference: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Mistake:
    """One mistake, tried.

    Attributes
    ----------
    name : as `parity calibrate --only` takes it; of a family, its own
    about : what was done instead of what, in one line
    left : what it leaves
    parameter : the value it was tried with; None where it has none
    second_parameter : of two values that explain it together, the other one
    same : others that make the same, within tolerance, on this recording
    fitted : whether the value was searched, and is none that the dictionary has as a mistake of its own
    """

    name: str
    about: str
    left: Left
    parameter: Parameter | None = None
    same: tuple[Mistake, ...] = ()
    fitted: bool = False
    second_parameter: Parameter | None = None

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """None, one or two."""
        return tuple(known for known in (self.parameter, self.second_parameter) if known is not None)

    @property
    def fits(self) -> bool:
        """Whether it explains the difference on both halves."""
        return self.left.worst <= (FITTED_LEAVES_AT_MOST if self.fitted else LEAVES_AT_MOST)


@dataclass(frozen=True)
class Evidence:
    """What is shown of one artefact: the worst element and those around it, in the array's own order.

    Attributes
    ----------
    artefact : which
    where : the worst element in words
    shape : of the array that was looked at; of a heavy stage a few chunks
    start : of the first element shown
    candidate, reference : (n,) floats, NaN where there is no number
    mistaken : (n,) the reference with the mistake; None where no mistake is named, or it could not be run
    """

    artefact: str
    where: str
    shape: tuple[int, ...]
    start: int
    candidate: np.ndarray
    reference: np.ndarray
    mistaken: np.ndarray | None


@dataclass(frozen=True)
class Diagnosis:
    """What is known of the drift that is born in one stage.

    Attributes
    ----------
    stage : where it is born
    judged_by : artefacts of it that mistakes had to explain
    mistake : that makes what the candidate made; None where nothing known does
    runner_up : the best of those that make something else; None where only one was tried
    tried : how many mistakes, values of a parameter not counted
    not_tried : those that could not be, and why, one line each
    given : whose arrays they were tried on, in words
    note : why nothing is named, in words; empty where something is
    check : what to look at first
    kit : where its formula stands: file and section of a porting kit
    seconds : wall time
    evidence : what a picture shows; None where it was not asked for, or there is nothing to draw
    """

    stage: str
    judged_by: tuple[str, ...]
    mistake: Mistake | None
    runner_up: Mistake | None
    tried: int
    not_tried: tuple[str, ...]
    given: str
    note: str
    check: str
    kit: str
    seconds: float
    evidence: Evidence | None = None

    @property
    def verdict(self) -> str:
        """`named` or `nothing known`."""
        return UNKNOWN if self.mistake is None else NAMED

    @property
    def names(self) -> tuple[str, ...]:
        """Every mistake that is named: the first, then those that are the same here."""
        return () if self.mistake is None else (self.mistake.name, *(other.name for other in self.mistake.same))
