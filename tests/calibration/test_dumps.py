"""Calibration on dumps, on a synthetic clip: what is planted is found in arrays on disk, and noise is not."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from support.planted import NOTHING, SWAPPED
from support.schemas import valid
from support.synthetic import automatic, captured, inputs, networks
from threadpoolctl import threadpool_limits

from parity.calibration.dumps import (
    FULL,
    HALF,
    INCONCLUSIVE,
    RIGHT,
    WRONG,
    DumpTrial,
    from_recorded,
    judged,
    renumbered,
    try_dump,
)
from parity.calibration.on_dumps import calibrate_dumps, seed_of
from parity.calibration.trials import Bench, Calibration, bench_of, calibrate
from parity.community1 import Parameters
from parity.errors import InputError
from parity.faults.known.planting import fault
from parity.fixtures.prepare import Prepared
from parity.ports.dump.reading import Dump, read_dump
from parity.report.calibration import calibration_document, read_trials
from parity.report.calibration_dumps import dumps_document, headline, passed, read_document


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    snapshot = captured(automatic(), tmp_path_factory.mktemp("reference") / "clip")
    ready = Prepared(SimpleNamespace(name="clip"), Parameters(), snapshot, inputs())
    return bench_of(ready, networks(), weights=None)


@pytest.fixture(scope="module")
def snapshot(bench) -> Dump:
    return read_dump(bench.snapshot.folder)


SCALED = fault("scaled", "xvec", "a scale of 1.1", lambda native, workshop: lambda *v: native(*v) * 1.1)
NOBODY = fault("nobody", "assignment", "nobody", lambda native, w: lambda *v: np.full_like(native(*v), -2))


def test_noisy_clean_dumps_are_no_alarm_and_no_network_runs(bench, snapshot):
    before = dict(bench.memo.network_runs)
    recorded = from_recorded(bench)
    for kind in (FULL, HALF):
        trial = try_dump(recorded, (), kind, snapshot, seed=1)
        assert (trial.moved, trial.first_drift, trial.named, trial.replayed) == ((), None, (), "parity")
        assert not trial.false_alarm and trial.agree
    assert dict(bench.memo.network_runs) == before


def test_a_fault_written_out_is_the_first_drift_and_decides(bench, snapshot):
    trial = try_dump(from_recorded(bench), (SWAPPED,), FULL, snapshot, seed=1)
    assert trial.moving and trial.first_drift == "hard_clusters" and trial.first_drift_right
    assert (trial.named, trial.decisive, trial.decides) == (("assignment",), ("assignment",), RIGHT)
    assert trial.replayed == "drift" and trial.agree


def test_a_fault_that_makes_a_stage_raise_is_a_dump_of_what_came_before(bench, snapshot):
    trial = try_dump(from_recorded(bench), (NOBODY,), FULL, snapshot, seed=1)
    assert "discrete_diarization" not in trial.supplied and trial.first_drift == "hard_clusters"


def test_half_of_the_artefacts_are_left_out_by_the_seed(bench, snapshot):
    first, again, other = (try_dump(from_recorded(bench), (), HALF, snapshot, seed) for seed in (1, 1, 2))
    whole = try_dump(from_recorded(bench), (), FULL, snapshot, seed=1)
    assert first.supplied == again.supplied != other.supplied
    assert len(first.supplied) == (len(whole.supplied) + 1) // 2


@pytest.mark.parametrize(
    ("decisive", "suspects", "word"),
    [
        (("vbx",), (), RIGHT),
        ((), (), INCONCLUSIVE),
        (("ahc",), ("vbx",), INCONCLUSIVE),
        (("ahc",), ("plda",), WRONG),
        (("vbx", "ahc"), (), WRONG),
    ],
)
def test_a_decision_is_right_only_where_it_names_what_was_broken_alone(decisive, suspects, word):
    assert judged(("vbx",), decisive, suspects) == word


def test_everything_is_counted_kept_after_each_fixture_and_gone_on_from(bench, snapshot, tmp_path):
    kept = []
    found = calibrate_dumps(
        [(bench, snapshot, True)],
        [SCALED, NOTHING, SWAPPED],
        on_fixture=lambda so_far: kept.append(dumps_document(so_far, weights="w", seconds=1.0)),
    )
    document = json.loads(json.dumps(kept[-1]))
    summary = document["summary"]
    assert (summary["dumps"], summary["moving"], summary["first_drift_right"]) == (3, 2, 2)
    assert (summary["decides_right"], summary["decides_wrong"], summary["false_alarms"]) == (1, 0, 0)
    assert summary["pairs"]["pairs"] == summary["pairs"]["both_named"] == 1 and passed(document)
    assert headline(document).startswith("PASSED. 2 of 2 whole dumps")
    path = tmp_path / "kept.json"
    path.write_text(json.dumps(document))
    again = read_document(path, "w")
    assert again == found
    tried = []
    calibrate_dumps(
        [(bench, snapshot, True)], [SCALED, NOTHING], known=again, on_trial=lambda *what: tried.append(what)
    )
    assert tried == []
    with pytest.raises(InputError, match="cannot be gone on from"):
        read_document(path, "other weights")


def test_one_wrong_dump_fails_the_whole(bench, snapshot):
    found = calibrate_dumps([(bench, snapshot, True)], [SWAPPED])
    trial = found.trials[-2]
    found.trials[-2] = DumpTrial(**{**vars(trial), "decides": WRONG, "decisive": ("vbx",)})
    assert not passed(valid(dumps_document(found, weights="w", seconds=1.0), "calibration_dumps_schema.json"))


def test_a_calibration_as_code_is_kept_after_each_fixture_and_gone_on_from(bench, tmp_path):
    kept: list[Calibration] = []
    found = calibrate([bench], [SWAPPED, SCALED], on_fixture=kept.append)
    assert kept == [found]
    path = tmp_path / "kept.json"
    path.write_text(json.dumps(calibration_document(found, weights="w", skipped={}, seconds=1.0)))
    known = read_trials(path, "w")
    raising = fault("swapped", "assignment", "never planted again", lambda native, workshop: 1 / 0)
    again = calibrate([bench], [raising, SCALED], known=known)
    assert [finding.trials for finding in again.findings] == [finding.trials for finding in found.findings]
    assert again.clean == found.clean


def test_seeds_are_the_same_everywhere():
    assert seed_of("a", "b") == seed_of("a", "b") == 2154585299 != seed_of("b", "a")


def test_clusters_numbered_otherwise_did_not_move():
    rng = np.random.default_rng(1)
    labels, order = rng.integers(0, 3, 20), np.array([2, 0, 1])
    assert renumbered("ahc_clusters", order[labels], labels) and not renumbered("ahc_clusters", labels * 0, labels)
    silent = np.where(labels == 1, -2, labels)
    assert not renumbered("hard_clusters", np.where(silent == -2, 1, silent), silent)
    centroids = rng.normal(size=(3, 256))
    assert renumbered("centroids", centroids[order], centroids)
    assert not renumbered("centroids", centroids[order] * 1.01, centroids)
    assert not renumbered("centroids", centroids[[0, 0, 1]], centroids) and not renumbered(
        "post_xvec", centroids, centroids
    )
