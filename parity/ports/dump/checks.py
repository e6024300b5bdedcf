"""Everything that is wrong with a dump, said at once: structure first, then values of what has the right structure.

Conventions: sizes are compared with the first artefact, in the pipeline's order, that has the same letter; the number
of frames may be one off, at the end, and numbers may be float32 where the reference has float64: both are said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from parity.community1.geometry import num_frames
from parity.files.whole import sha256_file
from parity.fixtures.snapshot import FIXED_DIMS, MANIFEST
from parity.fixtures.values import wrong_dendrogram
from parity.pipeline.artefact import ARTEFACTS, MAY_BE_INFINITE, MAY_HOLD_NAN, Artefact
from parity.ports.dump.reading import Dump
from parity.ports.dump.rttm import check_rttm

ZERO_ONE = {"segmentations", "masks", "discrete_diarization", "exclusive_discrete_diarization"}
END_FRAME = {"F", "frames"}  # dims that may be one off: ports end a chunk, or the recording, a frame earlier or later

Sizes = dict[str, tuple[int, str]]


def check_dump(dump: Dump) -> tuple[list[str], list[str]]:
    """All problems of a dump, those of reading it included, and notes on what was converted or passed over.

    Returns
    -------
    problems, notes : one line each
    """
    structure, notes, sound = check_structure(dump)
    return [*dump.problems, *_manifest(dump), *structure, *check_values(dump, sound)], [*dump.notes, *notes]


def check_structure(dump: Dump) -> tuple[list[str], list[str], set[str]]:
    """Dtypes, dims, and sizes that artefacts share.

    Returns
    -------
    problems, notes : one line each
    sound : the artefacts in which nothing is wrong
    """
    problems, notes, sound = [], [], set()
    sizes: Sizes = {letter: (size, "the format") for letter, size in FIXED_DIMS.items()}
    for name, artefact in ARTEFACTS.items():
        value = dump.values.get(name)
        if value is None or artefact.dtype == "text":
            continue
        wrong, said = _dtype(artefact, value)
        fits, more = _dims(artefact, value, sizes, dump)
        place = dump.places[name]
        if not (wrong or fits):
            sound.add(name)
        problems += [f"{place}: {text}" for text in (*wrong, *fits)]
        notes += [f"{place}: {text}" for text in (*said, *more)]
    return problems + (_gap(dump) if "segmentations" in sound else []), notes, sound


def _dtype(artefact: Artefact, value: np.ndarray) -> tuple[list[str], list[str]]:
    kind, wanted = value.dtype.kind, np.dtype(artefact.dtype).kind
    whole = wanted in "iu" or artefact.name in ZERO_ONE
    if kind == "f" and wanted in "iu":
        return [f"is {value.dtype}, expected integers ({artefact.dtype})"], []
    if kind in "biu" and not whole:
        return [f"is {value.dtype}, expected {artefact.dtype}"], []
    if kind == "b" and artefact.name not in ZERO_ONE:
        return [f"is bool, expected integers ({artefact.dtype})"], []
    return [], [] if value.dtype == artefact.dtype else [f"{value.dtype} for {artefact.dtype}"]


def _dims(artefact: Artefact, value: np.ndarray, sizes: Sizes, dump: Dump) -> tuple[list[str], list[str]]:
    shape = f"({', '.join(map(str, value.shape))})"
    if value.ndim != len(artefact.dims):
        return [f"has shape {shape}, expected the {len(artefact.dims)} dims ({', '.join(artefact.dims)})"], []
    problems, notes, wrong = [], [], []
    subset = artefact.by_chunk and f"{artefact.name}_chunks" in dump.beside
    if subset:
        problems += _subset(artefact, dump)
    for letter, size in zip(artefact.dims, value.shape, strict=True):
        if (letter == "C" and subset) or letter == "speakers":
            continue
        letter, size = ("T", size + 1) if letter == "T-1" else (letter, size)
        wanted, owner = _wanted(letter, size, artefact.name, sizes, dump.chunk_step)
        if abs(size - wanted) == 1 and letter in END_FRAME:
            notes.append(f"one frame {'more' if size > wanted else 'less'} than {owner} has ({size}, not {wanted})")
        elif size != wanted:
            wrong.append(f"{letter} = {size}, {owner} has {wanted}")
        sizes.setdefault(letter, (size, artefact.name))
    if wrong:
        problems.append(f"has shape {shape}, expected ({', '.join(artefact.dims)}): {'; '.join(wrong)}")
    return problems, notes


def _wanted(letter: str, size: int, name: str, sizes: Sizes, step: float) -> tuple[int, str]:
    """How long a dim has to be, and who says so."""
    if letter.isdigit():
        return int(letter), "the format"
    if letter == "frames" and letter not in sizes and "C" in sizes:
        chunks, owner = sizes["C"]
        sizes[letter] = (num_frames(chunks, step), f"{chunks} chunks ({owner})")
    return sizes.get(letter, (size, name))


def _subset(artefact: Artefact, dump: Dump) -> list[str]:
    chunks, rows = dump.beside[f"{artefact.name}_chunks"], len(dump.values[artefact.name])
    if chunks.ndim != 1 or chunks.dtype.kind not in "iu" or len(chunks) != rows:
        return [f"{artefact.name}_chunks is {chunks.dtype} {chunks.shape}; expected the {rows} chunks' numbers"]
    total = len(dump.values["segmentations"]) if np.ndim(dump.values.get("segmentations", 0)) else None
    if len(chunks) and (chunks[0] < 0 or np.any(np.diff(chunks) <= 0) or (total and chunks[-1] >= total)):
        return [f"{artefact.name}_chunks {chunks[:6].tolist()}… are not ascending numbers of {total or 'the'} chunks"]
    return []


def _gap(dump: Dump) -> list[str]:
    gap, segmentations = dump.beside.get("segmentation_gap"), dump.values["segmentations"]
    if gap is None:
        return []
    if gap.shape == segmentations.shape[:2] and gap.dtype.kind == "f":
        return []
    place = dump.places["segmentation_gap"]
    return [f"{place}: is {gap.dtype} {gap.shape}, expected floats of shape {segmentations.shape[:2]}"]


def check_values(dump: Dump, sound: set[str]) -> list[str]:
    """What is wrong inside artefacts of the right structure, and in RTTM text."""
    problems = []
    for name in [name for name in ARTEFACTS if name in dump.values]:
        value, place = dump.values[name], dump.places[name]
        if ARTEFACTS[name].dtype == "text":
            problems += check_rttm(place, value)
        elif name in sound:
            problems += [f"{place}: {text}" for text in _wrong(name, dump, sound)]
    return problems


def well_formed(dump: Dump) -> set[str]:
    """The arrays in which nothing is wrong, neither structure nor values."""
    _, _, sound = check_structure(dump)
    return {name for name in sound if not _wrong(name, dump, sound)}


def _wrong(name: str, dump: Dump, sound: set[str]) -> list[str]:
    value = dump.values[name]
    return [*_not_numbers(name, value), *_RULES.get(name, _no_rule)(value, _sound(dump, sound))]


def _sound(dump: Dump, sound: set[str]) -> dict[str, Any]:
    return {name: dump.values[name] for name in sound}


def _not_numbers(name: str, value: np.ndarray) -> list[str]:
    if value.dtype.kind != "f":
        problems = []
    else:
        nan, infinite = np.isnan(value), np.isinf(value)
        problems = _count("NaN", nan) if name not in MAY_HOLD_NAN else []
        problems += _count("infinite", infinite) if name not in MAY_BE_INFINITE else []
    if name in ZERO_ONE:
        odd = (value != 0) & (value != 1) & ~np.isnan(value)
        problems += _count("neither 0 nor 1", odd)
    return problems


def _count(what: str, where: np.ndarray) -> list[str]:
    if not where.any():
        return []
    first = tuple(int(i) for i in np.argwhere(where)[0])
    return [f"{int(where.sum())} of {where.size} values are {what}, the first at {list(first)}"]


def _no_rule(value: np.ndarray, others: Mapping[str, Any]) -> list[str]:
    return []


def _below(letter: str) -> Callable[[np.ndarray, Mapping[str, Any]], list[str]]:
    """A rule: integers from 0 up to the size of a dim of another artefact."""

    def rule(value: np.ndarray, others: Mapping[str, Any]) -> list[str]:
        limit = _size(letter, others)
        outside = (value < 0) | (value >= limit if limit is not None else False)
        return _count(f"outside 0 to {'…' if limit is None else limit - 1}", outside)

    return rule


def _size(letter: str, others: Mapping[str, Any]) -> int | None:
    if letter == "S":
        return FIXED_DIMS["S"]
    for name, value in others.items():
        dims = ARTEFACTS[name].dims
        if letter in dims and not ARTEFACTS[name].by_chunk:
            return value.shape[dims.index(letter)]
    return None


def _clusters(value: np.ndarray, others: Mapping[str, Any]) -> list[str]:
    limit = _size("K", others)
    problems = _count("below -2 or -1; nobody is -2", (value < -2) | (value == -1))
    if limit is None:
        return problems + _count(f"above {value.size - 1}, more clusters than embeddings", value >= value.size)
    return problems + _count(f"above {limit - 1}, the last of {limit} clusters", value >= limit)


def _dendrogram(value: np.ndarray, others: Mapping[str, Any]) -> list[str]:
    wrong = wrong_dendrogram(value)
    return [wrong] if wrong else []


def _exclusive(value: np.ndarray, others: Mapping[str, Any]) -> list[str]:
    return _count("frames with more than one speaker", np.sum(value, axis=1) > 1)


def _order(value: np.ndarray, others: Mapping[str, Any]) -> list[str]:
    problems = _below("C")(value, others)
    return problems + (
        ["not ascending: training embeddings are in order of chunks"] if np.any(np.diff(value) < 0) else []
    )


_RULES: dict[str, Callable[[np.ndarray, Mapping[str, Any]], list[str]]] = {
    "train_chunk_idx": _order,
    "train_speaker_idx": _below("S"),
    "ahc_clusters": _below("T"),
    "kmeans_clusters": _below("T"),
    "hard_clusters": _clusters,
    "dendrogram": _dendrogram,
    "exclusive_discrete_diarization": _exclusive,
}


def _manifest(dump: Dump) -> list[str]:
    """Where a manifest lies; one that promises nothing cannot."""
    if not dump.manifest:
        return []
    place = dump.folder / MANIFEST
    listed, described = dump.manifest.get("artifacts", {}), dump.manifest.get("arrays", {})
    if not isinstance(listed, dict) or not isinstance(described, dict):
        return [f"{place}: `artifacts` and `arrays` are objects with a file's name as key"]
    return [*_hashes(dump, place, listed), *_described(dump, place, described)]


def _hashes(dump: Dump, place: Any, listed: Mapping[str, Any]) -> list[str]:
    problems = []
    for name, expected in sorted(listed.items()):
        path = dump.folder / name
        if "/" in name or "\\" in name or not path.is_file():
            problems.append(f"{place}: lists {name}, which is not there")
        elif (got := sha256_file(path)) != expected:
            problems.append(
                f"{place}: {name} has sha256 {str(expected)[:12]}…, the file has {got[:12]}…: altered since"
            )
    held = {file for file, _ in dump.found} | {str(p).rpartition("/")[2] for n, p in dump.places.items() if _is_text(n)}
    unlisted = sorted(held - set(listed)) if listed else []
    return problems + [f"{place}: does not list {name}, which is there" for name in unlisted]


def _is_text(name: str) -> bool:
    return name in ARTEFACTS and ARTEFACTS[name].dtype == "text"


def _described(dump: Dump, place: Any, described: Mapping[str, Any]) -> list[str]:
    problems = []
    for file, keys in sorted(described.items()):
        for key, said in sorted(keys.items()) if isinstance(keys, dict) else ():
            array = dump.found.get((file, key or None))
            said = said if isinstance(said, dict) else {}
            label = f"{file}: {key}" if key else file
            if array is None:
                problems.append(f"{place}: describes {label}, which is not there or cannot be read")
                continue
            got = {"dtype": array.dtype.name, "shape": list(array.shape)}
            said = {**said, "dtype": _dtype_name(said.get("dtype", got["dtype"]))}
            problems += [
                f"{place}: {label} has {what} {said[what]}, the file has {got[what]}"
                for what in got
                if what in said and said[what] != got[what]
            ]
    return problems


def _dtype_name(said: Any) -> Any:
    """A dtype's name without its byte order, which was converted away; as it stands where it is none."""
    try:
        return np.dtype(said).name
    except TypeError:
        return said
