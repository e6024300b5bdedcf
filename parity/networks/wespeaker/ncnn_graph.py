"""The trunk as ncnn's two files: a table of layers in text, and float32 weights in their order.

Task: canonical arrays -> `.param` and `.bin` of a network `fbank` (1, 80, frames) -> the last block's output (256, 10,
frames / 8).
Source: architecture as in `graph`; the formats as ncnn's own documentation describes them: a magic number, how many
layers and blobs there are, then one line per layer (type, name, numbers of inputs and outputs, their names, numbered
parameters); weights of a convolution behind four zero bytes that say float32, its bias without any.
Conventions: batch norms are folded into the convolutions; a blob read twice goes through a `Split`; blobs have the
names of `architecture.TRUNK_LAYERS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from parity.networks.wespeaker.architecture import BLOCKS, CONVOLUTIONS
from parity.networks.wespeaker.batch_norm import fold_batch_norm

INPUT, OUTPUT = "fbank", f"{BLOCKS[-1][0]}.out"
MAGIC = "7767517"
FLOAT32 = bytes(4)
RELU = "9=1"


class NcnnBuilder:
    """Collects layers and their weights.

    Parameters
    ----------
    arrays : under canonical names
    layers : blobs that shall be there under their own names, which a fused activation would do away with
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], layers: Sequence[str] = ()) -> None:
        self._arrays, self._layers = arrays, frozenset(layers)
        self._lines: list[str] = []
        self._weights: list[bytes] = []
        self._blobs: set[str] = set()

    def add(self, kind: str, name: str, inputs: Sequence[str], outputs: Sequence[str], *options: str) -> None:
        """One layer."""
        words = [kind, name, str(len(inputs)), str(len(outputs)), *inputs, *outputs, *options]
        self._lines.append(" ".join(words))
        self._blobs.update(outputs)

    def convolution(self, name: str, source: str) -> str:
        """A convolution and its batch norm: its blob."""
        self._convolution(name, source, name)
        return name

    def activated(self, name: str, source: str) -> str:
        """A convolution, its batch norm and a ReLU: its blob; the ReLU is a layer of its own where `layers` asks."""
        result = f"{name}.relu"
        if name not in self._layers:
            self._convolution(name, source, result, RELU)
            return result
        self.add("ReLU", result, [self.convolution(name, source)], [result])
        return result

    def split(self, blob: str, name: str) -> tuple[str, str]:
        """The same values twice, for two readers."""
        both = f"{name}.0", f"{name}.1"
        self.add("Split", name, [blob], both)
        return both

    def files(self) -> tuple[str, bytes]:
        """What ncnn reads: `.param` as text, `.bin`."""
        counts = f"{len(self._lines)} {len(self._blobs)}"
        return "\n".join([MAGIC, counts, *self._lines, ""]), b"".join(self._weights)

    def _convolution(self, name: str, source: str, result: str, *options: str) -> None:
        _, norm, (out, _, size, _), stride = CONVOLUTIONS[name]
        weight, bias = fold_batch_norm(self._arrays, name, norm)
        shape = f"0={out} 1={size} 3={stride} 4={size // 2} 5=1 6={weight.size}"
        self.add("Convolution", name, [source], [result], shape, *options)
        self._weights += [FLOAT32, weight.astype("<f4").tobytes(), bias.astype("<f4").tobytes()]


def build_trunk(arrays: Mapping[str, np.ndarray], layers: Sequence[str] = ()) -> tuple[str, bytes]:
    """The trunk's `.param` and `.bin`.

    Parameters
    ----------
    layers : of `architecture.TRUNK_LAYERS`, further blobs that can be read
    """
    builder = NcnnBuilder(arrays, layers)
    builder.add("Input", INPUT, [], [INPUT])
    x = builder.activated("conv1", INPUT)
    for name, _ in BLOCKS:
        x = _basic_block(builder, x, name)
    return builder.files()


def _basic_block(builder: NcnnBuilder, x: str, name: str) -> str:
    first, shortcut = builder.split(x, f"{name}.in")
    y = builder.convolution(f"{name}.conv2", builder.activated(f"{name}.conv1", first))
    if f"{name}.downsample.0" in CONVOLUTIONS:
        shortcut = builder.convolution(f"{name}.downsample.0", shortcut)
    builder.add("BinaryOp", f"{name}.sum", [y, shortcut], [f"{name}.sum"], "0=0")  # 0 is addition
    builder.add("ReLU", f"{name}.out", [f"{name}.sum"], [f"{name}.out"])
    return f"{name}.out"
