"""What one side answered to one recording, as a small JSON document, and a folder of such answers.

Conventions: `side.json` says whose answers they are; beside it lies `NAME.json` for each recording. RTTM is kept as
text, plain and exclusive. A recording that failed is kept too, with its error. Nothing else of a recording is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from parity.errors import InputError, one_line
from parity.files.documents import read_json
from parity.files.whole import write_text

SCHEMA = 1
SIDE = "side.json"
MOST_OF_AN_ERROR = 400


@dataclass(frozen=True)
class Hypothesis:
    """One answer.

    Attributes
    ----------
    recording : its name
    audio_sha256 : of the bytes that were heard
    num_speakers : that it was told; None: nothing
    rttm, exclusive : text; empty: nobody speaks. None where it failed, and `exclusive` where there is none
    seconds : that answering took, by the wall
    audio_seconds : of the recording
    speakers, segments : of `rttm`
    error : in one line, where it failed
    """

    recording: str
    audio_sha256: str
    num_speakers: int | None = None
    rttm: str | None = None
    exclusive: str | None = None
    seconds: float = 0.0
    audio_seconds: float = 0.0
    speakers: int | None = None
    segments: int | None = None
    error: str | None = None

    def answers(self, audio_sha256: str, num_speakers: int | None) -> bool:
        """Whether it is an answer to those bytes, told that number of speakers."""
        return self.error is None and (self.audio_sha256, self.num_speakers) == (audio_sha256, num_speakers)


def of_failure(error: BaseException, **known: Any) -> Hypothesis:
    """A recording that failed, with its error in one line."""
    said = f"{type(error).__name__}: {error}" if not isinstance(error, InputError) else str(error)
    return Hypothesis(**known, error=one_line(said, MOST_OF_AN_ERROR))


def write_side(folder: Path, side: Mapping[str, Any]) -> None:
    """Say whose answers a folder holds.

    Raises
    ------
    InputError : it holds somebody else's already
    """
    path = folder / SIDE
    if path.exists() and (kept := _read(path)) != {"schema": SCHEMA, **side}:
        others = [key for key in sorted({*kept, *side}) if kept.get(key) != side.get(key) and key != "schema"]
        raise InputError(f"{path}: answers made otherwise lie there ({', '.join(others)}); choose another folder")
    if not path.exists():
        write_text(path, json.dumps({"schema": SCHEMA, **side}, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def write_hypothesis(folder: Path, found: Hypothesis) -> None:
    """Keep one answer, whole or not at all."""
    write_text(folder / f"{found.recording}.json", json.dumps({"schema": SCHEMA, **asdict(found)}, ensure_ascii=False))


def read_hypothesis(folder: Path, recording: str) -> Hypothesis | None:
    """One answer; None where there is none.

    Raises
    ------
    InputError : the document is damaged
    """
    path = folder / f"{recording}.json"
    return _hypothesis(path, _read(path)) if path.exists() else None


def _hypothesis(path: Path, document: Any) -> Hypothesis:
    try:
        if document.pop("schema") != SCHEMA:
            raise ValueError(f"this version reads schema {SCHEMA}")
        if unknown := sorted(set(document) - {field.name for field in fields(Hypothesis)}):
            raise ValueError(f"unknown keys {', '.join(unknown)}")
        found = Hypothesis(**document)
        texts = [value for value in (found.rttm, found.exclusive, found.error) if value is not None]
        if not all(isinstance(value, str) for value in (found.recording, found.audio_sha256, *texts)):
            raise ValueError("a text is none")
        if (found.rttm is None) == (found.error is None):
            raise ValueError("it has to have an answer or an error")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not an answer that was kept ({one_line(error)}); remove it") from error
    return found


def _read(path: Path) -> Any:
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({one_line(error)}); remove it") from error
