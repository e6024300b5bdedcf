"""A port that is wrong in a chunk of which the reference keeps the gap alone: it is said, and no mistake is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from parity.community1 import community1_pipeline
from parity.diagnosis.asking import ALL, Effort, ask_of_dump
from parity.diagnosis.of_replay import Replayed, ask_of_code
from parity.explain.localise import ask, explain
from parity.fixtures.prepare import Prepared, make_ready
from parity.fixtures.standing import Standing, no_worse
from parity.kept import Results
from parity.measure.gaps import LOGITS, gap_of
from parity.measure.verdicts import DRIFT
from parity.pipeline.stage import Pipeline
from parity.ports.arrays import Supplied, supplied_by, with_arrays
from parity.ports.judging import AtHand
from parity.ports.python import Implementation
from parity.replay.engine import CASCADED, ISOLATED, replay
from parity.sources.weights import load_weights

pytestmark = pytest.mark.models
CHUNK = 3


@pytest.fixture(scope="module")
def ready_and_native() -> tuple[Prepared, Pipeline, object]:
    ready, networks = make_ready("14_partial_tail", threads=1, kept=Results())
    assert CHUNK not in ready.snapshot.chunks[LOGITS]
    return ready, community1_pipeline(networks, ready.parameters), networks


def wrong(logits: np.ndarray) -> tuple[np.ndarray, int]:
    """The log-probabilities with one gap of a chunk a tenth less, which flips nothing; and which frame."""
    gaps, other = gap_of(logits[CHUNK]), logits.copy()
    frame = int(np.argmax(gaps))
    other[CHUNK, frame, np.argmax(logits[CHUNK, frame])] -= 0.1 * gaps[frame]
    return other, frame


@pytest.fixture(scope="module")
def supplied(ready_and_native, tmp_path_factory) -> Supplied:
    ready, native, networks = ready_and_native
    made = native["segmentation"](native["audio"](ready.inputs))
    folder = tmp_path_factory.mktemp("dump")
    np.save(folder / "segmentation_logits.npy", wrong(made[LOGITS])[0])
    np.save(folder / "segmentations.npy", made["segmentations"])
    return supplied_by(ready, networks, arrays=folder)


def test_compare_says_which_chunk_and_describes_nothing_of_the_others(supplied):
    found = supplied.comparison
    assert found.verdict == DRIFT and found.first_drift.name == LOGITS
    drift = found.first_drift.drift
    assert drift.elsewhere and drift.where.startswith(f"chunk {CHUNK}, ")
    assert drift.max_abs == pytest.approx(0.1, rel=0.01)
    assert "in 1 of 9 chunks" in drift.note and found.difference is None and found.first_drift.looks_like is None


def test_a_replay_of_the_arrays_and_explain_say_the_same(ready_and_native, supplied):
    ready, native, networks = ready_and_native
    outcome = replay(with_arrays(native, supplied.values), ready.snapshot, ready.inputs, native=native)
    assert outcome.first_drift.artefact == LOGITS and outcome.first_drift.elsewhere
    port = Implementation("dump", lambda pipeline: with_arrays(pipeline, supplied.values))
    found = explain(ask(ready, networks, port)).explanation
    (stage,) = (one for one in found.stages if one.verdict == "born")
    assert stage.stage == "segmentation" and stage.cascaded_ratio == pytest.approx(2, rel=0.01)
    assert not found.differences


def test_no_mistake_is_looked_up_where_there_is_nothing_to_compare_with(ready_and_native, supplied):
    ready, _, networks = ready_and_native
    means = AtHand(load_weights(), networks, ready.inputs, 1)
    asked = ask_of_dump(supplied.judged, *supplied.dumps, means, Effort(ALL))
    assert asked.diagnoses == () and "log-probabilities are not recorded" in asked.why_not


def test_nor_is_it_of_code(ready_and_native):
    ready, native, networks = ready_and_native

    def segment(*read):
        logits, segmentations = native["segmentation"].run(*read)
        return wrong(logits)[0], segmentations

    candidate = native.replacing("segmentation", segment)
    outcome = replay(candidate, ready.snapshot, ready.inputs)
    modes = {drift.mode for drift in outcome.drifts if not drift.within}
    assert modes <= {ISOLATED, CASCADED} and modes
    code = Replayed(candidate, native, ready, outcome)
    asked = ask_of_code(code, AtHand(load_weights(), networks, ready.inputs, 1), Effort(ALL))
    assert asked.diagnoses == () and "log-probabilities are not recorded" in asked.why_not


def test_the_truth_of_recorded_chunks_excuses_no_other(supplied):
    drift = supplied.comparison.first_drift.drift
    standing = Standing(1, 0.0, 0.0, 1.0, 1.0, 0.0)
    assert standing.no_worse and not no_worse([drift], {LOGITS: standing})
    assert no_worse([replace(drift, elsewhere=False)], {LOGITS: standing})


def test_native_log_probabilities_are_within_in_every_chunk(ready_and_native):
    ready, native, _ = ready_and_native
    outcome = replay(native, ready.snapshot, ready.inputs)
    assert outcome.at_parity and Path(ready.snapshot.folder).name == "14_partial_tail"
