"""The network in MLX, which the extra `mlx` brings; `--runtime mlx` alone loads this module.

Source: as `graph`. Conventions: images are (batch, mel bins, frames, channels) and convolutions (out, h, w, in), as MLX
has them; batch norms are folded into the convolutions. On a GPU convolutions are MLX's own. Its CPU backend takes 17 to
30 s per chunk for them, so there they are written as one matrix product over patches, the same values to the last bit,
and every row of a batch runs on a stream of its own, which is how MLX uses several cores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import mlx.core as mx
import numpy as np

from parity.networks.runtime import available_cores
from parity.networks.wespeaker.architecture import BLOCKS, CONVOLUTIONS, POOLED_FEATURES, POOLING_EPS
from parity.networks.wespeaker.batch_norm import fold_batch_norm
from parity.networks.wespeaker.checkpoints import read_embedding
from parity.networks.wespeaker.names import MLX_AXES
from parity.networks.wespeaker.runtime import EmbeddingNetwork, Layers, float32_bytes


def load_resnet34_embedding(path: Path) -> MlxEmbedding:
    """The network of `weights.npz`, or of the folder that holds it with its `config.json`.

    Raises
    ------
    InputError : no such file, damaged, or another network; see `checkpoints.read_embedding`
    """
    return MlxEmbedding(read_embedding(Path(path)).arrays)


def patches(x: mx.array, size: int, stride: int) -> mx.array:
    """What each output position of a convolution sees: (n, h, w, c) -> (n, h', w', size * size * c), zero-padded."""
    margin = size // 2
    rows, columns = ((length - 1) // stride + 1 for length in x.shape[1:3])
    if size == 1:
        return x[:, ::stride, ::stride]
    x = mx.pad(x, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
    return mx.concatenate(
        [
            x[:, i : i + stride * (rows - 1) + 1 : stride, j : j + stride * (columns - 1) + 1 : stride]
            for i in range(size)
            for j in range(size)
        ],
        axis=-1,
    )


class MlxEmbedding(EmbeddingNetwork):
    """The network on MLX's default device.

    Parameters
    ----------
    arrays : under canonical names
    threads : streams at once on a CPU; the cores at hand by default
    """

    runtime = "mlx"

    def __init__(self, arrays: Mapping[str, np.ndarray], threads: int | None = None) -> None:
        self.size = float32_bytes(arrays)
        self._native = mx.default_device() != mx.Device(mx.cpu)
        self._streams = [mx.new_stream(mx.default_device()) for _ in range(threads or available_cores())]
        self._weights: dict[str, tuple[mx.array, mx.array]] = {}
        for name, convolution in CONVOLUTIONS.items():
            weight, bias = fold_batch_norm(arrays, name, convolution.norm)
            self._weights[name] = mx.array(self._laid_out(weight)), mx.array(bias)
        self._linear = mx.array(np.ascontiguousarray(arrays["seg_1.weight"].T)), mx.array(arrays["seg_1.bias"])

    def _laid_out(self, weight: np.ndarray) -> np.ndarray:
        moved = weight.transpose(MLX_AXES)
        return np.ascontiguousarray(moved if self._native else moved.reshape(len(weight), -1).T)

    def run_trunk(self, fbank: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """See `EmbeddingNetwork.run_trunk`."""
        rows = []
        for start in range(0, len(fbank), len(self._streams)):
            at_once = fbank[start : start + len(self._streams)]
            made = [self._trunk_of(row, layers, stream) for row, stream in zip(at_once, self._streams, strict=False)]
            mx.eval(made)
            rows += made
        joined = {name: np.concatenate([np.array(row[name]) for row in rows]) for name in ("features", *layers)}
        return joined.pop("features"), joined

    def _trunk_of(self, fbank: np.ndarray, layers: Sequence[str], stream: mx.Stream) -> dict[str, mx.array]:
        with mx.stream(stream):
            made: dict[str, mx.array] = {"conv1": self._conv(mx.array(fbank.T[None, :, :, None]), "conv1")}
            x = mx.maximum(made["conv1"], 0)
            for name, _ in BLOCKS:
                made[f"{name}.conv1"] = self._conv(x, f"{name}.conv1")
                y = self._conv(mx.maximum(made[f"{name}.conv1"], 0), f"{name}.conv2")
                if (shortcut := f"{name}.downsample.0") in CONVOLUTIONS:
                    x = made[shortcut] = self._conv(x, shortcut)
                x = made[f"{name}.out"] = mx.maximum(y + x, 0)
            kept = {layer: made[layer].transpose(0, 3, 1, 2) for layer in layers}
            return kept | {"features": x.transpose(0, 3, 1, 2).reshape(1, POOLED_FEATURES, -1)}

    def _conv(self, x: mx.array, name: str) -> mx.array:
        _, _, shape, stride = CONVOLUTIONS[name]
        weight, bias = self._weights[name]
        if self._native:
            return mx.conv2d(x, weight, stride=stride, padding=shape[-1] // 2) + bias
        return patches(x, shape[-1], stride) @ weight + bias

    def run_head(self, features: np.ndarray, weights: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """See `EmbeddingNetwork.run_head`."""
        x, w = mx.array(features)[:, None], mx.array(weights)[:, :, None]
        total = w.sum(axis=-1) + POOLING_EPS
        mean = (x * w).sum(axis=-1) / total
        squares = (mx.square(x - mean[..., None]) * w).sum(axis=-1)
        std = mx.sqrt(squares / (total - mx.square(w).sum(axis=-1) / total + POOLING_EPS))
        stats = mx.concatenate([mean, std], axis=-1)
        weight, bias = self._linear
        made = {"embeddings": stats @ weight + bias, "mean": mean, "std": std, "stats": stats}
        arrays = {name: np.array(made[name]) for name in ("embeddings", *layers)}
        return arrays.pop("embeddings"), arrays
