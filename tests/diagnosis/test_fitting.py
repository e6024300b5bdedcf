"""Values that are found again: a threshold as an interval, Fa as a number, a whole number between those of a grid."""

from __future__ import annotations

import numpy as np
import pytest
from support import ROOT
from support.made_up_rows import CHUNKS, GIVEN, NATIVE, WORKSHOP, made

from parity.community1.annotation import from_rttm, to_rttm
from parity.community1.vbx import cluster_vbx
from parity.diagnosis.apart import Difference
from parity.diagnosis.fitting import Fit, roundest
from parity.diagnosis.look_up import look_up
from parity.diagnosis.trying import Bench
from parity.faults.families import FAMILIES
from parity.faults.families.filterbank import Numbers
from parity.faults.family import Family
from parity.pipeline.stage import ChunkSeries
from parity.ports.dump import read_dump
from parity.ports.yardstick import reference_of
from parity.replay.engine import reference_artefacts
from parity.replay.outcome import URI

BY_NAME = {family.name: family for family in FAMILIES}


def test_a_threshold_is_found_as_an_interval_that_holds_it():
    found = look_up(
        "ahc", GIVEN, made(1.23), made(0.6), NATIVE, WORKSHOP, [], [BY_NAME["ahc_threshold"]], drifted=["ahc_clusters"]
    )
    p = found.mistake.parameter
    assert found.mistake.name == "ahc_threshold" and p.low <= 1.23 <= p.high and p.low <= p.value <= p.high
    assert p.reference == 0.6 and p.low < p.high


@pytest.mark.parametrize(
    "name, option, value", [("vbx_fa", "fa", 0.21), ("vbx_fb", "fb", 3.3), ("vbx_smoothing", "smoothing", 4.2)]
)
def test_a_number_of_vbx_is_found(name, option, value):
    rng = np.random.default_rng(0)
    rows, labels = rng.standard_normal((30, 128)), np.arange(30) % 3
    given = {"post_plda": rows, "phi": np.linspace(3, 0.1, 128), "ahc_clusters": labels, "train_chunk_idx": CHUNKS}
    native = {"fa": 0.07, "fb": 0.8, "max_iterations": 20}
    run = [cluster_vbx(*list(given.values())[:3], **{**native, **how}) for how in ({option: value}, {})]
    got, want = (dict(zip(("qinit", "q_final", "sp_final", "elbo_trajectory"), outputs)) for outputs in run)
    families = [family for family in FAMILIES if family.stage == "vbx"]
    drifted = ["qinit" if option == "smoothing" else "q_final", "elbo_trajectory"]
    found = look_up("vbx", given, got, want, NATIVE, WORKSHOP, [], families, drifted=drifted, budget_seconds=60.0)
    assert name in found.names
    parameter = next(m.parameter for m in (found.mistake, *found.mistake.same) if m.name == name)
    assert parameter.value == pytest.approx(value, rel=0.01)


@pytest.mark.parametrize(
    "low, high, round_one", [(0.61, 0.72, 0.7), (0.512, 0.538, 0.52), (1.0, 1.0, 1.0), (-0.26, -0.14, -0.2)]
)
def test_the_roundest_number_inside(low, high, round_one):
    value = roundest(low, high, low)
    assert low <= value <= high and value == pytest.approx(round_one, abs=0.011)


@pytest.mark.parametrize(
    "fixture, name, value",
    [
        ("02_pyannote_sample", "turns_late", -0.163),  # a duration of 67.5 ms goes up or down by the value's last bit
        ("02_pyannote_sample", "turns_frame_duration", 0.068),
        ("02_pyannote_sample", "turns_shortest", 1.28),  # two lines are gone
        ("05_meeting_overlap", "vbx_stop", 8.629),  # four iterations, as another family says it
        ("14_partial_tail", "count_threshold", 0.18),  # one of two halves leaves it between a seventh and two ninths
        ("14_partial_tail", "vbx_fa", 0.041),  # of one speaker a value of Fb makes the same
    ],
)
def test_a_value_that_a_dump_leaves_open_is_said_as_an_interval_that_holds_it(fixture, name, value):
    family = BY_NAME[name]
    given = reference_artefacts(reference_of(read_dump(ROOT / "fixtures" / fixture)), {})
    want, got = (pipeline[family.stage](given) for pipeline in (NATIVE, family.at(value).plant(NATIVE, WORKSHOP)))
    if family.stage == "annotation":
        want, got = ({n: from_rttm(to_rttm(turns, URI)) for n, turns in made.items()} for made in (want, got))
    drifted = [n for n in got if n != "qinit"]
    families = [other for other in FAMILIES if other.stage == family.stage]
    found = look_up(family.stage, given, got, want, NATIVE, WORKSHOP, [], families, drifted=drifted, budget_seconds=60)
    p = next(m.parameter for m in (found.mistake, *found.mistake.same) if m.name == name)
    near = 1e-6 * abs(value)  # as a calibration counts it
    assert p.low - near <= value <= p.high + near


def test_a_family_whose_values_change_nothing_there_is_known():
    idle = Family("idle", "ahc", "nothing", lambda workshop: None, lambda pipeline, workshop, value: pipeline, 0.0, 1.0)
    bench, difference = Bench(NATIVE, WORKSHOP, ("ahc",), GIVEN), Difference(made(1.2), made(0.6), ["ahc_clusters"])
    fits = [Fit(family, bench, difference) for family in (idle, BY_NAME["ahc_threshold"])]
    assert [fit.moves for fit in fits] == [False, True]


def test_a_value_that_is_nearly_the_references_is_found():
    """Its valley lies between two values of the grid, and is narrower than they are apart."""
    family = BY_NAME["fbank_exponent"]
    samples = (0.1 * np.random.default_rng(0).standard_normal(160_000)).astype(np.float32)
    given = {"chunk_waveforms": ChunkSeries(np.arange(1), lambda chunk: samples), "count": np.ones(1)}
    want, got = ({"fbank": Numbers(power=power)(samples)[None]} for power in (2.0, 1.934))
    found = look_up("fbank", given, got, want, NATIVE, WORKSHOP, [], [family], rows={"fbank": np.arange(1)})
    assert found.mistake.parameter.value == pytest.approx(1.934, rel=1e-4)
