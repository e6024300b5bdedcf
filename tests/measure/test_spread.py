"""The difference of two arrays in numbers and curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.measure.spread import BINS, POINTS, one_digit_above, spread


def test_numbers_of_a_difference_that_can_be_worked_out_by_hand() -> None:
    want = np.array([1.0, -1.0, 1.0, -1.0], dtype=np.float32)
    found = spread(want + np.array([0.1, 0.1, -0.1, -0.1], dtype=np.float32), want)
    assert found is not None
    assert found.elements == 4
    assert found.rms == pytest.approx(0.1, rel=1e-6)
    assert found.bias == pytest.approx(0.0, abs=1e-7)
    assert found.snr_db == pytest.approx(20.0, rel=1e-5)
    assert found.cosine == pytest.approx(1 / np.sqrt(1.01), rel=1e-6)
    assert found.quantiles[-1] == pytest.approx(0.1, rel=1e-6)
    assert found.ulps is not None and found.ulps[0] == pytest.approx(0.1 / 2**-23, rel=1e-5)


def test_one_unit_in_the_last_place_is_one() -> None:
    want = np.geomspace(1e-3, 1e3, 100).astype(np.float32)
    found = spread(np.nextafter(want, np.float32(np.inf)), want)
    assert found is not None and found.ulps == (1.0, 1.0)


def test_elements_that_are_no_numbers_are_left_out() -> None:
    want = np.array([1.0, np.nan, np.inf, 2.0])
    found = spread(np.array([1.0, 1.0, 1.0, 2.5]), want)
    assert found is not None and found.elements == 2 and found.would_pass == 0.5
    assert spread(np.array([np.nan]), np.array([1.0])) is None
    assert spread(np.zeros(3), np.zeros(4)) is None


@given(st.floats(1e-30, 1e30))
def test_the_tolerance_that_would_have_passed_is_just_above(value: float) -> None:
    found = one_digit_above(value)
    assert value <= found * (1 + 1e-8)
    assert found <= 2 * value * (1 + 1e-8)
    assert len(f"{found:.15g}".strip("0.").replace(".", "").split("e")[0].strip("0")) <= 1


@given(st.integers(0, 1000))
def test_the_histogram_counts_every_element_and_white_noise_is_a_straight_line(seed: int) -> None:
    noise = np.random.default_rng(seed).standard_normal(4000)
    found = spread(noise, np.zeros(4000))
    assert found is not None
    (edges, counts), (normal, seen) = found.histogram, found.qq
    assert (len(edges), len(counts), sum(counts)) == (BINS + 1, BINS, 4000)
    assert len(normal) == len(seen) == POINTS
    assert np.allclose(normal, seen, atol=0.2)
