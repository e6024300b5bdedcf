"""The two graphs of an RNN-T step, and the table that stands for the embedding.

Task: a head -> the predictor's step and the joint's step, one frame and one token at a time. Inputs, outputs, weights
and products are float32; everything that follows the products (sums of parts, biases, cell, log-softmax) is float64.

Source: `RNNTDecoder.predict` and `RNNTJoint.joint` in gigaam/decoder.py, gigaam 0.1.0; the network is Graves,
"Sequence transduction with recurrent neural networks" (2012), with the joint of Graves, Mohamed & Hinton (2013).
Conventions: LSTM gates are torch's, i, f, g, o; hidden and cell state of a layer are inputs of their own, (1, hidden).
"""

from __future__ import annotations

import math

import numpy as np

from parity.networks.onnx_graph import Dims, GraphBuilder
from parity.rnnt.head import Head

GATES = 4
PARTS = 16
"""Into how many parts the sums of a layer are cut. ONNX Runtime adds up a row in order, up to 768 float32 products; in
16 parts, added up in float64, log-probabilities are at most 2.7e-6 off their float64 values, where torch's are 9.2e-6.
Float64 matrices would be 1.4e-6 off, at a fifth of the speed."""


def input_table(head: Head) -> np.ndarray:
    """What each token adds to the gates of the first layer: (classes, 4 * pred_hidden) float32.

    Embedding row times input weights plus both biases, once per model instead of once per step, and rounded once. The
    blank's row is that of an embedding of zeros, whatever the checkpoint's own says: the reference starts from zeros
    without looking it up.
    """
    arrays = head.arrays
    embedding = arrays["decoder.embed.weight"].astype(np.float64)
    embedding[head.blank] = 0.0
    bias = arrays["decoder.lstm.bias_ih_l0"].astype(np.float64) + arrays["decoder.lstm.bias_hh_l0"]
    return (embedding @ arrays["decoder.lstm.weight_ih_l0"].T + bias).astype(np.float32)


def build_predictor(head: Head) -> bytes:
    """One step of the LSTM: `token_gates` (1, 4H), `h{l}`, `c{l}` (1, H) -> `h{l}_next`, `c{l}_next` (1, H).

    The predictor's output is the last layer's `h_next`.
    """
    graph, hidden = GraphBuilder("rnnt_predictor"), head.pred_hidden
    inputs: dict[str, Dims] = {"token_gates": [1, GATES * hidden]}
    outputs: dict[str, Dims] = {}
    gates = _wide(graph, "token_gates")
    for layer in range(head.layers):
        if layer:
            gates = _layer_input(graph, head, layer)
        recurrent = _product(graph, head, f"h{layer}", f"decoder.lstm.weight_hh_l{layer}")
        gates = graph.add("Add", [recurrent, gates], f"gates{layer}")
        _cell(graph, gates, layer, hidden)
        inputs |= {f"h{layer}": [1, hidden], f"c{layer}": [1, hidden]}
        outputs |= {f"h{layer}_next": [1, hidden], f"c{layer}_next": [1, hidden]}
    return graph.model(inputs, outputs)


def build_joint(head: Head) -> bytes:
    """One step of the joint: `frame` (1, enc_hidden), `output` (1, pred_hidden) -> `log_probabilities` (1, classes)."""
    graph = GraphBuilder("rnnt_joint")
    encoded = _linear(graph, head, "frame", "joint.enc")
    predicted = _linear(graph, head, "output", "joint.pred")
    hidden = _narrow(graph, graph.add("Relu", [graph.add("Add", [encoded, predicted], "sum")], "rectified"), "hidden")
    scores = _linear(graph, head, hidden, "joint.joint_net.1")
    _narrow(graph, graph.add("LogSoftmax", [scores], "log_softmax", axis=-1), "log_probabilities")
    return graph.model(
        {"frame": [1, head.enc_hidden], "output": [1, head.pred_hidden]},
        {"log_probabilities": [1, head.classes]},
    )


def _layer_input(graph: GraphBuilder, head: Head, layer: int) -> str:
    product = _product(graph, head, f"h{layer - 1}_next", f"decoder.lstm.weight_ih_l{layer}")
    ours, recurrent = (head.arrays[f"decoder.lstm.bias_{way}_l{layer}"].astype(np.float64) for way in ("ih", "hh"))
    return graph.add("Add", [product, graph.constant(f"bias{layer}", ours + recurrent)], f"input_gates{layer}")


def _cell(graph: GraphBuilder, gates: str, layer: int, hidden: int) -> None:
    """c' = sigmoid(f) c + sigmoid(i) tanh(g); h' = sigmoid(o) tanh(c'), both rounded to float32 where they leave."""

    def gate(name: str, position: int, squash: str) -> str:
        bounds = [graph.constant(f"{name}{layer}_{end}", np.array([value * hidden], dtype=np.int64))
                  for end, value in (("start", position), ("end", position + 1))]  # fmt: skip
        axis = graph.constant(f"{name}{layer}_axis", np.array([1], dtype=np.int64))
        return graph.add(squash, [graph.add("Slice", [gates, *bounds, axis], f"{name}{layer}_sum")], f"{name}{layer}")

    i, f = gate("i", 0, "Sigmoid"), gate("f", 1, "Sigmoid")
    g, o = gate("g", 2, "Tanh"), gate("o", 3, "Sigmoid")
    kept = graph.add("Mul", [f, _wide(graph, f"c{layer}")], f"kept{layer}")
    added = graph.add("Mul", [i, g], f"added{layer}")
    cell = graph.add("Add", [kept, added], f"cell{layer}")
    shown = graph.add("Mul", [o, graph.add("Tanh", [cell], f"squashed{layer}")], f"shown{layer}")
    _narrow(graph, cell, f"c{layer}_next")
    _narrow(graph, shown, f"h{layer}_next")


def _linear(graph: GraphBuilder, head: Head, x: str, name: str) -> str:
    bias = graph.constant(f"{name}.bias", head.arrays[f"{name}.bias"].astype(np.float64))
    return graph.add("Add", [_product(graph, head, x, f"{name}.weight"), bias], name)


def _product(graph: GraphBuilder, head: Head, x: str, name: str) -> str:
    """A float32 row times a layer's weights, float64: sums over parts of the inputs, added up last."""
    weight = head.arrays[name].T
    count = math.gcd(PARTS, len(weight))
    parts = (count, len(weight) // count, weight.shape[1])
    shape = graph.constant(f"{name}.parts", np.array([count, 1, parts[1]], dtype=np.int64))
    axis = graph.constant(f"{name}.axis", np.array([0], dtype=np.int64))
    factors = [graph.add("Reshape", [x, shape], f"{name}.cut"), graph.constant(name, weight.reshape(parts))]
    sums = _wide(graph, graph.add("MatMul", factors, f"{name}.sums"))
    return graph.add("ReduceSum", [sums, axis], f"{name}.sum", keepdims=0)


def _wide(graph: GraphBuilder, x: str) -> str:
    from onnx import TensorProto

    return graph.add("Cast", [x], f"{x}.float64", to=TensorProto.DOUBLE)


def _narrow(graph: GraphBuilder, x: str, name: str) -> str:
    from onnx import TensorProto

    return graph.add("Cast", [x], name, to=TensorProto.FLOAT)
