"""Which elements of an artefact carry a failure: the smallest set whose patch restores the answer, and the smallest
that breaks it.

An element is what a person can point at: a speaker in a chunk, a frame of a chunk, an output frame, a training
embedding, a cluster. Found by delta debugging (`parity.explain.delta`); a failure of another kind than the
candidate's (another number of speakers, other speakers wrong) counts as unresolved, never as the same failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from parity.community1 import geometry
from parity.community1.annotation import speaker_names
from parity.community1.scoring import inactive
from parity.explain.answer import Answer, best_renaming
from parity.explain.delta import NO, UNRESOLVED, YES, ddmin
from parity.explain.explanation import Element, Elements
from parity.explain.patching import Patching
from parity.measure.drift import in_words
from parity.measure.score import read_turns
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import ChunkSeries, Stage

# How many leading axes name one element; what is not listed is one element as a whole.
ELEMENT_AXES = {
    "segmentations": 2, "count": 1, "masks": 2, "embeddings": 2, "post_xvec": 1, "post_plda": 1, "ahc_clusters": 1,
    "q_final": 1, "sp_final": 1, "kmeans_clusters": 1, "centroids": 1, "soft_clusters": 2, "hard_clusters": 2,
    "discrete_diarization": 1, "exclusive_discrete_diarization": 1, "fbank": 1,
}  # fmt: skip
Index = tuple[int, ...]


def decisive_elements(patching: Patching, stage: Stage, budget: int) -> Elements | None:
    """The elements of a decisive stage's artefact that decide, or None where its two sides cannot be put together.

    Parameters
    ----------
    stage : whose output, patched whole, restores the answer
    budget : patched runs at most, half of them for each direction
    """
    name = _deciding_artefact(patching, stage)
    if name is None:
        return None
    got, want = _read(patching, name), patching.reference[name]
    units = differing_units(name, got, want)
    failure = signature(patching.candidate_answer, patching.reference_answer)
    companions = [other for other in stage.writes if other != name]

    def restores(subset: list[Index]) -> str:
        values = {other: patching.reference.get(other) for other in companions}
        answer = patching.into_candidate((), values | {name: mixed(got, want, subset)})
        return _judged(answer, patching.reference_answer, failure, wanted=None)

    def breaks(subset: list[Index]) -> str:
        values = {other: patching.reference.get(other) for other in companions}
        answer = patching.into_reference((), values | {name: mixed(want, got, subset)})
        return _judged(answer, patching.reference_answer, failure, wanted=failure)

    back = ddmin(units, restores, budget // 2)
    sufficient = ddmin(units, breaks, budget - budget // 2) if breaks(units) == YES else None
    return Elements(
        artefact=name,
        differing=len(units),
        chosen=_described(patching, name, [units[i] for i in back.chosen]),
        sufficient=_described(patching, name, [units[i] for i in sufficient.chosen]) if sufficient else (),
        minimal=back.minimal and (sufficient is None or sufficient.minimal),
        runs=back.runs + (sufficient.runs + 1 if sufficient else 1),
        budget=budget,
        unresolved=back.unresolved + (sufficient.unresolved if sufficient else 0),
        signature=in_sentence(failure),
    )


def differing_units(name: str, got: Any, want: Any) -> list[Index]:
    """Indices of the elements that differ, in order."""
    axes = ELEMENT_AXES.get(name, 0)
    if isinstance(want, ChunkSeries):
        return [(int(c),) for c in want.chunks if not np.array_equal(got.compute(int(c)), want.compute(int(c)))]
    differs = got != want
    if got.dtype.kind == "f":
        differs &= ~(np.isnan(got) & np.isnan(want))
    differs = differs.reshape(*want.shape[:axes], -1).any(axis=-1)
    return [tuple(int(i) for i in index) for index in np.argwhere(differs)] if axes else [()]


def mixed(base: Any, other: Any, units: Iterable[Index]) -> Any:
    """`base` with some elements of `other`."""
    if isinstance(base, ChunkSeries):
        taken = {index[0] for index in units}
        return replace(base, compute=lambda chunk: (other if chunk in taken else base).compute(chunk))
    result = base.copy()
    for index in units:
        result[index] = other[index]
    return result


Signature = tuple[int, int, tuple[str, ...]]


def signature(answer: Answer, reference: Answer) -> Signature:
    """What a failure is known by: speakers heard, speakers there are, and whose speech is wrong (reference's names)."""
    return answer.speakers, reference.speakers, tuple(sorted(_affected(answer, reference)))


def in_sentence(failure: Signature) -> str:
    """A signature in words."""
    heard, there, who = failure
    speakers = f"{heard} speakers where the reference hears {there}" if heard != there else f"{there} speakers on both"
    return f"{speakers}; turns of {', '.join(who) if who else 'nobody'} differ"


def _affected(answer: Answer, reference: Answer) -> set[str]:
    sides = [(answer.frames, reference.frames), (answer.exclusive_frames, reference.exclusive_frames)]
    wrong: set[str] = set()
    for found, wanted in sides:
        if found is None or wanted is None or len(found) != len(wanted):
            return set(read_turns(reference.rttm).labels())
        theirs = np.pad(wanted, ((0, 0), (0, max(0, found.shape[1] - wanted.shape[1]))))
        differs = np.any(best_renaming(found, wanted) != theirs, axis=0)
        # Both outputs name speakers after the plain one.
        names = {} if reference.frames is None else _names(reference.frames)
        wrong |= {names[int(column)] for column in np.flatnonzero(differs) if int(column) in names}
    return wrong


def _judged(answer: Answer, reference: Answer, failure: Signature, *, wanted: Signature | None) -> str:
    """`yes` where the answer is the wanted one: the reference's, or the very failure; `unresolved` is a third kind."""
    if answer.same_as(reference):
        return YES if wanted is None else NO
    same = signature(answer, reference) == failure
    if wanted is None:
        return NO if same else UNRESOLVED
    return YES if same else UNRESOLVED


def _deciding_artefact(patching: Patching, stage: Stage) -> str | None:
    """The artefact of a stage that others read and whose two sides differ and fit together."""
    for name in stage.writes:
        got, want = _read(patching, name), patching.reference.get(name)
        read = any(name in other.needs for other in patching.native) and name in ELEMENT_AXES
        if read and got is not None and want is not None and _fit(got, want) and differing_units(name, got, want):
            return name
    return None


def _read(patching: Patching, name: str) -> Any:
    """The candidate's artefact without the differences that nobody reads."""
    got, want = patching.made.get(name), patching.reference.get(name)
    return patching.subject.as_read(name, got, want, patching.reference)


def _fit(got: Any, want: Any) -> bool:
    if isinstance(want, ChunkSeries):
        return isinstance(got, ChunkSeries) and np.array_equal(got.chunks, want.chunks)
    return isinstance(got, np.ndarray) and got.shape == want.shape


def _described(patching: Patching, name: str, units: list[Index]) -> tuple[Element, ...]:
    dims, step = ARTEFACTS[name].dims[: ELEMENT_AXES.get(name, 0)], patching.snapshot.chunk_step
    describe, heard = _SPANS.get(dims, _nowhere), _Heard(patching)
    found = []
    for index in units:
        start, end, speakers = describe(heard, index)
        drift = _drift(patching, name, index)
        found.append(Element(index, in_words(dims, index, step), start, end, speakers, drift))
    return tuple(found)


def _drift(patching: Patching, name: str, index: Index) -> float:
    got, want = patching.made[name], patching.reference[name]
    if isinstance(want, ChunkSeries):
        got, want, index = got.compute(index[0]), want.compute(index[0]), ()
    return float(np.nanmax(np.abs(np.asarray(got[index], np.float64) - np.asarray(want[index], np.float64)), initial=0))


Span = tuple[float | None, float | None, tuple[str, ...]]


class _Heard:
    """Where elements lie in time, and whom the reference hears there."""

    def __init__(self, patching: Patching) -> None:
        self.made, self.reference, self.step = patching.made, patching.reference, patching.snapshot.chunk_step

    def chunk_and_speaker(self, index: Index) -> Span:
        chunk, speaker = index
        active = np.flatnonzero(self.reference["segmentations"][chunk, :, speaker])
        start = chunk * self.step
        if not len(active):
            return start, start + geometry.CHUNK_SECONDS, ()
        frames = geometry.FRAME_STEP_SECONDS
        return start + active[0] * frames, start + (active[-1] + 1) * frames, self._name_of(chunk, speaker)

    def chunk(self, index: Index) -> Span:
        start = index[0] * self.step
        names = {name for speaker in range(3) for name in self._name_of(index[0], speaker)}
        return start, start + geometry.CHUNK_SECONDS, tuple(sorted(names))

    def chunk_and_frame(self, index: Index) -> Span:
        chunk, frame = index
        start = chunk * self.step + frame * geometry.FRAME_STEP_SECONDS
        there = self.reference["segmentations"][chunk, frame] + self.made["segmentations"][chunk, frame]
        names = {name for speaker in np.flatnonzero(there) for name in self._name_of(chunk, int(speaker))}
        return start, start + geometry.FRAME_STEP_SECONDS, tuple(sorted(names))

    def output_frame(self, index: Index) -> Span:
        middle = float(geometry.frame_middles(index[0] + 1)[-1])
        return middle, middle + geometry.FRAME_STEP_SECONDS, ()

    def training(self, index: Index) -> Span:
        chunk = int(self.reference["train_chunk_idx"][index[0]])
        return self.chunk_and_speaker((chunk, int(self.reference["train_speaker_idx"][index[0]])))

    def _name_of(self, chunk: int, speaker: int) -> tuple[str, ...]:
        """The reference's name of a local speaker."""
        hard = self.reference.get("hard_clusters")
        if hard is None or hard[chunk, speaker] < 0 or not self._names or self._inactive[chunk, speaker]:
            return ()
        name = self._names.get(int(hard[chunk, speaker]))
        return (name,) if name else ()

    @cached_property
    def _inactive(self) -> np.ndarray:
        return inactive(self.reference["segmentations"])

    @cached_property
    def _names(self) -> dict[int, str]:
        frames = self.reference.get("discrete_diarization")
        return {} if frames is None else _names(frames)


def _names(frames: np.ndarray) -> dict[int, str]:
    return speaker_names({int(column) for column in np.flatnonzero(frames.any(axis=0))})


def _nowhere(heard: _Heard, index: Index) -> Span:
    return None, None, ()


_SPANS: dict[tuple[str, ...], Callable[[_Heard, Index], Span]] = {
    ("C", "S"): _Heard.chunk_and_speaker,
    ("C",): _Heard.chunk,
    ("C", "F"): _Heard.chunk_and_frame,
    ("frames",): _Heard.output_frame,
    ("T",): _Heard.training,
}
