"""Random inputs, and networks with random weights, for more than one test module."""

from __future__ import annotations

import numpy as np

from parity.community1.segmentation import powerset_mapping
from parity.networks import pyannet
from parity.networks.wespeaker.architecture import expected_shapes as wespeaker_shapes

FRAMES = 589


def random_segmentations(rng: np.random.Generator, chunks: int) -> np.ndarray:
    """Runs of powerset classes, so at most two speakers at once: (chunks, 589, 3) float32."""
    classes = np.repeat(rng.integers(0, 7, (chunks, 12)), 50, axis=1)[:, :FRAMES]
    return powerset_mapping()[classes]


def random_embeddings(rng: np.random.Generator, chunks: int, dimension: int = 16) -> np.ndarray:
    return rng.standard_normal((chunks, 3, dimension)).astype(np.float32)


def random_plda(rng: np.random.Generator, wide: int = 32, narrow: int = 12) -> dict[str, np.ndarray]:
    left, right = (np.linalg.qr(rng.standard_normal((narrow, narrow)))[0] for _ in range(2))
    return {
        "mean1": 0.1 * rng.standard_normal(wide),
        "mean2": 0.1 * rng.standard_normal(narrow).astype(np.float32),
        "lda": rng.standard_normal((wide, narrow)).astype(np.float32),
        "mu": 0.1 * rng.standard_normal(narrow),
        "tr": left * rng.uniform(0.5, 2.0, narrow) @ right,
        "psi": np.exp(rng.uniform(-2, 3, narrow)),
    }


def vbx_data(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of a few speakers, variances along 16 axes, and labels of which each occurs."""
    phi = np.sort(np.exp(rng.uniform(-2, 3, 16)))[::-1]
    speakers, rows = rng.integers(1, 5), rng.integers(8, 40)
    means = rng.standard_normal((speakers, 16)) * np.sqrt(phi)
    points = means[rng.integers(0, speakers, rows)] + rng.standard_normal((rows, 16))
    clusters = rng.integers(1, 7)
    return points, phi, rng.permutation(np.arange(rows) % clusters)


def random_wespeaker(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Weights that keep activations near one through all 16 blocks."""
    arrays = {}
    for name, shape in wespeaker_shapes().items():
        if name.endswith("running_var"):
            value = rng.uniform(0.5, 2.0, shape)
        elif len(shape) > 1:
            value = rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
        else:
            value = 0.2 * rng.standard_normal(shape) + float(name.endswith("weight"))
        arrays[name] = value.astype(np.float32)
    return arrays


def random_pyannet(rng: np.random.Generator, num_layers: int = 2, hidden: int = 6) -> dict[str, np.ndarray]:
    arrays = {}
    for name, shape in pyannet.expected_shapes(num_layers, hidden).items():
        scale = 1 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.3
        arrays[name] = scale * rng.standard_normal(shape) + float("norm1d" in name and name.endswith("weight"))
    filterbank = "sincnet.conv1d.0.filterbank"
    arrays[f"{filterbank}.low_hz_"] = np.linspace(0, 7000, 40)[:, None]
    arrays[f"{filterbank}.band_hz_"] = rng.uniform(100, 400, (40, 1))
    arrays[f"{filterbank}.window_"] = np.hamming(251)[:125]
    arrays[f"{filterbank}.n_"] = 2 * np.pi * np.arange(-125, 0)[None] / 16_000
    return {name: value.astype(np.float32) for name, value in arrays.items()}
