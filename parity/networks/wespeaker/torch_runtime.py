"""The network in PyTorch: a module of this project's own, with torchvision's names of parameters.

One of the few modules of `parity` that import torch, which the extra `torch` brings; `--runtime torch` alone loads it.
Source: as `graph`. Batch norms stay modules of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from parity.networks import torch_device
from parity.networks.placement import Placement
from parity.networks.runtime import available_cores
from parity.networks.wespeaker.architecture import (
    BATCH_NORM_EPS,
    BLOCKS,
    CONVOLUTIONS,
    DEPTHS,
    EMBEDDING_DIM,
    POOLED_FEATURES,
    POOLING_EPS,
)
from parity.networks.wespeaker.runtime import EmbeddingNetwork, Layers, float32_bytes


def _conv(name: str) -> nn.Conv2d:
    _, _, (out, into, size, _), stride = CONVOLUTIONS[name]
    return nn.Conv2d(into, out, size, stride, padding=size // 2, bias=False)


def _norm(conv: nn.Conv2d) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(conv.out_channels, eps=BATCH_NORM_EPS)


class Block(nn.Module):
    """Two convolutions and a shortcut, which is a convolution too where the channels or the stride change."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.conv1, self.conv2 = _conv(f"{name}.conv1"), _conv(f"{name}.conv2")
        self.bn1, self.bn2 = _norm(self.conv1), _norm(self.conv2)
        shortcut = _conv(f"{name}.downsample.0") if f"{name}.downsample.0" in CONVOLUTIONS else None
        self.downsample = nn.Sequential(shortcut, _norm(shortcut)) if shortcut else None

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, mel bins, frames) -> the same, halved in the last two where the block has stride 2."""
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet34(nn.Module):
    """The embedding network; `state_dict` has the canonical names, and the counters of batch norms."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _conv("conv1")
        self.bn1 = _norm(self.conv1)
        for layer in range(1, 1 + len(DEPTHS)):
            blocks = [Block(name) for name, _ in BLOCKS if name.startswith(f"layer{layer}.")]
            setattr(self, f"layer{layer}", nn.Sequential(*blocks))
        self.seg_1 = nn.Linear(2 * POOLED_FEATURES, EMBEDDING_DIM)

    def features(self, fbank: Tensor) -> Tensor:
        """(batch, frames, 80) -> (batch, 2560, ceil(frames / 8))."""
        x = functional.relu(self.bn1(self.conv1(fbank.transpose(1, 2)[:, None])))
        for layer in range(1, 1 + len(DEPTHS)):
            x = getattr(self, f"layer{layer}")(x)
        return x.flatten(1, 2)

    def forward(self, fbank: Tensor, weights: Tensor) -> Tensor:
        """Weights (batch, speakers, any number of frames) -> embeddings (batch, speakers, 256)."""
        features = self.features(fbank)
        if weights.shape[-1] != features.shape[-1]:
            weights = functional.interpolate(weights, size=features.shape[-1], mode="nearest")
        return self.seg_1(torch.cat(pool(features, weights), dim=-1))


def pool(features: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted mean and unbiased deviation over time: (batch, n, t), (batch, speakers, t) -> two (batch, speakers, n).

    Source: `_pool` in pyannote/audio/models/blocks/pooling.py at tag 4.0.4, with its two epsilons.
    """
    x, w = features[:, None], weights[:, :, None]
    total = w.sum(dim=-1) + POOLING_EPS
    mean = (x * w).sum(dim=-1) / total
    squares = (torch.square(x - mean[..., None]) * w).sum(dim=-1)
    variance = squares / (total - torch.square(w).sum(dim=-1) / total + POOLING_EPS)
    return mean, torch.sqrt(variance)


BYTES_A_CHUNK = 192 << 20
"""The first layer's 32 planes of 80 by 998 float32, a few at once, pooling's products, and what cuDNN works in."""


class TorchEmbedding(EmbeddingNetwork):
    """The module on the CPU, or on an NVIDIA card.

    Parameters
    ----------
    arrays : under canonical names
    threads : threads within an operator, torch's own setting for the whole process; the cores at hand by default
    placement : the device and the precision; the CPU by default

    Attributes
    ----------
    batch : chunks that one call of `whole` should take

    Raises
    ------
    InputError : torch does not have the device
    """

    runtime = "torch"

    def __init__(
        self, arrays: Mapping[str, np.ndarray], threads: int | None = None, placement: Placement | None = None
    ) -> None:
        self._placement = placement or Placement()
        self._device = torch_device.find(self._placement)
        torch.set_num_threads(threads or available_cores())
        self.size = float32_bytes(arrays)
        self.module = ResNet34().eval()
        state = {name: torch.from_numpy(np.array(value, dtype=np.float32)) for name, value in arrays.items()}
        counters = {name for name in self.module.state_dict() if name.endswith("num_batches_tracked")}
        self.module.load_state_dict(state | {name: torch.tensor(0) for name in counters}, strict=True)
        self.module.to(self._device)
        self.batch = torch_device.batch_size(self._device, BYTES_A_CHUNK)

    def whole(self, fbank: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray]:
        """Trunk and head in one, features never leaving the device: one array in a tuple; weights at pooled frames."""
        with torch_device.running(self._placement):
            features = self.module.features(self._there(fbank))
            return (self._head(features, self._there(weights))[0],)

    def run_trunk(self, fbank: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """See `EmbeddingNetwork.run_trunk`."""
        made: dict[str, Tensor] = {}
        with torch_device.running(self._placement), ExitStack() as stack:
            for name in layers:
                hook = partial(_keep, made, name)
                stack.callback(self._module_of(name).register_forward_hook(hook).remove)
            features = self.module.features(self._there(fbank))
            return _here(features), {name: _here(made[name]) for name in layers}

    def run_head(self, features: np.ndarray, weights: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """See `EmbeddingNetwork.run_head`."""
        with torch_device.running(self._placement):
            embeddings, made = self._head(self._there(features), self._there(weights))
            return embeddings, {name: _here(made[name]) for name in layers}

    def _head(self, features: Tensor, weights: Tensor) -> tuple[np.ndarray, dict[str, Tensor]]:
        mean, std = pool(features.float(), weights)  # sums over time leave the range of float16
        stats = torch.cat([mean, std], dim=-1)
        return _here(self.module.seg_1(stats)), {"mean": mean, "std": std, "stats": stats}

    def _there(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def _module_of(self, layer: str) -> nn.Module:
        name = CONVOLUTIONS[layer].norm if layer in CONVOLUTIONS else layer.removesuffix(".out")
        return self.module.get_submodule(name)


def _here(tensor: Tensor) -> np.ndarray:
    return tensor.float().cpu().numpy()


def _keep(made: dict[str, Tensor], name: str, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    made[name] = output
