"""What the stages run: two networks in ONNX Runtime and the solved PLDA, built from one weight set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from parity.community1.plda import Plda, solve_plda
from parity.networks.pyannet import build_pyannet
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.graph import build_head, build_trunk

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
) -> Networks:
    """Build the graphs from arrays under their canonical names and load them.

    Parameters
    ----------
    segmentation, embedding : float32 arrays, see `parity.networks.pyannet` and `parity.networks.wespeaker.names`
    plda : see `parity.community1.plda.solve_plda`
    threads : threads within an operator; the cores this process may use by default
    """
    return Networks(
        segmentation=OnnxNetwork(build_pyannet(segmentation), threads),
        trunk=OnnxNetwork(build_trunk(embedding), threads),
        head=OnnxNetwork(build_head(embedding), threads),
        plda=solve_plda(plda),
    )
