"""What passes between the lab and a program: a folder of arrays and numbers in, a folder of arrays out.

Task: artefacts -> `IN/<artefact>.npy` and `IN/parameters.json`; what lies in OUT -> artefacts, judged strictly. An
artefact that the pipeline did not make on this recording (no VBx where there is nothing to cluster) has no file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from parity.community1.annotation import from_rttm, to_rttm
from parity.errors import InputError, one_line
from parity.files.arrays import read_file
from parity.files.documents import read_text
from parity.fixtures.snapshot import FIXED_DIMS
from parity.pipeline.artefact import Artefact, find
from parity.pipeline.stage import Artefacts, Stage
from parity.ports.python import check_artefact

PARAMETERS = "parameters.json"
TENSORS = "arrays.safetensors"
"""The one file that holds all arrays, by artefact, where a program takes `safetensors` first."""

MAY_BE_SINGLE = {"centroids", "soft_clusters"}
"""Float32 in the reference too, where a number of speakers is imposed: means of float32 embeddings."""

OWN_SIZE = "speakers"
"""What no two artefacts need to have in common: the plain diarization has a column more than the exclusive one where
the count exceeds the clusters."""

CLOCK = 2.0
"""Seconds by which a file may seem older than the request that it answers: what clocks of file systems differ by."""


def write_inputs(
    folder: Path, values: Mapping[str, Any], parameters: Mapping[str, Any], formats: tuple[str, ...] = ("npy",)
) -> None:
    """Write what a stage reads.

    Parameters
    ----------
    values : artefact -> array, or turns; those that are None have no file
    parameters : plain numbers and texts
    formats : of `parity.ports.program.contract.FORMATS`; the first one is written
    """
    there = {name: value for name, value in values.items() if value is not None}
    arrays = {name: np.ascontiguousarray(value) for name, value in there.items() if not isinstance(value, list)}
    if formats[0] == "safetensors":
        from safetensors.numpy import save_file

        save_file(arrays, str(folder / TENSORS))
    else:
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
    for name in there.keys() - arrays.keys():
        text = to_rttm(there[name], str(parameters.get("uri", "recording")))
        (folder / f"{name}.rttm").write_text(text, encoding="utf-8")
    text = json.dumps(dict(parameters), ensure_ascii=False) + "\n"
    (folder / PARAMETERS).write_text(text, encoding="utf-8")


def read_outputs(
    folder: Path,
    stage: Stage,
    read: Mapping[str, Any],
    formats: tuple[str, ...] = ("npy",),
    since: float = 0.0,
    chunks: Sequence[int] | None = None,
) -> Artefacts:
    """What a stage wrote, every artefact of it.

    Parameters
    ----------
    read : artefacts that the stage was given, whose sizes are binding
    formats : in which arrays may lie there
    since : when the program was asked, seconds since 1970
    chunks : first chunk and the one after the last, where it was asked for some only

    Raises
    ------
    InputError : one line, without a place, of the first thing that is wrong: a file missing, too many, no plain file,
        older than the request, half; another dtype or shape, NaN where none may be, turns that are none
    """
    try:
        files = {entry.name: Path(entry.path) for entry in os.scandir(folder)}
    except OSError as error:
        raise InputError(f"OUT is not the folder that it was ({error.strerror})") from None
    expected = _expected(stage, formats)
    if odd := sorted(set(files) - set(expected)):
        raise InputError(
            f"wrote {', '.join(odd[:3])}, which the stage does not write; expected {_names(stage, formats)}"
        )
    for name, path in files.items():
        _check_file(name, path, since)
    values: Artefacts = {}
    for name, path in files.items():
        values |= _values(name, path, values)
    if missing := [name for name in stage.writes if name not in values]:
        raise InputError(f"wrote no {', '.join(missing)}; expected {_names(stage, formats)} in OUT")
    if extra := [name for name in values if name not in stage.writes]:
        raise InputError(f"{TENSORS} holds {', '.join(extra)}, which the stage does not write")
    sizes = _sizes(read)
    if chunks is not None:
        sizes["C"] = chunks[1] - chunks[0], "the range asked for"
    for name in stage.writes:
        _check_value(find(name), values[name], sizes)
    return {name: values[name] for name in stage.writes}


def _expected(stage: Stage, formats: tuple[str, ...]) -> list[str]:
    texts = [name for name in stage.writes if find(name).dtype == "text"]
    arrays = [name for name in stage.writes if name not in texts]
    names = [f"{name}.rttm" for name in texts]
    names += [f"{name}.npy" for name in arrays] if "npy" in formats else []
    return names + ([TENSORS] if "safetensors" in formats and arrays else [])


def _names(stage: Stage, formats: tuple[str, ...]) -> str:
    if not stage.writes:
        return "nothing: the reference does not run the stage there"
    return f"{', '.join(stage.writes)} as {' or '.join(_endings(stage, formats))}"


def _endings(stage: Stage, formats: tuple[str, ...]) -> list[str]:
    return [".rttm"] if find(stage.writes[0]).dtype == "text" else [f".{ending}" for ending in formats]


def _check_file(name: str, path: Path, since: float) -> None:
    if path.is_symlink() or not path.is_file():
        raise InputError(f"{name} in OUT is no plain file")
    if path.stat().st_mtime < since - CLOCK:
        raise InputError(f"{name} is older than the request: a file that was there before, not an answer to it")


def _values(name: str, path: Path, before: Artefacts) -> Artefacts:
    if name.endswith(".rttm"):
        try:
            found: Artefacts = {path.stem: from_rttm(read_text(path))}
        except (ValueError, OSError) as error:
            raise InputError(f"{name}: {one_line(error)}") from None
    else:
        contents = read_file(path)
        if contents.problems:
            raise InputError(one_line(contents.problems[0]).replace(str(path), name))
        found = {path.stem if key is None else key: array for key, array in contents.arrays.items()}
    if twice := sorted(set(found) & set(before)):
        raise InputError(f"wrote {', '.join(twice)} twice, as .npy and in {TENSORS}")
    return found


def _check_value(artefact: Artefact, value: Any, sizes: dict[str, tuple[int, str]]) -> None:
    """Exact dtype, and sizes that agree with what was read and with each other; what it says of itself is added."""
    if artefact.dtype == "text":
        check_artefact("OUT", artefact, value)
        return
    if value.dtype != artefact.dtype and (artefact.name not in MAY_BE_SINGLE or value.dtype != np.float32):
        raise InputError(f"{artefact.name} is {value.dtype}, expected {artefact.dtype}")
    if value.ndim == len(artefact.dims):
        for letter, size in zip(artefact.dims, value.shape, strict=True):
            want, whose = (None, "") if letter == OWN_SIZE else _size(letter, sizes)
            if want is not None and want != size:
                dims = ", ".join(artefact.dims)
                raise InputError(
                    f"{artefact.name} has shape {value.shape}, expected ({dims}) with {letter} = {want}, as {whose} has"
                )
            sizes.setdefault(letter, (size, artefact.name))
    check_artefact("OUT", artefact, value)


def _sizes(read: Mapping[str, Any]) -> dict[str, tuple[int, str]]:
    """Letter -> the size that inputs have along it, and which input says so."""
    sizes = {letter: (size, "every recording") for letter, size in FIXED_DIMS.items()}
    for name, value in read.items():
        if not isinstance(value, np.ndarray) or name == "waveform":
            continue
        for letter, size in zip(_dims(name), value.shape, strict=False):
            if not letter.isdigit():
                sizes.setdefault(letter, (size, name))
    return sizes


def _dims(name: str) -> tuple[str, ...]:
    try:
        return find(name).dims
    except KeyError:  # a pipeline's own input
        return ()


def _size(letter: str, sizes: Mapping[str, tuple[int, str]]) -> tuple[int | None, str]:
    if letter.isdigit():
        return int(letter), "every recording"
    if letter == "T-1" and "T" in sizes:
        return sizes["T"][0] - 1, sizes["T"][1]
    return sizes.get(letter, (None, ""))
