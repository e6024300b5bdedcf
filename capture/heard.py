"""Adds what the reference hears to a snapshot that was captured before it was recorded; no network runs.

pyannote's own front end is asked, through the two calls that its pipeline makes: `Audio.__call__` for segmentation, and
`Audio.crop` for every chunk that the embedding network hears. Everything else of the snapshot stays as it is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pyannote.audio import Pipeline
from pyannote.core import Segment

from capture import beside
from capture.recorder import known_sources
from capture.snapshots import audio_file, versions
from capture.taps import check_sources
from parity.community1.geometry import CHUNK_SECONDS, STEP_SECONDS
from parity.errors import InputError
from parity.fixtures import Fixture, Snapshot, read_snapshot
from parity.fixtures.beside import snapshot_sha256
from parity.fixtures.heard import FILE
from parity.fixtures.prepare import load_inputs
from parity.fixtures.snapshot import write_snapshot


def add_heard(pipeline: Pipeline, fixture: Fixture) -> Snapshot:
    """Write `audio.npz` into a fixture's snapshot, and keep what was measured against it.

    Raises
    ------
    InputError : there is no snapshot, it is of another clip, or it holds what was heard already; another pyannote.audio
    """
    check_sources(known_sources())
    folder = fixture.snapshot_folder
    kept = read_snapshot(folder)
    if kept.clip_sha256 != fixture.clip_sha256 or FILE in kept.manifest["artifacts"]:
        raise InputError(f"{folder}: of another clip, or holds {FILE} already; capture again with --accept")
    inputs = load_inputs(fixture.clip())
    measured, old = beside.read_all(folder), snapshot_sha256(folder)
    chunks = kept.chunks.get("fbank", np.zeros(0, np.int64))
    heard = {"waveform": _waveform(pipeline, inputs)}
    if len(chunks):
        heard["chunk_waveforms"] = np.stack([_chunk(pipeline, inputs, int(chunk)) for chunk in chunks])
    manifest = {key: value for key, value in kept.manifest.items() if key not in ("artifacts", "arrays")}
    manifest["heard"] = {"command": f"nox -s capture -- --heard --fixture {fixture.name}", "versions": versions()}
    contents = _as_files(kept) | {FILE: audio_file(heard, inputs, chunks)}
    snapshot = write_snapshot(folder, manifest, contents, replace=True)
    beside.keep(folder, measured, old)
    return snapshot


def _file(inputs: dict[str, Any]) -> dict[str, Any]:
    return {"waveform": torch.from_numpy(inputs["samples"]), "sample_rate": inputs["sample_rate"], "uri": "clip"}


def _waveform(pipeline: Pipeline, inputs: dict[str, Any]) -> np.ndarray:
    return pipeline._segmentation.model.audio(_file(inputs))[0].numpy()


def _chunk(pipeline: Pipeline, inputs: dict[str, Any], chunk: int) -> np.ndarray:
    start = chunk * STEP_SECONDS
    return pipeline._audio.crop(_file(inputs), Segment(start, start + CHUNK_SECONDS), mode="pad")[0].numpy()[0]


def _as_files(kept: Snapshot) -> dict[str, dict[str | None, Any]]:
    """What a snapshot's files hold, as `write_snapshot` takes it."""
    contents: dict[str, dict[str | None, Any]] = {name: {} for name in kept.manifest["artifacts"]}
    for artefact in kept.layout.artefacts.values():
        if artefact.name in kept.values:
            contents[artefact.file][artefact.key] = kept.values[artefact.name]
    for (file, key), value in kept.companions.items():
        contents[file][key] = value
    return contents
