"""Every form of file that a map may name, every step to the lab's form, and everything that may be wrong with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from parity.errors import InputError
from parity.maps import Found, parse_map, read_mapped, recordings, through

EMBEDDINGS = np.arange(2 * 3 * 256, dtype=np.float32).reshape(2, 3, 256) / 2**15
COUNT = np.array([[0], [1], [2]], np.uint8)
TURNS = [{"start": 0.5, "end": 1.25, "speaker": "A"}, {"start": 1.0, "end": 2.0, "speaker": "B"}]
RTTM = "SPEAKER r 1 0.500 0.750 <NA> <NA> A <NA> <NA>\nSPEAKER r 1 1.000 1.000 <NA> <NA> B <NA> <NA>\n"


def found(folder: Path, artefact: str, **said: Any) -> Found:
    """What a map of one artefact finds in a folder."""
    lines = [f"{key} = {_toml(value)}" for key, value in said.items()]
    mapping = parse_map("\n".join(["schema = 1", f"[artefacts.{artefact}]", *lines]), "m")
    return read_mapped(through(folder, mapping, chosen=True))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(entry)}" for key, entry in value.items()) + "}"
    return json.dumps(value)


def only_problem(got: Found) -> str:
    (problem,) = got.problems
    assert "\n" not in problem and not got.values
    return problem


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "r").mkdir()
    return tmp_path / "r"


def _save_npy(path: Path) -> dict[str, Any]:
    np.save(path / "a.npy", EMBEDDINGS)
    return {"file": "a.npy"}


def _save_npz(path: Path) -> dict[str, Any]:
    np.savez(path / "a.npz", emb=EMBEDDINGS, other=np.zeros(3))
    return {"file": "a.npz", "key": "emb"}


def _save_safetensors(path: Path) -> dict[str, Any]:
    save_file({"emb": EMBEDDINGS, "other": np.zeros(3)}, path / "a.safetensors")
    return {"file": "a.safetensors", "key": "emb"}


def _save_f32(path: Path) -> dict[str, Any]:
    EMBEDDINGS.tofile(path / "a.f32")
    (path / "a.json").write_text('{"dtype": "float32", "shape": [2, 3, 256]}')
    return {"file": "a.f32"}


def _save_big_endian(path: Path) -> dict[str, Any]:
    EMBEDDINGS.astype(">f4").tofile(path / "a.bin")
    (path / "a.json").write_text('{"dtype": "f32", "shape": [2, 3, 256], "byte_order": "big", "name": "embeddings"}')
    return {"file": "a.bin"}


def _save_column_major(path: Path) -> dict[str, Any]:
    EMBEDDINGS.ravel(order="F").tofile(path / "a.bin")
    (path / "a.json").write_text('{"dtype": "<f4", "shape": [2, 3, 256], "order": "F"}')
    return {"file": "a.bin"}


def _save_bare(path: Path) -> dict[str, Any]:
    EMBEDDINGS.tofile(path / "a.bin")
    return {"file": "a.bin", "stored": "float32", "reshape": [-1, 3, 256]}


def _save_json(path: Path) -> dict[str, Any]:
    (path / "a.json").write_text(json.dumps({"outputs": {"emb": EMBEDDINGS.tolist()}}))
    return {"file": "a.json", "key": "outputs.emb"}


def _save_transposed(path: Path) -> dict[str, Any]:
    np.save(path / "a.npy", EMBEDDINGS.transpose(1, 2, 0))
    return {"file": "a.npy", "axes": [2, 0, 1]}


def _save_scaled(path: Path) -> dict[str, Any]:
    np.save(path / "a.npy", (EMBEDDINGS * 2**15).astype(np.int32) + 7)
    return {"file": "a.npy", "scale": 2**-15, "offset": -7 * 2**-15}


def _save_trace(path: Path) -> dict[str, Any]:
    np.save(path / "a.npy", np.stack([EMBEDDINGS * 0, EMBEDDINGS]))
    return {"file": "a.npy", "index": [-1]}


def _save_range(path: Path) -> dict[str, Any]:
    np.save(path / "a.npy", np.pad(EMBEDDINGS, ((0, 0), (1, 1), (0, 0))))
    return {"file": "a.npy", "index": [":", "1:4"]}


@pytest.mark.parametrize(
    "save",
    [
        _save_npy, _save_npz, _save_safetensors, _save_f32, _save_big_endian, _save_column_major, _save_bare,
        _save_json, _save_transposed, _save_scaled, _save_trace, _save_range,
    ],
)  # fmt: skip
def test_an_array_is_the_same_in_every_form(folder, save):
    got = found(folder, "embeddings", **save(folder))
    assert got.problems == []
    assert got.values["embeddings"].dtype == np.float32 and got.values["embeddings"].flags.c_contiguous
    np.testing.assert_array_equal(got.values["embeddings"], EMBEDDINGS)


def test_a_count_as_int8_becomes_what_the_lab_has(folder):
    np.save(folder / "count.npy", COUNT.astype(np.int8))
    got = found(folder, "count", file="count.npy", dtype="uint8")
    assert got.values["count"].dtype == np.uint8 and np.array_equal(got.values["count"], COUNT)


def test_a_column_of_a_csv_and_a_csv_of_numbers_alone(folder):
    (folder / "c.csv").write_text("frame,count\n0,0\n1,1\n2,2\n")
    (folder / "d.csv").write_text("0\n1\n2\n")
    one = found(folder, "count", file="c.csv", key="count", reshape=[-1, 1])
    other = found(folder, "count", file="d.csv")
    assert one.problems == other.problems == []
    assert all(np.array_equal(got.values["count"], COUNT) for got in (one, other))


def test_null_is_nan_where_an_artefact_may_hold_it(folder):
    rows = EMBEDDINGS.tolist()
    rows[1][2] = [None] * 256
    (folder / "a.json").write_text(json.dumps(rows))
    assert np.isnan(found(folder, "embeddings", file="a.json").values["embeddings"][1, 2]).all()


def test_chunks_of_which_an_artefact_is_kept(folder):
    np.save(folder / "f.npy", np.zeros((1, 998, 80), np.float32))
    got = found(folder, "fbank", file="f.npy", chunks=[4])
    assert got.beside["fbank_chunks"].tolist() == [4]
    assert "has 1 rows, chunks = [4, 5] names 2" in only_problem(found(folder, "fbank", file="f.npy", chunks=[4, 5]))


@pytest.mark.parametrize(
    "said",
    [
        {"file": "t.json"},
        {"file": "u.json", "key": "out.turns"},
        {"file": "t.csv"},
        {"file": "t.rttm"},
        {"file": "d.json", "fields": {"start": "t0", "speaker": "who"}},
    ],
)
def test_turns_are_the_same_in_every_form(folder, said):
    (folder / "t.json").write_text(json.dumps(TURNS))
    (folder / "u.json").write_text(json.dumps({"out": {"turns": TURNS}}))
    named = [{"t0": turn["start"], "duration": turn["end"] - turn["start"], "who": turn["speaker"]} for turn in TURNS]
    (folder / "d.json").write_text(json.dumps(named))
    (folder / "t.csv").write_text("start,end,speaker\n0.5,1.25,A\n1,2,B\n")
    (folder / "t.rttm").write_text(RTTM.replace("0.500", "0.500000"))
    got = found(folder, "diarization", **said)
    assert got.problems == [] and got.values["diarization"] == RTTM


def _one(number: Any = 1.0, **changed: Any) -> str:
    return json.dumps([{**TURNS[0], **changed}])


WRONG_TURNS = {
    "{}": "holds no list of turns",
    "[3]": "turn 1: is '3', expected an object",
    "[{}]": "turn 1: has no 'start'; there are none",
    _one(end=0.25): "turn 1: end = 0.25 is before start = 0.5",
    _one(start=-1.0): "turn 1: start = '-1.0'; seconds are finite and at least 0",
    _one(end=float("nan")): "turn 1: end = 'nan'; seconds are finite",
    _one(end="soon"): "turn 1: end = 'soon'; seconds are finite",
    _one(speaker="A B"): "turn 1: speaker = 'A B'; a name without spaces",
    _one(speaker=None): "turn 1: speaker = 'None'; a name without spaces",
    "[": "not JSON (",
}


@pytest.mark.parametrize("text", WRONG_TURNS)
def test_turns_that_are_none_are_refused(folder, text):
    (folder / "t.json").write_text(text)
    problem = only_problem(found(folder, "diarization", file="t.json"))
    assert problem.startswith(f"m: diarization: {folder}/t.json: ") and WRONG_TURNS[text] in problem


def _raw(data: bytes, said: Any = None) -> dict[str, bytes]:
    return {"a.bin": data} | ({} if said is None else {"a.json": json.dumps(said).encode()})


NUMBERS = EMBEDDINGS.tobytes()
SHAPE = [2, 3, 256]
WRONG_FILES: dict[str, tuple[dict[str, bytes], dict[str, Any], str]] = {
    "missing": ({}, {"file": "a.npy"}, "is not there; `optional = true` where it may be missing"),
    "no dtype": (_raw(NUMBERS), {"file": "a.bin"}, "bare numbers of unknown dtype; a.json beside it says"),
    "half a number": (_raw(NUMBERS[:-1]), {"file": "a.bin", "stored": "float32"}, "are no whole number of float32"),
    "short": (_raw(NUMBERS[:-4], {"dtype": "f32", "shape": SHAPE}), {"file": "a.bin"}, "6,140 bytes, but a.json says"),
    "two dtypes": (_raw(NUMBERS, {"dtype": "f64"}), {"file": "a.bin", "stored": "float32"}, "float32 and f64 at once"),
    "strange dtype": (_raw(NUMBERS, {"dtype": "O"}), {"file": "a.bin"}, "dtype 'O' is none that holds numbers"),
    "strange key": (_raw(NUMBERS, {"dtype": "f32", "stride": 2}), {"file": "a.bin"}, "a.json: says stride; it says"),
    "strange order": (_raw(NUMBERS, {"dtype": "f32", "order": "Z"}), {"file": "a.bin"}, "order = 'Z'; C (last axis"),
    "strange endian": (_raw(NUMBERS, {"dtype": "f32", "byte_order": 3}), {"file": "a.bin"}, "byte_order = 3; little"),
    "strange shape": (_raw(NUMBERS, {"dtype": "f32", "shape": "2"}), {"file": "a.bin"}, "shape = '2'; a list of len"),
    "list beside": (_raw(NUMBERS, [1]), {"file": "a.bin"}, "a.json: is no object"),
    "infinite": (_raw(np.full(4, np.inf, "<f4").tobytes()), {"file": "a.bin", "stored": "float32"}, "numbers are inf"),
    "no json": ({"a.json": b"[1, "}, {"file": "a.json"}, "not JSON ("),
    "ragged": ({"a.json": b"[[1, 2], [3]]"}, {"file": "a.json"}, "has 1 values at [1], where the first such list has"),
    "deeper": ({"a.json": b"[1, [2]]"}, {"file": "a.json"}, "is a list at [1], where its neighbours are numbers"),
    "text": ({"a.json": b'[1, "2"]'}, {"file": "a.json"}, "holds '2', a text, among its numbers"),
    "mixed": ({"a.json": b"[1.5, true]"}, {"file": "a.json"}, "holds both numbers and true or false"),
    "deep": ({"a.json": b"[" * 99 + b"1" + b"]" * 99}, {"file": "a.json"}, "a list of lists more than 8 deep"),
    "beyond": ({"a.json": b"[99999999999999999999]"}, {"file": "a.json"}, "a whole number beyond 64 bits"),
    "no way down": ({"a.json": b'{"a": 1}'}, {"file": "a.json", "key": "b.c"}, "has no 'b' (key = 'b.c'); there is a"),
    "no archive": ({"a.npz": b"PK"}, {"file": "a.npz", "key": "e"}, "not an .npz archive"),
    "no npy": ({"a.npy": b"\x93NUM"}, {"file": "a.npy"}, "not a .npy array"),
    "uneven csv": ({"a.csv": b"1,2\n3\n"}, {"file": "a.csv"}, "rows of several lengths"),
    "csv words": ({"a.csv": b"1,x\n"}, {"file": "a.csv"}, "line 1: 'x' is no number"),
    "no column": ({"a.csv": b"x,y\n1,2\n"}, {"file": "a.csv", "key": "z"}, "has no column 'z'; there are x, y"),
    "empty csv": ({"a.csv": b""}, {"file": "a.csv"}, "is empty; a CSV has at least one row"),
    "out above": ({}, {"file": "../a.npy"}, "lies outside"),
    "out absolute": ({}, {"file": "/etc/passwd", "format": "raw"}, "lies outside"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_file_that_is_wrong_is_named_with_map_artefact_and_value(folder, case):
    files, said, expected = WRONG_FILES[case]
    for name, data in files.items():
        (folder / name).write_bytes(data)
    problem = only_problem(found(folder, "embeddings", **said))
    assert problem.startswith("m: embeddings: ") and said["file"] in problem and expected in problem, problem


WRONG_STEPS: dict[str, tuple[dict[str, Any], str]] = {
    "reshape": ({"reshape": [5, -1]}, "1,536 numbers of shape (2, 3, 256) do not fit reshape = [5, -1]"),
    "index": ({"index": [2]}, "index = [2] is beyond its shape (2, 3, 256)"),
    "indices": ({"index": [0, 0, 0, 0]}, "index takes from 4 axes, it has shape (2, 3, 256)"),
    "axes": ({"axes": [1, 0]}, "axes = [1, 0] orders 2 axes, it has shape (2, 3, 256)"),
    "dtype": ({"dtype": "int8"}, "holds 3.0517578125e-05 at [0, 0, 1], which int8 cannot"),
    "overflow": ({"scale": 1e41}, "e+38 at [0, 0, 112], which float32 cannot"),
}


@pytest.mark.parametrize("case", WRONG_STEPS)
def test_a_step_that_does_not_fit_is_said_with_the_shape(folder, case):
    _save_npy(folder)
    said, expected = WRONG_STEPS[case]
    problem = only_problem(found(folder, "embeddings", file="a.npy", **said))
    assert expected in problem, problem


def test_a_link_that_leads_out_of_the_folder_is_refused(folder):
    np.save(folder.parent / "a.npy", EMBEDDINGS)
    (folder / "a.npy").symlink_to(folder.parent / "a.npy")
    assert "a.npy: lies outside" in only_problem(found(folder, "embeddings", file="a.npy"))


def test_a_missing_file_that_may_be_missing_is_a_note(folder):
    np.save(folder / "a.npy", EMBEDDINGS)
    mapping = parse_map(
        'schema = 1\n[artefacts.embeddings]\nfile = "a.npy"\n[artefacts.phi]\nfile = "p.npy"\noptional = true', "m"
    )
    got = read_mapped(through(folder, mapping, chosen=True))
    assert list(got.values) == ["embeddings"] and got.notes == [f"{folder / 'p.npy'}: not there, and optional: phi"]


def test_files_that_the_map_does_not_name_are_said(folder):
    said = _save_npy(folder)
    np.save(folder / "b.npy", COUNT)
    assert found(folder, "embeddings", **said).notes == [f"{folder}: not in map m, so not read: b.npy"]


def test_only_what_is_asked_for_is_opened(folder):
    np.save(folder / "a.npy", EMBEDDINGS)
    (folder / "b.npy").write_bytes(b"broken")
    mapping = parse_map('schema = 1\n[artefacts.embeddings]\nfile = "a.npy"\n[artefacts.phi]\nfile = "b.npy"', "m")
    place = through(folder, mapping, chosen=True)
    assert read_mapped(place, ["embeddings"]).problems == [] and len(read_mapped(place).problems) == 1


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"sliding_window_step": np.float64(0.5)}, "sliding_window_step = 0.5; chunks of this pipeline have 1 s"),
        ({"sliding_window_step": np.zeros(2)}, "sliding_window_step = 0, 0; chunks"),
        ({"sliding_window_start": None}, "has no sliding_window_start beside data"),
    ],
)
def test_another_sliding_window_is_refused(folder, changed, expected):
    window = {"sliding_window_start": 0.0, "sliding_window_duration": 10.0, "sliding_window_step": 1.0}
    held = {key: value for key, value in {**window, **changed}.items() if value is not None}
    np.savez(folder / "s.npz", data=EMBEDDINGS, **held)
    said = {"file": "s.npz", "key": "data", "window": "chunks"}
    assert expected in only_problem(found(folder, "embeddings", **said))
    np.savez(folder / "s.npz", data=EMBEDDINGS, **window)
    assert found(folder, "embeddings", **said).problems == []
    (folder / "s.json").write_text(json.dumps({"data": EMBEDDINGS.tolist(), **window}))
    assert found(folder, "embeddings", **{**said, "file": "s.json"}).problems == []


TREE = 'schema = 1\nfixtures = {one = "01_first"}\n[artefacts.embeddings]\nfile = "x/{fixture}-emb-{fixture}.npy"\n'


def test_recordings_beside_each_other_are_told_apart_and_renamed(tmp_path):
    (tmp_path / "x").mkdir()
    for name in ("one-emb-one.npy", "two-emb-two.npy", "one-emb-two.npy", ".h-emb-.h.npy"):
        np.save(tmp_path / "x" / name, EMBEDDINGS)
    tree = recordings(through(tmp_path, parse_map(TREE, "m")))
    assert list(tree) == ["01_first", "two"]
    assert np.array_equal(read_mapped(tree["two"]).values["embeddings"], EMBEDDINGS)


ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 9),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.lists(st.one_of(st.integers(-3, 9), st.sampled_from([":", "1:", ":-1"])), max_size=4),
)
STEPS = ("reshape", "index", "axes", "scale", "offset", "dtype", "chunks", "window", "key", "format", "stored")


@given(said=st.dictionaries(st.sampled_from(STEPS), ANY, max_size=4))
def test_whatever_a_map_says_is_done_or_refused_in_one_line(said, tmp_path_factory):
    folder = tmp_path_factory.mktemp("r")
    np.savez(folder / "a.npz", e=EMBEDDINGS)
    table = {"file": "a.npz", "key": "e", **said}
    try:
        got = read_mapped(through(folder, _parsed(table), chosen=True))
    except InputError as error:
        assert str(error).startswith("m: ") and "\n" not in str(error)
        return
    assert len(got.values) + len(got.problems) == 1 and not any("\n" in problem for problem in got.problems)


def _parsed(table: dict[str, Any]) -> Any:
    lines = "\n".join(f"{key} = {_any_toml(value)}" for key, value in table.items())
    return parse_map(f"schema = 1\n[artefacts.embeddings]\n{lines}", "m")


def _any_toml(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)
    return '""' if value is None else json.dumps(value)
