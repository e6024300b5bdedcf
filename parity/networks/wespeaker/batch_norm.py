"""Batch norms of the network: folded into convolutions, and the one that does nothing but add a folded bias.

Canonical arrays always hold every batch norm. A network that was folded elsewhere gets neutral ones, so that its names
are complete in any framework, and folding it again gives back its very weights and biases, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from parity.errors import InputError
from parity.networks.wespeaker.architecture import BATCH_NORM_EPS, CONVOLUTIONS, NORM_PARTS


def fold_batch_norm(arrays: Mapping[str, np.ndarray], conv: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
    """The convolution's weight (out, in, h, w) and bias (out,), float32, that do the batch norm as well.

    In float64, rounded once.

    Raises
    ------
    InputError : the product is past float32
    """
    weight = arrays[f"{conv}.weight"].astype(np.float64)
    gain = arrays[f"{norm}.weight"] / np.sqrt(arrays[f"{norm}.running_var"].astype(np.float64) + BATCH_NORM_EPS)
    bias = arrays[f"{norm}.bias"] - gain * arrays[f"{norm}.running_mean"]
    with np.errstate(over="ignore"):  # refused just below
        made = (weight * gain[:, None, None, None]).astype(np.float32), bias.astype(np.float32)
    if not all(np.isfinite(array).all() for array in made):
        raise InputError(f"{conv} with {norm} folded into it is past float32: damaged, or diverged")
    return made


def neutral_norm(norm: str, bias: np.ndarray) -> dict[str, np.ndarray]:
    """A batch norm that adds a folded bias (channels,) and does nothing else: var + eps is 1 in float32."""
    values = (np.ones_like(bias), bias, np.zeros_like(bias), np.full_like(bias, np.float32(1 - BATCH_NORM_EPS)))
    return {f"{norm}.{part}": value for part, value in zip(NORM_PARTS, values, strict=True)}


def folded(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same network with every batch norm folded into its convolution and neutral ones in their place."""
    made = dict(arrays)
    for name, convolution in CONVOLUTIONS.items():
        made[f"{name}.weight"], bias = fold_batch_norm(arrays, name, convolution.norm)
        made |= neutral_norm(convolution.norm, bias)
    return made
