"""The network's weights written for other frameworks; what is written here, `checkpoints.read_embedding` reads.

Task: canonical arrays -> a file, or a folder of files. The same arrays give the same bytes. Whether batch norms are
folded is the caller's (`batch_norm.folded`), but for ONNX, where a folded graph has no batch norms at all.
"""

from __future__ import annotations

import json
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.numpy

from parity.networks.checkpoint_writer import write_checkpoint
from parity.networks.onnx_graph import OPSET
from parity.networks.wespeaker.architecture import CONFIG
from parity.networks.wespeaker.checkpoints import PARTS
from parity.networks.wespeaker.graph import build_head, build_network, build_trunk
from parity.networks.wespeaker.names import mlx_layout

LOWEST_OPSET = 15  # Shape with a start
EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's first moment: a time of writing would change the file

Arrays = Mapping[str, np.ndarray]


def write_onnx(path: Path, arrays: Arrays, *, fold: bool = True, opset: int = OPSET) -> None:
    """One graph: `fbank`, `weights` of any number of frames -> `embeddings`; every dimension but the mel bins is free.

    Parameters
    ----------
    fold : whether batch norms go into the convolutions, or stay nodes of their own
    opset : version of the operators, at least `LOWEST_OPSET`
    """
    path.write_bytes(build_network(arrays, fold=fold, opset=opset))


def write_onnx_parts(folder: Path, arrays: Arrays, *, fold: bool = True, opset: int = OPSET) -> None:
    """Trunk and head as a graph each; the head takes weights at the pooled frames. Parameters as of `write_onnx`."""
    trunk, head = build_trunk(arrays, fold=fold, opset=opset), build_head(arrays, opset=opset)
    for name, model in zip(PARTS, (trunk, head), strict=True):
        (folder / name).write_bytes(model)


def write_torch(path: Path, arrays: Arrays) -> None:
    """A state dict as `torch.save` writes it, written without torch: torchvision's names, no counters."""
    write_checkpoint(path, OrderedDict(arrays))


def write_safetensors(path: Path, arrays: Arrays) -> None:
    """The canonical arrays as they are."""
    path.write_bytes(safetensors.numpy.save({name: np.ascontiguousarray(value) for name, value in arrays.items()}))


def write_mlx(folder: Path, arrays: Arrays, source: str) -> None:
    """`weights.npz` with convolutions (out, h, w, in) and pyannote's names, as MLX ports have them, and `config.json`.

    Parameters
    ----------
    source : where the weights came from, for `config.json`
    """
    with zipfile.ZipFile(folder / "weights.npz", "w") as archive:
        for name, value in mlx_layout(arrays).items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy", EPOCH), "w") as member:
                np.lib.format.write_array(member, value, allow_pickle=False)
    config = {
        "model_type": "resnet34_embedding",
        **CONFIG,
        "dtype": "float32",
        "source": source,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
