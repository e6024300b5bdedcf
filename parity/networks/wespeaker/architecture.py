"""What a WeSpeaker ResNet34 is made of: sizes, blocks, convolutions, and the shape of every array.

Source: `ResNet`, `BasicBlock`, `TSTP` in pyannote/audio/models/embedding/wespeaker/resnet.py and `StatsPool` in
pyannote/audio/models/blocks/pooling.py at tag 4.0.4; architecture after Wang et al., "WeSpeaker" (ICASSP 2023).
Convention: canonical names are torchvision's (`layer2.0.downsample.0.weight`), convolutions (out, in, h, w); the
network sees an image of 80 mel bins (height) by frames (width).
"""

from __future__ import annotations

from typing import NamedTuple

NUM_MEL_BINS = 80
EMBEDDING_DIM = 256
M_CHANNELS = 32
DEPTHS = (3, 4, 6, 3)  # ResNet34
POOLED_FEATURES = 8 * M_CHANNELS * (NUM_MEL_BINS // 8)  # channels x remaining mel bins = 2560
BATCH_NORM_EPS = 1e-5
POOLING_EPS = 1e-8
NORM_PARTS = ("weight", "bias", "running_mean", "running_var")
CONFIG = {"feat_dim": NUM_MEL_BINS, "embed_dim": EMBEDDING_DIM, "m_channels": M_CHANNELS, "pooling": "TSTP"}
"""What the `config.json` of MLX's layout says of the network."""

BLOCKS: tuple[tuple[str, int], ...] = tuple(
    (f"layer{layer}.{index}", 2 if layer > 1 and index == 0 else 1)
    for layer, depth in enumerate(DEPTHS, start=1)
    for index in range(depth)
)
"""Every basic block in order, with its stride."""


class Convolution(NamedTuple):
    """One convolution without bias and the batch norm behind it; padded by half its size.

    Attributes
    ----------
    name, norm : canonical names of the two
    shape : (out, in, size, size)
    stride : in both directions
    """

    name: str
    norm: str
    shape: tuple[int, int, int, int]
    stride: int = 1


def _convolutions() -> list[Convolution]:
    found, channels = [Convolution("conv1", "bn1", (M_CHANNELS, 1, 3, 3))], M_CHANNELS
    for block, stride in BLOCKS:
        out = M_CHANNELS * 2 ** (int(block[5]) - 1)
        found.append(Convolution(f"{block}.conv1", f"{block}.bn1", (out, channels, 3, 3), stride))
        found.append(Convolution(f"{block}.conv2", f"{block}.bn2", (out, out, 3, 3)))
        if out != channels:
            shortcut = f"{block}.downsample"
            found.append(Convolution(f"{shortcut}.0", f"{shortcut}.1", (out, channels, 1, 1), stride))
        channels = out
    return found


CONVOLUTIONS: dict[str, Convolution] = {convolution.name: convolution for convolution in _convolutions()}
"""Every convolution by name, in the order in which exporters number them: a block's two, then its shortcut's."""


def _trunk_layers() -> list[str]:
    names = ["conv1"]
    for block, _ in BLOCKS:
        shortcut = [f"{block}.downsample.0"] if f"{block}.downsample.0" in CONVOLUTIONS else []
        names += [f"{block}.conv1", *shortcut, f"{block}.out"]
    return names


TRUNK_LAYERS: tuple[str, ...] = tuple(_trunk_layers())
"""Layers of the trunk in order: (batch, channels, mel bins, frames), a convolution's after its batch norm."""
HEAD_LAYERS: tuple[str, ...] = ("mean", "std", "stats")
"""Layers of the head: (batch, speakers, 2560), the last one both, (batch, speakers, 5120)."""


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Shape of every array, by canonical name."""
    shapes: dict[str, tuple[int, ...]] = {}
    for convolution in CONVOLUTIONS.values():
        shapes[f"{convolution.name}.weight"] = convolution.shape
        shapes |= {f"{convolution.norm}.{part}": convolution.shape[:1] for part in NORM_PARTS}
    return shapes | {"seg_1.weight": (EMBEDDING_DIM, 2 * POOLED_FEATURES), "seg_1.bias": (EMBEDDING_DIM,)}
