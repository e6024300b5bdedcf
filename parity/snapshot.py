"""One capture on disk: a folder with a manifest, hashed files, and arrays; read strictly, written whole or not at all.

Structure is checked before values: the manifest, then that every file it lists is there and none besides, then their
hashes, then that the arrays' dtypes and dims agree with the catalogue and with each other. A folder with fewer files is
a valid, partial snapshot as long as its manifest says so.
"""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from parity.community1.annotation import from_rttm
from parity.errors import InputError
from parity.files.whole import sha256_file, writing_folder
from parity.pipeline.artefact import COMMUNITY1, LAYOUTS, Artefact, Layout

MANIFEST = "manifest.json"
REFERENCE_VERSION = COMMUNITY1.reference[2]
SCHEMA = 1
NOISE = "noise.json"  # measured against the snapshot, no part of it: `parity.noise`
STABILITY = "stability.json"  # the same: `parity.perturb`
LAYERS = "layers.npz"  # the same: `parity.layer_samples`
OWN_NAMES = {NOISE, STABILITY, LAYERS}
OWN_SUFFIXES = {".wav", ".md"}  # a fixture's own audio may lie beside the arrays; its hash is `clip_sha256`
FIXED_DIMS = {"F": 589, "S": 3}


@dataclass(frozen=True)
class Snapshot:
    """What one run of the reference left behind.

    Attributes
    ----------
    folder : where it lies
    manifest : provenance, as read
    values : artefact -> array, or RTTM text for the two diarizations
    chunks : artefact -> (n,) int64, the chunks that were recorded, for artefacts kept for a subset
    companions : (file, key) -> array, what else was recorded
    """

    folder: Path
    manifest: Mapping[str, Any]
    values: Mapping[str, Any] = field(repr=False)
    chunks: Mapping[str, np.ndarray] = field(repr=False)
    companions: Mapping[tuple[str, str], np.ndarray] = field(repr=False)

    @property
    def layout(self) -> Layout:
        """What a snapshot of its pipeline may hold."""
        return LAYOUTS[self.manifest.get("pipeline", COMMUNITY1.pipeline)]

    @property
    def weights(self) -> Mapping[str, Any]:
        """Name and hash of the weight set that was captured; empty where the manifest does not say."""
        return self.manifest.get("weights", {})

    @property
    def clip_sha256(self) -> str:
        """Hash of the clip that was captured."""
        return self.manifest["clip_sha256"]

    @property
    def segmentation_gap(self) -> np.ndarray | None:
        """(C, F) float32, the gap of the two best log-probabilities; None where it was not recorded."""
        return self.companions.get(("segmentations.npz", "segmentation_gap"))


def read_snapshot(folder: Path, *, any_version: bool = False) -> Snapshot:
    """Read a snapshot.

    Parameters
    ----------
    folder : where it lies
    any_version : whether the reference may have been of another version than pipelines follow, as where nothing is
        replayed

    Raises
    ------
    InputError : the manifest is missing, incomplete or of another version of the reference; a file is missing, unlisted
        or altered; an array is unknown, of another dtype, or its dims contradict the others'
    """
    manifest = _read_manifest(folder)
    layout = _checked_layout(folder / MANIFEST, manifest, any_version=any_version)
    _check_files(folder, manifest["artifacts"], layout.files())
    values: dict[str, Any] = {}
    chunks: dict[str, np.ndarray] = {}
    companions: dict[tuple[str, str], np.ndarray] = {}
    by_place = {(artefact.file, artefact.key): artefact for artefact in layout.artefacts.values()}
    for name in sorted(manifest["artifacts"]):
        for key, value in _read_file(folder / name, layout.files()).items():
            artefact = by_place.get((name, key))
            if artefact is None:
                companions[name, key] = value
            else:
                values[artefact.name] = value
    for artefact in layout.artefacts.values():
        if artefact.by_chunk and np.ndim(values.get(artefact.name)):
            chunks[artefact.name] = _recorded_chunks(folder, artefact, companions, values)
    _check_arrays(folder, layout.artefacts, values, chunks)
    _check_indices(folder, values)
    _check_gap(folder, values.get("segmentations"), companions.get(("segmentations.npz", "segmentation_gap")))
    return Snapshot(folder, manifest, values, chunks, companions)


def write_snapshot(
    folder: Path,
    manifest: Mapping[str, Any],
    contents: Mapping[str, Mapping[str | None, Any]],
    *,
    replace: bool = False,
) -> Snapshot:
    """Write a snapshot to a temporary sibling, verify it by reading it back, and rename it once.

    Parameters
    ----------
    manifest : everything but `artifacts` and `arrays`, which are filled in here
    contents : file -> key -> array; a `.npy` file has the one key None, an `.rttm` file text under None
    replace : whether a snapshot already there may be replaced
    """
    own = _own_files(folder)
    only_own = folder.is_dir() and len(own) == len(list(folder.iterdir()))
    with writing_folder(folder, replace=replace or only_own) as temporary:
        for path in own:
            if path.name not in OWN_NAMES:  # what was measured against the snapshot before says nothing of this one
                shutil.copy2(path, temporary / path.name)
        for name, arrays in contents.items():
            _write_file(temporary / name, arrays)
        listed = {name: sha256_file(temporary / name) for name in sorted(contents)}
        described = {name: _described(contents[name]) for name in sorted(contents) if not name.endswith(".rttm")}
        text = json.dumps({**manifest, "artifacts": listed, "arrays": described}, indent=2, ensure_ascii=False)
        (temporary / MANIFEST).write_text(text + "\n", encoding="utf-8")
        read_snapshot(temporary, any_version=True)
    return read_snapshot(folder, any_version=True)


def _own_files(folder: Path) -> list[Path]:
    """Files beside the arrays that are not the snapshot's: a user's clip, notes, what was measured against it."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return [path for path in paths if path.suffix in OWN_SUFFIXES or path.name in OWN_NAMES]


def _described(arrays: Mapping[str | None, np.ndarray]) -> dict[str, dict]:
    return {key or "": {"dtype": str(a.dtype), "shape": list(a.shape)} for key, a in sorted(arrays.items(), key=str)}


def _write_file(path: Path, arrays: Mapping[str | None, Any]) -> None:
    if path.suffix == ".rttm":
        path.write_text(arrays[None], encoding="utf-8")
    elif path.suffix == ".npy":
        np.save(path, arrays[None], allow_pickle=False)
    else:
        np.savez_compressed(path, **dict(sorted(arrays.items())))


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder}: has no {MANIFEST}: not a snapshot, or not captured yet") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("artifacts"), dict):
        raise InputError(f"{path}: lists no `artifacts`: not a snapshot's manifest")
    return manifest


def _checked_layout(path: Path, manifest: Mapping[str, Any], *, any_version: bool) -> Layout:
    layout = LAYOUTS.get(manifest.get("pipeline", COMMUNITY1.pipeline))
    if layout is None:
        raise InputError(f"{path}: of pipeline {manifest['pipeline']!r}; known: {', '.join(LAYOUTS)}")
    reference, version_key, version = layout.reference
    for key in (version_key, layout.input_hash):
        if not isinstance(manifest.get(key), str):
            raise InputError(f"{path}: `{key}` is missing; captures of this project and the seed's all carry it")
    if not any_version and manifest[version_key] != version:
        raise InputError(
            f"{path}: captured from {reference} {manifest[version_key]}, this pipeline follows {version}; "
            "`parity compare` takes captures of any version"
        )
    return layout


def _check_files(folder: Path, listed: Mapping[str, str], known: Mapping[str, tuple[str, ...]]) -> None:
    if strange := sorted(name for name in listed if name not in known):
        raise InputError(f"{folder / MANIFEST}: lists {', '.join(strange)}, which no snapshot holds")
    present = {path.name for path in folder.iterdir()} - {MANIFEST} - {path.name for path in _own_files(folder)}
    if missing := sorted(set(listed) - present):
        raise InputError(f"{folder}: {', '.join(missing)} missing, the manifest lists it")
    if unlisted := sorted(present - set(listed)):
        raise InputError(f"{folder}: {', '.join(unlisted)} not listed in the manifest")
    for name, expected in listed.items():
        if (got := sha256_file(folder / name)) != expected:
            raise InputError(f"{folder / name}: altered: sha256 is {got}, the manifest says {expected}")


def _read_file(path: Path, known: Mapping[str, tuple[str, ...]]) -> dict[str | None, Any]:
    try:
        if path.suffix == ".rttm":
            text = path.read_text(encoding="utf-8")
            from_rttm(text)  # said now, with the file's name, not when it is scored
            return {None: text}
        with path.open("rb") as file:
            contents = _arrays(np.load(file, allow_pickle=False))
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if (path.suffix == ".npy") != (None in contents) or not all(isinstance(a, np.ndarray) for a in contents.values()):
        raise InputError(f"{path}: cannot be read as {path.suffix}: it holds something else")
    if path.suffix == ".npy":
        return contents
    if unknown := sorted(set(contents) - set(known[path.name])):
        raise InputError(f"{path}: holds {', '.join(unknown)}, which no snapshot has there")
    return contents


def _arrays(loaded: Any) -> dict[str | None, Any]:
    return {None: loaded} if isinstance(loaded, np.ndarray) else {key: loaded[key] for key in loaded.files}


def _recorded_chunks(folder: Path, artefact: Artefact, companions: dict, values: Mapping[str, Any]) -> np.ndarray:
    chunks = companions.get((artefact.file, "chunks"))
    if chunks is None:
        chunks = np.arange(len(values[artefact.name]))
    total = len(values["segmentations"]) if "segmentations" in values else None
    if chunks.ndim != 1 or chunks.dtype.kind not in "iu":
        raise InputError(f"{folder / artefact.file}: `chunks` is {chunks.dtype} {chunks.shape}, expected (n,) int64")
    rising = bool(np.all(np.diff(chunks) > 0)) and (len(chunks) == 0 or chunks[0] >= 0)
    if len(chunks) != len(values[artefact.name]) or not rising or (total and len(chunks) and chunks[-1] >= total):
        raise InputError(
            f"{folder / artefact.file}: `chunks` {chunks.tolist()} does not name the {len(values[artefact.name])} "
            f"recorded chunks of {total}, ascending"
        )
    return chunks


def _check_arrays(
    folder: Path, artefacts: Mapping[str, Artefact], values: Mapping[str, Any], chunks: Mapping[str, np.ndarray]
) -> None:
    sizes: dict[str, tuple[int, str]] = {letter: (size, "the format") for letter, size in FIXED_DIMS.items()}
    for name, value in values.items():
        artefact = artefacts[name]
        if artefact.dtype == "text":
            continue
        place = f"{folder / artefact.file}: {name}"
        if value.dtype != artefact.dtype and not _same_kind(value.dtype, artefact.dtype):
            raise InputError(f"{place} is {value.dtype}, expected {artefact.dtype}")
        if value.ndim != len(artefact.dims):
            raise InputError(f"{place} has shape {value.shape}, expected dims ({', '.join(artefact.dims)})")
        for letter, size in zip(artefact.dims, value.shape, strict=True):
            if letter == "C" and name in chunks:
                continue
            if letter == "T-1":
                letter, size = "T", size + 1
            expected, owner = (int(letter), "the format") if letter.isdigit() else sizes.get(letter, (size, name))
            if size != expected and not _may_differ(letter, name):
                raise InputError(f"{place} has {letter} = {size}, {owner} has {expected}")
            sizes.setdefault(letter, (size, name))


def _check_indices(folder: Path, values: Mapping[str, Any]) -> None:
    """Indices and labels that stages follow blindly."""
    embeddings, labels = values.get("embeddings"), values.get("ahc_clusters")
    limits = {"train_chunk_idx": 0, "train_speaker_idx": 1}
    for name, axis in limits.items() if embeddings is not None else ():
        index = values.get(name, np.zeros(0))
        if len(index) and not (index.min() >= 0 and index.max() < embeddings.shape[axis]):
            raise InputError(f"{folder}: {name} leaves 0 to {embeddings.shape[axis] - 1}, where embeddings end")
    if labels is not None and len(labels) and not (labels.min() >= 0 and labels.max() < len(labels)):
        raise InputError(f"{folder}: ahc_clusters leaves 0 to {len(labels) - 1}; labels are fewer than embeddings")


def _check_gap(folder: Path, segmentations: np.ndarray | None, gap: np.ndarray | None) -> None:
    if (
        segmentations is not None
        and gap is not None
        and (gap.shape != segmentations.shape[:2] or gap.dtype.kind != "f")
    ):
        raise InputError(
            f"{folder / 'segmentations.npz'}: segmentation_gap has shape {gap.shape}, "
            f"segmentations has {segmentations.shape[:2]} chunks and frames"
        )


def _same_kind(got: np.dtype, expected: str) -> bool:
    # Label dtypes follow the platform and the path taken (KMeans labels, argmax); centroids are float32 from KMeans.
    kind = np.dtype(expected).kind
    return got.kind in "iu" if kind in "iu" else (got.kind == kind == "f" and expected == "float64")


def _may_differ(letter: str, name: str) -> bool:
    # Reconstruction adds columns where the count exceeds the clusters, in the plain and exclusive variants apart.
    return letter == "speakers"
