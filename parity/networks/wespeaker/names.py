"""One canonical set of names and shapes for the arrays of the WeSpeaker ResNet34.

Canonical names are torchvision's: `conv1.weight`, `bn1.running_mean`, `layer2.0.downsample.0.weight`, and `seg_1` for
the embedding layer. pyannote's checkpoints carry a `resnet.` prefix and call the downsampling path `shortcut`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from parity.networks.arrays import checked

NUM_MEL_BINS = 80
EMBEDDING_DIM = 256
M_CHANNELS = 32
DEPTHS = (3, 4, 6, 3)  # ResNet34
POOLED_FEATURES = 8 * M_CHANNELS * (NUM_MEL_BINS // 8)  # channels x remaining mel bins = 2560

BLOCKS: tuple[tuple[str, int], ...] = tuple(
    (f"layer{layer}.{index}", 2 if layer > 1 and index == 0 else 1)
    for layer, depth in enumerate(DEPTHS, start=1)
    for index in range(depth)
)
"""Every basic block in order, with its stride."""

_DROPPED_SUFFIXES = ("num_batches_tracked",)
_DROPPED_PREFIXES = ("seg_2.", "seg_bn_1.", "projection.")


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Shape of every array, by canonical name."""
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (M_CHANNELS, 1, 3, 3), **_norm("bn1", M_CHANNELS)}
    channels = M_CHANNELS
    for name, _ in BLOCKS:
        out = M_CHANNELS * 2 ** (int(name[5]) - 1)
        shapes[f"{name}.conv1.weight"] = (out, channels, 3, 3)
        shapes |= _norm(f"{name}.bn1", out)
        shapes[f"{name}.conv2.weight"] = (out, out, 3, 3)
        shapes |= _norm(f"{name}.bn2", out)
        if out != channels:
            shapes[f"{name}.downsample.0.weight"] = (out, channels, 1, 1)
            shapes |= _norm(f"{name}.downsample.1", out)
        channels = out
    shapes["seg_1.weight"] = (EMBEDDING_DIM, 2 * POOLED_FEATURES)
    shapes["seg_1.bias"] = (EMBEDDING_DIM,)
    return shapes


def _norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{part}": (channels,) for part in ("weight", "bias", "running_mean", "running_var")}


def canonical(state_dict: Mapping[str, np.ndarray], origin: str) -> dict[str, np.ndarray]:
    """The arrays under their canonical names, float32, shapes checked.

    Parameters
    ----------
    state_dict : arrays as pyannote (`resnet.` prefix, `shortcut`) or WeSpeaker (no prefix) names them
    origin : the file they came from, for messages

    Raises
    ------
    InputError : arrays are missing, unexpected or of another shape; all of them are listed
    """
    found = {
        name.removeprefix("resnet.").replace(".shortcut.", ".downsample."): value for name, value in state_dict.items()
    }
    found = {name: value for name, value in found.items() if not _dropped(name)}
    return checked(found, expected_shapes(), what="a WeSpeaker ResNet34 with 80 mel bins", origin=origin)


def _dropped(name: str) -> bool:
    # Classifier heads and training counters are no part of an embedding; two_emb_layer is off in this network.
    return name.endswith(_DROPPED_SUFFIXES) or name.startswith(_DROPPED_PREFIXES)


def pyannote_names(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same arrays under the names that pyannote's checkpoints use."""
    return {f"resnet.{name.replace('.downsample.', '.shortcut.')}": value for name, value in arrays.items()}
