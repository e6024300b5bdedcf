"""The resampler's width and cut-off: the reference's by default, and found again where they are another's."""

from __future__ import annotations

import numpy as np
import pytest
from support.made_up_rows import NATIVE, WORKSHOP

from parity.audio.resampling import resample
from parity.diagnosis.look_up import look_up
from parity.faults.families import FAMILIES
from parity.faults.families.resampler import FAMILIES as RESAMPLERS
from parity.faults.families.resampler import Resampler


def noise(rate: int, seconds: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(rate)
    return (0.1 * rng.standard_normal(int(rate * seconds) + 17)).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 44_100, 48_000])
def test_the_resampler_is_the_references_by_default(rate):
    got, want = Resampler()(noise(rate), rate), resample(noise(rate), rate)
    assert got.shape == want.shape and got.dtype == np.float32
    assert np.abs(got - want).max() < 5e-7


@pytest.mark.parametrize("name, value", [("resampler_width", 19), ("resampler_roll_off", 0.935)])
def test_another_width_or_cut_off_is_found(name, value):
    rate = 44_100
    family = next(family for family in FAMILIES if family.name == name)
    given = {"samples": noise(rate, 3.0)[None], "sample_rate": rate}
    got, want = (pipeline["audio"](given) for pipeline in (family.at(value).plant(NATIVE, WORKSHOP), NATIVE))
    sides = ({"waveform": side["waveform"]} for side in (got, want))
    found = look_up("audio", given, *sides, NATIVE, WORKSHOP, [], RESAMPLERS, budget_seconds=60.0)
    assert found.mistake.name == name and found.mistake.parameter.value == pytest.approx(value, rel=1e-3)


def test_one_that_is_set_after_the_other_keeps_it():
    rate = 44_100
    given = {"samples": noise(rate, 3.0)[None], "sample_rate": rate}
    planted = NATIVE
    for family, value in zip(RESAMPLERS, (16, 0.9), strict=True):
        planted = family.at(value).plant(planted, WORKSHOP)
    made = planted["audio"](given)["waveform"]
    assert np.array_equal(made[0], Resampler(16, 0.9)(given["samples"][0], rate))


def test_at_the_pipelines_own_rate_no_value_moves_anything():
    samples = noise(16_000)
    assert Resampler(width=32, roll_off=0.8)(samples, 16_000) is samples
