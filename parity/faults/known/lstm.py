"""Mistakes inside the segmentation network's recurrent and linear layers: gates, directions, state, activations."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

import numpy as np
import onnx
from onnx import TensorProto, helper

from parity.community1.segmentation import segment
from parity.faults.fault import Fault, Workshop
from parity.faults.known.graphs import (
    Arrays,
    Changed,
    Edit,
    constant,
    edited,
    in_tf32,
    leave_out,
    node_of,
    nodes,
    put_after,
    rounded_products,
    same,
    segmentation_with,
    set_attributes,
    set_constant,
    through_float16,
)
from parity.faults.known.planting import Run, fault
from parity.faults.known.rounded_weights import bfloat16, int8, rounded_segmentation
from parity.networks.pyannet import build_pyannet, num_layers
from parity.networks.runtime import OnnxNetwork

DEFAULT_LAYERS = 2
KERAS_SLOPE, KERAS_HARD = 0.3, (0.2, 0.5)
BOTH_WAYS = 2


def gates(order: tuple[int, int, int, int]) -> Changed:
    """Arrays whose gates, i, f, g, o, stand in that order."""

    def change(arrays: Arrays) -> Arrays:
        return {
            name: np.concatenate([np.split(array, 4)[place] for place in order]) if name.startswith("lstm.") else array
            for name, array in arrays.items()
        }

    return change


def directions_swapped(arrays: Arrays) -> Arrays:
    """Forward weights run backward, and the other way round."""
    return {name: arrays[_other_way(name)] if name.startswith("lstm.") else array for name, array in arrays.items()}


def _other_way(name: str) -> str:
    return name.removesuffix("_reverse") if name.endswith("_reverse") else f"{name}_reverse"


def one_bias(arrays: Arrays) -> Arrays:
    """The recurrent biases left out."""
    return {name: np.zeros_like(array) if ".bias_hh_" in name else array for name, array in arrays.items()}


def first_layers(arrays: Arrays) -> Arrays:
    """Two layers, whatever there are."""
    late = {f"_l{layer}" for layer in range(DEFAULT_LAYERS, num_layers(arrays))}
    return {
        name: array
        for name, array in arrays.items()
        if not (name.startswith("lstm.") and f"_l{name.rsplit('_l')[-1].removesuffix('_reverse')}" in late)
    }


def square_transposed(arrays: Arrays) -> Arrays:
    """The second linear layer's weight, which is square, the other way round."""
    return {**arrays, "linear.1.weight": np.ascontiguousarray(arrays["linear.1.weight"].T)}


def halves_swapped(model: onnx.ModelProto) -> None:
    """What went backward stands before what went forward."""
    order = set_constant(model, "other.order", np.array([1, 0], np.int64))
    for node in nodes(model, "LSTM"):
        name = node.output[0]
        put_after(model, name, partial(_gathered, name, order))


def _gathered(name: str, order: str, raw: str) -> list[onnx.NodeProto]:
    return [helper.make_node("Gather", [raw, order], [name], axis=1)]


def not_flipped_back(model: onnx.ModelProto) -> None:
    """What went backward stays in the order in which it was made, the last frame first."""
    numbers = {value: set_constant(model, f"number.{value}", np.array([value], np.int64)) for value in (0, 1, 2, -1)}
    start = set_constant(model, "number.start", np.array([np.iinfo(np.int64).min], np.int64))

    def turned(name: str, raw: str) -> list[onnx.NodeProto]:
        there, back, flipped = (f"{name}.{part}" for part in ("there", "back", "flipped"))
        return [
            helper.make_node("Slice", [raw, numbers[0], numbers[1], numbers[1]], [there]),
            helper.make_node("Slice", [raw, numbers[1], numbers[2], numbers[1]], [back]),
            helper.make_node("Slice", [back, numbers[-1], start, numbers[0], numbers[-1]], [flipped]),
            helper.make_node("Concat", [there, flipped], [name], axis=1),
        ]

    for node in nodes(model, "LSTM"):
        put_after(model, node.output[0], partial(turned, node.output[0]))


def both_forward(model: onnx.ModelProto) -> None:
    """The backward direction's weights run forward too."""
    for node in nodes(model, "LSTM"):
        name, (x, *weights) = node.output[0], node.input[:4]
        hidden = next(attribute.i for attribute in node.attribute if attribute.name == "hidden_size")
        place = list(model.graph.node).index(node)
        model.graph.node.remove(node)
        steps, parts = [], []
        for way in range(BOTH_WAYS):
            mine = [set_constant(model, f"{one}.{way}", constant(model, one)[way : way + 1]) for one in weights]
            parts.append(f"{name}.{way}")
            steps.append(helper.make_node("LSTM", [x, *mine], [parts[-1]], hidden_size=hidden))
        steps.append(helper.make_node("Concat", parts, [name], axis=1))
        for offset, step in enumerate(steps):
            model.graph.node.insert(place + offset, step)


def hard_gates(model: onnx.ModelProto) -> None:
    """Gates through Keras' old default, straight between -2.5 and 2.5, instead of a sigmoid."""
    alpha, beta = KERAS_HARD
    for node in nodes(model, "LSTM"):
        set_attributes(
            node,
            activations=["HardSigmoid", "Tanh", "Tanh"] * BOTH_WAYS,
            activation_alpha=[alpha, 0.0, 0.0] * BOTH_WAYS,
            activation_beta=[beta, 0.0, 0.0] * BOTH_WAYS,
        )


def with_state(model: onnx.ModelProto) -> None:
    """State in and out: inputs `state.N` and outputs `state.N.next`, hidden and cell of every layer."""
    for node in nodes(model, "LSTM"):
        hidden = next(attribute.i for attribute in node.attribute if attribute.name == "hidden_size")
        names = [f"{node.output[0]}.{part}" for part in ("hidden", "cell")]
        node.input.extend(["", *names])
        node.output.extend([f"{name}.next" for name in names])
        shape = [BOTH_WAYS, 1, hidden]
        for name in names:
            model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
            model.graph.output.append(helper.make_tensor_value_info(f"{name}.next", TensorProto.FLOAT, shape))


class Carrying:
    """The segmentation network chunk after chunk, each beginning with the state in which the one before ended."""

    def __init__(self, model: bytes, threads: int | None) -> None:
        self._network = OnnxNetwork(edited(model, with_state), threads)
        proto = onnx.load_from_string(edited(model, with_state))
        self._state = {
            value.name: np.zeros([dim.dim_value for dim in value.type.tensor_type.shape.dim], np.float32)
            for value in proto.graph.input[1:]
        }

    def __call__(self, waveforms: np.ndarray) -> tuple[np.ndarray]:
        """Log-probabilities of some chunks in order: (batch, 1, samples) -> (batch, frames, 7)."""
        rows = []
        for waveform in waveforms:
            logits, *state = self._network(waveforms=waveform[None], **self._state)
            self._state = dict(zip(self._state, state, strict=True))
            rows.append(logits)
        return (np.concatenate(rows),)


def _carried(native: Run, workshop: Workshop) -> Run:
    def run(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        network = Carrying(build_pyannet(workshop.weights.segmentation), workshop.threads)  # from nothing in every run
        return cast(tuple[np.ndarray, np.ndarray], segment(waveform, network=network))

    return run


def slopes(slope: float) -> Edit:
    """All leaky rectifiers with another slope."""

    def edit(model: onnx.ModelProto) -> None:
        for node in nodes(model, "LeakyRelu"):
            set_attributes(node, alpha=slope)

    return edit


def _without_activation(model: onnx.ModelProto) -> None:
    for layer in (0, 1):
        leave_out(model, f"linear.{layer}.relu")


def _last(op: str, **attributes: int) -> Edit:
    """Another operator in place of the last one."""

    def edit(model: onnx.ModelProto) -> None:
        node = node_of(model, "log_probabilities")
        node.op_type = op
        del node.attribute[:]
        set_attributes(node, **attributes)

    return edit


def inside(
    name: str, about: str, change: Changed = same, edit: Edit | None = None, *, neighbours: bool = False
) -> Fault:
    """A mistake inside the segmentation network; `neighbours` as of `Fault`."""

    def make(native: Run, workshop: Workshop) -> Run:
        return partial(segment, network=segmentation_with(workshop, name, change, edit))

    return fault(name, "segmentation", about, make, neighbours=neighbours)


def _rounded(name: str, rounding: Callable[[np.ndarray], np.ndarray]) -> Fault:
    def make(native: Run, workshop: Workshop) -> Run:
        def network(**inputs: np.ndarray) -> tuple[np.ndarray, ...]:
            return rounded_segmentation(workshop, rounding)(**inputs)

        return partial(segment, network=network)

    kept = rounding.__name__
    return fault(name, "segmentation", f"the segmentation network's weights kept in {kept} instead of float32", make)


FAULTS = [
    inside("lstm_gates_as_stored", "gates left i, f, g, o where the runtime wants i, o, f, g", gates((0, 2, 3, 1))),
    inside("lstm_gates_output_third", "gates read as i, f, o, g where they are i, f, g, o", gates((0, 1, 3, 2))),
    inside("lstm_gates_cell_second", "gates read as i, g, f, o where they are i, f, g, o", gates((0, 2, 1, 3))),
    inside("lstm_directions_swapped", "forward weights run backward, and the other way round", directions_swapped),
    inside("lstm_halves_swapped", "what went backward put before what went forward", edit=halves_swapped),
    inside("lstm_not_flipped_back", "what went backward left in reversed order", edit=not_flipped_back),
    inside("lstm_both_forward", "the backward direction run forward too", edit=both_forward),
    inside("lstm_one_bias", "one of an LSTM's two biases added instead of both", one_bias),
    inside("lstm_two_layers", "two LSTM layers, PyanNet's default, instead of four", first_layers),
    inside("lstm_hard_gates", "gates through Keras' hard sigmoid instead of the sigmoid", edit=hard_gates),
    fault(
        "lstm_state_carried",
        "segmentation",
        "each chunk begins with the state in which the one before ended, where all begin with zeros",
        _carried,
        neighbours=True,
    ),
    inside("linear_transposed", "the square linear layer's weight not transposed", square_transposed),
    inside("linear_without_activation", "no activation behind the linear layers", edit=_without_activation),
    inside("relu_for_leaky", "plain rectifiers instead of leaky ones", edit=slopes(0.0)),
    inside(
        "leaky_slope_of_keras",
        "leaky rectifiers with a slope of 0.3, Keras' default, instead of 0.01",
        edit=slopes(KERAS_SLOPE),
    ),
    inside(
        "log_softmax_missing", "the classifier's sums handed on, where log-probabilities are", edit=_last("Identity")
    ),
    inside("softmax_without_log", "probabilities instead of their logarithms", edit=_last("Softmax", axis=-1)),
    inside(
        "log_softmax_over_frames",
        "log-probabilities over frames instead of over classes (the other axis)",
        edit=_last("LogSoftmax", axis=1),
    ),
    inside("tf32_segmentation", "TF32 in the segmentation network's products instead of float32", edit=in_tf32),
    inside(
        "float16_segmentation",
        "activations of the segmentation network in float16 instead of float32",
        edit=partial(rounded_products, steps=through_float16),
    ),
    _rounded("bfloat16_segmentation_weights", bfloat16),
    _rounded("int8_segmentation_weights", int8),
]
