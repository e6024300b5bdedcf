"""`layers.npz` beside a snapshot: the reference's embedding network inside, at a sample of positions.

A chunk's layers are 100 MB; this keeps of each what a comparison needs: its shape, largest absolute value and RMS as a
whole, and its values at a few hundred positions, the embeddings whole. It is made by `capture`, on the snapshot's own
filterbank and masks and on one mask of all frames (`EVERYBODY`), and belongs to that snapshot by its manifest's hash.

Positions are words of SHAKE-256 over the layer's name and the chunk: the same everywhere, with any NumPy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from parity.checkout import in_checkout
from parity.errors import InputError, one_line
from parity.files import writing_file
from parity.fixtures.beside import check_belongs, check_schema
from parity.fixtures.snapshot import LAYERS, Snapshot
from parity.layers.file import NUM_FRAMES, read_manifest_and_arrays
from parity.layers.reference import POOLED, PROVEN, ReferenceChunk, ReferenceLayer

SCHEMA = 1
POSITIONS = {name: 2048 if name in POOLED else 256 for name in PROVEN if name != "embeddings"}
"""How many values of a layer are kept; a layer that is not here is kept whole."""

EVERYBODY = np.ones((1, NUM_FRAMES), dtype=np.float32)
"""The mask after the snapshot's own three: on some chunks nobody is active, and pooling would show nothing."""

_BAD = (ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError)


def positions(layer: str, chunk: int, size: int) -> np.ndarray | None:
    """Where in a flattened layer its sample stands: ascending, without repetition, int64; None: it is kept whole."""
    count = POSITIONS.get(layer, size)
    if count >= size:
        return None
    words = np.frombuffer(hashlib.shake_256(f"{layer} {chunk}".encode()).digest(8 * count), dtype="<u8")
    return np.unique(words % np.uint64(size)).astype(np.int64)


def sample(chunk: int, fbank: np.ndarray, masks: np.ndarray, layers: Mapping[str, np.ndarray]) -> ReferenceChunk:
    """One chunk's layers, cut down to their samples; parameters as `ReferenceChunk` has them, layers whole."""
    held = {name: ReferenceLayer.of(layers[name], positions(name, chunk, layers[name].size)) for name in PROVEN}
    return ReferenceChunk(chunk, fbank, masks, held)


def write_samples(
    folder: Path, chunks: Sequence[ReferenceChunk], provenance: Mapping[str, Any], *, inputs: bool
) -> Path:
    """Write `layers.npz` beside a snapshot, whole or not at all.

    Parameters
    ----------
    folder : the snapshot's
    chunks : see `sample`; at least one
    provenance : `snapshot_sha256`, and whatever says how it was made
    inputs : whether filterbank and masks are kept too, as they must be where the snapshot has none

    Returns
    -------
    path : of the file

    Raises
    ------
    InputError : the folder cannot be written
    """
    shapes = {name: list(layer.shape) for name, layer in chunks[0].layers.items()}
    manifest = {"schema": SCHEMA, **provenance, "chunks": [entry.chunk for entry in chunks], "shapes": shapes}
    # One array of every layer's sizes: an array costs 250 bytes of headers, whatever is in it.
    arrays: dict[str, Any] = {
        "sizes": np.array([[(e.layers[n].max_abs, e.layers[n].rms) for n in PROVEN] for e in chunks])
    }
    for entry in chunks:
        arrays[f"values/{entry.chunk}"] = np.concatenate([entry.layers[name].values for name in PROVEN])
    if inputs:
        arrays |= {key: np.stack([getattr(entry, key) for entry in chunks]) for key in ("fbank", "masks")}
    path = folder / LAYERS
    with writing_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, manifest=np.array(json.dumps(manifest, ensure_ascii=False)), **arrays)
    return path


def read_samples(snapshot: Snapshot) -> list[ReferenceChunk] | None:
    """The layers kept beside a snapshot; None where there are none.

    Raises
    ------
    InputError : the file cannot be read, has other arrays than it should, or belongs to another snapshot
    """
    path = snapshot.folder / LAYERS
    if not path.exists():
        return None
    step = in_checkout(f"nox -s capture -- --layer-samples --fixture {snapshot.folder.name}")
    cure = f"remove it, or record again: {step}"
    try:
        manifest, arrays = read_manifest_and_arrays(path)
        check_schema(manifest["schema"], SCHEMA)
        owner = str(manifest["snapshot_sha256"])
    except _BAD as error:
        raise InputError(f"{path}: cannot be read as layers ({_said(error)}); {cure}") from error
    check_belongs(path, owner, cure)
    try:
        return [_chunk(snapshot, manifest, arrays, row) for row in range(len(manifest["chunks"]))]
    except _BAD as error:
        raise InputError(f"{path}: holds other arrays than it should ({_said(error)}); {cure}") from error


def _said(error: Exception) -> str:
    said = one_line(error)
    return f"{said} is missing" if isinstance(error, KeyError) else said


def _chunk(snapshot: Snapshot, manifest: dict[str, Any], arrays: Mapping[str, np.ndarray], row: int) -> ReferenceChunk:
    chunk = manifest["chunks"][row]
    fbank, masks = (arrays["fbank"][row], arrays["masks"][row]) if "fbank" in arrays else inputs_of(snapshot, chunk)
    values, sizes = arrays[f"values/{chunk}"], arrays["sizes"]
    if sizes.shape != (len(manifest["chunks"]), len(PROVEN), 2) or values.dtype != np.float32 or values.ndim != 1:
        raise ValueError(f"sizes {sizes.shape}, values of chunk {chunk} {values.dtype} {values.shape}")
    if not (np.isfinite(values).all() and np.isfinite(sizes).all()):
        raise ValueError(f"chunk {chunk} has values that are not finite")
    layers, start = {}, 0
    for name, (max_abs, rms) in zip(PROVEN, sizes[row], strict=True):
        shape = tuple(int(size) for size in manifest["shapes"][name])
        where = positions(name, chunk, int(np.prod(shape)))
        stop = start + (int(np.prod(shape)) if where is None else len(where))
        layers[name] = ReferenceLayer(shape, values[start:stop], float(max_abs), float(rms), where)
        start = stop
    if start != len(values):
        raise ValueError(f"chunk {chunk} has {len(values)} values, its layers take {start}")
    return ReferenceChunk(chunk, fbank, masks, layers)


def inputs_of(snapshot: Snapshot, chunk: int) -> tuple[np.ndarray, np.ndarray]:
    """Filterbank (998, 80) and masks (4, 589) float32 that a chunk's layers are recorded on.

    Raises
    ------
    LookupError : the snapshot holds no filterbank of that chunk
    """
    recorded = snapshot.chunks["fbank"].tolist()
    if chunk not in recorded:
        raise LookupError(f"chunk {chunk}, of which the snapshot has no fbank: it has {recorded}")
    masks = np.concatenate([snapshot.values["masks"][chunk].astype(np.float32), EVERYBODY])
    return snapshot.values["fbank"][recorded.index(chunk)], masks
