"""Both networks in torch, as they go to a GPU: on the CPU they are the ONNX ones."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest
from support.random_arrays import random_pyannet, random_wespeaker

from parity.errors import InputError
from parity.networks.placement import Placement
from parity.networks.pyannet import build_pyannet
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.runtime import load_embedding

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

CPU = Placement()


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def test_segmentation_is_what_onnx_runtime_computes(rng):
    from parity.networks.pyannet_torch import TorchSegmentation

    arrays = random_pyannet(rng, num_layers=3, hidden=7)
    waveforms = rng.uniform(-0.5, 0.5, (3, 1, 32_000)).astype(np.float32)
    (ours,) = TorchSegmentation(arrays, CPU)(waveforms=waveforms)
    (theirs,) = OnnxNetwork(build_pyannet(arrays), 1)(waveforms=waveforms)
    assert ours.shape == theirs.shape and ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=2e-4)
    assert np.ptp(theirs) > 0.1


@pytest.mark.models
def test_segmentation_with_the_real_weights_decides_what_onnx_runtime_decides():
    from parity.networks.pyannet_torch import TorchSegmentation
    from parity.sources.weights import load_weights

    arrays = load_weights().segmentation
    waveforms = np.random.default_rng(0).normal(0, 0.05, (2, 1, 160_000)).astype(np.float32)
    (ours,) = TorchSegmentation(arrays, CPU)(waveforms=waveforms)
    (theirs,) = OnnxNetwork(build_pyannet(arrays), 1)(waveforms=waveforms)
    assert ours.shape == (2, 589, 7) and (ours.argmax(-1) == theirs.argmax(-1)).mean() > 0.999


def test_trunk_and_head_in_one_are_the_two_after_each_other(rng):
    network = load_embedding(random_wespeaker(rng), "torch", 1)
    fbank = rng.standard_normal((2, 40, 80)).astype(np.float32)
    (features,) = network.trunk(fbank)
    weights = (rng.random((2, 3, features.shape[2])) > 0.5).astype(np.float32)
    assert np.array_equal(network.whole(fbank=fbank, weights=weights)[0], network.head(features, weights)[0])


def test_settings_of_torch_are_as_they_were_when_a_network_has_run(monkeypatch):
    from parity.networks import torch_device

    seen = []
    monkeypatch.setattr(torch_device.torch, "autocast", lambda *a, **k: nullcontext())
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul

    def flags():
        return cudnn.allow_tf32, matmul.allow_tf32, cudnn.deterministic, cudnn.benchmark

    before = flags()
    for precision in ("float32", "tf32", "float16"):
        with torch_device.running(Placement("cuda", precision)):
            seen.append(flags())
            assert torch.is_inference_mode_enabled()
        assert flags() == before
    assert seen == [(False, False, True, False), (True, True, True, False), (False, False, True, False)]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has such a device")
@pytest.mark.parametrize("device", ["cuda", "cuda:7"])
def test_a_device_that_torch_does_not_see_is_refused_in_one_line(rng, device):
    with pytest.raises(InputError, match=f"--device {device}: torch .* does not have that device: ") as caught:
        load_embedding(random_wespeaker(rng), "torch", 1, Placement(device))
    assert "\n" not in str(caught.value)
