"""RNN-T fixtures made ready for the lab: replayed, explained, put on the bench for faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from parity.calibration.trials import Bench
from parity.checkout import in_checkout
from parity.diagnosis.asking import Asked
from parity.errors import InputError
from parity.explain import Explanation, Patching
from parity.explain.localise import DEFAULT_BUDGET, Question, explain
from parity.explain.memo import Memo
from parity.faults import Fault
from parity.fixtures.noise import read_noise
from parity.measure import Drift, compare
from parity.names import find_name
from parity.pipeline import Pipeline
from parity.ports.python import NATIVE, Implementation
from parity.replay.engine import CASCADED, reference_artefacts, replay
from parity.rnnt import rnnt_pipeline
from parity.rnnt.search import greedy
from parity.rnnt.step import OnnxJointStep, RnntNetworks
from parity.subjects.rnnt.faults import FAULTS, StepWorkshop
from parity.subjects.rnnt.fixtures import ALL, RnntFixture, made_head
from parity.subjects.rnnt.naming import ask_of_steps
from parity.subjects.rnnt.subject import StepReplay


@dataclass(frozen=True)
class StepResult:
    """What the lab says of one fixture.

    Attributes
    ----------
    replay : stage by stage
    backend : tokens and frames of the shipped search on the shipped backend, against the reference's
    explanation : where that was asked for and the snapshot holds every step
    asked : which known mistake makes what drifts
    """

    fixture: RnntFixture
    replay: StepReplay
    backend: tuple[Drift, ...]
    explanation: Explanation | None = None
    asked: Asked = field(default_factory=Asked)

    @property
    def at_parity(self) -> bool:
        """The graph and the backend both."""
        return self.replay.at_parity and all(drift.within for drift in self.backend)


@cache
def networks_of(fixture: RnntFixture) -> RnntNetworks:
    """A fixture's head, prepared once per run."""
    return RnntNetworks(made_head(fixture.head))


def planted(fault: Fault | None, fixture: RnntFixture) -> Implementation:
    """A fault as an implementation under test; the native one where it is None."""
    if fault is None:
        return NATIVE
    workshop = StepWorkshop(made_head(fixture.head), fixture.max_symbols)
    return Implementation(f"fault {fault.name}", lambda native: fault.plant(native, workshop))


def run_fixture(
    fixture: RnntFixture,
    *,
    snapshots: Path | None = None,
    implementation: Implementation = NATIVE,
    explain_drift: bool = False,
    budget: int = DEFAULT_BUDGET,
) -> StepResult:
    """Replay one fixture, and localise what drifts.

    Parameters
    ----------
    snapshots : another folder of snapshots, one per fixture by its name
    implementation : the pipeline under test, made of the native one

    Raises
    ------
    InputError : its snapshot is missing or of other arrays; or it keeps too little to be explained
    """
    snapshot, encoded = fixture.read(snapshots), fixture.encoded()
    whole = rnnt_pipeline(networks_of(fixture), fixture.max_symbols)
    native = whole.with_settings(uri=fixture.name, head=fixture.head.name)
    inputs = {"encoded": encoded}
    candidate: Pipeline = implementation(native)
    outcome = replay(candidate, snapshot, inputs)
    found = greedy(OnnxJointStep(networks_of(fixture)), encoded, max_symbols=fixture.max_symbols)
    sides = (("tokens", found.tokens), ("token_frames", found.frames))
    backend = tuple(compare(name, got, snapshot.values[name], mode=CASCADED) for name, got in sides)
    explanation = None
    if explain_drift:
        if "step_state" not in snapshot.values:
            raise InputError(
                f"{snapshot.folder}: keeps {fixture.kept} only; to be explained it needs every step: "
                + in_checkout(f"nox -s capture -- rnnt --fixture {fixture.name} --everything --out DIR")
                + ", then --snapshots DIR"
            )
        memo = Memo()
        question = Question(
            fixture.name,
            implementation.name,
            native,
            memo.pipeline(candidate),
            snapshot,
            inputs,
            memo,
            noise=floor.multiple if (floor := read_noise(snapshot.folder)) else None,
            budget=budget,
        )
        explanation = explain(question).explanation
    workshop = StepWorkshop(made_head(fixture.head), fixture.max_symbols)
    asked = ask_of_steps(outcome, candidate, native, reference_artefacts(snapshot, inputs), workshop)
    return StepResult(fixture, outcome, backend, explanation, asked)


def bench_of(fixture: RnntFixture) -> Bench:
    """A fixture on the bench: what faults are planted in."""
    memo, snapshot, inputs = Memo(), fixture.read(), {"encoded": fixture.encoded()}
    native = memo.pipeline(rnnt_pipeline(networks_of(fixture), fixture.max_symbols))
    workshop = StepWorkshop(made_head(fixture.head), fixture.max_symbols)
    clean = Patching(native, native, snapshot, inputs)
    return Bench(fixture.name, native, workshop, clean, reference_artefacts(snapshot, inputs), memo)


def benches(fixtures: list[RnntFixture], on_fixture: Callable[[str], None] | None = None) -> Iterator[Bench]:
    """Fixtures that keep every step, one at a time."""
    for fixture in fixtures:
        if fixture.kept == ALL:
            if on_fixture:
                on_fixture(fixture.name)
            yield bench_of(fixture)


def known_fault(name: str | None) -> Fault | None:
    """A fault by its name; None where none is named.

    Raises
    ------
    InputError : no fault of that name
    """
    if name is None:
        return None
    faults = {fault.name: fault for fault in FAULTS}
    return faults[find_name(name, faults, refused="--fault {}: unknown", there_are="there are:")]
