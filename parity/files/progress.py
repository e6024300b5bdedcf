"""What a long command has found so far, so that it can be gone on with: a JSON document beside its report.

`NAME.progress.json` lies beside `NAME.json` and is written whole after each part. A part is taken again where
everything that made it is the same (`made_of`), and is found anew otherwise; a document that is damaged, or of a run
that asked for something else, is refused. Conventions: what is kept is plain data, as JSON reads it back.
"""

from __future__ import annotations

import functools
import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parity import __version__
from parity.checkout import versions
from parity.errors import InputError, one_line
from parity.files.documents import read_json
from parity.files.whole import check_writable, sha256_bytes, sha256_file, write_text

SCHEMA = 1
ENDING = ".progress.json"
PACKAGES = ("numpy", "scipy", "scikit-learn", "onnxruntime", "soundfile")
MOST_NAMED = 3

Plain = dict[str, Any]


class Progress:
    """What one command has found so far.

    Parameters
    ----------
    report : where the command's report goes
    command : its name, as `run`
    asked : what it was asked for, which has to be the same to go on: names and plain values
    resume : whether what lies there is gone on with; else it is written over with the first part

    Attributes
    ----------
    taken : names of parts that were taken from an earlier run
    renewed : part -> why it is found anew although it was there

    Raises
    ------
    InputError : nothing can be written there; with `resume`, the document is damaged, or another run's
    """

    def __init__(self, report: Path, command: str, asked: Mapping[str, Any], *, resume: bool = False) -> None:
        self.path = place_beside(report)
        self.taken: list[str] = []
        self.renewed: dict[str, str] = {}
        self._resume = resume
        self._of: Plain = {"command": command, "asked": as_read(asked)}
        check_writable(self.path)
        self._before: Plain = self._read() if resume and self.path.exists() else {}
        self._parts: Plain = dict(self._before)

    def take(self, name: str, made_of: Mapping[str, Any]) -> Any | None:
        """What was found of a part, where it was made of the same; None where it has to be found.

        Parameters
        ----------
        made_of : all that the part depends on: names and plain values
        """
        part = self._before.get(name)
        if part is None:
            return None
        now = as_read(made_of)
        others = [key for key in sorted({*now, *part["made_of"]}) if now.get(key) != part["made_of"].get(key)]
        if others:
            self.renewed[name] = f"{', '.join(others)} changed"
            return None
        self.taken.append(name)
        return part["found"]

    def keep(self, name: str, made_of: Mapping[str, Any], found: Any) -> Any:
        """Keep what was found of a part, and give it as it will be read: plain data."""
        plain = as_read(found)
        self._parts[name] = {"made_of": as_read(made_of), "sha256": _digest(plain), "found": plain}
        write_text(self.path, json.dumps({"schema": SCHEMA, **self._of, "parts": self._parts}, ensure_ascii=False))
        return plain

    def lines(self) -> list[str]:
        """What was taken and what was not, in words; nothing where nobody asked to go on."""
        if not self._resume:
            return []
        if not self._before:
            return [f"--resume: nothing is kept in {self.path}; everything was computed"]
        said = [f"--resume: {len(self.taken)} of {len(self._before)} taken from {self.path}"]
        names = list(self.renewed)[:MOST_NAMED]
        said += [f"{name}: computed again ({self.renewed[name]})" for name in names]
        more = len(self.renewed) - len(names)
        return said + ([f"and {more} more computed again"] if more else [])

    def _read(self) -> Plain:
        try:
            found = read_json(self.path)
            if found["schema"] != SCHEMA:
                raise ValueError(f"schema {found['schema']}, this version reads {SCHEMA}")
            if found["command"] != self._of["command"]:
                raise ValueError(f"it is of parity {found['command']}, this is parity {self._of['command']}")
            if said := _unlike(found["asked"], self._of["asked"]):
                raise ValueError(f"it is of another run: {said}")
            for name, part in found["parts"].items():
                if _digest(part["found"]) != part["sha256"] or not isinstance(part["made_of"], dict):
                    raise ValueError(f"{name} is not what was written")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            why = f"key {error} is missing" if isinstance(error, KeyError) else one_line(error)
            raise InputError(
                f"--resume {self.path}: cannot be gone on with ({why}); without --resume it begins anew"
            ) from error
        return dict(found["parts"])


def place_beside(report: Path) -> Path:
    """Where the progress of a command with that report is kept."""
    return report.with_name(f"{report.name.removesuffix('.json')}{ENDING}")


def as_read(value: Any) -> Any:
    """Plain data as JSON reads it back: lists for tuples, text for names.

    Raises
    ------
    ValueError : it holds NaN or infinity, which JSON has not
    """
    return json.loads(json.dumps(value, allow_nan=False))


@functools.cache
def lab() -> Plain:
    """The lab that computes: its version, a hash of its sources, and what its numbers depend on."""
    root = Path(__file__).resolve().parents[1]
    return {
        "version": __version__,
        "sources": content(root, "*.py"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **versions(PACKAGES),
    }


def content(place: Path, pattern: str = "*") -> str:
    """A hash of a file, or of the names and bytes of all files of a folder; of nothing, `nothing`.

    Parameters
    ----------
    pattern : of the names of a folder's files; hidden ones, and folders of bytecode, are left out
    """
    if place.is_file():
        return sha256_file(place)
    if not place.is_dir():
        return "nothing"
    digest = hashlib.sha256()
    for path in sorted(place.rglob(pattern)):
        inside = path.relative_to(place)
        if path.is_file() and not any(part.startswith((".", "__pycache__")) for part in inside.parts):
            digest.update(f"{inside.as_posix()}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()


def _digest(plain: Any) -> str:
    return sha256_bytes(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode())


def _unlike(before: Plain, now: Plain) -> str:
    others = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    return ", ".join(f"{key} was {_short(before.get(key))}, is {_short(now.get(key))}" for key in others[:MOST_NAMED])


def _short(value: Any) -> str:
    return one_line(json.dumps(value, ensure_ascii=False), 60)
