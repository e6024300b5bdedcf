"""Arrays on disk as an implementation under test: what a port in another language wrote, in place of stages.

Task: a folder with the files and keys of a snapshot, or one `NAME.npy` an artefact, any subset of them, no manifest
needed -> the native pipeline in which those artefacts are what the port made. Stages of which nothing was given run
natively on what the port made. A stage whose output is given has no code to run on other inputs: it has no isolated
replay, and behind a patch the native stage runs in its place.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from parity.artefact import ARTEFACTS, COMPANIONS, Artefact
from parity.community1.annotation import from_rttm
from parity.errors import InputError
from parity.snapshot import MANIFEST
from parity.stage import ChunkSeries, Pipeline, Stage
from parity.variant import check_artefact

BESIDE = ("segmentation_gap.npy",)
"""Files of a kit that are no artefact: how near the reference's two best classes are says nothing of a port's."""


def read_arrays(folder: Path) -> dict[str, Any]:
    """The artefacts that a port left in a folder.

    Raises
    ------
    InputError : there is no folder or nothing in it, a file or key is none that a snapshot has, or an array is not
        what the catalogue says
    """
    if not folder.is_dir():
        raise InputError(f"--arrays {folder}: not a folder; expected one with the files of a snapshot in it")
    arrays = [artefact for artefact in ARTEFACTS.values() if artefact.dtype != "text"]
    by_place = {(artefact.file, artefact.key): artefact for artefact in ARTEFACTS.values()}
    by_place |= {(f"{artefact.name}.npy", None): artefact for artefact in arrays}
    recorded = {f"{artefact.name}_chunks.npy": artefact.file for artefact in arrays if artefact.by_chunk}
    files = {file for file, _ in by_place} | set(COMPANIONS) | set(recorded) | set(BESIDE)
    found: dict[str, Any] = {}
    chunks: dict[str, np.ndarray] = {}
    for path in sorted(folder.iterdir()):
        if path.name == MANIFEST or path.suffix in (".md", ".wav"):
            continue
        if path.name not in files:
            raise InputError(f"{path}: no artefact lies in a file of that name; known: {', '.join(sorted(files))}")
        for key, value in _contents(path).items():
            artefact = by_place.get((path.name, key))
            if artefact is not None:
                if artefact.name in found:
                    raise InputError(
                        f"{path}: {artefact.name} lies in another file here already; one of them has to go"
                    )
                found[artefact.name] = value
            elif path.name in recorded:
                chunks[recorded[path.name]] = value
            elif path.name in BESIDE:
                continue
            elif key == "chunks":
                chunks[path.name] = value
            elif key not in COMPANIONS.get(path.name, ()):
                raise InputError(f"{path}: holds {key}, which no snapshot has there")
    if not found:
        raise InputError(f"--arrays {folder}: holds no artefact; expected files such as raw_embeddings.npz")
    return {name: _checked(folder, ARTEFACTS[name], value, chunks) for name, value in found.items()}


def with_arrays(pipeline: Pipeline, values: Mapping[str, Any]) -> Pipeline:
    """The pipeline with artefacts that are what they are, whatever the stages before them made."""
    for stage in pipeline:
        given = {name: values[name] for name in stage.writes if name in values}
        if given:
            pipeline = pipeline.replacing(stage.name, partial(_give, stage, given), given=True)
    fbank = values.get("fbank")
    if fbank is not None and "embeddings" not in values and not np.array_equal(fbank.chunks, np.arange(len(fbank))):
        raise InputError(
            f"--arrays: fbank is given for chunks {fbank.chunks.tolist()} only, so embeddings have to be given too"
        )
    return pipeline


def _give(stage: Stage, given: Mapping[str, Any], *reads: Any) -> Any:
    missing = [name for name in stage.writes if name not in given]
    made: dict[str, Any] = {}
    if missing:
        results = stage.run(*reads)
        made = dict(zip(stage.writes, results if len(stage.writes) > 1 else (results,), strict=True))
    written = tuple(given.get(name, made.get(name)) for name in stage.writes)
    return written if len(stage.writes) > 1 else written[0]


def _contents(path: Path) -> dict[str | None, Any]:
    try:
        if path.suffix == ".rttm":
            return {None: from_rttm(path.read_text(encoding="utf-8"))}
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            return {None: loaded} if isinstance(loaded, np.ndarray) else {key: loaded[key] for key in loaded.files}
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def _checked(folder: Path, artefact: Artefact, value: Any, chunks: Mapping[str, np.ndarray]) -> Any:
    place = f"{folder / artefact.file}"
    check_artefact(place, artefact, value)
    if artefact.dtype == "text":
        return value
    value = value.astype(artefact.dtype)
    if not artefact.by_chunk:
        return value
    recorded = chunks.get(artefact.file, np.arange(len(value)))
    if recorded.shape != (len(value),) or recorded.dtype.kind not in "iu":
        raise InputError(f"{place}: `chunks` names {recorded.shape} chunks, {artefact.name} has {len(value)}")
    return ChunkSeries.recorded(recorded, value)
