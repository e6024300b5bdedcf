"""The network in ONNX Runtime: the graphs of `graph`, batch norms folded into the convolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    reduction : what is done to each graph before it is loaded, see `reduced`

    Attributes
    ----------
    size : bytes of both graphs
    """

    runtime = "onnx"

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        threads: int | None = None,
        reduction: Callable[[bytes], bytes] | None = None,
    ) -> None:
        reduce = reduction or (lambda model: model)
        trunk, head = reduce(build_trunk(arrays)), reduce(build_head(arrays))
        self.size = len(trunk) + len(head)
        # A broken graph shows now, not in the middle of a run.
        self._trunk = _sessions(OnnxNetwork(trunk, threads), lambda names: reduce(build_trunk(arrays, names)), threads)
        self._head = _sessions(OnnxNetwork(head, threads), lambda names: reduce(build_head(arrays, names)), threads)

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


def _sessions(
    plain: OnnxNetwork, build: Callable[[Sequence[str]], bytes], threads: int | None
) -> Callable[[tuple[str, ...]], OnnxNetwork]:
    """Names of layers -> the session that has them as further outputs."""
    return lru_cache(4)(lambda layers: OnnxNetwork(build(layers), threads) if layers else plain)
