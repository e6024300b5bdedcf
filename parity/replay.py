"""Replay a pipeline against a snapshot: isolated and cascaded.

Isolated: a stage gets the reference's own inputs; what differs was born there. Cascaded: it gets what our earlier
stages made; what differs was born or inherited. Nothing that the snapshot holds goes uncompared: what was not compared
fails the fixture, by name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parity.artefact import ARTEFACTS
from parity.community1 import geometry
from parity.community1.annotation import to_rttm
from parity.community1.scoring import inactive
from parity.drift import Drift, compare
from parity.networks.wespeaker.masks import nearest_indices
from parity.score import Score, count, score_rttm
from parity.snapshot import Snapshot
from parity.stage import Artefacts, ChunkSeries, Pipeline, Stage
from parity.tolerances import NEAR_TIE

ISOLATED, CASCADED = "isolated", "cascaded"
TEXTS = ("diarization", "exclusive_diarization")
URI = "clip"
POOLED_FRAMES = 125
MOVED_BY_EMBEDDINGS = (
    "post_xvec", "post_plda", "dendrogram", "q_final", "sp_final", "elbo_trajectory", "centroids", "soft_clusters",
)  # fmt: skip


@dataclass(frozen=True)
class NearTie:
    """A frame whose class differs where the reference's own two best classes are closer than its noise."""

    chunk: int
    frame: int
    seconds: float
    gap: float


@dataclass(frozen=True)
class Replay:
    """What a replay found.

    Attributes
    ----------
    drifts : in the pipeline's order, cascaded and isolated
    near_ties : frames that differ and are excused, named
    problems : what was not compared, or made by one side only, in words; each fails the fixture
    rttm, exclusive_rttm : ours
    score, exclusive_score : ours against the reference's
    speakers, segments, reference_speakers, reference_segments : of the plain diarization
    embedding_drift : worst cascaded max abs over rows of active speakers; None where nobody speaks
    isolated_without : stages that could not run isolated, and the inputs that the snapshot does not hold
    stage_seconds : wall time of each stage in the cascade
    """

    drifts: tuple[Drift, ...]
    near_ties: tuple[NearTie, ...]
    problems: tuple[str, ...]
    rttm: str
    exclusive_rttm: str
    score: Score
    exclusive_score: Score | None
    speakers: int
    segments: int
    reference_speakers: int
    reference_segments: int
    embedding_drift: float | None
    isolated_without: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stage_seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def at_parity(self) -> bool:
        """Everything compared, everything within, DER exactly 0 on both outputs, counts equal."""
        ders = [score.der for score in (self.score, self.exclusive_score) if score is not None]
        counts = (self.speakers, self.segments) == (self.reference_speakers, self.reference_segments)
        return not self.problems and all(drift.within for drift in self.drifts) and not any(ders) and counts

    @property
    def first_drift(self) -> Drift | None:
        """The first artefact out of tolerance in the pipeline's order; isolated before cascaded."""
        return next((drift for drift in self.drifts if not drift.within), None)


def replay(
    pipeline: Pipeline,
    snapshot: Snapshot,
    inputs: Mapping[str, Any],
    *,
    on_stage: Callable[[str], None] | None = None,
    on_made: Callable[[Artefacts], None] | None = None,
    reference: Artefacts | None = None,
) -> Replay:
    """Run a pipeline on a clip and compare every artefact that the snapshot holds.

    Parameters
    ----------
    inputs : the pipeline's own, `waveform` (1, num_samples) float32
    on_stage : called with a stage's name before it runs in the cascade
    on_made : called with the artefacts of the cascade, which are not kept otherwise
    reference : `reference_artefacts` of this snapshot, where it is replayed often
    """
    clock = _Clock(on_stage)
    made = pipeline.run(inputs, on_stage=clock.start)
    seconds = clock.stop()
    if on_made:
        on_made(made)
    reference = reference or reference_artefacts(snapshot, inputs)
    flips = near_tie_flips(made.get("segmentations"), snapshot)
    allowed = excuses(flips, snapshot)
    drifts: list[Drift] = []
    without: dict[str, tuple[str, ...]] = {}
    for stage in pipeline:
        alone, missing = run_isolated(stage, pipeline, reference, made, inputs)
        if missing:
            without[stage.name] = missing
        drifts += _compare_outputs(stage, alone, snapshot, ISOLATED, allowed)
        drifts += _compare_outputs(stage, made, snapshot, CASCADED, allowed)
    return _finished(made, snapshot, drifts, flips, without, seconds)


def reference_artefacts(snapshot: Snapshot, inputs: Mapping[str, Any]) -> Artefacts:
    """What stages read, as the reference made it: recorded subsets become series of the chunks there are."""
    reference: Artefacts = dict(inputs)
    for name, value in snapshot.values.items():
        partial = name in snapshot.chunks
        reference[name] = ChunkSeries.recorded(snapshot.chunks[name], value) if partial else value
    return reference


def run_isolated(
    stage: Stage, pipeline: Pipeline, reference: Artefacts, made: Artefacts, inputs: Mapping[str, Any]
) -> tuple[Artefacts, tuple[str, ...]]:
    """A stage on the reference's own inputs: what it writes, and which inputs the snapshot lacks.

    A stage that reads nothing but the pipeline's inputs did the same in the cascade and is not run twice; one whose
    output is given as arrays cannot run on other inputs.
    """
    if stage.given:
        return {}, ()
    if all(name in inputs for name in stage.reads):
        return {name: made[name] for name in stage.writes if made.get(name) is not None}, ()
    if (
        stage.when is not None
        and all(name in reference for name in stage.when.reads)
        and not stage.when.holds(reference)
    ):
        return {}, ()
    missing = tuple(name for name in stage.needs if lacks(name, pipeline, reference))
    return ({}, missing) if missing else (stage(reference), ())


def lacks(name: str, pipeline: Pipeline, reference: Artefacts) -> bool:
    """Whether the reference made an artefact, or may have, and the snapshot does not hold it.

    What its stage's condition left out (no VBx where there is nothing to cluster) is no lack: readers find None there.
    """
    if name in reference:
        return False
    writer = next((stage for stage in pipeline if name in stage.writes), None)
    if writer is None or writer.when is None:
        return True
    return any(lacks(read, pipeline, reference) for read in writer.when.reads) or writer.when.holds(reference)


def near_tie_flips(segmentations: np.ndarray | None, snapshot: Snapshot) -> np.ndarray | None:
    """(C, F) bool: frames that differ where the reference's gap is below its noise; None where there are none."""
    want, gap = snapshot.values.get("segmentations"), snapshot.segmentation_gap
    if segmentations is None or want is None or gap is None or segmentations.shape != want.shape:
        return None
    flips = np.any(segmentations != want, axis=2) & (gap < NEAR_TIE)
    return flips if flips.any() else None


def excuses(flips: np.ndarray | None, snapshot: Snapshot) -> dict[str, np.ndarray]:
    """Elements of each artefact that may differ because of such frames; what is decided from them may not.

    Where a flipped frame is one of those that pooling samples, its chunk's embeddings are another pooling's, and every
    number computed from all embeddings moves with them: numbers are excused then, decisions still have to be equal.
    """
    if flips is None:
        return {}
    values = snapshot.values
    pooled = flips[:, sampled_frames(flips.shape[1])].any(axis=1)
    frames = np.zeros(values["count"].shape, dtype=bool) if "count" in values else None
    for chunk, frame in np.argwhere(flips) if frames is not None else ():
        frames[geometry.first_frame(int(chunk)) + frame] = True
    allowed = {"segmentations": flips[:, :, None], "masks": flips[:, None, :], "count": frames}
    if pooled.any():
        allowed |= {"embeddings": pooled[:, None, None]}
        allowed |= {name: np.array(True) for name in MOVED_BY_EMBEDDINGS}
    return {name: np.broadcast_to(mask, values[name].shape) for name, mask in allowed.items() if name in values}


def sampled_frames(count: int) -> np.ndarray:
    """The frames of a mask that pooling looks at: (125,) int64."""
    return nearest_indices(count, POOLED_FRAMES)


def _compare_outputs(
    stage: Stage, outputs: Artefacts, snapshot: Snapshot, mode: str, allowed: Mapping[str, np.ndarray]
) -> list[Drift]:
    drifts = []
    for name in stage.writes:
        want, got = snapshot.values.get(name), outputs.get(name)
        if want is None or got is None:
            continue
        if name in TEXTS:
            drifts.append(compare(name, to_rttm(got, URI), with_uri(want, URI), mode=mode))
        else:
            drifts.append(_compare_array(name, got, want, snapshot, mode, allowed))
    return drifts


def _compare_array(
    name: str, got: Any, want: np.ndarray, snapshot: Snapshot, mode: str, allowed: Mapping[str, np.ndarray]
) -> Drift:
    chunks, total, excused = snapshot.chunks.get(name), None, allowed.get(name)
    if chunks is not None:
        got = got.take(chunks) if isinstance(got, ChunkSeries) else got[chunks]
        whole = len(snapshot.values["segmentations"]) if "segmentations" in snapshot.values else len(want)
        total = whole * want[0].size
    elif name == "embeddings" and len(got) < len(want) and "fbank" in snapshot.chunks:
        # Isolated embeddings exist for the chunks whose filterbank was recorded.
        chunks, total = snapshot.chunks["fbank"], want.size
        want = want[chunks]
        excused = excused[chunks] if excused is not None else None
    if mode == ISOLATED and name != "segmentations":
        excused = None  # the reference's own segmentations were read: there is nothing to excuse
    return compare(name, got, want, mode=mode, chunks=chunks, excused=excused, total=total)


def _finished(
    made: Artefacts,
    snapshot: Snapshot,
    drifts: Iterable[Drift],
    flips: np.ndarray | None,
    without: Mapping[str, tuple[str, ...]],
    seconds: Mapping[str, float],
) -> Replay:
    drifts = tuple(drifts)
    ours, exclusive = (to_rttm(made[name], URI) for name in TEXTS)
    theirs = with_uri(snapshot.values.get("diarization", ""), URI)
    theirs_exclusive = snapshot.values.get("exclusive_diarization")
    speakers, segments = count(ours)
    reference_speakers, reference_segments = count(theirs)
    return Replay(
        drifts=drifts,
        near_ties=_named(flips, snapshot),
        problems=tuple(_problems(made, snapshot, drifts)),
        rttm=ours,
        exclusive_rttm=exclusive,
        score=score_rttm(theirs, ours),
        exclusive_score=None if theirs_exclusive is None else score_rttm(theirs_exclusive, exclusive),
        speakers=speakers,
        segments=segments,
        reference_speakers=reference_speakers,
        reference_segments=reference_segments,
        embedding_drift=active_embedding_drift(made.get("embeddings"), snapshot),
        isolated_without=without,
        stage_seconds=seconds,
    )


def active_embedding_drift(embeddings: np.ndarray | None, snapshot: Snapshot) -> float | None:
    """Worst max abs over rows of speakers active in their chunk."""
    want, segmentations = snapshot.values.get("embeddings"), snapshot.values.get("segmentations")
    if embeddings is None or want is None or segmentations is None or embeddings.shape != want.shape:
        return None
    rows = np.abs(embeddings - want)[~inactive(segmentations)]
    return float(np.nanmax(rows)) if rows.size else None


def _named(flips: np.ndarray | None, snapshot: Snapshot) -> tuple[NearTie, ...]:
    if flips is None:
        return ()
    gap = snapshot.segmentation_gap
    return tuple(
        NearTie(
            int(c),
            int(f),
            float(c * geometry.STEP_SECONDS + f * geometry.FRAME_STEP_SECONDS),
            float(gap[c, f]),
        )
        for c, f in np.argwhere(flips)
    )


def _problems(made: Artefacts, snapshot: Snapshot, drifts: tuple[Drift, ...]) -> list[str]:
    held = [name for name in ARTEFACTS if name in snapshot.values]
    compared = {drift.artefact for drift in drifts if drift.mode == CASCADED}
    problems = []
    if "diarization" not in held:
        problems.append("the snapshot holds no reference.rttm")
    if missing := [name for name in held if name not in compared]:
        problems.append(f"compared {len(compared)} of {len(held)} artefacts; missing: {', '.join(missing)}")
    # Our own snapshots are whole: what they lack, the reference did not make.
    if "schema" in snapshot.manifest:
        extra = [name for name in ARTEFACTS if made.get(name) is not None and name not in snapshot.values]
        problems += [f"{name} was made, the snapshot does not hold it" for name in extra]
    return problems


def with_uri(rttm: str, uri: str) -> str:
    """RTTM text under another URI."""
    lines = [line.split(" ") for line in rttm.splitlines()]
    return "".join(" ".join([fields[0], uri, *fields[2:]]) + "\n" for fields in lines)


class _Clock:
    """Wall time by stage."""

    def __init__(self, on_stage: Callable[[str], None] | None) -> None:
        self._on_stage = on_stage
        self._seconds: dict[str, float] = {}
        self._running: tuple[str, float] | None = None

    def start(self, stage: str) -> None:
        self.stop()
        self._running = (stage, time.perf_counter())
        if self._on_stage:
            self._on_stage(stage)

    def stop(self) -> dict[str, float]:
        if self._running:
            name, started = self._running
            self._seconds[name] = time.perf_counter() - started
            self._running = None
        return self._seconds
