"""Patched replays: the cascade with some stages' outputs taken from the other side.

Two directions. The reference's output of a stage goes into the candidate's cascade: does the answer come back? The
candidate's goes into the reference's: does the answer break? The answer is both RTTMs, line for line. Where the
snapshot lacks what a patch needs (it keeps the filterbank of three chunks) the native stage on the reference's inputs
stands in, and the report says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from parity.community1.annotation import to_rttm
from parity.explain.explanation import INTO_CANDIDATE, INTO_REFERENCE, Patch, Recovery
from parity.fixtures.snapshot import Snapshot
from parity.measure.score import count, score_rttm
from parity.measure.tolerances import tolerance
from parity.pipeline.stage import Artefacts, ChunkSeries, Pipeline, Stage
from parity.replay.engine import CASCADED, reference_artefacts
from parity.replay.outcome import TEXTS, URI
from parity.replay.subject import subject_of

# Responsibilities never agree to the last bit; what is within tolerance is not away.
NOTHING = {"responsibilities": tolerance("q_final", CASCADED).max_abs}


@dataclass(frozen=True)
class Answer:
    """What a run says in the end, and what it hung on.

    Attributes
    ----------
    rttm, exclusive_rttm : with the same URI on both sides
    frames, exclusive_frames : (num_frames, speakers) float32, the discrete diarizations; None where nobody speaks
    responsibilities : (T, K0) float64, and the embeddings they belong to, (T,) int64 each; None where VBx did not run
    """

    rttm: str
    exclusive_rttm: str
    frames: np.ndarray | None
    exclusive_frames: np.ndarray | None
    responsibilities: tuple[np.ndarray, np.ndarray, np.ndarray] | None

    @property
    def speakers(self) -> int:
        """How many the plain output hears."""
        return count(self.rttm)[0]

    def same_as(self, other: Answer) -> bool:
        """Whether both RTTMs are equal, line for line."""
        return (self.rttm, self.exclusive_rttm) == (other.rttm, other.exclusive_rttm)


@dataclass(frozen=True)
class Distance:
    """How far an answer is from the reference's; None where that cannot be said."""

    frames: float | None
    responsibilities: float | None
    speakers: float
    der: float


class Patching:
    """Patched runs of one fixture.

    Parameters
    ----------
    native : the native pipeline, which also runs the reference's side behind a patch
    candidate : the pipeline under test
    snapshot, inputs : what `parity.replay.outcome.replay` takes

    Attributes
    ----------
    reference : the reference's artefacts, filled up where the snapshot lacks some that stages read
    stand_ins : names of those that were filled up
    """

    def __init__(self, native: Pipeline, candidate: Pipeline, snapshot: Snapshot, inputs: Mapping[str, Any]) -> None:
        self.native, self.candidate, self.subject = native, candidate, subject_of(native)
        self.snapshot, self.inputs = snapshot, dict(inputs)
        self.stand_ins: list[str] = []
        self.reference = self._complete(reference_artefacts(snapshot, inputs))

    def of(self, candidate: Pipeline) -> Patching:
        """The same fixture with another candidate; the reference's side is shared."""
        other = copy(self)
        for name in ("made", "candidate_answer", "error"):
            other.__dict__.pop(name, None)
        other.candidate = candidate
        return other

    @cached_property
    def made(self) -> Artefacts:
        """The candidate's cascade."""
        return self.candidate.run(self.inputs)

    @cached_property
    def candidate_answer(self) -> Any:
        """The candidate's."""
        return self.subject.answer_of(self.made)

    @cached_property
    def reference_answer(self) -> Any:
        """The reference's; the recorded one as far as it was recorded."""
        return self.subject.recorded_answer(self.subject.answer_of(self.reference), self.snapshot)

    @cached_property
    def error(self) -> Any:
        """How far the candidate's answer is from the reference's."""
        return self.subject.distance(self.candidate_answer, self.reference_answer)

    def into_candidate(self, stages: Iterable[str], values: Mapping[str, Any] | None = None) -> Any:
        """The candidate's answer with the reference's output of some stages in its cascade.

        Parameters
        ----------
        values : instead of the reference's own, by artefact
        """
        names = set(stages)
        patches = {name: self.reference.get(name) for stage in self.native if stage.name in names
                   for name in stage.writes} | dict(values or {})  # fmt: skip
        # Taking over what is the same already moves nothing, so arrays given behind it still stand.
        moved = {name for name, value in patches.items() if not _same(self.made.get(name), value)}
        return self.subject.answer_of(self._with_code(moved).run(self.inputs, patches=patches))

    def into_reference(self, stages: Iterable[str], values: Mapping[str, Any] | None = None) -> Any:
        """The reference's answer with the candidate's output of some stages in its cascade; same parameters."""
        names = set(stages)
        patches = {name: self.made.get(name) for stage in self.native if stage.name in names
                   for name in stage.writes} | dict(values or {})  # fmt: skip
        affected = downstream(self.native, set(patches))
        untouched = {
            name: self.reference.get(name)
            for stage in self.native
            if stage.name not in affected
            for name in stage.writes
        }
        return self.subject.answer_of(self.native.run(self.inputs, patches=untouched | patches))

    def patch(self, direction: str, stages: tuple[str, ...], *, prefix: bool = False) -> Patch:
        """One patched run, judged."""
        run = self.into_candidate if direction == INTO_CANDIDATE else self.into_reference
        found = run(stages)
        gone = self.subject.distance(found, self.reference_answer)
        return Patch(
            direction=direction,
            stages=stages,
            prefix=prefix,
            restored=found.same_as(self.reference_answer),
            recovery=self.subject.recovery(gone, self.error, direction == INTO_REFERENCE),
            der=getattr(gone, "der", None),
            speakers=getattr(found, "speakers", None),
        )

    def on_reference(self, stage: Stage) -> Artefacts:
        """A stage on the reference's inputs, stand-ins included."""
        return stage(self.reference)

    def _complete(self, reference: Artefacts) -> Artefacts:
        """The reference's artefacts, filled up where the snapshot lacks some that stages read."""
        texts = self.subject.texts
        for stage in self.native:
            lacking = [name for name in stage.writes if name not in reference or name in texts]
            partial = [name for name in stage.writes if name in self.snapshot.chunks and self._is_read(name)]
            if not lacking and not partial:
                continue
            if not any(self._is_read(name) or name in texts for name in (*lacking, *partial)):
                continue
            made = stage(reference)
            for name in lacking:
                if made.get(name) is not None:
                    reference[name] = made[name]
                    self._stands_in(name)
            for name in partial:
                if made.get(name) is not None:
                    reference[name] = _filled(made[name], reference[name])
                    self._stands_in(name)
        return reference

    def _is_read(self, name: str) -> bool:
        return any(name in stage.needs for stage in self.native)

    def _stands_in(self, name: str) -> None:
        if name not in self.subject.texts:
            self.stand_ins.append(name)

    def _with_code(self, patched: set[str]) -> Pipeline:
        """The candidate, with native code where it has only arrays and arrays of its own before them were patched.

        What it did not give before them is native: patching that says nothing of the arrays.
        """
        given = {name for stage in self.candidate if stage.given for name in stage.writes}
        affected = downstream(self.candidate, patched & given)
        pipeline = self.candidate
        for stage in self.candidate:
            if stage.given and stage.name in affected:
                pipeline = pipeline.replacing(stage.name, self.native[stage.name].run)
        return pipeline


def _same(ours: Any, theirs: Any) -> bool:
    """Whether two artefacts are one value; series of chunks are not looked into."""
    if isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray):
        return np.array_equal(ours, theirs, equal_nan=True)
    return ours is theirs or (isinstance(ours, list) and ours == theirs)


def downstream(pipeline: Pipeline, artefacts: set[str]) -> set[str]:
    """Names of the stages that read any of some artefacts, or what such a stage writes."""
    moved, names, before = set(artefacts), set(), -1
    while before != len(names):  # once is enough without a loop, whose first stages read what its last ones wrote
        before = len(names)
        moved |= {read for read, written in pipeline.feedback.items() if written in moved}
        for stage in pipeline:
            if moved & set(stage.needs):
                names.add(stage.name)
                moved |= set(stage.writes)
    return names


def answer_of(made: Mapping[str, Any]) -> Answer:
    """The answer of a cascade."""
    rttm, exclusive = (to_rttm(made.get(name) or [], URI) for name in TEXTS)
    q = made.get("q_final")
    rows = None if q is None else (q, made["train_chunk_idx"], made["train_speaker_idx"])
    frames = (made.get(name) for name in ("discrete_diarization", "exclusive_discrete_diarization"))
    return Answer(rttm, exclusive, *frames, rows)


def distance(found: Answer, reference: Answer) -> Distance:
    """How far an answer is from the reference's."""
    if found.same_as(reference):
        der = 0.0
    else:
        der = max(score_rttm(a, b).der for a, b in ((reference.rttm, found.rttm),
                                                    (reference.exclusive_rttm, found.exclusive_rttm)))  # fmt: skip
    return Distance(
        frames=_most(
            frame_disagreement(found.frames, reference.frames),
            frame_disagreement(found.exclusive_frames, reference.exclusive_frames),
        ),
        responsibilities=responsibility_distance(found.responsibilities, reference.responsibilities),
        speakers=abs(found.speakers - reference.speakers),
        der=der,
    )


def frame_disagreement(found: np.ndarray | None, reference: np.ndarray | None) -> float | None:
    """Share of frames in which another set of people speaks, under the best renaming; None without two of one length.

    Parameters
    ----------
    found, reference : (num_frames, speakers) float32, 0 or 1; the numbers of speakers may differ
    """
    if found is None or reference is None or len(found) != len(reference):
        return None
    return float(np.mean(np.any(best_renaming(found, reference) != _padded(reference, found.shape[1]), axis=1)))


def best_renaming(found: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The columns of `found` in the order that agrees best with `reference`, both padded to the same width."""
    ours, theirs = _padded(found, reference.shape[1]), _padded(reference, found.shape[1])
    rows, columns = linear_sum_assignment(theirs.T @ ours, maximize=True)
    return ours[:, columns[np.argsort(rows)]]


def responsibility_distance(
    found: tuple[np.ndarray, np.ndarray, np.ndarray] | None, reference: tuple[np.ndarray, np.ndarray, np.ndarray] | None
) -> float | None:
    """Mean total variation of the responsibilities of the embeddings both sides cluster, under the best renaming."""
    if found is None or reference is None:
        return None
    ours, theirs = _by_row(found), _by_row(reference)
    common = sorted(set(ours) & set(theirs))
    if not common:
        return None
    a, b = np.stack([ours[key] for key in common]), np.stack([theirs[key] for key in common])
    return float(0.5 * np.abs(best_renaming(a, b) - _padded(b, a.shape[1])).sum(axis=1).mean())


def recovery(patched: Distance, error: Distance, away: bool) -> Recovery:
    """1 - patched / error for each distance; the other way round where it is asked how much error came along."""

    def share(name: str) -> float | None:
        gone, whole = getattr(patched, name), getattr(error, name)
        if gone is None or whole is None or whole <= NOTHING.get(name, 0.0):
            return None
        return gone / whole if away else 1.0 - gone / whole

    return Recovery(share("frames"), share("responsibilities"), share("speakers"), share("der"))


def _by_row(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> dict[tuple[int, int], np.ndarray]:
    q, chunks, speakers = rows
    return {(int(c), int(s)): row for row, c, s in zip(q, chunks, speakers, strict=True)}


def _most(*values: float | None) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) if known else None


def _padded(columns: np.ndarray, width: int) -> np.ndarray:
    return np.pad(columns, ((0, 0), (0, max(0, width - columns.shape[1]))))


def _filled(whole: ChunkSeries, recorded: ChunkSeries) -> ChunkSeries:
    """A series of all chunks that is the recorded one where there is one."""
    there = set(map(int, recorded.chunks))

    def compute(chunk: int) -> np.ndarray:
        return recorded.compute(chunk) if chunk in there else whole.compute(chunk)

    return ChunkSeries(whole.chunks, compute)
