"""Why a recording's answer changed, and how near every decision was to it: side by side, on one machine.

Of somebody else's RTTM lines nothing can be replayed. What can be is every side that ran, against one of them, the
*base* (`native` in float32, or what is called for): both run again in one process, the base stands where a reference's
snapshot would, and the explanation is that of `parity explain`. Where the base is line for line the reference's, its
explanation is the reference's too. Where the reference was captured with every stage, its own snapshot stands there.
Margins and drift of every kind of decision are kept of every recording, flipped or not: what headroom foretells is read
off them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from parity.audio.reading import read_audio
from parity.community1 import Networks, Parameters
from parity.corpus.hypothesis import MOST_OF_AN_ERROR
from parity.corpus.in_memory import lines_of, native_pipeline, snapshot_of, with_networks
from parity.corpus.manifest import Entry
from parity.corpus.rows import Row, types_of
from parity.corpus.sides import Setup, Side
from parity.corpus.work import ONE
from parity.errors import InputError, one_line
from parity.explain.explanation import Explanation
from parity.explain.localise import Question, explain
from parity.explain.memo import Memo
from parity.files.whole import sha256_file
from parity.fixtures.heard import with_heard
from parity.fixtures.prepare import check_weights, load_networks
from parity.fixtures.snapshot import Snapshot, read_snapshot
from parity.margins.margin import Margin, margins
from parity.measure.drift import Drift
from parity.networks.runtime import one_blas_thread
from parity.networks.wespeaker.choice import choose_runtime
from parity.networks.wespeaker.runtime import AUTO
from parity.pipeline.artefact import ARTEFACTS, Comparison
from parity.pipeline.stage import Pipeline
from parity.ports.python import NATIVE as LAB
from parity.ports.python import Implementation, load_implementation
from parity.replay.engine import CASCADED
from parity.sources.weights import WeightSet, load_weights

DECISIONS = (Comparison.LABELS, Comparison.PARTITION)
SURVIVORS = "centroids"
"""Numbers, but how many there are is decided; so are VBx's iterations, of which one more decides nothing by itself."""
Plain = Callable[[Explanation], Mapping[str, Any]]
"""An explanation -> what JSON has of it."""


@dataclass(frozen=True)
class Explained:
    """One side's answer to one recording, by the base's.

    Attributes
    ----------
    recording, audio_sha256, num_speakers : as of an answer
    changed : whether the plain RTTM is another one than the base's
    as_kept : whether both sides answered now what the store has of them
    out_of_tolerance : the first stage that left its tolerance; None: none did
    first_decision : the first stage whose decisions are others; None: none are
    born : stages where drift was born, with commas
    decisive : the stage that decides alone, in both directions; None where nothing changed, or none does
    together : stages that decide together, with commas
    failure : what changed, in words; None where no elements were looked for
    margins : every kind of decision, as JSON
    explanation : all of it, as JSON; None where nothing changed
    error : in one line, where it failed
    """

    recording: str
    audio_sha256: str = ""
    num_speakers: int | None = None
    changed: bool = False
    as_kept: bool = True
    out_of_tolerance: str | None = None
    first_decision: str | None = None
    born: str = ""
    decisive: str | None = None
    together: str = ""
    failure: str | None = None
    margins: str = "[]"
    explanation: str | None = None
    error: str | None = None


EXPLAINED_TYPES = types_of(Explained)


@dataclass(frozen=True)
class Asked:
    """What a worker is asked about one recording.

    Attributes
    ----------
    entry : the recording
    base : the side that stands for the reference; a native one
    sides : that are explained; the base itself may be among them, of which margins are told
    kept : name of a side -> the RTTM that the store has of it
    setup, budget : as of a run; patched runs for the elements that decide
    plain : what is kept of an explanation
    snapshot : of the reference, which then stands in place of the base; None: there is none of this recording
    """

    entry: Entry
    base: Side
    sides: tuple[Side, ...]
    kept: Mapping[str, str]
    setup: Setup
    budget: int
    plain: Plain = field(repr=False)
    snapshot: Path | None = None


def explain_one(asked: Asked) -> list[Row]:
    """One row for each side that was asked about; whatever goes wrong is a row."""
    known: dict[str, Any] = {"recording": asked.entry.recording, "num_speakers": asked.entry.num_speakers}
    try:
        known["audio_sha256"] = sha256_file(asked.entry.audio)
        with ONE, one_blas_thread():
            recalled = _Recalled(asked, known["audio_sha256"])
            return [asdict(_guarded(recalled, side, known)) for side in asked.sides]
    except Exception as error:
        return [asdict(_failure(error, known)) for _ in asked.sides]


def _guarded(recalled: _Recalled, side: Side, known: Mapping[str, Any]) -> Explained:
    try:
        return Explained(**known, **recalled.found(side))
    except Exception as error:
        return _failure(error, known)


def _failure(error: Exception, known: Mapping[str, Any]) -> Explained:
    said = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    return Explained(**known, error=one_line(said, MOST_OF_AN_ERROR))


class _Recalled:
    """One recording as the base answers it, and what is behind that answer."""

    def __init__(self, asked: Asked, audio_sha256: str) -> None:
        self.asked, self.memo, self.sha256 = asked, Memo(), audio_sha256
        samples, rate = read_audio(asked.entry.audio)
        self.inputs = {"samples": samples, "sample_rate": rate}
        self.parameters = Parameters(**_weights(asked.setup.weights).parameters, num_speakers=asked.entry.num_speakers)
        networks = _networks(_runtime_of(asked.base, asked.setup.weights), asked.setup)
        self.native = native_pipeline(networks, self.parameters, self.memo).with_settings(uri=asked.entry.recording)
        self.made = self.native.run(self.inputs)
        self.recorded = None if asked.snapshot is None else self._read(asked.snapshot)

    def _read(self, folder: Path) -> Snapshot:
        found = read_snapshot(folder)
        if found.clip_sha256 != self.sha256:
            raise InputError(f"{folder}: captured from other audio than {self.asked.entry.audio}")
        if "diarization" not in found.values:
            raise InputError(f"{folder}: it holds no reference.rttm, so there is no answer to explain others by")
        check_weights(found, _weights(self.asked.setup.weights))
        return with_heard(found, self.inputs)

    def found(self, side: Side) -> dict[str, Any]:
        as_kept = self._as_kept(self.asked.base, lines_of(self.made))
        if side == self.asked.base and self.recorded is None:
            snapshot = snapshot_of(self.made, self.parameters, self.sha256, heard=False)
            return {"as_kept": as_kept, "margins": _margins(margins(snapshot))}
        return self._explained(side, _implementation(side, self.asked.setup), as_kept)

    def _explained(self, side: Side, under_test: Implementation, as_kept: bool) -> dict[str, Any]:
        setup, pipeline = self.asked.setup, self.native
        runtime, base = (_runtime_of(one, setup.weights) for one in (side, self.asked.base))
        if runtime != base:
            pipeline = with_networks(pipeline, _networks(runtime, setup), self.memo)
        own = under_test.name != LAB.name
        question = self._question(side, under_test(pipeline) if own else pipeline, heard=own)
        answered = explain(question)
        found, patching = answered.explanation, answered.patching
        drifts = [drift for drift in answered.replay.drifts if drift.mode == CASCADED]
        made = patching.candidate_answer
        return {
            "changed": made.rttm != patching.reference_answer.rttm,
            "as_kept": as_kept and self._as_kept(side, made.rttm),
            "out_of_tolerance": next((drift.stage for drift in drifts if not drift.within), None),
            "first_decision": next((one.stage for one in drifts if self._decides_otherwise(one, patching.made)), None),
            "born": ", ".join(found.named),
            "decisive": found.decisive,
            "together": ", ".join(found.interaction),
            "failure": found.elements.signature if found.elements else None,
            "margins": _margins(margins(question.snapshot, patching.made)),
            "explanation": self._plain(found) if found.answer_changed else None,
        }

    def _question(self, side: Side, candidate: Pipeline, *, heard: bool) -> Question:
        return Question(
            fixture=self.asked.entry.recording,
            implementation=side.name,
            native=self.native,
            candidate=self.memo.pipeline(candidate),
            snapshot=self.recorded or snapshot_of(self.made, self.parameters, self.sha256, heard=heard),
            inputs=self.inputs,
            memo=self.memo,
            budget=self.asked.budget,
        )

    def _plain(self, found: Explanation) -> str:
        # Seconds, and how often networks ran for others before, are no part of what is kept: the same bytes always.
        return json.dumps(self.asked.plain(replace(found, seconds=0.0, network_runs={})), ensure_ascii=False)

    def _decides_otherwise(self, drift: Drift, made: Mapping[str, Any]) -> bool:
        if drift.artefact == SURVIVORS:
            theirs = self.made if self.recorded is None else self.recorded.values
            return len(made[SURVIVORS]) != len(theirs[SURVIVORS])  # it was compared: both are there
        return ARTEFACTS[drift.artefact].comparison in DECISIONS and drift.mismatches > 0

    def _as_kept(self, side: Side, rttm: str) -> bool:
        kept = self.asked.kept.get(side.name)
        return kept is None or _without_name(kept) == _without_name(rttm)


def _without_name(rttm: str) -> list[list[str]]:
    return [[*words[:1], *words[2:]] for line in rttm.splitlines() if (words := line.split())]


def _margins(found: Sequence[Margin]) -> str:
    return json.dumps([asdict(margin) for margin in found], ensure_ascii=False)


# --- loaded once in each process -------------------------------------------------------------------------------------


@cache
def _weights(source: str) -> WeightSet:
    return load_weights(source)


@cache
def _runtime_of(side: Side, source: str) -> str:
    return choose_runtime(side.runtime or AUTO, _weights(source).embedding)


@cache
def _networks(runtime: str, setup: Setup) -> Networks:
    return load_networks(_weights(setup.weights), setup.threads, runtime)


@cache
def _implementation(side: Side, setup: Setup) -> Implementation:
    """The lab itself for a runtime of its own; a program runs until its worker ends."""
    return LAB if side.runtime else load_implementation(side.form, setup.timeout_of(side))
