"""The calibration on dumps in several processes: nothing twice, nothing left out, pairs of what moves, all in order."""

from __future__ import annotations

from concurrent.futures import Executor, Future

from parity.calibration.dumps import FULL, HALF, DumpTrial
from parity.calibration.dumps_in_processes import HEAVY, LIGHT, DumpPart, calibrate_dumps_in_processes
from parity.calibration.in_processes import Plan
from parity.calibration.on_dumps import PAIRS_A_FIXTURE, DumpCalibration, PairTrial
from parity.faults.fault import Fault
from parity.fixtures.catalogue import Catalogue, default_folder

PLAN = Plan("wheels", ("parity.faults.known",), 1, cached=True)
LONG, SILENT, SHORT = "12_many_voices", "13_no_speech", "14_partial_tail"
STAGES = {"fbank": 3, "plda": 2 * LIGHT, "vbx": 5}
FAULTS = [Fault(f"{stage}_{n}", stage, "", lambda native, workshop: native) for stage, n in STAGES.items() for n in
          range(n)]  # fmt: skip
STAGE = {fault.name: fault.stage for fault in FAULTS}


def trial(fault: str | None, fixture: str, kind: str) -> DumpTrial:
    stages = tuple(STAGE[name] for name in fault.split(" + ")) if fault else ()
    first = "embeddings" if fault else None
    return DumpTrial(
        fault, stages, fixture, kind, ("embeddings",), (first,) if first else (), first, first, False, (), False, None,
        (), (), (), "drift", "drift", "drift",
    )  # fmt: skip


class InTurn(Executor):
    """Does what is submitted at once, in the caller's thread."""

    def __init__(self) -> None:
        self.parts: list[DumpPart] = []

    def submit(self, function, plan, part):  # what the executor's is called with here
        self.parts.append(part)
        found = DumpCalibration([trial(name, part.fixture.name, kind) for name, kinds in part.asked for kind in kinds])
        for pair in part.pairs:
            found.pairs.append(PairTrial(pair, (STAGE[pair[0]], STAGE[pair[1]]), part.fixture.name, ()))
            found.pair_dumps.append(trial(" + ".join(pair), part.fixture.name, FULL))
        future: Future = Future()
        future.set_result(found)
        return future


def run(pool: Executor, **how) -> DumpCalibration:
    fixtures = Catalogue.read(default_folder()).select([LONG, SILENT, SHORT])
    seconds = {LONG: 90.0, SILENT: 5.0, SHORT: 9.0}
    how = {"wanted": lambda name: seconds[name] < 60, **how}
    return calibrate_dumps_in_processes(fixtures, FAULTS, PLAN, 2, seconds=seconds, start=lambda count: pool, **how)


def test_every_dump_is_made_once_the_dear_ones_in_small_parts_and_the_long_recording_has_a_clean_one_only():
    pool, left = InTurn(), []
    found = run(pool, pairs=0, on_part=lambda found, dumps: left.append(dumps))
    expected = {(LONG, None, kind) for kind in (FULL, HALF)}
    names = [None, *STAGE]
    expected |= {(name, fault, kind) for name in (SILENT, SHORT) for fault in names for kind in (FULL, HALF)}
    tried = [(one.fixture, one.fault, one.kind) for one in found.trials]
    assert len(tried) == len(set(tried)) and set(tried) == expected
    assert left == sorted(left, reverse=True) and left[-1] == 0
    sizes = {kind: [len(p.asked) for p in pool.parts if p.asked[0][0] and (STAGE[p.asked[0][0]] == "fbank") == kind]
             for kind in (True, False)}  # fmt: skip
    assert max(sizes[True]) == HEAVY and max(sizes[False]) == LIGHT


def test_what_is_found_is_in_the_order_of_fixtures_and_faults_however_it_came():
    found = run(InTurn(), pairs=7)
    again = found.in_order([LONG, SILENT, SHORT], STAGE)
    assert found == again
    turned = DumpCalibration(found.trials[::-1], found.pairs[::-1], found.pair_dumps[::-1])
    assert turned.in_order([LONG, SILENT, SHORT], STAGE) == found


def test_pairs_are_of_two_stages_in_their_order_and_no_more_than_asked():
    found = run(InTurn(), pairs=PAIRS_A_FIXTURE + 3)
    assert [pair.fixture for pair in found.pairs].count(SILENT) == PAIRS_A_FIXTURE
    assert [pair.fixture for pair in found.pairs].count(SHORT) == 3
    order = list(STAGES)
    assert all(order.index(pair.stages[0]) < order.index(pair.stages[1]) for pair in found.pairs)
    assert [" + ".join(pair.faults) for pair in found.pairs] == [one.fault for one in found.pair_dumps]


def test_what_is_known_is_not_tried_again():
    known = run(InTurn(), pairs=5)
    del known.trials[3], known.pairs[1], known.pair_dumps[1]
    pool = InTurn()
    whole = run(pool, pairs=5, known=known)
    assert [len(part.asked) + len(part.pairs) for part in pool.parts] == [1, 1]
    assert whole == run(InTurn(), pairs=5)
