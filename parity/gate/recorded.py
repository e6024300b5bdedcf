"""Captures made elsewhere, replayed from whatever of them is at hand.

Task: a recording -> what can be said of it. From its *tensors*: every stage behind the embeddings on the captured
segmentations and embeddings, without audio and without a network, judged throughout by the tolerances of isolated
replays, for the inputs are the reference's own. From *audio*: the whole pipeline where the clip is found; with weights
other than the captured ones its drift is localised and does not fail the recording, for parity is about code. From its
*RTTM* alone: speakers and segments against the pinned counts. What is missing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import Networks
from parity.diagnosis.asking import Asked, Effort
from parity.diagnosis.of_replay import Replayed, ask_of_code
from parity.errors import InputError
from parity.explain import Explanation, ask, explain
from parity.files.documents import read_text
from parity.fixtures import Fixture, Prepared, Snapshot, read_snapshot, seed
from parity.fixtures.heard import with_heard
from parity.fixtures.prepare import load_inputs
from parity.fixtures.recording import RTTM, Recording
from parity.maps import is_mapped
from parity.measure import tolerance
from parity.pipeline import ARTEFACTS
from parity.pipeline.stage import Artefacts, Pipeline
from parity.ports.judging import AtHand
from parity.ports.python import NATIVE, Implementation
from parity.replay import ISOLATED, Replay, replay
from parity.replay.engine import reference_artefacts
from parity.sources import WeightSet
from parity.sources.weights.wheels import NAME as INT8

AUDIO, TENSORS, TURNS, CAPTURES = "audio", "tensors", "rttm", "captures"
GIVEN = ("segmentations", "embeddings")
"""The captured tensors that a replay without a network starts from."""

BEFORE = ("audio", "segmentation", "masks", "fbank", "embeddings")
"""Stages that such a replay leaves out: networks, and what only they read."""

BOUNDS = ("num_speakers", "min_speakers", "max_speakers")
HYPER = {name: name for name in ("threshold", "fa", "fb", "min_duration_off")} | {"max_iters": "max_iterations"}
"""Hyper-parameters that a capture keeps beside its arrays, by the key it has there."""


@dataclass(frozen=True)
class Means:
    """What recordings are replayed with.

    Attributes
    ----------
    networks : built from those weights
    explain_drift : whether drift is localised with the captured weights too; with others it always is. Holds 1.3 MB
        per second of audio in memory
    on_stage, progress : called with a stage's name before it runs, and with chunks done and chunks in all
    effort : how much is done to name the mistake where something drifts
    threads : of the networks
    """

    weights: WeightSet
    networks: Networks
    implementation: Implementation = NATIVE
    explain_drift: bool = False
    on_stage: Callable[[str], None] | None = None
    progress: Callable[[str, int, int], None] | None = None
    effort: Effort = field(default_factory=Effort)
    threads: int | None = None


@dataclass(frozen=True)
class AudioReplay:
    """A recording's whole pipeline, from its clip.

    Attributes
    ----------
    weights, captured_with : this run's weight set, and the capture's in words
    same_weights : whether the two may be the same: only then is its drift the code's
    audio_seconds : of the clip
    explanation : where drift is born and what decides; None where it was not asked for, or nothing but an RTTM was
        captured
    """

    weights: str
    captured_with: str
    same_weights: bool
    audio_seconds: float
    replay: Replay
    explanation: Explanation | None


@dataclass(frozen=True)
class Recorded:
    """What was at hand of a recording, and what became of it.

    Attributes
    ----------
    replayed_from : `audio`, `tensors`, or `rttm` where its counts are all there was to look at
    missing : `audio`, `captures`, `rttm`
    counts, pinned : speakers and segments of its RTTM, and those pinned; None where there are none
    tensors : the replay from captured tensors, and what it made
    asked : which known mistake makes what drifts in it
    waveform : (1, num_samples) float32, 16 kHz
    """

    replayed_from: tuple[str, ...]
    missing: tuple[str, ...]
    counts: seed.Counts | None = None
    pinned: seed.Counts | None = None
    snapshot: Snapshot | None = field(default=None, repr=False)
    tensors: Replay | None = None
    made: Artefacts = field(default_factory=dict, repr=False)
    asked: Asked = field(default_factory=Asked, repr=False)
    audio: AudioReplay | None = None
    waveform: np.ndarray | None = field(default=None, repr=False)

    @property
    def judged(self) -> tuple[Replay, ...]:
        """Replays that say something of the code: from tensors, and from audio with the captured weights."""
        heard = self.audio.replay if self.audio is not None and self.audio.same_weights else None
        return tuple(outcome for outcome in (self.tensors, heard) if outcome is not None)


def replay_recording(recording: Recording, means: Means) -> Recorded:
    """Replay everything that can be replayed of a recording.

    Raises
    ------
    InputError : what is there of it is damaged, or contradicts what is pinned
    """
    counts = recording.counts()
    if recording.is_captured:
        snapshot = read_snapshot(recording.folder)
        parameters = parameters_of(snapshot, means.weights)
        outcome, made = replay_tensors(snapshot, means.networks, parameters, means.implementation)
        asked = _asked(recording, snapshot, parameters, outcome, means)
        found = Recorded((TENSORS,), (AUDIO,), counts, recording.pinned, snapshot, outcome, made, asked)
        return _with_audio(recording, found, snapshot, means)
    if counts is None:
        return Recorded((), (AUDIO, CAPTURES, TURNS), None, recording.pinned)
    return _with_audio(
        recording, Recorded((TURNS,), (AUDIO, CAPTURES), counts, recording.pinned), _of_turns(recording), means
    )


def parameters_of(snapshot: Snapshot, weights: WeightSet) -> Parameters:
    """The weight set's hyper-parameters, with the bounds on speakers that a capture names.

    Raises
    ------
    InputError : the capture names another hyper-parameter, or a bound that is none
    """
    named = snapshot.manifest.get("parameters", {})
    if not isinstance(named, dict):
        raise InputError(f"{snapshot.folder}: manifest.json: `parameters` is not a table")
    bounds = {name: named[name] for name in BOUNDS if named.get(name) is not None}
    if wrong := [name for name, value in bounds.items() if type(value) is not int]:
        raise InputError(f"{snapshot.folder}: manifest.json: {wrong[0]} = {bounds[wrong[0]]!r} is no whole number")
    parameters = Parameters(**weights.parameters, **bounds)
    recorded = {HYPER[key]: float(value) for (_, key), value in snapshot.companions.items() if key in HYPER}
    for name, value in {**recorded, **named}.items():
        if hasattr(parameters, name) and getattr(parameters, name) != value:
            raise InputError(
                f"{snapshot.folder}: captured with {name}={value}, this run's weights have {getattr(parameters, name)}"
            )
    return parameters


def replay_tensors(
    snapshot: Snapshot, networks: Networks, parameters: Parameters, implementation: Implementation = NATIVE
) -> tuple[Replay, Artefacts]:
    """Replay the stages behind the embeddings on captured segmentations and embeddings; and what they made.

    The cascade is judged like isolated replays: what it starts from is the reference's, to the last bit.

    Raises
    ------
    InputError : the capture lacks what the replay starts from, or what it is compared with in the end
    """
    inputs = {name: snapshot.values.get(name) for name in GIVEN}
    silent = snapshot.values.get("diarization") == ""  # where nobody speaks the reference makes no embeddings
    needed = ("segmentations", "diarization") if silent else (*GIVEN, "diarization")
    if lacking := [name for name in needed if name not in snapshot.values]:
        raise InputError(f"{snapshot.folder}: the capture lacks {', '.join(lacking)}, without which it is no replay")
    native = community1_pipeline(networks, parameters).with_settings(uri=snapshot.folder.name)
    whole = implementation(native)
    pipeline = Pipeline(whole.name, GIVEN, [stage for stage in whole if stage.name not in BEFORE])
    # What is given, or left out, is not made: there is nothing of it to compare, and nothing is too much.
    values = {name: value for name, value in snapshot.values.items() if ARTEFACTS[name].stage not in BEFORE}
    manifest = {key: value for key, value in snapshot.manifest.items() if key != "schema"}
    made: Artefacts = {}
    outcome = replay(pipeline, replace(snapshot, values=values, manifest=manifest), inputs, on_made=made.update)
    return _strictly(outcome, snapshot.values), {name: value for name, value in made.items() if name not in GIVEN}


def _asked(recording: Recording, snapshot: Snapshot, parameters: Parameters, outcome: Replay, means: Means) -> Asked:
    """Which known mistake makes what drifts behind the embeddings: of code on the capture's own arrays, without a clip.

    What the native stages themselves make otherwise than a capture is nobody's mistake, and nothing is asked.
    """
    if outcome.at_parity:
        return Asked()
    native = community1_pipeline(means.networks, parameters).with_settings(uri=snapshot.folder.name)
    fixture = Fixture(recording.name, "file", "captured elsewhere", snapshot.clip_sha256, recording.folder.parent)
    code = Replayed(
        candidate=means.implementation(native),
        native=native,
        ready=Prepared(fixture, parameters, snapshot, {}),
        outcome=outcome,
        reference=reference_artefacts(snapshot, {}),
    )
    return ask_of_code(code, AtHand(means.weights, means.networks, {}, means.threads), means.effort)


def replay_audio(ready: Prepared, recording: Recording, means: Means) -> AudioReplay:
    """Replay the whole pipeline on a recording's clip, and localise what other weights make of it."""
    named = ready.snapshot.weights
    # The manifest decides where it names the weights; elsewhere the int8 set is known to be another.
    same = named["sha256"] == means.weights.sha256 if named.get("sha256") else means.weights.name != INT8
    explanation = None
    # Of an RTTM alone nothing can be patched in.
    if recording.is_captured and (means.explain_drift or not same):
        question = ask(ready, means.networks, means.implementation, progress=means.progress)
        answered = explain(question, on_step=means.on_stage)
        explanation = answered.explanation
        outcome: Any = answered.replay  # a `Replay`: the pipeline is community-1
    else:
        native = community1_pipeline(means.networks, ready.parameters, means.progress)
        pipeline = means.implementation(native.with_settings(uri=recording.name))
        outcome = replay(pipeline, ready.snapshot, ready.inputs, on_stage=means.on_stage)
    return AudioReplay(
        weights=means.weights.name,
        captured_with=named.get("name") or recording.captured_with or "weights that its manifest does not name",
        same_weights=same,
        audio_seconds=ready.audio_seconds,
        replay=outcome,
        explanation=explanation,
    )


def _with_audio(recording: Recording, found: Recorded, snapshot: Snapshot, means: Means) -> Recorded:
    """What was found without audio, and what its clip adds where it is at hand."""
    path = recording.clip(snapshot.clip_sha256 if recording.is_captured else None)
    if path is None:
        return found
    fixture = Fixture(recording.name, "file", "captured elsewhere", snapshot.clip_sha256, recording.folder.parent)
    inputs = load_inputs(path)
    ready = Prepared(fixture, parameters_of(snapshot, means.weights), with_heard(snapshot, inputs), inputs)
    return replace(
        found,
        replayed_from=(*(name for name in found.replayed_from if name != TURNS), AUDIO),
        missing=tuple(name for name in found.missing if name != AUDIO),
        audio=replay_audio(ready, recording, means),
        waveform=ready.heard[0],
    )


def _of_turns(recording: Recording) -> Snapshot:
    """An RTTM as a capture that holds nothing else."""
    if is_mapped(recording.folder):
        return read_snapshot(recording.folder)
    text = read_text(recording.folder / RTTM)
    return Snapshot(recording.folder, {"clip_sha256": ""}, {"diarization": text}, {}, {})


def _strictly(outcome: Replay, captured: Mapping[str, Any]) -> Replay:
    """The same with every number judged by its isolated tolerance, or by what the capture rounded away."""
    drifts = []
    for drift in outcome.drifts:
        limit, rounded = tolerance(drift.artefact, ISOLATED).max_abs, _rounded_away(drift.artefact, captured)
        if rounded > limit and not drift.mismatches:
            drifts.append(replace(drift, tolerance=rounded, within=drift.max_abs <= rounded))
        else:
            drifts.append(replace(drift, tolerance=limit, within=drift.within and drift.max_abs <= limit))
    return replace(outcome, drifts=tuple(drifts))


def _rounded_away(name: str, captured: Mapping[str, Any]) -> float:
    """A unit in the last place of the largest number, where a capture kept in float32 what is computed in float64."""
    value = captured.get(name)
    if not isinstance(value, np.ndarray) or value.dtype != np.float32 or ARTEFACTS[name].dtype != "float64":
        return 0.0
    return float(np.spacing(np.float32(np.nanmax(np.abs(value), initial=0.0))))
