"""Networks from weights that were kept in a smaller type: rounded there, and back to float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from parity.faults.fault import Workshop
from parity.networks.pyannet import build_pyannet
from parity.networks.rounding import bfloat16_bits, quantise
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.runtime import load_embedding

Rounding = Callable[[np.ndarray], np.ndarray]

_BUILT: dict[tuple[object, ...], Any] = {}


def float16(array: np.ndarray) -> np.ndarray:
    """The nearest half-precision numbers, as float32."""
    return array.astype(np.float16).astype(np.float32)


def bfloat16(array: np.ndarray) -> np.ndarray:
    """The nearest numbers with eight significant bits, halves to even, as float32."""
    return (bfloat16_bits(array).astype(np.uint32) << 16).view(np.float32)


def int8(array: np.ndarray) -> np.ndarray:
    """255 levels around zero, one scale per tensor; vectors (biases, norms) stay float32, as quantisers leave them."""
    if array.ndim < 2:
        return array
    levels, scale = quantise(array, None)
    return levels * scale


def rounded_segmentation(workshop: Workshop, rounding: Rounding) -> OnnxNetwork:
    """The segmentation network of rounded weights, built once."""

    def build(arrays: Mapping[str, np.ndarray]) -> OnnxNetwork:
        return OnnxNetwork(build_pyannet(arrays), workshop.threads)

    return _built("segmentation", build, workshop.weights.segmentation, workshop, rounding)


def rounded_embedding(workshop: Workshop, rounding: Rounding) -> dict[str, Any]:
    """Trunk and head of the embedding network of rounded weights, built once."""

    def build(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
        network = load_embedding(arrays, threads=workshop.threads)
        return {"trunk": network.trunk, "head": network.head}

    return _built("embedding", build, workshop.weights.embedding, workshop, rounding)


def _built(
    part: str, build: Callable[..., Any], arrays: Mapping[str, np.ndarray], workshop: Workshop, rounding: Rounding
) -> Any:
    # Faults are planted once per fixture; a graph takes a second to build.
    key = (part, rounding.__name__, workshop.weights.sha256, workshop.threads)
    if key not in _BUILT:
        _BUILT[key] = build({name: rounding(array) for name, array in arrays.items()})
    return _BUILT[key]
