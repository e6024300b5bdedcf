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
    from parity.audio.reading import load_clip
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.sources.weights import load_weights

    (fixture,) = Catalogue.read(default_folder()).select(["02_pyannote_sample"])
    weights, (samples, rate) = load_weights(), load_clip(fixture.clip())
    clip = {"samples": samples, "sample_rate": rate}
    pipeline = load_reference(weights.folder)
    path = tmp_path_factory.mktemp("layers") / "layers.npz"
    record_layers(path, pipeline, fixture, weights, clip, [CHUNK])
    return path, pipeline, fixture, weights, clip


def test_layers_are_those_of_the_snapshot_and_ours_are_within_and_a_rounded_convolution_is_named(recorded):
    from parity.community1.audio import hear
    from parity.fixtures.snapshot import read_snapshot
    from parity.layers.file import read_layers
    from parity.layers.inside import compare_layers, first_out

    path, _, fixture, weights, clip = recorded
    snapshot, found = read_snapshot(fixture.snapshot_folder), read_layers(path)
    row = list(snapshot.chunks["fbank"]).index(CHUNK)
    assert np.abs(found.arrays["embedding/fbank"][0] - snapshot.values["fbank"][row]).max() < 1e-4
    assert np.abs(found.arrays["embedding/embeddings"][0] - snapshot.values["embeddings"][CHUNK]).max() < 1e-5
    best = found.arrays["segmentation/log_probabilities"][0].argmax(axis=-1)
    assert np.array_equal(best, snapshot.values["segmentation_logits"][row].argmax(axis=-1))

    def first(**candidate):
        return first_out(compare_layers(path, weights, hear(**clip), clip_sha256=fixture.clip_sha256, **candidate))

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

    _, pipeline, fixture, weights, clip = recorded
    with pytest.raises(InputError, match="a snapshot of another clip"):
        other = replace(fixture, clip_sha256="0" * 64)
        record_layers(tmp_path / "x.npz", pipeline, other, weights, clip, [CHUNK])
    with pytest.raises(InputError, match="there is no chunk 21; the clip has chunks 0 to 20"):
        record_layers(tmp_path / "x.npz", pipeline, fixture, weights, clip, [21])
    assert not list(tmp_path.iterdir())
    assert parse_chunks("3,5") == [3, 5]
    for text in (None, "", "3;5", "3,", "-1", "three"):
        with pytest.raises(InputError, match="--layers needs numbers of chunks"):
            parse_chunks(text)


def test_the_committed_sample_is_what_a_full_capture_has_at_its_positions(recorded):
    from parity.fixtures.snapshot import read_snapshot
    from parity.layers.file import read_layers
    from parity.layers.reference import PROVEN, chunks_of_file
    from parity.layers.samples import read_samples

    path, _, fixture, *_ = recorded
    (full,) = chunks_of_file(read_layers(path))
    held = next(entry for entry in read_samples(read_snapshot(fixture.snapshot_folder)) if entry.chunk == CHUNK)
    for name in PROVEN:
        whole, kept = full.layers[name], held.layers[name]
        if name in ("mean", "std", "embeddings"):  # there is one mask more in the sample, the last
            assert (4, *whole.shape[1:]) == kept.shape
            inside = np.arange(whole.values.size)
            where = inside if kept.positions is None else kept.positions[kept.positions < inside.size]
            theirs = kept.values[: len(where)]
        else:
            assert whole.shape == kept.shape
            assert kept.max_abs == pytest.approx(whole.max_abs, rel=1e-4)
            assert kept.rms == pytest.approx(whole.rms, rel=1e-4)
            where, theirs = kept.positions, kept.values
        assert np.abs(whole.values[where] - theirs).max() <= 1e-4 * whole.max_abs


def test_a_sample_recorded_again_is_the_one_beside_the_snapshot(recorded, tmp_path):
    import shutil

    from capture.layer_samples import record_samples
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.fixtures.snapshot import LAYERS, read_snapshot
    from parity.layers.samples import read_samples

    (silent,) = Catalogue.read(default_folder()).select(["13_no_speech"])  # one chunk, its filterbank in the file
    _, pipeline, _, weights, _ = recorded
    folder = tmp_path / silent.name
    shutil.copytree(silent.snapshot_folder, folder)
    (folder / LAYERS).unlink()
    assert record_samples(folder, pipeline, silent, weights) == folder / LAYERS
    (again,), (kept,) = (read_samples(read_snapshot(where)) for where in (folder, silent.snapshot_folder))
    assert np.abs(again.fbank - kept.fbank).max() < 1e-3
    for name, layer in kept.layers.items():
        assert again.layers[name].shape == layer.shape
        assert np.abs(again.layers[name].values - layer.values).max() <= 1e-4 * layer.max_abs
