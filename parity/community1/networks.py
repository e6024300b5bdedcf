"""What the stages run: two networks and the solved PLDA, built from one weight set.

On the CPU segmentation runs in ONNX Runtime, the embedding network in whatever runtime is asked for; on an NVIDIA card
both run in the same one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from parity.community1.plda import Plda, solve_plda
from parity.networks import onnx_graph, pyannet
from parity.networks.kept import kept_model
from parity.networks.placement import Placement
from parity.networks.pyannet import build_pyannet
from parity.networks.runtime import OnnxNetwork, available_cores, checked_threads
from parity.networks.side_by_side import rows_side_by_side
from parity.networks.wespeaker.runtime import DEFAULT_RUNTIME, EmbeddingNetwork, load_embedding

BATCH_ON_CUDA = 16
"""Chunks per call, where a runtime does not say what the card's memory allows."""

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
    whole : trunk and head in one, with the trunk's fbank and the head's weights; None on the CPU
    batch : chunks that a call of segmentation or `whole` should take; None: the caller's choice
    around : stage -> what is put around its function when a pipeline is built: the function -> what runs instead
    """

    segmentation: Network
    trunk: Network
    head: Network
    plda: Plda
    whole: Network | None = None
    batch: int | None = None
    around: Mapping[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = field(default_factory=dict)


def never_run(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Stands where a network would, in a pipeline of which only other stages are run, or none."""
    raise RuntimeError("this pipeline was built without its networks")


def without_networks(plda: Plda | None = None) -> Networks:
    """Networks of a pipeline whose graph is read, or of which only stages behind the networks run."""
    return Networks(never_run, never_run, never_run, cast(Plda, plda))


def build_networks(
    segmentation: Mapping[str, np.ndarray],
    embedding: Mapping[str, np.ndarray],
    plda: Mapping[str, np.ndarray],
    threads: int | None = None,
    runtime: str = DEFAULT_RUNTIME,
    placement: Placement | None = None,
) -> Networks:
    """Build the networks from arrays under their canonical names.

    Parameters
    ----------
    segmentation, embedding : float32 arrays, see `parity.networks.pyannet` and `parity.networks.wespeaker.names`
    plda : see `parity.community1.plda.solve_plda`
    threads : chunks at once, or threads within an operator where a runtime takes one call at a time; the cores this
        process may use by default
    runtime : of the embedding network, see `parity.networks.wespeaker.runtime.RUNTIMES`
    placement : the device of both, the precision of the embedding network; the CPU by default. Segmentation stays in
        float32: less saves no time there and moves the frames that everything after it is decided from

    Raises
    ------
    InputError : no such runtime, what it needs is not installed, or it does not have the device
    """
    placement = placement or Placement()
    network = load_embedding(embedding, runtime, threads, placement)
    hears = _segmentation(segmentation, threads, runtime, placement.in_float32)
    on_cpu = placement.on_cpu
    return Networks(
        segmentation=hears,
        trunk=network.trunk,
        head=network.head,
        plda=solve_plda(plda),
        whole=None if on_cpu else getattr(network, "whole", _joined(network)),
        batch=None if on_cpu else min(getattr(part, "batch", BATCH_ON_CUDA) for part in (hears, network)),
    )


def _segmentation(arrays: Mapping[str, np.ndarray], threads: int | None, runtime: str, placement: Placement) -> Network:
    if runtime == "torch" and not placement.on_cpu:
        return importlib.import_module("parity.networks.pyannet_torch").TorchSegmentation(arrays, placement)
    model = kept_model(lambda: build_pyannet(arrays), arrays, pyannet.__name__, onnx_graph.__name__)
    if not placement.on_cpu:
        return OnnxNetwork(model, threads, placement)
    return rows_side_by_side(OnnxNetwork(model, 1), checked_threads(threads or available_cores()))


def _joined(network: EmbeddingNetwork) -> Network:
    def whole(fbank: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray]:
        return network.head(network.trunk(fbank)[0], weights)

    return whole
