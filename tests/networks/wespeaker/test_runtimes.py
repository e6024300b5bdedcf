"""One call on every runtime: masks, layers, and agreement of the runtimes that are installed."""

from __future__ import annotations

import importlib.util

import numpy as np
import onnxruntime
import pytest
from support.random_arrays import random_wespeaker

from parity.errors import InputError
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker import runtime as module
from parity.networks.wespeaker.architecture import CONVOLUTIONS, HEAD_LAYERS, TRUNK_LAYERS
from parity.networks.wespeaker.batch_norm import fold_batch_norm, folded, neutral_norm
from parity.networks.wespeaker.graph import build_network
from parity.networks.wespeaker.masks import interpolate_nearest, nearest_indices, nearest_matrix, pooled_frames
from parity.networks.wespeaker.runtime import RUNTIMES, EmbeddingNetwork, load_embedding

FRAMES, MASK_FRAMES = 43, 25


def runtime(name: str, needs: str) -> object:
    """A runtime as a parameter, skipped where it is not installed, marked with its name where an extra brings it."""
    there = importlib.util.find_spec(needs) is not None
    marks = [pytest.mark.skipif(not there, reason=f"needs {needs}")]
    return pytest.param(name, marks=marks + ([getattr(pytest.mark, name)] if RUNTIMES[name].extra else []))


OTHERS = [
    runtime(name, found.needs.partition(".")[0]) for name, found in RUNTIMES.items() if not name.startswith("onnx")
]


@pytest.fixture(scope="module", params=OTHERS)
def other(request, arrays) -> EmbeddingNetwork:
    return load_embedding(arrays, request.param, 2)


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return random_wespeaker(np.random.default_rng(11))


@pytest.fixture(scope="module")
def onnx(arrays) -> EmbeddingNetwork:
    return load_embedding(arrays, "onnx", 1)


@pytest.fixture(scope="module")
def inputs() -> tuple[np.ndarray, np.ndarray]:
    """Two chunks and three masks each; one of the first's has no frame, one a single frame that pooling reads."""
    rng = np.random.default_rng(3)
    weights = (rng.random((2, 3, MASK_FRAMES)) > 0.4).astype(np.float32)
    weights[0, 1:] = 0
    weights[0, 2, nearest_indices(MASK_FRAMES, pooled_frames(FRAMES))[2]] = 1
    return rng.standard_normal((2, FRAMES, 80)).astype(np.float32), weights


# masks


@pytest.mark.parametrize(("masks", "frames"), [(589, 125), (799, 200), (799, 125), (25, 6), (2, 6), (6, 6)])
def test_the_precomputed_matrix_is_one_hot_and_picks_what_the_rule_picks(masks, frames):
    matrix = nearest_matrix(masks, frames)
    assert matrix.shape == (masks, frames) and (matrix.sum(axis=0) == 1).all() and set(np.unique(matrix)) <= {0, 1}
    values = np.random.default_rng(0).random((3, masks)).astype(np.float32)
    picked = interpolate_nearest(values, frames)
    assert picked.dtype == np.float32
    assert np.array_equal(picked, values[:, [int(np.float32(masks) / np.float32(frames) * i) for i in range(frames)]])


@pytest.mark.parametrize(("frames", "pooled"), [(998, 125), (1598, 200), (1, 1), (8, 1), (9, 2), (17, 3)])
def test_the_trunk_leaves_an_eighth_of_the_frames_rounded_up(onnx, frames, pooled):
    assert pooled_frames(frames) == pooled
    if frames < 20:
        (features,) = onnx.trunk(np.zeros((1, frames, 80), np.float32))
        assert features.shape == (1, 2560, pooled)


# the call


def test_embeddings_of_any_number_of_mask_frames_are_those_of_the_masks_brought_to_the_pooled_frames(onnx, inputs):
    fbank, weights = inputs
    embeddings, layers = onnx.embed(fbank, weights)
    assert embeddings.shape == (2, 3, 256) and embeddings.dtype == np.float32 and layers == {}
    pooled = weights[..., nearest_indices(MASK_FRAMES, pooled_frames(FRAMES))]
    assert np.array_equal(embeddings, onnx.embed(fbank, pooled)[0])
    assert not np.allclose(np.linalg.norm(embeddings, axis=-1), 1)


def test_a_speaker_without_frames_gets_the_last_bias_and_one_with_a_single_frame_no_deviation(onnx, arrays, inputs):
    embeddings, layers = onnx.embed(*inputs, HEAD_LAYERS)
    assert np.array_equal(embeddings[0, 1], arrays["seg_1.bias"])
    assert not layers["mean"][0, 1].any() and not layers["std"][0, 1].any()
    features = onnx.trunk(inputs[0])[0]
    np.testing.assert_allclose(layers["mean"][0, 2], features[0, :, 2], rtol=1e-6)
    assert np.abs(layers["std"][0, 2]).max() < 1e-2 * np.abs(layers["mean"][0, 2]).max()


@pytest.mark.parametrize(
    ("fbank", "weights", "said"),
    [
        (np.zeros((1, 5, 40)), np.zeros((1, 3, 5)), "fbank is (1, 5, 40)"),
        (np.zeros((1, 0, 80)), np.zeros((1, 3, 5)), "fbank is (1, 0, 80)"),
        (np.zeros((2, 5, 80)), np.zeros((1, 3, 5)), "weights is (1, 3, 5), expected (2, speakers, frames)"),
        (np.zeros((1, 5, 80)), np.zeros((1, 3, 0)), "weights is (1, 3, 0)"),
        (np.zeros((1, 5, 80)), np.zeros((1, 5)), "weights is (1, 5)"),
    ],
)
def test_arrays_of_another_shape_are_refused(onnx, fbank, weights, said):
    with pytest.raises(InputError) as caught:
        onnx.embed(fbank, weights)
    assert said in str(caught.value)


def test_an_unknown_layer_is_refused_by_name(onnx, inputs):
    with pytest.raises(InputError, match="unknown layer layer9, conv2; known: conv1"):
        onnx.embed(*inputs, ["layer9", "conv1", "conv2"])


def test_asking_for_every_layer_changes_no_result(onnx, inputs):
    plain, _ = onnx.embed(*inputs)
    embeddings, layers = onnx.embed(*inputs, ["features", *HEAD_LAYERS, *TRUNK_LAYERS])
    assert np.array_equal(embeddings, plain)
    assert list(layers) == [*TRUNK_LAYERS, "features", *HEAD_LAYERS]
    assert np.array_equal(layers["layer4.2.out"].reshape(2, 2560, -1), layers["features"])
    assert np.array_equal(np.concatenate([layers["mean"], layers["std"]], axis=-1), layers["stats"])


# the runtimes


def test_a_runtime_agrees_with_onnx_in_every_layer_and_in_its_embeddings(other, arrays, onnx, inputs):
    asked = [*TRUNK_LAYERS, "features", *HEAD_LAYERS]
    wanted, wanted_layers = onnx.embed(*inputs, asked)
    embeddings, layers = other.embed(*inputs, asked)
    assert embeddings.shape == wanted.shape and embeddings.dtype == np.float32 and list(layers) == asked
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(embeddings, wanted, rtol=0, atol=1e-5 * scale)
    assert np.array_equal(embeddings[0, 1], arrays["seg_1.bias"])
    for layer, want in wanted_layers.items():
        assert layers[layer].shape == want.shape and layers[layer].dtype == np.float32, layer
        drift = np.abs(layers[layer] - want).max() / np.sqrt(np.mean(want**2))
        assert drift < 1e-4, f"{layer}: {drift:.1e} of its RMS"


def test_a_runtimes_trunk_and_head_are_its_network(other, inputs):
    (features,) = other.trunk(fbank=inputs[0])
    pooled = interpolate_nearest(inputs[1], features.shape[2])
    assert np.array_equal(other.head(features=features, weights=pooled)[0], other.embed(*inputs)[0])


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.models
def test_a_runtime_is_at_parity_with_pyannote_on_a_captured_chunk(name):
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.fixtures.snapshot import read_snapshot
    from parity.measure.tolerances import ISOLATED
    from parity.sources.weights import load_weights

    (fixture,) = Catalogue.read(default_folder()).select(["09_telephone"])
    snapshot = read_snapshot(fixture.snapshot_folder)
    chunk = snapshot.chunks["fbank"][:1]
    network = load_embedding(load_weights().embedding, name)
    embeddings, _ = network.embed(np.asarray(snapshot.values["fbank"])[:1], snapshot.values["masks"][chunk])
    assert np.abs(embeddings - snapshot.values["embeddings"][chunk]).max() <= ISOLATED["embeddings"].max_abs


def test_an_unknown_runtime_is_refused_by_name(arrays):
    with pytest.raises(InputError, match="--runtime coreml: unknown; known: onnx, ncnn, torch, mlx"):
        load_embedding(arrays, "coreml")


def test_a_runtime_that_is_not_installed_says_how_to_get_it(arrays, monkeypatch):
    monkeypatch.setitem(module.RUNTIMES, "mlx", RUNTIMES["mlx"]._replace(needs="no_such_package"))
    with pytest.raises(InputError) as caught:
        load_embedding(arrays, "mlx")
    assert "no_such_package cannot be imported" in str(caught.value)
    assert str(caught.value).endswith("pip install 'diarization-parity-lab[mlx]'")


# graphs


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize(("frames", "masks"), [(43, 25), (16, 2), (40, 33), (17, 3)])
def test_the_whole_graph_takes_any_number_of_frames_and_of_mask_frames(arrays, onnx, fold, frames, masks):
    rng = np.random.default_rng(frames)
    fbank = rng.standard_normal((2, frames, 80)).astype(np.float32)
    weights = (rng.random((2, 4, masks)) > 0.3).astype(np.float32)
    whole = OnnxNetwork(build_network(arrays, fold=fold), 1)
    (got,), (want, _) = whole(fbank=fbank, weights=weights), onnx.embed(fbank, weights)
    np.testing.assert_allclose(got, want, rtol=0, atol=0 if fold else 1e-5 * np.abs(want).max())


@pytest.mark.parametrize("masks", [589, 799, 2000, 1])
def test_the_graph_reads_the_mask_frames_that_the_rule_reads(masks):
    import onnx as library

    from parity.networks.onnx_graph import GraphBuilder
    from parity.networks.wespeaker import graph as graphs

    builder = GraphBuilder("nearest")
    graphs._add_nearest(builder)
    sizes = {"features": [1, 1, "pooled"], "weights": [1, 1, "masks"]}
    model = library.load_from_string(builder.model(sizes, {"pooled_weights": [1, 1, "pooled"]}))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    numbers = np.arange(masks, dtype=np.float32)[None, None]
    for pooled in (125, 200, 7, 589, 1):
        (got,) = session.run(None, {"features": np.zeros((1, 1, pooled), np.float32), "weights": numbers})
        assert np.array_equal(got[0, 0], nearest_indices(masks, pooled))


# batch norms


def test_folding_neutral_norms_gives_the_folded_weights_back_bit_for_bit(arrays):
    once = folded(arrays)
    for name, convolution in CONVOLUTIONS.items():
        weight, bias = fold_batch_norm(arrays, name, convolution.norm)
        again, bias_again = fold_batch_norm(once, name, convolution.norm)
        assert np.array_equal(again, weight) and np.array_equal(bias_again, bias)


@pytest.mark.parametrize("exponent", range(-60, 61, 12))
def test_a_neutral_norm_leaves_weights_of_any_size_as_they_are(exponent):
    rng = np.random.default_rng(exponent + 60)
    weight = (np.ldexp(rng.uniform(1, 2, (32, 1, 3, 3)), exponent) * rng.choice([-1, 1], (32, 1, 3, 3))).astype("f4")
    weight[0, 0, 0] = (
        np.ldexp(np.float32(1), exponent),
        np.ldexp(np.nextafter(np.float32(2), np.float32(0)), exponent),
        0,
    )
    bias = rng.standard_normal(32).astype(np.float32)
    got, got_bias = fold_batch_norm({"conv1.weight": weight, **neutral_norm("bn1", bias)}, "conv1", "bn1")
    assert np.array_equal(got, weight) and np.array_equal(got_bias, bias)
