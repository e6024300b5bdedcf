"""The reference's layers on disk: which there are, and the file that `python -m capture --layers` writes.

Source: the modules of `PyanNet`, `SincNet` and the WeSpeaker `ResNet` at pyannote.audio 4.0.4. Conventions: a layer is
a node of our graphs (`parity/networks`), and what it is compared with is the output, or where the name says `relu`
the input of the next, of a module of the reference.

- Batch norm is folded into our convolutions: a convolution is compared with the output of the reference's batch norm.
- ReLU and absolute value only cut: they cannot go wrong by themselves, and the layers around them are here.
- The second convolution of a block shows in the block's `out`. Asked for alone, ONNX Runtime no longer sums the
  shortcut inside that convolution, and the features move by 3e-5 of their RMS; the others leave every result as it is.
- torch's LSTM shows its last layer only; the capture runs the others as single layers with the same weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError, one_line
from parity.files import read_file, writing_file
from parity.files.documents import parse_json
from parity.fixtures.snapshot import REFERENCE_VERSION
from parity.networks.wespeaker.architecture import BLOCKS, expected_shapes

SCHEMA = 1
MAX_CHUNKS = 8  # 180 MB each, all in memory on both sides
NUM_SPEAKERS, NUM_FRAMES = 3, 589
MANIFEST_KEYS = ("schema", "fixture", "clip_sha256", "weights_sha256", "pyannote_audio_version", "chunks", "networks")


@dataclass(frozen=True)
class Layer:
    """One layer, on both sides.

    Attributes
    ----------
    network : segmentation or embedding
    name : the node of our graph
    module : of the reference's network, as `named_modules` names it
    side : whether the module's `output` or `input` is meant, or the n-th layer of an LSTM (`0`, `1`, ...)
    axes : transposition that brings ours to the reference's dims; None where they agree
    """

    network: str
    name: str
    module: str
    side: str = "output"
    axes: tuple[int, ...] | None = None

    @property
    def key(self) -> str:
        """Its name in the file."""
        return f"{self.network}/{self.name}"


def _segmentation() -> Iterator[Layer]:
    def layer(name: str, module: str, side: str = "output", axes: tuple[int, ...] | None = None) -> Layer:
        return Layer("segmentation", name, module, side, axes)

    yield layer("sincnet.wav_norm1d", "sincnet.wav_norm1d")
    for index, conv in enumerate(("sinc", "sincnet.conv1d.1", "sincnet.conv1d.2")):
        yield layer(conv, f"sincnet.conv1d.{index}")
        yield layer(f"pool1d.{index}", f"sincnet.pool1d.{index}")
        yield layer(f"sincnet.norm1d.{index}", f"sincnet.norm1d.{index}")
        following = (f"sincnet.conv1d.{index + 1}", "input") if index < 2 else ("sincnet", "output")
        yield layer(f"norm1d.{index}.relu", *following)
    for index in range(4):
        yield layer(f"lstm.{index}.joined", "lstm", str(index), (1, 0, 2))  # ours has frames first
    for index, reader in enumerate(("linear.1", "classifier")):
        yield layer(f"linear.{index}", f"linear.{index}")
        yield layer(f"linear.{index}.relu", reader, "input")
    yield layer("classifier", "classifier")
    yield layer("log_probabilities", "activation")


def _embedding() -> Iterator[Layer]:
    yield Layer("embedding", "fbank", "resnet", "input")
    yield Layer("embedding", "conv1", "resnet.bn1")
    for block, _ in BLOCKS:
        yield Layer("embedding", f"{block}.conv1", f"resnet.{block}.bn1")
        if f"{block}.downsample.0.weight" in expected_shapes():
            yield Layer("embedding", f"{block}.downsample.0", f"resnet.{block}.shortcut.1")
        yield Layer("embedding", f"{block}.out", f"resnet.{block}")
    yield Layer("embedding", "stats", "resnet.pool")
    yield Layer("embedding", "embeddings", "resnet.seg_1")


NETWORKS: dict[str, tuple[Layer, ...]] = {"segmentation": tuple(_segmentation()), "embedding": tuple(_embedding())}
"""Every layer of each network, in the order in which they are computed."""


@dataclass(frozen=True)
class LayerFile:
    """The reference's layers on some chunks.

    Attributes
    ----------
    path : for messages
    manifest : `MANIFEST_KEYS` and provenance
    masks : (n, 3, 589) float32, which the embeddings were pooled with; None where nobody speaks in the clip
    arrays : `NETWORK/LAYER` -> (n, ...) float32, in the reference's layout
    """

    path: Path
    manifest: Mapping[str, Any]
    masks: np.ndarray | None = field(repr=False)
    arrays: Mapping[str, np.ndarray] = field(repr=False)

    @property
    def chunks(self) -> tuple[int, ...]:
        """The chunks there are, ascending."""
        return tuple(self.manifest["chunks"])

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers there are, in the order in which they are computed."""
        return tuple(layer for network in self.manifest["networks"] for layer in NETWORKS[network])


def check_chunks(chunks: Iterable[int], total: int, origin: str) -> tuple[int, ...]:
    """The chunks, ascending.

    Parameters
    ----------
    total : how many the clip has
    origin : where they were asked for, for messages

    Raises
    ------
    InputError : none, too many, one twice, or one that the clip does not have
    """
    chunks = tuple(sorted(chunks))
    if not 1 <= len(chunks) <= MAX_CHUNKS or len(set(chunks)) != len(chunks):
        raise InputError(f"{origin}: {len(chunks)} chunks, expected 1 to {MAX_CHUNKS} different ones (180 MB each)")
    if chunks[0] < 0 or chunks[-1] >= total:
        wrong = chunks[0] if chunks[0] < 0 else chunks[-1]
        raise InputError(f"{origin}: there is no chunk {wrong}; the clip has chunks 0 to {total - 1}")
    return chunks


def write_layers(
    path: Path, manifest: Mapping[str, Any], masks: np.ndarray | None, arrays: Mapping[str, np.ndarray]
) -> None:
    """Write a file of layers, whole or not at all; see `LayerFile` for what goes in."""
    contents: dict[str, Any] = {**({} if masks is None else {"masks": masks}), **arrays}
    with writing_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, manifest=np.array(json.dumps({"schema": SCHEMA, **manifest}, ensure_ascii=False)), **contents)


def read_manifest_and_arrays(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What both forms of layer files are made of: a manifest, as JSON in the array of that name, and all other arrays.

    Raises
    ------
    KeyError : there is no manifest
    ValueError : it is no such file, or damaged
    """
    contents = read_file(path, ".npz", texts=("manifest",))
    if contents.problems:
        raise ValueError(contents.problems[0].removeprefix(f"{path}: "))
    arrays = {str(key): array for key, array in contents.arrays.items()}
    manifest = parse_json(str(arrays.pop("manifest").item()))
    if not isinstance(manifest, dict):
        raise ValueError("its manifest is no object")
    return manifest, arrays


def read_layers(path: Path) -> LayerFile:
    """Read a file of layers.

    Raises
    ------
    InputError : the file cannot be read, is no such file, or its manifest and arrays contradict each other
    """
    try:
        manifest, arrays = read_manifest_and_arrays(path)
    except KeyError:
        raise InputError(f"{path}: has no manifest: not written by `python -m capture --layers`") from None
    except ValueError as error:
        said = one_line(error)
        raise InputError(f"{path}: cannot be read as a file of layers ({said}); is it damaged?") from error
    _check_manifest(path, manifest)
    found = LayerFile(path, manifest, arrays.pop("masks", None), arrays)
    _check_arrays(found)
    return found


def _check_manifest(path: Path, manifest: object) -> None:
    if not isinstance(manifest, dict) or (missing := [key for key in MANIFEST_KEYS if key not in manifest]):
        lacks = ", ".join(missing) if isinstance(manifest, dict) else "everything"
        raise InputError(f"{path}: its manifest lacks {lacks}: not written by `python -m capture --layers`")
    wanted = {"schema": SCHEMA, "pyannote_audio_version": REFERENCE_VERSION}
    for key, value in wanted.items():
        if manifest[key] != value:
            raise InputError(f"{path}: {key} is {manifest[key]!r}, expected {value!r}; capture the layers again")
    chunks, networks = manifest["chunks"], manifest["networks"]
    if not isinstance(chunks, list) or not chunks or not all(type(chunk) is int and chunk >= 0 for chunk in chunks):
        raise InputError(f"{path}: chunks is {chunks!r}, expected whole numbers from 0")
    if networks not in (["segmentation"], ["segmentation", "embedding"]):
        raise InputError(f"{path}: networks is {networks!r}, expected segmentation, or segmentation and embedding")


def _check_arrays(found: LayerFile) -> None:
    wanted = {layer.key for layer in found.layers}
    if unknown := [key for key in found.arrays if key not in wanted]:
        raise InputError(f"{found.path}: unknown layer {', '.join(unknown)}; was it written by another version?")
    if missing := [layer.key for layer in found.layers if layer.key not in found.arrays]:
        raise InputError(f"{found.path}: layer {', '.join(missing)} missing; was it written by another version?")
    count = len(found.chunks)
    for key, value in found.arrays.items():
        if value.dtype != np.float32 or value.ndim < 2 or len(value) != count:
            raise InputError(f"{found.path}: {key} is {value.dtype} {value.shape}, expected float32 of {count} chunks")
    if "embedding" in found.manifest["networks"]:
        shape = None if found.masks is None else found.masks.shape
        if shape != (count, NUM_SPEAKERS, NUM_FRAMES):
            raise InputError(f"{found.path}: masks has shape {shape}, expected {(count, NUM_SPEAKERS, NUM_FRAMES)}")
