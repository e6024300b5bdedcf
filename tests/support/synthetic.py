"""A synthetic clip and made-up networks on which the real pipeline runs in milliseconds, and its captures."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import log_softmax

from parity.community1 import Networks, Parameters, community1_pipeline, geometry
from parity.community1.annotation import to_rttm
from parity.community1.plda import solve_plda
from parity.fixtures.snapshot import Snapshot, write_snapshot
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import ChunkSeries, Pipeline
from parity.replay.outcome import TEXTS

# A synthetic clip in which each sample says what the made-up network shall answer there: its mean over a frame, in
# hundredths, is the class (nobody, 1, 2, 3, 1+2); what sounds is a tone or noise of its own for each voice.
SECONDS = 17
SPANS = ((0.5, 4.0, 1), (4.0, 5.0, 4), (5.0, 8.5, 2), (9.5, 13.0, 1), (13.0, 16.0, 2))
GAP = 6.0


@functools.cache
def waveform() -> np.ndarray:
    rng = np.random.default_rng(0)
    samples = np.zeros(SECONDS * geometry.SAMPLE_RATE)
    time = np.arange(len(samples)) / geometry.SAMPLE_RATE
    voices = {1: np.sin(2 * np.pi * 300 * time), 2: rng.normal(size=len(samples))}
    voices[4] = voices[1] + voices[2]
    for start, end, label in SPANS:
        spoken = (time >= start) & (time < end)
        samples[spoken] = label / 100 + 1e-3 * voices[label][spoken]
    return samples[None].astype(np.float32)


def segmentation(waveforms: np.ndarray) -> tuple[np.ndarray]:
    frames = waveforms[:, 0, : 589 * 270].reshape(len(waveforms), 589, 270)
    labels = np.clip(np.rint(frames.mean(axis=2) * 100), 0, 6).astype(int)
    # No two classes are equal: which of equals is second best depends on the CPU's sort.
    return (log_softmax(GAP * np.eye(7)[labels] - 0.01 * np.arange(7), axis=-1).astype(np.float32),)


def trunk(fbank: np.ndarray) -> tuple[np.ndarray]:
    return (fbank[:, :875].reshape(len(fbank), 125, 7, 80).mean(axis=2).transpose(0, 2, 1),)


@functools.cache
def projection() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(80, 256)).astype(np.float32)


def head(features: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray]:
    total = weights.sum(axis=2, keepdims=True)
    means = weights @ features.transpose(0, 2, 1) / np.maximum(total, 1)
    return (means @ projection() + np.float32(0.1),)


def plda_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    return {
        "mean1": np.zeros(256),
        "mean2": np.zeros(128, dtype=np.float32),
        "lda": np.linalg.qr(rng.normal(size=(256, 128)))[0].astype(np.float32),
        "mu": np.zeros(128),
        "tr": np.linalg.qr(rng.normal(size=(128, 128)))[0],
        "psi": np.linspace(5.0, 0.5, 128),
    }


@functools.cache
def networks() -> Networks:
    return Networks(segmentation, trunk, head, solve_plda(plda_arrays()))


def whole_trunk(fbank: np.ndarray) -> tuple[np.ndarray]:
    """A trunk that takes as few frames as reach what is pooled: (1, n, 80) -> (1, 2560, ceil(n / 8))."""
    return (np.tile(fbank[:, ::8].transpose(0, 2, 1), (1, 32, 1)),)


def whole_networks(scale: float = 1.0) -> Networks:
    """Networks of the shapes that `parity.diarize` needs; embeddings are larger by a factor."""

    def scaled(features: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray]:
        return (head(features[:, :80], weights)[0] * np.float32(scale),)

    return replace(networks(), trunk=whole_trunk, head=scaled)


def synthetic(**bounds: int) -> Pipeline:
    return community1_pipeline(networks(), Parameters(**bounds))


def inputs() -> dict:
    return inputs_of(waveform())


def inputs_of(samples: np.ndarray) -> dict:
    return {"samples": samples, "sample_rate": geometry.SAMPLE_RATE}


def captured(made: dict, folder: Path, *, schema: bool = True, without: tuple[str, ...] = (), **gap: float) -> Snapshot:
    """What a pipeline made, as a snapshot; every third chunk of what is large."""
    chunks = np.arange(0, len(made["segmentations"]), 3)
    contents: dict = {}
    for artefact in ARTEFACTS.values():
        value = made.get(artefact.name)
        if value is None or artefact.name in without:
            continue
        if artefact.name == "chunk_waveforms" and made.get("fbank") is None:
            continue  # nobody speaks, so that nobody asks for them
        if artefact.by_chunk:
            value = value.take(chunks) if isinstance(value, ChunkSeries) else value[chunks]
            contents.setdefault(artefact.file, {})["chunks"] = chunks
        value = to_rttm(value, "another") if artefact.name in TEXTS else value
        contents.setdefault(artefact.file, {})[artefact.key] = value
    if "segmentation_logits" not in without:
        best = np.sort(made["segmentation_logits"], axis=-1)
        contents["segmentations.npz"]["segmentation_gap"] = best[..., -1] - best[..., -2]
    manifest = {"pyannote_audio_version": "4.0.4", "clip_sha256": "0" * 64} | ({"schema": 1} if schema else {})
    return write_snapshot(folder, manifest, contents)


@functools.cache
def automatic() -> dict:
    return synthetic().run(inputs())


@functools.cache
def forced() -> dict:
    return synthetic(num_speakers=3).run(inputs())


def planted(pipeline: Pipeline, artefact: str, change) -> Pipeline:
    """The pipeline with one artefact of one stage changed as it leaves the stage."""
    stage = pipeline[ARTEFACTS[artefact].stage]

    def run(*arguments):
        results = stage.run(*arguments)
        results = results if len(stage.writes) > 1 else (results,)
        results = tuple(change(r) if n == artefact else r for n, r in zip(stage.writes, results))
        return results if len(stage.writes) > 1 else results[0]

    return pipeline.replacing(stage.name, run)


def nudged(value, by: float = 1e-3):
    """The last element is larger by that much; of a series, the last one of its first chunk."""
    if isinstance(value, ChunkSeries):
        return ChunkSeries(value.chunks, lambda c: nudged(value.compute(c), by) if c == 0 else value.compute(c))
    value = value.copy()
    value[(-1,) * value.ndim] += by
    return value


def flipped(value: np.ndarray) -> np.ndarray:
    value = value.copy()
    where = (0,) * value.ndim
    value[where] = 1 - value[where] if value[where] in (0, 1) else 0
    return value
