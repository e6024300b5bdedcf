"""Every layout that arrays of the network are found in, brought to one canonical set of names.

Canonical names are torchvision's, see `architecture`. Seen elsewhere, and understood here:

- prefixes `resnet.` (pyannote), `model.` and `module.` (wrappers of WeSpeaker's own training), any of them or none;
- the downsampling path as `shortcut.{0,1}` (pyannote, WeSpeaker) or `shortcut_{conv,bn}` (MLX), blocks below `.layers.`
  (MLX's `Sequential`), the last layer as `seg_1`, `fc` (MLX), or transposed (the ONNX graphs of this project);
- convolutions (out, h, w, in), as MLX wants them, told by the first one's shape;
- batch norms folded away, a bias in their place.

What is no part of an embedding is dropped: the second embedding layer and its norm (off in this network), classifier
heads and the counters of batch norms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from parity.errors import InputError
from parity.networks.arrays import checked
from parity.networks.wespeaker.architecture import (
    CONVOLUTIONS,
    DEPTHS,
    EMBEDDING_DIM,
    NORM_PARTS,
    POOLED_FEATURES,
    expected_shapes,
)
from parity.networks.wespeaker.batch_norm import neutral_norm

WHAT = "a WeSpeaker ResNet34 with 80 mel bins"
MLX_AXES = (0, 2, 3, 1)  # (out, in, h, w) -> (out, h, w, in)

_PREFIX = re.compile(r"^(?:module\.|model\.|resnet\.)+")
_RENAMED = (
    (re.compile(r"^(layer\d)\.layers\."), r"\1."),
    (re.compile(r"\.shortcut\."), ".downsample."),
    (re.compile(r"\.shortcut_conv\."), ".downsample.0."),
    (re.compile(r"\.shortcut_bn\."), ".downsample.1."),
    (re.compile(r"^fc\."), "seg_1."),
)
_DROPPED = re.compile(r"(?:^|\.)num_batches_tracked$|^(?:seg_2|seg_bn_1|projection|classifier)\.")
_FAMILY: dict[tuple[int, ...], str] = {(2, 2, 2, 2): "ResNet18", (3, 4, 23, 3): "ResNet101", (3, 8, 36, 3): "ResNet152"}
_FAMILY |= {(6, 16, 48, 3): "ResNet221", (10, 20, 64, 3): "ResNet293"}


def canonical_name(name: str) -> str:
    """What an array of any of the layouts is called here."""
    name = _PREFIX.sub("", name)
    for pattern, canonical in _RENAMED:
        name = pattern.sub(canonical, name)
    return name


def dropped(names: Iterable[str]) -> list[str]:
    """Those that are no part of an embedding, as they were called."""
    return [name for name in names if _DROPPED.search(canonical_name(name))]


def canonical(state_dict: Mapping[str, np.ndarray], origin: str) -> dict[str, np.ndarray]:
    """The arrays under their canonical names, float32, shapes checked.

    Parameters
    ----------
    state_dict : arrays in any of the layouts above
    origin : the file they came from, for messages

    Raises
    ------
    InputError : a ResNet of another depth; two arrays for one name; arrays that are missing, unexpected, of another
        shape, not floating-point, or variances below 0: all of them are listed
    """
    unwanted = set(dropped(state_dict))
    kept = {name: value for name, value in state_dict.items() if name not in unwanted}
    found = {canonical_name(name): value for name, value in kept.items()}
    if len(found) != len(kept):
        twice = sorted(name for name in found if sum(canonical_name(other) == name for other in kept) > 1)
        raise InputError(f"{origin}: holds {', '.join(twice)} twice, under different names: several networks in one?")
    _check_depth(found, origin)
    if integers := [f"{name} is {value.dtype}" for name, value in found.items() if value.dtype.kind != "f"]:
        raise InputError(f"{origin}: {', '.join(integers)}; expected floating-point numbers: a quantised network?")
    found = _with_norms(_torch_axes(found))
    arrays = checked(found, expected_shapes(), what=WHAT, origin=origin)
    if negative := [name for name in arrays if name.endswith(".running_var") and arrays[name].min() < 0]:
        raise InputError(f"{origin}: {', '.join(negative)} below 0, which no variance is: damaged, or made by hand")
    return arrays


def _torch_axes(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Convolutions as (out, in, h, w), the last layer as (out, in)."""
    first = found.get("conv1.weight")
    if first is not None and first.shape == tuple(CONVOLUTIONS["conv1"].shape[axis] for axis in MLX_AXES):
        back = tuple(np.argsort(MLX_AXES))
        found = {name: value.transpose(back) if value.ndim == 4 else value for name, value in found.items()}
    last = found.get("seg_1.weight")
    if last is not None and last.shape == (2 * POOLED_FEATURES, EMBEDDING_DIM):
        found["seg_1.weight"] = last.T
    return found


def _with_norms(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A neutral batch norm for every convolution that has a bias instead."""
    for name, convolution in CONVOLUTIONS.items():
        if f"{name}.bias" in found and not any(f"{convolution.norm}.{part}" in found for part in NORM_PARTS):
            found |= neutral_norm(convolution.norm, found.pop(f"{name}.bias").astype(np.float32))
    return found


def _check_depth(found: Mapping[str, np.ndarray], origin: str) -> None:
    blocks = [{int(m[1]) for name in found if (m := re.match(rf"layer{n}\.(\d+)\.", name))} for n in range(1, 5)]
    depths, bottleneck = tuple(map(len, blocks)), any(name.endswith(".conv3.weight") for name in found)
    if all(depths) and (bottleneck or depths != DEPTHS):
        name = "ResNet50" if bottleneck and depths == DEPTHS else _FAMILY.get(depths, "ResNet of another depth")
        kind = "blocks of three convolutions" if bottleneck else "blocks"
        raise InputError(
            f"{origin}: a {name}, {depths} {kind}; expected a ResNet34, {DEPTHS} blocks of two convolutions"
        )


def pyannote_names(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same arrays under the names that pyannote's checkpoints use."""
    return {f"resnet.{name.replace('.downsample.', '.shortcut.')}": value for name, value in arrays.items()}


def mlx_layout(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same arrays as MLX ports of this network keep them: pyannote's names, convolutions (out, h, w, in)."""
    named = pyannote_names(arrays)
    return {n: np.ascontiguousarray(v.transpose(MLX_AXES)) if v.ndim == 4 else v for n, v in named.items()}
