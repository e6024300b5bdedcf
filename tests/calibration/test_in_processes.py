"""Calibration in several processes: nothing is tried twice or left out, and what comes together is in order."""

from __future__ import annotations

import multiprocessing
import os
import select
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import pytest

from parity.calibration import in_processes
from parity.calibration.in_processes import PART, Part, Plan, calibrate_in_processes, try_part
from parity.calibration.left import Left
from parity.calibration.trials import Trial, calibrate
from parity.errors import InputError
from parity.faults.fault import Fault
from parity.files import processes
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.prepare import load_networks, prepare
from parity.kept import Results
from parity.networks.runtime import one_blas_thread
from parity.sources import load_weights

PLAN = Plan("wheels", ("parity.faults.known",), 1, cached=True)
FAULTS = [Fault(f"fault_{number}", "vbx", "", lambda native, workshop: native) for number in range(2 * PART + 1)]
SILENT, SHORT = "13_no_speech", "14_partial_tail"


def fixtures():
    return Catalogue.read(default_folder()).select([SILENT, SHORT])


def trial(fault: str | None, fixture: str) -> Trial:
    return Trial(fault, fixture, (), True, ("vbx",), False, None, None)


class InTurn(Executor):
    """Runs what is submitted at once, in the caller's thread, and keeps the order."""

    def __init__(self, raising: Exception | None = None) -> None:
        self.parts: list[Part] = []
        self.raising = raising

    def submit(self, function, plan, part):  # what the executor's is called with here
        self.parts.append(part)
        future: Future = Future()
        if self.raising and part.faults != (None,):
            future.set_exception(self.raising)
        else:
            future.set_result([trial(name, part.fixture.name) for name in part.faults])
        return future


def run(pool: Executor, **how):
    return calibrate_in_processes(
        fixtures(), FAULTS, PLAN, 2, seconds={SILENT: 5.0, SHORT: 9.0}, start=lambda count: pool, **how
    )


def test_clean_runs_come_first_the_longest_before_all_and_every_fault_is_tried_once():
    pool = InTurn()
    found = run(pool)
    assert [part.fixture.name for part in pool.parts if part.faults == (None,)] == [SHORT, SILENT]
    for name in (SILENT, SHORT):
        parts = [part.faults for part in pool.parts if part.fixture.name == name]
        assert parts[0] == (None,) and max(map(len, parts)) == PART
        assert sorted(fault for part in parts[1:] for fault in part) == sorted(fault.name for fault in FAULTS)
    assert [one.fixture for one in found.clean] == [SILENT, SHORT], "in the catalogue's order"
    assert [finding.fault for finding in found.findings] == FAULTS
    assert all([one.fixture for one in finding.trials] == [SILENT, SHORT] for finding in found.findings)


def test_what_was_found_before_or_is_not_wanted_is_not_tried():
    known = [trial(None, SHORT), *(trial(fault.name, SHORT) for fault in FAULTS[2:]), trial("gone", SHORT)]
    pool, seen = InTurn(), []
    found = run(pool, known=known, wanted=lambda fault, name: name == SHORT, on_trial=seen.append)
    tried = [(part.fixture.name, part.faults) for part in pool.parts]
    assert tried == [(SHORT, ("fault_0", "fault_1")), (SILENT, (None,))]
    assert len(seen) == 3 and len(found.clean) == 2
    assert sum(len(finding.trials) for finding in found.findings) == len(FAULTS)


def test_what_is_found_is_handed_on_after_every_part():
    counts = []
    run(InTurn(), on_part=lambda found: counts.append(sum(len(finding.trials) for finding in found.findings)))
    assert counts == sorted(counts) and counts[-1] == 2 * len(FAULTS) and len(counts) == 8


def test_a_process_that_was_killed_is_said_with_what_to_do():
    with pytest.raises(InputError, match=r"killed.*--resume"):
        run(InTurn(BrokenProcessPool()))


def test_what_is_wrong_with_a_fixture_is_said_as_it_is():
    with pytest.raises(InputError, match="damaged"):
        run(InTurn(InputError("damaged")))


@pytest.mark.models
def test_another_process_finds_what_this_one_finds():
    faults = [fault for fault in in_processes.load_faults() if fault.name in ("count_half_up", "rttm_cut_off")]
    (fixture,) = Catalogue.read(default_folder()).select([SILENT])
    weights = load_weights()
    with one_blas_thread():
        networks = load_networks(weights, 1, kept=Results())
        ready = prepare(fixture, fixture.snapshot_folder, weights)
        want = calibrate([in_processes.bench_of(ready, networks, weights, 1)], faults)
    with ProcessPoolExecutor(1, in_processes.multiprocessing.get_context("spawn")) as pool:
        part = Part(fixture, (None, *(fault.name for fault in faults)))
        found = pool.submit(try_part, PLAN, part).result()
    assert found == [*want.clean, *(one for finding in want.findings for one in finding.trials)]


def test_what_is_left_is_counted_and_told_in_time(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("parity.calibration.left.time.perf_counter", lambda: now[0])
    left = Left({"long": 90.0, "short": 10.0}, {"long": 1, "short": 1})
    assert str(left) == "0 of 2 trials"
    now[0] = 10.0
    left.done("short")
    assert str(left) == "1 of 2 trials, about 90 s left"
    now[0] = 20.0
    assert str(left) == "1 of 2 trials, about 3 min left"
    left.done("long")
    assert str(left) == "2 of 2 trials, about 0 s left"


# a killed one leaves nobody


def _worker(alive: int) -> None:
    threading.Thread(target=processes._end_with_parent, daemon=True).start()
    time.sleep(60)


def _asked(alive: int) -> None:
    multiprocessing.get_context("fork").Process(target=_worker, args=(alive,)).start()
    os.write(alive, b"started")
    time.sleep(60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_processes_end_with_the_one_that_was_asked_where_it_is_killed():
    """`alive` is open in both, so its end is read when both are gone."""
    read, alive = os.pipe()
    asked = multiprocessing.get_context("fork").Process(target=_asked, args=(alive,))
    asked.start()
    os.close(alive)
    assert os.read(read, 7) == b"started"
    asked.kill()
    ended, _, _ = select.select([read], [], [], 30)
    assert ended and os.read(read, 1) == b""
    os.close(read)
