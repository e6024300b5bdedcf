"""The embedding network's layers at a sample of positions, kept beside a snapshot; see `parity.layers.samples`.

The reference's own class runs on the filterbank and masks that the snapshot holds. Where pyannote heard nobody it never
made a filterbank; there its own class makes that of chunk 0, and the one mask is that of all frames.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from pyannote.audio import Pipeline

from capture.layers import checked_snapshot, embedding_layers, provenance
from capture.recorder import known_sources
from capture.taps import check_sources
from parity.audio import load_clip
from parity.community1.audio import hear
from parity.fixtures import Fixture
from parity.fixtures.beside import snapshot_sha256
from parity.layers.reference import proven_layers
from parity.layers.samples import EVERYBODY, inputs_of, sample, write_samples
from parity.sources import WeightSet


def record_samples(folder: Path, pipeline: Pipeline, fixture: Fixture, weights: WeightSet) -> Path:
    """Run the embedding network on every chunk whose filterbank a snapshot holds, and write `layers.npz` beside it.

    Parameters
    ----------
    folder : the snapshot's

    Raises
    ------
    InputError : no snapshot, one of another clip or other weights, or another pyannote.audio
    """
    check_sources(known_sources())
    snapshot = checked_snapshot(folder, fixture, weights)
    silent = "fbank" not in snapshot.values
    chunks = [0] if silent else snapshot.chunks["fbank"].tolist()
    found = []
    for chunk in chunks:
        fbank, masks = _inputs_of_silence(pipeline, fixture) if silent else inputs_of(snapshot, chunk)
        found.append(sample(chunk, fbank, masks, proven_layers(embedding_layers(pipeline, fbank, masks))))
    said = {
        **provenance(fixture, weights),
        "snapshot_sha256": snapshot_sha256(folder),
        "command": f"nox -s capture -- --layer-samples --fixture {fixture.name}",
    }
    return write_samples(folder, found, said, inputs=silent)


def _inputs_of_silence(pipeline: Pipeline, fixture: Fixture) -> tuple[np.ndarray, np.ndarray]:
    samples = torch.from_numpy(hear(*load_clip(fixture.clip()))[1].compute(0))[None, None]
    with torch.inference_mode():
        return pipeline._embedding.model_.compute_fbank(samples)[0].numpy(), EVERYBODY
