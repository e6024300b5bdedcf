"""A folder of audio and RTTM, in any of the layouts that corpora come in, as rows of a manifest.

Task: AMI (`ES2002a/audio/ES2002a.Mix-Headset.wav`, `rttms/train/ES2002a.rttm`, `uems/train/ES2002a.uem`), VoxConverse
(`audio/abjxc.wav`, `dev/abjxc.rttm`), DIHARD and CALLHOME (`flac/DH_1.flac`, `rttm/DH_1.rttm`, `uem/DH_1.uem`, or one
RTTM or UEM of all recordings) and a plain folder of WAV and RTTM have this in common: files of one recording bear its
name, up to their ending or up to their first dot, in whatever folder they lie. So that is what is looked for.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

from parity.corpus.manifest import COLUMNS, NAME, said_at_once
from parity.errors import InputError, one_line
from parity.files.documents import read_text
from parity.files.whole import write_text

AUDIO = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".sph"}

Row = dict[str, str]


def rows_of(folder: Path, dataset: str = "") -> list[Row]:
    """One row for each audio file, by name; paths are absolute.

    Parameters
    ----------
    dataset : what the rows are called a part of; the folder's name by default

    Raises
    ------
    InputError : no such folder, no audio in it, no RTTM in it, or anything about names is not plain: all of it at once
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; expected one with audio and RTTM files in it")
    audio = [path for path in _files(folder) if path.suffix.lower() in AUDIO]
    rttm, rttm_of_all = _by_recording(folder, ".rttm", 1)
    uem, uem_of_all = _by_recording(folder, ".uem", 0)
    wrong, rows, seen = [], [], dict[str, Path]()
    for path in audio:
        name = _name(path, {*rttm, *rttm_of_all})
        if not NAME.fullmatch(name):
            wrong.append(f"{path}: {name!r:.60} makes no name of a recording")
        elif name in seen:
            wrong.append(f"{path}: {seen[name]} is {name} too; one audio file for each recording, please")
        seen.setdefault(name, path)
        files = {
            "audio": path,
            "human_rttm": rttm.get(name) or rttm_of_all.get(name),
            "uem": uem.get(name) or uem_of_all.get(name),
        }
        found = {column: str(file.resolve()) for column, file in files.items() if file is not None}
        rows.append({"recording": name, **found, "dataset": dataset or folder.resolve().name})
    if not audio:
        wrong.append(f"no audio in it ({', '.join(sorted(AUDIO))})")
    if audio and not any("human_rttm" in row for row in rows):
        wrong.append("no RTTM of any recording in it: neither a file of its name nor one with lines of it")
    if wrong:
        raise InputError(f"{folder}: {said_at_once(wrong)}")
    return sorted(rows, key=lambda row: row["recording"])


def _files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _by_recording(folder: Path, ending: str, field: int) -> tuple[dict[str, Path], dict[str, Path]]:
    """Name of a file -> it, and name that is said in a file's lines -> it."""
    named, said = dict[str, Path](), dict[str, Path]()
    for path in _files(folder):
        if path.suffix.lower() == ending:
            named[path.stem] = path
            said |= dict.fromkeys(_names_in(path, field), path)
    return named, said


def _names_in(path: Path, field: int) -> Iterator[str]:
    try:
        text = read_text(path, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as text ({one_line(error, 120)})") from error
    for line in text.splitlines():
        words = line.split()
        if len(words) > field and not words[0].startswith(";;"):
            yield words[field]


def _name(path: Path, known: set[str]) -> str:
    """A recording's name: the file's without its ending, or as far as its first dot where only that is known."""
    short = path.name.partition(".")[0]
    return short if path.stem not in known and short in known else path.stem


def write_manifest(path: Path, rows: list[Row]) -> None:
    """Rows as a manifest in CSV, paths relative to it where they lie beside or below it.

    Raises
    ------
    InputError : another ending, or it cannot be written
    """
    if path.suffix != ".csv":
        raise InputError(f"{path}: ends in {path.suffix or 'nothing'!r}; this writes .csv")
    here = path.parent.resolve()
    text = io.StringIO()
    writer = csv.DictWriter(text, [name for name in COLUMNS if any(name in row for row in rows)], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _beside(value, here) for key, value in row.items()} for row in rows)
    write_text(path, text.getvalue())


def _beside(value: str, here: Path) -> str:
    return os.path.relpath(value, here) if Path(value).is_absolute() and Path(value).is_relative_to(here) else value
