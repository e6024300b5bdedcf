"""What the layers of the embedding network are proven against: the reference's values on some chunks.

Task: a full file of layers (`parity.layers.file`) or the sample committed beside a snapshot (`parity.layers.samples`)
-> one form that both are compared in. Conventions: a layer is one chunk's, in the reference's layout: images (channels,
mel bins, frames) after a block's last ReLU, `conv1` after its batch norm, statistics and embeddings (masks, ...).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from parity.layers.file import LayerFile
from parity.networks.wespeaker.architecture import BLOCKS, POOLED_FEATURES

FEATURES = f"{BLOCKS[-1][0]}.out"  # what is pooled
TRUNK = ("conv1", *(f"{block}.out" for block, _ in BLOCKS))
POOLED = ("mean", "std")
PROVEN = (*TRUNK, *POOLED, "embeddings")
"""The layers that are proven, in the order in which they are computed."""


@dataclass(frozen=True)
class ReferenceLayer:
    """One layer of the reference on one chunk, whole or in part.

    Attributes
    ----------
    shape : of the whole layer
    values : (n,) float32, those at `positions`
    max_abs, rms : of the whole layer
    positions : (n,) int64, where in the flattened layer the values stand; None: it is all there
    """

    shape: tuple[int, ...]
    values: np.ndarray = field(repr=False)
    max_abs: float
    rms: float
    positions: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def of(cls, layer: np.ndarray, positions: np.ndarray | None = None) -> ReferenceLayer:
        """A layer (...) float32, cut down to some positions of the flattened array where they are given."""
        flat = np.ascontiguousarray(layer).ravel()
        values = flat if positions is None else flat[positions]
        return cls(layer.shape, values, *sizes(layer), positions)

    def at(self, layer: np.ndarray) -> np.ndarray:
        """The values of another layer of this shape that stand where these do: (n,)."""
        flat = np.ascontiguousarray(layer).ravel()
        return flat if self.positions is None else flat[self.positions]


@dataclass(frozen=True)
class ReferenceChunk:
    """What the reference's embedding network was given on one chunk, and what it made of it.

    Attributes
    ----------
    chunk : its number
    fbank : (frames, 80) float32
    masks : (masks, mask frames) float32
    layers : by name, those of `PROVEN`
    """

    chunk: int
    fbank: np.ndarray = field(repr=False)
    masks: np.ndarray = field(repr=False)
    layers: Mapping[str, ReferenceLayer]


def sizes(layer: np.ndarray) -> tuple[float, float]:
    """Largest absolute value and root mean square, the latter summed in float64."""
    return float(np.abs(layer).max(initial=0.0)), float(np.sqrt(np.mean(np.square(layer, dtype=np.float64))))


def proven_layers(recorded: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The layers of `PROVEN` out of what a capture records, by name.

    Parameters
    ----------
    recorded : `embedding/LAYER` -> one chunk's array, as in `parity.layers.file`; its statistics are mean and
        deviation, side by side
    """
    stats = recorded["embedding/stats"]
    found = {"mean": stats[..., :POOLED_FEATURES], "std": stats[..., POOLED_FEATURES:]}
    return {name: found[name] if name in found else recorded[f"embedding/{name}"] for name in PROVEN}


def chunks_of_file(full: LayerFile) -> list[ReferenceChunk]:
    """The chunks of a full file of layers; none where nobody speaks in the clip."""
    if full.masks is None:
        return []
    found = []
    for row, chunk in enumerate(full.chunks):
        layers = proven_layers({key: full.arrays[key][row] for key in full.arrays if key.startswith("embedding/")})
        held = {name: ReferenceLayer.of(layer) for name, layer in layers.items()}
        found.append(ReferenceChunk(chunk, full.arrays["embedding/fbank"][row], full.masks[row], held))
    return found
