"""What the stages run: two networks and the solved PLDA, built from one weight set.

Segmentation runs in ONNX Runtime, the embedding network in whatever runtime is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from parity.community1.plda import Plda, solve_plda
from parity.networks import onnx_graph, pyannet
from parity.networks.kept import kept_model
from parity.networks.pyannet import build_pyannet
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.runtime import DEFAULT_RUNTIME, load_embedding

Network = Callable[..., tuple[np.ndarray, ...]]


@dataclass(frozen=True)
class Networks:
    """Everything of the pipeline that was learned.

    Attributes
    ----------
    segmentation : waveforms (batch, 1, 160000) -> log-probabilities (batch, 589, 7), float32
    trunk : fbank (batch, 998, 80) -> features (batch, 2560, 125), float32
    head : features, weights (batch, 3, 125) -> embeddings (batch, 3, 256), float32
    plda : the solved PLDA
    """

    segmentation: Network
    trunk: Network
    head: Network
    plda: Plda


def build_networks(
    segmentation: Mapping[str, np.ndarray],
    embedding: Mapping[str, np.ndarray],
    plda: Mapping[str, np.ndarray],
    threads: int | None = None,
    runtime: str = DEFAULT_RUNTIME,
) -> Networks:
    """Build the networks from arrays under their canonical names.

    Parameters
    ----------
    segmentation, embedding : float32 arrays, see `parity.networks.pyannet` and `parity.networks.wespeaker.names`
    plda : see `parity.community1.plda.solve_plda`
    threads : threads within an operator; the cores this process may use by default
    runtime : of the embedding network, see `parity.networks.wespeaker.runtime.RUNTIMES`

    Raises
    ------
    InputError : no such runtime, or what it needs is not installed
    """
    network = load_embedding(embedding, runtime, threads)
    return Networks(
        segmentation=OnnxNetwork(
            kept_model(lambda: build_pyannet(segmentation), segmentation, pyannet.__name__, onnx_graph.__name__),
            threads,
        ),
        trunk=network.trunk,
        head=network.head,
        plda=solve_plda(plda),
    )
