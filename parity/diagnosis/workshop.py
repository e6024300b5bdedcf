"""The native pipeline and the workshop that mistakes are planted in, each part loaded when it is first needed.

Most stages need no weights at all: looking a mistake up in them must not wait for networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from hashlib import blake2b
from typing import Any, cast

import numpy as np

from parity.community1 import Networks, Parameters, community1_pipeline
from parity.community1.networks import Network, without_networks
from parity.faults.fault import Workshop
from parity.pipeline.stage import Pipeline
from parity.ports.yardstick import PLDA, Means
from parity.sources import WeightSet

KEPT = 24
"""Batches whose outcome a network keeps; of the trunk 2.6 MB each."""


def native_workshop(
    stages: Iterable[str],
    parameters: Parameters,
    means: Means,
    weights: Callable[[], WeightSet],
    threads: int | None = None,
) -> tuple[Pipeline, Workshop]:
    """The native pipeline, of which some stages are run, and the workshop of their mistakes.

    Parameters
    ----------
    stages : that run
    means : of the native pipeline; its networks are loaded when one of them is called
    weights : loads the weight set
    threads : of networks that a mistake builds of its own

    Raises
    ------
    InputError : a stage needs the PLDA, and the weights cannot be had
    """
    plda = means.plda() if set(stages) & set(PLDA) else without_networks().plda
    networks = Networks(
        segmentation=_remembering(lambda **inputs: means.networks().segmentation(**inputs)),
        trunk=_remembering(lambda **inputs: means.networks().trunk(**inputs)),
        head=lambda **inputs: means.networks().head(**inputs),
        plda=plda,
    )
    workshop = Workshop(cast(WeightSet, _Lazily(weights)), networks, parameters, threads)
    return community1_pipeline(networks, parameters), workshop


def _remembering(network: Network) -> Network:
    """A network that runs once for each input: most mistakes behind it leave what it hears alone."""
    seen: dict[str, tuple[np.ndarray, ...]] = {}

    def remembered(**inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        key = blake2b(b"".join(np.ascontiguousarray(value).tobytes() for value in inputs.values())).hexdigest()
        if key not in seen:
            if len(seen) >= KEPT:
                seen.clear()
            seen[key] = network(**inputs)
        return seen[key]

    return remembered


class _Lazily:
    """Stands for a weight set that is loaded when something of it is asked for."""

    def __init__(self, load: Callable[[], WeightSet]) -> None:
        self._load = load

    @cached_property
    def _loaded(self) -> WeightSet:
        return self._load()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded, name)
