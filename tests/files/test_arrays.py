"""Files of arrays, mutated: every one is read, or refused in one line; nothing else is raised."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parity.files.arrays import Contents, read_file


def npy(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """A `.npy` file with any text for a header."""
    text = header.encode("latin1") + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(text)) + text + data


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def archive(method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for name, data in members.items():
            file.writestr(f"{name}.npy", data)
    return stream.getvalue()


def read(folder: Path, suffix: str, data: bytes) -> Contents:
    path = folder / f"x{suffix}"
    path.write_bytes(data)
    contents = read_file(path)
    assert all("\n" not in line and str(path) in line and len(line) < 400 for line in contents.problems)
    return contents


HEADERS = {
    "truncated dict": "{'descr': '<f4', 'fortran_order': False, 'shape': (3,",
    "an open text": "{'descr': '<f4",
    "descr as a tuple": "{'descr': ('<f4',), 'fortran_order': False, 'shape': (3,)}",
    "descr as a nested tuple": "{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (3,)}",
    "descr as a list": "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}",
    "descr as a number": "{'descr': 5, 'fortran_order': False, 'shape': (3,)}",
    "shape of 2**70": "{'descr': '<f4', 'fortran_order': False, 'shape': (1180591620717411303424,)}",
    "shape of 2**70 and nothing": "{'descr': '<f4', 'fortran_order': False, 'shape': (1180591620717411303424, 0)}",
    "71 dims": f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({'1, ' * 71})}}",
    "a negative length": "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}",
    "shape as a list": "{'descr': '<f4', 'fortran_order': False, 'shape': [3]}",
    "shape of floats": "{'descr': '<f4', 'fortran_order': False, 'shape': (3.0,)}",
    "no dict": "[1, 2]",
    "nothing": "",
    "keys twice over": "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}",
    "brackets": "(" * 3000,
    "a call": "__import__('os').system('true')",
    "objects": "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
    "texts": "{'descr': '<U3', 'fortran_order': False, 'shape': (3,)}",
    "complex": "{'descr': '<c16', 'fortran_order': False, 'shape': (3,)}",
    "order as a text": "{'descr': '<f4', 'fortran_order': 'no', 'shape': (3,)}",
}


@pytest.mark.parametrize("kind", HEADERS)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_a_header_that_is_none_is_said(tmp_path, kind, suffix):
    data = npy(HEADERS[kind], bytes(12))
    found = read(tmp_path, suffix, data if suffix == ".npy" else archive(a=data, b=saved(np.zeros(2))))
    assert len(found.problems) == 1 and None not in found.arrays and "a" not in found.arrays
    assert suffix == ".npy" or list(found.arrays) == ["b"]  # one bad member does not hide the others


def patched(data: bytes, find: bytes, at: int, value: bytes) -> bytes:
    place = data.index(find) + at
    return data[:place] + value + data[place + len(value) :]


ARCHIVES = {
    "encrypted": lambda data: patched(data, b"PK\x01\x02", 8, b"\x01\x00"),
    "of version 25.5": lambda data: patched(data, b"PK\x01\x02", 6, b"\xff\x00"),
    "of method 99": lambda data: patched(patched(data, b"PK\x01\x02", 10, b"\x63\x00"), b"PK\x03\x04", 8, b"\x63\x00"),
    "without its end": lambda data: data[:-10],
    "empty": lambda _: b"",
    "a text": lambda _: b"hello",
    "a bad checksum": lambda data: patched(data, b"PK\x01\x02", 16, b"\x00\x00\x00\x00"),
    "another length": lambda data: patched(data, b"PK\x01\x02", 24, b"\xff\xff\x00\x00"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_an_archive_that_is_none_is_said(tmp_path, kind, method):
    found = read(tmp_path, ".npz", ARCHIVES[kind](archive(method, a=saved(np.arange(5.0)))))
    assert found.problems and not found.arrays


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_damage_inside_a_member_of_every_method_is_said(tmp_path, method):
    whole = archive(method, a=saved(np.random.default_rng(0).normal(size=500)))
    for at in range(60, len(whole) - 120, 97):
        found = read(tmp_path, ".npz", whole[:at] + bytes(b ^ 0x55 for b in whole[at : at + 4]) + whole[at + 4 :])
        assert found.problems and not found.arrays, at


WHOLE = {
    ".npy": saved(np.arange(12, dtype="<f4").reshape(3, 4)),
    ".npz": archive(a=saved(np.arange(6)), b=saved(np.ones((2, 2)))),
}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_whatever_the_bytes_nothing_is_raised_and_nothing_but_numbers_comes_back(tmp_path, suffix, data):
    mutated = bytearray(WHOLE[suffix])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated) - 1))
        mutated[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(mutated)) | st.just(len(mutated)))
    found = read(tmp_path, suffix, bytes(mutated[:cut]))
    assert found.arrays or found.problems or suffix == ".npz"
    assert all(array.dtype.kind in "biuf" for array in found.arrays.values())
