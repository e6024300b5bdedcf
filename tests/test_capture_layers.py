"""The reference's layers: recorded on real chunks, they are what the pipeline itself computes, and ours are within."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytestmark = [
    pytest.mark.torch,
    pytest.mark.models,
    # What the reference and its dependencies warn of while they are imported and run is not ours to judge.
    pytest.mark.filterwarnings("ignore"),
]
pytest.importorskip("torch")

CHUNK = 10  # the snapshot holds its fbank and logits


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    from capture.environment import silence_torchcodec

    silence_torchcodec()
    from capture.layers import record_layers
    from capture.reference import load_reference
    from parity.audio import load_clip
    from parity.fixtures import Catalogue, default_folder
    from parity.weights import load_weights

    (fixture,) = Catalogue.read(default_folder()).select(["02_pyannote_sample"])
    weights, waveform = load_weights(), load_clip(fixture.clip())
    pipeline = load_reference(weights.folder)
    path = tmp_path_factory.mktemp("layers") / "layers.npz"
    record_layers(path, pipeline, fixture, weights, waveform, [CHUNK])
    return path, pipeline, fixture, weights, waveform


def test_layers_are_those_of_the_snapshot_and_ours_are_within_and_a_rounded_convolution_is_named(recorded):
    from parity.layer_file import read_layers
    from parity.layers import compare_layers, first_out
    from parity.snapshot import read_snapshot

    path, _, fixture, weights, waveform = recorded
    snapshot, found = read_snapshot(fixture.snapshot_folder), read_layers(path)
    row = list(snapshot.chunks["fbank"]).index(CHUNK)
    assert np.abs(found.arrays["embedding/fbank"][0] - snapshot.values["fbank"][row]).max() < 1e-4
    assert np.abs(found.arrays["embedding/embeddings"][0] - snapshot.values["embeddings"][CHUNK]).max() < 1e-5
    best = found.arrays["segmentation/log_probabilities"][0].argmax(axis=-1)
    assert np.array_equal(best, snapshot.values["segmentation_logits"][row].argmax(axis=-1))

    def first(**candidate):
        return first_out(compare_layers(path, weights, waveform, clip_sha256=fixture.clip_sha256, **candidate))

    def in_half(arrays, name):
        return {**arrays, name: arrays[name].astype(np.float16).astype(np.float32)}

    assert first() is None
    assert first(segmentation=in_half(weights.segmentation, "sincnet.conv1d.1.weight")).layer == "sincnet.conv1d.1"
    assert first(embedding=in_half(weights.embedding, "layer3.4.conv1.weight")).layer == "layer3.4.conv1"


def test_hooks_are_gone_and_single_lstm_layers_are_the_stacked_lstm(recorded):
    import torch

    from capture.layers import single_layer

    _, pipeline, *_ = recorded
    for model in (pipeline._segmentation.model, pipeline._embedding.model_):
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    lstm = pipeline._segmentation.model.lstm
    start = x = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 589, 60)).astype(np.float32))
    with torch.inference_mode():
        for layer in range(lstm.num_layers):
            x = single_layer(lstm, layer)(x)[0]
        assert torch.equal(x, lstm(start)[0])


def test_masks_of_another_clip_and_chunks_that_are_no_numbers_are_refused(recorded, tmp_path):
    from capture.layers import parse_chunks, record_layers
    from parity.errors import InputError

    _, pipeline, fixture, weights, waveform = recorded
    with pytest.raises(InputError, match="a snapshot of another clip"):
        other = replace(fixture, clip_sha256="0" * 64)
        record_layers(tmp_path / "x.npz", pipeline, other, weights, waveform, [CHUNK])
    with pytest.raises(InputError, match="there is no chunk 21; the clip has chunks 0 to 20"):
        record_layers(tmp_path / "x.npz", pipeline, fixture, weights, waveform, [21])
    assert not list(tmp_path.iterdir())
    assert parse_chunks("3,5") == [3, 5]
    for text in (None, "", "3;5", "3,", "-1", "three"):
        with pytest.raises(InputError, match="--layers needs numbers of chunks"):
            parse_chunks(text)
