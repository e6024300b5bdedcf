"""Every layer of the reference's two networks on a few chunks, by forward hooks; no body of a function is copied.

Which module is which layer of ours is a table, `parity.layers.file.NETWORKS`. Each chunk goes through each network
alone, and through the embedding network once for its three speakers, which pyannote's pooling takes as a second
dimension of the weights: only the pooling depends on the speaker.
"""

from __future__ import annotations

import platform
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyannote.audio import Pipeline

from capture.device import CPU
from capture.recorder import known_sources
from capture.snapshots import machine, versions
from capture.taps import check_sources
from parity.community1 import geometry
from parity.community1.audio import hear
from parity.errors import InputError
from parity.fixtures import Fixture, Snapshot, read_snapshot
from parity.layers.file import NETWORKS, Layer, check_chunks, write_layers
from parity.pipeline import ChunkSeries
from parity.sources import WeightSet


def parse_chunks(text: str | None) -> list[int]:
    """`3,5` as numbers.

    Raises
    ------
    InputError : not numbers with commas between
    """
    if not text or not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", text):
        raise InputError(
            f"--chunks {text or 'missing'}: --layers needs numbers of chunks with commas between, as in --chunks 3,5"
        )
    return [int(number) for number in text.split(",")]


def record_layers(
    path: Path, pipeline: Pipeline, fixture: Fixture, weights: WeightSet, inputs: Mapping[str, Any], chunks: list[int]
) -> None:
    """Run both networks on the chunks and write every layer's output to one file; see `parity.layers.file.LayerFile`.

    Masks are the snapshot's; where it has none, nobody speaks, and the embedding network is left out.

    Parameters
    ----------
    inputs : `samples` (channels, n) float32 and `sample_rate` in Hz, of the clip

    Raises
    ------
    InputError : a chunk that the clip does not have, no snapshot, or one of another clip or other weights
    """
    check_sources(known_sources())
    heard = hear(inputs["samples"], inputs["sample_rate"])
    chosen = check_chunks(chunks, len(heard[1]), "--chunks")
    masks = _masks(fixture, weights, chosen)
    rows = [_layers_of_chunk(pipeline, heard, chunk, masks, row) for row, chunk in enumerate(chosen)]
    arrays = {key: np.stack([row.pop(key) for row in rows]) for key in list(rows[0])}
    write_layers(path, _manifest(fixture, weights, chosen, masks is not None), masks, arrays)


def _masks(fixture: Fixture, weights: WeightSet, chunks: tuple[int, ...]) -> np.ndarray | None:
    masks = checked_snapshot(fixture.snapshot_folder, fixture, weights).values.get("masks")
    return None if masks is None else np.ascontiguousarray(masks[list(chunks)], dtype=np.float32)


def checked_snapshot(folder: Path, fixture: Fixture, weights: WeightSet) -> Snapshot:
    """The snapshot in a folder.

    Raises
    ------
    InputError : there is none, or it is one of another clip or other weights
    """
    snapshot = read_snapshot(folder)
    for what, got, wanted in (
        ("clip", snapshot.clip_sha256, fixture.clip_sha256),
        ("weights", snapshot.weights.get("sha256"), weights.sha256),
    ):
        if got != wanted:
            raise InputError(
                f"{snapshot.folder}: a snapshot of another {what}: sha256 is {str(got)[:12]}, expected {wanted[:12]}; "
                "its masks are needed, capture it again"
            )
    return snapshot


def _layers_of_chunk(
    pipeline: Pipeline, heard: tuple[np.ndarray, ChunkSeries], chunk: int, masks: np.ndarray | None, row: int
) -> dict[str, np.ndarray]:
    # Within 2e-7 of what pyannote itself makes of the clip; at 16 kHz with one channel the same bits.
    samples = torch.from_numpy(geometry.chunk(heard[0], chunk))[None]
    cropped = torch.from_numpy(heard[1].compute(chunk))[None, None]
    made: dict[str, np.ndarray] = {}
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of masks with more frames than features, as pyannote does itself
        with _watching(pipeline._segmentation.model, "segmentation", made):
            pipeline._segmentation.model(samples)
        if masks is not None:
            with _watching(pipeline._embedding.model_, "embedding", made):
                pipeline._embedding.model_(cropped, weights=torch.from_numpy(masks[row])[None])
    return made


def embedding_layers(pipeline: Pipeline, fbank: np.ndarray, masks: np.ndarray) -> dict[str, np.ndarray]:
    """Layers of the embedding network on one chunk's filterbank, by `embedding/LAYER`.

    Parameters
    ----------
    fbank : (frames, 80) float32
    masks : (masks, mask frames) float32
    """
    made: dict[str, np.ndarray] = {}
    model = pipeline._embedding.model_
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        with _watching(model, "embedding", made):
            model.resnet(torch.from_numpy(fbank)[None], weights=torch.from_numpy(masks)[None])
    return made


@contextmanager
def _watching(model: torch.nn.Module, network: str, made: dict[str, np.ndarray]) -> Iterator[None]:
    """Hooks on every layer of one network while the body runs it once."""
    modules = dict(model.named_modules())
    with ExitStack() as stack:
        for layer in NETWORKS[network]:
            stack.enter_context(_hooked(modules[layer.module], layer, made))
        yield
    if missing := [layer.key for layer in NETWORKS[network] if layer.key not in made]:
        raise InputError(f"capture: no output of {', '.join(missing)} was seen; is pyannote.audio another than 4.0.4?")


def _hooked(module: torch.nn.Module, layer: Layer, made: dict[str, np.ndarray]) -> Any:
    # Each value is copied when it is seen: a block adds its shortcut to the batch norm's output in place.
    def keep(value: torch.Tensor) -> None:
        made[layer.key] = value.detach()[0].cpu().numpy().astype(np.float32, copy=True)

    hooks: dict[str, Callable[[], Any]] = {
        "output": lambda: module.register_forward_hook(lambda _, inputs, output: keep(output)),
        "input": lambda: module.register_forward_pre_hook(lambda _, inputs: keep(inputs[0])),
    }
    if layer.side in hooks:
        return _removed(hooks[layer.side]())
    index = int(layer.side)
    return _removed(
        module.register_forward_hook(lambda lstm, inputs, output: keep(lstm_layer(lstm, inputs[0], output[0], index)))
    )


@contextmanager
def _removed(handle: torch.utils.hooks.RemovableHandle) -> Iterator[None]:
    try:
        yield
    finally:
        handle.remove()


def lstm_layer(lstm: torch.nn.LSTM, x: torch.Tensor, last: torch.Tensor, index: int) -> torch.Tensor:
    """Output of one layer of a stacked LSTM, which itself shows `last` only: the layers up to it, run one by one.

    Parameters
    ----------
    x, last : (batch, frames, features) float32, what went in and what came out

    Returns
    -------
    (batch, frames, 2 * hidden) float32; of the last layer it is `last` itself
    """
    if index == lstm.num_layers - 1:
        return last
    for layer in range(index + 1):
        x = single_layer(lstm, layer)(x)[0]
    return x


def single_layer(lstm: torch.nn.LSTM, layer: int) -> torch.nn.LSTM:
    """One layer of a stacked LSTM as an LSTM of its own with the same weights."""
    state = {
        re.sub(r"_l\d+", "_l0", name): value
        for name, value in lstm.state_dict().items()
        if re.fullmatch(rf".*_l{layer}(_reverse)?", name)
    }
    single = torch.nn.LSTM(state["weight_ih_l0"].shape[1], lstm.hidden_size, batch_first=True, bidirectional=True)
    single.load_state_dict(state)
    return single.eval()


def _manifest(fixture: Fixture, weights: WeightSet, chunks: tuple[int, ...], embedding: bool) -> dict[str, Any]:
    listed = ",".join(map(str, chunks))
    return {
        **provenance(fixture, weights),
        "chunks": list(chunks),
        "networks": ["segmentation", "embedding"] if embedding else ["segmentation"],
        "command": f"python -m capture --fixture {fixture.name} --layers FILE --chunks {listed}",
    }


def provenance(fixture: Fixture, weights: WeightSet, device: str = CPU) -> dict[str, Any]:
    """What recorded layers depend on: the clip, the weights, versions, the machine."""
    used = versions()
    return {
        "fixture": fixture.name,
        "clip_sha256": fixture.clip_sha256,
        "weights": weights.name,
        "weights_sha256": weights.sha256,
        "pyannote_audio_version": used["pyannote.audio"],
        "versions": {"python": platform.python_version(), **used},
        "machine": machine(device),
    }
