"""The PyanNet segmentation network as one ONNX graph.

Task: waveform `(batch, 1, samples)` -> log-probabilities of the seven powerset classes `(batch, frames, 7)`.

Source: `PyanNet` in pyannote/audio/models/segmentation/PyanNet.py and `SincNet` in
pyannote/audio/models/blocks/sincnet.py at tag 4.0.4; the band-pass filters are `ParamSincFB` of asteroid-filterbanks
(Ravanelli & Bengio, "Speaker recognition from raw waveform with SincNet", SLT 2018; even and odd filters after
Pariente et al., "Filterbank design for end-to-end speech separation", ICASSP 2020).
Convention: torch stacks LSTM gates as i, f, g, o; ONNX as i, o, f, c.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from parity.networks.arrays import checked
from parity.networks.onnx_graph import GraphBuilder

SAMPLE_RATE = 16000
NUM_CLASSES = 7
SINC_STRIDE = 10
MIN_LOW_HZ = np.float32(50)
MIN_BAND_HZ = np.float32(50)
INSTANCE_NORM_EPS = 1e-5
LEAKY_SLOPE = 0.01

_SINC = "sincnet.conv1d.0.filterbank"


def build_pyannet(arrays: Mapping[str, np.ndarray], layers: Sequence[str] = ()) -> bytes:
    """The whole network: `waveforms` (batch, 1, samples) -> `log_probabilities` (batch, frames, 7), float32.

    Parameters
    ----------
    layers : nodes whose values are further outputs
    """
    graph = GraphBuilder("pyannet")
    x = _instance_norm(graph, arrays, "waveforms", "sincnet.wav_norm1d")
    x = graph.add("Conv", [x, graph.constant("sinc_filters", sinc_filters(arrays))], "sinc", strides=[SINC_STRIDE])
    x = graph.add("Abs", [x], "sinc.abs")
    x = _pool_and_norm(graph, arrays, x, 0)
    for layer in (1, 2):
        name = f"sincnet.conv1d.{layer}"
        weights = [graph.constant(f"{name}.{part}", arrays[f"{name}.{part}"]) for part in ("weight", "bias")]
        x = _pool_and_norm(graph, arrays, graph.add("Conv", [x, *weights], name), layer)
    x = graph.add("Transpose", [x], "frames_first", perm=[2, 0, 1])  # (frames, batch, features), as ONNX's LSTM wants
    for layer in range(num_layers(arrays)):
        x = _bidirectional_lstm(graph, arrays, x, layer)
    x = graph.add("Transpose", [x], "batch_first", perm=[1, 0, 2])
    for layer in (0, 1):
        x = _linear(graph, arrays, x, f"linear.{layer}")
        x = graph.add("LeakyRelu", [x], f"linear.{layer}.relu", alpha=LEAKY_SLOPE)
    x = _linear(graph, arrays, x, "classifier")
    graph.add("LogSoftmax", [x], "log_probabilities", axis=-1)
    return graph.model(
        {"waveforms": ["batch", 1, "samples"]},
        {"log_probabilities": ["batch", "frames", NUM_CLASSES]},
        layers,
    )


def sinc_filters(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """The 80 band-pass filters (80, 1, 251) float32: 40 even (cosine) ones, then 40 odd (sine) ones.

    Every filter is divided by twice its bandwidth. Rounded to float32 where the reference rounds: its phases reach 390
    rad, where float32 is 1.5e-5 off, and that rounding is most of what separates its log-probabilities from their
    float64 values (filters made in float64 moved the gap of two classes by up to 8e-3 on 12_many_voices, these by
    8e-4). Only sines and cosines are taken in float64 and rounded, so that they do not depend on a vector library.
    """
    two = np.float32(2)
    window, n = arrays[f"{_SINC}.window_"], arrays[f"{_SINC}.n_"]  # (125,) left half; (1, 125) 2 pi t in seconds
    low = MIN_LOW_HZ + np.abs(arrays[f"{_SINC}.low_hz_"])  # (40, 1)
    high = np.clip(low + MIN_BAND_HZ + np.abs(arrays[f"{_SINC}.band_hz_"]), MIN_LOW_HZ, np.float32(SAMPLE_RATE / 2))
    band = high - low
    even = (_rounded(np.sin, high * n) - _rounded(np.sin, low * n)) / (n / two) * window
    odd = (_rounded(np.cos, low * n) - _rounded(np.cos, high * n)) / (n / two) * window
    cosine = np.concatenate([even, two * band, even[:, ::-1]], axis=1)
    sine = np.concatenate([odd, np.zeros_like(band), -odd[:, ::-1]], axis=1)
    return (np.concatenate([cosine, sine]) / np.tile(two * band, (2, 1)))[:, None, :]


def _rounded(function: np.ufunc, phase: np.ndarray) -> np.ndarray:
    return function(phase.astype(np.float64)).astype(np.float32)


def _pool_and_norm(graph: GraphBuilder, arrays: Mapping[str, np.ndarray], x: str, layer: int) -> str:
    x = graph.add("MaxPool", [x], f"pool1d.{layer}", kernel_shape=[3], strides=[3])
    x = _instance_norm(graph, arrays, x, f"sincnet.norm1d.{layer}")
    return graph.add("LeakyRelu", [x], f"norm1d.{layer}.relu", alpha=LEAKY_SLOPE)


def _instance_norm(graph: GraphBuilder, arrays: Mapping[str, np.ndarray], x: str, name: str) -> str:
    affine = [graph.constant(f"{name}.{part}", arrays[f"{name}.{part}"]) for part in ("weight", "bias")]
    return graph.add("InstanceNormalization", [x, *affine], name, epsilon=INSTANCE_NORM_EPS)


def _bidirectional_lstm(graph: GraphBuilder, arrays: Mapping[str, np.ndarray], x: str, layer: int) -> str:
    def stacked(part: str) -> np.ndarray:
        return np.stack([_iofc(arrays[f"lstm.{part}_l{layer}{way}"]) for way in ("", "_reverse")])

    hidden = arrays[f"lstm.weight_hh_l{layer}"].shape[1]
    w = graph.constant(f"lstm.{layer}.W", stacked("weight_ih"))
    r = graph.constant(f"lstm.{layer}.R", stacked("weight_hh"))
    b = graph.constant(f"lstm.{layer}.B", np.concatenate([stacked("bias_ih"), stacked("bias_hh")], axis=1))
    y = graph.add("LSTM", [x, w, r, b], f"lstm.{layer}", hidden_size=hidden, direction="bidirectional")
    # (frames, directions, batch, hidden) -> (frames, batch, directions * hidden)
    y = graph.add("Transpose", [y], f"lstm.{layer}.transposed", perm=[0, 2, 1, 3])
    shape = graph.constant(f"lstm.{layer}.shape", np.array([0, 0, 2 * hidden], dtype=np.int64))
    return graph.add("Reshape", [y, shape], f"lstm.{layer}.joined")


def _iofc(stacked: np.ndarray) -> np.ndarray:
    i, f, g, o = np.split(stacked, 4)
    return np.concatenate([i, o, f, g])


def _linear(graph: GraphBuilder, arrays: Mapping[str, np.ndarray], x: str, name: str) -> str:
    weight = graph.constant(f"{name}.weight", arrays[f"{name}.weight"].T)
    y = graph.add("MatMul", [x, weight], f"{name}.product")
    return graph.add("Add", [y, graph.constant(f"{name}.bias", arrays[f"{name}.bias"])], name)


def num_layers(arrays: Mapping[str, np.ndarray]) -> int:
    """Layers of the LSTM."""
    return 1 + max(int(m[1]) for name in arrays if (m := re.fullmatch(r"lstm\.weight_ih_l(\d+)", name)))


def expected_shapes(num_layers: int = 4, hidden: int = 128) -> dict[str, tuple[int, ...]]:
    """Shape of every array of the network of `pyannote/segmentation-3.0`, by its name in the checkpoint."""
    shapes: dict[str, tuple[int, ...]] = {"sincnet.wav_norm1d.weight": (1,), "sincnet.wav_norm1d.bias": (1,)}
    shapes |= {f"{_SINC}.low_hz_": (40, 1), f"{_SINC}.band_hz_": (40, 1)}
    shapes |= {f"{_SINC}.window_": (125,), f"{_SINC}.n_": (1, 125)}
    for layer, (channels, before) in enumerate([(80, None), (60, 80), (60, 60)]):
        if before:
            shapes[f"sincnet.conv1d.{layer}.weight"] = (channels, before, 5)
            shapes[f"sincnet.conv1d.{layer}.bias"] = (channels,)
        shapes |= {f"sincnet.norm1d.{layer}.{part}": (channels,) for part in ("weight", "bias")}
    for layer in range(num_layers):
        width = 60 if layer == 0 else 2 * hidden
        for way in ("", "_reverse"):
            shapes[f"lstm.weight_ih_l{layer}{way}"] = (4 * hidden, width)
            shapes[f"lstm.weight_hh_l{layer}{way}"] = (4 * hidden, hidden)
            shapes |= {f"lstm.bias_{part}_l{layer}{way}": (4 * hidden,) for part in ("ih", "hh")}
    for layer, width in enumerate((2 * hidden, 128)):
        shapes |= {f"linear.{layer}.weight": (128, width), f"linear.{layer}.bias": (128,)}
    return shapes | {"classifier.weight": (NUM_CLASSES, 128), "classifier.bias": (NUM_CLASSES,)}


def canonical(state_dict: Mapping[str, np.ndarray], origin: str) -> dict[str, np.ndarray]:
    """The network's arrays, float32, names and shapes checked.

    Raises
    ------
    InputError : arrays are missing, unexpected or of another shape; all of them are listed
    """
    return checked(state_dict, expected_shapes(), what="a PyanNet with seven powerset classes", origin=origin)
