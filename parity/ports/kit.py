"""The starter kit: what somebody who ports the pipeline needs for one fixture, in a folder that any language reads.

Task: a fixture, its clip and its snapshot -> a folder with the clip as WAV, every captured artefact as a plain `.npy`
named by the artefact (little-endian, C order), both RTTMs, and a README with the stages in order, what each reads and
writes, formulas, constants and expected first values. The folder is itself a dump that the lab reads
(docs/reference/dumps.md). Stages and conventions come from the pipeline and its modules' docstrings, constants from
their code, values from the snapshot: nothing in the README is typed in twice.
"""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from parity.audio import resampled_length, resampling
from parity.community1 import (
    Parameters,
    ahc,
    annotation,
    assignment,
    audio,
    centroids,
    community1_pipeline,
    embeddings,
    fbank,
    filtering,
    geometry,
    kmeans,
    masks,
    plda,
    reconstruction,
    scoring,
    segmentation,
    speaker_counting,
    vbx,
)
from parity.community1.networks import without_networks
from parity.errors import InputError
from parity.files.whole import writing_folder
from parity.fixtures.catalogue import Fixture
from parity.fixtures.kits import KIT
from parity.fixtures.prepare import load_inputs
from parity.fixtures.snapshot import REFERENCE_VERSION, Snapshot, read_snapshot
from parity.measure.tolerances import tolerance
from parity.networks.wespeaker import graph
from parity.pipeline.artefact import ARTEFACTS, Artefact
from parity.ports.kit_document import described, write_constants

DEFAULT_FIXTURE = "14_partial_tail"
"""The smallest that goes through every stage but KMeans; its embeddings are one cluster, those of others more."""

CLIP, README = "clip.wav", "README.md"
TEMPLATES = Path(__file__).parents[1] / "report" / "templates"
FIRST = 4

MODULES: dict[str, ModuleType] = {
    "audio": audio,
    "segmentation": segmentation,
    "speaker_counting": speaker_counting,
    "masks": masks,
    "fbank": fbank,
    "embeddings": embeddings,
    "filter": filtering,
    "xvec": plda,
    "plda": plda,
    "ahc": ahc,
    "vbx": vbx,
    "kmeans": kmeans,
    "centroids": centroids,
    "scoring": scoring,
    "assignment": assignment,
    "reconstruction": reconstruction,
    "annotation": annotation,
}
"""Where each stage is described."""


@dataclass(frozen=True)
class Kit:
    """What was written.

    Attributes
    ----------
    files : how many
    size : bytes, all of them together
    """

    folder: Path
    files: int
    size: int


@dataclass(frozen=True)
class Expected:
    """An artefact of the kit, and enough of its numbers to see whether another one begins like it.

    Attributes
    ----------
    artefact : of the catalogue
    file : in the kit
    shape : as the README writes it
    at : index of the first number that is not 0, or of the very first where all are; "[]" where there is none at all
    first : the numbers from there on in C order, as the README writes them; "none" where there are none
    total : the sum of all numbers that are not NaN, float64
    chunks : the chunks that were kept, where not all of them were; None otherwise
    """

    artefact: Artefact
    file: str
    shape: str
    at: str
    first: str
    total: str
    chunks: tuple[int, ...] | None


def write_kit(
    folder: Path, fixture: Fixture, snapshot_folder: Path, plda: Mapping[str, np.ndarray] | None = None
) -> Kit:
    """Write a fixture's kit, whole or not at all.

    Parameters
    ----------
    folder : must not exist yet
    snapshot_folder : the fixture's, which may be another than the catalogue's
    plda : the weight set's arrays, which are written beside the artefacts; None leaves them out

    Raises
    ------
    InputError : the folder exists, the clip or the snapshot cannot be had or is of another clip, the disk is full
    """
    snapshot = read_snapshot(snapshot_folder)
    if snapshot.clip_sha256 != fixture.clip_sha256:
        raise InputError(
            f"{snapshot_folder}: captured from clip {snapshot.clip_sha256}, the catalogue pins {fixture.clip_sha256}"
        )
    arrays = arrays_of(snapshot)
    with writing_folder(folder) as temporary:
        clip = fixture.clip()
        inputs = load_inputs(clip)
        shutil.copyfile(clip, temporary / CLIP)
        for name, array in arrays.items():
            np.save(temporary / f"{name}.npy", array, allow_pickle=False)
        for artefact in _texts(snapshot):
            (temporary / artefact.file).write_text(snapshot.values[artefact.name], encoding="utf-8")
        write_constants(temporary, plda or {})
        text = json.dumps(described(temporary, fixture, snapshot, inputs), indent=1, ensure_ascii=False)
        (temporary / KIT).write_text(text + "\n", encoding="utf-8")
        size = _size(temporary)
        text = readme(fixture, snapshot, inputs, kilobytes=round(size / 1000))
        (temporary / README).write_text(text, encoding="utf-8")
    return Kit(folder, sum(path.is_file() for path in folder.rglob("*")), _size(folder))


def arrays_of(snapshot: Snapshot) -> dict[str, np.ndarray]:
    """Name of a `.npy` file -> array, little-endian, in C order: every artefact, and which chunks were kept of it."""
    found = {name: snapshot.values[name] for name in ARTEFACTS if isinstance(snapshot.values.get(name), np.ndarray)}
    found |= {f"{name}_chunks": chunks for name, chunks in snapshot.chunks.items() if name in found}
    if snapshot.segmentation_gap is not None:
        found["segmentation_gap"] = snapshot.segmentation_gap
    return {name: _plain(array) for name, array in found.items()}


def readme(fixture: Fixture, snapshot: Snapshot, inputs: Mapping[str, Any], *, kilobytes: int) -> str:
    """The kit's README.

    Parameters
    ----------
    inputs : `samples` (channels, n) and `sample_rate` in Hz, of the clip
    kilobytes : 1000 bytes each, of everything else in the kit
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # here: most who import this room write no kit

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )  # Markdown, not HTML: nothing to escape
    parameters, (channels, samples) = _parameters(fixture, snapshot), inputs["samples"].shape
    text = environment.get_template("kit.md.j2").render(
        fixture=fixture,
        snapshot=snapshot,
        version=REFERENCE_VERSION,
        seconds=samples / inputs["sample_rate"],
        rate=inputs["sample_rate"],
        channels=channels,
        kilobytes=kilobytes,
        chunks=geometry.num_chunks(resampled_length(samples, inputs["sample_rate"])),
        stages=list(community1_pipeline(without_networks(), parameters)),
        artefacts=ARTEFACTS,
        expected=expected_values(snapshot),
        texts=_texts(snapshot),
        told=told,
        limit=lambda name, mode: tolerance(name, mode).max_abs,
        parameters=parameters,
        code={"graph": graph}
        | {module.__name__.rpartition(".")[2]: module for module in (*MODULES.values(), geometry, resampling)},
    )
    return text.rstrip("\n") + "\n"


def told(stage: str) -> str:
    """What a stage's module says of it after its first line: source and conventions, one paragraph."""
    documented = inspect.getdoc(MODULES[stage]) or ""
    return " ".join(documented.partition("\n\n")[2].split())


def expected_values(snapshot: Snapshot) -> dict[str, Expected]:
    """By artefact: what the README says of its numbers."""
    segmentations = snapshot.values.get("segmentations")
    found = {}
    for name, array in arrays_of(snapshot).items():
        if name not in ARTEFACTS:
            continue
        chunks = snapshot.chunks.get(name)
        start = int(np.argmax(array.ravel() != 0)) if array.size else 0
        partial = chunks is not None and segmentations is not None and len(chunks) < len(segmentations)
        found[name] = Expected(
            artefact=ARTEFACTS[name],
            file=f"{name}.npy",
            shape=f"({', '.join(map(str, array.shape))}{',' if array.ndim == 1 else ''})",
            at=str([int(i) for i in np.unravel_index(start, array.shape)]) if array.size else "[]",
            first=", ".join(_number(value) for value in array.ravel()[start : start + FIRST]) or "none",
            total=_number(np.nansum(array, dtype=np.float64)),
            chunks=tuple(map(int, chunks)) if chunks is not None and partial else None,
        )
    return found


def _plain(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


def _number(value: Any) -> str:
    """As many digits as tell one float32 from its neighbours; whole numbers as such."""
    return f"{float(value):.9g}"


def _texts(snapshot: Snapshot) -> list[Artefact]:
    return [artefact for artefact in ARTEFACTS.values() if isinstance(snapshot.values.get(artefact.name), str)]


def _parameters(fixture: Fixture, snapshot: Snapshot) -> Parameters:
    """What the capture ran with; the published defaults where its manifest does not say."""
    named: Mapping[str, Any] = snapshot.manifest.get("parameters", {})
    known = {name: named[name] for name in Parameters.__dataclass_fields__ if named.get(name) is not None}
    return Parameters(**{**known, **fixture.speakers})


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
