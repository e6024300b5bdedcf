"""The network in ncnn, whose float32 Winograd convolutions take 1.6 times less time than the best direct ones here.

Source: `ncnn_graph`; F(4x4, 3x3) of Lavin & Gray, "Fast algorithms for convolutional neural networks" (CVPR 2016).
Conventions: float32 throughout, nothing is stored or computed in a smaller format; F(6,3), whose transforms round more,
and F(2,3), which saves less, are off. One network serves any number of threads at once, each with one chunk, whatever
its length; the chunks of a batch are worked on side by side. The head is small and stays in ONNX Runtime.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import ncnn
import numpy as np

from parity.errors import InputError
from parity.networks.kept import Files, kept
from parity.networks.runtime import available_cores
from parity.networks.side_by_side import side_by_side
from parity.networks.wespeaker import architecture, batch_norm, ncnn_graph
from parity.networks.wespeaker.architecture import POOLED_FEATURES
from parity.networks.wespeaker.ncnn_graph import INPUT, OUTPUT
from parity.networks.wespeaker.onnx_runtime import OnnxHead
from parity.networks.wespeaker.runtime import EmbeddingNetwork, Layers, float32_bytes

PARAM, BIN = "trunk.param", "trunk.bin"
SMALLER = ("use_fp16", "use_bf16", "use_int8")
OTHERS_OFF = ("use_vulkan_compute", "use_winograd23_convolution", "use_winograd63_convolution")


class NcnnEmbedding(EmbeddingNetwork):
    """Trunk in ncnn, head in ONNX Runtime.

    Asking for layers makes further networks, kept while this one lives; it leaves every result as it is.

    Parameters
    ----------
    arrays : under canonical names
    threads : chunks of a batch at once, each in one thread; the cores this process may use by default
    """

    runtime = "ncnn"

    def __init__(self, arrays: Mapping[str, np.ndarray], threads: int | None = None) -> None:
        threads = threads or available_cores()
        self.size = float32_bytes(arrays)
        self._head = OnnxHead(arrays, threads)
        self._workers = threads
        plain = load_trunk(arrays)
        self._nets = lru_cache(4)(lambda layers: load_trunk(arrays, layers) if layers else plain)

    def run_trunk(self, fbank: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """See `EmbeddingNetwork.run_trunk`."""
        net = self._nets(tuple(layers))
        extract = partial(_extract, net, blobs=(OUTPUT, *layers))
        rows = side_by_side(extract, fbank, min(self._workers, len(fbank)))
        features, *rest = (np.stack(values) for values in zip(*rows, strict=True))
        return features.reshape(len(fbank), POOLED_FEATURES, -1), dict(zip(layers, rest, strict=True))

    def run_head(self, features: np.ndarray, weights: np.ndarray, layers: Sequence[str]) -> tuple[np.ndarray, Layers]:
        """See `EmbeddingNetwork.run_head`."""
        return self._head.run_head(features, weights, layers)


def _extract(net: ncnn.Net, fbank: np.ndarray, blobs: Sequence[str]) -> list[np.ndarray]:
    """Blobs (channels, mel bins, frames) of one chunk (frames, 80)."""
    return extract(net, INPUT, fbank.T[None], blobs)


def extract(net: ncnn.Net, given: str, value: np.ndarray, blobs: Sequence[str] = (OUTPUT,)) -> list[np.ndarray]:
    """Blobs (channels, mel bins, frames) behind a given one, of its value; what is before it is not computed."""
    image = np.ascontiguousarray(value)  # ncnn reads this very memory, so it has to live as long as `extractor`
    extractor = net.create_extractor()
    extractor.set_light_mode(len(blobs) == 1)  # otherwise what was read once is gone when it is asked for
    extractor.input(given, ncnn.Mat(image))
    found = []
    for blob in blobs:
        status, value = extractor.extract(blob)
        if status:
            raise RuntimeError(f"ncnn: no value of {blob} (status {status}): out of memory?")
        found.append(np.array(value))
    return found


def load_trunk(arrays: Mapping[str, np.ndarray], layers: Sequence[str] = ()) -> ncnn.Net:
    """The trunk on one thread.

    Parameters
    ----------
    layers : of `architecture.TRUNK_LAYERS`, further blobs that can be read
    """
    net = ncnn.Net()
    options = net.opt
    options.num_threads = 1
    for name in options_off():
        setattr(options, name, False)
    net.opt = options
    with _folder(lambda: _files(arrays, layers), arrays, keep=not layers) as folder:
        if net.load_param(str(folder / PARAM)) or net.load_model(str(folder / BIN)):
            raise InputError(f"{folder}: ncnn {ncnn.__version__} cannot read the trunk; remove that folder, run again")
    return net


def options_off() -> list[str]:
    """Options of this ncnn that are switched off: smaller formats, whatever they are called, and those of the table."""
    return [name for name in dir(ncnn.Option()) if name.startswith(SMALLER) or name in OTHERS_OFF]


def _files(arrays: Mapping[str, np.ndarray], layers: Sequence[str]) -> Files:
    param, weights = ncnn_graph.build_trunk(arrays, layers)
    return {PARAM: param.encode(), BIN: weights}


@contextlib.contextmanager
def _folder(build: Callable[[], Files], arrays: Mapping[str, np.ndarray], *, keep: bool) -> Iterator[Path]:
    """Where ncnn reads its files: the cache, or a temporary folder where there is none or they need not be kept."""
    if keep:
        with contextlib.suppress(InputError):
            yield kept(build, arrays, *(module.__name__ for module in (ncnn_graph, batch_norm, architecture)))
            return
    with tempfile.TemporaryDirectory() as name:
        for file, data in build().items():
            (Path(name) / file).write_bytes(data)
        yield Path(name)
