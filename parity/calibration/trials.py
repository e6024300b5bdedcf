"""The lab tested on planted faults: an instrument that has never found a planted fault has found nothing.

For each fault and fixture: did it move anything (judged against the clean native pipeline, not against the snapshot),
was it seen, was the stage named that it truly breaks, did the answer change, does patching the named stage bring it
back, and is the decisive stage consistent with the one that was broken. Clean runs are the control: whatever is named
there is a false alarm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from parity.community1 import Networks, community1_pipeline
from parity.explain.decision import first_deciding
from parity.explain.explanation import INTO_CANDIDATE, TO_BLAME
from parity.explain.memo import Memo
from parity.explain.patching import Patching
from parity.explain.verdict import Verdicts
from parity.faults.fault import Fault, Workshop
from parity.fixtures.prepare import Prepared
from parity.fixtures.snapshot import Snapshot
from parity.measure.gaps import LOGITS, gap_away, gap_of
from parity.measure.tolerances import GAP_ALONE, tolerance
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import Artefacts, ChunkSeries, Pipeline
from parity.ports.python import Implementation
from parity.replay.engine import CASCADED, ISOLATED, reference_artefacts, replay
from parity.replay.subject import Raised, Subject, subject_of
from parity.sources.weights import WeightSet
from parity.tables import Tabular

Progress = Callable[[str, int, int], None]
Slack = tuple[float, float]
NONE: Slack = (0.0, 0.0)


@dataclass(frozen=True)
class Bench:
    """One fixture, ready for faults to be planted.

    Attributes
    ----------
    name : of the fixture
    native : the native pipeline, remembered in `memo`
    workshop : what faults may build on
    clean : the native pipeline against itself; candidates share its reference
    recorded : `reference_artefacts` of the snapshot
    ready : what it was made of; None of a recurrent pipeline's
    """

    name: str
    native: Pipeline
    workshop: Any
    clean: Patching
    recorded: Artefacts
    memo: Memo
    ready: Prepared | None = None

    @cached_property
    def clean_drift(self) -> dict[tuple[str, str], Slack]:
        """Artefact and mode -> max abs and RMS of the clean pipeline's own drift from the reference."""
        drifts = replay(self.native, self.snapshot, self.inputs, reference=self.recorded).drifts
        return {(drift.artefact, drift.mode): (drift.max_abs, drift.rms) for drift in drifts}

    @cached_property
    def clean_trial(self) -> Trial:
        """The control. All that it computes is remembered, so that faults do not compute it each for itself."""
        return _tried(self, None)

    @property
    def snapshot(self) -> Snapshot:
        """Of the fixture."""
        return self.clean.snapshot

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Of the pipeline."""
        return self.clean.inputs


@dataclass(frozen=True)
class Trial:
    """One fault on one fixture; the fault None is the clean run.

    Attributes
    ----------
    moved : artefacts that the fault certainly moves beyond tolerance, judged against the clean pipeline
    detected : whether the replay says that the fixture is not at parity
    named : stages where the lab says that drift is born
    answer_changed : whether an RTTM is not the reference's
    restored : whether patching the named stage brings the answer back; None where it did not change
    decisive : the earliest stage that decides alone, in both directions; None where it did not change or none does
    raised : stages that raised; not kept in a report
    """

    fault: str | None
    fixture: str
    moved: tuple[str, ...]
    detected: bool
    named: tuple[str, ...]
    answer_changed: bool
    restored: bool | None
    decisive: str | None
    raised: tuple[Raised, ...] = field(default=(), compare=False, repr=False)


Trials = dict[tuple[str | None, str], Trial]


@dataclass(frozen=True)
class Finding:
    """One fault over all its fixtures.

    Attributes
    ----------
    fault : what was planted
    trials : one per fixture
    """

    fault: Fault
    trials: tuple[Trial, ...]

    @property
    def moving(self) -> bool:
        """Whether it moves any artefact of any fixture beyond tolerance of the reference: certainly, or as was seen."""
        return any(trial.moved or trial.detected for trial in self.trials)

    @property
    def detected(self) -> bool:
        """Whether it was seen wherever it certainly moves anything, and somewhere at all."""
        return self.moving and all(trial.detected for trial in self.trials if trial.moved)

    @property
    def named(self) -> str | None:
        """The stage that was named; a wrong one where any fixture's is wrong; None where nothing was detected."""
        names = [" + ".join(trial.named) or "nothing" for trial in self.trials if trial.detected]
        wrong = [name for name in names if name != self.fault.stage]
        return wrong[0] if wrong else names[0] if names else None

    @property
    def named_rightly(self) -> bool:
        """Whether every fixture that shows it names the stage that it truly breaks, and no other."""
        return self.detected and self.named == self.fault.stage

    @property
    def answer_changed(self) -> bool:
        """Whether it changes any fixture's answer."""
        return any(trial.answer_changed for trial in self.trials)

    @property
    def restored(self) -> bool | None:
        """Whether patching the named stage restores every answer that changed; None where none did."""
        changed = [trial for trial in self.trials if trial.answer_changed]
        return all(bool(trial.restored) for trial in changed) if changed else None

    @property
    def decisive_consistent(self) -> bool | None:
        """Whether the decisive stage is the broken one wherever the answer changed."""
        changed = [trial for trial in self.trials if trial.answer_changed]
        return all(trial.decisive == self.fault.stage for trial in changed) if changed else None


@dataclass(frozen=True)
class Calibration(Tabular):
    """Everything that was tried.

    Attributes
    ----------
    findings : one per fault
    clean : the control, one trial a fixture
    """

    findings: tuple[Finding, ...]
    clean: tuple[Trial, ...]

    @property
    def false_alarms(self) -> tuple[Trial, ...]:
        """Clean runs in which anything was detected or named."""
        return tuple(trial for trial in self.clean if trial.detected or trial.named)

    @property
    def confusion(self) -> Counter[tuple[str, str]]:
        """(true stage, named stage) -> trials, of those in which the fault was detected."""
        table: Counter[tuple[str, str]] = Counter()
        for finding in self.findings:
            for trial in finding.trials:
                if trial.detected:
                    table.update((finding.fault.stage, name) for name in trial.named or ("nothing",))
        return table

    @property
    def passed(self) -> bool:
        """All that moves anything is detected and named rightly, what changed is restored, no false alarm."""
        moving = [finding for finding in self.findings if finding.moving]
        return (
            not self.false_alarms
            and all(finding.detected and finding.named_rightly for finding in moving)
            and all(finding.restored is not False for finding in self.findings)
        )


def bench_of(
    ready: Prepared,
    networks: Networks,
    weights: WeightSet,
    threads: int | None = None,
    progress: Progress | None = None,
    *,
    keep_networks: bool = False,
) -> Bench:
    """A fixture on the bench.

    Parameters
    ----------
    keep_networks : each chunk of each fault goes through a network once, however often the fault is tried
    """
    memo = Memo(keep_networks=keep_networks)
    remembered = memo.networks(networks)
    native = memo.pipeline(community1_pipeline(remembered, ready.parameters, progress))
    workshop = Workshop(weights, remembered, ready.parameters, threads, memo.network)
    clean = Patching(native, native, ready.snapshot, ready.inputs)
    recorded = reference_artefacts(ready.snapshot, ready.inputs)
    return Bench(ready.fixture.name, native, workshop, clean, recorded, memo, ready)


def calibrate(
    benches: Iterable[Bench],
    faults: Iterable[Fault],
    *,
    wanted: Callable[[Fault, str], bool] = lambda fault, fixture: True,
    on_trial: Callable[[Trial], None] | None = None,
    known: Iterable[Trial] = (),
    on_fixture: Callable[[Calibration], None] | None = None,
) -> Calibration:
    """Try every fault on every fixture.

    Parameters
    ----------
    benches : fixtures, one at a time: what one of them remembers is large
    wanted : (fault, fixture's name) -> whether to try it
    on_trial : called with each trial when it is done
    known : trials of an earlier run, which are not done again
    on_fixture : called with everything so far, after each fixture
    """
    faults, names = list(faults), list[str]()
    before = {(trial.fault, trial.fixture): trial for trial in known}
    done: Trials = {}
    for bench in benches:
        names.append(bench.name)
        for fault in (None, *(fault for fault in faults if wanted(fault, bench.name))):
            key = (fault.name if fault else None, bench.name)
            done[key] = before.get(key) or try_fault(bench, fault)
            if on_trial:
                on_trial(done[key])
        if on_fixture:
            on_fixture(collected(faults, names, done))
    return collected(faults, names, done)


def collected(faults: Iterable[Fault], fixtures: Sequence[str], done: Trials) -> Calibration:
    """Trials in the order of faults and of fixtures, whatever the order in which they were done; some may be missing.

    Parameters
    ----------
    done : (fault, None for the clean run; fixture) -> trial
    """

    def of(fault: str | None) -> tuple[Trial, ...]:
        return tuple(done[fault, name] for name in fixtures if (fault, name) in done)

    return Calibration(tuple(Finding(fault, of(fault.name)) for fault in faults), of(None))


def try_fault(bench: Bench, fault: Fault | None) -> Trial:
    """Plant one fault, or none, and see what the lab says; what the clean run computes is remembered."""
    clean = bench.clean_trial  # outside of the scratch
    if fault is None:
        return clean
    with bench.memo.scratch():
        return _tried(bench, fault)


def _tried(bench: Bench, fault: Fault | None) -> Trial:
    candidate = bench.native
    if fault is not None:
        planted = Implementation(fault.name, lambda native: fault.plant(native, bench.workshop))
        candidate = bench.memo.pipeline(planted(bench.native))
    outcome = replay(candidate, bench.snapshot, bench.inputs, reference=bench.recorded)
    patching = bench.clean.of(candidate)
    verdicts = Verdicts(patching, outcome).all()
    named = tuple(v.stage for v in verdicts if v.verdict in TO_BLAME)
    changed = not patching.candidate_answer.same_as(patching.reference_answer)
    return Trial(
        fault=fault.name if fault else None,
        fixture=bench.name,
        moved=moved(bench, candidate, patching.made) if fault else (),
        detected=not outcome.at_parity,
        named=named,
        answer_changed=changed,
        restored=patching.patch(INTO_CANDIDATE, named).restored if changed and named else False if changed else None,
        decisive=first_deciding(patching, named) if changed else None,
        raised=outcome.raised,
    )


def moved(bench: Bench, candidate: Pipeline, made: Artefacts) -> tuple[str, ...]:
    """Artefacts that a fault certainly moves beyond tolerance, against the clean pipeline on the same audio.

    Either in the cascade, or where a stage gets what the clean pipeline made; the snapshot's arrays have no say, but
    those that it lacks, as behind a recording's silence, nobody can see; of log-probabilities that it lacks, only the
    gap. By how much the clean pipeline is itself away from the reference is allowed for: what is counted is beyond
    tolerance of the reference, on whichever side of it the clean pipeline lies.
    """
    clean, slack = bench.native.run(bench.inputs), bench.clean_drift
    found: list[str] = []
    subject = subject_of(bench.native)
    for stage, native in zip(candidate, bench.native, strict=True):
        try:
            alone = stage(clean) if stage.run is not native.run else clean
        except StageRaised:
            alone = {}
        for name in (name for name in stage.writes if name in bench.snapshot.values):
            sides = (made, CASCADED), (alone, ISOLATED)
            if any(_away(subject, name, side.get(name), clean, mode, slack.get((name, mode), NONE), bench.snapshot)
                   for side, mode in sides):  # fmt: skip
                found.append(name)
    return tuple(found)


def _away(subject: Subject, name: str, got: Any, clean: Artefacts, mode: str, slack: Slack, snapshot: Snapshot) -> bool:
    want = clean.get(name)
    if got is want:
        return False
    if got is None or want is None:
        return True
    if name in subject.texts:
        return subject.to_text(got) != subject.to_text(want)
    gap, recorded = snapshot.segmentation_gap, snapshot.chunks.get(name)
    if name == LOGITS and gap is not None and recorded is not None and len(want) == len(got) == len(gap):
        got, want = (side.take(side.chunks) if isinstance(side, ChunkSeries) else side for side in (got, want))
        if _others_away(got, want, gap, recorded):
            return True
        got, want = got[recorded], want[recorded]
    elif isinstance(want, ChunkSeries):
        chunks = ((got.take([chunk]), {**clean, name: want.take([chunk])}) for chunk in want.chunks)
        return any(_away(subject, name, one, other, mode, slack, snapshot) for one, other in chunks)
    drift, limit = subject.compare(name, got, want, clean, mode=mode), tolerance(name, mode)
    if drift.mismatches or not np.isfinite(drift.max_abs):
        return True
    return drift.max_abs > limit.max_abs + slack[0] or (limit.rms is not None and drift.rms > limit.rms + slack[1])


def _others_away(got: np.ndarray, clean: np.ndarray, gap: np.ndarray, recorded: np.ndarray) -> bool:
    """Whether log-probabilities of a chunk that is not recorded move the gap that is, certainly beyond its limit."""
    others = np.setdiff1d(np.arange(len(clean)), recorded)
    own = gap_away(clean[others], gap[others])
    return bool((gap_away(got[others], gap_of(clean[others])) > GAP_ALONE.max_abs + own).any())
