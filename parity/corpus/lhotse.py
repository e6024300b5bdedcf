"""Lhotse's manifests of recordings and of supervisions, as rows of a manifest and RTTM files.

Task: `recordings.jsonl.gz` and `supervisions.jsonl.gz`, one JSON object in each line (the form that lhotse 1.33 writes
with `to_file`; read as it is, so that lhotse, which loads torch, need not be there) -> rows, and the turns of each
recording. Cuts are not read: they are parts of recordings, and the pipeline hears whole ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from parity.community1.annotation import Turn, to_rttm
from parity.corpus.layouts import Row
from parity.corpus.manifest import NAME, said_at_once
from parity.errors import InputError, one_line
from parity.files.documents import MOST_BYTES, parse_json, read_bytes
from parity.files.whole import writing_folder

ENDINGS = (".jsonl", ".jsonl.gz")
MOST_SECONDS = 1e6
GZIP = 31
"""What tells zlib that a header of gzip's comes first."""


@dataclass(frozen=True)
class Lhotse:
    """What two manifests say.

    Attributes
    ----------
    audio : recording -> its file
    turns : recording -> who speaks when, in the order of the supervisions; nobody where there are none
    """

    audio: Mapping[str, Path]
    turns: Mapping[str, list[Turn]]


def read_lhotse(recordings: Path, supervisions: Path) -> Lhotse:
    """Both manifests.

    Raises
    ------
    InputError : one cannot be read, or anything in it is wrong or more than a file heard whole: all of it at once
    """
    wrong: list[str] = []
    audio: dict[str, Path] = {}
    for number, row in enumerate(_objects(recordings), start=1):
        name, said = row.get("id"), _wrong_recording(row, recordings.parent)
        if isinstance(name, str) and name in audio:
            said.append(f"{name} is there already")
        wrong += [f"{recordings.name} line {number}: {words}" for words in said]
        if not said:
            audio[str(name)] = _place(row["sources"][0]["source"], recordings.parent)
    turns: dict[str, list[Turn]] = {name: [] for name in audio}
    for number, row in enumerate(_objects(supervisions), start=1):
        said = _wrong_supervision(row, turns)
        wrong += [f"{supervisions.name} line {number}: {words}" for words in said]
        if not said:
            start, end = float(row["start"]), float(row["start"]) + float(row["duration"])
            own = turns[row["recording_id"]]
            own.append(Turn(start, end, str(len(own)), "_".join(row["speaker"].split())))
    if not audio and not wrong:
        wrong.append("no recordings in it")
    if wrong:
        raise InputError(f"{recordings}: {said_at_once(wrong)}")
    return Lhotse(audio, turns)


def rows_with_rttm(found: Lhotse, out: Path, dataset: str) -> list[Row]:
    """Rows for `parity.corpus.layouts.write_manifest`; RTTM files go into a folder beside the manifest.

    Parameters
    ----------
    out : the manifest that will be written; `corpus.csv` has its RTTM files in `corpus-rttm`

    Raises
    ------
    InputError : that folder is there already, or cannot be written
    """
    folder = out.with_name(f"{out.stem}-rttm")
    with writing_folder(folder) as temporary:
        for name, turns in found.turns.items():
            (temporary / f"{name}.rttm").write_text(to_rttm(turns, name), encoding="utf-8")
    return [
        {"recording": name, "audio": str(path.resolve()), "human_rttm": str((folder / f"{name}.rttm").resolve()),
         "dataset": dataset}
        for name, path in sorted(found.audio.items())
    ]  # fmt: skip


def _objects(path: Path) -> list[dict[str, Any]]:
    if not path.name.endswith(ENDINGS):
        raise InputError(f"{path}: a manifest of Lhotse's is {' or '.join(ENDINGS)}")
    try:
        data = read_bytes(path)
        text = (_unpacked(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        rows = [parse_json(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read as a manifest of Lhotse's ({one_line(error, 160)})") from error
    if odd := next((number for number, row in enumerate(rows, start=1) if not isinstance(row, dict)), None):
        raise InputError(f"{path}: line {odd} is no object")
    return rows


def _unpacked(data: bytes) -> bytes:
    unpacking = zlib.decompressobj(GZIP)
    text = unpacking.decompress(data, MOST_BYTES)
    if unpacking.unconsumed_tail:
        raise ValueError(f"it has more than {MOST_BYTES >> 20} MB unpacked")
    if not unpacking.eof:
        raise ValueError("it ends too soon")
    return text


def _place(source: str, folder: Path) -> Path:
    """A source's file: as it is said, from here as Lhotse takes it, or from where the manifest lies."""
    return Path(source) if Path(source).is_file() else folder / source


def _wrong_recording(row: Mapping[str, Any], folder: Path) -> list[str]:
    name, sources = row.get("id"), row.get("sources")
    said = []
    if not isinstance(name, str) or not NAME.fullmatch(name):
        said.append(f"id {name!r:.80} makes no name of a recording (letters, digits, '_', '-', '+' and '.')")
    if row.get("transforms"):
        said.append("it has transforms: what is heard is not what its file holds; save the audio first")
    one = sources[0] if isinstance(sources, list) and len(sources) == 1 else None
    source = one.get("source") if isinstance(one, dict) and one.get("type") == "file" else None
    if not isinstance(source, str):
        said.append("its sources are not one file")
    elif not _is_file(_place(source, folder)):
        said.append(f"no such file: {source:.200}")
    return said


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _wrong_supervision(row: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    said = []
    if not isinstance(row.get("recording_id"), str) or row["recording_id"] not in known:
        said.append(f"recording_id {row.get('recording_id')!r:.80} is none of the recordings")
    if not isinstance(row.get("speaker"), str) or not row["speaker"].split():
        said.append("nobody is its speaker")
    start, duration = row.get("start"), row.get("duration")
    if not _is_number(start) or not _is_number(duration):
        said.append("start and duration are not both numbers")
    elif not (0 <= start <= MOST_SECONDS and 0 < duration <= MOST_SECONDS):
        said.append(f"start {start} and duration {duration} are no part of a recording")
    return said


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
