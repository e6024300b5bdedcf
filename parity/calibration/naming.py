"""Does the lab name what was planted, and hold its tongue where it does not know it?

Each fault is planted in its one stage, on the reference's own inputs, and written out as a dump in which everything
before that stage carries noise below tolerance, the same in all dumps of that stage, so that what each known mistake
makes of it is computed once for all of them (`parity.diagnosis.outcomes`). The dump is diagnosed twice: with the whole
dictionary, and with this fault taken out (and families of which it is a point), where nothing may be named but what is
the same on that recording. Values of families that are in no list are planted in the same way, by a seed.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from parity.calibration.dumps import noisy
from parity.calibration.trials import Bench
from parity.diagnosis.of_dump import Sides, diagnose_dump
from parity.diagnosis.outcomes import Outcomes
from parity.diagnosis.result import Diagnosis
from parity.errors import InputError
from parity.faults.family import Family
from parity.faults.fault import Fault
from parity.measure.drift import compare
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import Artefacts, ChunkSeries
from parity.ports.dump.comparison import compare_dumps
from parity.ports.dump.reading import Dump
from parity.ports.judging import means_of
from parity.replay.engine import CASCADED
from parity.replay.subject import subject_of

HEARD = ("waveform", "chunk_waveforms")
Progress = Callable[[str, str], None]


@dataclass(frozen=True)
class NamingTrial:
    """One fault on one fixture, looked up.

    Attributes
    ----------
    moves : whether `compare` finds anything different
    first_drift : the first artefact that it finds so
    names : mistakes that are named, the first one first; several are the same there
    left : what the first of them leaves; None where none is named
    without : mistakes that are named with this one taken out
    same_without : whether these are the same as it on that recording: they are named beside it, or what the first of
        them makes is within tolerance of what it makes
    seconds, cpu_seconds : of the look-up with the whole dictionary, on the clock and of the processor; those that come
        first in a stage take longest, for others build on what they computed
    """

    fault: str
    stage: str
    fixture: str
    moves: bool
    first_drift: str | None
    names: tuple[str, ...]
    left: float | None
    without: tuple[str, ...]
    same_without: bool
    seconds: float
    cpu_seconds: float

    @property
    def named(self) -> bool:
        """Whether it is named, alone or among those that are the same there."""
        return self.fault in self.names

    @property
    def first(self) -> bool:
        """Whether it is the first that is named."""
        return self.names[:1] == (self.fault,)

    @property
    def wrong(self) -> bool:
        """Whether something else is named."""
        return bool(self.names) and not self.named

    @property
    def unknown_said(self) -> bool:
        """Whether, taken out, nothing is named but what is the same there."""
        return not self.without or self.same_without


@dataclass(frozen=True)
class ValueTrial:
    """One value of a family on one fixture.

    Attributes
    ----------
    value : that was planted
    moves : whether `compare` finds anything different
    names : mistakes that are named
    found, low, high : the value that is said of this family, and the interval that fits alike; None where none is
    seconds : of the look-up
    """

    family: str
    stage: str
    fixture: str
    value: float
    moves: bool
    names: tuple[str, ...]
    found: float | None
    low: float | None
    high: float | None
    seconds: float

    @property
    def within_1_percent(self) -> bool:
        """Whether the value is recovered within a hundredth of itself."""
        return self.found is not None and abs(self.found - self.value) <= 0.01 * abs(self.value)

    @property
    def in_interval(self) -> bool:
        """Whether it lies among the values that are said to make the same there."""
        near = 1e-6 * abs(self.value)
        return self.low is not None and self.high is not None and self.low - near <= self.value <= self.high + near


@dataclass
class NamingCalibration:
    """All that was tried."""

    trials: list[NamingTrial] = field(default_factory=list)
    values: list[ValueTrial] = field(default_factory=list)

    def in_order(
        self, fixtures: Sequence[str], faults: Sequence[str], values: Sequence[tuple[str, float]]
    ) -> NamingCalibration:
        """The same, fixture by fixture, in these orders; what is in none of them comes first."""
        at, of = {name: i for i, name in enumerate(fixtures)}, {name: i for i, name in enumerate(faults)}
        nth = {value: i for i, value in enumerate(values)}
        return NamingCalibration(
            sorted(self.trials, key=lambda trial: (at.get(trial.fixture, -1), of.get(trial.fault, -1))),
            sorted(
                self.values, key=lambda trial: (at.get(trial.fixture, -1), nth.get((trial.family, trial.value), -1))
            ),
        )


def calibrate_naming(
    benches: Iterable[tuple[Bench, Dump]],
    faults: Sequence[Fault],
    dictionary: Sequence[Fault],
    families: Sequence[Family],
    values: Iterable[tuple[Family, float]],
    *,
    known: NamingCalibration | None = None,
    on_trial: Progress = lambda fixture, what: None,
    on_fixture: Callable[[NamingCalibration], None] = lambda found: None,
) -> NamingCalibration:
    """Try every fault and every value on every fixture.

    Parameters
    ----------
    benches : a fixture, and its snapshot as a dump
    faults : that are planted
    dictionary, families : that are looked up
    values : of families, that are planted
    known : what was found before; added to
    """
    found, values = known or NamingCalibration(), list(values)
    tried = {(trial.fault, trial.fixture) for trial in found.trials}
    valued = {(trial.family, trial.value, trial.fixture) for trial in found.values}
    for bench, reference in benches:
        outcomes = Outcomes()
        for fault in faults:
            if (fault.name, bench.name) not in tried:
                on_trial(bench.name, fault.name)
                found.trials.append(try_fault(bench, reference, fault, dictionary, families, outcomes))
        for family, value in values:
            if (family.name, value, bench.name) not in valued:
                on_trial(bench.name, f"{family.name} {value:.4g}")
                found.values.append(try_value(bench, reference, family, value, dictionary, families, outcomes))
        on_fixture(found)
    return found


def try_fault(
    bench: Bench,
    reference: Dump,
    fault: Fault,
    faults: Sequence[Fault],
    families: Sequence[Family],
    outcomes: Outcomes | None = None,
) -> NamingTrial:
    """Plant a fault, and look it up among these, and among the others.

    Parameters
    ----------
    outcomes : of this fixture's dumps that were looked up before; added to
    """
    sides = sides_of(bench, reference, fault, outcomes)
    first = sides.comparison.first_drift if sides else None
    if sides is None or first is None:
        return NamingTrial(fault.name, fault.stage, bench.name, False, None, (), None, (), False, 0.0, 0.0)
    started = time.process_time()
    whole = _first(sides, faults, families)
    cpu_seconds = time.process_time() - started
    rest = _first(
        sides,
        [other for other in faults if other.name != fault.name],
        [family for family in families if fault.name not in family.points],
    )
    names = () if whole is None else whole.names
    without = () if rest is None else rest.names
    return NamingTrial(
        fault=fault.name,
        stage=fault.stage,
        fixture=bench.name,
        moves=True,
        first_drift=first.name,
        names=names,
        left=whole.mistake.left.worst if whole is not None and whole.mistake is not None else None,
        without=without,
        same_without=bool(without)
        and (set(without) <= set(names) or _same_there(bench, fault, rest, faults, families)),
        seconds=0.0 if whole is None else whole.seconds,
        cpu_seconds=cpu_seconds,
    )


def _same_there(
    bench: Bench, fault: Fault, found: Diagnosis | None, faults: Sequence[Fault], families: Sequence[Family]
) -> bool:
    """Whether what is named instead makes the same of the reference's own inputs, within tolerance."""
    if found is None or found.mistake is None:
        return False
    other = next((each for each in faults if each.name == found.mistake.name), None)
    family = next((each for each in families if each.name == found.mistake.name), None)
    if other is None and family is not None and found.mistake.parameter is not None:
        other = family.at(found.mistake.parameter.value)
    if other is None:  # a pair
        return False
    one, two = _made(bench, fault), _made(bench, other)
    if one is None or two is None:
        return False
    subject = subject_of(bench.native)
    return all(_equal_there(name, one[name], two.get(name), subject) for name in one)


def _equal_there(name: str, one: Any, two: Any, subject: Any) -> bool:
    if one is None or two is None:
        return one is two
    if name in subject.texts:
        return bool(subject.to_text(one) == subject.to_text(two))
    return compare(name, np.asarray(two), np.asarray(one), mode=CASCADED).within


def try_value(
    bench: Bench,
    reference: Dump,
    family: Family,
    value: float,
    faults: Sequence[Fault],
    families: Sequence[Family],
    outcomes: Outcomes | None = None,
) -> ValueTrial:
    """Plant a value of a family, and look it up."""
    sides = sides_of(bench, reference, family.at(value), outcomes)
    nothing = ValueTrial(family.name, family.stage, bench.name, value, False, (), None, None, None, 0.0)
    if sides is None or sides.comparison.first_drift is None:
        return nothing
    found = _first(sides, faults, families)
    named = () if found is None or found.mistake is None else (found.mistake, *found.mistake.same)
    parameters = [mistake.parameter for mistake in named if mistake.parameter is not None]
    p = next((parameter for parameter in parameters if parameter.name == family.parameter), None)
    return replace(
        nothing,
        moves=True,
        names=() if found is None else found.names,
        found=None if p is None else p.value,
        low=None if p is None else p.low,
        high=None if p is None else p.high,
        seconds=0.0 if found is None else found.seconds,
    )


def _first(sides: Sides, faults: Sequence[Fault], families: Sequence[Family]) -> Diagnosis | None:
    diagnoses = diagnose_dump(sides, faults, families, later=False)
    return diagnoses[0] if diagnoses else None


def sides_of(bench: Bench, reference: Dump, fault: Fault, outcomes: Outcomes | None = None) -> Sides | None:
    """A dump in whose one stage a fault is, compared; None where it raises or what it makes was not recorded.

    Of a front end only what is made of it was recorded: its fault is seen in segmentations and the filterbank. Of the
    embedding network's faults only the chunks are made whose filterbank was recorded, and no others are looked up in.
    """
    made = _made(bench, fault)
    if made is None:
        return None
    rng = np.random.default_rng(zlib.crc32(f"{bench.name} {fault.stage}".encode()))
    behind = _behind(bench, fault.stage)
    values: dict[str, Any] = {}
    subject = subject_of(bench.native)
    for name, value in reference.values.items():
        if name in made:
            values[name] = _as_recorded(name, made[name], reference, subject.to_text if name in subject.texts else None)
        elif name not in behind:
            values[name] = value if name in subject.texts else noisy(name, value, rng)
    values = {name: value for name, value in values.items() if value is not None}
    # How near the reference's own segmentations were to another class says nothing of these.
    beside = {name: value for name, value in reference.beside.items() if name != "segmentation_gap"}
    dump = replace(reference, values=values, places={name: name for name in values}, beside=beside)
    if not set(made) & set(values):
        return None
    try:
        comparison = compare_dumps(bench.name, reference, dump)
    except InputError:  # what readers refuse, as turns before the recording begins, is no dump
        return None
    means = means_of(bench.workshop.networks, bench.workshop.networks.plda, bench.inputs)
    weights, threads = bench.workshop.weights, bench.workshop.threads
    parameters, known = bench.workshop.parameters, Outcomes() if outcomes is None else outcomes
    return Sides(comparison, reference, dump, parameters, means, lambda: weights, threads, outcomes=known)


def _made(bench: Bench, fault: Fault) -> Artefacts | None:
    """What the faulty stage makes of the reference's own inputs, and of a front end what is made of it."""
    known: Artefacts = {**bench.recorded, **bench.inputs}
    names = ("audio", "segmentation", "fbank") if fault.stage == "audio" else (fault.stage,)
    made: Artefacts = {}
    with bench.memo.scratch():
        planted = fault.plant(bench.native, bench.workshop)
        if any(_partial(known.get(read)) for read in planted[names[0]].reads if read in HEARD):
            known |= bench.native["audio"](bench.inputs)  # whole, as a port hears it: a mistake may mix chunks up
        for name in names:
            stage = planted[name]
            try:
                outputs = stage(known)
            except Exception:  # what a fault raises is no dump
                return None
            made |= outputs
            known |= outputs
        return {name: _taken(name, value, bench) for name, value in made.items()}


def _partial(value: Any) -> bool:
    return value is None or isinstance(value, ChunkSeries)


def _taken(name: str, value: Any, bench: Bench) -> Any:
    if not isinstance(value, ChunkSeries):
        return value
    chunks = bench.snapshot.chunks.get(name)
    if chunks is None or not np.isin(chunks, value.chunks).all():
        return None
    return value.take(chunks)


def _as_recorded(name: str, value: Any, reference: Dump, to_text: Callable[[Any], str] | None) -> Any:
    if to_text is not None:
        return to_text(value)
    if name in reference.values and ARTEFACTS[name].by_chunk and value is not None:
        chunks = reference.chunks(name)
        if len(value) == len(chunks):
            return value
        return value[chunks] if chunks.max(initial=-1) < len(value) else None  # the last chunk may be missing
    if name == "embeddings" and value is not None and len(value) < len(reference.values[name]):
        rows = reference.values[name].copy()
        rows[reference.chunks("fbank")] = value
        return rows
    return value


def _behind(bench: Bench, stage: str) -> set[str]:
    """Artefacts of the stages behind one."""
    names = [other.name for other in bench.native]
    later = names[names.index(stage) + 1 :]
    return {name for other in later for name in bench.native[other].writes}
