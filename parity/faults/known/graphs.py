"""Networks with a mistake in them: built of other arrays, or of a graph that was edited, when they first run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from parity.faults.fault import Workshop
from parity.networks.pyannet import build_pyannet
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.graph import build_trunk

MOST_BUILT = 4
"""Networks that are kept: a fault is tried many times in a row, and one of them takes 60 MB."""
TF32_SPLIT = np.float32(2**13 + 1)
"""Times a float32 number; the sum's rounding leaves the eleven bits that TF32 keeps (Veltkamp's splitting)."""
FLOAT, FLOAT16 = 1, 10

Arrays = Mapping[str, np.ndarray]
Changed = Callable[[Arrays], Arrays]
Edit = Callable[[onnx.ModelProto], None]
Network = Callable[..., tuple[np.ndarray, ...]]

_BUILT: OrderedDict[tuple[Any, ...], OnnxNetwork] = OrderedDict()


def same(arrays: Arrays) -> Arrays:
    """The arrays as they are."""
    return arrays


def segmentation_with(workshop: Workshop, name: str, change: Changed = same, edit: Edit | None = None) -> Network:
    """The segmentation network of changed arrays, or an edited graph; `name` tells it apart from others."""

    def build() -> bytes:
        return edited(build_pyannet(change(workshop.weights.segmentation)), edit)

    return partial(_run, build, workshop, f"segmentation {name}")


def trunk_with(
    workshop: Workshop, name: str, change: Changed = same, edit: Edit | None = None, *, fold: bool = True
) -> Network:
    """The embedding network's trunk of changed arrays, or an edited graph; `fold` is of `build_trunk`."""

    def build() -> bytes:
        return edited(build_trunk(change(workshop.weights.embedding), fold=fold), edit)

    return partial(_run, build, workshop, f"trunk {name}")


def edited(model: bytes, edit: Edit | None) -> bytes:
    """A serialised graph after an edit."""
    if edit is None:
        return model
    proto = onnx.load_from_string(model)
    edit(proto)
    return bytes(proto.SerializeToString())


def _run(build: Callable[[], bytes], workshop: Workshop, name: str, **inputs: np.ndarray) -> tuple[np.ndarray, ...]:
    key = (name, workshop.weights.sha256, workshop.threads)
    if key not in _BUILT:
        _BUILT[key] = OnnxNetwork(build(), workshop.threads)
        while len(_BUILT) > MOST_BUILT:
            _BUILT.popitem(last=False)
    _BUILT.move_to_end(key)
    return _BUILT[key](**inputs)


# --- edits -------------------------------------------------------------------------------------------------------


def nodes(model: onnx.ModelProto, op: str) -> list[onnx.NodeProto]:
    """All nodes of an operator, in order."""
    return [node for node in model.graph.node if node.op_type == op]


def node_of(model: onnx.ModelProto, name: str) -> onnx.NodeProto:
    """The node that gives a value."""
    return next(node for node in model.graph.node if name in node.output)


def set_attributes(node: onnx.NodeProto, **attributes: Any) -> None:
    """Give a node other attributes."""
    kept = [attribute for attribute in node.attribute if attribute.name not in attributes]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())


def constant(model: onnx.ModelProto, name: str) -> np.ndarray:
    """An initialiser's value."""
    return numpy_helper.to_array(next(found for found in model.graph.initializer if found.name == name))


def set_constant(model: onnx.ModelProto, name: str, value: np.ndarray) -> str:
    """Add an initialiser, or give it another value; its name."""
    tensor = numpy_helper.from_array(np.ascontiguousarray(value), name)
    for found in model.graph.initializer:
        if found.name == name:
            found.CopyFrom(tensor)
            return name
    model.graph.initializer.append(tensor)
    return name


def put_after(model: onnx.ModelProto, name: str, steps: Callable[[str], Sequence[onnx.NodeProto]]) -> None:
    """Change a value behind the node that gives it.

    Parameters
    ----------
    steps : the value's new name -> nodes that make the value of the old name of it, in order
    """
    place = next(index for index, node in enumerate(model.graph.node) if name in node.output)
    node = model.graph.node[place]
    raw = f"{name}.as_it_was"
    node.output[list(node.output).index(name)] = raw
    for offset, step in enumerate(steps(raw), start=1):
        model.graph.node.insert(place + offset, step)


def put_before(model: onnx.ModelProto, name: str, steps: Callable[[str, str], Sequence[onnx.NodeProto]]) -> None:
    """Change the first input of the node that gives a value: (input, its new name) -> nodes, in order."""
    place = next(index for index, node in enumerate(model.graph.node) if name in node.output)
    node = model.graph.node[place]
    before, changed = node.input[0], f"{name}.given"
    node.input[0] = changed
    for offset, step in enumerate(steps(before, changed)):
        model.graph.node.insert(place + offset, step)


def leave_out(model: onnx.ModelProto, name: str) -> None:
    """Make a node hand on its first input."""
    node = node_of(model, name)
    first = node.input[0]
    del node.input[:], node.attribute[:]
    node.input.append(first)
    node.op_type = "Identity"


def over_the_batch(model: onnx.ModelProto, node: onnx.NodeProto, dims: int) -> None:
    """Make a norm of (batch, channels, …) take its mean and variance over the batch too, as in training."""
    name, (x, weight, bias) = node.output[0], node.input[:3]
    turned = [1, 0, *range(2, dims)]
    flat = set_constant(model, f"{name}.flat", np.array([1, len(constant(model, weight)), -1], np.int64))
    epsilon = next(attribute.f for attribute in node.attribute if attribute.name == "epsilon")
    place = list(model.graph.node).index(node)
    model.graph.node.remove(node)
    steps = [
        helper.make_node("Transpose", [x], [f"{name}.turned"], perm=turned),
        helper.make_node("Shape", [f"{name}.turned"], [f"{name}.shape"]),
        helper.make_node("Reshape", [f"{name}.turned", flat], [f"{name}.rows"]),
        helper.make_node("InstanceNormalization", [f"{name}.rows", weight, bias], [f"{name}.normed"], epsilon=epsilon),
        helper.make_node("Reshape", [f"{name}.normed", f"{name}.shape"], [f"{name}.cut"]),
        helper.make_node("Transpose", [f"{name}.cut"], [name], perm=turned),
    ]
    for offset, step in enumerate(steps):
        model.graph.node.insert(place + offset, step)


def rounded_products(model: onnx.ModelProto, steps: Callable[[str, str], Sequence[onnx.NodeProto]]) -> None:
    """Round what convolutions, products and LSTMs are given, by nodes (value, its new name) -> rounded value."""
    for node in [node for node in model.graph.node if node.op_type in ("Conv", "MatMul", "LSTM")]:
        put_before(model, node.output[0], steps)


def through_float16(value: str, changed: str) -> list[onnx.NodeProto]:
    """A value's nearest float16 numbers."""
    half = f"{changed}.half"
    return [
        helper.make_node("Cast", [value], [half], to=FLOAT16),
        helper.make_node("Cast", [half], [changed], to=FLOAT),
    ]


def tf32(array: np.ndarray) -> np.ndarray:
    """The nearest numbers with eleven significant bits, float32."""
    split = array.astype(np.float32) * TF32_SPLIT
    return split - (split - array)


def in_tf32(model: onnx.ModelProto) -> None:
    """Round weights and inputs of convolutions, products and LSTMs to TF32; state inside an LSTM stays float32."""
    set_constant(model, "tf32.split", np.array(TF32_SPLIT))
    for node in [node for node in model.graph.node if node.op_type in ("Conv", "MatMul", "LSTM")]:
        for name in node.input[1 : 3 if node.op_type == "LSTM" else 2]:
            set_constant(model, name, tf32(constant(model, name)))
    rounded_products(model, _through_tf32)


def _through_tf32(value: str, changed: str) -> list[onnx.NodeProto]:
    split, rest = f"{changed}.split", f"{changed}.rest"
    return [
        helper.make_node("Mul", [value, "tf32.split"], [split]),
        helper.make_node("Sub", [split, value], [rest]),
        helper.make_node("Sub", [split, rest], [changed]),
    ]
