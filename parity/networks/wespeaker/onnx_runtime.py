"""The network in ONNX Runtime: the graphs of `graph`, batch norms folded into the convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from parity.networks import onnx_graph
from parity.networks.kept import kept_model
from parity.networks.placement import Placement
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker import architecture, batch_norm, graph
from parity.networks.wespeaker.runtime import EmbeddingNetwork, Layers

Arrays = Mapping[str, np.ndarray]
Reduction = Callable[[bytes], bytes]


class OnnxPart:
    """One graph of the network: a session, and further ones with layers as outputs, kept while it lives.

    Parameters
    ----------
    build : arrays, names of layers -> the graph
    reduction : what is done to the graph before it is loaded, see `reduced`

    Attributes
    ----------
    size : bytes of the graph
    """

    def __init__(
        self,
        build: Callable[[Arrays, Sequence[str]], bytes],
        arrays: Arrays,
        threads: int | None = None,
        reduction: Reduction | None = None,
        placement: Placement | None = None,
    ) -> None:
        def made(layers: Sequence[str]) -> bytes:
            if layers:
                model = build(arrays, layers)
            else:
                sources = (module.__name__ for module in (graph, batch_norm, architecture, onnx_graph))
                model = kept_model(lambda: build(arrays, ()), arrays, build.__name__, *sources)
            return reduction(model) if reduction else model

        model = made(())
        self.size = len(model)
        plain = OnnxNetwork(model, threads, placement)  # a broken graph shows now, not in the middle of a run
        self._sessions = lru_cache(4)(lambda layers: OnnxNetwork(made(layers), threads, placement) if layers else plain)

    def __call__(self, layers: Sequence[str], **inputs: np.ndarray) -> tuple[np.ndarray, Layers]:
        """Its output, and the layers asked for."""
        result, *rest = self._sessions(tuple(layers))(**inputs)
        return result, dict(zip(layers, rest, strict=True))


class OnnxHead(OnnxPart):
    """Pooling and the linear layer."""

    def __init__(
        self,
        arrays: Arrays,
        threads: int | None = None,
        reduction: Reduction | None = None,
        placement: Placement | None = None,
    ) -> None:
        super().__init__(graph.build_head, arrays, threads, reduction, placement)

    def run_head(self, features: np.ndarray, weights: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """See `EmbeddingNetwork.run_head`."""
        embeddings, made = self(layers, features=features, weights=weights)
        # Mean and deviation have one value a feature, over a last axis that pooling left.
        return embeddings, {name: value[..., 0] if value.ndim == 4 else value for name, value in made.items()}


class OnnxEmbedding(EmbeddingNetwork):
    """Trunk and head as a session each.

    Asking for layers makes further sessions; it leaves every result as it is.

    Parameters
    ----------
    arrays : under canonical names
    threads : threads within an operator; the cores this process may use by default
    reduction : what is done to each graph before it is loaded, see `reduced`
    placement : the device and the precision; the CPU by default

    Attributes
    ----------
    size : bytes of both graphs
    """

    runtime = "onnx"

    def __init__(
        self,
        arrays: Arrays,
        threads: int | None = None,
        reduction: Reduction | None = None,
        placement: Placement | None = None,
    ) -> None:
        self._trunk = OnnxPart(graph.build_trunk, arrays, threads, reduction, placement)
        self._head = OnnxHead(arrays, threads, reduction, placement)
        self.size = self._trunk.size + self._head.size

    def run_trunk(self, fbank: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """See `EmbeddingNetwork.run_trunk`."""
        return self._trunk(layers, fbank=fbank)

    def run_head(self, features: np.ndarray, weights: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """See `EmbeddingNetwork.run_head`."""
        return self._head.run_head(features, weights, layers)
