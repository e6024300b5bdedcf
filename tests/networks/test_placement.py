"""Where networks run: what is refused before anything is loaded, and how many chunks go at once."""

from __future__ import annotations

import onnxruntime
import pytest
from support.random_arrays import random_pyannet

from parity.errors import InputError
from parity.networks.placement import MOST_CHUNKS, Placement, batch_of
from parity.networks.pyannet import build_pyannet
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.choice import check_choice, choose_runtime


@pytest.mark.parametrize("device", ["", "gpu", "CUDA", "cuda:", "cuda:x", "cpu:0", "mps"])
def test_other_names_are_refused(device):
    with pytest.raises(InputError, match="no such device; expected cpu or cuda"):
        Placement(device)


@pytest.mark.parametrize(
    "device, precision, said",
    [
        ("cuda", "bfloat16", "--precision bfloat16: unknown; known: float32, tf32, float16"),
        ("cpu", "tf32", "--precision tf32: only with --device cuda"),
        ("cpu", "float16", "--precision float16: only with --device cuda"),
    ],
)
def test_a_precision_that_the_device_has_not_is_refused(device, precision, said):
    with pytest.raises(InputError, match=said):
        Placement(device, precision)


@pytest.mark.parametrize("device, number", [("cuda", 0), ("cuda:0", 0), ("cuda:3", 3)])
def test_a_card_has_a_number(device, number):
    assert Placement(device).number == number and not Placement(device).on_cpu


@pytest.mark.parametrize("runtime", ["ncnn", "mlx", "onnx-float16"])
def test_a_runtime_without_cuda_is_refused_by_name_before_it_is_looked_for(runtime):
    with pytest.raises(InputError, match=f"--device cuda: not with --runtime {runtime}; there are torch, onnx"):
        check_choice(runtime, Placement("cuda"))
    if runtime == "ncnn":
        check_choice("auto", Placement("cuda"))


def test_segmentation_stays_in_float32_on_the_same_card(monkeypatch):
    from parity.community1 import networks

    asked = {}

    def embedding(arrays, runtime, threads, placement):
        asked["embedding"] = placement
        return type("Network", (), {"trunk": None, "head": None, "batch": 5, "whole": "whole"})()

    monkeypatch.setattr(networks, "load_embedding", embedding)
    monkeypatch.setattr(networks, "solve_plda", lambda plda: None)
    monkeypatch.setattr(networks, "_segmentation", lambda *words: asked.__setitem__("segmentation", words[-1]))
    made = networks.build_networks({}, {}, {}, 1, "torch", Placement("cuda:1", "float16"))
    assert asked == {"embedding": Placement("cuda:1", "float16"), "segmentation": Placement("cuda:1")}
    assert (made.whole, made.batch) == ("whole", 5)


def test_half_precision_is_torchs_alone():
    with pytest.raises(InputError, match="--precision float16: with --runtime torch only"):
        Placement("cuda", "float16").check_runtime("onnx")
    Placement("cuda", "tf32").check_runtime("onnx")


def test_auto_on_a_card_is_torch_and_onnx_where_torch_is_not(monkeypatch):
    from parity.networks.wespeaker import choice

    monkeypatch.setattr(choice, "at_hand", lambda name: True)
    assert choose_runtime("auto", {}, Placement("cuda")) == "torch"
    monkeypatch.setattr(choice, "at_hand", lambda name: name != "torch")
    assert choose_runtime("auto", {}, Placement("cuda")) == "onnx"


def test_a_batch_takes_half_of_what_is_free():
    assert batch_of(1000, 100) == 5
    assert batch_of(10, 100) == 1
    assert batch_of(10**12, 100) == MOST_CHUNKS


def test_onnx_runtime_without_cuda_refuses_the_device_in_one_line(rng, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(InputError, match="was built without CUDA: pip install onnxruntime-gpu") as caught:
        OnnxNetwork(build_pyannet(random_pyannet(rng)), 1, Placement("cuda"))
    assert "\n" not in str(caught.value)


def test_onnx_runtime_that_falls_back_to_the_cpu_is_refused(rng, monkeypatch):
    class Session:
        def __init__(self, model, options, providers):
            self.asked = providers

        def get_providers(self):
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    with pytest.raises(InputError, match=r"--device cuda:1: onnxruntime .* cannot use CUDA here"):
        OnnxNetwork(b"", 1, Placement("cuda:1", "tf32"))


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(5)
