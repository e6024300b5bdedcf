"""The writer: what it writes is read as it was, by our reader and by torch, and is the same every time."""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from parity.errors import InputError
from parity.files.whole import sha256_file
from parity.networks import checkpoint_writer
from parity.networks.checkpoint import Global, Reduced, combined_hash, read_checkpoint, tensor_hashes
from parity.networks.checkpoint_writer import write_checkpoint

FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DTYPES = ["?", "i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16"]

names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
keys = st.one_of(st.text(max_size=8), st.integers(-(2**70), 2**70), st.booleans(), st.none(), st.tuples(names, names))
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**2000), 2**2000),
    st.floats(),
    st.text(st.characters(), max_size=12),
    st.binary(max_size=12),
    st.builds(Global, names, names),
    st.sampled_from(DTYPES).flatmap(lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, min_side=0))),
)


def containers(children: st.SearchStrategy) -> st.SearchStrategy:
    several = st.lists(children, max_size=4)
    return st.one_of(
        several,
        several.map(tuple),
        st.dictionaries(keys, children, max_size=4),
        st.dictionaries(keys, children, max_size=4).map(OrderedDict),
        st.builds(
            Reduced,
            st.builds(Global, names, names),
            several.map(tuple),
            children,
            st.booleans(),
            st.lists(st.tuples(keys, children), max_size=2),
            several,
        ),
    )


trees = st.recursive(leaves, containers, max_leaves=8)


def assert_same(got: object, want: object) -> None:
    """The same types, values, order and bits, all the way down."""
    assert type(got) is type(want)
    if isinstance(want, np.ndarray):
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        assert got.tobytes() == want.tobytes()
    elif isinstance(want, Reduced):
        for field in ("callable", "args", "state", "new", "items", "elements"):
            assert_same(getattr(got, field), getattr(want, field))
    elif isinstance(want, (list, tuple)):
        assert len(got) == len(want)
        for one, other in zip(got, want):
            assert_same(one, other)
    elif isinstance(want, dict):
        assert_same(list(got.items()), list(want.items()))
    elif isinstance(want, float):
        assert got.hex() == want.hex()
    else:
        assert got == want


@FAST
@given(tree=trees)
def test_round_trip(tmp_path: Path, tree: object) -> None:
    first, second = tmp_path / "first.pt", tmp_path / "second.pt"
    write_checkpoint(first, tree)
    found = read_checkpoint(first)
    assert_same(found.tree, tree)
    write_checkpoint(second, found.tree)
    assert first.read_bytes() == second.read_bytes()


def test_bytes_do_not_change(tmp_path: Path) -> None:
    tree = {
        "state_dict": OrderedDict(a=np.arange(6, dtype="<f4").reshape(2, 3)),
        "n": [1, 2.5, "x", None, True],
    }
    write_checkpoint(tmp_path / "a.pt", tree)
    # Pinned: a change of this hash is a change of every hash of a file we wrote.
    assert sha256_file(tmp_path / "a.pt") == "e057979be84ed1e7c0454ed14a08ffb0f9954b907b35ff52562905ef84cded35"


def test_layout(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "a.pt", {"a": np.ones(3, "<f4"), "b": np.ones((), ">f8"), "c": np.ones((2, 3)).T})
    content = (tmp_path / "a.pt").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        infos = archive.infolist()
        assert archive.read("archive/version") == b"3\n"
        assert archive.read("archive/byteorder") == b"little"
        sizes = {info.filename: 30 + len(info.filename) + len(info.extra) for info in infos}
        starts = {info.filename: info.header_offset + sizes[info.filename] for info in infos}
    assert [info.filename.removeprefix("archive/") for info in infos] == [
        *("data.pkl", "byteorder", "data/0", "data/1", "data/2", "version")
    ]
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}
    assert {start % 64 for start in starts.values()} == {0}
    assert content[starts["archive/data/1"] :][:8] == np.ones(1, "<f8").tobytes()


def test_what_is_shared_stays_shared(tmp_path: Path) -> None:
    array, items, record = np.ones(3), [1], Reduced(Global("a", "b"), ())
    record.state = {"me": record}
    items.append(items)
    write_checkpoint(tmp_path / "a.pt", {"x": array, "y": array, "l": items, "m": items, "r": record})
    found = read_checkpoint(tmp_path / "a.pt")
    assert len(found.tensors) == 1
    assert found.tree["x"] is found.tree["y"]
    assert found.tree["l"] is found.tree["m"] is found.tree["l"][1]
    assert found.tree["r"].state["me"] is found.tree["r"]


def test_metadata_is_kept(tmp_path: Path) -> None:
    tree = OrderedDict(a=np.ones(2))
    tree._metadata = OrderedDict({"": {"version": 1}})
    write_checkpoint(tmp_path / "a.pt", tree)
    assert read_checkpoint(tmp_path / "a.pt").tree._metadata == {"": {"version": 1}}


def test_hashes_survive(tmp_path: Path) -> None:
    weights = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.array(1, ">i8"), "c": np.zeros((0, 3), "<f2")}
    write_checkpoint(tmp_path / "a.pt", weights)
    found = read_checkpoint(tmp_path / "a.pt").state_dict
    assert combined_hash(tensor_hashes(found)) == combined_hash(tensor_hashes(weights))


class Text(str):
    """Not a str, for a writer that must give the same type back."""


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"a": object()}, "a builtins.object is in it"),
        ([Path("x")], "PosixPath|WindowsPath"),
        (np.float32(1), "a numpy.float32 is in it"),
        (Text("x"), "Text is in it"),
        ({1, 2}, "a builtins.set"),
        (np.array(["x"]), "an array of dtype <U1"),
        (np.array([None]), "an array of dtype object"),
        (np.ones((1,) * 33), "an array of 33 dimensions is in it, limit 32"),
        (1 << 2040, "an integer of 256 bytes is in it, limit 255"),
        (Global("a\nb", "c"), "the global 'a.nb' 'c' is not printable"),
        (Global("\ud800", "c"), "is not printable"),
    ],
)
def test_refused(tmp_path: Path, tree: object, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        write_checkpoint(tmp_path / "a.pt", tree)
    assert str(caught.value).startswith(f"{tmp_path / 'a.pt'}: cannot be written: ")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_nesting_and_size_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep: list = []
    for _ in range(200):
        deep = [deep]
    record = Reduced(Global("a", "b"), ())
    record.args = ([record],)
    bomb: tuple = ("x",)
    for _ in range(60):
        bomb = (bomb, bomb)
    monkeypatch.setattr(checkpoint_writer, "MAX_PICKLE", 10_000)
    for tree, words in (
        (deep, "nested over the limit of 100"),
        (record, "own arguments"),
        (bomb, "over 10000 bytes"),
    ):
        with pytest.raises(InputError, match=words):
            write_checkpoint(tmp_path / "a.pt", tree)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        write_checkpoint(tmp_path / "file" / "a.pt", {})
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="is a folder, expected the name of a file"):
        write_checkpoint(tmp_path / "folder", {})


def test_a_file_there_is_replaced_whole(tmp_path: Path) -> None:
    for value in (1, 2):
        write_checkpoint(tmp_path / "a.pt", value)
        assert read_checkpoint(tmp_path / "a.pt").tree == value
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("weights_only", [False, True])
def test_torch_reads_it(tmp_path: Path, mmap: bool, weights_only: bool) -> None:
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    weights = OrderedDict((f"w.{dtype}", random.integers(0, 2, (3, 4)).astype(dtype).T) for dtype in DTYPES)
    weights |= {
        "empty": np.zeros((0, 2), "<f4"),
        "scalar": np.array(2.5),
        "endian": np.arange(3, dtype=">f4"),
    }
    weights["again"] = weights["scalar"]
    values = {
        "i": [0, -1, 2**31, -(2**62)],
        "f": 1e-300,
        "s": "é",
        "t": (None, True),
        "b": b"\x00\xff",
        "d": {},
    }
    tree = {"state_dict": weights, **values, "size": Reduced(Global("torch", "Size"), ((1, 2),))}
    write_checkpoint(tmp_path / "a.pt", tree)
    found = torch.load(tmp_path / "a.pt", weights_only=weights_only, mmap=mmap)
    assert type(found["state_dict"]) is OrderedDict
    assert {key: found[key] for key in values} == values
    assert found["size"] == torch.Size((1, 2))
    for key, want in weights.items():
        native = want.astype(want.dtype.newbyteorder("="))
        np.testing.assert_array_equal(found["state_dict"][key].numpy(), native, strict=True, err_msg=key)
        assert found["state_dict"][key].is_contiguous()


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_torch_to_us_to_torch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.LSTM(3, 4, num_layers=2), torch.nn.BatchNorm1d(3))
    torch.save({"state_dict": module.state_dict(), "versions": {"torch": torch.__version__}}, tmp_path / "a.ckpt")
    write_checkpoint(tmp_path / "b.ckpt", read_checkpoint(tmp_path / "a.ckpt").tree)
    found = torch.load(tmp_path / "b.ckpt", weights_only=False)
    assert found["versions"] == {"torch": str(torch.__version__)}
    assert found["state_dict"]._metadata == module.state_dict()._metadata
    assert module.load_state_dict(found["state_dict"], strict=True)
    for key, want in module.state_dict().items():
        assert torch.equal(found["state_dict"][key], want)
