"""The PyanNet segmentation network in PyTorch, for a GPU: a module of this project's own.

Source: as `pyannet`, whose filters and names of arrays it takes. One of the few modules of `parity` that import torch.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from parity.networks import torch_device
from parity.networks.placement import Placement
from parity.networks.pyannet import INSTANCE_NORM_EPS, LEAKY_SLOPE, NUM_CLASSES, SINC_STRIDE, num_layers, sinc_filters

BYTES_A_CHUNK = 48 << 20
"""The band-pass filters' output, (80, 15975) float32, its rectified and its pooled copy, and what cuDNN works in."""


class PyanNet(nn.Module):
    """SincNet, LSTM, two linear layers and the classifier."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        hidden = arrays["lstm.weight_hh_l0"].shape[1]
        width = arrays["sincnet.conv1d.2.weight"].shape[0]
        self.register_buffer("filters", torch.from_numpy(sinc_filters(arrays).astype(np.float32)))
        self.wav_norm1d = _norm(1)
        self.conv1d = nn.ModuleList(
            nn.Conv1d(into, out, size)
            for out, into, size in (arrays[f"sincnet.conv1d.{i}.weight"].shape for i in (1, 2))
        )
        self.norm1d = nn.ModuleList(_norm(len(arrays[f"sincnet.norm1d.{i}.weight"])) for i in range(3))
        self.lstm = nn.LSTM(width, hidden, num_layers(arrays), batch_first=True, bidirectional=True)
        self.linear = nn.ModuleList(nn.Linear(*reversed(arrays[f"linear.{i}.weight"].shape)) for i in (0, 1))
        self.classifier = nn.Linear(arrays["classifier.weight"].shape[1], NUM_CLASSES)

    def forward(self, waveforms: Tensor) -> Tensor:
        """(batch, 1, samples) -> log-probabilities (batch, frames, 7)."""
        x = functional.conv1d(self.wav_norm1d(waveforms), self.filters, stride=SINC_STRIDE).abs()
        x = self._pooled(x, 0)
        for layer, conv in enumerate(self.conv1d, start=1):
            x = self._pooled(conv(x), layer)
        x, _ = self.lstm(x.transpose(1, 2))
        for linear in self.linear:
            x = functional.leaky_relu(linear(x), LEAKY_SLOPE)
        return functional.log_softmax(self.classifier(x), dim=-1)

    def _pooled(self, x: Tensor, layer: int) -> Tensor:
        return functional.leaky_relu(self.norm1d[layer](functional.max_pool1d(x, 3, 3)), LEAKY_SLOPE)


class TorchSegmentation:
    """The network on a device, called as the ONNX one is.

    Parameters
    ----------
    arrays : under canonical names
    placement : the device and the precision

    Attributes
    ----------
    batch : chunks that one call should take

    Raises
    ------
    InputError : torch does not have the device
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], placement: Placement) -> None:
        self._placement, self._device = placement, torch_device.find(placement)
        state = {_renamed(name): torch.from_numpy(np.array(value, np.float32)) for name, value in arrays.items()}
        module = PyanNet(arrays).eval()
        known = {name: value for name, value in state.items() if ".filterbank." not in name}
        module.load_state_dict(known | {"filters": module.filters}, strict=True)
        self.module = module.to(self._device)
        self.batch = torch_device.batch_size(self._device, BYTES_A_CHUNK)

    def __call__(self, waveforms: np.ndarray) -> tuple[np.ndarray]:
        """Waveforms (batch, 1, samples) float32 -> log-probabilities (batch, frames, 7) float32."""
        with torch_device.running(self._placement):
            made = self.module(torch.from_numpy(waveforms).to(self._device))
            return (made.float().cpu().numpy(),)


def _norm(channels: int) -> nn.InstanceNorm1d:
    return nn.InstanceNorm1d(channels, eps=INSTANCE_NORM_EPS, affine=True)


def _renamed(name: str) -> str:
    """A checkpoint's name as the module has it: the first convolution's filters are made, and not counted."""
    name = name.removeprefix("sincnet.")
    head, _, rest = name.partition(".")
    if head == "conv1d" and ".filterbank." not in name:
        number, _, part = rest.partition(".")
        return f"conv1d.{int(number) - 1}.{part}"
    return name
