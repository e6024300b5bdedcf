"""Inside the networks: how far every layer's output is from the reference's, and which is the first out of tolerance.

Task: a file of the reference's layers on some chunks (`parity.layers.file`), and the arrays of a candidate -> relative
drift of each layer, in the order in which they are computed. The candidate's arrays run in our graphs, with every layer
as a further output.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np

from parity.community1 import geometry
from parity.community1.fbank import fbank_series
from parity.errors import InputError
from parity.explain.explanation import LayerDrift
from parity.layers.file import NETWORKS, Layer, LayerFile, check_chunks, read_layers
from parity.measure.tolerances import LAYER_CEILING, LAYER_FLOOR, LAYER_MULTIPLE
from parity.networks.pyannet import build_pyannet
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.runtime import DEFAULT_RUNTIME, load_embedding
from parity.pipeline import ChunkSeries
from parity.sources import WeightSet

_OWN_OUTPUTS = {"fbank", "log_probabilities", "embeddings"}  # a graph's inputs and outputs: not asked for again


class CandidateLayers:
    """Our networks with every layer as a further output.

    Parameters
    ----------
    segmentation, embedding : arrays under their canonical names
    threads : threads within an operator; the cores this process may use by default
    runtime : of the embedding network
    """

    def __init__(
        self,
        segmentation: Mapping[str, np.ndarray],
        embedding: Mapping[str, np.ndarray],
        threads: int | None = None,
        runtime: str = DEFAULT_RUNTIME,
    ) -> None:
        names = {
            network: [n.name for n in layers if n.name not in _OWN_OUTPUTS] for network, layers in NETWORKS.items()
        }
        self._segmentation = OnnxNetwork(build_pyannet(segmentation, names["segmentation"]), threads)
        self._embedding, self._layers = load_embedding(embedding, runtime, threads), names["embedding"]

    def segmentation(self, samples: np.ndarray) -> dict[str, np.ndarray]:
        """Layers of the segmentation network on one chunk, (1, 160000) float32, by key, in the reference's layout."""
        values = self._segmentation(waveforms=samples[None])
        return _in_layout("segmentation", dict(zip(self._segmentation.outputs, values, strict=True)))

    def embedding(self, fbank: np.ndarray, masks: np.ndarray) -> dict[str, np.ndarray]:
        """Layers of the embedding network on one chunk, by key, in the reference's layout.

        Parameters
        ----------
        fbank : (998, 80) float32
        masks : (3, 589) float32
        """
        embeddings, made = self._embedding.embed(fbank[None], masks[None], self._layers)
        return _in_layout("embedding", {"fbank": fbank[None], **made, "embeddings": embeddings})


def _in_layout(network: str, made: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    values = {layer: made[layer.name] for layer in NETWORKS[network]}
    return {key.key: (value.transpose(key.axes) if key.axes else value)[0] for key, value in values.items()}


def compare_layers(
    path: Path,
    weights: WeightSet,
    heard: tuple[np.ndarray, ChunkSeries],
    *,
    clip_sha256: str,
    segmentation: Mapping[str, np.ndarray] | None = None,
    embedding: Mapping[str, np.ndarray] | None = None,
    fbank: ChunkSeries | None = None,
    threads: int | None = None,
    runtime: str = DEFAULT_RUNTIME,
) -> list[LayerDrift]:
    """How far each layer of a candidate is from the reference's.

    Parameters
    ----------
    path : the reference's layers
    weights : the set that the reference ran with
    heard : `waveform` (1, num_samples) and `chunk_waveforms`, series of (160000,), float32, 16 kHz
    clip_sha256 : of the clip's file
    segmentation, embedding : the candidate's arrays, under canonical names; those of `weights` by default
    fbank : what the candidate's fbank stage made, series of (998, 80) float32; it is compared and goes into the trunk.
        By default the reference's own goes in, so that layers show what the network does
    threads : threads within an operator; the cores this process may use by default
    runtime : of the candidate's embedding network; the limit is made of ONNX Runtime's

    Returns
    -------
    One per layer, in the order in which they are computed: largest absolute difference over the RMS of the reference's
    layer, over all chunks. The limit is LAYER_MULTIPLE times what the arrays of `weights` show on the same chunks (with
    `fbank` given, on the native filterbank), between LAYER_FLOOR and LAYER_CEILING

    Raises
    ------
    InputError : the file is not usable, of another clip or of other weights; the fbank lacks a chunk; a layer's shape
        differs
    """
    reference, (waveform, chunk_waveforms) = read_layers(path), heard
    check_origin(reference, weights, clip_sha256, geometry.num_chunks(waveform.shape[1]))
    native = CandidateLayers(weights.segmentation, weights.embedding, threads)
    native_fbank = None if fbank is None else fbank_series(chunk_waveforms)
    usual = _relative_drift(reference, native, waveform, native_fbank)
    others = {
        "segmentation": segmentation is not None,
        "embedding": runtime != DEFAULT_RUNTIME or embedding is not None or fbank is not None,
    }
    found = usual
    if any(others.values()):
        arrays = segmentation or weights.segmentation, embedding or weights.embedding
        candidate = CandidateLayers(*arrays, threads, runtime)
        which = [network for network, other in others.items() if other]
        found = usual | _relative_drift(reference, candidate, waveform, fbank, which)
    return [_drift(layer, found[layer.key], usual[layer.key], fbank is not None) for layer in reference.layers]


def first_out(layers: Iterable[LayerDrift]) -> LayerDrift | None:
    """The first layer out of tolerance; None where all are within."""
    return next((layer for layer in layers if not layer.within), None)


def check_origin(reference: LayerFile, weights: WeightSet, clip_sha256: str, total: int) -> None:
    """Refuse layers of another clip or other weights, or of chunks that the clip, of `total` chunks, does not have."""
    path, manifest = reference.path, reference.manifest
    for what, got, wanted in (
        ("clip", manifest["clip_sha256"], clip_sha256),
        ("weights", manifest["weights_sha256"], weights.sha256),
    ):
        if got != wanted:
            raise InputError(
                f"{path}: layers of another {what}: sha256 is {str(got)[:12]}, expected {wanted[:12]}; "
                f"it was captured for fixture {manifest['fixture']!r}, capture the layers again"
            )
    check_chunks(reference.chunks, total, str(path))


def _fbank(reference: LayerFile, fbank: ChunkSeries | None, row: int, chunk: int) -> np.ndarray:
    if fbank is None:
        return reference.arrays["embedding/fbank"][row]
    if chunk not in fbank.chunks:
        raise InputError(f"{reference.path}: has chunk {chunk}, of which the candidate has no fbank")
    wanted, got = reference.arrays["embedding/fbank"].shape[1:], fbank.take([chunk])[0].astype(np.float32)
    if got.shape != wanted:
        raise InputError(f"{reference.path}: embedding/fbank is {wanted} a chunk, the candidate's is {got.shape}")
    return got


def _relative_drift(
    reference: LayerFile,
    networks: CandidateLayers,
    waveform: np.ndarray,
    fbank: ChunkSeries | None,
    which: Collection[str] = tuple(NETWORKS),
) -> dict[str, float]:
    """Largest difference of each layer of some networks over all chunks, over the reference's RMS there, by key."""
    largest = {layer.key: 0.0 for layer in reference.layers if layer.network in which}
    for row, chunk in enumerate(reference.chunks):
        made = networks.segmentation(geometry.chunk(waveform, chunk)) if "segmentation" in which else {}
        if reference.masks is not None and "embedding" in which:
            made |= networks.embedding(_fbank(reference, fbank, row, chunk), reference.masks[row])
        for key in largest:
            largest[key] = max(largest[key], _largest(reference, key, made[key], row))
    return {key: _over_rms(value, reference.arrays[key]) for key, value in largest.items()}


def _over_rms(largest: float, reference: np.ndarray) -> float:
    values = reference[np.isfinite(reference)]
    size = float(np.sqrt(np.mean(np.square(values), dtype=np.float64))) if values.size else 0.0
    return 0.0 if largest == 0.0 else largest / size if size else float("inf")


def _largest(reference: LayerFile, key: str, got: np.ndarray, row: int) -> float:
    wanted = reference.arrays[key][row]
    if got.shape != wanted.shape:
        raise InputError(f"{reference.path}: {key} is {wanted.shape} a chunk, the candidate's is {got.shape}")
    return largest_difference(got, wanted)


def largest_difference(got: np.ndarray, wanted: np.ndarray) -> float:
    """Largest absolute difference of two arrays of a shape; infinite where one is finite and the other is not."""
    if np.array_equal(np.isfinite(got), finite := np.isfinite(wanted)):
        return float(np.abs(got[finite] - wanted[finite]).max(initial=0.0))
    return float("inf")


def _drift(layer: Layer, relative: float, usual: float, own_fbank: bool) -> LayerDrift:
    ceiling = LAYER_CEILING["own fbank" if own_fbank and layer.network == "embedding" else layer.network].max_abs
    limit = min(max(LAYER_FLOOR, LAYER_MULTIPLE * usual), ceiling)
    return LayerDrift(layer.network, layer.name, relative, limit, relative <= limit)
