"""Calibration on dumps of real fixtures: verdicts that were once wrong."""

from __future__ import annotations

import pytest
from threadpoolctl import threadpool_limits

from parity.calibration.dumps import FULL, HALF, INCONCLUSIVE, RIGHT, WRONG, DumpTrial, cascade, from_recorded, try_dump
from parity.calibration.on_dumps import seed_of
from parity.calibration.trials import bench_of
from parity.faults.fault import load_faults
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.prepare import load_networks, prepare
from parity.kept import Results
from parity.measure.verdicts import DRIFT
from parity.ports.dump.reading import read_dump
from parity.sources.weights import load_weights

pytestmark = pytest.mark.models
FAULTS = {fault.name: fault for fault in load_faults()}


def tried(fixture: str, fault: str | None, kind: str, having: str | None = None) -> DumpTrial:
    """A dump judged; of halves the first that has an artefact."""
    weights = load_weights()
    (found,) = Catalogue.read(default_folder()).select([fixture])
    ready = prepare(found, found.snapshot_folder, weights)
    with threadpool_limits(1, user_api="blas"):
        bench = from_recorded(bench_of(ready, load_networks(weights, 1, kept=Results()), weights, 1))
        reference = read_dump(found.snapshot_folder)
        planted = () if fault is None else (FAULTS[fault],)
        made = cascade(bench, planted)
        for count in range(20):
            seed = seed_of(fixture, kind, *(fault.name for fault in planted)) + count
            found = try_dump(bench, planted, kind, reference, seed, made)
            if having is None or having in found.supplied:
                return found
    raise AssertionError(f"none of 20 halves has {having}")


def test_a_stage_that_may_only_have_inherited_is_not_said_to_decide_with_the_one_before_it():
    found = tried("01_far_field_pair", "filter_missing", FULL)
    assert (found.decides, found.decisive) == (RIGHT, ("filter",))


@pytest.mark.parametrize("kind", [FULL, HALF])
@pytest.mark.parametrize("fault", ["ahc_labels_by_appearance", "speakers_by_appearance"])
def test_run_with_arrays_undoes_the_numbering_that_compare_undoes(fault, kind):
    found = tried("08_known_count", fault, kind)
    assert found.equivalent and found.agree


@pytest.mark.parametrize("kind", [FULL, HALF])
def test_an_array_of_another_length_is_not_replaced_by_native_code(kind):
    found = tried("14_partial_tail", "vbx_one_iteration_early", kind, having="elbo_trajectory")
    assert found.moved and found.replayed == DRIFT and found.agree


@pytest.mark.parametrize(
    ("fixture", "fault"),
    [("09_telephone", "ahc_labels_by_appearance"), ("02_pyannote_sample", "ahc_of_raw_embeddings")],
)
def test_where_a_numbering_orders_tied_speakers_ahc_decides_and_not_the_stage_behind(fixture, fault):
    found = tried(fixture, fault, FULL)
    assert found.first_drift_right and (found.decides, found.named, found.decisive) == (RIGHT, ("ahc",), ("ahc",))
    assert tried(fixture, fault, HALF).decides != WRONG


def test_stages_that_native_code_makes_of_the_ports_own_numbers_are_not_to_blame():
    found = tried("02_pyannote_sample", "vbx_other_fa", FULL)
    assert found.named == ("vbx",) and found.decides == RIGHT


def test_what_native_code_makes_of_a_ports_rounding_is_no_alarm():
    found = tried("03_sparse_speech", None, HALF)
    assert not found.false_alarm and found.agree


@pytest.mark.parametrize("fault", ["powerset_nobody_last", "powerset_as_bits"])
def test_frames_read_wrongly_are_no_other_order_of_speakers_and_no_reused_buffer(fault):
    found = tried("14_partial_tail", fault, FULL)
    assert found.first_drift == found.first_moved == "segmentations" and found.first_drift_right
    assert found.decides != WRONG and found.replayed == DRIFT and found.agree


def test_behind_a_silence_that_only_native_code_hears_nobody_is_blamed_and_the_count_would_settle_it():
    found = tried("13_no_speech", "count_ceiling", HALF)
    assert "count" not in found.supplied and found.replayed == DRIFT
    assert (found.named, found.decides) == ((), INCONCLUSIVE)
    assert "speaker_counting" in found.suspects and found.settle == ("the port's count",)


def test_a_clean_dump_of_silence_moved_nothing():
    found = tried("13_no_speech", None, FULL)
    assert not found.moved and not found.false_alarm
