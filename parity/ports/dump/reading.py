"""A dump's folder: which artefact lies where, with everything that is wrong collected rather than raised.

Conventions (`docs/reference/dumps.md`): one folder per recording; `NAME.npy` is the artefact NAME; a snapshot's own
files hold the keys that the catalogue gives them; in any other `.npz` or `.safetensors` keys are artefacts' names; a
lone RTTM file under any name is the plain diarization.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from parity.community1.geometry import STEP_SECONDS
from parity.errors import InputError, one_line
from parity.files.arrays import SUFFIXES, read_file
from parity.files.documents import read_json, read_text
from parity.fixtures.kits import CONSTANTS, KIT, is_kit, kit_manifest
from parity.fixtures.manifest import check_manifest
from parity.fixtures.snapshot import CHUNK_STEP, MANIFEST, OWN_NAMES, OWN_SUFFIXES, Snapshot
from parity.maps.place import ALONE, is_mapped, recordings
from parity.maps.reading import read_mapped
from parity.pipeline.artefact import ARTEFACTS, files
from parity.ports.dump.deviations import FILE, check_deviations

BY_CHUNK = {artefact.file: name for name, artefact in ARTEFACTS.items() if artefact.by_chunk}
"""File of a snapshot -> the artefact in it of which it may hold some chunks only."""

BESIDE = ("segmentation_gap", *(f"{name}_chunks" for name in BY_CHUNK.values()))
"""What a dump may hold beside the artefacts: how near the frames' classes are, and which chunks were written."""

TEXTS = {name: (artefact.file, f"{name}.rttm") for name, artefact in ARTEFACTS.items() if artefact.dtype == "text"}


LONGEST_STEP = 1e4  # seconds


@dataclass
class Dump:
    """One recording's artefacts.

    Attributes
    ----------
    folder : where they lie; a single RTTM file's own path
    values : artefact -> array, or RTTM text
    beside : name in `BESIDE` -> array
    places : artefact -> file and key, for messages
    manifest : `manifest.json` where there is one
    notes : what was converted or passed over, one line each
    problems : what could not be read or has no place, one line each
    found : (file, key) -> every array that was read
    declared : what `deviations.toml` says the port does otherwise on purpose, by the names of parameters
    """

    folder: Path
    values: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, np.ndarray] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    found: dict[tuple[str, str | None], np.ndarray] = field(default_factory=dict, repr=False)
    declared: dict[str, Any] = field(default_factory=dict)

    @property
    def chunk_step(self) -> float:
        """Seconds from the start of one chunk to that of the next: as declared, as recorded, or the pipeline's own."""
        recorded = self.found.get(CHUNK_STEP)
        if recorded is None or np.ndim(recorded) or recorded.dtype.kind not in "fiu" or not 0 < recorded < LONGEST_STEP:
            recorded = np.array(STEP_SECONDS)
        return float(self.declared.get("chunk_step", recorded))

    def chunks(self, name: str) -> np.ndarray:
        """Which chunks an artefact's rows are: (n,) int64; all of them unless the dump says otherwise."""
        recorded = self.beside.get(f"{name}_chunks")
        return np.arange(len(self.values[name])) if recorded is None else recorded

    def snapshot(self) -> Snapshot:
        """The dump as `parity.replay.outcome` takes a snapshot."""
        gap = self.beside.get("segmentation_gap")
        companions = {} if gap is None else {("segmentations.npz", "segmentation_gap"): gap}
        chunks = {name: self.chunks(name) for name in self.values if ARTEFACTS[name].by_chunk}
        return Snapshot(self.folder, self.manifest, self.values, chunks, companions)


def read_dump(folder: str | Path) -> Dump:
    """Read one recording's dump, or a single RTTM file.

    Parameters
    ----------
    folder : with files as `docs/reference/dumps.md` says, or the path of an RTTM file; one recording of a mapped
        folder (`parity.maps`)

    Returns
    -------
    dump : its `values` are arrays by the artefacts' names, of whatever shape and dtype was written, and RTTM text

    Raises
    ------
    InputError : there is no such folder; everything else is in `problems`
    """
    if is_mapped(folder):
        return _with_declaration(Dump(folder, **vars(read_mapped(folder))))
    folder = Path(folder)
    if folder.is_file() and folder.suffix == ".rttm":
        dump = Dump(folder)
        _add_text(dump, "diarization", folder)
        return dump
    if not folder.is_dir():
        raise InputError(f"{folder}: neither a folder nor an RTTM file; expected what a port left of one recording")
    dump = Dump(folder)
    paths = sorted(path for path in folder.iterdir() if not _passed_over(path))
    _read_manifest(dump)
    _with_declaration(dump)
    for path in paths:
        if path.suffix in SUFFIXES and path.is_file():
            _add_arrays(dump, path)
        elif path.suffix != ".rttm" or not path.is_file():
            dump.problems.append(_unknown(path))
    _add_texts(dump, [path for path in paths if path.suffix == ".rttm" and path.is_file()])
    if not dump.values and not dump.problems:
        dump.problems.append(f"{folder}: holds no artefact; expected files such as embeddings.npy or reference.rttm")
    return dump


def _with_declaration(dump: Dump) -> Dump:
    """The dump, with what `deviations.toml` in its folder says."""
    path = Path(str(dump.folder)) / FILE
    if path.is_file():
        dump.declared, problems = check_deviations(path)
        dump.problems += problems
    return dump


def dumps_below(path: Path) -> dict[str, Path]:
    """The dumps of a tree by their names; a folder that holds files of a dump itself is the only one, named ``.``.

    Raises
    ------
    InputError : there is nothing
    """
    if is_mapped(path):
        return recordings(path)
    if not path.is_dir():
        return {ALONE: path}
    entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    if any(entry.is_file() and entry.suffix in (*SUFFIXES, ".rttm") for entry in entries):
        return {ALONE: path}
    below = {entry.name: entry for entry in sorted(entries) if entry.is_dir() and not _only_folders(entry)}
    if not below:
        raise InputError(f"{path}: holds neither arrays nor RTTM nor folders of them; see docs/reference/dumps.md")
    return below


def _only_folders(path: Path) -> bool:
    """Whether a folder is a tree of its own, as `fixtures/rnnt` is among the recordings."""
    within = list(path.iterdir())
    return bool(within) and all(entry.is_dir() for entry in within)


def _passed_over(path: Path) -> bool:
    named = path.name in (MANIFEST, KIT) or path.name in OWN_NAMES or path.name.startswith(".")
    named = named or (path.name == FILE and path.is_file())
    named = named or (path.name == CONSTANTS and is_kit(path.parent))
    return named or path.suffix in OWN_SUFFIXES


def _read_manifest(dump: Dump) -> None:
    path = dump.folder / MANIFEST
    if not path.exists() and is_kit(dump.folder):
        dump.manifest = kit_manifest(dump.folder)
        return
    if not path.exists():
        return
    try:
        manifest = read_json(path)
    except (OSError, ValueError) as error:
        dump.problems.append(f"{path}: cannot be read as JSON ({one_line(error)})")
        return
    if not isinstance(manifest, dict):
        dump.problems.append(f"{path}: is a JSON {type(manifest).__name__}, expected an object")
        return
    try:
        dump.manifest = dict(check_manifest(path, manifest))
    except InputError as error:
        dump.problems.append(str(error))


def _add_arrays(dump: Dump, path: Path) -> None:
    contents = read_file(path)
    dump.notes += contents.notes
    dump.problems += contents.problems
    for key, array in contents.arrays.items():
        dump.found[path.name, key] = array
        name = _named(path, key)
        place = str(path) if name == path.stem else f"{path}: {name}"
        if name is None:
            dump.problems.append(_unknown(path, key))
        elif name in dump.places:
            dump.problems.append(f"{place}: {name} was in {dump.places[name]} already; one of them has to go")
        elif name in ARTEFACTS:
            dump.values[name], dump.places[name] = _signed(name, array), place
        elif name in BESIDE:
            dump.beside[name], dump.places[name] = array, place


def _signed(name: str, array: np.ndarray) -> np.ndarray:
    """Labels without a sign with one: -1 and -2 are told from them everywhere."""
    if array.dtype.kind != "u" or np.dtype(ARTEFACTS[name].dtype).kind != "i":
        return array
    return np.minimum(array.astype(np.uint64), np.uint64(np.iinfo(np.int64).max)).astype(np.int64)


def _named(path: Path, key: str | None) -> str | None:
    """The artefact in a file under a key; the empty name for what a snapshot has and nobody compares."""
    known = files()
    by_place = {(artefact.file, artefact.key): name for name, artefact in ARTEFACTS.items()}
    if (path.name, key) in by_place:
        return by_place[path.name, key]
    if path.name in known and key is not None:
        if key == "chunks":
            return f"{BY_CHUNK[path.name]}_chunks"
        return _beside(key) if key in known[path.name] else None
    name = path.stem if key is None else key
    arrays = [n for n in ARTEFACTS if n not in TEXTS]
    return name if name in (*arrays, *BESIDE) else None


def _beside(key: str) -> str:
    return key if key in BESIDE else ""


def _unknown(path: Path, key: str | None = None) -> str:
    if path.is_dir():
        return f"{path}: a folder inside a recording's folder; one folder per recording"
    arrays = [name for name in ARTEFACTS if name not in TEXTS]
    close = get_close_matches(path.stem if key is None else key, arrays, 1, 0.5)
    hint = f"; did you mean {close[0]}?" if close else "; names are in docs/reference/dumps.md"
    return (
        f"{path}: no artefact lies in a file of that name{hint}" if key is None else f"{path}: unknown key {key}{hint}"
    )


def _add_texts(dump: Dump, paths: Iterable[Path]) -> None:
    paths = list(paths)
    by_file = {file: name for name, names in TEXTS.items() for file in names}
    strange = [path for path in paths if path.name not in by_file]
    for path in paths:
        if path.name in by_file:
            _add_text(dump, by_file[path.name], path)
    if len(strange) == 1 and len(paths) == 1:
        dump.notes.append(f"{strange[0]}: taken for diarization.rttm, the only RTTM there is")
        _add_text(dump, "diarization", strange[0])
    else:
        known = ", ".join(sorted(by_file))
        dump.problems += [f"{path}: which RTTM is this? expected {known}" for path in strange]


def _add_text(dump: Dump, name: str, path: Path) -> None:
    if name in dump.places:
        dump.problems.append(f"{path}: {name} was in {dump.places[name]} already; one of them has to go")
        return
    try:
        dump.values[name], dump.places[name] = read_text(path, encoding="utf-8-sig"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        dump.problems.append(f"{path}: cannot be read as UTF-8 text ({error})")
