"""Checkpoints that `torch.load` and Lightning read, written without torch and identically on every run.

The format is described in `checkpoint`. The pickle is protocol 2, emitted opcode by opcode. Lists, dicts,
arrays and the reader's inert records are memoised by identity, so what is shared stays shared and cycles are
possible; everything else is written where it occurs. Arrays become plain tensors (no parameters), each with a
storage of its own, C-contiguous and little-endian.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError
from parity.files.whole import writing_file
from parity.networks.checkpoint import MAX_PICKLE, Global, Reduced
from parity.networks.torch_tensors import MAX_DIMS, STORAGES, short

TOP = "archive"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's first moment: a time of writing would change the file
ALIGNMENT = 64  # torch aligns storages so that they can be mapped
MAX_DEPTH = 100  # of nesting; Python's own limit on recursion is near 1000 calls, three of them a level

KINDS = {np.dtype(name): kind for kind, name in STORAGES.items() if name not in ("bfloat16", "uint8")}
KINDS[np.dtype("uint8")] = "ByteStorage"
UNTYPED = {np.dtype(name): name for name in ("uint16", "uint32", "uint64")}  # torch has no storages of these


class _UnwritableError(Exception):
    """What of a tree cannot be written; `write_checkpoint` puts the file's name before it."""


def write_checkpoint(path: Path, tree: object) -> None:
    """Write a tree of values as a `torch.save` checkpoint; the same tree gives the same bytes.

    Parameters
    ----------
    path : the file; one already there is replaced
    tree : None, bool, int, float, str, bytes, list, tuple, dict, OrderedDict (with `_metadata`), `Global`,
        `Reduced`, np.ndarray (bool, int8-64, uint8-64, float16-64, complex64, complex128)

    Raises
    ------
    InputError : a value of another type, nesting over `MAX_DEPTH`, or the disk is full or cannot be written
    """
    emitter = _Emitter()
    try:
        emitter.emit(tree)
    except _UnwritableError as error:
        raise InputError(f"{path}: cannot be written: {error}") from None
    members = {"data.pkl": b"\x80\x02" + bytes(emitter.code) + b".", "byteorder": b"little"}
    with writing_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in members.items():
            _add(archive, name, content)
        for key, array in enumerate(emitter.arrays):
            _add(archive, f"data/{key}", array.tobytes())
        _add(archive, "version", b"3\n")


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(f"{TOP}/{name}", EPOCH)
    info.create_system, info.external_attr = 3, 0o644 << 16  # else they tell the platform
    # 30 bytes of a local header are fixed, 4 are the padding's own header.
    assert archive.fp is not None  # it is while the archive is open
    header = archive.fp.tell() + 30 + len(info.filename.encode()) + 4
    padding = -header % ALIGNMENT
    info.extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding  # as torch pads
    archive.writestr(info, content)


class _Emitter:
    """Appends the opcodes of a tree to `code`; `arrays` are the contents of the storages, by their keys."""

    def __init__(self) -> None:
        self.code = bytearray()
        self.arrays: list[np.ndarray] = []
        # The object too: while it is held, its id stays its own.
        self.memo: dict[int, tuple[int, object]] = {}
        self.depth = 0
        self.open: set[int] = set()  # the records whose arguments are being written

    def emit(self, value: object) -> None:
        if id(value) in self.memo:
            self.code += b"j" + struct.pack("<I", self.memo[id(value)][0])
            return
        emit = EMITTERS.get(type(value))
        if emit is None:
            raise _UnwritableError(f"a {type(value).__module__}.{type(value).__name__} is in it: convert it first")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _UnwritableError(f"nested over the limit of {MAX_DEPTH}: flatten it first")
        emit(self, value)
        self.depth -= 1
        if len(self.code) > MAX_PICKLE:
            raise _UnwritableError(f"over {MAX_PICKLE} bytes without its tensors, more than the reader takes")

    def _remember(self, value: object) -> None:
        index = len(self.memo)
        self.memo[id(value)] = index, value
        self.code += b"r" + struct.pack("<I", index)

    def _none(self, _: None) -> None:
        self.code += b"N"

    def _bool(self, value: bool) -> None:
        self.code += b"\x88" if value else b"\x89"

    def _int(self, value: int) -> None:
        if -(1 << 31) <= value < 1 << 31:
            self.code += b"J" + struct.pack("<i", value)
            return
        length = value.bit_length() // 8 + 1
        if length > 255:
            raise _UnwritableError(f"an integer of {length} bytes is in it, limit 255")
        self.code += b"\x8a" + bytes([length]) + value.to_bytes(length, "little", signed=True)

    def _float(self, value: float) -> None:
        self.code += b"G" + struct.pack(">d", value)

    def _str(self, value: str) -> None:
        encoded = value.encode("utf-8", "surrogatepass")
        self.code += b"X" + struct.pack("<I", len(encoded)) + encoded

    def _bytes(self, value: bytes) -> None:
        # Protocol 2 has none; this is how Python's own pickle writes them there.
        self._call(Global("_codecs", "encode"), (value.decode("latin1"), "latin1"))

    def _tuple(self, value: tuple[object, ...]) -> None:
        self._marked(value, b"t")

    def _list(self, value: list[object]) -> None:
        self.code += b"]"
        self._remember(value)
        self._elements(value)

    def _dict(self, value: dict[object, object]) -> None:
        self.code += b"}"
        self._remember(value)
        self._items(value.items())

    def _ordered(self, value: OrderedDict[object, object]) -> None:
        self._call(Global("collections", "OrderedDict"), ())
        self._remember(value)
        self._items(value.items())
        if hasattr(value, "_metadata"):
            self._state({"_metadata": value._metadata})

    def _global(self, value: Global) -> None:
        if not (value.module + value.name).isprintable():  # a line break ends a name in protocol 2
            raise _UnwritableError(f"the global {short(value.module)} {short(value.name)} is not printable")
        self.code += f"c{value.module}\n{value.name}\n".encode()

    def _reduced(self, value: Reduced) -> None:
        if id(value) in self.open:
            raise _UnwritableError(f"{value!r} is among its own arguments: no pickle can make it")
        self.open.add(id(value))
        self._call(value.callable, value.args, new=value.new)
        self.open.remove(id(value))
        self._remember(value)
        self._elements(value.elements)
        self._items(value.items)
        if value.state is not None:
            self._state(value.state)

    def _array(self, value: np.ndarray) -> None:
        dtype = value.dtype.newbyteorder("=")
        if dtype not in KINDS and dtype not in UNTYPED:
            raise _UnwritableError(f"an array of dtype {value.dtype} is in it, which torch lacks")
        if value.ndim > MAX_DIMS:
            raise _UnwritableError(f"an array of {value.ndim} dimensions is in it, limit {MAX_DIMS}")
        key, typed = str(len(self.arrays)), dtype in KINDS
        self.arrays.append(value.astype(value.dtype.newbyteorder("<"), order="C", copy=False))
        self.emit(Global("torch._utils", "_rebuild_tensor_v2" if typed else "_rebuild_tensor_v3"))
        kind = Global("torch", KINDS[dtype]) if typed else Global("torch.storage", "UntypedStorage")
        self.code += b"("
        self.emit(("storage", kind, key, "cpu", value.size if typed else value.nbytes))
        self.code += b"Q"
        hooks: OrderedDict[str, object] = OrderedDict()
        for argument in (0, value.shape, _strides(value.shape), False, hooks):
            self.emit(argument)
        if not typed:
            self.emit(Global("torch", UNTYPED[dtype]))
        self.code += b"tR"
        self._remember(value)

    def _call(self, function: Global | Reduced, args: tuple[object, ...], *, new: bool = False) -> None:
        self.emit(function)
        self.emit(args)
        self.code += b"\x81" if new else b"R"

    def _elements(self, values: Sequence[object]) -> None:
        if values:
            self._marked(values, b"e")

    def _items(self, pairs: Iterable[tuple[object, object]]) -> None:
        if values := [value for pair in pairs for value in pair]:
            self._marked(values, b"u")

    def _marked(self, values: Iterable[object], take: bytes) -> None:
        """A mark, the values, and the operation that takes all of them back to the mark."""
        self.code += b"("
        for value in values:
            self.emit(value)
        self.code += take

    def _state(self, state: object) -> None:
        self.emit(state)
        self.code += b"b"


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    # In elements; torch gives an empty dimension the strides of one of length 1.
    return tuple(math.prod(max(n, 1) for n in shape[axis + 1 :]) for axis in range(len(shape)))


EMITTERS: dict[type, Callable[[_Emitter, Any], None]] = {
    type(None): _Emitter._none,
    bool: _Emitter._bool,
    int: _Emitter._int,
    float: _Emitter._float,
    str: _Emitter._str,
    bytes: _Emitter._bytes,
    tuple: _Emitter._tuple,
    list: _Emitter._list,
    dict: _Emitter._dict,
    OrderedDict: _Emitter._ordered,
    np.ndarray: _Emitter._array,
    Global: _Emitter._global,
    Reduced: _Emitter._reduced,
}
