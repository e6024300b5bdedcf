"""Families: their names, that a fault which is a point of one is just that, and which values are seeded."""

from __future__ import annotations

import numpy as np
import pytest
from support import ROOT

from parity.calibration.values import RANGES, seeded_values
from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import without_networks
from parity.diagnosis.apart import lines_of
from parity.faults.families import FAMILIES
from parity.faults.families.filterbank import Numbers
from parity.faults.fault import Workshop, load_faults
from parity.ports.dump import read_dump
from parity.ports.yardstick import reference_of
from parity.replay.engine import reference_artefacts

FAULTS = {fault.name: fault for fault in load_faults()}
LIGHT = ("speaker_counting", "filter", "ahc", "vbx", "centroids", "scoring", "annotation")
POINTS = [(family, name, value) for family in FAMILIES for name, value in family.points.items()]


def test_names_are_nobody_elses():
    names = [family.name for family in FAMILIES]
    assert len(set(names)) == len(names) and not set(names) & set(FAULTS)


def test_every_point_is_a_fault_of_that_stage_within_the_search():
    for family, name, value in POINTS:
        assert FAULTS[name].stage == family.stage, name
        assert family.low <= value <= family.high, name


@pytest.mark.parametrize(
    "family, name, value", [p for p in POINTS if p[0].stage in LIGHT], ids=lambda p: getattr(p, "name", p)
)
def test_a_point_is_the_fault_itself(family, name, value):
    native = community1_pipeline(without_networks(), Parameters())
    workshop = Workshop(None, without_networks(), Parameters())
    known = reference_artefacts(reference_of(read_dump(ROOT / "fixtures" / "14_partial_tail")), {})
    ours = family.at(value).plant(native, workshop)[family.stage](known)
    theirs = FAULTS[name].plant(native, workshop)[family.stage](known)
    for artefact, made in theirs.items():
        if family.stage == "annotation":
            assert lines_of(ours[artefact]) == lines_of(made)
        else:
            assert np.allclose(ours[artefact], made, rtol=1e-9, atol=1e-9, equal_nan=True)


def test_the_filterbanks_numbers_are_the_references_by_default():
    from parity.community1.fbank import compute_fbank

    samples = (0.1 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)
    assert np.abs(Numbers()(samples) - compute_fbank(samples)).max() < 1e-5


def test_seeded_values_are_in_no_list_and_the_same_each_time():
    values = seeded_values(FAMILIES)
    assert [(f.name, v) for f, v in values] == [(f.name, v) for f, v in seeded_values(FAMILIES)]
    assert len(values) >= 60 and set(RANGES) <= {family.name for family in FAMILIES}
    assert not [name for family, value in values for name, point in family.points.items() if point == value]
    assert all(family.low <= value <= family.high for family, value in values)
