"""A corpus's store: a folder of Parquet files, each whole or not there, written by one process.

    corpus.json                      schema, and which side has which key
    manifest.parquet                 the recordings
    answers/KEY.parquet              one row for each recording, sorted; the same bytes however it came about
    answers/KEY.json                 the side's identity, whose hash is the key
    answers/KEY.parts/N.parquet      rows of a run that is under way, or was stopped
    answers/KEY.seconds.parquet      how long each answer took, which differs from run to run
    explained/KEY.BASE.parquet       why each answer is what it is, by the answers of the side BASE
    scores.parquet                   one row for each recording and each two that were compared

Task: rows in, rows out; what they mean is others' business.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from parity.corpus.hypothesis import Hypothesis
from parity.corpus.manifest import FILES, Entry
from parity.corpus.rows import Parts, Row, read_rows, stream_rows, stream_sorted, types_of, write_rows
from parity.corpus.sides import key_of
from parity.errors import InputError, one_line
from parity.files.documents import read_json
from parity.files.whole import write_text

SCHEMA = 1
ABOUT, ENTRIES, SCORES = "corpus.json", "manifest.parquet", "scores.parquet"
ANSWERS, EXPLAINED = "answers", "explained"
LOCK = "writing.lock"


class Store:
    """One store.

    Attributes
    ----------
    folder : of it
    sides : name -> key, in the order they were first asked for
    reference : name of the side that the others are compared with; None: none was named yet
    base : name of the side that answers were explained by last; None: none were
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sides: dict[str, str] = {}
        self.reference: str | None = None
        self.base: str | None = None
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
            self.sides, self.reference, self.base = dict(found["sides"]), found["reference"], found.get("base")
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
        self._write()

    def explained_by(self, base: str) -> None:
        """Say which side answers are explained by."""
        self.base = base
        self._write()

    def _write(self) -> None:
        said = {"schema": SCHEMA, "reference": self.reference, "base": self.base, "sides": self.sides}
        write_text(self.folder / ABOUT, json.dumps(said, indent=1, ensure_ascii=False) + "\n")

    def entries(self) -> tuple[Entry, ...]:
        """The recordings, by name."""
        return tuple(map(_entry, read_rows(self.folder / ENTRIES)))

    def entries_sorted(self) -> Iterator[Entry]:
        """The same by recording's name, one after the other: they are made as they are taken."""
        return map(_entry, stream_sorted(self.folder / ENTRIES))

    def counted(self) -> tuple[int, int]:
        """Recordings, and how many of them have a human RTTM."""
        told = [row["human_rttm"] is not None for row in stream_rows(self.folder / ENTRIES, ("human_rttm",))]
        return len(told), sum(told)

    def answers(self, key: str) -> Answers:
        """What a side answered."""
        return Answers(self.folder / ANSWERS, key)


class Answers:
    """The answers of one side: read when somebody asks for them, written part by part."""

    def __init__(self, folder: Path, key: str) -> None:
        self._identity, self._seconds = folder / f"{key}.json", folder / f"{key}.seconds.parquet"
        self._stem = folder / key
        self._took: dict[str, float] = {}
        if self._seconds.exists():
            self._took = {row["recording"]: row["seconds"] for row in read_rows(self._seconds)}

    @cached_property
    def _table(self) -> Parts:
        return Parts(self._stem, ANSWER_TYPES)

    @cached_property
    def rows(self) -> dict[str, Hypothesis]:
        """Recording -> its answer, or what it failed of."""
        return {name: Hypothesis(**row) for name, row in self._table.rows.items()}

    def sorted_rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """These columns of all answers, by recording's name, one after the other."""
        return self._table.sorted_rows(columns)

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
        """One more answer; when it is on the disk, see `Parts.add`."""
        self.rows[found.recording] = found
        row = asdict(found)
        if row.pop("seconds"):
            self._took[found.recording] = found.seconds
        self._table.add(row)

    def flush(self) -> None:
        """Put what was added on the disk."""
        self._table.flush()

    def close(self) -> None:
        """Everything as one file, sorted by recording, in place of the parts."""
        if self._table.close():
            took = [{"recording": name, "seconds": self._took[name]} for name in sorted(self._took)]
            write_rows(self._seconds, took, {"recording": "string", "seconds": "float64"})


ANSWER_TYPES = types_of(Hypothesis, without=("seconds",))
ENTRY_TYPES = types_of(Entry)


def _entry(row: Row) -> Entry:
    return Entry(**{**row, **{key: Path(row[key]) for key in FILES if row[key]}})


def _plain(entry: Entry) -> Row:
    row = asdict(entry)
    return {**row, **{key: str(row[key].resolve()) for key in FILES if row[key] is not None}}
