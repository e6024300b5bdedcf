"""Checkpoints of the embedding network: every layout there is, round trips, and what is refused."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnx
import pytest
import safetensors.numpy
from support.random_arrays import random_wespeaker

from parity.errors import InputError
from parity.networks.checkpoint_writer import write_checkpoint
from parity.networks.wespeaker.architecture import CONVOLUTIONS, expected_shapes
from parity.networks.wespeaker.batch_norm import folded
from parity.networks.wespeaker.checkpoints import read_embedding
from parity.networks.wespeaker.names import MLX_AXES, mlx_layout, pyannote_names
from parity.networks.wespeaker.writers import write_mlx, write_onnx, write_onnx_parts, write_safetensors, write_torch


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return random_wespeaker(np.random.default_rng(5))


def same(got: dict[str, np.ndarray], want: dict[str, np.ndarray]) -> bool:
    return list(got) == list(expected_shapes()) and all(np.array_equal(got[name], want[name]) for name in got)


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_embedding(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


def checkpoint(path: Path, state_dict: dict, nested: bool = False) -> Path:
    state = OrderedDict(state_dict)
    write_checkpoint(path, {"state_dict": state, "epoch": 3} if nested else state)
    return path


# layouts


def of_pyannote(arrays: dict) -> dict:
    counters = {f"resnet.{convolution.norm}.num_batches_tracked": np.array(7) for convolution in CONVOLUTIONS.values()}
    return pyannote_names(arrays) | {n.replace("downsample", "shortcut"): value for n, value in counters.items()}


def of_wespeaker(arrays: dict, prefix: str = "") -> dict:
    named = {f"{prefix}{name.replace('downsample', 'shortcut')}": value for name, value in arrays.items()}
    heads = {"projection.weight": np.ones((5994, 256), np.float32), "seg_2.weight": np.eye(256, dtype=np.float32)}
    heads |= {"seg_2.bias": np.ones(256, np.float32), "seg_bn_1.running_mean": np.ones(256, np.float32)}
    return named | heads | {f"{prefix}bn1.num_batches_tracked": np.array(2.5, np.float32)}  # averaged, so a fraction


def of_mlx_modules(arrays: dict) -> dict:
    found = {}
    for name, value in arrays.items():
        moved = value.transpose(MLX_AXES) if value.ndim == 4 else value
        name = name.replace("downsample.0", "shortcut_conv").replace("downsample.1", "shortcut_bn")
        found[f"{name[:6]}.layers{name[6:]}" if name.startswith("layer") else name.replace("seg_1", "fc")] = moved
    return found


def test_pyannotes_nested_checkpoint_is_read(arrays, tmp_path):
    found = read_embedding(checkpoint(tmp_path / "pytorch_model.bin", of_pyannote(arrays), nested=True))
    assert same(found.arrays, arrays) and found.container == "torch checkpoint"
    assert len(found.dropped) == 36 and all(name.endswith("num_batches_tracked") for name in found.dropped)


@pytest.mark.parametrize("prefix", ["", "model.", "module.", "module.model."])
def test_wespeakers_own_checkpoint_is_read_and_says_what_is_dropped(arrays, tmp_path, prefix):
    found = read_embedding(checkpoint(tmp_path / "avg_model.pt", of_wespeaker(arrays, prefix)))
    assert same(found.arrays, arrays)
    dropped = {"projection.weight", "seg_2.weight", "seg_2.bias", "seg_bn_1.running_mean"}
    assert set(found.dropped) == dropped | {f"{prefix}bn1.num_batches_tracked"}


@pytest.mark.parametrize("layout", [mlx_layout, of_mlx_modules])
def test_mlx_archives_are_read_with_their_convolutions_turned_back(arrays, tmp_path, layout):
    np.savez(tmp_path / "weights.npz", **layout(arrays))
    found = read_embedding(tmp_path / "weights.npz")
    assert same(found.arrays, arrays) and found.container == "npz"


def test_arrays_of_another_precision_are_widened_and_that_is_said(arrays, tmp_path):
    half = {name: value.astype(np.float16) for name, value in arrays.items()}
    (tmp_path / "x").write_bytes(safetensors.numpy.save(half))
    found = read_embedding(tmp_path / "x")
    assert found.notes == ("float16 to float32",) and found.container == "safetensors"
    assert same(found.arrays, {name: value.astype(np.float32) for name, value in half.items()})


def test_an_exported_graph_with_folded_and_quantised_convolutions_is_read(arrays, tmp_path):
    want, initialisers = folded(arrays), []

    def add(name: str, value: np.ndarray) -> None:
        initialisers.append(onnx.numpy_helper.from_array(value, name))

    for place, convolution in enumerate(CONVOLUTIONS.values()):
        quantised = np.clip(np.rint(want[f"{convolution.name}.weight"] * 64), -128, 127).astype(np.int8)
        want[f"{convolution.name}.weight"] = quantised.astype(np.float32) * np.float32(1 / 64)
        add(f"onnx::Conv_{500 + 3 * place}_quantized", quantised)
        add(f"onnx::Conv_{500 + 3 * place}_scale", np.float32(1 / 64).reshape(()))
        add(f"onnx::Conv_{500 + 3 * place}_zero_point", np.float32(0).reshape(()))
        add(f"onnx::Conv_{501 + 3 * place}", want[f"{convolution.norm}.bias"])
    add("resnet.seg_1.weight", want["seg_1.weight"])
    add("resnet.seg_1.bias", want["seg_1.bias"])
    graph = onnx.helper.make_graph([], "exported", [], [], initialisers)
    (tmp_path / "model.onnx").write_bytes(onnx.helper.make_model(graph).SerializeToString())
    found = read_embedding(tmp_path / "model.onnx")
    assert same(found.arrays, want) and found.notes == ("dequantised",)


def test_folded_convolutions_of_any_container_get_neutral_norms(arrays, tmp_path):
    want, state = folded(arrays), {"seg_1.weight": arrays["seg_1.weight"], "seg_1.bias": arrays["seg_1.bias"]}
    for name, convolution in CONVOLUTIONS.items():
        state |= {f"{name}.weight": want[f"{name}.weight"], f"{name}.bias": want[f"{convolution.norm}.bias"]}
    assert same(read_embedding(checkpoint(tmp_path / "folded.pt", state)).arrays, want)


# round trips


def test_pyannote_to_mlx_to_torch_to_onnx_and_back_is_bit_identical(arrays, tmp_path):
    path = checkpoint(tmp_path / "pytorch_model.bin", of_pyannote(arrays), nested=True)
    first = read_embedding(path)
    (tmp_path / "mlx").mkdir()
    write_mlx(tmp_path / "mlx", first.arrays, "test")
    write_torch(tmp_path / "a.pt", read_embedding(tmp_path / "mlx").arrays)
    write_onnx(tmp_path / "a.onnx", read_embedding(tmp_path / "a.pt").arrays, fold=False)
    write_safetensors(tmp_path / "a.safetensors", read_embedding(tmp_path / "a.onnx").arrays)
    last = read_embedding(tmp_path / "a.safetensors")
    assert same(last.arrays, arrays) and last.sha256 == first.sha256


@pytest.mark.parametrize("fold", [True, False])
def test_a_graph_whole_or_in_parts_holds_the_same_arrays(arrays, tmp_path, fold):
    want = folded(arrays) if fold else arrays
    (tmp_path / "parts").mkdir()
    write_onnx_parts(tmp_path / "parts", arrays, fold=fold)
    write_onnx(tmp_path / "whole.onnx", arrays, fold=fold)
    assert same(read_embedding(tmp_path / "parts").arrays, want)
    assert same(read_embedding(tmp_path / "whole.onnx").arrays, want)


def test_writing_twice_gives_the_same_bytes_and_mlx_its_layout(arrays, tmp_path):
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        write_mlx(folder, arrays, "somewhere")
    assert (tmp_path / "a" / "weights.npz").read_bytes() == (tmp_path / "b" / "weights.npz").read_bytes()
    with np.load(tmp_path / "a" / "weights.npz") as found:
        assert found["resnet.conv1.weight"].shape == (32, 3, 3, 1)
        assert found["resnet.layer2.0.shortcut.0.weight"].shape == (64, 1, 1, 32)
        assert np.array_equal(
            found["resnet.layer1.0.conv1.weight"], arrays["layer1.0.conv1.weight"].transpose(0, 2, 3, 1)
        )
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    assert config == {
        "model_type": "resnet34_embedding",
        "feat_dim": 80,
        "embed_dim": 256,
        "m_channels": 32,
        "pooling": "TSTP",
        "dtype": "float32",
        "source": "somewhere",
    }


# what is refused


def test_everything_missing_unexpected_or_of_another_shape_is_listed_at_once(arrays, tmp_path):
    state = {**arrays, "extra.weight": np.ones(3, np.float32), "bn1.bias": np.ones(31, np.float32)}
    del state["layer1.0.bn1.weight"], state["seg_1.bias"]
    said = refusal(checkpoint(tmp_path / "x.pt", state))
    for part in ("missing layer1.0.bn1.weight", "missing seg_1.bias", "unexpected extra.weight", "bn1.bias is (31,)"):
        assert part in said


@pytest.mark.parametrize(
    ("depths", "bottleneck", "said"),
    [
        ((2, 2, 2, 2), False, "a ResNet18, (2, 2, 2, 2) blocks"),
        ((3, 4, 6, 3), True, "a ResNet50, (3, 4, 6, 3) blocks of three"),
        ((6, 16, 48, 3), True, "a ResNet221"),
        ((3, 4, 6, 4), False, "a ResNet of another depth, (3, 4, 6, 4)"),
    ],
)
def test_a_resnet_of_another_depth_is_called_by_its_name(tmp_path, depths, bottleneck, said):
    kinds = ["conv1", "conv2", *(["conv3"] if bottleneck else [])]
    names = [f"layer{n}.{i}.{kind}.weight" for n, d in enumerate(depths, 1) for i in range(d) for kind in kinds]
    found = refusal(checkpoint(tmp_path / "x.pt", {name: np.ones(2, np.float32) for name in names}))
    assert said in found and "expected a ResNet34" in found and len(found) < 300


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused_by_name(arrays, tmp_path, value):
    broken = {**arrays, "bn1.bias": np.full(32, value, np.float32)}
    assert "tensor 'bn1.bias' has 32 of 32 values NaN or infinite" in refusal(checkpoint(tmp_path / "x.pt", broken))
    (tmp_path / "x.safetensors").write_bytes(safetensors.numpy.save(broken))
    assert "bn1.bias" in refusal(tmp_path / "x.safetensors")


def test_variances_below_zero_are_refused_all_at_once(arrays, tmp_path):
    broken = {**arrays, "bn1.running_var": -arrays["bn1.running_var"]}
    broken["layer4.2.bn2.running_var"] = np.full(256, -1e-3, np.float32)
    said = refusal(checkpoint(tmp_path / "x.pt", broken))
    assert "bn1.running_var, layer4.2.bn2.running_var below 0" in said


def test_a_batch_norm_that_cannot_be_folded_is_named(arrays):
    large = {**arrays, "layer1.0.bn1.weight": np.full(32, 3e38, np.float32)}
    large["layer1.0.bn1.running_var"] = np.zeros(32, np.float32)
    with pytest.raises(InputError, match=r"^layer1\.0\.conv1 with layer1\.0\.bn1 folded into it is past float32"):
        folded(large)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"pooling": "ASTP", "feat_dim": 64, "model_type": "mine"}', "feat_dim 64, expected 80; pooling 'ASTP', exp"),
        ("[]", "not a JSON table"),
        ("{", "not a JSON table"),
    ],
)
def test_a_configuration_of_another_network_is_refused(arrays, tmp_path, text, said):
    write_mlx(tmp_path, arrays, "somewhere")
    (tmp_path / "config.json").write_text(text)
    assert said in refusal(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert same(read_embedding(tmp_path).arrays, arrays)


def test_a_quantised_state_dict_is_refused_with_the_arrays_that_are_whole_numbers(arrays, tmp_path):
    said = refusal(checkpoint(tmp_path / "x.pt", {**arrays, "conv1.weight": np.ones((32, 1, 3, 3), np.int8)}))
    assert "conv1.weight is int8; expected floating-point numbers" in said


def test_two_arrays_for_one_name_are_refused(arrays, tmp_path):
    said = refusal(checkpoint(tmp_path / "x.pt", {**arrays, "resnet.conv1.weight": arrays["conv1.weight"]}))
    assert "holds conv1.weight twice" in said


class Trap:
    """A pickle that would write a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (exec, (f"open({str(self.path)!r}, 'w').close()",))


def test_nothing_in_a_hostile_pickle_runs(tmp_path):
    trap = tmp_path / "sprung"
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"state_dict": {"conv1.weight": Trap(trap)}}, protocol=2))
        archive.writestr("archive/version", "3\n")
    assert "builtin__.exec' where torch loads it: hostile" in refusal(tmp_path / "x.pt")
    hidden = io.BytesIO()
    np.save(hidden, np.array([Trap(trap)], dtype=object))
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("conv1.weight.npy", hidden.getvalue())
    assert "Python objects" in refusal(tmp_path / "x.npz")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Trap(trap), protocol=2))
    assert "bare pickle" in refusal(tmp_path / "bare.pt")
    assert not trap.exists()


class Harmless:
    """What Lightning keeps beside weights."""

    def __reduce__(self):
        return (Path, ("logs",))


@pytest.mark.parametrize("thrown_away", [False, True])
def test_good_weights_beside_a_call_that_acts_are_a_bait_and_refused(arrays, tmp_path, thrown_away):
    path, trap = checkpoint(tmp_path / "good.pt", arrays, nested=True), tmp_path / "sprung"

    def beside(value: object) -> Path:
        bait = pickle.dumps(value, protocol=2)[2:-1]  # without its frame: PROTO and STOP
        with zipfile.ZipFile(path) as good, zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
            for name in good.namelist():
                data = good.read(name)
                if name.endswith("data.pkl"):
                    add = bait + b"0" if thrown_away else b"X\x04\0\0\0more" + bait + b"s"
                    data = data[:2] + add + data[2:] if thrown_away else data[:-1] + add + b"."
                archive.writestr(name, data)
        return tmp_path / "x.pt"

    assert "would import or call '__builtin__.exec'" in refusal(beside(Trap(trap)))
    assert same(read_embedding(beside(Harmless())).arrays, arrays)
    assert not trap.exists()


@pytest.mark.parametrize("share", [0.1, 0.6, 0.999])
@pytest.mark.parametrize("kind", ["pt", "npz", "safetensors", "onnx"])
def test_a_truncated_file_of_any_kind_is_refused(arrays, tmp_path, kind, share):
    path = tmp_path / f"x.{kind}"
    if kind == "pt":
        write_torch(path, arrays)
    elif kind == "npz":
        np.savez(path, **mlx_layout(arrays))
    elif kind == "safetensors":
        write_safetensors(path, arrays)
    else:
        write_onnx(path, arrays)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    refusal(path)


def test_a_tensor_that_ends_past_its_storage_is_refused(arrays, tmp_path):
    tensor = onnx.TensorProto(name="conv1.weight", data_type=1, dims=[32, 1, 3, 3], raw_data=b"\0" * 100)
    model = onnx.helper.make_model(onnx.helper.make_graph([], "x", [], [], [tensor]))
    (tmp_path / "x.onnx").write_bytes(model.SerializeToString())
    assert "not an ONNX model, truncated or damaged" in refusal(tmp_path / "x.onnx")
    header = json.dumps({"conv1.weight": {"dtype": "F32", "shape": [32, 1, 3, 3], "data_offsets": [0, 100]}}).encode()
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 100)
    assert "safetensors" in refusal(tmp_path / "x")


def test_an_onnx_graph_whose_weights_lie_elsewhere_is_refused_and_nothing_is_opened(tmp_path):
    tensor = onnx.TensorProto(name="conv1.weight", data_type=1, dims=[2], data_location=onnx.TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    model = onnx.helper.make_model(onnx.helper.make_graph([], "x", [], [], [tensor]))
    (tmp_path / "x.onnx").write_bytes(model.SerializeToString())
    assert "conv1.weight lies in another file" in refusal(tmp_path / "x.onnx")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"<html>", "web page"), (b"hello", "not a zip"), (b"\x08\x07\xff\xff", "not an ONNX model")],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, content, said):
    (tmp_path / "x.bin").write_bytes(content)
    assert said in refusal(tmp_path / "x.bin")


def test_a_folder_without_weights_or_with_several_is_refused(arrays, tmp_path):
    assert "holds no weights" in refusal(tmp_path)
    write_torch(tmp_path / "avg_model.pt", arrays)
    assert same(read_embedding(tmp_path).arrays, arrays)
    write_safetensors(tmp_path / "model.safetensors", arrays)
    assert "holds avg_model.pt, model.safetensors" in refusal(tmp_path)
    assert "No such file" in refusal(tmp_path / "nowhere")
