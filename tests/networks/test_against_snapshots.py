"""The stages that run networks, on the chunks whose reference outputs every snapshot holds."""

from __future__ import annotations

import numpy as np
import pytest

from parity.audio.reading import load_clip
from parity.community1 import geometry
from parity.community1.audio import hear
from parity.community1.embeddings import embed
from parity.community1.fbank import fbank_series
from parity.community1.networks import Networks, build_networks
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.snapshot import MANIFEST, read_snapshot
from parity.measure.drift import compare
from parity.pipeline.stage import ChunkSeries

pytestmark = pytest.mark.models

CAPTURED = [f for f in Catalogue.read(default_folder()).fixtures if (f.snapshot_folder / MANIFEST).exists()]
SPEAKING = [f for f in CAPTURED if f.name != "13_no_speech"]


@pytest.fixture(scope="module")
def networks() -> Networks:
    from parity.sources.weights import load_weights

    weights = load_weights()
    return build_networks(weights.segmentation, weights.embedding, weights.plda)


def test_all_fourteen_are_captured():
    assert len(CAPTURED) == 14


@pytest.mark.parametrize("fixture", CAPTURED, ids=lambda fixture: fixture.name)
def test_segmentation_of_the_recorded_chunks(fixture, networks):
    snapshot = read_snapshot(fixture.snapshot_folder)
    chunks = snapshot.chunks["segmentation_logits"]
    (logits,) = networks.segmentation(waveforms=geometry.chunks(hear(*load_clip(fixture.clip()))[0], chunks))
    drift = compare(
        "segmentation_logits", logits, snapshot.values["segmentation_logits"], mode="isolated", chunks=chunks
    )
    assert drift.within, drift


@pytest.mark.parametrize("fixture", SPEAKING, ids=lambda fixture: fixture.name)
def test_filterbank_and_embeddings_of_the_recorded_chunks(fixture, networks):
    snapshot = read_snapshot(fixture.snapshot_folder)
    chunks, want = snapshot.chunks["fbank"], snapshot.values["fbank"]
    got = fbank_series(hear(*load_clip(fixture.clip()))[1]).take(chunks)
    drift = compare("fbank", got, want, mode="isolated", chunks=chunks)
    assert drift.within, drift
    recorded = ChunkSeries.recorded(chunks, want)
    embeddings = embed(recorded, snapshot.values["masks"], trunk=networks.trunk, head=networks.head)
    want = snapshot.values["embeddings"][chunks]
    drift = compare("embeddings", embeddings, want, mode="isolated", chunks=chunks)
    assert drift.within, drift
    assert np.isfinite(embeddings).all()
