"""The embedding network on each runtime against pyannote.audio 4.0.4's own class; needs the capture environment."""

from __future__ import annotations

import importlib.util
import os

import numpy as np
import pytest

os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")  # no telemetry from tests
torch = pytest.importorskip("torch")
pytest.importorskip("pyannote.audio")  # hides the warning that torchcodec does not load

from pyannote.audio.models.blocks.pooling import StatsPool  # noqa: E402
from pyannote.audio.models.embedding import WeSpeakerResNet34  # noqa: E402
from support.random_arrays import random_wespeaker  # noqa: E402

from parity.networks.wespeaker.architecture import HEAD_LAYERS, expected_shapes  # noqa: E402
from parity.networks.wespeaker.masks import interpolate_nearest  # noqa: E402
from parity.networks.wespeaker.names import canonical, pyannote_names  # noqa: E402
from parity.networks.wespeaker.runtime import RUNTIMES, EmbeddingNetwork, load_embedding  # noqa: E402
from parity.networks.wespeaker.torch_runtime import ResNet34, TorchEmbedding  # noqa: E402
from parity.networks.wespeaker.writers import write_torch  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:.*same number of frames.*:UserWarning"),
]

EXACT = {name: found for name, found in RUNTIMES.items() if not name.startswith("onnx-")}  # smaller precisions left out
HERE = [name for name, found in EXACT.items() if importlib.util.find_spec(found.needs.partition(".")[0])]


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return random_wespeaker(np.random.default_rng(11))


@pytest.fixture(scope="module")
def reference(arrays) -> WeSpeakerResNet34:
    model = WeSpeakerResNet34()
    model.load_state_dict({k: torch.from_numpy(v) for k, v in pyannote_names(arrays).items()}, strict=False)
    return model.eval()


@pytest.fixture(scope="module", params=HERE)
def network(request, arrays) -> EmbeddingNetwork:
    return load_embedding(arrays, request.param, 2)


def masks_of(frames: int, speakers: int = 4) -> np.ndarray:
    """Random masks; the second speaker has none, the third one frame that pooling reads, the last weights of a half."""
    rng = np.random.default_rng(frames)
    masks = (rng.random((1, speakers, frames)) > 0.4).astype(np.float32)
    masks[0, 1:3] = 0
    masks[0, 2, 0] = 1
    masks[0, 3] *= 0.5
    return masks


@pytest.mark.parametrize(("frames", "mask_frames"), [(98, 58), (97, 13), (33, 33), (160, 80)])
def test_a_runtimes_embeddings_are_those_of_pyannotes_class(network, arrays, reference, frames, mask_frames):
    fbank = np.random.default_rng(1).standard_normal((1, frames, 80)).astype(np.float32)
    masks = masks_of(mask_frames)
    with torch.inference_mode():
        want = reference.resnet(torch.from_numpy(fbank.copy()), weights=torch.from_numpy(masks))[1].numpy()
    got, _ = network.embed(fbank, masks)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())
    assert np.array_equal(got[0, 1], arrays["seg_1.bias"])


@pytest.mark.parametrize(("mask_frames", "pooled"), [(799, 200), (589, 125), (998, 125), (125, 125), (40, 125), (1, 9)])
def test_a_runtimes_pooling_is_stats_pool_at_every_number_of_mask_frames(network, mask_frames, pooled):
    features = np.random.default_rng(2).standard_normal((1, 2560, pooled)).astype(np.float32)
    masks = masks_of(mask_frames)
    with torch.inference_mode():
        want = StatsPool()(torch.from_numpy(features), weights=torch.from_numpy(masks)).numpy()
    _, layers = network.run_head(features, interpolate_nearest(masks, pooled), HEAD_LAYERS)
    np.testing.assert_allclose(layers["stats"], want, rtol=0, atol=3e-6 * np.abs(want).max())


def test_the_torch_module_has_the_canonical_names_and_its_forward_is_embed(arrays):
    state = ResNet34().state_dict()
    named = {name: tuple(value.shape) for name, value in state.items() if not name.endswith("num_batches_tracked")}
    assert named == expected_shapes()
    fbank, masks = np.random.default_rng(1).standard_normal((1, 40, 80)).astype(np.float32), masks_of(23)
    network = TorchEmbedding(arrays, 1)
    with torch.inference_mode():
        got = network.module(torch.from_numpy(fbank), torch.from_numpy(masks)).numpy()
    np.testing.assert_allclose(got, network.embed(fbank, masks)[0], rtol=0, atol=1e-6)


def test_a_written_state_dict_loads_into_torch_and_strictly_into_the_module(arrays, tmp_path):
    write_torch(tmp_path / "a.pt", arrays)
    state = torch.load(tmp_path / "a.pt", weights_only=True)
    ResNet34().load_state_dict(state, strict=True)
    assert canonical({name: value.numpy() for name, value in state.items()}, "torch").keys() == arrays.keys()


def test_a_checkpoint_that_torch_saved_of_pyannotes_class_is_read(arrays, reference, tmp_path):
    from parity.networks.wespeaker.checkpoints import read_embedding

    torch.save({"state_dict": reference.state_dict(), "epoch": 1}, tmp_path / "pytorch_model.bin")
    found = read_embedding(tmp_path / "pytorch_model.bin")
    assert all(np.array_equal(found.arrays[name], value) for name, value in arrays.items())
    assert len(found.dropped) == 36
