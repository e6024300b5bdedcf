"""The main job: replay fixtures and say of each whether the reimplementation is at parity.

A fixture whose inputs are wrong is reported as such and the others still run. Results are plain data; `parity.report`
renders them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parity.audio import SAMPLE_RATE, load_clip
from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import Networks, build_networks
from parity.errors import InputError
from parity.fixtures import Fixture
from parity.networks.runtime import one_blas_thread
from parity.replay import Replay, replay
from parity.score import Score, score_rttm
from parity.snapshot import Snapshot, read_snapshot
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
    """

    name: str
    status: str
    audio_seconds: float | None = None
    seconds: float | None = None
    replay: Replay | None = None
    human: Human | None = None
    error: str | None = None
    machine: dict | None = None


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
    parameters = Parameters(**weights.parameters, **fixture.speakers)
    snapshot = read_snapshot(folder)
    check_provenance(snapshot, fixture, weights, parameters)
    waveform = load_clip(fixture.clip())
    audio_seconds = waveform.shape[1] / SAMPLE_RATE
    watcher.fixture(fixture.name, audio_seconds)
    pipeline = implementation(community1_pipeline(networks, parameters, watcher.step))
    outcome = replay(pipeline, snapshot, {"waveform": waveform}, on_stage=watcher.stage)
    return FixtureResult(
        name=fixture.name,
        status=PARITY if outcome.at_parity else DRIFT,
        audio_seconds=audio_seconds,
        seconds=sum(outcome.stage_seconds.values()),
        replay=outcome,
        human=_against_human(fixture, snapshot, outcome),
        machine=snapshot.manifest.get("machine"),
    )


def check_provenance(snapshot: Snapshot, fixture: Fixture, weights: WeightSet, parameters: Parameters) -> None:
    """Refuse to compare what cannot be compared: another clip, weight set, or other parameters.

    Raises
    ------
    InputError : names the snapshot, and both sides
    """
    if "diarization" not in snapshot.values:
        raise InputError(f"{snapshot.folder}: holds no reference.rttm, so there is nothing to score against")
    if np.isinf(snapshot.values.get("embeddings", np.zeros(0))).any():
        raise InputError(f"{snapshot.folder}: embeddings hold infinite values, between which no distance is defined")
    for name in ("weights", "parameters"):
        if not isinstance(snapshot.manifest.get(name, {}), dict):
            raise InputError(f"{snapshot.folder}: manifest.json: `{name}` is not a table")
    if snapshot.clip_sha256 != fixture.clip_sha256:
        raise InputError(
            f"{snapshot.folder}: captured from clip {snapshot.clip_sha256}, the catalogue pins {fixture.clip_sha256}"
        )
    theirs = snapshot.weights.get("sha256")
    if theirs and theirs != weights.sha256:
        raise InputError(
            f"{snapshot.folder}: captured with weight set {snapshot.weights.get('name')} ({theirs[:12]}), this run has "
            f"{weights.name} ({weights.sha256[:12]}); parity is about code: capture again with these weights, or "
            f"pass --weights"
        )
    for name, value in snapshot.manifest.get("parameters", {}).items():
        if hasattr(parameters, name) and getattr(parameters, name) != value:
            raise InputError(
                f"{snapshot.folder}: captured with {name}={value}, this run has {getattr(parameters, name)}"
            )


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
