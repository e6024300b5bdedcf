"""Recordings that are not the catalogue's: captures made elsewhere, replayed from whatever of them is at hand.

Task: a folder with one folder a recording -> what can be said of each. From its *tensors*: every stage behind the
embeddings on the captured segmentations and embeddings, without audio and without a network, judged throughout by the
tolerances of isolated replays, for the inputs are the reference's own. From *audio*: the whole pipeline where the clip
is found; with weights other than the captured ones its drift is localised and does not fail the recording, for parity
is about code. From its *RTTM* alone: speakers and segments against the pinned counts. What is missing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from parity import seed
from parity.artefact import ARTEFACTS
from parity.audio import SAMPLE_RATE, load_clip
from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import Networks
from parity.errors import InputError
from parity.explanation import Explanation
from parity.files import sha256_file
from parity.fixtures import Catalogue, Fixture
from parity.localise import ask, explain
from parity.prepare import Prepared
from parity.replay import ISOLATED, Replay, replay
from parity.score import count
from parity.snapshot import MANIFEST, Snapshot, read_snapshot
from parity.stage import Artefacts, Pipeline
from parity.tolerances import tolerance
from parity.variant import NATIVE, Implementation
from parity.weights import WeightSet
from parity.weights.wheels import NAME as INT8

RTTM = ARTEFACTS["diarization"].file
AUDIO, TENSORS, TURNS, CAPTURES = "audio", "tensors", "rttm", "captures"
GIVEN = ("segmentations", "embeddings")
"""The captured tensors that a replay without a network starts from."""

BEFORE = ("segmentation", "masks", "fbank", "embeddings")
"""Stages that such a replay leaves out: networks, and what only they read."""

BOUNDS = ("num_speakers", "min_speakers", "max_speakers")
HYPER = {name: name for name in ("threshold", "fa", "fb", "min_duration_off")} | {"max_iters": "max_iterations"}
"""Hyper-parameters that a capture keeps beside its arrays, by the key it has there."""

Say = Callable[[str], None]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Recording:
    """One recording of a folder that is not the catalogue's.

    Attributes
    ----------
    folder : its own, which may not exist
    pinned : speakers and segments that its RTTM must have; None: not known
    captured_with : weights of its capture in words, where its manifest may not say; None: unknown
    clips : sha256 -> a clip that may be its own: a file, or a fixture of the catalogue that has the same clip
    """

    name: str
    folder: Path
    pinned: seed.Counts | None = None
    captured_with: str | None = None
    clips: Mapping[str, Path | Fixture] = field(default_factory=dict, repr=False)

    @property
    def is_captured(self) -> bool:
        """Whether there is more of it than an RTTM."""
        return (self.folder / MANIFEST).is_file()

    def clip(self, wanted: str | None) -> Path | None:
        """Its clip; None where it is not at hand.

        Parameters
        ----------
        wanted : sha256 that its capture names; None: there is no capture, and only the clip's name can tell, or the
            name of the folder it lies in

        Raises
        ------
        InputError : a WAV lies beside its capture that is another one
        """
        own = {sha256_file(path): path for path in sorted(self.folder.glob("*.wav"))}
        if wanted is None:
            paths = [clip for clip in self.clips.values() if isinstance(clip, Path)]
            named = [path for path in paths if self.name in (path.stem, path.parent.name)]
            return next(iter([*own.values(), *named]), None)
        if own and wanted not in own:
            got, path = next(iter(own.items()))
            raise InputError(f"{path}: has sha256 {got}, the capture was made of {wanted}; the file was altered")
        found = own.get(wanted) or self.clips.get(wanted)
        return _clip_of(found) if isinstance(found, Fixture) else found

    def counts(self) -> seed.Counts | None:
        """Speakers and segments of its RTTM; None where it has none.

        Raises
        ------
        InputError : the RTTM cannot be read, or its counts are not the pinned ones
        """
        path = self.folder / RTTM
        if not path.is_file():
            return None
        try:
            found = count(path.read_text(encoding="utf-8"))
        except (InputError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: {error}") from error
        if self.pinned is not None and found != self.pinned:
            raise InputError(
                f"{path}: has {found[0]} speakers in {found[1]} segments, pinned are {self.pinned[0]} in "
                f"{self.pinned[1]}; was the file altered, or made with other weights?"
            )
        return found


@dataclass(frozen=True)
class AudioReplay:
    """A recording's whole pipeline, from its clip.

    Attributes
    ----------
    weights, captured_with : this run's weight set, and the capture's in words
    same_weights : whether the two may be the same: only then is its drift the code's
    audio_seconds : of the clip
    explanation : where drift is born and what decides; None where nothing but an RTTM was captured
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
    waveform : (1, num_samples) float32, 16 kHz
    """

    replayed_from: tuple[str, ...]
    missing: tuple[str, ...]
    counts: seed.Counts | None = None
    pinned: seed.Counts | None = None
    snapshot: Snapshot | None = field(default=None, repr=False)
    tensors: Replay | None = None
    made: Artefacts = field(default_factory=dict, repr=False)
    audio: AudioReplay | None = None
    waveform: np.ndarray | None = field(default=None, repr=False)

    @property
    def judged(self) -> tuple[Replay, ...]:
        """Replays that say something of the code: from tensors, and from audio with the captured weights."""
        heard = self.audio.replay if self.audio is not None and self.audio.same_weights else None
        return tuple(outcome for outcome in (self.tensors, heard) if outcome is not None)


def find_recordings(folder: Path, catalogue: Catalogue, audio: Path | None = None) -> tuple[Recording, ...]:
    """The recordings of a folder that are not the catalogue's, by name; all of the seed's where one of them is there.

    Parameters
    ----------
    folder : with one folder a recording, each with a manifest or an RTTM
    audio : a folder with clips, at any depth, that belong to captures by their hash
    """
    held = held_names(folder)
    known = seed.PINNED if seed.among(held, catalogue.names) else {}
    names = sorted(held - set(catalogue.names) | set(known))
    clips: dict[str, Path | Fixture] = {fixture.clip_sha256: fixture for fixture in catalogue.fixtures}
    clips |= _clips(audio) if names and audio is not None else {}
    return tuple(
        Recording(name, folder / name, known.get(name), seed.CAPTURED_WITH if name in known else None, clips)
        for name in names
    )


def choose(
    catalogue: Catalogue, names: Iterable[str] = (), snapshots: Path | None = None, audio: Path | None = None
) -> tuple[Fixture | Recording, ...]:
    """What a run is about, by name: the catalogue's fixtures, or what a folder of other recordings holds.

    Parameters
    ----------
    names : only these; all of them otherwise
    snapshots : a folder with one folder a fixture; where it holds recordings that are not the catalogue's, they are
        what the run is about, and those of the catalogue's that it holds
    audio : see `find_recordings`

    Raises
    ------
    InputError : names that are not among them
    """
    recordings = find_recordings(snapshots, catalogue, audio) if snapshots is not None else ()
    if not recordings:
        return catalogue.select(names)
    others = held_names(snapshots) - {recording.name for recording in recordings}
    known = {entry.name: entry for entry in (*recordings, *(f for f in catalogue.fixtures if f.name in others))}
    wanted = list(names) or list(known)
    if unknown := [name for name in dict.fromkeys(wanted) if name not in known]:
        raise InputError(f"unknown recording {', '.join(unknown)}; {snapshots} is about {', '.join(sorted(known))}")
    return tuple(known[name] for name in sorted(set(wanted)))


def held_names(folder: Path) -> set[str]:
    """Names of the folders that hold a capture or an RTTM."""
    return {path.name for path in folder.iterdir() if (path / MANIFEST).is_file() or (path / RTTM).is_file()}


def replay_recording(
    recording: Recording,
    weights: WeightSet,
    networks: Networks,
    *,
    implementation: Implementation = NATIVE,
    on_stage: Say | None = None,
    progress: Progress | None = None,
) -> Recorded:
    """Replay everything that can be replayed of a recording.

    Raises
    ------
    InputError : what is there of it is damaged, or contradicts what is pinned
    """
    counts = recording.counts()
    hear = partial(
        _hear,
        recording,
        weights=weights,
        networks=networks,
        implementation=implementation,
        on_stage=on_stage,
        progress=progress,
    )
    if not recording.is_captured:
        return hear(_uncaptured(recording, counts), _of_turns(recording)) if counts else _uncaptured(recording, counts)
    snapshot = read_snapshot(recording.folder)
    if lacking := [name for name in (*GIVEN, "diarization") if name not in snapshot.values]:
        raise InputError(f"{recording.folder}: the capture lacks {', '.join(lacking)}, which its replay starts from")
    outcome, made = replay_tensors(snapshot, networks, parameters_of(snapshot, weights), implementation)
    return hear(Recorded((TENSORS,), (AUDIO,), counts, recording.pinned, snapshot, outcome, made), snapshot)


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
    """
    whole = implementation(community1_pipeline(networks, parameters))
    pipeline = Pipeline("community-1 from tensors", GIVEN, [stage for stage in whole if stage.name not in BEFORE])
    inputs = {name: snapshot.values[name] for name in GIVEN}
    # What is given, or left out, is not made: there is nothing of it to compare, and nothing is too much.
    values = {name: value for name, value in snapshot.values.items() if ARTEFACTS[name].stage not in BEFORE}
    manifest = {key: value for key, value in snapshot.manifest.items() if key != "schema"}
    made: Artefacts = {}
    outcome = replay(pipeline, replace(snapshot, values=values, manifest=manifest), inputs, on_made=made.update)
    return _strictly(outcome), {name: value for name, value in made.items() if name not in GIVEN}


def replay_audio(
    ready: Prepared,
    recording: Recording,
    weights: WeightSet,
    networks: Networks,
    implementation: Implementation = NATIVE,
    on_stage: Say | None = None,
    progress: Progress | None = None,
) -> AudioReplay:
    """Replay the whole pipeline on a recording's clip; localise what drifts where more than the RTTM was captured."""
    if recording.is_captured:
        answered = explain(ask(ready, networks, implementation, progress=progress), on_step=on_stage)
        outcome, explanation = answered.replay, answered.explanation
    else:
        pipeline = implementation(community1_pipeline(networks, ready.parameters, progress))
        outcome, explanation = replay(pipeline, ready.snapshot, ready.inputs, on_stage=on_stage), None
    named = ready.snapshot.weights
    # The manifest decides where it names the weights; elsewhere the int8 set is known to be another.
    same = named["sha256"] == weights.sha256 if named.get("sha256") else weights.name != INT8
    return AudioReplay(
        weights=weights.name,
        captured_with=named.get("name") or recording.captured_with or "weights that its manifest does not name",
        same_weights=same,
        audio_seconds=ready.inputs["waveform"].shape[1] / SAMPLE_RATE,
        replay=outcome,
        explanation=explanation,
    )


def _hear(
    recording: Recording,
    found: Recorded,
    snapshot: Snapshot,
    *,
    weights: WeightSet,
    networks: Networks,
    implementation: Implementation,
    on_stage: Say | None,
    progress: Progress | None,
) -> Recorded:
    """What was found without audio, and what its clip adds where it is at hand."""
    path = recording.clip(snapshot.clip_sha256 if recording.is_captured else None)
    if path is None:
        return found
    inputs = {"waveform": load_clip(path)}
    ready = Prepared(_as_fixture(recording, snapshot), parameters_of(snapshot, weights), snapshot, inputs)
    audio = replay_audio(ready, recording, weights, networks, implementation, on_stage, progress)
    return replace(
        found,
        replayed_from=(*(name for name in found.replayed_from if name != TURNS), AUDIO),
        missing=tuple(name for name in found.missing if name != AUDIO),
        audio=audio,
        waveform=ready.inputs["waveform"],
    )


def _uncaptured(recording: Recording, counts: seed.Counts | None) -> Recorded:
    missing = (AUDIO, CAPTURES) if counts else (AUDIO, CAPTURES, TURNS)
    return Recorded((TURNS,) if counts else (), missing, counts, recording.pinned)


def _of_turns(recording: Recording) -> Snapshot:
    """An RTTM as a capture that holds nothing else."""
    text = (recording.folder / RTTM).read_text(encoding="utf-8")
    return Snapshot(recording.folder, {"clip_sha256": ""}, {"diarization": text}, {}, {})


def _strictly(outcome: Replay) -> Replay:
    """The same with every number judged by its isolated tolerance."""
    limits = [tolerance(drift.artefact, ISOLATED).max_abs for drift in outcome.drifts]
    drifts = tuple(
        replace(drift, tolerance=limit, within=drift.within and drift.max_abs <= limit)
        for drift, limit in zip(outcome.drifts, limits, strict=True)
    )
    return replace(outcome, drifts=drifts)


def _as_fixture(recording: Recording, snapshot: Snapshot) -> Fixture:
    return Fixture(recording.name, "file", "captured elsewhere", snapshot.clip_sha256, recording.folder.parent)


def _clip_of(fixture: Fixture) -> Path | None:
    try:
        return fixture.clip()
    except InputError:  # its sources are not to be had just now: then this recording's audio is missing, and said so
        return None


def _clips(folder: Path) -> dict[str, Path]:
    paths: Iterable[Path] = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".wav")
    return {sha256_file(path): path for path in paths if path.is_file()}
