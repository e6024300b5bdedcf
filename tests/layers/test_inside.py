"""Layers: asking for them changes nothing, a rounded layer is the one that is named, strange files are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.random_arrays import random_pyannet, random_wespeaker

from parity.community1 import geometry
from parity.community1.audio import hear
from parity.community1.fbank import compute_fbank, fbank_series
from parity.errors import InputError
from parity.layers.file import MANIFEST_KEYS, NETWORKS, check_chunks, read_layers, write_layers
from parity.layers.inside import CandidateLayers, compare_layers, first_out
from parity.networks import pyannet
from parity.networks.pyannet import build_pyannet
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker import architecture as wespeaker
from parity.networks.wespeaker.graph import build_head, build_trunk
from parity.networks.wespeaker.masks import interpolate_nearest
from parity.pipeline.stage import ChunkSeries
from parity.sources.weights import WeightSet

CLIP = "c" * 64
CHUNK = 1


def manifest(**changes) -> dict:
    return {
        "fixture": "clip",
        "clip_sha256": CLIP,
        "weights_sha256": "d" * 64,
        "pyannote_audio_version": "4.0.4",
        "chunks": [CHUNK],
        "networks": ["segmentation", "embedding"],
    } | changes


@pytest.fixture(scope="module")
def waveform() -> np.ndarray:
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal((1, 11 * 16000))).astype(np.float32)


@pytest.fixture(scope="module")
def masks() -> np.ndarray:
    masks = np.zeros((3, 589), dtype=np.float32)  # the third speaker is silent
    masks[0, :300], masks[1, 250:] = 1, 1
    return masks


@pytest.fixture(scope="module")
def weights() -> WeightSet:
    rng = np.random.default_rng(1)
    segmentation = random_pyannet(rng, num_layers=4, hidden=8)
    return WeightSet("random", Path(), segmentation, random_wespeaker(rng), {}, {}, {}, "d" * 64)


@pytest.fixture(scope="module")
def layers(weights, waveform, masks) -> dict[str, np.ndarray]:
    """What the clean networks make of the chunk, in place of a capture."""
    clean = CandidateLayers(weights.segmentation, weights.embedding)
    samples = geometry.chunk(waveform, CHUNK)
    return clean.segmentation(samples) | clean.embedding(compute_fbank(samples[0]), masks)


@pytest.fixture(scope="module")
def file(layers, masks, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("layers") / "layers.npz"
    write_layers(path, manifest(), masks[None], {key: value[None] for key, value in layers.items()})
    return path


def in_half(arrays: dict, name: str) -> dict:
    return {**arrays, name: arrays[name].astype(np.float16).astype(np.float32)}


def heard(waveform):
    return hear(waveform, 16_000)


def compared(file, weights, waveform, **candidate):
    return compare_layers(file, weights, heard(waveform), clip_sha256=CLIP, **candidate)


# the guard


def test_asking_for_layers_leaves_every_result_as_it_is_to_the_last_bit(weights, waveform, masks, layers):
    samples = geometry.chunk(waveform, CHUNK)
    (logits,) = OnnxNetwork(build_pyannet(weights.segmentation))(waveforms=samples[None])
    (features,) = OnnxNetwork(build_trunk(weights.embedding))(fbank=compute_fbank(samples[0])[None])
    pooled = interpolate_nearest(masks[None], features.shape[2])
    (embeddings,) = OnnxNetwork(build_head(weights.embedding))(features=features, weights=pooled)
    assert np.array_equal(layers["segmentation/log_probabilities"], logits[0])
    assert np.array_equal(layers["embedding/layer4.2.out"].reshape(features[0].shape), features[0])
    assert np.array_equal(layers["embedding/embeddings"], embeddings[0])


@pytest.mark.models
def test_asking_for_layers_leaves_the_results_of_the_real_weights_as_they_are():
    from parity.audio.reading import load_clip
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.sources.weights import load_weights

    (fixture,) = Catalogue.read(default_folder()).select(["02_pyannote_sample"])
    real, samples = load_weights(), geometry.chunk(load_clip(fixture.clip())[0], 3)
    made = CandidateLayers(real.segmentation, real.embedding)
    (logits,) = OnnxNetwork(build_pyannet(real.segmentation))(waveforms=samples[None])
    assert np.array_equal(made.segmentation(samples)["segmentation/log_probabilities"], logits[0])
    fbank = compute_fbank(samples[0])
    (features,) = OnnxNetwork(build_trunk(real.embedding))(fbank=fbank[None])
    last = made.embedding(fbank, np.ones((3, 589), dtype=np.float32))["embedding/layer4.2.out"]
    assert np.array_equal(last.reshape(features[0].shape), features[0])


def test_a_layer_that_is_no_node_of_the_graph_is_refused(weights):
    with pytest.raises(ValueError, match="has no node layer9"):
        build_head(weights.embedding, ["stats", "layer9"])


# the table


def test_every_array_of_both_networks_belongs_to_a_layer():
    def owner(name: str) -> str:
        name = name.rpartition(".")[0]
        for old, new in (
            ("sincnet.conv1d.0.filterbank", "sinc"),
            ("conv2", "out"),
            ("bn2", "out"),
            ("bn1", "conv1"),
            ("downsample.1", "downsample.0"),
            ("seg_1", "embeddings"),
        ):
            name = name.replace(old, new)
        return name

    arrays = {"segmentation": pyannet.expected_shapes(), "embedding": wespeaker.expected_shapes()}
    for network, shapes in arrays.items():
        owners = {owner(name) for name in shapes} - {"lstm"}
        assert owners <= {layer.name for layer in NETWORKS[network]}
    lstm = [layer.name for layer in NETWORKS["segmentation"] if layer.module == "lstm"]
    assert lstm == [f"lstm.{index}.joined" for index in range(4)]


# comparing


def test_the_reference_itself_is_within_and_nothing_is_named(file, weights, waveform):
    found = compared(file, weights, waveform)
    assert [(drift.network, drift.layer) for drift in found] == [
        (network, layer.name) for network, layers in NETWORKS.items() for layer in layers
    ]
    assert {drift.relative for drift in found} == {0.0}
    assert first_out(found) is None


@pytest.mark.parametrize(
    ("network", "array", "layer"),
    [
        ("segmentation", "sincnet.conv1d.1.weight", "sincnet.conv1d.1"),
        ("segmentation", "sincnet.conv1d.2.weight", "sincnet.conv1d.2"),
        ("segmentation", "linear.1.weight", "linear.1"),
        ("embedding", "conv1.weight", "conv1"),
        ("embedding", "layer2.0.downsample.0.weight", "layer2.0.downsample.0"),
        ("embedding", "layer3.4.conv1.weight", "layer3.4.conv1"),
        ("embedding", "layer4.2.conv2.weight", "layer4.2.out"),
        ("embedding", "seg_1.weight", "embeddings"),
    ],
)
def test_one_array_in_float16_names_its_own_layer(file, weights, waveform, network, array, layer):
    found = compared(file, weights, waveform, **{network: in_half(getattr(weights, network), array)})
    first = first_out(found)
    assert (first.network, first.layer) == (network, layer)
    before = found[: found.index(first)]
    assert all(drift.relative == 0.0 for drift in before)


def test_drift_is_the_largest_difference_over_the_rms_of_the_layer(file, weights, waveform, layers):
    shifted = {**weights.embedding, "seg_1.bias": weights.embedding["seg_1.bias"] + np.float32(0.5)}
    last = compared(file, weights, waveform, embedding=shifted)[-1]
    rms = np.sqrt(np.mean(layers["embedding/embeddings"].astype(np.float64) ** 2))
    assert last.layer == "embeddings"
    assert last.relative == pytest.approx(0.5 / rms, rel=1e-5)


@pytest.mark.parametrize(
    ("shift", "limit", "named"), [(1e-5, 1e-4, None), (1e-3, 5e-3, None), (2e-2, 1e-2, "classifier")]
)
def test_what_the_native_arrays_show_on_these_chunks_is_allowed_five_times_up_to_a_ceiling(
    layers, weights, waveform, tmp_path, shift, limit, named
):
    arrays = {key: value[None] for key, value in layers.items() if key.startswith("segmentation/")}
    classifier = arrays["segmentation/classifier"]
    arrays["segmentation/classifier"] = classifier + np.float32(shift * np.sqrt(np.mean(classifier**2)))
    write_layers(tmp_path / "x.npz", manifest(networks=["segmentation"]), None, arrays)
    found = compared(tmp_path / "x.npz", weights, waveform)
    (drift,) = (drift for drift in found if drift.layer == "classifier")
    assert drift.relative == pytest.approx(shift, rel=0.01)
    assert drift.limit == pytest.approx(limit, rel=0.01)
    assert [first.layer for first in [first_out(found)] if first] == ([named] if named else [])


def test_the_candidates_own_fbank_is_compared_and_goes_into_the_trunk(file, weights, waveform):
    native = compared(file, weights, waveform, fbank=fbank_series(heard(waveform)[1]))
    assert first_out(native) is None
    off = ChunkSeries(np.arange(2), lambda chunk: fbank_series(heard(waveform)[1]).compute(chunk) + np.float32(0.1))
    found = compared(file, weights, waveform, fbank=off)
    assert (first_out(found).network, first_out(found).layer) == ("embedding", "fbank")
    assert found[-1].relative > 0
    with pytest.raises(InputError, match="has chunk 1, of which the candidate has no fbank"):
        compared(file, weights, waveform, fbank=ChunkSeries(np.arange(1), off.compute))


def test_a_layer_that_became_nan_is_out(file, weights, waveform):
    broken = {**weights.segmentation, "classifier.bias": weights.segmentation["classifier.bias"] * np.nan}
    first = first_out(compared(file, weights, waveform, segmentation=broken))
    assert (first.layer, first.relative) == ("classifier", np.inf)


def test_a_clip_in_which_nobody_speaks_has_the_segmentation_network_only(layers, weights, waveform, tmp_path):
    arrays = {key: value[None] for key, value in layers.items() if key.startswith("segmentation/")}
    write_layers(tmp_path / "x.npz", manifest(networks=["segmentation"]), None, arrays)
    found = compared(tmp_path / "x.npz", weights, waveform)
    assert [drift.layer for drift in found] == [layer.name for layer in NETWORKS["segmentation"]]


# files that are not what they should be


def small(path: Path, *, masks: tuple = (1, 3, 589), changes: dict | None = None, **arrays) -> Path:
    """A file with tiny arrays: enough for everything but comparing."""
    tiny = {layer.key: np.zeros((1, 2), dtype=np.float32) for layers in NETWORKS.values() for layer in layers}
    found = {key: value for key, value in (tiny | arrays).items() if value is not None}
    write_layers(path, manifest(**(changes or {})), np.zeros(masks, dtype=np.float32) if masks else None, found)
    return path


def test_tiny_arrays_are_read(tmp_path):
    assert read_layers(small(tmp_path / "x.npz")).chunks == (CHUNK,)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"embedding/layer9": np.zeros((1, 2), np.float32)}, "unknown layer embedding/layer9"),
        ({"embedding/conv1": None}, "layer embedding/conv1 missing"),
        (
            {"embedding/conv1": np.zeros((2, 2), np.float32)},
            r"embedding/conv1 is float32 \(2, 2\), expected float32 of 1",
        ),
        ({"embedding/conv1": np.zeros((1, 2))}, "embedding/conv1 is float64"),
        ({"masks": (1, 3, 7)}, r"masks has shape \(1, 3, 7\)"),
        ({"masks": None}, "masks has shape None"),
        ({"changes": {"schema": 7}}, "schema is 7, expected 1"),
        ({"changes": {"pyannote_audio_version": "3.1"}}, "pyannote_audio_version is '3.1', expected '4.0.4'"),
        ({"changes": {"chunks": []}}, r"chunks is \[\]"),
        ({"changes": {"chunks": ["1"]}}, "chunks is"),
        ({"changes": {"networks": ["embedding"]}}, "networks is"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused_in_one_line(tmp_path, wrong, words):
    path = small(tmp_path / "x.npz", **wrong)
    with pytest.raises(InputError, match=words) as caught:
        read_layers(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", MANIFEST_KEYS)
def test_a_manifest_that_lacks_something_is_refused(tmp_path, key):
    rest = {name: value for name, value in {"schema": 1, **manifest()}.items() if name != key}
    np.savez(tmp_path / "x.npz", manifest=np.array(json.dumps(rest)))
    with pytest.raises(InputError, match=f"lacks {key}:"):
        read_layers(tmp_path / "x.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"text", None])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as a file of layers"):
        read_layers(tmp_path / "x.npz")


def test_arrays_of_something_else_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", embeddings=np.zeros(3))
    with pytest.raises(InputError, match="has no manifest"):
        read_layers(tmp_path / "x.npz")
    np.save(tmp_path / "y.npy", np.zeros(3))
    with pytest.raises(InputError, match="cannot be read as a file of layers"):
        read_layers(tmp_path / "y.npy")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clip_sha256": "e" * 64}, "layers of another clip: sha256 is eeeeeeeeeeee, expected cccccccccccc"),
        ({"weights_sha256": "e" * 64}, "layers of another weights: sha256 is eeeeeeeeeeee, expected dddddddddddd"),
        ({"chunks": [2]}, "there is no chunk 2; the clip has chunks 0 to 1"),
    ],
)
def test_layers_of_another_clip_or_other_weights_are_refused(tmp_path, weights, waveform, changes, words):
    with pytest.raises(InputError, match=words):
        compared(small(tmp_path / "x.npz", changes=changes), weights, waveform)


def test_a_layer_of_another_shape_is_refused(tmp_path, weights, waveform):
    with pytest.raises(InputError, match=r"embedding/fbank is \(2,\) a chunk|sincnet.wav_norm1d is \(2,\) a chunk"):
        compared(small(tmp_path / "x.npz"), weights, waveform, fbank=fbank_series(heard(waveform)[1]))


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        ([], "0 chunks, expected 1 to 8"),
        (range(9), "9 chunks, expected 1 to 8"),
        ([3, 3], "2 chunks, expected 1 to 8 different ones"),
        ([3, 21], "there is no chunk 21; the clip has chunks 0 to 20"),
        ([-1], "there is no chunk -1"),
    ],
)
def test_chunks_that_cannot_be_are_refused(chunks, words):
    with pytest.raises(InputError, match=f"^--chunks: {words}"):
        check_chunks(chunks, 21, "--chunks")


def test_chunks_are_taken_in_order():
    assert check_chunks([5, 3], 21, "--chunks") == (3, 5)
