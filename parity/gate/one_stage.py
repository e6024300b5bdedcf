"""One stage alone, on the reference's own inputs: the answer of the main job's isolated replays, in a second or two.

Task: fixtures and a stage -> what it makes of what the reference made before it, compared with what the reference made
of the same. Nothing before the stage is run and nothing behind it; the clip is read where the stage hears it, and a
network is loaded where the stage is one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.community1 import Networks, Parameters, community1_pipeline
from parity.community1.networks import without_networks
from parity.community1.plda import solve_plda
from parity.diagnosis.asking import Asked, Effort, of_gaps
from parity.diagnosis.of_replay import ask_of_stage
from parity.diagnosis.of_stage import Ran
from parity.diagnosis.result import Diagnosis
from parity.errors import InputError, one_line
from parity.fixtures.catalogue import Fixture
from parity.fixtures.heard import with_heard
from parity.fixtures.prepare import check_provenance, load_inputs, load_networks
from parity.fixtures.snapshot import read_snapshot
from parity.measure.drift import Drift
from parity.measure.verdicts import DRIFT, ERROR, INCONCLUSIVE, PARITY, RAISES
from parity.networks.runtime import one_blas_thread
from parity.networks.wespeaker.choice import choose_runtime
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import Pipeline
from parity.ports.judging import AtHand
from parity.ports.python import NATIVE, Implementation
from parity.replay.engine import compare_alone, reference_artefacts, run_isolated
from parity.sources.weights import WeightSet

NETWORKS = ("segmentation", "embeddings")
SOLVED = ("xvec", "plda")
HEARS = ("samples", "waveform", "chunk_waveforms")
NOT_RUN = "not run"


@dataclass(frozen=True)
class Alone:
    """A stage on one fixture.

    Attributes
    ----------
    name : of the fixture
    status : one of `parity.measure.verdicts`; `inconclusive` where the snapshot lacks what it needs; `not run` where
        the stage's condition does not hold
    drifts : every artefact that the stage made and the snapshot holds
    note : why there is nothing to compare, what raised, or what is wrong with the inputs; one line
    trace : of what raised
    seconds : of the stage itself
    diagnosis : which known mistake makes what it made; None where it does not drift, or that was not asked
    not_diagnosed : why not, in words
    """

    name: str
    status: str
    drifts: tuple[Drift, ...] = ()
    note: str = ""
    trace: str = ""
    seconds: float = 0.0
    diagnosis: Diagnosis | None = None
    not_diagnosed: str = ""


def run_stage(
    fixtures: Iterable[Fixture],
    stage: str,
    weights: WeightSet,
    *,
    implementation: Implementation = NATIVE,
    snapshots: Path | None = None,
    threads: int | None = None,
    runtime: str = "auto",
    on_fixture: Callable[[str], None] = lambda name: None,
    effort: Effort | None = None,
) -> list[Alone]:
    """Run one stage of the pipeline under test on every fixture.

    Parameters
    ----------
    stage : its name
    implementation : the pipeline under test, made of the native one
    snapshots : another folder of snapshots, one per fixture by its name
    threads, runtime : of the networks, where the stage is one
    on_fixture : called with each fixture's name before it is replayed
    effort : how much is done to name the mistake of the first fixture on which it drifts; None: what takes a second
    """
    found: list[Alone] = []
    effort = effort or Effort()
    with one_blas_thread():
        networks = _networks(stage, weights, threads, runtime)
        for fixture in fixtures:
            on_fixture(fixture.name)
            folder = snapshots / fixture.name if snapshots else fixture.snapshot_folder
            try:
                asked = effort if not any(alone.status == DRIFT for alone in found) else None
                found.append(_alone(fixture, folder, stage, weights, networks, implementation, asked))
            except (InputError, OSError) as error:
                found.append(Alone(fixture.name, ERROR, note=one_line(error)))
    return found


def _networks(stage: str, weights: WeightSet, threads: int | None, runtime: str) -> Networks:
    if stage in NETWORKS:
        return load_networks(weights, threads, choose_runtime(runtime, weights.embedding))
    return without_networks(solve_plda(weights.plda) if stage in SOLVED else None)


def _alone(
    fixture: Fixture,
    folder: Path,
    name: str,
    weights: WeightSet,
    networks: Networks,
    implementation: Implementation,
    effort: Effort | None,
) -> Alone:
    parameters = Parameters(**weights.parameters, **fixture.speakers)
    snapshot = read_snapshot(folder)
    check_provenance(snapshot, fixture, weights, parameters)
    pipeline: Pipeline = implementation(community1_pipeline(networks, parameters).with_settings(uri=fixture.name))
    stage, inputs = pipeline[name], dict[str, Any]()
    if set(stage.needs) & set(HEARS):
        inputs = load_inputs(fixture.clip())
        snapshot = with_heard(snapshot, inputs)
    reference = reference_artefacts(snapshot, inputs)
    started = time.perf_counter()
    try:
        hears = all(read in inputs for read in stage.reads)
        made, missing = (stage(inputs), ()) if hears else run_isolated(stage, pipeline, reference, {}, inputs)
    except StageRaised as error:
        return Alone(fixture.name, RAISES, note=f"raised {error.said} ({error.place})", trace=error.trace)
    seconds = time.perf_counter() - started
    drifts = tuple(compare_alone(stage, pipeline, made, snapshot))
    if drifts:
        status = PARITY if all(drift.within for drift in drifts) else DRIFT
        looked = Asked()
        if status == DRIFT and effort is not None:
            means = AtHand(weights, networks, inputs)
            beyond = tuple(drift.artefact for drift in drifts if not drift.within and not drift.elsewhere)
            ran = Ran(name, made, reference, beyond, parameters, means(), means.weights, None, snapshot.chunks)
            looked = ask_of_stage(ran, effort) if beyond else Asked(why_not=of_gaps(drifts))
        found = looked.diagnoses[0] if looked.diagnoses else None
        return Alone(fixture.name, status, drifts, seconds=seconds, diagnosis=found, not_diagnosed=looked.why_not)
    if not missing and not made:
        return Alone(fixture.name, NOT_RUN, note="the reference did not run it here, nor is it run")
    note = f"the snapshot holds no {', '.join(missing)}" if missing else f"the snapshot holds no {', '.join(made)}"
    return Alone(fixture.name, INCONCLUSIVE, note=note, seconds=seconds)
