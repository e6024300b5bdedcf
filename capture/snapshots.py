"""From a run of the reference to a snapshot: files, keys, and provenance beside the data."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from capture.device import CPU, described
from capture.reference import Run
from capture.settings import Settings
from parity.community1 import Parameters, geometry
from parity.files.machine import cpu_model
from parity.fixtures import Fixture
from parity.fixtures.heard import digest, digests, is_the_clip
from parity.fixtures.snapshot import SCHEMA, Snapshot, write_snapshot
from parity.pipeline import ARTEFACTS
from parity.pipeline.artefact import HASHES
from parity.sources import WeightSet

RECORDED_VERSIONS = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "torchaudio",
    "pyannote.audio",
    "pyannote.core",
)
INSTRUCTION_LIMITS = (
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "OPENBLAS_CORETYPE",
)
"""Of torch, oneDNN, MKL and OpenBLAS: with them a CPU that has more rounds as one that has not."""


def save(
    folder: Path,
    fixture: Fixture,
    run: Run,
    weights: WeightSet,
    parameters: Parameters,
    audio_seconds: float,
    settings: Settings,
    *,
    inputs: Mapping[str, Any],
    replace: bool,
) -> Snapshot:
    """Write one run as a snapshot.

    Parameters
    ----------
    inputs : `samples` (channels, n) float32 and `sample_rate` in Hz, of the clip
    replace : whether one that is there may be replaced
    """
    return write_snapshot(
        folder,
        manifest(fixture, run, weights, parameters, audio_seconds, settings),
        contents(run, parameters, inputs),
        replace=replace,
    )


def contents(run: Run, parameters: Parameters, inputs: Mapping[str, Any]) -> dict[str, dict[str | None, Any]]:
    """What each file of the snapshot holds; `inputs` are the `samples` and the `sample_rate` of the clip."""
    table: dict[str, dict[str | None, Any]] = {}
    for name, value in run.values.items():
        if name in ARTEFACTS and ARTEFACTS[name].stage != "audio":
            table.setdefault(ARTEFACTS[name].file, {})[ARTEFACTS[name].key] = value
    table["segmentations.npz"]["segmentation_gap"] = run.values["segmentation_gap"]
    table["audio.npz"] = audio_file(run.values, inputs, run.heavy)
    for file in ("segmentation_logits.npz", "fbank.npz"):
        if file in table:
            table[file]["chunks"] = run.heavy
    if "ahc_init_labels.npy" in table:
        table["ahc_state.npz"] = {"threshold": np.array(parameters.threshold)}
        table["vbx_state.npz"] |= {
            "fa": np.array(parameters.fa),
            "fb": np.array(parameters.fb),
            "max_iters": np.array(parameters.max_iterations),
        }
    table["reconstruction.npz"] |= {
        "chunk_start": np.array(0.0),
        "chunk_duration": np.array(geometry.CHUNK_SECONDS),
        "chunk_step": np.array(geometry.STEP_SECONDS),
        "frame_start": np.array(0.0),
        "frame_duration": np.array(geometry.FRAME_SECONDS),
        "frame_step": np.array(geometry.FRAME_STEP_SECONDS),
        "min_duration_off": np.array(parameters.min_duration_off),
    }
    table["reference.rttm"] = {None: run.diarization}
    table["reference_exclusive.rttm"] = {None: run.exclusive_diarization}
    return table


def audio_file(heard: Mapping[str, Any], inputs: Mapping[str, Any], chunks: np.ndarray) -> dict[str | None, Any]:
    """What `audio.npz` holds: what was heard, or its hashes where that is the clip itself.

    Parameters
    ----------
    heard : `waveform`, and `chunk_waveforms` of `chunks` where somebody speaks
    inputs : `samples` and `sample_rate` of the clip
    """
    rows = heard.get("chunk_waveforms")
    kept: dict[str | None, Any] = {"waveform": heard["waveform"]}
    if is_the_clip(inputs["samples"], inputs["sample_rate"]):
        kept = {HASHES[0]: digest(heard["waveform"])}
    if rows is None:
        return kept
    kept |= {HASHES[1]: digests(rows)} if HASHES[0] in kept else {"chunk_waveforms": rows}
    return kept | {"chunks": chunks}


def manifest(
    fixture: Fixture, run: Run, weights: WeightSet, parameters: Parameters, audio_seconds: float, settings: Settings
) -> dict[str, Any]:
    """Provenance: versions, weights, clip, machine, command, seconds."""
    same = identity(fixture, weights, parameters, settings)
    tensors = dict(sorted(weights.hashes.items()))
    return {
        "schema": SCHEMA,
        "fixture": fixture.name,
        **same,
        "numpy_version": same["versions"]["numpy"],
        "audio_seconds": audio_seconds,
        "weights": {**same["weights"], "tensors": tensors},
        "command": settings.command(fixture.name),
        "seconds": round(run.seconds, 3),
    }


def identity(fixture: Fixture, weights: WeightSet, parameters: Parameters, settings: Settings) -> dict[str, Any]:
    """What a capture depends on: the part of its manifest that is known before it is made."""
    used = versions()
    return {
        "pyannote_audio_version": used["pyannote.audio"],
        "versions": {"python": platform.python_version(), **used},
        "clip_sha256": fixture.clip_sha256,
        "weights": {"name": weights.name, "sha256": weights.sha256},
        "parameters": parameters.configured,
        "machine": machine(settings.device, settings.tf32),
    }


def versions() -> dict[str, str]:
    """The versions of what a capture depends on, as they are installed."""
    return {name: importlib.metadata.version(name) for name in RECORDED_VERSIONS}


def machine(device: str = CPU, tf32: bool = False) -> dict[str, Any]:
    """What the numbers may depend on: device, threads, CPU and instruction sets."""
    return {
        **described(device, tf32),
        "threads": torch.get_num_threads(),
        "cpu": cpu_model(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "numpy_cpu_features": numpy_features(),
        **({"limited_to": limits} if (limits := instruction_limits()) else {}),
    }


def instruction_limits() -> dict[str, str]:
    """The variables that keep a library from instruction sets this CPU has, where they are set."""
    return {name: os.environ[name] for name in INSTRUCTION_LIMITS if name in os.environ}


def numpy_features() -> list[str]:
    """The instruction sets that NumPy dispatches to in this process."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
