"""The main job: replay fixtures and say of each whether the reimplementation is at parity.

A fixture whose inputs are wrong is reported as such and the others still run. Results are plain data; `parity.report`
renders them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from parity.community1 import community1_pipeline
from parity.community1.networks import Networks, build_networks
from parity.details import Details, find_details
from parity.errors import InputError
from parity.explanation import Explanation
from parity.fixtures import Fixture
from parity.networks.runtime import one_blas_thread
from parity.noise import Noise, read_noise
from parity.prepare import prepare
from parity.replay import Replay, replay
from parity.score import Score, score_rttm
from parity.snapshot import Snapshot
from parity.stage import Artefacts
from parity.variant import NATIVE, Implementation
from parity.weights import WeightSet

PARITY, DRIFT, ERROR = "parity", "drift", "error"


@dataclass(frozen=True)
class Human:
    """DER against a human's annotation, in which neither side can be right: information, not a gate."""

    reference: Score
    ours: Score


@dataclass(frozen=True)
class FixtureResult:
    """What the main job says of one fixture.

    Attributes
    ----------
    status : `parity`, `drift`, or `error` where its inputs were wrong
    seconds : of the cascade, isolated replays and scoring left out
    replay : None where there was an error
    error : in one line
    details : numbers behind the report's plots
    explanation : where drift is born and what decides it, where that was asked
    """

    name: str
    status: str
    audio_seconds: float | None = None
    seconds: float | None = None
    replay: Replay | None = None
    human: Human | None = None
    error: str | None = None
    machine: dict | None = None
    details: Details | None = None
    explanation: Explanation | None = None


class Watcher:
    """What a run tells while it works; this one tells nobody."""

    def fixture(self, name: str, audio_seconds: float) -> None:
        """A fixture begins."""

    def stage(self, name: str) -> None:
        """A stage begins."""

    def step(self, stage: str, done: int, total: int) -> None:
        """Chunks of a stage are done."""

    def finished(self, result: FixtureResult) -> None:
        """A fixture is done."""


def run_fixtures(
    fixtures: Iterable[Fixture],
    weights: WeightSet,
    *,
    snapshots: Path | None = None,
    watcher: Watcher | None = None,
    threads: int | None = None,
    implementation: Implementation = NATIVE,
) -> list[FixtureResult]:
    """Replay fixtures one after the other.

    Parameters
    ----------
    snapshots : another folder of snapshots, one a fixture by its name
    threads : of the networks; the cores this process may use by default
    implementation : the pipeline under test, made of the native one
    """
    watcher = watcher or Watcher()
    results = []
    with one_blas_thread():
        networks = build_networks(weights.segmentation, weights.embedding, weights.plda, threads)
        for fixture in fixtures:
            folder = snapshots / fixture.name if snapshots else fixture.snapshot_folder
            try:
                result = _run_fixture(fixture, folder, weights, networks, watcher, implementation)
            except (InputError, OSError) as error:
                result = FixtureResult(fixture.name, ERROR, error=" ".join(str(error).split()))
            results.append(result)
            watcher.finished(result)
    return results


def _run_fixture(
    fixture: Fixture,
    folder: Path,
    weights: WeightSet,
    networks: Networks,
    watcher: Watcher,
    implementation: Implementation,
) -> FixtureResult:
    ready = prepare(fixture, folder, weights)
    snapshot = ready.snapshot
    watcher.fixture(fixture.name, ready.audio_seconds)
    pipeline = implementation(community1_pipeline(networks, ready.parameters, watcher.step))
    made: Artefacts = {}
    outcome = replay(pipeline, snapshot, ready.inputs, on_stage=watcher.stage, on_made=made.update)
    return FixtureResult(
        name=fixture.name,
        status=PARITY if outcome.at_parity else DRIFT,
        audio_seconds=ready.audio_seconds,
        seconds=sum(outcome.stage_seconds.values()),
        replay=outcome,
        human=_against_human(fixture, snapshot, outcome),
        machine=snapshot.manifest.get("machine"),
        details=find_details(snapshot, made, outcome.rttm, ready.inputs["waveform"], noise=_envelope(folder)),
    )


def _envelope(folder: Path) -> dict[str, Noise] | None:
    floor = read_noise(folder)
    return None if floor is None else floor.envelope


def _against_human(fixture: Fixture, snapshot: Snapshot, outcome: Replay) -> Human | None:
    turns, spans = fixture.human_turns(), fixture.human_spans()
    if not turns:
        return None
    human = "".join(
        f"SPEAKER {fixture.name} 1 {start:.3f} {end - start:.3f} <NA> <NA> {speaker} <NA> <NA>\n"
        for start, end, speaker in turns
    )
    reference = snapshot.values["diarization"]
    return Human(score_rttm(human, reference, spans=spans), score_rttm(human, outcome.rttm, spans=spans))


def timed(function: Callable[[], list[FixtureResult]]) -> tuple[list[FixtureResult], float]:
    """The results and the wall seconds they took."""
    started = time.perf_counter()
    return function(), time.perf_counter() - started
