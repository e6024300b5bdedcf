"""The tensors of a `torch.save` checkpoint: from bytes, offset, size and strides to numpy arrays.

torch keeps a tensor as a view of a storage: `size` and `stride` (in elements) and an offset into it. Several
tensors may share one storage, as all weights of an LSTM do. Every view is checked against the bytes there are
before it is made. Conventions on the arrays: see `checkpoint`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

MAX_DIMS = 32
MAX_NUMBER = 1 << 48  # of a size, stride or offset
# Tensors may take SPARE bytes and TIMES the file's own: tied weights, widened bfloat16. Without a limit a
# stride of 0 makes terabytes of four bytes.
SPARE = 64 << 20
TIMES = 8

# torch's dtype names: what their bytes are to numpy. bool and bfloat16 are finished in `_finish`.
DTYPES: dict[str, np.dtype[Any]] = {
    "bool": np.dtype("u1"),
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "uint32": np.dtype("<u4"),
    "uint64": np.dtype("<u8"),
    "int8": np.dtype("i1"),
    "int16": np.dtype("<i2"),
    "int32": np.dtype("<i4"),
    "int64": np.dtype("<i8"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype("<u2"),
    "float32": np.dtype("<f4"),
    "float64": np.dtype("<f8"),
    "complex64": np.dtype("<c8"),
    "complex128": np.dtype("<c16"),
}
STORAGES = {
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "ShortStorage": "int16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
}


class RefusedError(Exception):
    """What is wrong with a checkpoint; `read_checkpoint` puts the file's name before it."""


class Members(Protocol):
    """The zip, as far as tensors need it: a `name` is as `data/0`, `size` is the zip's own bytes."""

    size: int

    def has(self, name: str) -> bool:
        """Whether there is such a member."""

    def bytes_of(self, name: str) -> int:
        """How many bytes it has."""

    def read(self, name: str) -> bytes:
        """Its bytes."""


@dataclass(frozen=True, eq=False)
class Storage:
    """The bytes that tensors view: the key of their member, torch's dtype name, how many bytes."""

    key: str
    dtype: str
    nbytes: int


class Tensors:
    """Finds storages and rebuilds tensors, within a budget of bytes; `made` has them in order."""

    def __init__(self, members: Members) -> None:
        self.members = members
        self.limit = self.left = SPARE + TIMES * members.size
        self.made: list[np.ndarray] = []
        self.content: dict[str, bytes] = {}

    def storage(self, kind: str, key: str, numel: int) -> Storage:
        """The storage a persistent id names: `numel` elements of torch's `kind`, in the member `data/<key>`.

        Raises
        ------
        RefusedError : the kind is unknown, or the member is missing or of another size
        """
        if kind not in STORAGES:
            raise RefusedError(f"storage {short(key)} is a {short(kind)}; known are {', '.join(STORAGES)}")
        member = f"data/{key}"
        if not self.members.has(member):
            raise RefusedError(f"has no member {short(member)}, which a tensor needs: packed again by hand?")
        wanted, found = numel * DTYPES[STORAGES[kind]].itemsize, self.members.bytes_of(member)
        if wanted != found:
            raise RefusedError(f"member {short(member)} has {found} bytes, wants {wanted}: damaged")
        return Storage(key, STORAGES[kind], found)

    def rebuild(
        self,
        storage: Any,
        offset: Any,
        size: Any,
        stride: Any,
        metadata: Sequence[object] = (),
        dtype: str | None = None,
    ) -> np.ndarray:
        """The tensor that torch's `_rebuild_tensor*` would make of these, as a contiguous array of its own.

        Parameters
        ----------
        storage : as `storage` gave it
        offset, size, stride : in elements; size and stride are tuples of one length
        metadata : lazy conjugation and negation; refused
        dtype : torch's name, where it is not the storage's own

        Raises
        ------
        RefusedError : the view leaves its storage, or is of a kind not known, or the budget is spent
        """
        if not isinstance(storage, Storage):
            raise RefusedError(f"a tensor is rebuilt from a {type(storage).__name__}, not from a storage: damaged")
        if any(metadata):
            raise RefusedError("a tensor is lazily conjugated or negated: resolve_conj or resolve_neg, save again")
        dtype = storage.dtype if dtype is None else dtype
        if dtype not in DTYPES:
            raise RefusedError(f"a tensor is of dtype {short(dtype)}; known are {', '.join(DTYPES)}")
        raw = DTYPES[dtype]
        _check_view(offset, size, stride, storage, raw.itemsize)
        self.spend(math.prod(size) * (4 if dtype == "bfloat16" else raw.itemsize))
        self.made.append(_finish(self._view(storage, offset, size, stride, raw), dtype))
        return self.made[-1]

    def spend(self, nbytes: int) -> None:
        """Take bytes from the budget.

        Raises
        ------
        RefusedError : more than is left
        """
        self.left -= nbytes
        if self.left < 0:
            raise RefusedError(
                f"its tensors expand to over {self.limit} bytes, the limit for a file of {self.members.size} "
                "bytes: expanded views, or made by hand"
            )

    def _view(
        self, storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], raw: np.dtype
    ) -> np.ndarray:
        if math.prod(size) == 0:
            return np.empty(size, raw)
        if storage.key not in self.content:
            self.content[storage.key] = self.members.read(f"data/{storage.key}")
        steps = [0 if n == 1 else step * raw.itemsize for n, step in zip(size, stride)]
        return np.ndarray(size, raw, self.content[storage.key], offset * raw.itemsize, steps)


def _check_view(offset: object, size: object, stride: object, storage: Storage, itemsize: int) -> None:
    if not (isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride) <= MAX_DIMS):
        raise RefusedError(f"a tensor's size and strides are not tuples of one length, up to {MAX_DIMS}: damaged")
    for number in (offset, *size, *stride):
        if type(number) is not int or not 0 <= number < MAX_NUMBER:
            raise RefusedError(
                f"a tensor has size, stride or offset {short(number)}, wants an integer 0 to 2**48: damaged"
            )
    last, elements = offset + sum((n - 1) * step for n, step in zip(size, stride)), storage.nbytes // itemsize
    if math.prod(size) and last >= elements:
        raise RefusedError(
            f"a tensor of shape {size}, strides {stride}, offset {offset} ends at element {last} of storage "
            f"{short(storage.key)}, which has {elements}: damaged, or made by hand"
        )


def _finish(view: np.ndarray, dtype: str) -> np.ndarray:
    # asarray: numpy's operators turn 0-d arrays into scalars.
    if dtype == "bool":
        return np.asarray(view != 0, order="C")
    if dtype == "bfloat16":
        return np.asarray(view.astype(np.uint32, order="C") << 16).view(np.float32)
    return np.array(view, order="C")


def short(value: object) -> str:
    """A value for a message, in one bounded line; a few shared tuples could print as terabytes."""
    plain = isinstance(value, (str, bytes, int, float, type(None)))
    text = repr(value[:80] if isinstance(value, (str, bytes)) else value) if plain else f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."
