"""One `.npy` array, read strictly: header first, then as many bytes as it declares, no more and no fewer.

Source: NEP 1, "A Simple File Format for NumPy Arrays"; the header is parsed by `numpy.lib.format`.
Conventions: either byte order and either memory order are accepted and converted, and said; arrays of Python objects
are refused by their header, so that nothing is ever unpickled.
"""

from __future__ import annotations

import math
import tokenize
import warnings
from functools import lru_cache
from io import BytesIO
from typing import IO

import numpy as np

from parity.errors import InputError, one_line
from parity.files.limits import LARGEST_ARRAY, MOST_BYTES, largest_array

MOST_DIMS = 32
KINDS = "biuf"
TEXT = "U"
MOST_TEXT = 16 << 20
"""Bytes of a text in an array, four a character."""
DAMAGE = (ValueError, SyntaxError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError)
"""What NumPy raises for headers that are none, beside `tokenize.TokenError`."""
_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_LENGTH_BYTES = {(1, 0): 2, (2, 0): 4}


def read_npy(place: str, stream: IO[bytes], size: int, *, text: bool = False) -> tuple[np.ndarray, list[str]]:
    """The array in a stream, C-contiguous in this machine's byte order, and what was converted, in words.

    Parameters
    ----------
    place : for messages: the file, or the member of an archive
    stream : at the first byte
    size : bytes that there are, header included
    text : whether it shall be one text, an array of no dims, instead of numbers

    Raises
    ------
    InputError : not `.npy`, truncated, followed by more bytes, too large, or of a dtype that is not wanted
    """
    shape, fortran, dtype, header = _header(place, stream, TEXT if text else KINDS)
    declared = math.prod(shape) * dtype.itemsize
    words = f"{dtype.name} of shape {shape}"
    if text and (shape or declared > MOST_TEXT):
        raise InputError(
            f"{place}: declares {words}, {declared:,} bytes; one text of at most {MOST_TEXT:,} belongs there"
        )
    if declared > (limit := largest_array()):
        raise InputError(
            f"{place}: declares {words}, {declared:,} bytes; the limit is {limit:,} ({LARGEST_ARRAY}): a damaged "
            "header?"
        )
    if size - header < declared:
        raise InputError(f"{place}: truncated: declares {words}, {declared:,} bytes, {max(0, size - header):,} follow")
    if size - header > declared:
        raise InputError(f"{place}: declares {words}, {declared:,} bytes, but {size - header:,} follow: a wrong shape?")
    data = stream.read(declared)
    if len(data) != declared:
        raise InputError(f"{place}: truncated: declares {words}, {declared:,} bytes, {len(data):,} could be read")
    array = np.frombuffer(data, dtype=dtype).reshape(shape, order="F" if fortran else "C")
    notes = [] if dtype.isnative else [f"{place}: {_endianness(dtype)}-endian, converted"]
    if fortran and sum(length > 1 for length in shape) > 1:
        notes.append(f"{place}: in Fortran order, converted")
    return np.array(array, dtype=dtype.newbyteorder("="), order="C"), notes


def _header(place: str, stream: IO[bytes], kinds: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    try:
        magic = stream.read(np.lib.format.MAGIC_LEN)
        version = np.lib.format.read_magic(BytesIO(magic))
        if version not in _READERS:
            raise InputError(f"{place}: .npy version {version[0]}.{version[1]}; versions 1.0 and 2.0 are read")
        length = stream.read(_LENGTH_BYTES[version])
        text = stream.read(int.from_bytes(length, "little"))
        shape, fortran, dtype = _parsed(version, length + text)
    except (*DAMAGE, tokenize.TokenError) as error:
        said = one_line(error, 120)
        raise InputError(f"{place}: not a .npy array, or its header is damaged ({said})") from None
    if dtype.hasobject:
        raise InputError(f"{place}: an array of Python objects; these are pickles and are never opened: save numbers")
    if dtype.kind not in kinds:
        wanted = "a text" if kinds == TEXT else "integers, floats or booleans"
        raise InputError(f"{place}: dtype {dtype.str}; expected {wanted}")
    if len(shape) > MOST_DIMS:
        raise InputError(f"{place}: declares {len(shape)} dims, the limit is {MOST_DIMS}: a damaged header?")
    if any(not 0 <= length <= MOST_BYTES for length in shape):
        raise InputError(f"{place}: declares shape {one_line(shape, 120)}; lengths are from 0 to {MOST_BYTES:,}")
    return tuple(int(length) for length in shape), bool(fortran), dtype, len(magic) + len(length) + len(text)


@lru_cache(maxsize=1024)
def _parsed(version: tuple[int, int], header: bytes) -> tuple[tuple[int, ...], bool, np.dtype]:
    # NumPy evaluates the text of a header, which takes longer than to read a small array; many arrays have the same.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python 2 wrote lengths as 3L, which NumPy reads and remarks on
        shape, fortran, dtype = _READERS[version](BytesIO(header))
        return shape, fortran, dtype


def _endianness(dtype: np.dtype) -> str:
    return "big" if dtype.str[0] == ">" else "little"
