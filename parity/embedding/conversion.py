"""Weights of the embedding network converted, and the result tried before it is kept.

Task: canonical arrays and a target -> a file or folder in the target's own layout. What was written is read back and
compared with what was meant, bit for bit, then runs on a real clip beside the source; only then it gets its name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from parity.community1 import geometry
from parity.community1.fbank import compute_fbank
from parity.errors import InputError, one_line
from parity.files import writing_file, writing_folder
from parity.measure.tolerances import ISOLATED
from parity.networks.onnx_graph import OPSET
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.batch_norm import folded
from parity.networks.wespeaker.checkpoints import PARTS, EmbeddingWeights, read_embedding
from parity.networks.wespeaker.masks import interpolate_nearest
from parity.networks.wespeaker.runtime import check_runtime, load_embedding
from parity.networks.wespeaker.writers import (
    LOWEST_OPSET,
    write_mlx,
    write_onnx,
    write_onnx_parts,
    write_safetensors,
    write_torch,
)

TARGETS = ("onnx", "torch", "mlx", "safetensors")
MASK_FRAMES = 589

T = TypeVar("T")
Embed = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Options:
    """How to write.

    Attributes
    ----------
    to : one of `TARGETS`
    fold : whether batch norms are folded into the convolutions; a framework's habit by default (ONNX: yes)
    parts : ONNX as trunk and head apart
    opset : of ONNX
    overwrite : whether what is there may be replaced
    """

    to: str
    fold: bool | None = None
    parts: bool = False
    opset: int = OPSET
    overwrite: bool = False

    @property
    def folds(self) -> bool:
        """Whether batch norms are folded."""
        return self.to == "onnx" if self.fold is None else self.fold

    @property
    def makes_folder(self) -> bool:
        """Whether a folder is written, not a file."""
        return self.to == "mlx" or self.parts


@dataclass(frozen=True)
class Conversion:
    """What was written and how far it is from its source.

    Attributes
    ----------
    sizes : bytes of each file written, by name
    layout_only : whether every array is the source's to the last bit
    ran_in : the runtime that tried the result
    drift, scale : largest absolute difference of embeddings from the source's, and RMS of those
    """

    sizes: dict[str, int]
    layout_only: bool
    ran_in: str
    drift: float
    scale: float


def check_options(options: Options, out: Path) -> None:
    """Refuse what cannot be done, before anything is read.

    Raises
    ------
    InputError : an unknown target, an option of another target, an opset too low, or OUT exists
    """
    if options.to not in TARGETS:
        raise InputError(f"--to {options.to}: unknown; known: {', '.join(TARGETS)}")
    if options.to != "onnx" and (options.parts or options.opset != OPSET):
        raise InputError(f"--to {options.to}: --parts and --opset are ONNX's")
    if options.opset < LOWEST_OPSET:
        raise InputError(f"--opset {options.opset}: at least {LOWEST_OPSET} is needed, {OPSET} is what the lab runs")
    if out.exists() and not options.overwrite:
        raise InputError(f"{out}: exists already; --overwrite replaces it")
    if out.exists() and out.is_dir() != options.makes_folder:
        kind = "a folder" if options.makes_folder else "a file"
        raise InputError(f"{out}: is {'a folder' if out.is_dir() else 'a file'}, and {kind} is to be written")


def convert(
    source: EmbeddingWeights, name: str, waveform: np.ndarray, out: Path, options: Options, threads: int | None = None
) -> Conversion:
    """Write the network for another framework; nothing is left where the result is not what was meant.

    Parameters
    ----------
    name : of the source, for what is written
    waveform : (1, num_samples) float32, 16 kHz, to try source and result on: its first ten seconds
    out : where the file, or the folder, shall be

    Raises
    ------
    InputError : see `check_options`; what was written reads back or computes otherwise; the disk is full
    """
    check_options(options, out)
    meant = folded(source.arrays) if options.folds else source.arrays
    with _writing(out, options) as temporary:
        _write(temporary, source, name, options)
        back = read_embedding(temporary)
        expected = EmbeddingWeights(out, "", meant)
        if back.sha256 != expected.sha256:
            wrong = [name for name in meant if not np.array_equal(meant[name], back.arrays[name])]
            raise InputError(
                f"{out}: reads back otherwise than written, first {wrong[0] if wrong else '?'}: a bad disk?"
            )
        inputs = probe(waveform)
        ran_in, embed = _runner(temporary, back, options, threads)
        wanted = load_embedding(source.arrays, threads=threads).embed(*inputs)[0]
        drift = float(np.abs(embed(*inputs) - wanted).max())
        limit = ISOLATED["embeddings"].max_abs
        if not drift <= limit:
            raise InputError(
                f"{out}: not kept: in {ran_in} its embeddings are {drift:.1e} off the source's, limit {limit}"
            )
        files = sorted(temporary.iterdir()) if temporary.is_dir() else [temporary]
        sizes = {out.name if path == temporary else path.name: path.stat().st_size for path in files}
    return Conversion(sizes, expected.sha256 == source.sha256, ran_in, drift, float(np.sqrt(np.mean(wanted**2))))


def probe(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a network is tried on: fbank (1, 998, 80) of the first ten seconds, and three masks (1, 3, 589), float32.

    All frames, the first half, every third frame.
    """
    masks = np.zeros((1, 3, MASK_FRAMES), np.float32)
    masks[0, 0] = masks[0, 1, : MASK_FRAMES // 2] = masks[0, 2, ::3] = 1.0
    return compute_fbank(geometry.chunk(waveform, 0)[0])[None], masks


def _writing(out: Path, options: Options) -> AbstractContextManager[Path]:
    return writing_folder(out, replace=options.overwrite) if options.makes_folder else writing_file(out)


def _write(path: Path, source: EmbeddingWeights, name: str, options: Options) -> None:
    if options.to == "onnx":
        write = write_onnx_parts if options.parts else write_onnx
        _refused(options, partial(write, path, source.arrays, fold=options.folds, opset=options.opset))
        return
    arrays = folded(source.arrays) if options.folds else source.arrays
    if options.to == "mlx":
        write_mlx(path, arrays, name)
    else:
        {"torch": write_torch, "safetensors": write_safetensors}[options.to](path, arrays)


def _runner(path: Path, back: EmbeddingWeights, options: Options, threads: int | None) -> tuple[str, Embed]:
    """What runs the result, and its name: an ONNX graph itself, else the arrays read back on the target's runtime."""
    if options.to == "onnx":
        files: Sequence[Path] = [path / part for part in PARTS] if options.parts else [path]
        networks = [_refused(options, partial(OnnxNetwork, file.read_bytes(), threads)) for file in files]
        return "onnx", partial(_run_graphs, networks)
    runtime = options.to if options.to in ("torch", "mlx") else "onnx"
    try:
        check_runtime(runtime)
    except InputError:
        runtime = "onnx"
    network = load_embedding(back.arrays, runtime, threads)
    return runtime, lambda fbank, weights: network.embed(fbank, weights)[0]


def _run_graphs(networks: Sequence[OnnxNetwork], fbank: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if len(networks) == 1:
        return networks[0](fbank=fbank, weights=weights)[0]
    (features,) = networks[0](fbank=fbank)
    return networks[1](features=features, weights=interpolate_nearest(weights, features.shape[2]))[0]


def _refused(options: Options, act: Callable[[], T]) -> T:
    """An opset that `onnx` cannot write, or ONNX Runtime not load, in one line."""
    from onnx.checker import ValidationError
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidGraph, NotImplemented

    try:
        return act()
    except (ValueError, ValidationError, Fail, InvalidGraph, NotImplemented) as error:
        said = one_line(error, 150)
        raise InputError(f"--opset {options.opset}: the graph cannot be made or loaded here ({said})") from None
