"""A few words to write ONNX graphs with: nodes are added in order, initialisers by name.

The graphs are built here from the checkpoint's arrays (`onnx.helper`), never exported from torch. Most of what imports
this module writes none, so the package is imported where a graph is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

OPSET = 17
IR_VERSION = 8


Dims = list[int | str]
"""Of a tensor; a string is a dynamic dimension."""


class GraphBuilder:
    """Collects nodes and initialisers of one graph; every `add` returns the name of the node's first output."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[onnx.NodeProto] = []
        self._initialisers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add an initialiser."""
        from onnx import numpy_helper

        self._initialisers.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def add(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node with one output."""
        from onnx import helper

        self._nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def model(
        self, inputs: Mapping[str, Dims], outputs: Mapping[str, Dims], layers: Sequence[str] = (), opset: int = OPSET
    ) -> bytes:
        """The finished model, checked and serialised.

        Parameters
        ----------
        inputs, outputs : name -> dims of float32 tensors; a string is a dynamic dimension
        layers : names of nodes whose values are wanted too; they follow the outputs, in this order
        opset : version of the operators

        Raises
        ------
        ValueError : a layer is no node of the graph
        """
        from onnx import TensorProto, checker, helper

        graph = helper.make_graph(
            self._nodes,
            self.name,
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, dims) for n, dims in inputs.items()],
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, dims) for n, dims in outputs.items()],
            self._initialisers,
        )
        imports = [helper.make_opsetid("", opset)]
        model = helper.make_model(
            graph,
            opset_imports=imports,
            ir_version=IR_VERSION if opset <= OPSET else helper.find_min_ir_version_for(imports),
            producer_name="parity-lab",
        )
        _add_outputs(model, layers)
        checker.check_model(model)
        return model.SerializeToString(deterministic=True)


def _add_outputs(model: onnx.ModelProto, layers: Sequence[str]) -> None:
    if not layers:
        return
    from onnx import shape_inference

    # An output needs a shape, which the builder does not keep for what lies between.
    known = {value.name: value for value in shape_inference.infer_shapes(model).graph.value_info}
    if unknown := [name for name in layers if name not in known]:
        raise ValueError(f"{model.graph.name} has no node {', '.join(unknown)}")
    model.graph.output.extend(known[name] for name in layers)
