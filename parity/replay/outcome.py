"""What a replay of `community-1` says of a fixture: near ties excused, RTTMs scored, problems in words.

How stages are replayed is `parity.replay.engine`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from parity.community1 import geometry
from parity.community1.annotation import to_rttm
from parity.community1.scoring import inactive
from parity.fixtures.snapshot import Snapshot
from parity.fixtures.standing import Standing
from parity.measure.drift import Drift
from parity.measure.gaps import LOGITS, gap_away, with_other_chunks
from parity.measure.score import Score, count, score_rttm
from parity.measure.tolerances import NEAR_TIE
from parity.networks.wespeaker.masks import nearest_indices
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import ChunkSeries
from parity.replay.subject import Outcome, Raised, Replayed
from parity.tables import Tabular

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
class Replay(Outcome, Tabular):
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
    raised : stages that raised; those behind them were not reached
    native : artefacts that the lab made where a port left arrays of others; their drift says nothing of the port
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
    raised: tuple[Raised, ...] = ()
    native: frozenset[str] = frozenset()

    @property
    def at_parity(self) -> bool:
        """Everything compared, everything within, DER exactly 0 on both outputs, counts equal."""
        return self.all_within and self._same_answer

    def no_worse(self, truth: Mapping[str, Standing] | None) -> bool:
        """As of any outcome, and the answer is the reference's."""
        return self._same_answer and super().no_worse(truth)

    @property
    def _same_answer(self) -> bool:
        ders = [score.der for score in (self.score, self.exclusive_score) if score is not None]
        counts = (self.speakers, self.segments) == (self.reference_speakers, self.reference_segments)
        return not any(ders) and counts


def near_tie_flips(
    segmentations: np.ndarray | None, snapshot: Snapshot, logits: np.ndarray | ChunkSeries | None = None
) -> np.ndarray | None:
    """(C, F) bool: frames that differ where the reference's gap is below its noise; None where there are none.

    Parameters
    ----------
    logits : the candidate's log-probabilities, of all chunks or a series of some; where they are known, a frame is
        excused only in a chunk in which they are themselves no further away than that noise: else it is the
        candidate's own drift that took the other class
    """
    want, gap = snapshot.values.get("segmentations"), snapshot.segmentation_gap
    if segmentations is None or want is None or gap is None or segmentations.shape != want.shape:
        return None
    flips = np.any(segmentations != want, axis=2) & (gap < NEAR_TIE)
    for chunk in np.flatnonzero(flips.any(axis=1)):
        if not _no_further_than_noise(logits, gap, int(chunk)):
            flips[chunk] = False
    return flips if flips.any() else None


def _no_further_than_noise(logits: np.ndarray | ChunkSeries | None, gap: np.ndarray, chunk: int) -> bool:
    """Whether the gaps of most frames of a chunk moved by less than noise does; also where that is not known."""
    if logits is None or (isinstance(logits, ChunkSeries) and chunk not in logits.chunks):
        return True
    found = logits.compute(chunk) if isinstance(logits, ChunkSeries) else logits[chunk] if chunk < len(logits) else None
    if found is None or found.ndim != 2 or len(found) != gap.shape[1]:
        return True
    return bool(np.median(gap_away(found, gap[chunk])) <= NEAR_TIE)


def excuses(flips: np.ndarray | None, snapshot: Snapshot) -> dict[str, np.ndarray]:
    """Elements of each artefact that may differ because of such frames; what is decided from them may not.

    Where a flipped frame is one of those that pooling samples, its chunk's embeddings are another pooling's, and every
    number computed from all embeddings moves with them: numbers are excused then, decisions still have to be equal.
    """
    if flips is None:
        return {}
    values = snapshot.values
    pooled = np.any(flips[:, sampled_frames(flips.shape[1])], axis=1)
    allowed: dict[str, np.ndarray] = {"segmentations": flips[:, :, None], "masks": flips[:, None, :]}
    if "count" in values:
        allowed["count"] = frames = np.zeros(values["count"].shape, dtype=bool)
        for chunk, frame in np.argwhere(flips):
            frames[geometry.first_frame(int(chunk), snapshot.chunk_step) + frame] = True
    if pooled.any():
        allowed |= {"embeddings": pooled[:, None, None]}
        allowed |= {name: np.array(True) for name in MOVED_BY_EMBEDDINGS}
    return {name: np.broadcast_to(mask, values[name].shape) for name, mask in allowed.items() if name in values}


def unread(name: str, values: Mapping[str, Any]) -> np.ndarray | None:
    """(C, S) bool: hard clusters of local speakers who say nothing in their chunk, which no stage reads.

    Parameters
    ----------
    values : the reference's artefacts; None where they hold no segmentations
    """
    segmentations = values.get("segmentations")
    if name != "hard_clusters" or segmentations is None or np.ndim(segmentations) != 3:
        return None
    return inactive(segmentations)


def sampled_frames(count: int) -> np.ndarray:
    """The frames of a mask that pooling looks at: (125,) int64."""
    return nearest_indices(count, POOLED_FRAMES)


def beyond_recorded(drift: Drift, got: Any, snapshot: Snapshot) -> Drift:
    """Of log-probabilities: with chunks whose gap alone is recorded, where the candidate has them."""
    gap, recorded = snapshot.segmentation_gap, snapshot.chunks.get(LOGITS)
    if drift.artefact != LOGITS or gap is None or recorded is None:
        return drift
    chunks = got.chunks if isinstance(got, ChunkSeries) else np.arange(len(got))
    logits = got.take(chunks) if isinstance(got, ChunkSeries) else got
    return with_other_chunks(drift, logits, chunks, gap, recorded, snapshot.chunk_step)


def finish(found: Replayed) -> Replay:
    """The report of one replay."""
    made, snapshot = found.made, found.snapshot
    flips = near_tie_flips(made.get("segmentations"), snapshot, made.get("segmentation_logits"))
    ours, exclusive = (to_rttm(made.get(name) or [], URI) for name in TEXTS)  # none where a stage raised
    theirs = with_uri(snapshot.values.get("diarization", ""), URI)
    theirs_exclusive = snapshot.values.get("exclusive_diarization")
    speakers, segments = count(ours)
    reference_speakers, reference_segments = count(theirs)
    return Replay(
        drifts=found.drifts,
        near_ties=_named(flips, snapshot),
        problems=tuple(_problems(found)),
        rttm=ours,
        exclusive_rttm=exclusive,
        score=score_rttm(theirs, ours),
        exclusive_score=None if theirs_exclusive is None else score_rttm(theirs_exclusive, exclusive),
        speakers=speakers,
        segments=segments,
        reference_speakers=reference_speakers,
        reference_segments=reference_segments,
        embedding_drift=active_embedding_drift(made.get("embeddings"), snapshot),
        isolated_without=found.isolated_without,
        stage_seconds=found.stage_seconds,
        raised=found.raised,
        native=found.native,
    )


def recorded_part(name: str, got: Any, want: np.ndarray, snapshot: Snapshot) -> np.ndarray | None:
    """The chunks that isolated embeddings exist for, those whose filterbank was recorded; None where it is all."""
    part = name == "embeddings" and len(got) < len(want) and "fbank" in snapshot.chunks
    return snapshot.chunks["fbank"] if part else None


def active_embedding_drift(
    embeddings: np.ndarray | None, snapshot: Snapshot, chunks: np.ndarray | slice = slice(None)
) -> float | None:
    """Worst max abs over rows of speakers active in their chunk; `chunks` are those that there are embeddings of."""
    want, segmentations = snapshot.values.get("embeddings"), snapshot.values.get("segmentations")
    if embeddings is None or want is None or segmentations is None or embeddings.shape != want[chunks].shape:
        return None
    rows = np.abs(embeddings - want[chunks])[~inactive(segmentations[chunks])]
    return float(np.nanmax(rows)) if rows.size else None


def _named(flips: np.ndarray | None, snapshot: Snapshot) -> tuple[NearTie, ...]:
    gap = snapshot.segmentation_gap
    if flips is None or gap is None:
        return ()
    return tuple(
        NearTie(
            int(c),
            int(f),
            float(c * snapshot.chunk_step + f * geometry.FRAME_STEP_SECONDS),
            float(gap[c, f]),
        )
        for c, f in np.argwhere(flips)
    )


def _problems(found: Replayed) -> list[str]:
    made, snapshot = found.made, found.snapshot
    problems = [] if "diarization" in snapshot.values else ["the snapshot holds no reference.rttm"]
    problems += found.missing
    # Our own snapshots are whole: what they lack, the reference did not make.
    if "schema" in snapshot.manifest:
        unasked = () if made.get("fbank") is not None else ("chunk_waveforms",)  # cut where somebody speaks
        extra = [name for name in ARTEFACTS if made.get(name) is not None and name not in snapshot.values]
        extra = [name for name in extra if name not in unasked]
        problems += [f"{name} was made, the snapshot does not hold it" for name in extra]
    return problems


def with_uri(rttm: str, uri: str) -> str:
    """RTTM text under another URI."""
    lines = [line.split(" ") for line in rttm.splitlines()]
    return "".join(" ".join([fields[0], uri, *fields[2:]]) + "\n" for fields in lines)
