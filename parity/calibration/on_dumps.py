"""Calibration on dumps: every fault on every short fixture, whole and halved, clean ones of all, and pairs of faults.

What was found is handed on after each fixture, and what is known already is not tried again.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from parity.calibration.dumps import BEFORE, FULL, HALF, DumpTrial, cascade, from_recorded, try_dump
from parity.calibration.trials import Bench, try_fault
from parity.faults.fault import Fault
from parity.ports.dump.reading import Dump

PAIRS, PAIRS_A_FIXTURE = 200, 20


@dataclass(frozen=True)
class PairTrial:
    """Two faults planted as code, in two stages.

    Attributes
    ----------
    faults, stages : in the pipeline's order
    named : stages where the lab says that drift is born
    """

    faults: tuple[str, str]
    stages: tuple[str, str]
    fixture: str
    named: tuple[str, ...]

    @property
    def earlier_named(self) -> bool:
        """Whether the stage that comes first is among those named."""
        return self.stages[0] in self.named

    @property
    def both_named(self) -> bool:
        """Whether both are."""
        return set(self.stages) <= set(self.named)


@dataclass
class DumpCalibration:
    """Everything that was tried, fixture by fixture.

    Attributes
    ----------
    trials : one fault each, or none
    pairs : two faults, as code
    pair_dumps : the same two faults, as whole dumps
    """

    trials: list[DumpTrial] = field(default_factory=list)
    pairs: list[PairTrial] = field(default_factory=list)
    pair_dumps: list[DumpTrial] = field(default_factory=list)

    def has(self, fixture: str, fault: str | None, kind: str) -> bool:
        """Whether a dump was judged already."""
        return any((t.fixture, t.fault, t.kind) == (fixture, fault, kind) for t in self.trials)

    def add(self, other: DumpCalibration) -> None:
        """What was found elsewhere too."""
        self.trials += other.trials
        self.pairs += other.pairs
        self.pair_dumps += other.pair_dumps

    def in_order(self, fixtures: Sequence[str], faults: Iterable[str]) -> DumpCalibration:
        """The same by fixture and fault, whatever the order in which it was found."""
        position: dict[str | None, int] = {None: -1, **{name: index for index, name in enumerate(faults)}}

        def place(trial: DumpTrial) -> tuple[int, list[int], str]:
            planted = [None] if trial.fault is None else trial.fault.split(" + ")
            return fixtures.index(trial.fixture), [position.get(name, len(position)) for name in planted], trial.kind

        def pair_place(pair: PairTrial) -> tuple[int, list[int]]:
            return fixtures.index(pair.fixture), [position.get(name, len(position)) for name in pair.faults]

        return DumpCalibration(
            sorted(self.trials, key=place), sorted(self.pairs, key=pair_place), sorted(self.pair_dumps, key=place)
        )


def calibrate_dumps(
    benches: Iterable[tuple[Bench, Dump, bool]],
    faults: Sequence[Fault],
    *,
    known: DumpCalibration | None = None,
    pairs: int = PAIRS,
    on_trial: Callable[[str, str], None] = lambda fixture, what: None,
    on_fixture: Callable[[DumpCalibration], None] = lambda found: None,
) -> DumpCalibration:
    """Try faults as dumps.

    Parameters
    ----------
    benches : a fixture, its snapshot as a dump, and whether faults are tried on it; otherwise only clean dumps are
    known : what was found before; added to
    pairs : of faults, at most `PAIRS_A_FIXTURE` on each fixture
    on_trial : called with a fixture and what is being tried
    on_fixture : called with all that was found so far, after each fixture
    """
    found = known or DumpCalibration()
    for bench, reference, wanted in benches:
        recorded = from_recorded(bench)
        for fault in (None, *(faults if wanted else ())):
            name = fault.name if fault else None
            kinds = [kind for kind in (FULL, HALF) if not found.has(bench.name, name, kind)]
            if not kinds:
                continue
            on_trial(bench.name, name or "clean")
            found.trials += try_dumps(bench, recorded, reference, fault, kinds)
        if wanted and not any(pair.fixture == bench.name for pair in found.pairs):
            _try_pairs(bench, recorded, reference, faults, pairs - len(found.pairs), found, on_trial)
        on_fixture(found)
    return found


def try_dumps(
    bench: Bench, recorded: Bench, reference: Dump, fault: Fault | None, kinds: Iterable[str]
) -> list[DumpTrial]:
    """One fault, or none, as dumps of some kinds.

    Parameters
    ----------
    recorded : `from_recorded` of the bench
    reference : the snapshot, read as a dump
    """
    planted = (fault,) if fault else ()
    return _tried(_side(bench, recorded, planted), planted, kinds, reference)


def _side(bench: Bench, recorded: Bench, planted: tuple[Fault, ...]) -> Bench:
    """The bench that faults are planted on: one with networks where any stands before the embeddings."""
    if not any(fault.stage in BEFORE for fault in planted):
        return recorded
    bench.native.run(bench.inputs)  # remembered from the first fault on, since it is outside of what is forgotten
    return bench


def _tried(bench: Bench, planted: tuple[Fault, ...], kinds: Iterable[str], reference: Dump) -> list[DumpTrial]:
    with bench.memo.scratch():
        made, names = cascade(bench, planted), [fault.name for fault in planted]
        seeds = {kind: seed_of(bench.name, kind, *names) for kind in kinds}
        return [try_dump(bench, planted, kind, reference, seed, made) for kind, seed in seeds.items()]


def _try_pairs(
    bench: Bench,
    recorded: Bench,
    reference: Dump,
    faults: Sequence[Fault],
    count: int,
    found: DumpCalibration,
    on_trial: Callable[[str, str], None],
) -> None:
    order = tuple(stage.name for stage in bench.native)
    for one, other in chosen_pairs(bench.name, order, faults, count, found):
        on_trial(bench.name, f"{one.name} + {other.name}")
        found.add(try_pair(bench, recorded, reference, one, other))


def try_pair(bench: Bench, recorded: Bench, reference: Dump, one: Fault, other: Fault) -> DumpCalibration:
    """Two faults of two stages, in the pipeline's order, as code and as a whole dump."""
    side = _side(bench, recorded, (one, other))
    _ = side.clean_trial  # outside of what is forgotten
    with side.memo.scratch():
        trial = try_fault(side, both(one, other))
        pair = PairTrial((one.name, other.name), (one.stage, other.stage), bench.name, trial.named)
        return DumpCalibration([], [pair], _tried(side, (one, other), (FULL,), reference))


def chosen_pairs(
    fixture: str, stages: Sequence[str], faults: Sequence[Fault], count: int, found: DumpCalibration
) -> list[tuple[Fault, Fault]]:
    """Pairs of faults in two stages that each move something there, in the pipeline's order, by a seed.

    Parameters
    ----------
    stages : in the pipeline's order
    count : at most so many
    """
    moving = {t.fault for t in found.trials if t.fixture == fixture and t.kind == FULL and t.moving}
    able = sorted((f for f in faults if f.name in moving), key=lambda f: stages.index(f.stage))
    pairs = [(one, other) for one, other in combinations(able, 2) if one.stage != other.stage]
    rng = np.random.default_rng(seed_of(fixture, "pairs"))
    return [pairs[index] for index in sorted(rng.permutation(len(pairs))[: min(count, PAIRS_A_FIXTURE)].tolist())]


def both(one: Fault, other: Fault) -> Fault:
    """Two faults as one."""
    return Fault(
        f"{one.name} + {other.name}",
        one.stage,
        f"{one.about}; {other.about}",
        lambda pipeline, workshop: other.plant(one.plant(pipeline, workshop), workshop),
    )


def seed_of(*words: str) -> int:
    """A seed that is the same wherever and whenever something is tried."""
    return zlib.crc32(" ".join(words).encode())
