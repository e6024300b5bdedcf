"""Files that hold arrays: `.npy`, `.npz`, `.safetensors`; every member read, or what is wrong with it said.

Conventions: an archive's declared sizes are checked before anything in it is read; one bad member does not hide what is
wrong with the others.
"""

from __future__ import annotations

import io
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from parity.errors import InputError, one_line
from parity.files import npy
from parity.files.limits import LARGEST_ARRAY, MEMORY, as_text, largest_array, memory_limit
from parity.files.opening import check_regular, open_regular

DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, ValueError, LookupError),
    *(ArithmeticError, TypeError),  # NotImplementedError, of methods and versions, is a RuntimeError
)
"""What `zipfile` raises for archives that are damaged, encrypted, or of a kind that it does not know."""
SMALL = 64 << 20
"""Bytes that are read without asking how many are free."""

SUFFIXES = (".npy", ".npz", ".safetensors")
AT_ONCE = 1 << 16
"""Bytes of a member that is read at once."""
_SAFETENSORS_DTYPES = {
    "BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "F32", "F64",
}  # fmt: skip


@dataclass
class Contents:
    """What one file holds.

    Attributes
    ----------
    arrays : key -> array; the key of a `.npy` file is None
    keys : all that an archive holds, read or not
    notes : what was converted
    problems : what could not be read, one line each
    """

    arrays: dict[str | None, np.ndarray] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_file(
    path: Path, suffix: str | None = None, only: Collection[str] | None = None, texts: Collection[str] = ()
) -> Contents:
    """What is in a file of one of `SUFFIXES`; never raises for what the file holds.

    Parameters
    ----------
    suffix : what kind of file it is, where its name does not say
    only : keys of an archive, where not everything is wanted; no other member is opened
    texts : keys of an `.npz` that hold a text, as a manifest of JSON, instead of numbers
    """
    contents = Contents()
    try:
        if (suffix or path.suffix) == ".npy":
            _read_npy(path, contents)
        else:
            readers: dict[str, Callable[[Path, Contents, Collection[str] | None], None]] = {
                ".npz": partial(_read_npz, texts=texts),
                ".safetensors": _read_safetensors,
            }
            readers[suffix or path.suffix](path, contents, only)
    except InputError as error:
        contents.problems.append(str(error))
    except OSError as error:
        contents.problems.append(f"{path}: cannot be read ({error.strerror or error})")
    return contents


def _read_npy(path: Path, contents: Contents) -> None:
    with open_regular(path) as stream:
        contents.arrays[None], notes = npy.read_npy(str(path), stream, path.stat().st_size)
    contents.notes += notes


def _read_npz(path: Path, contents: Contents, only: Collection[str] | None, texts: Collection[str]) -> None:
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            members = _members(path, archive, contents)
            contents.keys += [_key(info) for info in members]
            for info in [info for info in members if only is None or _key(info) in only]:
                _read_member(path, archive, info, contents, text=_key(info) in texts)
    except DAMAGED as error:
        raise InputError(f"{path}: not an .npz archive, truncated or damaged ({one_line(error, 120)})") from None


def _members(path: Path, archive: zipfile.ZipFile, contents: Contents) -> list[zipfile.ZipInfo]:
    infos = archive.infolist()
    declared = sum(info.file_size for info in infos)
    if declared > (limit := largest_array()):
        raise InputError(
            f"{path}: unpacks to {declared:,} bytes (it has {path.stat().st_size:,}), the limit is {limit:,} "
            f"({LARGEST_ARRAY}): a zip bomb is not read"
        )
    _check_memory(path, declared)
    names = [info.filename for info in infos]
    contents.problems += [f"{path}: holds {name} twice" for name in sorted({n for n in names if names.count(n) > 1})]
    odd = [name for name in names if not name.endswith(".npy")]
    contents.problems += [f"{path}: holds {name}; an .npz archive holds .npy members only" for name in odd]
    return [info for info in infos if info.filename not in odd]


def _check_memory(path: Path, size: int) -> None:
    if size > SMALL and size > (free := memory_limit()):
        raise InputError(
            f"{path}: unpacks to {as_text(size)}, the limit is {as_text(free)} "
            f"({MEMORY}, by default half of what is free)"
        )


def _key(info: zipfile.ZipInfo) -> str:
    return info.filename.removesuffix(".npy")


def _read_member(
    path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, contents: Contents, *, text: bool
) -> None:
    key = _key(info)
    place = f"{path}: {key}"
    try:
        with archive.open(info) as stream:
            # A small member at once, for a call of a member's `read` takes longer than a small array.
            whole = io.BytesIO(stream.read(info.file_size)) if info.file_size <= AT_ONCE else stream
            contents.arrays[key], notes = npy.read_npy(place, whole, info.file_size, text=text)
            stream.read(1)  # the end of the member is where its checksum is compared
        contents.notes += notes
    except InputError as error:
        contents.problems.append(str(error))
    except (*DAMAGED, OSError) as error:
        contents.arrays.pop(key, None)
        contents.problems.append(f"{place}: truncated, damaged or encrypted ({one_line(error, 120)})")


def _read_safetensors(path: Path, contents: Contents, only: Collection[str] | None) -> None:
    check_regular(path)
    if (size := path.stat().st_size) > (limit := largest_array()):
        raise InputError(f"{path}: {size:,} bytes, the limit is {limit:,} ({LARGEST_ARRAY})")
    _check_memory(path, size)
    try:
        with safe_open(str(path), framework="np") as tensors:
            contents.keys += sorted(tensors.keys())
            for key in [key for key in contents.keys if only is None or key in only]:
                dtype = tensors.get_slice(key).get_dtype()
                if dtype in _SAFETENSORS_DTYPES:
                    contents.arrays[key] = tensors.get_tensor(key)
                elif dtype == "BF16":
                    contents.arrays[key] = _brain_floats(path, key)
                    contents.notes.append(f"{path}: {key}: BF16, converted to float32 without loss")
                else:
                    contents.problems.append(f"{path}: {key} is {dtype}; expected BF16, F32, F64 or integers")
    except SafetensorError as error:
        raise InputError(f"{path}: not a .safetensors file, truncated or damaged ({one_line(error, 120)})") from None


def _brain_floats(path: Path, key: str) -> np.ndarray:
    """A BF16 tensor as float32: its 16 bits are the upper half of a float32's. NumPy has no such dtype."""
    with open_regular(path) as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))[key]
        start, end = header["data_offsets"]
        stream.seek(8 + length + start)
        halves = np.frombuffer(stream.read(end - start), dtype="<u2")
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(header["shape"])
