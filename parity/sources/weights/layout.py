"""A weight set in pyannote's own folder layout, read into arrays.

`config.yaml`, `segmentation/pytorch_model.bin`, `embedding/pytorch_model.bin`, `plda/xvec_transform.npz`,
`plda/plda.npz`: the layout of the official repository, and of the folder that the wheels are turned into.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError, one_line
from parity.files.arrays import read_file
from parity.files.documents import parse_yaml, read_text
from parity.networks import pyannet
from parity.networks.checkpoint import check_finite, combined_hash, read_checkpoint, tensor_hashes
from parity.networks.wespeaker import names as wespeaker
from parity.sources.weights.lock import locked_sets

PLDA_SHAPES = {
    "mean1": (256,),
    "mean2": (128,),
    "lda": (256, 128),
    "mu": (128,),
    "tr": (128, 128),
    "psi": (128,),
}
PLDA_FILES = {"xvec_transform.npz": ("mean1", "mean2", "lda"), "plda.npz": ("mu", "tr", "psi")}

MAX_CONFIG = 1 << 16  # bytes; the official one has 600
MOST = 1e6  # of any hyper-parameter
UNREADABLE = (OSError, LookupError, TypeError, ValueError, AttributeError)

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class WeightSet:
    """The weights of one pipeline.

    Attributes
    ----------
    name : the lock file's name of a known set, else `local-` and the first of its hash
    folder : pyannote's own layout, which `capture` hands to pyannote
    segmentation, embedding : arrays by canonical name, float32
    plda : mean1 (256,), mean2 (128,), lda (256, 128), mu (128,), tr (128, 128), psi (128,)
    parameters : the hyper-parameters of `config.yaml`
    hashes : sha256 of every tensor by content, `part/name`
    sha256 : hash over those
    """

    name: str
    folder: Path
    segmentation: dict[str, np.ndarray] = field(repr=False)
    embedding: dict[str, np.ndarray] = field(repr=False)
    plda: dict[str, np.ndarray] = field(repr=False)
    parameters: dict[str, Any]
    hashes: dict[str, str] = field(repr=False)
    sha256: str


def read_layout(folder: Path) -> WeightSet:
    """Read a folder in pyannote's own layout.

    Raises
    ------
    InputError : a file is missing or damaged, an array is missing, of another shape, or not finite
    """
    parameters = read_config(folder / "config.yaml")
    segmentation = _read_network(folder / "segmentation" / "pytorch_model.bin", pyannet.canonical)
    embedding = _read_network(folder / "embedding" / "pytorch_model.bin", wespeaker.canonical)
    plda = read_plda(folder / "plda")
    parts = {"segmentation": segmentation, "embedding": embedding, "plda": plda}
    tensors = {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
    check_finite(tensors, folder)
    hashes = tensor_hashes(tensors)
    sha256 = combined_hash(hashes)
    return WeightSet(_name(sha256), folder, segmentation, embedding, plda, parameters, hashes, sha256)


def _name(sha256: str) -> str:
    known = {entry.sha256: name for name, entry in locked_sets().items()}
    return known.get(sha256, f"local-{sha256[:12]}")


def _read_network(
    path: Path, canonical: Callable[[Mapping[str, np.ndarray], str], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    return canonical(read_checkpoint(path).state_dict, str(path))


def read_plda(folder: Path) -> dict[str, np.ndarray]:
    """The PLDA's arrays; shapes as in `PLDA_SHAPES`.

    Raises
    ------
    InputError : a file is missing or damaged, an array is missing or of another shape or dtype
    """
    return {key: array for file, keys in PLDA_FILES.items() for key, array in _read_npz(folder / file, keys)}


def _read_npz(path: Path, keys: tuple[str, ...]) -> list[tuple[str, np.ndarray]]:
    contents = read_file(path, ".npz")
    if contents.problems:
        raise InputError(f"{'; '.join(contents.problems)}; expected the PLDA's arrays {', '.join(keys)}")
    arrays = []
    for key in keys:
        if (array := contents.arrays.get(key)) is None:
            raise InputError(f"{path}: has no array {key}, one of the PLDA's {', '.join(keys)}")
        if array.shape != PLDA_SHAPES[key]:
            raise InputError(f"{path}: {key} is {array.shape}, expected {PLDA_SHAPES[key]}")
        if array.dtype.kind != "f":
            raise InputError(f"{path}: {key} is {array.dtype}, expected floating-point numbers")
        arrays.append((key, array))
    return arrays


def read_config(path: Path) -> dict[str, Any]:
    """The hyper-parameters of a `config.yaml`.

    Raises
    ------
    InputError : it cannot be read, or one is missing or out of range
    """
    try:
        config = parse_yaml(read_text(path, MAX_CONFIG))
        clustering, params = config["params"]["clustering"], config["pipeline"]["params"]
        return {
            "threshold": _number(clustering, "threshold"),
            "fa": _number(clustering, "Fa"),
            "fb": _number(clustering, "Fb"),
            "min_duration_off": _number(config["params"]["segmentation"], "min_duration_off"),
            "exclude_overlap": _flag(params, "embedding_exclude_overlap"),
        }
    except UNREADABLE as error:
        raise InputError(
            f"{path}: cannot be read as the pipeline's configuration ({type(error).__name__}: {one_line(error, 200)}); "
            f"expected pyannote's own layout: config.yaml, segmentation/, embedding/, plda/"
        ) from error


def _number(table: dict[str, Any], key: str) -> float:
    value = table[key]
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise ValueError(f"{key} is {value!r}, expected a number from 0 to {MOST:g}")
    return float(value)


def _flag(table: dict[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"{key} is {value!r}, expected true or false")
    return value
