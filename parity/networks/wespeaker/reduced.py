"""The embedding network's ONNX graphs in smaller number formats: weights, or weights and what flows between them.

Task: a float32 graph of this project -> the same graph, same inputs and outputs in float32, in another precision.
Half precisions show what the format costs in accuracy, as on hardware that multiplies in it and sums in float32; a CPU
without such units gains no speed by them. Sources: `onnxruntime.quantization.quantize_dynamic`; weight-only int8 after
the symmetric scheme of Jacob et al., "Quantization and training of neural networks for efficient
integer-arithmetic-only inference" (CVPR 2018), eq. 1 with zero point 0.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from parity.networks.rounding import bfloat16_bits, quantise
from parity.networks.wespeaker.onnx_runtime import OnnxEmbedding

Reduction = Callable[[bytes], bytes]


def float16(model: bytes) -> bytes:
    """Weights kept in half precision, what every operator gives rounded to it; sums inside an operator are float32."""
    return _in_half(model, TensorProto.FLOAT16)


def bfloat16(model: bytes) -> bytes:
    """The same in bfloat16: the exponent of float32, eight significant bits."""
    return _in_half(model, TensorProto.BFLOAT16)


def int8_dynamic(model: bytes) -> bytes:
    """Weights in int8, one scale per tensor; activations quantised to uint8 as they come, integer convolutions."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with TemporaryDirectory() as folder, _quiet():
        path = Path(folder) / "int8.onnx"
        quantize_dynamic(
            onnx.load_from_string(model), path, weight_type=QuantType.QInt8, op_types_to_quantize=["Conv", "MatMul"]
        )
        return path.read_bytes()


def int8_per_tensor(model: bytes) -> bytes:
    """Weights in int8, one scale per tensor; arithmetic in float32."""
    return _with_int8_weights(model, per_channel=False)


def int8_per_channel(model: bytes) -> bytes:
    """Weights in int8, one scale an output channel; arithmetic in float32."""
    return _with_int8_weights(model, per_channel=True)


def _loader(reduction: Reduction) -> Callable[..., OnnxEmbedding]:
    def load(arrays: Mapping[str, np.ndarray], threads: int | None = None) -> OnnxEmbedding:
        """The network in ONNX Runtime, its graphs reduced."""
        network = OnnxEmbedding(arrays, threads, reduction)
        network.runtime = f"onnx-{reduction.__name__.replace('_', '-')}"
        return network

    return load


load_float16 = _loader(float16)
load_bfloat16 = _loader(bfloat16)
load_int8_dynamic = _loader(int8_dynamic)
load_int8_per_tensor = _loader(int8_per_tensor)
load_int8_per_channel = _loader(int8_per_channel)


def _with_int8_weights(model: bytes, *, per_channel: bool) -> bytes:
    proto = onnx.load_from_string(model)
    axes = {node.input[1]: 0 if node.op_type == "Conv" else 1 for node in proto.graph.node if _multiplies(node)}
    nodes: list[onnx.NodeProto] = []
    for array in list(proto.graph.initializer):
        if array.name not in axes:
            continue
        axis = axes[array.name] if per_channel else None
        levels, scale = quantise(numpy_helper.to_array(array), axis)
        parts = [f"{array.name}.int8", f"{array.name}.scale"]
        _replace(proto, array, numpy_helper.from_array(levels, parts[0]))
        proto.graph.initializer.append(numpy_helper.from_array(scale, parts[1]))
        attributes: dict[str, Any] = {} if axis is None else {"axis": axis}
        nodes.append(helper.make_node("DequantizeLinear", parts, [array.name], **attributes))
    _set_nodes(proto, [*nodes, *proto.graph.node])
    return _written(proto)


def _multiplies(node: onnx.NodeProto) -> bool:
    return node.op_type in ("Conv", "MatMul")


def _in_half(model: bytes, kind: int) -> bytes:
    # Written out with casts: of a graph declared float16, ONNX Runtime on a CPU rounds the weights and nothing else.
    proto = onnx.load_from_string(model)
    nodes: list[onnx.NodeProto] = []
    for array in list(proto.graph.initializer):
        if array.data_type == TensorProto.FLOAT:
            stored = f"{array.name}.half"
            nodes.append(helper.make_node("Cast", [stored], [array.name], to=TensorProto.FLOAT))
            _replace(proto, array, _halved(numpy_helper.to_array(array), stored, kind))
    for node in proto.graph.node:
        nodes += _rounded(node, kind)
    _set_nodes(proto, nodes)
    return _written(proto)


def _rounded(node: onnx.NodeProto, kind: int) -> list[onnx.NodeProto]:
    """The node, its output rounded under the same name."""
    changed = onnx.NodeProto()
    changed.CopyFrom(node)
    (name,) = node.output
    changed.output[0] = f"{name}.exact"
    down = helper.make_node("Cast", [f"{name}.exact"], [f"{name}.half"], to=kind)
    return [changed, down, helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT)]


def _halved(array: np.ndarray, name: str, kind: int) -> onnx.TensorProto:
    """The nearest numbers, halves to even; what is too small for float16 is its smallest number, as an epsilon is."""
    if kind == TensorProto.FLOAT16:
        smallest = np.finfo(np.float16).smallest_subnormal
        half = array.astype(np.float16)
        half = np.where((half == 0) & (array != 0), np.copysign(smallest, array).astype(np.float16), half)
        return numpy_helper.from_array(half, name)
    bits = bfloat16_bits(array).astype("<u2")
    return helper.make_tensor(name, TensorProto.BFLOAT16, array.shape, bits.tobytes(), raw=True)


def _replace(proto: onnx.ModelProto, old: onnx.TensorProto, new: onnx.TensorProto) -> None:
    proto.graph.initializer.remove(old)
    proto.graph.initializer.append(new)


def _set_nodes(proto: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> None:
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


def _written(proto: onnx.ModelProto) -> bytes:
    onnx.checker.check_model(proto)
    return proto.SerializeToString(deterministic=True)


@contextmanager
def _quiet() -> Iterator[None]:
    # The quantiser advises a preparation that these graphs have no use for: nothing in them is left to be inferred.
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
