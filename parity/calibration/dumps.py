"""The lab tested on planted faults as it meets most ports: as arrays on disk.

Each fault's cascade is written out as a dump: what stands before the faulty stage is the reference's own, what is right
carries noise below tolerance, so that nothing is bit for bit. `compare`, `run --arrays` and `explain` judge it; whole,
and with half of its artefacts left out at random. Behind the embeddings no network runs, for recorded arrays stand
there; of faults before them each chunk runs once, however many dumps are made of it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from parity.calibration.trials import Bench
from parity.explain.decision import Decision, decide
from parity.explain.explanation import TO_BLAME
from parity.explain.patching import Patching
from parity.explain.verdict import Verdicts
from parity.faults.fault import Fault
from parity.measure import verdicts
from parity.measure.tolerances import tolerance
from parity.pipeline.artefact import ARTEFACTS, Comparison
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import Artefacts, ChunkSeries
from parity.ports.arrays import supplied_dump, with_arrays
from parity.ports.dump.comparison import DIFFERENT
from parity.ports.dump.reading import Dump, read_dump
from parity.ports.yardstick import Means
from parity.replay.engine import CASCADED, in_common, replay
from parity.replay.subject import subject_of

FULL, HALF = "full", "half"
NOISE = {"embeddings": 1e-6}
NOISE_BEHIND = 1e-9
CLUSTER_LABELS, CLUSTER_DIMS = ("ahc_clusters", "kmeans_clusters", "hard_clusters"), ("K0", "K", "speakers")
RIGHT, INCONCLUSIVE, WRONG = "right", "inconclusive", "wrong"
BEFORE = ("audio", "segmentation", "speaker_counting", "masks", "fbank", "embeddings")


@dataclass(frozen=True)
class DumpTrial:
    """One dump, judged; the fault None is a noisy clean one.

    Attributes
    ----------
    fault, stages : what was planted, and the stages that it truly breaks, in the pipeline's order
    kind : `full` or `half`
    supplied : artefacts in the dump
    moved : those that the reference has and are beyond tolerance of it, without any convention undone
    first_moved : the first of them in which more differs than how clusters are numbered
    first_drift : the first artefact that `compare` finds different
    equivalent : whether `compare` finds what moved to be conventions
    named : stages where `explain` says that drift is born
    answer_changed : whether an RTTM is not the reference's
    decides : `right`, `inconclusive`, `wrong`; None where the answer did not change
    decisive : stages that `explain` says decide; of several, together
    suspects : stages that it cannot rule out
    settle : what would tell, in words
    compared, replayed, explained : the verdict of `compare`, `run --arrays` and `explain`
    """

    fault: str | None
    stages: tuple[str, ...]
    fixture: str
    kind: str
    supplied: tuple[str, ...]
    moved: tuple[str, ...]
    first_moved: str | None
    first_drift: str | None
    equivalent: bool
    named: tuple[str, ...]
    answer_changed: bool
    decides: str | None
    decisive: tuple[str, ...]
    suspects: tuple[str, ...]
    settle: tuple[str, ...]
    compared: str
    replayed: str
    explained: str

    @property
    def moving(self) -> bool:
        """Whether anything in the dump is beyond tolerance and more than a convention."""
        return bool(self.moved) and not self.equivalent

    @property
    def first_drift_right(self) -> bool:
        """Whether `compare` names the first artefact that moved, or the first beyond the numbers of clusters.

        A numbering is a convention, or to blame itself where it orders tied speakers.
        """
        return self.moving and self.first_drift is not None and self.first_drift in (self.moved[0], self.first_moved)

    @property
    def agree(self) -> bool:
        """Whether `compare`, `run --arrays` and `explain` say the same word."""
        return self.compared == self.replayed == self.explained

    @property
    def false_alarm(self) -> bool:
        """Of a clean dump: whether any of the three said anything but what a clean dump is, or may lack."""
        said = {self.compared, self.replayed, self.explained}
        return self.fault is None and bool(self.first_drift or self.named or said - {*verdicts.GREEN, verdicts.LIMITED})


def from_recorded(bench: Bench) -> Bench:
    """The same bench on which networks do not run where the snapshot has what they would make."""
    reference = bench.clean.reference
    embed = partial(_embeddings, bench.native["embeddings"].run, bench.native["fbank"].run, reference)
    native = bench.native.replacing("embeddings", embed)
    if isinstance(logits := reference.get("segmentation_logits"), ChunkSeries):
        native = native.replacing("segmentation", lambda waveform: (logits, reference["segmentations"]))
    clean = Patching(native, native, bench.snapshot, bench.inputs)
    return replace(bench, native=native, clean=clean)


def _embeddings(run: Any, fbank_run: Any, reference: Mapping[str, Any], fbank: ChunkSeries, masks: np.ndarray) -> Any:
    """The reference's embeddings for the reference's masks and the native filterbank; else the network's."""
    known = reference.get("fbank")
    if isinstance(known, ChunkSeries) and len(fbank) and np.array_equal(masks, reference.get("masks", ())):
        native, chunks = fbank_run(reference["chunk_waveforms"]), fbank.chunks
        probes = [int(chunks[index]) for index in (0, len(chunks) // 2, -1)]
        for side in (native, known):
            if all(np.array_equal(fbank.compute(chunk), side.compute(chunk)) for chunk in probes):
                return reference["embeddings"][chunks]
    return run(fbank, masks)


def try_dump(
    bench: Bench, planted: tuple[Fault, ...], kind: str, reference: Dump, seed: int, made: Artefacts | None = None
) -> DumpTrial:
    """Plant faults, none of them for a clean dump, write what they make, and let the three commands judge it.

    Parameters
    ----------
    bench : of `from_recorded`, unless a fault stands before the embeddings
    planted : faults of different stages, in the pipeline's order
    reference : the snapshot, read as a dump
    seed : of the noise, and of what is left out
    made : `cascade` of the same faults, where it is known
    """
    rng = np.random.default_rng(seed)
    made = cascade(bench, planted) if made is None else made
    folder = Path(tempfile.mkdtemp(prefix="parity-dump-"))
    try:
        supplied = write(folder, bench, made, kind, rng)
        return _judged(bench, planted, kind, reference, read_dump(folder), made, supplied)
    finally:
        shutil.rmtree(folder)


def cascade(bench: Bench, planted: tuple[Fault, ...]) -> Artefacts:
    """What the faults make, on what the reference made before the first of them."""
    candidate, reference = bench.native, bench.clean.reference
    for fault in planted:
        candidate = fault.plant(candidate, bench.workshop)
    broken = {fault.stage for fault in planted}
    first = next((i for i, stage in enumerate(bench.native) if stage.name in broken), len(bench.native.stages))
    patches = {name: reference.get(name) for stage in bench.native.stages[:first] for name in stage.writes}
    raised: list[StageRaised] = []
    return bench.memo.pipeline(candidate).run(bench.inputs, patches=patches, raised=raised)


def write(folder: Path, bench: Bench, made: Artefacts, kind: str, rng: np.random.Generator) -> tuple[str, ...]:
    """Write a dump; the names of what was written.

    A whole one holds every chunk; of a half, as ports leave out what is heavy, those that were recorded, unless no
    embeddings stand behind it that were made of all.
    """
    names = [name for name in ARTEFACTS if made.get(name) is not None]
    if kind == HALF:
        chosen = set(rng.choice(len(names), size=(len(names) + 1) // 2, replace=False).tolist())
        names = [name for index, name in enumerate(names) if index in chosen]
    subject, moved = subject_of(bench.native), set(moved_in(bench, made, tuple(names)))
    for name in names:
        value = made[name]
        if name in subject.texts:
            (folder / f"{name}.rttm").write_text(subject.to_text(value), encoding="utf-8")
            continue
        if ARTEFACTS[name].by_chunk:
            some = kind == HALF and (name == "segmentation_logits" or "embeddings" in names)
            recorded = bench.snapshot.chunks.get(name) if some else None
            held = value.chunks if isinstance(value, ChunkSeries) else np.arange(len(value))
            chunks = held if recorded is None else np.intersect1d(held, recorded)
            value = value.take(chunks) if isinstance(value, ChunkSeries) else value[chunks]
            np.save(folder / f"{name}_chunks.npy", chunks)
        np.save(folder / f"{name}.npy", value if name in moved else noisy(name, value, rng))
    return tuple(names)


def noisy(name: str, value: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An artefact with noise below its tolerance; before the embeddings, and where it is a decision, as it was."""
    artefact = ARTEFACTS[name]
    if artefact.comparison not in (Comparison.VALUES, Comparison.AXES) or artefact.stage in BEFORE[:-1]:
        return value
    size = min(NOISE.get(name, NOISE_BEHIND), tolerance(name, CASCADED).max_abs / 10)
    noise = rng.uniform(-size, size, value.shape)
    if name == "dendrogram":  # which clusters merge, and how large they are, are whole numbers
        noise[:, [0, 1, 3]] = 0.0
    return (value + noise).astype(value.dtype)


def moved_in(bench: Bench, made: Artefacts, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some artefacts that the reference has and that are beyond the tolerance of a cascade."""
    subject, snapshot = subject_of(bench.native), bench.snapshot
    allowed, found = subject.excuses(made, snapshot), []
    for name in names:
        got, want, chunks = made[name], snapshot.values.get(name), snapshot.chunks.get(name)
        if want is None:  # nobody can compare it, as behind a recording's silence
            continue
        if name in subject.texts:
            if subject.to_text(got) != subject.recorded_text(want):
                found.append(name)
            continue
        if chunks is not None:
            got, want, chunks = in_common(got, want, chunks)
        elif isinstance(got, ChunkSeries):
            got = got.take(got.chunks)
        how = {"mode": CASCADED, "chunks": chunks, "excused": allowed.get(name)}
        if not subject.compare(name, got, want, snapshot.values, **how).within:
            found.append(name)
    return tuple(found)


def renumbered(name: str, got: Any, want: Any) -> bool:
    """Whether two artefacts differ in nothing but how clusters are numbered; of text, no."""
    if not isinstance(got, np.ndarray) or not isinstance(want, np.ndarray) or got.shape != want.shape:
        return False
    if name in CLUSTER_LABELS:
        pairs = set(zip(got.ravel().tolist(), want.ravel().tolist(), strict=True))
        return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) and all(
            a == b for a, b in pairs if min(a, b) < 0
        )
    axes = [index for index, dim in enumerate(ARTEFACTS[name].dims) if dim in CLUSTER_DIMS]
    if not axes:
        return False
    limit = tolerance(name, CASCADED).max_abs
    ours, theirs = (
        np.moveaxis(side.astype(np.float64), axes[0], 0).reshape(side.shape[axes[0]], -1) for side in (got, want)
    )
    apart = np.abs(ours[:, None] - theirs[None]).max(axis=2, initial=0.0) <= limit
    return bool(np.all(apart.any(axis=0)) and np.all(apart.any(axis=1)))


def _judged(
    bench: Bench,
    planted: tuple[Fault, ...],
    kind: str,
    reference: Dump,
    dump: Dump,
    made: Artefacts,
    supplied: tuple[str, ...],
) -> DumpTrial:
    assert bench.ready is not None, "dumps are of the diarization pipeline"
    port = supplied_dump(bench.ready, reference, dump, _nothing_declared, folder=Path(dump.folder))
    found = port.comparison
    assert found is not None and port.values is not None
    moved, first = moved_in(bench, made, supplied), found.first_drift
    candidate = bench.memo.pipeline(with_arrays(bench.native, port.values))
    patching = bench.clean.of(candidate)
    outcome = replay(candidate, bench.snapshot, bench.inputs, reference=bench.recorded, native=bench.native)
    stage_verdicts = Verdicts(patching, outcome).all()
    changed = not patching.candidate_answer.same_as(patching.reference_answer)
    decision = decide(patching, stage_verdicts, ()) if changed else Decision()
    stages = tuple(stage.name for stage in bench.native if stage.name in {fault.stage for fault in planted})
    decisive = (decision.decisive,) if decision.decisive else decision.interaction
    by = {entry.name: entry.verdict != DIFFERENT and bool(entry.by) for entry in found.artefacts}
    return DumpTrial(
        fault=" + ".join(fault.name for fault in planted) or None,
        stages=stages,
        fixture=bench.name,
        kind=kind,
        supplied=supplied,
        moved=moved,
        first_moved=next(
            (name for name in moved if not renumbered(name, made[name], bench.snapshot.values[name])), None
        ),
        first_drift=first.name if first else None,
        equivalent=bool(moved) and first is None and all(by.get(name, False) for name in moved),
        named=tuple(verdict.stage for verdict in stage_verdicts if verdict.verdict in TO_BLAME),
        answer_changed=changed,
        decides=judged(stages, decisive, decision.suspects) if changed and planted else None,
        decisive=decisive,
        suspects=decision.suspects,
        settle=decision.settle,
        compared=found.verdict,
        replayed=port.verdict(outcome),
        explained=port.verdict(outcome, changed=changed),
    )


def _nothing_declared(reference: Dump) -> Means:
    raise AssertionError("a dump of the calibration declares nothing")


def judged(stages: tuple[str, ...], decisive: tuple[str, ...], suspects: tuple[str, ...]) -> str:
    """Whether what is said to decide is what was broken.

    Parameters
    ----------
    stages : those that were truly broken
    decisive : those that are said to decide, together where there are several; empty where none is said to
    suspects : those that are not ruled out
    """
    if decisive and set(decisive) <= set(stages):
        return RIGHT
    return INCONCLUSIVE if not decisive or set(suspects) & set(stages) else WRONG
