"""Two values of one stage: found together, said as two, and not seen in what is no pair of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from support import ROOT
from support.made_up_rows import NATIVE, WORKSHOP

from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import without_networks
from parity.diagnosis import two_values
from parity.diagnosis.apart import Difference
from parity.diagnosis.drawing import planted_by
from parity.diagnosis.look_up import _of_two, look_up
from parity.diagnosis.result import Parameter
from parity.diagnosis.trying import Bench
from parity.faults.families import FAMILIES
from parity.faults.families.filterbank import FBANK, Numbers
from parity.pipeline.stage import ChunkSeries
from parity.ports.dump import read_dump
from parity.ports.yardstick import reference_of
from parity.replay.engine import reference_artefacts
from parity.report.diagnosis import diagnosis_data, diagnosis_lines

SAMPLE = "02_pyannote_sample"
PAIR = [family for family in FAMILIES if family.name in ("vbx_fa", "vbx_fb")]


@cache
def given(fixture: str) -> dict[str, np.ndarray]:
    known = reference_artefacts(reference_of(read_dump(ROOT / "fixtures" / fixture)), {})
    return {name: known[name] for name in NATIVE["vbx"].needs}


def vbx(fixture: str, **otherwise: float) -> dict[str, np.ndarray]:
    return community1_pipeline(without_networks(), Parameters(**otherwise))["vbx"](given(fixture))


def asked(got: dict[str, np.ndarray], fixture: str = SAMPLE):
    want = vbx(fixture)
    drifted = [n for n in got if got[n].shape != want[n].shape or not np.allclose(got[n], want[n], rtol=0, atol=1e-6)]
    return look_up("vbx", given(fixture), got, want, NATIVE, WORKSHOP, [], PAIR, drifted=drifted, budget_seconds=60.0)


def test_fa_and_fb_are_found_together_and_said_as_two():
    found = asked(vbx(SAMPLE, fa=0.21, fb=3.0))
    assert found.mistake.name == "vbx_fa + vbx_fb" and found.mistake.left.worst < 1e-6
    assert [p.value for p in found.mistake.parameters] == pytest.approx([0.21, 3.0], rel=1e-5)
    said = diagnosis_lines(diagnosis_data(found))
    assert "Fa 0.21 where the reference has 0.07; and Fb 3 where the reference has 0.8" in said[0]
    assert any("Yours acts like Fa 0.21 and Fb 3; make that 0.07 and 0.8." in line for line in said)
    planted = planted_by(found, [], FAMILIES)
    assert [fault.name for fault in planted] == ["vbx_fa", "vbx_fb"]


def test_one_value_alone_is_said_as_one():
    found = asked(vbx(SAMPLE, fa=0.21))
    assert found.mistake.name == "vbx_fa" and len(found.mistake.parameters) == 1


def test_of_two_values_one_of_which_is_the_references_the_other_is_said_alone():
    got, want = vbx(SAMPLE, fa=0.051), vbx(SAMPLE)
    bench = Bench(NATIVE, WORKSHOP, ("vbx",), given(SAMPLE))
    difference = Difference(got, want, ["elbo_trajectory", "q_final", "sp_final"])
    said = []
    for fb in (0.80000001, 0.9):
        values = (Parameter("Fa", 0.051, 0.07, 0.051, 0.051), Parameter("Fb", fb, 0.8, fb, fb))
        made = bench.made(*(family.at(p.value) for family, p in zip(PAIR, values, strict=True)))
        two = two_values.FittedTwo(tuple(PAIR), values, difference.left_by(made), made)
        said.append(_of_two(two, bench, difference).mistake)
    assert [mistake.name for mistake in said] == ["vbx_fa", "vbx_fa + vbx_fb"]
    assert said[0].fits and len(said[0].parameters) == 1 and len(said[1].parameters) == 2


def test_what_no_pair_of_values_makes_is_not_named():
    got = vbx(SAMPLE, fa=0.21, fb=3.0)
    got["q_final"] = got["q_final"][:, ::-1].copy()
    assert asked(got).mistake is None


def test_of_a_few_numbers_two_values_explain_nothing(monkeypatch):
    got = vbx("04_three_voices", fa=0.21, fb=3.0)
    assert len(got["elbo_trajectory"]) == 3
    assert asked(got, "04_three_voices").mistake is None
    monkeypatch.setattr(two_values, "NUMBERS", 0)
    assert asked(got, "04_three_voices").mistake.name == "vbx_fa + vbx_fb"  # it is the number that forbids it


@pytest.mark.parametrize("hop, length, named", [(161, 401, "fbank_hop + fbank_window_length"), (161, 400, "fbank_hop")])
def test_a_hop_and_a_length_are_found_together(hop, length, named):
    """Both decide how many frames there are, so that neither is found alone."""
    samples = (0.1 * np.random.default_rng(0).standard_normal(160_000)).astype(np.float32)
    given = {"chunk_waveforms": ChunkSeries(np.arange(1), lambda chunk: samples), "count": np.ones(1)}
    want, got = (Numbers(hop=h, window=n)(samples)[None] for h, n in ((160, 400), (hop, length)))
    families = [family for family in FAMILIES if family.name in ("fbank_hop", "fbank_window_length", "fbank_emphasis")]
    found = look_up(
        "fbank", given, {"fbank": got}, {"fbank": want}, NATIVE, WORKSHOP, [], families,
        rows={"fbank": np.arange(1)}, budget_seconds=60.0,
    )  # fmt: skip
    assert found.mistake.name == named and found.mistake.left.worst < 1e-6
    assert [p.value for p in found.mistake.parameters] == [hop, length][: len(found.mistake.parameters)]


def test_numbers_of_one_stage_that_are_set_one_after_the_other_stay_set():
    samples = (0.1 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)
    planted = NATIVE
    for field, value in (("emphasis", 0.9), ("floor", 10.0)):
        planted = FBANK.plant(field, planted, WORKSHOP, value)
    made = planted["fbank"].run(ChunkSeries(np.arange(1), lambda chunk: samples))
    assert np.array_equal(made.compute(0), replace(Numbers(), emphasis=0.9, floor=10.0)(samples))
