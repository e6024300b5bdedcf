"""What the lab has to know of a pipeline beside its stages, and where that is said.

Stages, snapshots and comparisons are general. What an answer is, what may differ because the reference's own choice is
noise, and what a report of a replay holds are the pipeline's own; a `Subject` says it. The lab finds a pipeline's
subject by the pipeline's name, for the numerics know nothing of the lab.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from parity.fixtures.standing import Standing, no_worse
from parity.measure import drift as measure
from parity.measure.drift import Drift
from parity.pipeline.stage import Artefacts, Pipeline

WHERE = {"community-1": "parity.subjects.diarization", "rnn-t": "parity.subjects.rnnt.subject"}


class Answer(Protocol):
    """What a run says in the end."""

    def same_as(self, other: Any) -> bool:
        """Whether it is the same answer."""


@dataclass(frozen=True)
class Raised:
    """A stage that raised instead of writing anything.

    Attributes
    ----------
    stage : its name
    mode : `cascaded`, or `isolated` where it raised on the reference's own inputs only
    said, place, trace : type and message, file and line, the whole traceback
    on_reference : whether it raises on the reference's own inputs too; None where it could not be run on them
    wrong_before : the first stage before it whose output had left tolerance; None where none had
    """

    stage: str
    mode: str
    said: str
    place: str
    trace: str
    on_reference: bool | None
    wrong_before: str | None

    @property
    def inherited(self) -> bool:
        """Whether what it was given had gone wrong, so that it need not be to blame."""
        return self.on_reference is False or (self.on_reference is None and self.wrong_before is not None)

    def __str__(self) -> str:
        if self.on_reference:
            because = "on the reference's own inputs"
        elif self.wrong_before is not None:
            because = f"what it was given had already gone wrong in {self.wrong_before}"
        else:
            because = "what it was given was within tolerance"
        return f"stage {self.stage} raised {self.said} ({self.place}); {because}"


class Outcome:
    """What every replay's report has: `drifts`, in the pipeline's order, and `problems`, each of which fails it.

    `raised` are the stages that raised, on our own inputs or on the reference's; stages behind them were not reached.
    `native` are artefacts that the lab made where a port left arrays of others: they say nothing of the port.
    """

    drifts: tuple[Drift, ...]
    problems: tuple[str, ...]
    raised: tuple[Raised, ...]
    native: frozenset[str] = frozenset()

    @property
    def at_parity(self) -> bool:
        """Whether the answer is the reference's too; each pipeline's own report says what that takes."""
        return self.all_within

    @property
    def all_within(self) -> bool:
        """Everything compared, everything within."""
        return not self.problems and self.first_drift is None

    def no_worse(self, truth: Mapping[str, Standing] | None) -> bool:
        """Whether all that is out of tolerance is numbers that are no further from the truth than the reference's.

        Parameters
        ----------
        truth : artefact -> how it stands, of this replay's cascade; None where the snapshot has no truth
        """
        own = [drift for drift in self.drifts if drift.artefact not in self.native]
        return not self.problems and not self.raised and no_worse(own, truth)

    @property
    def first_drift(self) -> Drift | None:
        """The first artefact out of tolerance in the pipeline's order; isolated before cascaded."""
        return next((drift for drift in self.drifts if not drift.within and drift.artefact not in self.native), None)


@dataclass(frozen=True)
class Replayed:
    """What the general part of a replay hands to the subject.

    Attributes
    ----------
    made : artefacts of the cascade
    snapshot : the reference's
    drifts : in the pipeline's order, isolated and cascaded
    missing : what raised, and what the snapshot holds and was not compared, or was made and it does not hold, in words
    raised : stages that raised
    isolated_without : stages that could not run isolated, and the inputs that the snapshot does not hold
    stage_seconds : wall time of each stage in the cascade
    native : artefacts that the lab made where a port left arrays of others
    """

    made: Artefacts
    snapshot: Any
    drifts: tuple[Drift, ...]
    missing: tuple[str, ...]
    isolated_without: Mapping[str, tuple[str, ...]]
    stage_seconds: Mapping[str, float]
    raised: tuple[Raised, ...] = ()
    native: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Subject:
    """One pipeline, as the lab sees it.

    Attributes
    ----------
    texts : artefacts that are compared as lines of text
    to_text : what a pipeline made of such an artefact -> text
    recorded_text : what a snapshot holds of it -> text, written the same way
    excuses : artefacts, of the cascade or of a stage alone, snapshot -> artefact -> mask of elements that may differ
    excused_isolated : artefacts that are excused in isolated replays too
    recorded_part : stands in where a stage could make part of an artefact only: name, got, want, snapshot -> the
        chunks that the rows are of; None where it made all of it
    finish : the general part -> the report of the replay
    answer_of : artefacts -> the answer
    recorded_answer : the answer of the reference's artefacts, snapshot -> the answer that was recorded
    distance : an answer, the reference's -> how far, as `recovery` reads it
    recovery : a patched run's distance, the candidate's, whether it is asked how much error came along -> graded
    elements : patching, decisive stage, budget -> the elements that decide; None where nothing finer can be named
    unread : artefact, the reference's artefacts -> mask of elements that no later stage reads; None where all are
    beyond_recorded : the drift of what was recorded of an artefact, all that was made, snapshot -> the drift with what
        the snapshot tells of the rest
    """

    texts: tuple[str, ...]
    to_text: Callable[[Any], str]
    recorded_text: Callable[[str], str]
    excuses: Callable[[Mapping[str, Any], Any], Mapping[str, np.ndarray]]
    excused_isolated: frozenset[str]
    recorded_part: Callable[[str, Any, np.ndarray, Any], np.ndarray | None]
    finish: Callable[[Replayed], Any]
    answer_of: Callable[[Mapping[str, Any]], Any]
    recorded_answer: Callable[[Any, Any], Any]
    distance: Callable[[Any, Any], Any]
    recovery: Callable[[Any, Any, bool], Any]
    elements: Callable[[Any, Any, int], Any]
    unread: Callable[[str, Mapping[str, Any]], np.ndarray | None] = lambda name, values: None
    beyond_recorded: Callable[[Drift, Any, Any], Drift] = lambda drift, got, snapshot: drift

    def as_read(self, name: str, got: Any, want: Any, values: Mapping[str, Any]) -> Any:
        """An artefact in which the elements that nobody reads are the reference's; whatever compares takes this.

        Parameters
        ----------
        values : the reference's artefacts
        """
        mask = self.unread(name, values)
        if mask is None or not np.shape(got) == np.shape(want) == mask.shape:
            return got
        return np.where(mask, want, got).astype(np.asarray(got).dtype)

    def compare(self, name: str, got: Any, want: Any, values: Mapping[str, Any], **how: Any) -> Drift:
        """`parity.measure.drift.compare` of what is read, with its keywords; `values` are the reference's artefacts."""
        return measure.compare(name, self.as_read(name, got, want, values), want, **how)


def subject_of(pipeline: Pipeline) -> Subject:
    """The subject of a pipeline, by its name.

    Raises
    ------
    KeyError : the lab does not know the pipeline
    """
    return importlib.import_module(WHERE[pipeline.name]).SUBJECT
