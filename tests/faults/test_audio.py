"""Mistakes in the stage `audio`: each moves what it should, and only `audio` is named for it."""

from __future__ import annotations

import numpy as np
import pytest
from support.synthetic import captured, networks, waveform

from parity.community1 import Parameters, community1_pipeline
from parity.community1.audio import hear
from parity.explain.localise import Question, explain
from parity.explain.memo import Memo
from parity.faults.known.audio import FAULTS, FrontEnd
from parity.measure.tolerances import ISOLATED

pytestmark = pytest.mark.usefixtures("one_blas_thread")

RATES = (16_000, 44_100, 48_000)
UNMOVED = {
    16_000: {"polyphase", "linear", "no_filter", "floor_of_length", "rate_label", "whole_for_embeddings", "int16"},
    44_100: set(),
    48_000: set(),
}
"""What changes nothing where the file is at that rate: at 16 kHz nothing is resampled."""


def recording(rate: int) -> dict:
    """The synthetic clip at a rate, louder on the left; its end is in a chunk, and between two samples of 16 kHz."""
    mono = waveform()[0]
    at = np.arange(int(15.6 * rate) - 1) * (16_000 / rate)
    held = mono[np.minimum(at.astype(int), len(mono) - 1)]
    return {"samples": np.stack([held * 1.5, held * 0.5]).astype(np.float32), "sample_rate": rate}


@pytest.mark.parametrize("rate", RATES)
def test_the_front_end_that_the_faults_configure_is_the_native_one_by_default(rate):
    inputs = recording(rate)
    got, want = FrontEnd()(**inputs), hear(**inputs)
    assert np.array_equal(got[0], want[0]) and np.array_equal(got[1].chunks, want[1].chunks)
    assert all(np.array_equal(got[1].compute(int(c)), want[1].compute(int(c))) for c in want[1].chunks)


def apart(got, want) -> float:
    """Largest difference of what the two hear; infinite where shapes differ."""
    if got[0].shape != want[0].shape or len(got[1]) != len(want[1]):
        return np.inf
    return max(np.abs(got[0] - want[0]).max(), *(np.abs(got[1].compute(c) - want[1].compute(c)).max() for c in (0, 6)))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_leaves_tolerance_wherever_there_is_something_to_do_wrong(fault, rate):
    inputs = recording(rate)
    pipeline = fault.plant(community1_pipeline(networks(), Parameters()), None)
    far = apart(pipeline["audio"].run(**inputs), hear(**inputs))
    unmoved = fault.name.removeprefix("audio_") in UNMOVED[rate]
    assert (far == 0.0) if unmoved else (far > ISOLATED["waveform"].max_abs)


@pytest.fixture(scope="module")
def references(tmp_path_factory) -> dict:
    """By rate: the recording, and what the native pipeline makes of it as a snapshot."""
    folder, found = tmp_path_factory.mktemp("references"), {}
    for rate in (44_100, 48_000):
        inputs = recording(rate)
        made = community1_pipeline(networks(), Parameters()).run(inputs)
        found[rate] = inputs, captured(made, folder / str(rate))
    return found


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_audio_is_named_and_no_other_stage(fault, rate, references):
    inputs, snapshot = references[rate]
    memo = Memo()
    native = memo.pipeline(community1_pipeline(memo.networks(networks()), Parameters()))
    candidate = memo.pipeline(fault.plant(native, None))
    found = explain(Question("clip", fault.name, native, candidate, snapshot, inputs, memo, budget=20))
    assert found.explanation.named == ("audio",)
    out = {(drift.artefact, drift.mode) for drift in found.replay.drifts if not drift.within}
    assert {("waveform", "isolated"), ("chunk_waveforms", "isolated")} & out
    assert {name for name, mode in out if mode == "isolated"} <= {"waveform", "chunk_waveforms"}
