"""`kit.json`: what lies in a porting kit, for programs; and the constants beside the artefacts.

Names, dims, units, readers and tolerances come from the catalogue and the pipeline, formulas from the code that
computes them, tie rules from the stages' own descriptions: nothing is typed in twice.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from parity.audio import resampled_length
from parity.community1 import Parameters, community1_pipeline, geometry
from parity.community1.networks import without_networks
from parity.errors import InputError
from parity.files.arrays import read_file
from parity.files.whole import sha256_file
from parity.fixtures.catalogue import Fixture
from parity.fixtures.kits import CONSTANTS, SCHEMA
from parity.fixtures.snapshot import Snapshot
from parity.measure.tolerances import tolerance
from parity.pipeline.artefact import ARTEFACTS
from parity.replay.engine import CASCADED, ISOLATED

TIES = re.compile(r"\b(tie|ties|tied|equals|ordered by|in the order)\b")


def write_constants(folder: Path, plda: Mapping[str, np.ndarray]) -> None:
    """The PLDA's arrays, one `.npy` each, little-endian, in C order."""
    if not plda:
        return
    (folder / CONSTANTS).mkdir()
    for name, array in sorted(plda.items()):
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        np.save(folder / CONSTANTS / f"plda_{name}.npy", plain, allow_pickle=False)


def described(folder: Path, fixture: Fixture, snapshot: Snapshot, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """`kit.json` of what was written to a folder so far.

    Parameters
    ----------
    inputs : `samples` (channels, n) and `sample_rate` in Hz, of the clip
    """
    channels, samples = inputs["samples"].shape
    chunks = geometry.num_chunks(resampled_length(samples, inputs["sample_rate"]))
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    manifest = {key: value for key, value in snapshot.manifest.items() if key not in ("artifacts", "arrays")}
    return {
        "schema": SCHEMA,
        "fixture": fixture.name,
        "samples": samples,
        "sample_rate": inputs["sample_rate"],
        "channels": channels,
        "num_chunks": {"value": chunks, "formula": formula(geometry.num_chunks)},
        "num_frames": {"value": geometry.num_frames(chunks), "formula": formula(geometry.num_frames)},
        "artefacts": [_artefact(name, snapshot) for name in ARTEFACTS if name in snapshot.values],
        "constants": [_constant(folder, name) for name in files if name.startswith(f"{CONSTANTS}/")],
        "ties": tie_rules(),
        "companions": _companions(snapshot),
        "manifest": manifest,
        "files": {name: sha256_file(folder / name) for name in files},
    }


def formula(function: Any) -> str:
    """The body of a short function as it stands in the code, with the constants it names."""
    lines = inspect.getsource(function).splitlines()
    body = " ; ".join(line.strip() for line in lines[1:] if line.strip() and not line.strip().startswith('"""'))
    names = sorted({word for word in re.findall(r"\b[A-Z][A-Z_]+\b", body) if hasattr(geometry, word)})
    values = {name: getattr(geometry, name) for name in names}
    values |= {n: p.default for n, p in inspect.signature(function).parameters.items() if p.default is not p.empty}
    return f"{body}, with {', '.join(f'{name} = {value!r}' for name, value in values.items())}" if values else body


def tie_rules() -> dict[str, list[str]]:
    """Stage -> what its description says of ties and of order."""
    from parity.ports.kit import MODULES, told

    said = {stage: re.split(r"(?<=[.;])\s+", told(stage)) for stage in MODULES}
    found = {stage: [words for words in sentences if TIES.search(words)] for stage, sentences in said.items()}
    return {stage: sentences for stage, sentences in found.items() if sentences}


def _artefact(name: str, snapshot: Snapshot) -> dict[str, Any]:
    artefact, value = ARTEFACTS[name], snapshot.values[name]
    stages = {stage.name: stage for stage in community1_pipeline(without_networks(), Parameters())}
    chunks = snapshot.chunks.get(name)
    text = artefact.dtype == "text"
    return {
        "name": name,
        "stage": artefact.stage,
        "file": artefact.file if text else f"{name}.npy",
        "dtype": artefact.dtype if text else value.dtype.name,
        "dims": list(artefact.dims),
        "shape": None if text else list(value.shape),
        "unit": artefact.unit,
        "reads": list(stages[artefact.stage].reads),
        "tolerance": {mode: tolerance(name, mode).max_abs for mode in (ISOLATED, CASCADED)},
        "chunks": None if chunks is None else chunks.tolist(),
    }


def _constant(folder: Path, file: str) -> dict[str, Any]:
    contents = read_file(folder / file)
    if contents.problems:
        raise InputError(contents.problems[0])
    array = contents.arrays[None]
    return {"name": Path(file).stem, "file": file, "dtype": array.dtype.name, "shape": list(array.shape)}


def _companions(snapshot: Snapshot) -> dict[str, dict[str, Any]]:
    """What was recorded beside the artefacts and has no `.npy` of its own."""
    found: dict[str, dict[str, Any]] = {}
    # Which chunks those are is in NAME_chunks.npy, where the file holds an array of them.
    written = {snapshot.layout.artefacts[name].file for name in snapshot.chunks}
    for (file, key), value in snapshot.companions.items():
        if key != "segmentation_gap" and not (key == "chunks" and file in written):
            found.setdefault(file, {})[key] = np.asarray(value).tolist()
    return found
