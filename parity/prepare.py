"""A fixture made ready to be replayed: its snapshot read and checked against the run's weights, its clip loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parity.audio.reading import SAMPLE_RATE, load_clip
from parity.community1 import Networks, Parameters
from parity.community1.networks import build_networks
from parity.errors import InputError
from parity.fixtures import Fixture
from parity.networks.wespeaker.runtime import DEFAULT_RUNTIME
from parity.noise import NoiseFloor, read_noise
from parity.snapshot import Snapshot, read_snapshot
from parity.sources.weights import WeightSet
from parity.stability import Stability, read_stability


@dataclass(frozen=True)
class Prepared:
    """What a replay of one fixture needs.

    Attributes
    ----------
    parameters : the weight set's, with the fixture's bounds on speakers
    inputs : of the pipeline: `waveform` (1, num_samples) float32, 16 kHz
    noise, stability : what was measured against the snapshot and lies beside it; None where it was not
    """

    fixture: Fixture
    parameters: Parameters
    snapshot: Snapshot
    inputs: Mapping[str, np.ndarray]
    noise: NoiseFloor | None = None
    stability: Stability | None = None

    @property
    def audio_seconds(self) -> float:
        """Of the clip."""
        return self.inputs["waveform"].shape[1] / SAMPLE_RATE


def prepare(fixture: Fixture, folder: Path, weights: WeightSet) -> Prepared:
    """Read a fixture's snapshot and clip.

    Parameters
    ----------
    folder : the snapshot's, which may be another than the catalogue's

    Raises
    ------
    InputError : the snapshot, the clip or what lies beside it is damaged, or they do not belong to each other or to
        the weights
    """
    parameters = Parameters(**weights.parameters, **fixture.speakers)
    snapshot = read_snapshot(folder)
    check_provenance(snapshot, fixture, weights, parameters)
    inputs = {"waveform": load_clip(fixture.clip())}
    return Prepared(fixture, parameters, snapshot, inputs, read_noise(folder), read_stability(folder))


def load_networks(weights: WeightSet, threads: int | None = None, runtime: str = DEFAULT_RUNTIME) -> Networks:
    """The native networks of a weight set.

    Parameters
    ----------
    threads : threads within an operator; the cores this process may use by default
    runtime : of the embedding network, see `parity.networks.wespeaker.runtime.RUNTIMES`

    Raises
    ------
    InputError : no such runtime, or what it needs is not installed
    """
    return build_networks(weights.segmentation, weights.embedding, weights.plda, threads, runtime)


def check_provenance(snapshot: Snapshot, fixture: Fixture, weights: WeightSet, parameters: Parameters) -> None:
    """Refuse to compare what cannot be compared: another clip, weight set, or other parameters.

    Raises
    ------
    InputError : names the snapshot, and both sides
    """
    if "diarization" not in snapshot.values:
        raise InputError(f"{snapshot.folder}: holds no reference.rttm, so there is nothing to score against")
    if np.isinf(snapshot.values.get("embeddings", np.zeros(0))).any():
        raise InputError(f"{snapshot.folder}: embeddings hold infinite values, between which no distance is defined")
    for name in ("weights", "parameters"):
        if not isinstance(snapshot.manifest.get(name, {}), dict):
            raise InputError(f"{snapshot.folder}: manifest.json: `{name}` is not a table")
    if snapshot.clip_sha256 != fixture.clip_sha256:
        raise InputError(
            f"{snapshot.folder}: captured from clip {snapshot.clip_sha256}, the catalogue pins {fixture.clip_sha256}"
        )
    check_weights(snapshot, weights)
    for name, value in snapshot.manifest.get("parameters", {}).items():
        if hasattr(parameters, name) and getattr(parameters, name) != value:
            raise InputError(
                f"{snapshot.folder}: captured with {name}={value}, this run has {getattr(parameters, name)}"
            )


def check_weights(snapshot: Snapshot, weights: WeightSet) -> None:
    """Refuse a snapshot that was captured with other weights than a run has.

    Raises
    ------
    InputError : names the snapshot, and both sets
    """
    theirs = snapshot.weights.get("sha256")
    if theirs and theirs != weights.sha256:
        raise InputError(
            f"{snapshot.folder}: captured with weight set {snapshot.weights.get('name')} ({theirs[:12]}), this run has "
            f"{weights.name} ({weights.sha256[:12]}); parity is about code: capture again with these weights, or "
            f"pass --weights"
        )
