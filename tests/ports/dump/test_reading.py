"""Reading a dump: every form is read, and every bad file is one clear line that names it; nothing is unpickled."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.dump_examples import reference, write

from parity.errors import InputError
from parity.files import limits, npy
from parity.files.whole import sha256_file
from parity.ports.arrays import read_arrays
from parity.ports.dump.reading import dumps_below, read_dump

EMBEDDINGS = np.random.default_rng(0).normal(size=(4, 3, 256)).astype(np.float32)


def npy_bytes(array: np.ndarray, **options) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **options)
    return stream.getvalue()


def header_only(text: str, version: bytes = b"\x01\x00") -> bytes:
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text.encode("latin-1")


def problems(folder) -> list[str]:
    found = read_dump(folder)
    assert not any("\n" in problem for problem in found.problems)
    return found.problems


# forms


@pytest.mark.parametrize("file", ["embeddings.npy", "raw_embeddings.npz", "mine.npz", "mine.safetensors"])
def test_each_form_gives_the_same_array(tmp_path, file):
    if file.endswith(".npy"):
        np.save(tmp_path / file, EMBEDDINGS)
    elif file.endswith(".npz"):
        np.savez_compressed(tmp_path / file, embeddings=EMBEDDINGS)
    else:
        save_file({"embeddings": EMBEDDINGS}, tmp_path / file)
    found = read_dump(tmp_path)
    assert found.problems == [] and np.array_equal(found.values["embeddings"], EMBEDDINGS)
    assert found.values["embeddings"].dtype == np.float32


def test_a_snapshot_is_a_dump():
    assert reference().problems == [] and len(reference().values) == 24
    of_chunks = {"chunk_waveforms_chunks", "fbank_chunks", "segmentation_logits_chunks"}
    assert set(reference().beside) == {"segmentation_gap", *of_chunks}


@pytest.mark.parametrize("dtype", [">f4", ">f8", "<f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_byte_order_and_memory_order_are_converted_and_said(tmp_path, dtype, order):
    np.save(tmp_path / "embeddings.npy", np.asarray(EMBEDDINGS, dtype=dtype, order=order))
    found = read_dump(tmp_path)
    got = found.values["embeddings"]
    assert found.problems == [] and got.dtype.isnative and got.flags.c_contiguous
    assert np.array_equal(got, EMBEDDINGS)
    said = " ".join(found.notes)
    assert ("big-endian, converted" in said) == dtype.startswith(">")
    assert ("Fortran order, converted" in said) == (order == "F")


@pytest.mark.parametrize("shape", [(), (0,), (0, 3, 256), (1, 1)])
def test_empty_arrays_and_scalars_are_read(shape):
    data = npy_bytes(np.zeros(shape))
    array, notes = npy.read_npy("x", io.BytesIO(data), len(data))
    assert array.shape == shape and notes == []


def test_a_lone_rttm_file_is_the_plain_diarization_by_any_name(tmp_path):
    (tmp_path / "meeting.rttm").write_text("SPEAKER m 1 0 1 <NA> <NA> A <NA> <NA>\n")
    found = read_dump(tmp_path)
    assert list(found.values) == ["diarization"] and "the only RTTM there is" in found.notes[0]
    assert read_dump(tmp_path / "meeting.rttm").values == found.values


def test_a_tree_is_told_from_a_recording(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "embeddings.npy", EMBEDDINGS)
    assert list(dumps_below(tmp_path)) == ["a", "b"] and list(dumps_below(tmp_path / "a")) == ["."]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds neither arrays nor RTTM nor folders"):
        dumps_below(tmp_path / "empty")


# bad files


class Trap:
    """Unpickling it creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("file", ["embeddings.npy", "mine.npz"])
def test_object_arrays_are_refused_and_never_unpickled(tmp_path, file):
    trap, dumps = tmp_path / "sprung", tmp_path / "dump"
    dumps.mkdir()
    objects = np.array([Trap(trap)], dtype=object)
    if file.endswith(".npy"):
        np.save(dumps / file, objects, allow_pickle=True)
    else:
        np.savez(dumps / file, embeddings=objects)
    (problem,) = problems(dumps)
    assert file in problem and "Python objects" in problem and "never opened" in problem
    assert not trap.exists()


def test_a_bare_pickle_is_not_opened_either(tmp_path):
    trap = tmp_path / "sprung"
    (tmp_path / "dump").mkdir()
    (tmp_path / "dump" / "embeddings.npy").write_bytes(pickle.dumps(Trap(trap)))
    (problem,) = problems(tmp_path / "dump")
    assert "embeddings.npy: not a .npy array" in problem and not trap.exists()


GOOD = npy_bytes(EMBEDDINGS)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a .npy array"),
        (GOOD[:4], "not a .npy array"),
        (GOOD[:60], "its header is damaged"),
        (GOOD[:-1], "truncated: declares float32 of shape (4, 3, 256), 12,288 bytes, 12,287 follow"),
        (GOOD[:128], "truncated: declares float32 of shape (4, 3, 256), 12,288 bytes, 0 follow"),
        (GOOD + b"x", "12,289 follow: a wrong shape?"),
        (b"PK" + GOOD, "not a .npy array"),
        (header_only("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999, 9999), }"), "a damaged header?"),
        (header_only("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }"), "lengths are from 0 to"),
        (header_only("{'descr': '<f4', 'shape': (1,), }"), "its header is damaged"),
        (header_only("__import__('os').abort()"), "its header is damaged"),
        (header_only("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }"), "expected integers, floats"),
        (header_only("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }"), "expected integers, floats"),
        (header_only("{'descr': '|V8', 'fortran_order': False, 'shape': (1,), }"), "expected integers, floats"),
        (header_only("{}", b"\x07\x01"), "version 7.1; versions 1.0 and 2.0 are read"),
    ],
)
def test_a_bad_npy_is_one_line_that_names_it(tmp_path, data, words):
    (tmp_path / "embeddings.npy").write_bytes(data)
    (problem,) = problems(tmp_path)
    assert problem.startswith(f"{tmp_path / 'embeddings.npy'}: ") and words in problem


def test_version_2_is_read(tmp_path):
    (tmp_path / "embeddings.npy").write_bytes(npy_bytes(EMBEDDINGS, version=(2, 0)))
    assert problems(tmp_path) == []


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return stream.getvalue()


def declaring(archive: bytes, size: int) -> bytes:
    """The archive with another uncompressed size in its central directory."""
    at = archive.index(b"PK\x01\x02") + 24
    return archive[:at] + struct.pack("<I", size) + archive[at + 4 :]


def test_a_zip_bomb_is_refused_by_what_it_declares_before_anything_is_read(tmp_path, monkeypatch):
    (tmp_path / "mine.npz").write_bytes(declaring(zipped(embeddings=GOOD), 0xFFFFFFF0))
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("a member was opened"))
    (problem,) = problems(tmp_path)
    assert "unpacks to 4,294,967,280 bytes" in problem and "zip bomb" in problem


def test_many_members_are_limited_together(tmp_path, monkeypatch):
    zeros = npy_bytes(np.zeros(1 << 20))
    (tmp_path / "mine.npz").write_bytes(zipped(post_xvec=zeros, post_plda=zeros))
    monkeypatch.setattr(limits, "MOST_BYTES", 15 << 20)
    assert "zip bomb" in problems(tmp_path)[0]
    monkeypatch.setattr(limits, "MOST_BYTES", 17 << 20)
    assert problems(tmp_path) == []


def test_an_archive_that_declares_less_than_it_unpacks_to_is_read_no_further(tmp_path):
    (tmp_path / "mine.npz").write_bytes(declaring(zipped(embeddings=GOOD), 200))
    (problem,) = problems(tmp_path)
    assert "mine.npz: embeddings: truncated" in problem


def test_one_bad_member_does_not_hide_the_others(tmp_path):
    archive = zipped(embeddings=GOOD[:-5], post_xvec=npy_bytes(np.zeros((2, 128))), nonsense=GOOD, phi=b"phi")
    (tmp_path / "mine.npz").write_bytes(archive)
    found = read_dump(tmp_path)
    assert list(found.values) == ["post_xvec"] and len(found.problems) == 3
    assert all(any(w in line for line in found.problems) for w in ("embeddings: trunc", "phi: not", "key nonsense"))


def test_a_damaged_archive_is_one_line(tmp_path):
    whole = zipped(embeddings=npy_bytes(np.zeros((4, 3, 256), np.float32)))
    damaged = bytearray(whole)
    damaged[60] ^= 0xFF
    for data in (whole[: len(whole) // 2], bytes(damaged), b"not a zip"):
        (tmp_path / "mine.npz").write_bytes(data)
        (problem,) = problems(tmp_path)
        assert "mine.npz" in problem


def test_a_member_that_is_no_array_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "mine.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "holds readme.txt" in problems(tmp_path)[0]


def test_bad_safetensors_are_one_line(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file({"embeddings": EMBEDDINGS}, path)
    whole = path.read_bytes()
    for data in (whole[:-1], whole[:20], b"", struct.pack("<Q", 1 << 60) + whole[8:]):
        path.write_bytes(data)
        (problem,) = problems(tmp_path)
        assert "mine.safetensors: not a .safetensors file, truncated or damaged" in problem
    header = json.dumps({"embeddings": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    assert "embeddings is F8_E4M3; expected BF16, F32, F64 or integers" in problems(tmp_path)[0]


# names


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("embedding.npy", "did you mean embeddings?"),
        ("xyzzy.npy", "names are in docs/reference/dumps.md"),
        ("embeddings.bin", "no artefact lies in a file of that name"),
    ],
)
def test_an_unknown_name_is_said_with_the_likely_one(tmp_path, file, words):
    np.save(tmp_path / "count.npy", np.zeros((5, 1), np.uint8))
    (tmp_path / file).write_bytes(GOOD)
    (problem,) = problems(tmp_path)
    assert file in problem and words in problem


def test_an_artefact_that_is_there_twice_is_said(tmp_path):
    np.save(tmp_path / "embeddings.npy", EMBEDDINGS)
    np.savez(tmp_path / "raw_embeddings.npz", embeddings=EMBEDDINGS)
    assert "one of them has to go" in problems(tmp_path)[0]


def test_a_folder_inside_and_a_folder_without_anything_are_said(tmp_path):
    assert "holds no artefact" in problems(tmp_path)[0]
    (tmp_path / "more").mkdir()
    assert "a folder inside a recording's folder" in problems(tmp_path)[0]


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(InputError, match="neither a folder nor an RTTM file"):
        read_dump(tmp_path / "nowhere")


def test_a_manifest_that_is_no_json_is_said(tmp_path):
    np.save(tmp_path / "embeddings.npy", EMBEDDINGS)
    for text in ("{", "[]", "\xff"):
        (tmp_path / "manifest.json").write_text(text, encoding="latin-1")
        (problem,) = problems(tmp_path)
        assert "manifest.json" in problem


def test_reading_changes_nothing(tmp_path):
    np.save(tmp_path / "embeddings.npy", EMBEDDINGS)
    before = sha256_file(tmp_path / "embeddings.npy")
    read_dump(tmp_path).values["embeddings"][:] = 0
    assert sha256_file(tmp_path / "embeddings.npy") == before


# arrays under test are read the same


def test_arrays_under_test_are_read_with_everything_wrong_said_at_once(tmp_path):
    write(tmp_path, reference(), only=("embeddings", "phi", "sp_final"))
    whole = (tmp_path / "phi.npy").read_bytes()
    (tmp_path / "phi.npy").write_bytes(whole[:-9])
    np.save(tmp_path / "embeding.npy", np.zeros(3))
    np.save(tmp_path / "sp_final.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError) as caught:
        read_arrays(tmp_path)
    said = str(caught.value)
    assert said.startswith(f"--arrays {tmp_path}: 3 things are wrong: ") and "\n" not in said
    assert all(w in said for w in ("phi.npy: truncated", "did you mean embeddings?", "these are pickles"))


def test_arrays_under_test_may_not_be_a_zip_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MOST_BYTES", 1 << 16)
    np.savez_compressed(tmp_path / "raw_embeddings.npz", embeddings=np.zeros((99, 3, 256), np.float32))
    with pytest.raises(InputError, match="a zip bomb is not read"):
        read_arrays(tmp_path)


def test_arrays_under_test_may_be_of_any_form_that_a_dump_has(tmp_path):
    values = reference().values
    np.savez(tmp_path / "port.npz", embeddings=values["embeddings"], count=values["count"].astype(np.int32))
    comment = ";; written by a port\n\n"
    (tmp_path / "mine.rttm").write_text(comment + values["diarization"], encoding="utf-8")
    found = read_arrays(tmp_path)
    assert set(found) == {"embeddings", "count", "diarization"} and found["count"].dtype == np.uint8
    assert len(found["diarization"]) == 13


def test_a_tree_of_its_own_among_the_recordings_is_no_recording(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "reference.rttm").write_text("")
    (tmp_path / "other_pipeline" / "two").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    assert list(dumps_below(tmp_path)) == ["empty", "one"]


def test_brain_floats_are_read_without_loss(tmp_path):
    values = np.array([[1.0, -2.5], [3.0e38, np.inf]], dtype=np.float32)
    halves = (values.view(np.uint32) >> 16).astype("<u2")
    header = json.dumps(
        {
            "phi": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
            "embeddings": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [4, 12]},
        }
    ).encode()
    data = np.float32(7).tobytes() + halves.tobytes()
    (tmp_path / "mine.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + data)
    dump = read_dump(tmp_path)
    assert dump.problems == [] and "BF16" in dump.notes[0]
    assert dump.values["embeddings"].dtype == np.float32
    assert np.array_equal(dump.values["embeddings"], (halves.astype(np.uint32) << 16).view(np.float32))
    assert dump.values["embeddings"][0].tolist() == [1.0, -2.5] and dump.values["phi"] == 7
