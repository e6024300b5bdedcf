"""The catalogue of fixtures: which clips there are, how each is made, where its snapshot lies.

`catalogue.toml` holds one `[[fixture]]` table a fixture, read strictly: a key that is not known here is an
error, not a remark. Clips come from recipes (`parity.clips`) or, for a user's own, from `<fixture>/clip.wav`.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path

from parity.audio.reading import quantise, read_audio, to_mono_16k, wav_bytes
from parity.clips import RECIPES, Turn, build_clip, check_recipe
from parity.errors import InputError
from parity.files.whole import parse_toml, sha256_bytes, sha256_file, writing_file, writing_folder

CATALOGUE = "catalogue.toml"
OWN_CLIP = "clip.wav"
NAME = re.compile(r"[a-z0-9_]{1,64}")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Fixture:
    """One recording of the catalogue.

    Attributes
    ----------
    name : lower-case letters, digits, underscores
    recipe : one of `parity.clips.RECIPES`, or "file": the clip lies in the fixture's own folder
    stresses : what of the pipeline it puts under stress, in words
    clip_sha256 : of the clip's file, header included
    folder : of the catalogue that names it
    arguments : of the recipe
    num_speakers, min_speakers, max_speakers : what the pipeline is told beforehand, capture and replay alike
    human_rttm : whether humans annotated its sources
    """

    name: str
    recipe: str
    stresses: str
    clip_sha256: str
    folder: Path
    arguments: Mapping = field(default_factory=dict, hash=False)
    num_speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    human_rttm: bool = False

    @property
    def speakers(self) -> dict[str, int]:
        """The bounds that are set, by the names of the pipeline's own parameters; empty: automatic."""
        bounds = {key: getattr(self, key) for key in ("num_speakers", "min_speakers", "max_speakers")}
        return {key: value for key, value in bounds.items() if value is not None}

    @property
    def snapshot_folder(self) -> Path:
        """Where its snapshot is, or would be."""
        return self.folder / self.name

    def clip(self) -> Path:
        """The clip's file, checked against its hash: a user's own, or from the cache, made there if need be.

        Raises
        ------
        InputError : the clip is missing or is not the pinned one, naming both hashes; a source or the cache
            failed
        """
        if self.recipe != "file":
            return build_clip(self.name, self.recipe, self.arguments, self.clip_sha256)
        path = self.snapshot_folder / OWN_CLIP
        if not path.is_file():
            raise InputError(f"{path}: the clip of fixture {self.name} is missing; was the folder copied without it?")
        if (got := sha256_file(path)) != self.clip_sha256:
            raise InputError(f"{path}: has sha256 {got}, the catalogue pins {self.clip_sha256}; the file was altered")
        return path

    def human_turns(self) -> tuple[Turn, ...] | None:
        """Who speaks when, says a human: (start, end, speaker) in seconds of the clip; None: nobody said."""
        return _human(self)[0] if self.human_rttm else None

    def human_spans(self) -> tuple[tuple[float, float], ...] | None:
        """Which stretches of the clip, (start, end) in seconds, `human_turns` covers; None: nobody said.

        A joined clip may have parts that no human annotated; scoring against `human_turns` leaves those out.
        """
        return _human(self)[1] if self.human_rttm else None


@functools.cache
def _human(fixture: Fixture) -> tuple:
    material = RECIPES[fixture.recipe](**fixture.arguments)
    return material.turns, material.annotated


@dataclass(frozen=True)
class Catalogue:
    """All fixtures of one folder, in the order of its `catalogue.toml`."""

    path: Path
    fixtures: tuple[Fixture, ...]

    @classmethod
    def read(cls, folder: Path) -> Catalogue:
        """Read `catalogue.toml` in a folder.

        Raises
        ------
        InputError : no such file, not TOML, no fixtures, a key that is not known or missing, a value of the
            wrong kind, a name used twice; naming the file, the fixture and the key
        """
        path = Path(folder) / CATALOGUE
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError(f"{path}: there is no such catalogue; is {folder} a folder of fixtures?") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot be read: {error}") from error
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: str, path: Path) -> Catalogue:
        """The catalogue in a text that is, or will be, the file `path`; same errors as `read`."""
        try:
            table = parse_toml(text)
        except ValueError as error:
            raise InputError(f"{path}: not TOML: {error}") from error
        rows = table.pop("fixture", None)
        if table:
            raise InputError(f"{path}: key {_listed(table)} is not known; the only one is [[fixture]]")
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise InputError(f"{path}: lists no fixtures; each is one [[fixture]] table")
        fixtures = tuple(_fixture(row, number, path) for number, row in enumerate(rows, start=1))
        counts = Counter(fixture.name for fixture in fixtures)
        if twice := [name for name, count in counts.items() if count > 1]:
            raise InputError(f"{path}: name {_listed(twice)} is used more than once")
        return cls(path, fixtures)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        return tuple(fixture.name for fixture in self.fixtures)

    def select(self, names: Iterable[str] = ()) -> tuple[Fixture, ...]:
        """The named fixtures in the catalogue's order, each once; all of them if none is named.

        Raises
        ------
        InputError : names that are not in the catalogue, all of them, and those that are
        """
        names = list(names)
        if unknown := [name for name in dict.fromkeys(names) if name not in self.names]:
            raise InputError(f"unknown fixture {_listed(unknown)}; {self.path} knows {', '.join(self.names)}")
        return tuple(fixture for fixture in self.fixtures if not names or fixture.name in names)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _fixture(row: dict, number: int, path: Path) -> Fixture:
    where = f"{path}: fixture {row['name']!r}" if "name" in row else f"{path}: fixture number {number}"
    known = {entry.name: entry for entry in fields(Fixture) if entry.name != "folder"}
    if unknown := [key for key in row if key not in known]:
        raise InputError(f"{where}: key {_listed(unknown)} is not known; known are {', '.join(known)}")
    needed = [name for name, entry in known.items() if entry.default is entry.default_factory is MISSING]
    if missing := [key for key in needed if key not in row]:
        raise InputError(f"{where}: key {_listed(missing)} is missing")
    try:
        _check_values(row)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return Fixture(folder=path.parent, **row)


def _check_values(row: dict) -> None:
    for key in ("name", "recipe", "stresses", "clip_sha256"):
        if not isinstance(row[key], str) or not row[key].strip():
            raise InputError(f"{key} = {row[key]!r} should be a text")
    _check_name(row["name"])
    if not SHA256.fullmatch(row["clip_sha256"]):
        raise InputError(f"clip_sha256 = {row['clip_sha256']!r} should be 64 hexadecimal digits in lower case")
    if not isinstance(arguments := row.get("arguments", {}), dict):
        raise InputError(f"arguments = {arguments!r} should be a table")
    if not isinstance(human := row.get("human_rttm", False), bool):
        raise InputError(f"human_rttm = {human!r} should be true or false")
    _check_bounds({key: row[key] for key in row if key.endswith("_speakers")})
    if row["recipe"] != "file":
        check_recipe(row["recipe"], arguments)
    elif arguments or human:
        raise InputError("recipe 'file' takes no arguments and has no human_rttm")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise InputError(f"name = {name!r} should be 1 to 64 lower-case letters, digits and underscores")


def _check_bounds(bounds: dict) -> None:
    for key, value in bounds.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{key} = {value!r} should be a whole number, at least 1")
    if "num_speakers" in bounds and len(bounds) > 1:
        raise InputError("num_speakers says it all; min_speakers and max_speakers cannot stand beside it")
    if bounds.get("min_speakers", 1) > bounds.get("max_speakers", sys.maxsize):
        raise InputError(f"min_speakers = {bounds['min_speakers']} is above max_speakers = {bounds['max_speakers']}")


def default_folder() -> Path:
    """Where fixtures are: `PARITY_FIXTURES`, or the repository's own, or `fixtures` in the one at hand."""
    if override := os.environ.get("PARITY_FIXTURES"):
        return Path(override).expanduser()
    beside = Path(__file__).resolve().parent.parent / "fixtures"
    return beside if (beside / CATALOGUE).is_file() else Path("fixtures")


def add_fixture(
    folder: Path,
    name: str,
    audio_path: Path,
    *,
    num_speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
) -> Fixture:
    """Make a fixture of a user's recording: its clip under `<folder>/<name>/`, its entry in the catalogue.

    Parameters
    ----------
    folder : of the catalogue
    name : lower-case letters, digits, underscores; not in the catalogue yet
    audio_path : WAV, FLAC or whatever libsndfile reads; any rate, any number of channels (their mean counts)
    num_speakers, min_speakers, max_speakers : what the pipeline shall be told beforehand

    Raises
    ------
    InputError : the name, a bound, the audio or the catalogue is not usable; nothing is written then
    """
    catalogue = Catalogue.read(folder)
    _check_name(name)
    if name in catalogue.names:
        raise InputError(f"{catalogue.path}: fixture {name!r} is there already; choose another name")
    data = wav_bytes(quantise(to_mono_16k(*read_audio(Path(audio_path)))))
    bounds = {"num_speakers": num_speakers, "min_speakers": min_speakers, "max_speakers": max_speakers}
    entry = {"name": name, "recipe": "file", "stresses": f"a user's own: {Path(audio_path).name}"}
    entry |= {"clip_sha256": sha256_bytes(data)} | {k: v for k, v in bounds.items() if v is not None}
    text = catalogue.path.read_text(encoding="utf-8").rstrip("\n") + "\n\n" + _toml(entry)
    # Read as it will be read back, before anything is written.
    fixture = Catalogue.parse(text, catalogue.path).select([name])[0]
    _write(fixture, data, text)
    return fixture


def _write(fixture: Fixture, data: bytes, text: str) -> None:
    with writing_folder(fixture.snapshot_folder) as temporary:
        (temporary / OWN_CLIP).write_bytes(data)
    try:
        with writing_file(fixture.folder / CATALOGUE) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except BaseException:
        shutil.rmtree(fixture.snapshot_folder)
        raise


def _toml(entry: dict) -> str:
    lines = [f"{key} = {_quoted(value) if isinstance(value, str) else value}\n" for key, value in entry.items()]
    return "[[fixture]]\n" + "".join(lines)


def _quoted(text: str) -> str:
    # A file's name may hold anything: quotes, control characters, bytes that are no UTF-8.
    plain = text.encode("utf-8", "replace").decode("utf-8")
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in plain) + '"'
