"""Initialisers of a graph that torch exported with its batch norms folded, quantised or not, as arrays of the network.

The exporter numbers the folded convolutions `onnx::Conv_N` in the network's own order: conv1, then conv1, conv2 and the
downsampling convolution of every block; the bias of number N is number N + 1. A quantised array is three: `_quantized`,
`_scale` and `_zero_point`, one of each per tensor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from parity.errors import InputError
from parity.networks.wespeaker.architecture import CONVOLUTIONS
from parity.networks.wespeaker.names import canonical

_NUMBERED = re.compile(r"onnx::Conv_(\d+)(_quantized)?")


def is_exported(names: Mapping[str, np.ndarray]) -> bool:
    """Whether a graph with such initialisers was exported by torch with its batch norms folded."""
    return any(_NUMBERED.fullmatch(name) for name in names)


def dequantised(initialisers: Mapping[str, np.ndarray], origin: str) -> dict[str, np.ndarray]:
    """Arrays of the embedding network under canonical names, float32, from the graph's initialisers.

    Parameters
    ----------
    initialisers : by the exporter's names
    origin : where they came from, for messages

    Raises
    ------
    InputError : another number of convolutions than a ResNet34's; an array missing or of another shape
    """
    numbers = {int(m[1]) for name in initialisers if (m := _NUMBERED.fullmatch(name))}
    weights = {number: _weight(initialisers, f"onnx::Conv_{number}", origin) for number in sorted(numbers)}
    convolutions = [number for number, array in weights.items() if array.ndim == 4]
    if len(convolutions) != len(CONVOLUTIONS):
        raise InputError(f"{origin}: {len(convolutions)} convolutions in the graph, a ResNet34 has {len(CONVOLUTIONS)}")
    prefix = "resnet." if "resnet.seg_1.bias" in initialisers else ""
    arrays = {f"seg_1.{part}": _weight(initialisers, f"{prefix}seg_1.{part}", origin) for part in ("weight", "bias")}
    for number, name in zip(convolutions, CONVOLUTIONS, strict=True):
        arrays[f"{name}.weight"] = weights[number]
        arrays[f"{name}.bias"] = _weight(initialisers, f"onnx::Conv_{number + 1}", origin)
    return canonical(arrays, origin)


def _weight(initialisers: Mapping[str, np.ndarray], name: str, origin: str) -> np.ndarray:
    if name in initialisers:
        return initialisers[name]
    parts = [f"{name}_{part}" for part in ("quantized", "scale", "zero_point")]
    if missing := [part for part in parts if part not in initialisers]:
        raise InputError(f"{origin}: the graph lacks {name}, or {', '.join(missing)} to make it of")
    quantised, scale, zero_point = (initialisers[part] for part in parts)
    return quantised.astype(np.float32) * scale + zero_point
