"""A corpus's store: a folder of Parquet files, each whole or not there, written by one process.

    corpus.json                      schema, and which side has which key
    manifest.parquet                 the recordings
    answers/KEY.parquet              one row for each recording, sorted; the same bytes however it came about
    answers/KEY.json                 the side's identity, whose hash is the key
    answers/KEY.parts/N.parquet      rows of a run that is under way, or was stopped
    answers/KEY.seconds.parquet      how long each answer took, which differs from run to run
    scores.parquet                   one row for each recording and each two that were compared

Task: rows in, rows out; what they mean is others' business.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from parity.checkout import need
from parity.corpus.hypothesis import Hypothesis
from parity.corpus.manifest import FILES, Entry
from parity.corpus.sides import key_of
from parity.errors import InputError, one_line
from parity.files.documents import read_json
from parity.files.whole import write_text, writing_file

SCHEMA = 1
ABOUT, ENTRIES, SCORES, ANSWERS = "corpus.json", "manifest.parquet", "scores.parquet", "answers"
LOCK = "writing.lock"
ROWS, PATIENCE = 200, 20.0
"""A part is written after so many rows, or seconds: what a killed client loses at most."""

Row = dict[str, Any]


class Store:
    """One store.

    Attributes
    ----------
    folder : of it
    sides : name -> key, in the order they were first asked for
    reference : name of the side that the others are compared with; None: none was named yet
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sides: dict[str, str] = {}
        self.reference: str | None = None
        if (folder / ABOUT).is_file():
            self._read()
        elif folder.exists() and not (folder / LOCK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder}: holds something else than a corpus's store ({ABOUT} is not in it)")

    def _read(self) -> None:
        path = self.folder / ABOUT
        try:
            found = read_json(path)
            if found["schema"] != SCHEMA:
                raise ValueError(f"schema {found['schema']}, this version reads {SCHEMA}")
            self.sides, self.reference = dict(found["sides"]), found["reference"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: not a corpus's store ({one_line(error)})") from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only one who writes it.

        Raises
        ------
        InputError : another process does
        """
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / LOCK, timeout=0):
                yield
        except Timeout:
            raise InputError(f"{self.folder}: another run is writing it; wait for it, or name another store") from None

    def describe(self, sides: Mapping[str, str], reference: str | None, entries: Sequence[Entry]) -> None:
        """Say what it is about: sides are added to those it has, the recordings are those of the last run."""
        self.sides |= sides
        self.reference = reference or self.reference
        write_rows(self.folder / ENTRIES, [_plain(entry) for entry in entries], ENTRY_TYPES)
        said = {"schema": SCHEMA, "reference": self.reference, "sides": self.sides}
        write_text(self.folder / ABOUT, json.dumps(said, indent=1, ensure_ascii=False) + "\n")

    def entries(self) -> tuple[Entry, ...]:
        """The recordings, by name."""
        rows = read_rows(self.folder / ENTRIES)
        return tuple(Entry(**{**row, **{key: Path(row[key]) for key in FILES if row[key]}}) for row in rows)

    def answers(self, key: str) -> Answers:
        """What a side answered."""
        return Answers(self.folder / ANSWERS, key)


class Answers:
    """The answers of one side: read at once, written part by part.

    Attributes
    ----------
    rows : recording -> its answer, or what it failed of
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._whole, self._parts = folder / f"{key}.parquet", folder / f"{key}.parts"
        self._identity, self._seconds = folder / f"{key}.json", folder / f"{key}.seconds.parquet"
        self._waiting: list[Hypothesis] = []
        self._since = time.monotonic()
        self._took: dict[str, float] = {}
        self.rows: dict[str, Hypothesis] = {}
        self._number = 0
        for path in [self._whole, *sorted(self._parts.glob("*.parquet"))]:
            if path.exists():
                self.rows |= {row["recording"]: Hypothesis(**row) for row in read_rows(path)}
        if self._seconds.exists():
            self._took = {row["recording"]: row["seconds"] for row in read_rows(self._seconds)}
        if self._parts.is_dir():
            self._number = len(list(self._parts.glob("*.parquet")))

    def identify(self, identity: Mapping[str, Any]) -> None:
        """Keep whose answers they are."""
        assert key_of(identity) == self._identity.stem
        write_text(self._identity, json.dumps(identity, indent=1, sort_keys=True, ensure_ascii=False) + "\n")

    @property
    def identity(self) -> dict[str, Any]:
        """Whose answers they are."""
        found: dict[str, Any] = read_json(self._identity)
        return found

    @property
    def seconds(self) -> Mapping[str, float]:
        """Recording -> how long its answer took, where it is known."""
        return self._took

    def add(self, found: Hypothesis) -> None:
        """One more answer; it is on the disk after `ROWS` of them, `PATIENCE` seconds, or `close`."""
        self.rows[found.recording] = found
        self._waiting.append(found)
        if len(self._waiting) >= ROWS or time.monotonic() - self._since > PATIENCE:
            self.flush()

    def flush(self) -> None:
        """Put what was added on the disk, as a part of its own."""
        if self._waiting:
            rows = [_kept(found) for found in self._waiting]
            write_rows(self._parts / f"{self._number:06d}.parquet", rows, ANSWER_TYPES)
            self._number += 1
            self._took |= {found.recording: found.seconds for found in self._waiting if found.seconds}
            self._waiting.clear()
        self._since = time.monotonic()

    def close(self) -> None:
        """Everything as one file, sorted by recording, in place of the parts."""
        self.flush()
        if self.rows and (self._parts.exists() or not self._whole.exists()):
            write_rows(self._whole, [_kept(self.rows[name]) for name in sorted(self.rows)], ANSWER_TYPES)
            took = [{"recording": name, "seconds": self._took[name]} for name in sorted(self._took)]
            write_rows(self._seconds, took, {"recording": "string", "seconds": "float64"})
            shutil.rmtree(self._parts, ignore_errors=True)


_TYPES = {"str": "string", "int": "int64", "float": "float64", "bool": "bool_"}


def types_of(of: Any, without: Sequence[str] = ()) -> dict[str, str]:
    """The types of a dataclass's fields, as `write_rows` takes them; a path is text."""
    names = {field.name: str(field.type).partition(" ")[0] for field in fields(of) if field.name not in without}
    return {name: _TYPES.get(kind, "string") for name, kind in names.items()}


ANSWER_TYPES = types_of(Hypothesis, without=("seconds",))
ENTRY_TYPES = types_of(Entry)


def _kept(found: Hypothesis) -> Row:
    row = asdict(found)
    del row["seconds"]
    return row


def _plain(entry: Entry) -> Row:
    row = asdict(entry)
    return {**row, **{key: str(row[key].resolve()) for key in FILES if row[key] is not None}}


def write_rows(path: Path, rows: Sequence[Row], types: Mapping[str, str]) -> None:
    """Rows as a Parquet file, whole or not at all; the same rows give the same bytes.

    Parameters
    ----------
    types : column -> `string`, `int64`, `float64` or `bool_`
    """
    pa, parquet = _pyarrow()
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in types.items()])
    with writing_file(path) as temporary:
        parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary)


def read_rows(path: Path) -> list[Row]:
    """The rows of a Parquet file of ours.

    Raises
    ------
    InputError : it is not there, or is none
    """
    pa, parquet = _pyarrow()
    try:
        rows: list[Row] = parquet.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({one_line(error, 160)})") from error
    return rows


def _pyarrow() -> tuple[Any, Any]:
    need("pyarrow", "a corpus's store")
    import pyarrow
    import pyarrow.parquet

    return pyarrow, pyarrow.parquet
