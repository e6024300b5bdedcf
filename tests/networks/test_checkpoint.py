"""The restricted reader: what torch would give, and nothing executed, whatever the file says."""

from __future__ import annotations

import contextlib
import io
import math
import os
import pickle
import re
import struct
import sys
import tarfile
import time
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.errors import InputError
from parity.networks import checkpoint, torch_pickle
from parity.networks.checkpoint import (
    Global,
    Reduced,
    check_finite,
    combined_hash,
    read_checkpoint,
    tensor_hashes,
)
from parity.networks.torch_tensors import DTYPES

FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
F32 = np.dtype("<f4")


# --- A small assembler of pickles and of the zips around them ---


def name(module: str, attribute: str) -> bytes:
    return f"c{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def integer(value: int) -> bytes:
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def tup(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def ints(*values: int) -> bytes:
    return tup(*map(integer, values))


def mapping(**values: bytes) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in values.items()) + b"u"


def storage(key: str, numel: int, kind: str = "FloatStorage", module: str = "torch") -> bytes:
    return tup(text("storage"), name(module, kind), text(key), text("cpu"), integer(numel)) + b"Q"


def tensor(stored: bytes, offset: bytes, size: bytes, stride: bytes, *more: bytes, version: str = "_v2") -> bytes:
    hooks = name("collections", "OrderedDict") + b")R"
    return (
        name("torch._utils", f"_rebuild_tensor{version}")
        + tup(stored, offset, size, stride, b"\x89", hooks, *more)
        + b"R"
    )


def view(key: str, numel: int, offset: int, size: tuple, stride: tuple, kind: str = "FloatStorage") -> bytes:
    return tensor(storage(key, numel, kind), integer(offset), ints(*size), ints(*stride))


def write(
    path: Path, program: bytes, data: dict | None = None, *, top: str = "archive", method: int = 0, **more
) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr(f"{top}/data.pkl", b"\x80\x02" + program + b".")
        for key, content in (data or {}).items():
            archive.writestr(f"{top}/data/{key}", content)
        for key, content in more.items():
            archive.writestr(f"{top}/{key}", content)
    return path


def refused(path: Path, words: str) -> str:
    """Read a file that must be refused; give the message, one line that starts with the file's name."""
    with pytest.raises(InputError, match=words) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert len(message) < len(str(path)) + 1000
    return message


NUMBERS = np.arange(24, dtype=F32)
SIMPLE = mapping(weight=view("0", 24, 0, (4, 6), (6, 1)), bias=view("0", 24, 6, (3,), (1,)))


# --- What is read ---


def test_flat_state_dict(tmp_path: Path) -> None:
    found = read_checkpoint(write(tmp_path / "a.pt", SIMPLE, {"0": NUMBERS.tobytes()}, byteorder="little"))
    assert list(found.state_dict) == ["weight", "bias"]
    np.testing.assert_array_equal(found.state_dict["weight"], NUMBERS.reshape(4, 6))
    np.testing.assert_array_equal(found.state_dict["bias"], NUMBERS[6:9])
    assert [array.shape for array in found.tensors] == [(4, 6), (3,)]
    assert found.sha256 == checkpoint.sha256_bytes((tmp_path / "a.pt").read_bytes())


def test_lightning_layout_keeps_the_rest(tmp_path: Path) -> None:
    program = mapping(
        state_dict=SIMPLE,
        hyper_parameters=mapping(sample_rate=integer(16000)),
        kind=name("pyannote.audio.core.task", "Problem") + tup(integer(1)) + b"R",
        version=name("torch.torch_version", "TorchVersion") + tup(text("2.0.1")) + b"\x81",
        size=name("torch", "Size") + tup(ints(3, 4)) + b"R",
        raw=name("_codecs", "encode") + tup(text("\xff"), text("latin1")) + b"R",
    )
    found = read_checkpoint(write(tmp_path / "a.ckpt", program, {"0": NUMBERS.tobytes()}, top="any name"))
    assert list(found.state_dict) == ["weight", "bias"]
    assert found.tree["hyper_parameters"] == {"sample_rate": 16000}
    assert (found.tree["kind"].callable, found.tree["kind"].args) == (
        Global("pyannote.audio.core.task", "Problem"),
        (1,),
    )
    assert (found.tree["version"], found.tree["size"], found.tree["raw"]) == ("2.0.1", (3, 4), b"\xff")


def test_arrays_own_their_data_even_if_storages_are_shared(tmp_path: Path) -> None:
    weights = read_checkpoint(write(tmp_path / "a.pt", SIMPLE, {"0": NUMBERS.tobytes()})).state_dict
    for array in weights.values():
        assert array.flags.c_contiguous
        assert array.flags.owndata
        assert array.flags.writeable
    weights["weight"][:] = -1
    assert weights["bias"].tolist() == [6, 7, 8]


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (6, 4), (1, 6)),  # transposed
        (1, (3, 2), (7, 2)),  # steps and an offset
        (5, (), ()),  # 0-d
        (0, (0, 3), (3, 1)),  # empty
        (99, (0,), (1,)),  # empty, beyond the end: touches nothing
        (2, (4, 3), (0, 1)),  # expanded
        (23, (1, 1), (10**12, 10**12)),  # strides that nothing follows
    ],
)
def test_views(tmp_path: Path, offset: int, size: tuple, stride: tuple) -> None:
    path = write(tmp_path / "a.pt", mapping(x=view("0", 24, offset, size, stride)), {"0": NUMBERS.tobytes()})
    want = np.zeros(size, F32)
    for index in np.ndindex(size):
        want[index] = NUMBERS[offset + sum(i * s for i, s in zip(index, stride))]
    got = read_checkpoint(path).state_dict["x"]
    np.testing.assert_array_equal(got, want, strict=True)
    assert got.flags.c_contiguous


@FAST
@given(data=st.data())
def test_any_view_is_exact_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    size = tuple(data.draw(st.lists(st.integers(0, 4), max_size=4)))
    stride = tuple(data.draw(st.integers(-1, 9)) for _ in size)
    offset = data.draw(st.integers(-1, 30))
    path = write(tmp_path / "a.pt", mapping(x=view("0", 24, offset, size, stride)), {"0": NUMBERS.tobytes()})
    last = offset + sum((n - 1) * s for n, s in zip(size, stride))
    if min((offset, *stride)) < 0 or (math.prod(size) and last >= 24):
        refused(path, "a tensor ")
        return
    got = read_checkpoint(path).state_dict["x"]
    for index in np.ndindex(size):
        assert got[index] == NUMBERS[offset + sum(i * s for i, s in zip(index, stride))]


KINDS = [
    ("ByteStorage", "|u1"),
    ("CharStorage", "|i1"),
    ("ShortStorage", "<i2"),
    ("IntStorage", "<i4"),
    ("LongStorage", "<i8"),
    ("HalfStorage", "<f2"),
    ("FloatStorage", "<f4"),
    ("DoubleStorage", "<f8"),
    ("ComplexFloatStorage", "<c8"),
    ("ComplexDoubleStorage", "<c16"),
]


@pytest.mark.parametrize(("kind", "dtype"), KINDS)
@pytest.mark.parametrize("size", [(2, 3), ()])
def test_dtypes(tmp_path: Path, kind: str, dtype: str, size: tuple) -> None:
    want = np.array(np.arange(6).astype(dtype).reshape(2, 3) if size else 5, dtype)
    stride = (3, 1)[: len(size)]
    path = write(tmp_path / "a.pt", mapping(x=view("0", want.size, 0, size, stride, kind)), {"0": want.tobytes()})
    np.testing.assert_array_equal(read_checkpoint(path).state_dict["x"], want, strict=True)


@pytest.mark.parametrize("size", [(5,), ()])
def test_bool_and_bfloat16(tmp_path: Path, size: tuple) -> None:
    stride = (1,)[: len(size)]
    program = mapping(
        flag=view("0", 5, 0, size, stride, "BoolStorage"),
        brain=view("1", 5, 0, size, stride, "BFloat16Storage"),
    )
    brain = np.array([1.5, -2.0, np.inf, 1e-40, np.nan], F32)
    high = (brain.view(np.uint32) >> 16).astype("<u2")
    found = read_checkpoint(write(tmp_path / "a.pt", program, {"0": bytes([2, 0, 1, 255, 0]), "1": high.tobytes()}))
    want = (high.astype(np.uint32) << 16).view(F32)
    flags = np.array([True, False, True, True, False])
    np.testing.assert_array_equal(found.state_dict["flag"], flags if size else flags[0])
    np.testing.assert_array_equal(found.state_dict["brain"], want if size else want[0])
    assert found.state_dict["flag"].dtype == np.bool_
    assert found.state_dict["brain"].dtype == F32
    assert all(isinstance(array, np.ndarray) and array.flags.c_contiguous for array in found.tensors)


def test_other_rebuilders(tmp_path: Path) -> None:
    hooks = name("collections", "OrderedDict") + b")R"
    plain = view("0", 24, 0, (2,), (1,))
    inner = tup(storage("0", 24), integer(3), ints(2), ints(1), b"\x89", hooks)
    program = mapping(
        old=name("torch._utils", "_rebuild_tensor") + tup(storage("0", 24), integer(1), ints(2), ints(1)) + b"R",
        parameter=name("torch._utils", "_rebuild_parameter") + tup(plain, b"\x88", hooks) + b"R",
        buffer=name("torch._tensor", "_rebuild_from_type_v2")
        + tup(name("torch._utils", "_rebuild_tensor_v2"), name("torch", "Tensor"), inner, b"}")
        + b"R",
        short=tensor(
            storage("0", 96, "UntypedStorage", "torch.storage"),
            *(integer(2), ints(2), ints(1), name("torch", "uint16")),
            version="_v3",
        ),
    )
    found = read_checkpoint(write(tmp_path / "a.pt", program, {"0": NUMBERS.tobytes()})).state_dict
    assert {key: value.tolist() for key, value in found.items() if key != "short"} == {
        "old": [1, 2],
        "parameter": [0, 1],
        "buffer": [3, 4],
    }
    np.testing.assert_array_equal(found["short"], NUMBERS.view("<u2")[2:4], strict=True)


def test_metadata_of_an_ordered_dict_is_kept_and_nothing_else(tmp_path: Path) -> None:
    state = mapping(_metadata=mapping(version=integer(2)), items=integer(5), __class__=integer(6))
    program = (
        name("collections", "OrderedDict") + b")R" + text("x") + view("0", 24, 0, (1,), (1,)) + b"s" + state + b"b"
    )
    tree = read_checkpoint(write(tmp_path / "a.pt", program, {"0": NUMBERS.tobytes()})).tree
    assert type(tree) is OrderedDict
    assert tree._metadata == {"version": 2}
    assert next(iter(tree)) == "x"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_what_pickle_writes_is_read(tmp_path: Path, protocol: int) -> None:
    shared = [1.5, "é\ud800", None]
    tree = {
        "a": [True, False, 2**40, -(2**1000), -1, 255, 70000],
        "b": (shared, (), shared, (1,), (1, 2), (1, 2, 3, 4)),
    }
    tree |= {
        "c": b"\x00\xff" * 200,
        "d": OrderedDict(x={}),
        (1, "k"): "tuple key",
        7: "long" * 100,
        None: 1.0,
    }
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps(tree, protocol))
    found = read_checkpoint(path)
    assert found.tree == tree
    assert found.tree["b"][0] is found.tree["b"][2]
    with pytest.raises(InputError, match="state dict has 'a', a list"):
        _ = found.state_dict


def test_inert_records_take_whatever_is_done_to_them(tmp_path: Path) -> None:
    thing = name("a.b", "C") + tup(integer(1)) + b"R"
    program = thing + b"(" + integer(2) + integer(3) + b"e" + integer(4) + b"a"
    program += text("k") + integer(5) + b"s" + mapping(s=integer(6)) + b"b"
    tree = read_checkpoint(write(tmp_path / "a.pt", program)).tree
    assert isinstance(tree, Reduced)
    assert (tree.callable, tree.args, tree.new) == (Global("a.b", "C"), (1,), False)
    assert (tree.elements, tree.items, tree.state) == ([2, 3, 4], [("k", 5)], {"s": 6})
    assert repr(tree) == "Reduced(a.b.C, 1 args)"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (b"}", "is empty"),
        (b"N", "is a NoneType"),
        (b"]", "is a list"),
        (mapping(state_dict=b"}", epoch=integer(1)), "content is empty"),
        (mapping(epoch=integer(1)), "'epoch', a int"),
        (mapping(model=name("torch.nn", "Module") + b")R"), "'model', a Reduced"),
        (mapping(state_dict=mapping(x=b"N")), "'x', a NoneType"),
        (b"}" + integer(3) + view("0", 24, 0, (1,), (1,)) + b"s", "has 3, a ndarray"),
    ],
)
def test_no_state_dict(tmp_path: Path, program: bytes, words: str) -> None:
    found = read_checkpoint(write(tmp_path / "a.pt", program, {"0": NUMBERS.tobytes()}))
    with pytest.raises(InputError, match=words) as caught:
        _ = found.state_dict
    assert str(tmp_path / "a.pt") in str(caught.value)


# --- Files that are no checkpoints ---


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"hello", "is not a zip"),
        (b"PK\x03\x04 and so on", "truncated"),
        (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + b"more", "legacy format .before 1.6"),
        (pickle.dumps({"a": 1}, 2), "bare pickle"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"<!doctype html>", "web page"),
        (b"\x1f\x8b\x08\x00", "gzip"),
    ],
)
def test_foreign_files(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    refused(path, words)


def test_tar_folder_and_missing(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    refused(tmp_path / "a.tar", "oldest format, a tar")
    refused(tmp_path, "is a folder")
    refused(tmp_path / "none.pt", "no such file")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind root")
def test_unreadable(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", b"}")
    path.chmod(0)
    refused(path, "cannot be read: Permission denied")


def test_zip_without_or_with_two_pickles(tmp_path: Path) -> None:
    for names in (["x.npy"], ["a/b/data.pkl"], ["a/data.pkl", "b/data.pkl"]):
        with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
            for member in names:
                archive.writestr(member, b"\x80\x02N.")
        refused(tmp_path / "a.pt", "members <folder>/data.pkl, wants 1")


def test_big_endian(tmp_path: Path) -> None:
    refused(write(tmp_path / "a.pt", b"N", byteorder="big"), "byte order is b'big'")


def test_truncated_at_every_length(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.pt", SIMPLE, {"0": NUMBERS.tobytes()}).read_bytes()
    path = tmp_path / "part.pt"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        refused(path, "empty|not a zip|truncated")


def test_truncated_pickle_at_every_length(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    for length in range(len(SIMPLE)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl", b"\x80\x02" + SIMPLE[:length])
            archive.writestr("a/data/0", NUMBERS.tobytes())
        refused(path, "data.pkl")


def test_altered_storage(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", SIMPLE, {"0": NUMBERS.tobytes()})
    path.write_bytes(path.read_bytes().replace(NUMBERS[5:7].tobytes(), NUMBERS[6:8].tobytes()))
    refused(path, "Bad CRC-32")


@FAST
@given(data=st.data())
def test_any_altered_byte_gives_a_checkpoint_or_one_line(tmp_path: Path, data: st.DataObject) -> None:
    program = bytearray(mapping(state_dict=SIMPLE, v=name("torch", "Size") + tup(ints(1, 2)) + b"R", l=b"](K\x01e"))
    for _ in range(data.draw(st.integers(1, 4))):
        program[data.draw(st.integers(0, len(program) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path / "a.pt", bytes(program), {"0": NUMBERS.tobytes()})
    try:
        read_checkpoint(path)
    except InputError as error:
        assert "\n" not in str(error)


@FAST
@given(data=st.data())
def test_any_altered_byte_of_the_zip(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(write(tmp_path / "a.pt", SIMPLE, {"0": NUMBERS.tobytes()}, byteorder="little").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a.pt").write_bytes(content)
    try:
        read_checkpoint(tmp_path / "a.pt")
    except InputError as error:
        assert "\n" not in str(error)


# --- Hostile files ---


CANARY = "import_me_and_the_canary_dies"


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that every hostile pickle below would make; importing a module on the path makes it too."""
    path = tmp_path / "canary"
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / f"{CANARY}.py").write_text(f"open({str(path)!r}, 'w').close()\ndef boom(*args): pass\n")
    monkeypatch.syspath_prepend(modules)
    return path


class Attack:
    """A pickle that runs a command by way of `__reduce__`, as Python's own pickle writes it."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple:
        return os.system, (self.command,)


def attacks(path: Path) -> dict[str, bytes]:
    command = text(f"touch {path}")
    code = text(f"open({str(path)!r}, 'w').close()")
    system, short = name("os", "system"), b"\x8c\x02os\x8c\x06system\x93"
    getter = (
        name("builtins", "getattr")
        + tup(name("builtins", "__import__") + tup(text("os")) + b"R", text("system"))
        + b"R"
    )
    storage_attack = tup(
        text("storage"), name("torch", "FloatStorage"), system + tup(command) + b"R", text("cpu"), integer(1)
    )
    return {
        "reduce": system + tup(command) + b"R",
        "python's own": pickle.dumps(Attack(f"touch {path}"), 2)[2:-1],
        "python's own, protocol 4": pickle.dumps(Attack(f"touch {path}"), 4)[2:-1],
        "newobj": system + tup(command) + b"\x81",
        "newobj_ex": system + tup(command) + b"}\x92",
        "inst": b"(" + command + b"ios\nsystem\n",
        "obj": b"(" + system + command + b"o",
        "stack_global": short + tup(command) + b"R",
        "eval": name("builtins", "eval") + tup(code) + b"R",
        "python 2 eval": name("__builtin__", "eval") + tup(code) + b"R",
        "nested getattr": getter + tup(command) + b"R",
        "dotted": name("os", "path.os.system") + tup(command) + b"R",
        "setstate": name("collections", "OrderedDict") + b")R" + mapping(__setstate__=system) + b"b" + command + b"b",
        "build": system + tup(command) + b"R" + command + b"b",
        "import": name(CANARY, "boom") + b")R",
        "import only": name(CANARY, "boom"),
        "extension": b"\x82\x01" + tup(command) + b"R",
        "extension 4": b"\x84\x01\x00\x00\x00" + tup(command) + b"R",
        "persistent id": tup(system + tup(command) + b"R") + b"Q",
        "persistent key": storage_attack + b"Q",
        "persistent text": b"Pos.system\n",
        "load_from_bytes": name("torch.storage", "_load_from_bytes") + tup(b"C\x04" + b"evil") + b"R",
        "run": name("torch._utils", "_rebuild_device_tensor_from_numpy") + tup(getter) + b"R",
        "escape": b"cos\\x2e\nsyst\\x65m\n" + tup(command) + b"R",
        "unsafe deserializer": name("numpy", "load") + tup(command) + b"R",
        "dictionary key": b"}" + system + tup(command) + b"R" + b"Ns",
        "tensor hooks": tensor(storage("0", 24), integer(0), ints(1), ints(1), system + tup(command) + b"R"),
    }


@pytest.mark.parametrize("kind", attacks(Path("x")))
def test_nothing_is_executed(tmp_path: Path, canary: Path, kind: str) -> None:
    path = write(tmp_path / "a.pt", attacks(canary)[kind], {"0": NUMBERS.tobytes()})
    try:
        found = read_checkpoint(path)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        with pytest.raises(InputError):
            _ = found.state_dict
    assert not canary.exists()
    assert CANARY not in sys.modules


def beside_good_weights(kind: str, path: Path) -> bytes:
    """A state dict with an attack: its result is kept beside the weights, or thrown away before them."""
    attack = attacks(path)[kind]
    return attack + b"0" + mapping(state_dict=SIMPLE)


@pytest.mark.parametrize("kind", attacks(Path("x")))
def test_good_weights_beside_an_attack_are_given_to_nobody(tmp_path: Path, canary: Path, kind: str) -> None:
    path = write(tmp_path / "a.pt", beside_good_weights(kind, canary), {"0": NUMBERS.tobytes()})
    with pytest.raises(InputError) as caught:
        _ = read_checkpoint(path).state_dict
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert not canary.exists()


@pytest.mark.parametrize(
    "named",
    [
        *(("functools", "partial"), ("torch.hub", "load"), ("torch", "load"), ("torch.utils.cpp_extension", "load")),
        *(("pyannote.audio.core.model", "Model.from_pretrained"), ("pyannote.audio", "Inference"), ("numpy", "load")),
        *(("copyreg", "_reconstructor"), ("operator", "methodcaller"), ("torch.jit", "load"), ("no_such", "Thing")),
        *(("torch._dynamo", "Config"), ("builtins", "getattr"), ("torch", "_C._load"), ("torch.nn", "Module.eval")),
    ],
)
def test_what_is_not_known_to_be_harmless_is_refused_even_if_only_named(tmp_path: Path, named: tuple) -> None:
    path = write(tmp_path / "a.pt", mapping(state_dict=SIMPLE, x=name(*named)), {"0": NUMBERS.tobytes()})
    with pytest.raises(InputError, match=rf"would import or call '{named[0]}.{named[1]}'"):
        _ = read_checkpoint(path).state_dict


def test_the_attacks_are_real(tmp_path: Path, canary: Path) -> None:
    done = []
    for kind, program in attacks(canary).items():
        with contextlib.suppress(Exception):
            pickle.loads(b"\x80\x02" + program + b".")
        if canary.exists():
            done.append(kind)
            canary.unlink()
        sys.modules.pop(CANARY, None)
    assert {"reduce", "inst", "obj", "stack_global", "eval", "nested getattr", "build", "import only"} <= set(done)


def test_hostile_globals_are_only_names(tmp_path: Path) -> None:
    tree = read_checkpoint(write(tmp_path / "a.pt", name("os", "system") + tup(text("x")) + b"R")).tree
    assert (tree.callable, tree.args) == (Global("os", "system"), ("x",))
    assert not callable(tree)
    assert not callable(tree.callable)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (view("0", 24, 0, (5, 6), (6, 1)), "ends at element 29 of storage '0', which has 24"),
        (view("0", 24, 20, (5,), (1,)), "offset 20 ends at element 24"),
        (view("0", 24, 0, (2,), (1 << 40,)), "ends at element"),
        (view("0", 24, 0, (1 << 47, 1 << 47), (0, 0)), "its tensors expand to over"),
        (view("0", 24, 0, (1 << 47, 1 << 47, 0), (0, 0, 0)), "damaged"),
        (view("0", 24, 0, (2,), (-1,)), "size, stride or offset -1"),
        (view("0", 24, -1, (2,), (1,)), "size, stride or offset -1"),
        (view("0", 24, 0, (-2,), (1,)), "size, stride or offset -2"),
        (view("0", 24, 0, (1 << 60,), (1,)), "size, stride or offset 1152921504606846976"),
        (view("0", 24, 0, (2, 2), (1,)), "tuples of one length"),
        (view("0", 24, 0, (1,) * 33, (1,) * 33), "tuples of one length, up to 32"),
        (tensor(storage("0", 24), b"\x88", ints(1), ints(1)), "offset True"),
        (tensor(storage("0", 24), integer(0), tup(text("1")), ints(1)), "offset '1'"),
        (tensor(storage("0", 24), integer(0), b"]", ints()), "tuples of one length"),
        (tensor(text("0"), integer(0), ints(1), ints(1)), "rebuilt from a str"),
        (tensor(storage("0", 24), integer(0), ints(1), ints(1), mapping(conj=b"\x88")), "lazily conjugated"),
        (
            tensor(storage("0", 24), integer(0), ints(1), ints(1), name("torch", "float8_e5m2"), version="_v3"),
            "dtype 'float8_e5m2'",
        ),
        (view("0", 25, 0, (1,), (1,)), "has 96 bytes, wants 100"),
        (view("0", 23, 0, (1,), (1,)), "has 96 bytes, wants 92"),
        (view("0", -24, 0, (1,), (1,)), "has 96 bytes, wants -96"),
        (view("7", 24, 0, (1,), (1,)), "no member 'data/7'"),
        (view("../data.pkl", 24, 0, (1,), (1,)), "no member"),
        (view("0", 24, 0, (1,), (1,), "QInt8Storage"), "is a 'QInt8Storage'; known are"),
        (storage("0", 24, module="os"), "persistent id other than"),
        (
            tup(text("module"), name("torch", "FloatStorage"), text("0"), text("cpu"), integer(24)) + b"Q",
            "persistent id",
        ),
        (text("0") + b"Q", "persistent id"),
        (b"", "STOP: ValueError"),
        (b"NN", "STOP: ValueError"),
        (b"h\x05", "BINGET: KeyError"),
        (b"t", "TUPLE: IndexError"),
        (b"\x85", "TUPLE1: IndexError"),
        (b"(\x85", "TUPLE1: IndexError"),
        (b"}(Nu", "SETITEMS: ValueError"),
        (b"}]Ns", "a list is a key"),
        (b"})" + 20 * b"\x85" + b"Ns", "a tuple is a key"),
        (b"}(" + 17 * b"N" + b"tNs", "a tuple is a key, wants a plain value or up to 16"),
        (b"NNNs", "sets items of a NoneType"),
        (b"}Na", "appends to a dict"),
        (b"NNb", "gives a NoneType a state"),
        (view("0", 24, 0, (1,), (1,)) + b"Nb", "gives a ndarray a state"),
        (text("f") + b")R", "calls a str with a tuple"),
        (name("a", "b") + b"NR", "calls a Global with a NoneType"),
        (b"NN\x93", "two strings"),
        (b"\xfe", "opcode b'.xfe' at byte 2, which torch.save never writes"),
        (b"X\xff\xff\xff\x7fabc", "BINUNICODE: ValueError"),
        (b"X\x02\x00\x00\x00\xff\xff", "BINUNICODE: UnicodeDecodeError"),
        (b"c\xff\n\xff\n", "GLOBAL: UnicodeDecodeError"),
        (b"S'\\q'\n", "opcode b'S'"),
    ],
)
def test_malformed_programs(tmp_path: Path, program: bytes, words: str) -> None:
    refused(write(tmp_path / "a.pt", program, {"0": NUMBERS.tobytes()}), words)


def test_codec_is_compared_as_text_only(tmp_path: Path) -> None:
    program = name("_codecs", "encode") + tup(text("a"), view("0", 24, 0, (3,), (1,))) + b"R"
    assert isinstance(read_checkpoint(write(tmp_path / "a.pt", program, {"0": NUMBERS.tobytes()})).tree, Reduced)


def test_shared_tuples_that_unfold_to_terabytes_cost_nothing(tmp_path: Path) -> None:
    bomb = b")" + b"".join(b"q" + bytes([i]) + b"0(h" + bytes([i]) + b"h" + bytes([i]) + b"t" for i in range(200))
    started = time.perf_counter()
    found = read_checkpoint(write(tmp_path / "a.pt", mapping(x=bomb)))
    with pytest.raises(InputError, match="'x', a tuple"):
        _ = found.state_dict
    refused(write(tmp_path / "b.pt", b"}" + bomb + b"Ns"), "a tuple is a key")
    refused(write(tmp_path / "c.pt", bomb + b"Q"), "persistent id")
    refused(write(tmp_path / "d.pt", tensor(bomb, bomb, bomb, bomb)), "rebuilt from a tuple")
    assert time.perf_counter() - started < 1


def test_deep_nesting_neither_crashes_nor_recurses(tmp_path: Path) -> None:
    found = read_checkpoint(write(tmp_path / "a.pt", b"]" * 100_000 + b"a" * 99_999))
    assert len(found.tree) == 1


def test_recursion_through_buffers_is_refused(tmp_path: Path) -> None:
    rebuilder = name("torch._tensor", "_rebuild_from_type_v2") + b"q\x00"
    nested = b"(h\x00N" * 5000 + b")" + b"Nt" * 5000
    refused(write(tmp_path / "a.pt", rebuilder + nested + b"R"), "RecursionError")


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.pt", b"N0" * 50 + b"N")
    monkeypatch.setattr(torch_pickle, "MAX_OPCODES", 100)
    refused(path, "over 100 opcodes")
    monkeypatch.setattr(checkpoint, "MAX_PICKLE", 100)
    refused(path, "data.pkl has 104 bytes, over the limit of 100")
    monkeypatch.setattr(checkpoint, "MAX_BYTES", 100)
    refused(path, r"has \d+ bytes, over the limit of 100")


def test_tensors_may_not_multiply(tmp_path: Path) -> None:
    # 400 views of one storage of 1 MB: 400 MB from 1, where 8 times the file and 64 MB are allowed.
    whole = tensor(b"h\x07", integer(0), ints(250_000), ints(1))
    program = storage("0", 250_000) + b"q\x070(" + whole * 400 + b"t"
    refused(write(tmp_path / "a.pt", program, {"0": bytes(1_000_000)}), "its tensors expand to over 7")


def test_bytes_may_not_multiply(tmp_path: Path) -> None:
    big = text("a" * 1_000_000) + b"q\x000"
    call = name("_codecs", "encode") + tup(b"h\x00", text("latin1")) + b"R0"
    refused(write(tmp_path / "a.pt", big + call * 200 + b"N"), "expand to over")


def test_zip_bomb(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", b"N", {"0": bytes(10_000_000)}, method=zipfile.ZIP_DEFLATED)
    refused(path, "expands from .* over the limits of 200 times")


def test_deflated_members_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", SIMPLE, {"0": NUMBERS.tobytes()}, method=zipfile.ZIP_DEFLATED)
    np.testing.assert_array_equal(read_checkpoint(path).state_dict["bias"], NUMBERS[6:9])


def test_other_compression(tmp_path: Path) -> None:
    refused(
        write(tmp_path / "a.pt", SIMPLE, {"0": NUMBERS.tobytes()}, method=zipfile.ZIP_LZMA),
        "uses compression 14",
    )


def test_stored_member_that_declares_more_than_it_has(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", SIMPLE, {"0": NUMBERS.tobytes()})
    content = path.read_bytes()
    at = content.rindex(b"PK\x01\x02")
    path.write_bytes(content[: at + 24] + struct.pack("<I", 1 << 31) + content[at + 28 :])
    refused(path, "expands from 96 to 2147483648 bytes")


def test_overlapping_members(tmp_path: Path) -> None:
    # Both sizes of a stored member are raised to claim its neighbours.
    path = write(tmp_path / "a.pt", SIMPLE, {"0": NUMBERS.tobytes()})
    content = path.read_bytes()
    at = content.rindex(b"PK\x01\x02")
    path.write_bytes(content[: at + 20] + struct.pack("<II", 1 << 20, 1 << 20) + content[at + 28 :])
    refused(path, "members claim")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", SIMPLE, {"0": NUMBERS.tobytes()})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/data/0", b"other")
    refused(path, "3 members but 2 names")


def test_encrypted_member(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pt", SIMPLE, {"0": NUMBERS.tobytes()})
    content = bytearray(path.read_bytes())
    for match in re.finditer(rb"PK\x01\x02", bytes(content)):
        content[match.start() + 8] |= 1
    path.write_bytes(content)
    refused(path, "encrypted")


# --- What one asks of weights ---


def test_check_finite() -> None:
    good = {"a": np.ones(3, F32), "n": np.array(5), "empty": np.zeros(0, F32)}
    check_finite(good, Path("x.pt"))
    bad = good | {"b": np.array([1, np.nan, -np.inf], F32), "c": np.array(np.inf)}
    with pytest.raises(InputError, match=r"x.pt: tensor 'b' has 2 of 3 values .* 2 of 5 tensors"):
        check_finite(bad, Path("x.pt"))


def test_hashes_are_of_content() -> None:
    base = np.arange(6, dtype="<f4").reshape(2, 3)
    other_ways = {"order": np.asfortranarray(base), "endian": base.astype(">f4"), "view": base.T.copy().T}
    hashes = tensor_hashes({"base": base} | other_ways)
    assert len(set(hashes.values())) == 1
    assert hashes["base"] == checkpoint.sha256_bytes(b"<f4(2, 3)" + base.tobytes())
    different = {
        "shape": base.reshape(3, 2),
        "dtype": base.astype("<f8"),
        "value": base + 1,
        "0-d": np.array(1.0),
    }
    assert len(set(tensor_hashes(different | {"base": base}).values())) == 5


def test_combined_hash_ignores_order_but_not_names() -> None:
    assert combined_hash({"a": "1", "b": "2"}) == combined_hash({"b": "2", "a": "1"})
    assert combined_hash({"a": "1", "b": "2"}) != combined_hash({"a": "2", "b": "1"})
    assert combined_hash({"b": "2", "a": "1"}) == checkpoint.sha256_bytes(b"a:1\nb:2\n")


# --- Against torch ---


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_as_torch_reads_it(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    base = torch.arange(60, dtype=torch.float32).reshape(5, 12)
    tensors = {
        "plain": base,
        "transposed": base.T,
        "slice": base[1:4, 2:9:3],
        "row": base[2],
        "expanded": base[:1].expand(4, 12),
        "scalar": torch.tensor(3.5, dtype=torch.float64),
        "empty": torch.zeros(0, 4),
        "parameter": torch.nn.Parameter(base[:2]),
        "frozen": torch.nn.Parameter(base[3:], requires_grad=False),
        "buffer": torch.nn.Buffer(base + 1),
        "channels last": torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last),
    }
    for dtype in sorted(DTYPES.keys() - {"bfloat16"}):
        tensors[dtype] = torch.arange(7).to(getattr(torch, dtype))
    brain = torch.randn(3, 4).to(torch.bfloat16)
    tree = {
        "state_dict": OrderedDict(tensors, brain=brain),
        "epoch": 3,
        "device": torch.device("cpu"),
        "half": torch.float16,
    }
    torch.save(tree, tmp_path / "a.pt")
    found = read_checkpoint(tmp_path / "a.pt")
    assert list(found.state_dict) == [*tensors, "brain"]
    for key, want in tensors.items():
        np.testing.assert_array_equal(found.state_dict[key], want.detach().numpy(), strict=True, err_msg=key)
    np.testing.assert_array_equal(found.state_dict["brain"], brain.float().numpy(), strict=True)
    assert (found.tree["device"].callable, found.tree["device"].args) == (Global("torch", "device"), ("cpu",))
    assert found.tree["half"] == Global("torch", "float16")


@pytest.mark.torch
def test_state_dict_of_a_module(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(
        torch.nn.Conv1d(2, 3, 5), torch.nn.BatchNorm1d(3), torch.nn.LSTM(3, 4, bidirectional=True)
    )
    torch.save(module.state_dict(), tmp_path / "avg_model.pt")
    found = read_checkpoint(tmp_path / "avg_model.pt")
    want = {key: value.numpy() for key, value in module.state_dict().items()}
    assert tensor_hashes(found.state_dict) == tensor_hashes(want)
    assert found.tree._metadata == module.state_dict()._metadata


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_torch_files_we_refuse(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.ones(2)}, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    refused(tmp_path / "old.pt", "legacy format")
    torch.save({"a": torch.ones(2, dtype=torch.complex64).conj()}, tmp_path / "lazy.pt")
    refused(tmp_path / "lazy.pt", "lazily conjugated")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(InputError, match="content is a Reduced"):
        _ = read_checkpoint(tmp_path / "module.pt").state_dict
