"""Checkpoints of the embedding network, whatever wrote them, read into canonical arrays; nothing they hold is executed.

Containers are told by their first bytes, never by their names: `torch.save` (pyannote's, nested in Lightning's, or
WeSpeaker's bare `avg_model.pt`), `.npz` (MLX), `.safetensors`, ONNX, and ONNX Runtime's own format. A folder is looked
into for what this project writes there. What the arrays may be called is in `names`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from parity.errors import InputError, one_line
from parity.files.arrays import read_file
from parity.files.documents import read_bytes, read_json
from parity.files.opening import open_regular
from parity.networks.checkpoint import check_finite, combined_hash, read_checkpoint, tensor_hashes
from parity.networks.ort_format import IDENTIFIER, read_initialisers
from parity.networks.wespeaker.architecture import CONFIG
from parity.networks.wespeaker.exported import dequantised, is_exported
from parity.networks.wespeaker.names import canonical, dropped

if TYPE_CHECKING:
    from onnx import TensorProto

MAX_BYTES = 1 << 30  # of a file; the network has 27 MB, with the classifier of VoxCeleb's speakers another 20
PARTS = ("trunk.onnx", "head.onnx")
IN_FOLDER = ("weights.npz", "pytorch_model.bin", "embedding/pytorch_model.bin", "avg_model.pt", "model.safetensors")


@dataclass(frozen=True)
class EmbeddingWeights:
    """The network's weights out of a file.

    Attributes
    ----------
    path : where they were read
    container : what kind of file that was
    arrays : by canonical name, float32
    dropped : names, as they were in the file, of what is no part of an embedding
    notes : what was converted, in words
    """

    path: Path
    container: str
    arrays: dict[str, np.ndarray] = field(repr=False)
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Over every array by its canonical name, the same in whatever file they are."""
        return combined_hash(tensor_hashes(self.arrays))


def read_embedding(path: Path) -> EmbeddingWeights:
    """Read the embedding network's weights.

    Parameters
    ----------
    path : a file, or a folder with one of `IN_FOLDER`, or with the two `PARTS`

    Raises
    ------
    InputError : missing, damaged or hostile; no container known; arrays missing, unexpected, of another shape, not
        finite
    """
    if path.is_dir():
        return _read_folder(path)
    container, read = _container(path)
    state_dict = read(path)
    check_finite(state_dict, path)
    return _weights(path, container, state_dict)


def _weights(path: Path, container: str, state_dict: Mapping[str, np.ndarray]) -> EmbeddingWeights:
    exported = is_exported(state_dict)
    arrays = dequantised(state_dict, str(path)) if exported else canonical(state_dict, str(path))
    check_finite(arrays, path)  # a scale, or half of a very large float64, may have gone past float32
    wide = sorted({str(a.dtype) for a in state_dict.values() if a.dtype.kind == "f" and a.dtype != np.float32})
    notes = [f"{', '.join(wide)} to float32"] if wide else []
    notes += ["dequantised"] if any(name.endswith("_quantized") for name in state_dict) else []
    return EmbeddingWeights(path, container, arrays, tuple(() if exported else dropped(state_dict)), tuple(notes))


def _read_folder(folder: Path) -> EmbeddingWeights:
    if all((folder / part).is_file() for part in PARTS):
        parts = [_read_onnx(folder / part) for part in PARTS]
        if twice := sorted(set(parts[0]) & set(parts[1])):
            raise InputError(f"{folder}: {' and '.join(PARTS)} both hold {', '.join(twice)}: parts of two networks?")
        joined = parts[0] | parts[1]
        check_finite(joined, folder)
        return _weights(folder, "ONNX, trunk and head", joined)
    found = [folder / name for name in IN_FOLDER if (folder / name).is_file()]
    if len(found) != 1:
        wanted = f"one of {', '.join(IN_FOLDER)}, or {' and '.join(PARTS)}"
        raise InputError(f"{folder}: holds {', '.join(p.name for p in found) or 'no weights'}; expected {wanted}")
    if (config := folder / "config.json").is_file() and found[0].suffix == ".npz":
        _check_config(config)
    return read_embedding(found[0])


def _check_config(path: Path) -> None:
    """Refuse a `config.json` that tells of another network; what it does not tell, the arrays do."""
    try:
        config = read_json(path)
        wrong = [
            f"{key} {config[key]!r:.40}, expected {CONFIG[key]!r}"
            for key in CONFIG
            if config.get(key, CONFIG[key]) != CONFIG[key]
        ]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: not a JSON table ({one_line(error, 100)})") from None
    if wrong:
        raise InputError(f"{path}: tells of another network: {'; '.join(wrong)}")


def _container(path: Path) -> tuple[str, Callable[[Path], Mapping[str, np.ndarray]]]:
    try:
        size = path.stat().st_size
        with open_regular(path) as file:
            start = file.read(16)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    if size > MAX_BYTES:
        raise InputError(f"{path}: {size:,} bytes, the limit is {MAX_BYTES:,}: not a network of this kind")
    if start[4:8] == IDENTIFIER:
        return "ONNX Runtime's format", lambda path: _floats(read_initialisers(read_bytes(path, MAX_BYTES), str(path)))
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < size:
        return "safetensors", lambda path: _read_arrays(path, ".safetensors")
    if _is_npz(path):
        return "npz", lambda path: _read_arrays(path, ".npz")
    if start[:1] == b"\x08":  # a ModelProto's first field, its IR version
        return "ONNX", _read_onnx
    return "torch checkpoint", _read_torch  # which says what it is otherwise


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    return read_checkpoint(path).state_dict


def _is_npz(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False


def _read_arrays(path: Path, suffix: str) -> dict[str, np.ndarray]:
    contents = read_file(path, suffix)
    if contents.problems:
        raise InputError("; ".join(contents.problems))
    return {key: array for key, array in contents.arrays.items() if key is not None}


def _read_onnx(path: Path) -> dict[str, np.ndarray]:
    """Floating-point initialisers of an ONNX graph; shape constants, whole numbers or single values, are left out."""
    import onnx  # here: a network that runs elsewhere needs none of it
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(read_bytes(path, MAX_BYTES))
        return _floats(dict(_tensor(path, tensor) for tensor in model.graph.initializer))
    except (DecodeError, ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError) as error:
        said = one_line(error, 200)
        raise InputError(f"{path}: not an ONNX model, truncated or damaged ({said})") from None


def _tensor(path: Path, tensor: TensorProto) -> tuple[str, np.ndarray]:
    import onnx

    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        raise InputError(f"{path}: {tensor.name} lies in another file; save the model with its weights inside")
    dims = list(tensor.dims)
    if any(length < 0 for length in dims) or tensor.data_type == onnx.TensorProto.STRING:
        raise InputError(f"{path}: {tensor.name} has dims {dims}, or is text: damaged, or made by hand")
    return tensor.name, onnx.numpy_helper.to_array(tensor)


def _floats(initialisers: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    # A quantised network's parts are whole numbers and single values too, under names of their own.
    quantised = any(name.endswith("_quantized") for name in initialisers)
    return {
        name: array
        for name, array in initialisers.items()
        if (array.dtype.kind == "f" and array.size > 1) or (quantised and not name.startswith("/"))
    }
