"""A corpus as a table: one row per recording, as CSV, JSON Lines or Parquet.

Conventions: paths are relative to the manifest's folder; an empty cell says nothing; a column that is not known is a
mistake. Everything that is wrong is said at once. Whether a recording is the one of its `sha256` is checked where it is
read, by whoever reads it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.checkout import need
from parity.errors import InputError, one_line
from parity.files.documents import parse_json, read_text
from parity.names import did_you_mean

COLUMNS = ("recording", "audio", "reference_rttm", "human_rttm", "uem", "dataset", "num_speakers", "sha256")
FILES = ("audio", "reference_rttm", "human_rttm", "uem")
ENDINGS = (".csv", ".jsonl", ".parquet")
NAME = re.compile(r"[\w][\w.+-]{0,199}")
MOST_SPEAKERS = 1_000
MOST_SAID = 20


@dataclass(frozen=True)
class Entry:
    """One recording.

    Attributes
    ----------
    recording : its name, unique in the corpus; a file's name without an ending
    audio : any file that `parity diarize` reads
    reference_rttm, human_rttm : what the reference answered, and what humans heard; None: not known
    uem : which parts were annotated; None: all of it
    dataset : by which intervals are stratified
    num_speakers : told to whoever answers; None: nothing is
    sha256 : of the audio's bytes; None: not pinned
    """

    recording: str
    audio: Path
    reference_rttm: Path | None = None
    human_rttm: Path | None = None
    uem: Path | None = None
    dataset: str = ""
    num_speakers: int | None = None
    sha256: str | None = None


def read_manifest(path: Path) -> tuple[Entry, ...]:
    """The recordings of a corpus, by name.

    Raises
    ------
    InputError : it cannot be read, holds no recording, or anything in it is wrong: all of that in one line
    """
    rows = list(_rows(path))
    if not rows:
        raise InputError(f"{path}: no recordings in it; expected one row for each")
    wrong: list[str] = _unknown_columns({column for row in rows for column in row})
    entries: list[Entry] = []
    seen: dict[str | None, int] = {}
    for number, row in enumerate(rows, start=1):
        where = f"row {number}"
        said = _wrong_in(row, path.parent)
        name = _text(row, "recording")
        if name is not None and name in seen:
            said.append(f"{name} is row {seen[name]}'s name already")
        seen.setdefault(name, number)
        wrong += [f"{where}: {words}" for words in said]
        if not said:
            entries.append(_entry(row, path.parent))
    if wrong:
        raise InputError(f"{path}: {said_at_once(wrong)}")
    return tuple(sorted(entries, key=lambda entry: entry.recording))


def said_at_once(wrong: list[str]) -> str:
    """What is wrong, in one line, and how many things more than fit there."""
    more = len(wrong) - MOST_SAID
    things = f"{len(wrong)} things are wrong: " if len(wrong) > 1 else ""
    return things + "; ".join(wrong[:MOST_SAID]) + (f"; and {more} more" if more > 0 else "")


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    if path.suffix not in ENDINGS:
        raise InputError(f"{path}: ends in {path.suffix or 'nothing'!r}; a manifest is {', '.join(ENDINGS)}")
    try:
        if path.suffix == ".parquet":
            return iter(_parquet(path))
        text = read_text(path, encoding="utf-8-sig")
        return iter(_lines(text) if path.suffix == ".jsonl" else _csv(text))
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a manifest ({one_line(error, 200)})") from error


def _csv(text: str) -> list[Mapping[str, Any]]:
    reader = csv.DictReader(io.StringIO(text), strict=True)
    rows = list(reader)
    columns = reader.fieldnames or []
    if len(set(columns)) < len(columns):
        raise ValueError(f"a column is there twice: {', '.join(columns)}")
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise ValueError(f"row {number} has not as many cells as there are columns, {len(columns)}")
    return [dict(row) for row in rows]


def _lines(text: str) -> list[Mapping[str, Any]]:
    rows = [parse_json(line) for line in text.splitlines() if line.strip()]
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise ValueError(f"line {number} is no object")
    return rows


def _parquet(path: Path) -> list[Mapping[str, Any]]:
    need("pyarrow", str(path))
    import pyarrow.parquet

    return list(pyarrow.parquet.read_table(path).to_pylist())


def _unknown_columns(columns: set[str]) -> list[str]:
    unknown = sorted(columns - set(COLUMNS))
    if not unknown:
        return []
    return [f"column {', '.join(unknown)} is not known; {did_you_mean(unknown, COLUMNS)}known are {', '.join(COLUMNS)}"]


def _text(row: Mapping[str, Any], column: str) -> str | None:
    value = row.get(column)
    return None if value is None or value == "" or value != value else str(value)


def _wrong_in(row: Mapping[str, Any], folder: Path) -> list[str]:
    said = []
    name = _text(row, "recording")
    if name is None:
        said.append("recording is empty")
    elif not NAME.fullmatch(name):
        said.append(f"recording {name!r:.80}: letters, digits, '_', '-', '+' and '.' make a name, 200 at most")
    if _text(row, "audio") is None:
        said.append("audio is empty")
    for column in FILES:
        given = _text(row, column)
        if given is not None and not (folder / given).is_file():
            said.append(f"{column} {given}: no such file")
    number = _text(row, "num_speakers")
    if number is not None and not _is_count(number):
        said.append(f"num_speakers {number!r:.40}: expected a whole number from 1 to {MOST_SPEAKERS}")
    digest = _text(row, "sha256")
    if digest is not None and not re.fullmatch(r"[0-9a-f]{64}", digest):
        said.append(f"sha256 {digest!r:.80}: expected 64 hexadecimal digits in lower case")
    return said


def _is_count(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,4}(\.0)?", text) is not None and 1 <= float(text) <= MOST_SPEAKERS


def _entry(row: Mapping[str, Any], folder: Path) -> Entry:
    files = {column: folder / given if (given := _text(row, column)) else None for column in FILES}
    number, audio = _text(row, "num_speakers"), files.pop("audio")
    assert audio is not None
    return Entry(
        recording=_text(row, "recording") or "",
        audio=audio,
        dataset=_text(row, "dataset") or "",
        num_speakers=None if number is None else int(float(number)),
        sha256=_text(row, "sha256"),
        **files,
    )
