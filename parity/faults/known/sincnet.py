"""Mistakes inside the segmentation network's front, SincNet: its filters, norms, pools and paddings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import onnx

from parity.community1.segmentation import segment
from parity.faults.fault import Fault, Workshop
from parity.faults.known.graphs import (
    Arrays,
    Edit,
    constant,
    leave_out,
    node_of,
    nodes,
    over_the_batch,
    segmentation_with,
    set_attributes,
    set_constant,
)
from parity.faults.known.lstm import inside
from parity.faults.known.planting import Run, fault
from parity.networks.pyannet import INSTANCE_NORM_EPS, SAMPLE_RATE

KERAS_EPS = 1e-3
LEAST_HZ = 50.0
NORMED = {
    "sincnet.wav_norm1d": 160_000,
    "sincnet.norm1d.0": 5325,
    "sincnet.norm1d.1": 1773,
    "sincnet.norm1d.2": 589,
}
"""Norm -> how many numbers of a chunk's channel it is taken over."""
FILTERS = "sincnet.conv1d.0.filterbank"


def eps(value: float) -> Edit:
    """All instance norms with another epsilon."""

    def edit(model: onnx.ModelProto) -> None:
        for node in nodes(model, "InstanceNormalization"):
            set_attributes(node, epsilon=value)

    return edit


def unbiased(model: onnx.ModelProto) -> None:
    """Variances over one number less: the same as a smaller gain and epsilon."""
    for name, count in NORMED.items():
        node, share = node_of(model, name), (count - 1) / count
        weight = node.input[1]
        set_constant(model, weight, (constant(model, weight) * np.sqrt(share)).astype(np.float32))
        set_attributes(node, epsilon=INSTANCE_NORM_EPS * share)


def _plain_norms(arrays: Arrays) -> Arrays:
    return {
        name: (np.ones_like if name.endswith("weight") else np.zeros_like)(array) if "norm1d" in name else array
        for name, array in arrays.items()
    }


def _over_chunks(model: onnx.ModelProto) -> None:
    for node in nodes(model, "InstanceNormalization"):
        over_the_batch(model, node, dims=3)


def _averaged(model: onnx.ModelProto) -> None:
    for node in nodes(model, "MaxPool"):
        node.op_type = "AveragePool"


def _padded(model: onnx.ModelProto) -> None:
    # Two frames more, which the stage cuts off: what is left is early.
    for layer in (1, 2):
        set_attributes(node_of(model, f"sincnet.conv1d.{layer}"), pads=[2, 2])
    cut = [set_constant(model, f"cut.{value}", np.array([value], np.int64)) for value in (0, 589, 1)]
    node = node_of(model, "batch_first")
    place = list(model.graph.node).index(node)
    raw = node.output[0] = "batch_first.long"
    model.graph.node.insert(place + 1, onnx.helper.make_node("Slice", [raw, *cut], ["batch_first"]))


def _without(name: str) -> Edit:
    return lambda model: leave_out(model, name)


def _convolved(arrays: Arrays) -> Arrays:
    names = {f"sincnet.conv1d.{layer}.weight" for layer in (1, 2)}
    return {name: array[..., ::-1].copy() if name in names else array for name, array in arrays.items()}


def _filters(change: Callable[[np.ndarray], np.ndarray]) -> Edit:
    """Other band-pass filters: (80, 1, 251) -> the same shape."""

    def edit(model: onnx.ModelProto) -> None:
        filters = change(constant(model, "sinc_filters").copy())
        set_constant(model, "sinc_filters", filters.astype(np.float32))

    return edit


def mirrored(filters: np.ndarray) -> np.ndarray:
    """The odd filters' right halves not negated."""
    filters[40:, :, 126:] *= -1
    return filters


def cosines_twice(filters: np.ndarray) -> np.ndarray:
    """The even filters in place of the odd ones."""
    filters[40:] = filters[:40]
    return filters


def alternating(filters: np.ndarray) -> np.ndarray:
    """Even and odd filters in turns instead of all even ones first."""
    return np.stack([filters[:40], filters[40:]], axis=1).reshape(filters.shape)


def _hann(arrays: Arrays) -> Arrays:
    return {**arrays, f"{FILTERS}.window_": np.hanning(251)[:125].astype(np.float32)}


def in_float64(arrays: Arrays, least_hz: float = LEAST_HZ) -> np.ndarray:
    """The filters made in float64 and rounded once: (80, 1, 251) float32; `least_hz` is added to both edges."""
    window, n = (arrays[f"{FILTERS}.{part}"].astype(np.float64) for part in ("window_", "n_"))
    low = least_hz + np.abs(arrays[f"{FILTERS}.low_hz_"].astype(np.float64))
    high = np.clip(low + least_hz + np.abs(arrays[f"{FILTERS}.band_hz_"]), least_hz, SAMPLE_RATE / 2)
    band = 2 * (high - low)
    even = 2 * (np.sin(high * n) - np.sin(low * n)) / n * window
    odd = 2 * (np.cos(low * n) - np.cos(high * n)) / n * window
    cosine = np.concatenate([even, band, even[:, ::-1]], axis=1)
    sine = np.concatenate([odd, np.zeros_like(band), -odd[:, ::-1]], axis=1)
    made = np.concatenate([cosine, sine]) / np.maximum(np.tile(band, (2, 1)), 1e-6)
    return made[:, None, :].astype(np.float32)


def _made(name: str, about: str, make_filters: Callable[[Arrays], np.ndarray]) -> Fault:
    """Filters made of the arrays in another way."""

    def make(native: Run, workshop: Workshop) -> Run:
        def edit(model: onnx.ModelProto) -> None:
            set_constant(model, "sinc_filters", make_filters(workshop.weights.segmentation))

        return partial(segment, network=segmentation_with(workshop, name, edit=edit))

    return fault(name, "segmentation", about, make)


FAULTS = [
    inside("instance_norm_eps", "1e-3 added to variances, Keras' default, instead of 1e-5", edit=eps(KERAS_EPS)),
    inside("instance_norm_without_eps", "1e-12 added to variances instead of 1e-5", edit=eps(1e-12)),
    inside("instance_norm_unbiased", "variances over one number less, where they are the population's", edit=unbiased),
    inside("instance_norm_plain", "gains and shifts of the instance norms not loaded", _plain_norms),
    inside(
        "instance_norm_over_chunks",
        "statistics over all chunks of a batch, not of each",
        edit=_over_chunks,
        neighbours=True,
    ),
    inside(
        "waveform_norm_missing",
        "the waveform not normalised",
        edit=_without("sincnet.wav_norm1d"),
    ),
    inside(
        "sinc_without_abs",
        "filters' outputs with their signs instead of absolute",
        edit=_without("sinc.abs"),
    ),
    inside("sinc_odd_mirrored", "odd filters mirrored without turning the sign", edit=_filters(mirrored)),
    inside("sinc_cosines_twice", "even filters in place of the odd ones", edit=_filters(cosines_twice)),
    inside("sinc_in_turns", "even and odd filters in turns, not all even ones first", edit=_filters(alternating)),
    inside("sinc_hann", "a Hann window over the filters instead of the stored one", _hann),
    _made("sinc_float64", "filters made in float64 instead of float32", in_float64),
    _made("sinc_from_0_hz", "band edges without the 50 Hz that are added to each", partial(in_float64, least_hz=0.0)),
    inside("sinc_average_pool", "averages pooled instead of the greatest", edit=_averaged),
    inside("sinc_padded", "convolutions padded to keep their length, the frames too many cut off", edit=_padded),
    inside("sinc_kernels_flipped", "kernels turned round: a convolution where networks correlate", _convolved),
]
