"""The calibration of diagnoses in several processes finds what one process finds, once each, and goes on."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import replace

import pytest

from parity.calibration.in_processes import Plan
from parity.calibration.naming import NamingCalibration, calibrate_naming, try_fault
from parity.calibration.naming_in_processes import (
    LIGHT,
    LONGEST,
    NamingPart,
    _sides,
    calibrate_naming_in_processes,
    try_naming_part,
)
from parity.calibration.trials import bench_of
from parity.faults.families import FAMILIES
from parity.faults.fault import load_faults
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.prepare import load_networks, prepare
from parity.kept import Results
from parity.networks.runtime import one_blas_thread
from parity.ports.dump.reading import read_dump
from parity.sources import load_weights

PLAN = Plan("wheels", ("parity.faults.known",), 1, cached=True)
SHORT = "14_partial_tail"


class Here(Executor):
    """Runs what it is given when it is given it, and remembers that."""

    def __init__(self, count: int) -> None:
        self.parts: list[NamingPart] = []

    def submit(self, work, /, *args, **kwargs):
        self.parts.append(args[1])
        future: Future = Future()
        future.set_result(work(*args, **kwargs))
        return future


class Nowhere(Here):
    """Finds nothing."""

    def submit(self, work, /, plan, part):
        return super().submit(lambda plan, part: NamingCalibration(), plan, part)


def known_faults(*names: str) -> list:
    return [fault for fault in load_faults("parity.faults.known") if not names or fault.name in names]


def test_what_takes_networks_begins_and_everything_is_asked_once():
    fixtures, faults, pool = Catalogue.read(default_folder()).select([SHORT, "13"]), known_faults(), Nowhere(2)
    values = [(family, family.low) for family in FAMILIES]
    calibrate_naming_in_processes(fixtures, faults, PLAN, 2, values=values, start=lambda count: pool)
    asked = [(part.fixture.name, what) for part in pool.parts for what in (*part.faults, *part.values)]
    assert len(asked) == len(set(asked)) == 2 * (len(faults) + len(values))
    stages = {fault.name: fault.stage for fault in faults} | {family.name: family.stage for family, _ in values}
    assert all(part.stage == stages[what] for part in pool.parts for what in (*part.faults, *dict(part.values)))
    assert [(part.fixture.name, part.stage) for part in pool.parts[:2]] == [
        (fixture.name, "embeddings") for fixture in fixtures
    ]
    sizes = {part: len(part.faults) + len(part.values) for part in pool.parts}
    assert {size for part, size in sizes.items() if part.stage in LONGEST} == {1}, "said as soon as it is found"
    assert max(sizes.values()) == LIGHT


@pytest.mark.models
def test_processes_find_what_one_finds_and_go_on_where_it_was_stopped():
    fixtures = Catalogue.read(default_folder()).select([SHORT])
    faults = known_faults("count_half_up", "vbx_other_fa")
    fa = next(family for family in FAMILIES if family.name == "vbx_fa")
    seen: list[int] = []
    found = calibrate_naming_in_processes(
        fixtures, faults, PLAN, 2, values=[(fa, 0.21)], on_part=lambda found, left: seen.append(left), start=Here
    )
    weights = load_weights()
    with one_blas_thread():
        ready = prepare(fixtures[0], fixtures[0].snapshot_folder, weights)
        bench = bench_of(ready, load_networks(weights, 1, kept=Results()), weights, 1)
        sides = [(bench, read_dump(bench.snapshot.folder))]
        want = calibrate_naming(sides, faults, known_faults(), FAMILIES, [(fa, 0.21)])
    assert untimed(found) == untimed(want) and seen[-1] == 0 and sorted(seen, reverse=True) == seen
    assert [trial.named for trial in found.trials] == [trial.moves for trial in found.trials]
    pool = Here(2)
    part = NamingCalibration(found.trials[:1], [])
    again = calibrate_naming_in_processes(
        fixtures, faults, PLAN, 2, values=[(fa, 0.21)], known=part, start=lambda count: pool
    )
    assert untimed(again) == untimed(found) and faults[0].name not in [n for part in pool.parts for n in part.faults]
    assert try_naming_part(PLAN, NamingPart(fixtures[0], "vbx")) == NamingCalibration()


@pytest.mark.models
def test_planted_mistakes_see_the_whole_recording_and_what_is_the_same_there_counts_as_unknown():
    (fixture,) = Catalogue.read(default_folder()).select([SHORT])
    asked = NamingPart(fixture, "fbank", ("fbank_running_mean", "fbank_without_preemphasis", "audio_tail_dropped"))
    mixing, point, shorter = try_naming_part(PLAN, asked).trials
    assert mixing.names == ("fbank_running_mean",) and mixing.unknown_said
    assert point.named and point.without and point.same_without  # the family has it: emphasis 0
    assert shorter.moves and shorter.names == () and not shorter.wrong


@pytest.mark.models
@pytest.mark.parametrize(
    "stage, planted, beside",
    [
        ("segmentation", "logits_one_chunk_late", ("logits_first_of_batch", "logits_float16")),
        ("segmentation", "lstm_state_carried", ("logits_one_chunk_late", "instance_norm_over_chunks")),
        ("fbank", "audio_tail_padded_left", ("audio_last_chunk_shifted", "fbank_floor")),
        ("fbank", "audio_last_chunk_shifted", ("audio_tail_padded_left", "fbank_running_mean")),
    ],
)
def test_what_lies_in_other_chunks_is_named_and_taken_out_nothing_is(stage, planted, beside):
    """Of a dictionary of three, for all of it takes its time; the whole calibration tries them among all."""
    (fixture,) = Catalogue.read(default_folder()).select([SHORT])
    fault, *others = known_faults(planted) + known_faults(*beside)
    with one_blas_thread():
        trial = try_fault(*_sides(PLAN, fixture), fault, [fault, *others], [])
    assert trial.names == (planted,) and trial.without == () and trial.left < 1e-3


@pytest.mark.models
def test_turns_that_no_reader_takes_are_named_by_nobody_and_end_nothing():
    """Somebody speaks there from the first tenth of a second: earlier by half a second is before the recording."""
    (fixture,) = Catalogue.read(default_folder()).select(["05_meeting_overlap"])
    (early,) = try_naming_part(PLAN, NamingPart(fixture, "annotation", (), (("turns_late", -0.45),))).values
    assert not early.moves and early.names == () and early.found is None


def untimed(found: NamingCalibration) -> list:
    trials = [replace(trial, seconds=0.0, cpu_seconds=0.0) for trial in found.trials]
    return [*trials, *(replace(value, seconds=0.0) for value in found.values)]
