"""Where drift is born, which stage decides it, which elements carry it.

Verdicts say where it was born (`parity.explain.verdict`), patches which stage's output, taken from the reference,
brings the answer back (`parity.explain.patching`), delta debugging which elements of it (`parity.explain.elements`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from parity.community1 import Networks, community1_pipeline
from parity.explain.decision import Decision, decide
from parity.explain.differences import differences
from parity.explain.explanation import INTO_CANDIDATE, INTO_REFERENCE, TO_BLAME, Elements, Explanation, Patch
from parity.explain.memo import Memo
from parity.explain.patching import Patching
from parity.explain.verdict import NoiseMultiple, Verdicts
from parity.fixtures.prepare import Prepared
from parity.fixtures.snapshot import Snapshot
from parity.pipeline.stage import Pipeline
from parity.ports.arrays import Supplied, with_arrays
from parity.ports.python import NATIVE, Implementation
from parity.replay.engine import replay
from parity.replay.subject import Outcome
from parity.tables import Tabular

DEFAULT_BUDGET = 120
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Question:
    """What is asked of one fixture.

    Attributes
    ----------
    fixture : its name
    implementation : the candidate's name
    native, candidate : pipelines of the same stages, the candidate made of this very native one
    snapshot, inputs : what `parity.replay.outcome.replay` takes
    memo : what the pipelines' networks and stages are remembered in
    noise : artefact and max abs -> multiple of the reference's own noise
    budget : patched runs for the decisive elements; 0 leaves them out
    """

    fixture: str
    implementation: str
    native: Pipeline
    candidate: Pipeline
    snapshot: Snapshot
    inputs: Mapping[str, Any]
    memo: Memo
    noise: NoiseMultiple | None = None
    budget: int = DEFAULT_BUDGET


def ask(
    ready: Prepared,
    networks: Networks,
    implementation: Implementation = NATIVE,
    *,
    supplied: Supplied | None = None,
    budget: int = DEFAULT_BUDGET,
    progress: Progress | None = None,
) -> Question:
    """A question about a fixture that was made ready.

    Parameters
    ----------
    networks : the native ones; each chunk runs through them at most once a question
    supplied : arrays that a port made of this clip, and what is declared; `ready` is taken from it
    progress : of the native networks: stage, chunks done, chunks in all
    """
    memo, ready = Memo(), supplied.ready if supplied else ready
    whole = community1_pipeline(memo.networks(networks), ready.parameters, progress)
    native = memo.pipeline(whole.with_settings(uri=ready.fixture.name))
    candidate = candidate_of(native, implementation, supplied)
    folder = supplied.folder if supplied else None
    return Question(
        fixture=ready.fixture.name,
        implementation=implementation.name if folder is None else f"arrays {folder}",
        native=native,
        candidate=memo.pipeline(candidate),
        snapshot=ready.snapshot,
        inputs=ready.inputs,
        memo=memo,
        noise=ready.noise.multiple if ready.noise else None,
        budget=budget,
    )


def candidate_of(native: Pipeline, implementation: Implementation, supplied: Supplied | None = None) -> Pipeline:
    """The pipeline under test: stages replaced by an implementation's, and by arrays that a port left.

    Parameters
    ----------
    supplied : its arrays are under the reference's conventions
    """
    program = implementation.program
    by_stages = program is None or bool(program.description.stages)
    candidate = implementation(native) if by_stages else native
    if supplied is None or supplied.values is None:
        return candidate
    return with_arrays(candidate, supplied.values)


@dataclass(frozen=True)
class Answered(Tabular):
    """An explanation, and what it was made of."""

    explanation: Explanation
    replay: Outcome
    patching: Patching


def explain(question: Question, *, on_step: Callable[[str], None] | None = None) -> Answered:
    """Localise a fixture's drift; also for one at parity, where nothing is named.

    Parameters
    ----------
    on_step : called with what is being done
    """
    say = on_step or (lambda step: None)
    started = time.perf_counter()
    say("replay")
    outcome = replay(question.candidate, question.snapshot, question.inputs, on_stage=say, native=question.native)
    patching = Patching(question.native, question.candidate, question.snapshot, question.inputs)
    say("verdicts")
    verdicts = Verdicts(patching, outcome, question.noise).all()
    named = tuple(v.stage for v in verdicts if v.verdict in TO_BLAME)
    changed = not patching.candidate_answer.same_as(patching.reference_answer)
    patches: tuple[Patch, ...] = ()
    decision, elements = Decision(), None
    if changed:
        say("patches")
        patches = all_patches(patching)
        decision = decide(patching, verdicts, patches)
        patches += decision.patches
        say("elements")
        elements = _elements(patching, decision.decisive, question.budget)
    found = Explanation(
        fixture=question.fixture,
        implementation=question.implementation,
        answer_changed=changed,
        stages=verdicts,
        named=named,
        stand_ins=tuple(patching.stand_ins),
        patches=patches,
        decisive=decision.decisive,
        interaction=decision.interaction,
        suspects=decision.suspects,
        settle=decision.settle,
        differences=differences(patching, verdicts),
        elements=elements,
        network_runs=dict(question.memo.network_runs),
        seconds=time.perf_counter() - started,
    )
    return Answered(found, outcome, patching)


def _elements(patching: Patching, decisive: str | None, budget: int) -> Elements | None:
    if not budget or decisive is None:
        return None
    return patching.subject.elements(patching, patching.native[decisive], budget)


def all_patches(patching: Patching) -> tuple[Patch, ...]:
    """Each stage alone and each prefix, in both directions."""
    names = [stage.name for stage in patching.native]
    found = []
    for direction in (INTO_CANDIDATE, INTO_REFERENCE):
        found += [patching.patch(direction, (name,)) for name in names]
        found += [patching.patch(direction, tuple(names[: end + 1]), prefix=True) for end in range(1, len(names))]
    return tuple(found)
