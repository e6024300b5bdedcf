"""`rnn-t` as the lab sees it: its answer is tokens and their frames, nothing may differ, drift has a course in time.

Task: the general part of a replay -> `StepReplay`: drift of states and log-probabilities step by step, the first step
that takes another token, and how close the reference was to taking that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parity.explain.delta import NO, YES, ddmin
from parity.explain.explanation import Element, Elements, TokenRecovery
from parity.explain.patching import Patching
from parity.fixtures.snapshot import Snapshot
from parity.measure.drift import Drift
from parity.pipeline.recurrent import RecurrentPipeline
from parity.pipeline.stage import Stage
from parity.replay.subject import Outcome, Raised, Replayed, Subject

BY_STEP = ("step_state", "predictor_output", "predictor_state", "log_probabilities")


@dataclass(frozen=True)
class StepDifference:
    """The first step that takes another class than the reference's.

    Attributes
    ----------
    step, frame : where
    got, want : classes
    margin : the reference's log-probability of its class minus that of ours; None where it was not recorded
    """

    step: int
    frame: int
    got: int
    want: int
    margin: float | None


@dataclass(frozen=True)
class StepReplay(Outcome):
    """What a replay of an utterance found.

    Attributes
    ----------
    drifts, problems, isolated_without, stage_seconds, raised : as of every replay (`parity.replay.subject.Replayed`)
    steps, reference_steps : of the search
    tokens, reference_tokens : how many were emitted
    first_difference : None where every step takes the reference's class
    by_step : artefact -> (n,) float64, its largest drift at each step before searches part
    closest : the smallest gap of the reference's two best classes, and its step; None where it was not recorded
    """

    drifts: tuple[Drift, ...]
    problems: tuple[str, ...]
    steps: int
    reference_steps: int
    tokens: int
    reference_tokens: int
    first_difference: StepDifference | None
    by_step: Mapping[str, np.ndarray] = field(repr=False)
    closest: tuple[float, int] | None
    isolated_without: Mapping[str, tuple[str, ...]]
    stage_seconds: Mapping[str, float]
    raised: tuple[Raised, ...] = ()

    @property
    def at_parity(self) -> bool:
        """Everything compared, everything within: tokens and frames are decisions, so they are equal."""
        return self.all_within

    def drift_of(self, artefact: str, mode: str) -> float | None:
        """The max abs of one artefact; None where it was not compared."""
        return next((d.max_abs for d in self.drifts if (d.artefact, d.mode) == (artefact, mode)), None)

    @property
    def amplification(self) -> float | None:
        """How much more the state has drifted, free-running, than one step from the reference's state makes it drift.

        1 where a step forgets what drifted before it; None where either was not compared, or a step makes none.
        """
        own, carried = self.drift_of("predictor_state", "isolated"), self.drift_of("predictor_state", "cascaded")
        return carried / own if own and carried is not None and np.isfinite(carried) else None


def finish(found: Replayed) -> StepReplay:
    """The report of one replay."""
    made, want = found.made, found.snapshot.values
    problems = found.missing if "tokens" in want else ("the snapshot holds no tokens", *found.missing)
    chosen = want.get("chosen", np.zeros(0, dtype=np.int64))
    return StepReplay(
        drifts=found.drifts,
        problems=tuple(problems),
        steps=len(made["chosen"]),
        reference_steps=len(chosen),
        tokens=len(made.get("tokens", ())),
        reference_tokens=len(want.get("tokens", ())),
        first_difference=first_difference(made, want),
        by_step=drift_by_step(made, want),
        closest=closest_step(want.get("log_probabilities")),
        isolated_without=found.isolated_without,
        stage_seconds=found.stage_seconds,
        raised=found.raised,
    )


def first_difference(made: Mapping[str, Any], want: Mapping[str, Any]) -> StepDifference | None:
    """The first step that takes another class; None where there is none, or one side ends first."""
    ours, theirs = made["chosen"], want.get("chosen", made["chosen"])
    common = min(len(ours), len(theirs))
    differs = np.flatnonzero(ours[:common] != theirs[:common])
    if not len(differs):
        return None
    step = int(differs[0])
    got, wanted = int(ours[step]), int(theirs[step])
    scores = want.get("log_probabilities")
    margin = None if scores is None else float(scores[step, wanted]) - float(scores[step, got])
    return StepDifference(step, int(made["step_frame"][step]), got, wanted, margin)


def drift_by_step(made: Mapping[str, Any], want: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Artefact -> (n,) float64, the largest difference of each step, up to the first that takes another class."""
    parted = first_difference(made, want)
    found = {}
    for name in BY_STEP:
        if name not in want or made.get(name) is None:
            continue
        ends = min(len(made[name]), len(want[name]), len(want[name]) if parted is None else parted.step + 1)
        gap = np.abs(made[name][:ends].astype(np.float64) - want[name][:ends])
        found[name] = gap.max(axis=tuple(range(1, gap.ndim)), initial=0.0)
    return found


def closest_step(log_probabilities: np.ndarray | None) -> tuple[float, int] | None:
    """The smallest gap of the two best classes of a step, and which step that is."""
    if log_probabilities is None or not len(log_probabilities):
        return None
    best = np.sort(log_probabilities.astype(np.float64), axis=1)[:, -2:]
    gaps = best[:, 1] - best[:, 0]
    return float(gaps.min()), int(gaps.argmin())


NO_TOKENS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Transcript:
    """An answer: tokens and the frame of each, (n,) int64 both; `raised` is the stage that ended it early, if any."""

    tokens: np.ndarray
    frames: np.ndarray
    raised: str = ""

    def same_as(self, other: Transcript) -> bool:
        """Whether tokens and frames are equal."""
        return (
            self.raised == other.raised
            and np.array_equal(self.tokens, other.tokens)
            and np.array_equal(self.frames, other.frames)
        )


def answer_of(made: Mapping[str, Any]) -> Transcript:
    """The answer of a cascade."""
    return Transcript(made.get("tokens", NO_TOKENS), made.get("token_frames", NO_TOKENS))


def edit_distance(found: Transcript, reference: Transcript) -> float:
    """Insertions, deletions and substitutions of (token, frame) pairs, over the reference's number of tokens."""
    ours, theirs = (np.stack([side.tokens, side.frames], axis=1) for side in (found, reference))
    columns = np.arange(len(theirs) + 1)
    row = columns.copy()
    for count, pair in enumerate(ours, start=1):
        changed = row[:-1] + np.any(theirs != pair, axis=1)
        best = np.concatenate([[count], np.minimum(row[1:] + 1, changed)])
        row = np.minimum.accumulate(best - columns) + columns  # insertions run along the row
    return float(row[-1]) / max(1, len(theirs))


def recovery(patched: float, error: float, away: bool) -> TokenRecovery:
    """How much of the way back to the reference a patch goes, or how much of the error came along."""
    if not error:
        return TokenRecovery(None)
    return TokenRecovery(patched / error if away else 1.0 - patched / error)


def decisive_steps(patching: Patching, stage: Stage, budget: int) -> Elements | None:
    """The smallest set of steps at which the reference's output of a stage restores the answer.

    Other steps run on what that leads to, so the steps that differ later are not the ones that differed before.
    """
    names = [name for name in stage.writes if name in patching.reference]
    native = patching.native
    if not isinstance(native, RecurrentPipeline) or stage.name not in native.loop.stages or not names:
        return None
    made, want = patching.made, patching.reference
    common = min(len(made[names[0]]), len(want[names[0]]))
    differs = [made[name][:common].reshape(common, -1) != want[name][:common].reshape(common, -1) for name in names]
    steps = np.flatnonzero(np.any(np.concatenate(differs, axis=1), axis=1)).tolist()

    def patch(side: Mapping[str, Any], chosen: list[int]) -> dict[str, Any]:
        return {name: {step: side[name][step] for step in chosen} for name in names}

    def restores(chosen: list[int]) -> str:
        answer = patching.into_candidate((), patch(want, chosen))
        return YES if answer.same_as(patching.reference_answer) else NO

    if restores(steps) != YES:
        return None
    found = ddmin(steps, restores, budget)
    gaps = {step: max(float(np.max(np.abs(made[n][step].astype(np.float64) - want[n][step]))) for n in names)
            for step in steps}  # fmt: skip
    return Elements(
        artefact=names[0],
        differing=len(steps),
        chosen=tuple(
            Element((steps[i],), f"step {steps[i]}, frame {int(want['step_frame'][steps[i]])}", None, None, (),
                    gaps[steps[i]])
            for i in found.chosen
        ),
        sufficient=(),
        minimal=found.minimal,
        runs=found.runs + 1,
        budget=budget,
        unresolved=found.unresolved,
        signature=_signature(patching),
    )  # fmt: skip


def _signature(patching: Patching) -> str:
    ours, theirs = patching.candidate_answer, patching.reference_answer
    distance = edit_distance(ours, theirs)
    return f"{len(ours.tokens)} tokens where the reference has {len(theirs.tokens)}, {distance:.1%} of them edited"


def _nothing_excused(made: Mapping[str, Any], snapshot: Snapshot) -> dict[str, np.ndarray]:
    return {}


SUBJECT = Subject(
    texts=(),
    to_text=str,
    recorded_text=str,
    excuses=_nothing_excused,
    excused_isolated=frozenset(),
    recorded_part=lambda name, got, want, snapshot: None,
    finish=finish,
    answer_of=answer_of,
    recorded_answer=lambda made, snapshot: made,
    distance=edit_distance,
    recovery=recovery,
    elements=decisive_steps,
)
