"""Initialisers out of an ORT-format model (a flatbuffer), without running it.

Task: name -> array for every initialiser of the main graph. Source: the schema of ONNX Runtime's ORT format
(`onnxruntime/core/flatbuffers/schema/ort.fbs`): session -> model -> graph -> initialisers; only those fields are read.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from flatbuffers import encode
from flatbuffers import number_types as types
from flatbuffers.table import Table

from parity.errors import InputError

IDENTIFIER = b"ORTM"  # bytes 4 to 8 of the file

# Field numbers of the schema's tables.
SESSION_MODEL = 1
MODEL_GRAPH = 7
GRAPH_INITIALISERS = 0
TENSOR_NAME, TENSOR_DIMS, TENSOR_TYPE, TENSOR_RAW = 0, 2, 3, 4

# `TensorDataType` of the schema, as far as weights use it.
DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("u1"),
    3: np.dtype("i1"),
    6: np.dtype("<i4"),
    7: np.dtype("<i8"),
}


def read_initialisers(data: bytes, origin: str) -> dict[str, np.ndarray]:
    """Every initialiser of an ORT-format model.

    Parameters
    ----------
    data : the flatbuffer, identifier `ORTM`
    origin : where it came from, for messages

    Raises
    ------
    InputError : not an ORT-format model, or a tensor whose bytes do not fill its dims
    """
    if data[4:8] != IDENTIFIER:
        raise InputError(f"{origin}: identifier {data[4:8]!r}, expected {IDENTIFIER!r}: not an ORT-format model")
    try:
        root = Table(data, encode.Get(types.UOffsetTFlags.packer_type, data, 0))
        graph = _child(_child(root, SESSION_MODEL), MODEL_GRAPH)
        return dict(_tensor(tensor, origin) for tensor in _children(graph, GRAPH_INITIALISERS))
    except (struct.error, IndexError, TypeError, ValueError, KeyError) as error:
        raise InputError(f"{origin}: the ORT-format model is damaged ({error})") from error


def _tensor(table: Table, origin: str) -> tuple[str, np.ndarray]:
    name = table.String(_field(table, TENSOR_NAME)).decode()
    dims = _vector(table, TENSOR_DIMS, types.Int64Flags).astype(int).tolist()
    dtype = DTYPES[table.Get(types.Int32Flags, _field(table, TENSOR_TYPE))]
    raw = _vector(table, TENSOR_RAW, types.Uint8Flags).tobytes()
    if len(raw) != int(np.prod(dims, dtype=np.int64)) * dtype.itemsize:
        raise InputError(
            f"{origin}: tensor {name} holds {len(raw)} bytes, its dims {dims} of {dtype} need another number"
        )
    return name, np.frombuffer(raw, dtype=dtype).reshape(dims)


def _field(table: Table, number: int) -> int:
    offset = table.Offset(4 + 2 * number)
    if not offset:
        raise KeyError(f"field {number} is absent")
    return offset + table.Pos


def _child(table: Table, number: int) -> Table:
    return Table(table.Bytes, table.Indirect(_field(table, number)))


def _children(table: Table, number: int) -> list[Table]:
    offset = _field(table, number) - table.Pos
    start = table.Vector(offset)
    return [Table(table.Bytes, table.Indirect(start + 4 * index)) for index in range(table.VectorLen(offset))]


def _vector(table: Table, number: int, flags: type) -> np.ndarray:
    offset = table.Offset(4 + 2 * number)
    return table.GetVectorAsNumpy(flags, offset) if offset else np.empty(0, dtype=np.int64)
