"""One array of a file of any form, as it is stored; and the steps from there to the lab's form.

The steps, in this order: `reshape`, `index`, `axes`, `scale`, `offset`, `dtype`. A step that does not fit is refused
with the shape it was given; a conversion that would change a whole number, too.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError, one_line
from parity.files.arrays import read_file
from parity.files.limits import LARGEST_ARRAY, largest_array
from parity.files.opening import check_regular
from parity.maps.lists import as_array, down, read_columns, read_json
from parity.maps.table import SUFFIXES, WINDOWS, Entry, stored_dtype
from parity.pipeline.artefact import ARTEFACTS, MAY_BE_INFINITE, MAY_HOLD_NAN

BY_SUFFIX = {".f32": "float32", ".f64": "float64", ".i8": "int8"}
DESCRIBED = ("dtype", "shape", "order", "byte_order", "name", "description")
"""What a `NAME.json` beside a file of bare numbers may say; the last two are for people."""

WINDOW_KEYS = ("sliding_window_start", "sliding_window_duration", "sliding_window_step")
CLOSE = 1e-9  # seconds: windows are multiples of 1/16000 s in float64


def read_array(path: Path, entry: Entry) -> tuple[np.ndarray, list[str]]:
    """An entry's array in the lab's form, and what was converted, in words.

    Raises
    ------
    InputError : the file holds no such array, or a step does not fit it; without the file's name
    """
    stored, beside, notes = _stored(path, entry)
    if entry.window is not None:
        _check_window(entry, beside)
    array, said = adapted(stored, entry)
    check_finite(array, entry.artefact)
    if entry.chunks is not None and len(entry.chunks) != len(array):
        raise InputError(f"has {len(array)} rows, chunks = {list(entry.chunks)} names {len(entry.chunks)}")
    return array, [*notes, *said]


def adapted(stored: np.ndarray, entry: Entry) -> tuple[np.ndarray, list[str]]:
    """What is stored, brought to the lab's form; and what was rounded, in words.

    Raises
    ------
    InputError : a step does not fit
    """
    array = _reshaped(stored, entry)
    array = _taken(array, entry)
    if entry.axes is not None:
        if len(entry.axes) != array.ndim:
            raise InputError(f"axes = {list(entry.axes)} orders {len(entry.axes)} axes, it has shape {array.shape}")
        array = array.transpose(entry.axes)
    scaled = (entry.scale, entry.offset) != (1.0, 0.0)
    if scaled:
        array = array.astype(np.float64) * entry.scale + entry.offset
    loose = scaled or entry.form in ("json", "csv")  # of no dtype of their own
    dtype = entry.dtype or (ARTEFACTS[entry.artefact].dtype if loose else None)
    array, notes = (array, []) if dtype is None else _converted(array, np.dtype(dtype))
    return np.ascontiguousarray(array), notes


def check_finite(array: np.ndarray, artefact: str) -> None:
    """Refuse numbers that are none, where an artefact may not hold them.

    Raises
    ------
    InputError : says how many, and the first place
    """
    if array.dtype.kind != "f":
        return
    for what, where, allowed in (("NaN", np.isnan, MAY_HOLD_NAN), ("infinite", np.isinf, MAY_BE_INFINITE)):
        found = where(array)
        if artefact not in allowed and found.any():
            first = [int(i) for i in np.argwhere(found)[0]]
            raise InputError(f"{int(found.sum())} of {array.size} numbers are {what}, the first at {first}")


def _stored(path: Path, entry: Entry) -> tuple[np.ndarray, Any, list[str]]:
    """An array as it is stored, what may say its window, and notes."""
    if entry.form == "raw":
        return _raw(path, entry), None, []
    if entry.form == "csv":
        return read_columns(path, entry.key), None, []
    if entry.form == "json":
        value, holder = down(read_json(path), entry.key)
        return as_array(value), holder, []
    wanted = None if entry.key is None else (entry.key, *(WINDOW_KEYS if entry.window else ()))
    contents = read_file(path, f".{entry.form}", wanted)
    if contents.problems:
        raise InputError(contents.problems[0].removeprefix(f"{path}: "))
    if entry.key not in contents.arrays:
        raise InputError(f"has no key {entry.key!r}; there are {', '.join(contents.keys[:8]) or 'none'}")
    notes = [note.removeprefix(f"{path}: ") for note in contents.notes]
    return contents.arrays[entry.key], contents.arrays, notes


def _raw(path: Path, entry: Entry) -> np.ndarray:
    """A file of bare numbers: dtype and shape from `NAME.json` beside it, from its suffix, or from the map."""
    said = _described(path)
    names = [name for name in (entry.stored, BY_SUFFIX.get(path.suffix), said.get("dtype")) if name is not None]
    if not names:
        raise InputError(f"bare numbers of unknown dtype; {path.stem}.json beside it says dtype and shape, or `stored`")
    dtypes = [_dtype(name) for name in names]
    if len({dtype.newbyteorder("=") for dtype in dtypes}) > 1:
        raise InputError(
            f"is {' and '.join(map(str, names))} at once: the suffix, {path.stem}.json and `stored` differ"
        )
    dtype = dtypes[-1]
    order = said.get("byte_order", "little")
    if order not in ("little", "big"):
        raise InputError(f"{path.stem}.json: byte_order = {order!r}; little or big")
    dtype = dtype.newbyteorder(">" if order == "big" or dtype.str[0] == ">" else "<")
    return _bytes(path, dtype, said)


def _dtype(name: Any) -> np.dtype:
    dtype = stored_dtype(name)
    if dtype is None:
        raise InputError(f"dtype {one_line(name, 40)!r} is none that holds numbers, such as float32 or int8")
    return dtype


def _bytes(path: Path, dtype: np.dtype, said: dict[str, Any]) -> np.ndarray:
    check_regular(path)
    size, shape = path.stat().st_size, said.get("shape")
    if size > (limit := largest_array()):
        raise InputError(f"{size:,} bytes, the limit is {limit:,} ({LARGEST_ARRAY})")
    if size % dtype.itemsize:
        raise InputError(f"{size:,} bytes are no whole number of {dtype.name}, {dtype.itemsize} bytes each")
    count = size // dtype.itemsize
    if shape is not None:
        if not isinstance(shape, list) or any(type(n) is not int or n < 0 for n in shape):
            raise InputError(f"{path.stem}.json: shape = {one_line(shape, 60)!r}; a list of lengths")
        if math.prod(shape) != count:
            need = math.prod(shape) * dtype.itemsize
            raise InputError(f"{size:,} bytes, but {path.stem}.json says {dtype.name} of shape {shape}: {need:,} bytes")
    order = said.get("order", "C")
    if order not in ("C", "F"):
        raise InputError(f"{path.stem}.json: order = {order!r}; C (last axis fastest) or F")
    array = np.fromfile(path, dtype=dtype).astype(dtype.newbyteorder("="), copy=False)
    return array.reshape(shape if shape is not None else (count,), order=order)


def _described(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return {}
    said = read_json(beside)
    if not isinstance(said, dict) or (unknown := sorted(set(said) - set(DESCRIBED))):
        what = f"says {', '.join(unknown)}" if isinstance(said, dict) else "is no object"
        raise InputError(f"{beside.name}: {what}; it says {', '.join(DESCRIBED)}")
    return said


def _check_window(entry: Entry, beside: Any) -> None:
    for key, wanted in zip(WINDOW_KEYS, WINDOWS[str(entry.window)], strict=True):
        if not isinstance(beside, dict) or key not in beside:
            raise InputError(f"has no {key} beside {entry.key}; leave out `window` where there is none")
        got = np.asarray(beside[key], dtype=np.float64).reshape(-1)
        if got.size != 1 or not abs(float(got[0]) - wanted) <= CLOSE:
            said = ", ".join(f"{value:g}" for value in got[:3])
            raise InputError(f"{key} = {said}; {entry.window} of this pipeline have {wanted:g} s")


def _reshaped(array: np.ndarray, entry: Entry) -> np.ndarray:
    if entry.reshape is None:
        return array
    try:
        return array.reshape(entry.reshape)
    except ValueError:
        size = f"{array.size:,} numbers of shape {array.shape}"
        raise InputError(f"{size} do not fit reshape = {list(entry.reshape)}") from None


def _taken(array: np.ndarray, entry: Entry) -> np.ndarray:
    if not entry.index:
        return array
    if len(entry.index) > array.ndim:
        raise InputError(f"index takes from {len(entry.index)} axes, it has shape {array.shape}")
    try:
        return array[entry.index]
    except IndexError:
        words = ", ".join(str(step) for step in entry.index if isinstance(step, int))
        raise InputError(f"index = [{words}] is beyond its shape {array.shape}") from None


def _converted(array: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, list[str]]:
    if array.dtype == dtype:
        return array, []
    with np.errstate(all="ignore"):
        made = array.astype(dtype)
    same = (made == array) | (np.isnan(array) & np.isnan(made) if array.dtype.kind == dtype.kind == "f" else False)
    if bool(np.all(same)):
        return made, []
    lost = ~same if dtype.kind != "f" else np.isinf(made) & ~np.isinf(array)
    if lost.any():
        first = tuple(int(i) for i in np.argwhere(lost)[0])
        raise InputError(f"holds {array[first]} at {list(first)}, which {dtype.name} cannot")
    return made, [f"{array.dtype.name} rounded to {dtype.name}"]


def known_suffix(path: Path) -> bool:
    """Whether a file's name says that it may hold arrays or turns."""
    return path.suffix in SUFFIXES
