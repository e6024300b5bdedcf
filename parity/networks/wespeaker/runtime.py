"""One call on every runtime: fbank and masks in, embeddings out.

Task: fbank `(batch, frames, 80)` float32, weights `(batch, speakers, mask frames)` float32 -> embeddings
`(batch, speakers, 256)` float32, not normalised, and any layer's output on request. A runtime is a class with a trunk
and a head; what is the same on all of them (masks, layers, checks) is done here. Adding one: a module with a subclass
of `EmbeddingNetwork` and a line in `RUNTIMES`.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from parity.checkout import DISTRIBUTION
from parity.errors import InputError, one_line
from parity.names import find_name
from parity.networks.placement import Placement
from parity.networks.wespeaker.architecture import (
    HEAD_LAYERS,
    NUM_MEL_BINS,
    TRUNK_LAYERS,
)
from parity.networks.wespeaker.masks import interpolate_nearest

Layers = dict[str, np.ndarray]

DEFAULT_RUNTIME = "onnx"
AUTO = "auto"
"""The fastest at hand, see `choice`."""


class EmbeddingNetwork(ABC):
    """The network on one runtime.

    Attributes
    ----------
    runtime : its name in `RUNTIMES`
    size : bytes of its weights
    """

    runtime: str
    size: int

    @abstractmethod
    def run_trunk(self, fbank: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """fbank (batch, frames, 80) -> features (batch, 2560, ceil(frames / 8)), and those of `TRUNK_LAYERS` asked for.

        Features are channels times mel bins, channel by channel. Everything is float32.
        """

    @abstractmethod
    def run_head(self, features: np.ndarray, weights: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """Features, weights (batch, speakers, n) -> embeddings (batch, speakers, 256), those of `HEAD_LAYERS`.

        Pooled over time, n. Everything is float32.
        """

    def trunk(self, fbank: np.ndarray) -> tuple[np.ndarray]:
        """The trunk alone, as a stage runs it: one array in a tuple."""
        return (self.run_trunk(fbank, ())[0],)

    def head(self, features: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray]:
        """The head alone, as a stage runs it: one array in a tuple; weights at the pooled frames."""
        return (self.run_head(features, weights, ())[0],)

    def embed(self, fbank: np.ndarray, weights: np.ndarray, layers: Sequence[str] = ()) -> tuple[np.ndarray, Layers]:
        """Embeddings of every speaker of every chunk.

        Parameters
        ----------
        fbank : (batch, frames, 80) float32
        weights : (batch, speakers, mask frames) float32; any number of frames, brought to the pooled ones by
            pyannote's nearest rule
        layers : which of `TRUNK_LAYERS`, `HEAD_LAYERS`, `features`, to return as well

        Returns
        -------
        embeddings : (batch, speakers, 256) float32, not normalised; a speaker without frames gets the last bias
        layers : by name, in the order of computation

        Raises
        ------
        InputError : arrays of another shape, no frames, an unknown layer
        """
        check_inputs(fbank, weights)
        check_layers(layers)
        features, made = self.run_trunk(_float32(fbank), [name for name in TRUNK_LAYERS if name in layers])
        pooled = interpolate_nearest(_float32(weights), features.shape[2])
        embeddings, of_head = self.run_head(features, pooled, [name for name in HEAD_LAYERS if name in layers])
        return embeddings, {**made, **({"features": features} if "features" in layers else {}), **of_head}


def check_inputs(fbank: np.ndarray, weights: np.ndarray) -> None:
    """Refuse arrays that the network cannot take; see `EmbeddingNetwork.embed`."""
    if fbank.ndim != 3 or fbank.shape[2] != NUM_MEL_BINS or not fbank.shape[1]:
        raise InputError(f"fbank is {fbank.shape}, expected (batch, frames, {NUM_MEL_BINS}) with at least one frame")
    if weights.ndim != 3 or len(weights) != len(fbank) or not weights.shape[2]:
        raise InputError(
            f"weights is {weights.shape}, expected ({len(fbank)}, speakers, frames) with at least one frame"
        )


def check_layers(layers: Sequence[str]) -> None:
    """Refuse names of layers that the network does not have."""
    known = {*TRUNK_LAYERS, "features", *HEAD_LAYERS}
    if unknown := [name for name in layers if name not in known]:
        raise InputError(
            f"unknown layer {', '.join(unknown)}; known: {', '.join([*TRUNK_LAYERS, 'features', *HEAD_LAYERS])}"
        )


def float32_bytes(arrays: Mapping[str, np.ndarray]) -> int:
    """What so many arrays take in float32."""
    return sum(4 * array.size for array in arrays.values())


def _float32(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float32)


class Runtime(NamedTuple):
    """Where a runtime's class is, and what it needs.

    Attributes
    ----------
    module, name : of the subclass of `EmbeddingNetwork`, or a function; called with arrays and threads
    needs : the package it imports
    extra : of this project, that brings that package; None where it is always there
    concurrent : whether one network may be run by several threads at once
    """

    module: str
    name: str
    needs: str
    extra: str | None = None
    concurrent: bool = True


_HERE = __name__.rpartition(".")[0]
REDUCED = ("float16", "bfloat16", "int8_dynamic", "int8_per_tensor", "int8_per_channel")
"""Precisions that the graphs of the ONNX runtime can be reduced to: `onnx-float16` is a runtime of its own."""

RUNTIMES: dict[str, Runtime] = {
    "onnx": Runtime(f"{_HERE}.onnx_runtime", "OnnxEmbedding", "onnxruntime"),
    "ncnn": Runtime(f"{_HERE}.ncnn_runtime", "NcnnEmbedding", "ncnn"),
    "torch": Runtime(f"{_HERE}.torch_runtime", "TorchEmbedding", "torch", "torch", concurrent=False),
    "mlx": Runtime(f"{_HERE}.mlx_runtime", "MlxEmbedding", "mlx.core", "mlx", concurrent=False),
    **{
        f"onnx-{name.replace('_', '-')}": Runtime(f"{_HERE}.reduced", f"load_{name}", "onnxruntime") for name in REDUCED
    },
}


def load_embedding(
    arrays: Mapping[str, np.ndarray],
    runtime: str = DEFAULT_RUNTIME,
    threads: int | None = None,
    placement: Placement | None = None,
) -> EmbeddingNetwork:
    """The network on a runtime.

    Parameters
    ----------
    arrays : under canonical names, see `parity.networks.wespeaker.names`
    runtime : a name of `RUNTIMES`
    threads : threads within an operator, where the runtime has such a setting; the cores at hand by default
    placement : the device and the precision; the CPU by default

    Raises
    ------
    InputError : no such runtime, what it needs is not installed, or it does not have the device
    """
    found = check_runtime(runtime)
    load = getattr(importlib.import_module(found.module), found.name)
    if placement is None or placement.on_cpu:
        return load(arrays, threads)
    placement.check_runtime(runtime)
    return load(arrays, threads, placement=placement)


def runtime_version(runtime: str) -> str:
    """Version of the package that a runtime runs on; same errors as `load_embedding`."""
    import importlib.metadata

    return importlib.metadata.version(check_runtime(runtime).needs.partition(".")[0])


def find_runtime(typed: str, known: Iterable[str] = RUNTIMES) -> str:
    """The runtime that a name, or the beginning of one, stands for; raises `InputError` where none does."""
    return find_name(typed, known, refused="--runtime {}: unknown", there_are="known:")


def check_runtimes(runtimes: Sequence[str]) -> list[str]:
    """Names of runtimes to compare, beginnings completed; refuses one named twice or that cannot be loaded."""
    names = [find_runtime(name) for name in runtimes]
    if len(set(names)) < len(names):
        raise InputError(f"--runtime {', '.join(runtimes)}: each once, there is one of them twice")
    for name in names:
        check_runtime(name)
    return names


def check_runtime(runtime: str) -> Runtime:
    """Where a runtime is to be found; same errors as `load_embedding`, and nothing else is loaded."""
    runtime = find_runtime(runtime)
    found = RUNTIMES[runtime]
    try:
        importlib.import_module(found.needs)
    except ImportError as error:
        said = one_line(error)
        cure = f"pip install '{DISTRIBUTION}[{found.extra}]'" if found.extra else f"pip install {found.needs}"
        raise InputError(f"--runtime {runtime}: {found.needs} cannot be imported ({said}): {cure}") from None
    return found
