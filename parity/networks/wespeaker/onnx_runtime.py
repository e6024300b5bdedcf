"""The network in ONNX Runtime: the graphs of `graph`, batch norms folded into the convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.graph import build_head, build_trunk
from parity.networks.wespeaker.runtime import EmbeddingNetwork, Layers


class OnnxEmbedding(EmbeddingNetwork):
    """Trunk and head as a session each.

    Asking for layers makes further sessions, kept while the network lives; it leaves every result as it is.

    Parameters
    ----------
    arrays : under canonical names
    threads : threads within an operator; the cores this process may use by default
    """

    runtime = "onnx"

    def __init__(self, arrays: Mapping[str, np.ndarray], threads: int | None = None) -> None:
        self._trunk = lru_cache(4)(lambda layers: OnnxNetwork(build_trunk(arrays, layers), threads))
        self._head = lru_cache(4)(lambda layers: OnnxNetwork(build_head(arrays, layers), threads))
        self._trunk(()), self._head(())  # a broken graph shows now, not in the middle of a run

    def run_trunk(self, fbank: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """See `EmbeddingNetwork.run_trunk`."""
        features, *rest = self._trunk(tuple(layers))(fbank=fbank)
        return features, dict(zip(layers, rest, strict=True))

    def run_head(self, features: np.ndarray, weights: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """See `EmbeddingNetwork.run_head`."""
        embeddings, *rest = self._head(tuple(layers))(features=features, weights=weights)
        # Mean and deviation have one value a feature, over a last axis that pooling left.
        made = {name: value[..., 0] if value.ndim == 4 else value for name, value in zip(layers, rest, strict=True)}
        return embeddings, made
