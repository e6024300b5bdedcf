"""A map: a TOML table that says once, artefact by artefact, where in somebody's own folder it lies and in what form.

Conventions: what is read is brought to the lab's form in one order, whatever order the map's keys stand in: `reshape`,
`index`, `axes`, `scale`, `offset`, `dtype`. A key that is unknown, or of another kind, is refused by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError, one_line
from parity.files.documents import parse_toml, read_text
from parity.names import did_you_mean
from parity.pipeline.artefact import ARTEFACTS

SCHEMA = 1
FIXTURE = "{fixture}"
KNOWN = Path(__file__).with_name("known")
"""The maps that come with the lab, each named by its file."""

FORMATS = ("npy", "npz", "safetensors", "raw", "json", "rttm", "csv")
SUFFIXES = {".bin": "raw", ".f32": "raw", ".f64": "raw", ".i8": "raw", **{f".{name}": name for name in FORMATS}}
WINDOWS = {"chunks": (0.0, 10.0, 1.0), "frames": (0.0, 0.0619375, 0.016875)}
"""Start, duration and step in seconds of the two sliding windows of pyannote's community-1."""

TURN_FIELDS = ("start", "end", "duration", "speaker")
MOST_TOML = 1 << 20  # bytes
BEYOND = 1 << 40
"""Larger than any length of an axis."""

Index = tuple[int | slice, ...]


@dataclass(frozen=True)
class Entry:
    """Where one artefact lies, and what makes it the lab's.

    Attributes
    ----------
    file : its path in the folder, with `{fixture}` where files of several recordings lie beside each other
    key : of an `.npz` or `.safetensors`; in JSON the way down, as `outputs.embeddings`; a column of a CSV
    form : one of `FORMATS`
    stored : dtype of a file of bare numbers; None: its suffix says, or `NAME.json`
    reshape, index, axes : new shape; what is taken along each axis; the order of axes, as `numpy.transpose` takes it
    scale, offset : a number is what is stored times `scale`, plus `offset`
    dtype : what it is converted to in the end, without loss where it is whole numbers; None: as it stands
    chunks : which chunks the rows are, for artefacts that may be kept of some only
    window : whose sliding window lies beside the array and is checked, of `WINDOWS`
    fields : of turns: `start`, `end` or `duration`, `speaker` -> the name that it has in the file
    optional : whether the file may be missing
    """

    artefact: str
    file: str
    form: str
    key: str | None = None
    stored: str | None = None
    reshape: tuple[int, ...] | None = None
    index: Index = ()
    axes: tuple[int, ...] | None = None
    scale: float = 1.0
    offset: float = 0.0
    dtype: str | None = None
    chunks: tuple[int, ...] | None = None
    window: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    optional: bool = False


@dataclass(frozen=True)
class ArrayMap:
    """A map that was read.

    Attributes
    ----------
    label : its file, or the name of one of the lab's own
    entries : artefact -> where it lies
    about : whose layout it is, in words
    reference : version of pyannote.audio that made the arrays; None: not known
    clip : the recording's WAV, whose hash says which clip it is; None: not in the folder
    fixtures : what `{fixture}` stands for -> the recording's name in the lab
    """

    label: str
    entries: Mapping[str, Entry]
    about: str = ""
    reference: str | None = None
    clip: str | None = None
    fixtures: Mapping[str, str] = field(default_factory=dict)

    @property
    def many(self) -> bool:
        """Whether files of several recordings lie beside each other, told apart by `{fixture}`."""
        return any(FIXTURE in entry.file for entry in self.entries.values())


def known_maps() -> dict[str, Path]:
    """The maps that come with the lab, by name."""
    return {path.stem: path for path in sorted(KNOWN.glob("*.toml"))}


def read_map(asked: str | Path) -> ArrayMap:
    """A map by its file, or by the name of one that comes with the lab.

    Raises
    ------
    InputError : there is none, or it is not a map; names the map, the artefact and the value
    """
    known, path = known_maps(), Path(asked)
    if str(asked) in known:
        path = known[str(asked)]
    elif not path.is_file():
        close = did_you_mean([str(asked)], list(known))
        raise InputError(f"--map {asked}: no such file, and no map of that name; {close}there are {', '.join(known)}")
    return parse_map(_text(path), str(asked))


def _text(path: Path) -> str:
    try:
        if (size := path.stat().st_size) > MOST_TOML:
            raise InputError(f"{path}: {size:,} bytes, a map has at most {MOST_TOML:,}")
        return read_text(path, MOST_TOML, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text ({one_line(error)})") from None


def parse_map(text: str, label: str) -> ArrayMap:
    """A map from its text; `label` is what messages call it.

    Raises
    ------
    InputError : it is not a map
    """
    try:
        table = parse_toml(text)
    except ValueError as error:
        raise InputError(f"{label}: not TOML ({one_line(error, 160)})") from None
    top = _Table(label, "", table)
    top.only("schema", "about", "extends", "leave_out", "reference", "clip", "fixtures", "artefacts")
    if table.get("schema") != SCHEMA:
        raise InputError(f"{label}: schema = {table.get('schema')!r}; this lab reads maps of schema {SCHEMA}")
    base = _base(label, top.text("extends"), top.listed("leave_out"))
    tables = table.get("artefacts", {})
    if not isinstance(tables, dict) or not (tables or base.entries):
        raise InputError(f"{label}: holds no [artefacts.NAME]; docs/reference/maps.md says what a map says")
    entries = {**base.entries, **{name: _entry(label, name, one) for name, one in tables.items()}}
    return ArrayMap(
        label=label,
        entries={name: entries[name] for name in ARTEFACTS if name in entries},
        about=top.text("about") or base.about,
        reference=top.text("reference") or base.reference,
        clip=top.text("clip") or base.clip,
        fixtures={**base.fixtures, **top.names("fixtures")},
    )


def _base(label: str, name: str | None, left_out: tuple[str, ...]) -> ArrayMap:
    """The map that one builds on, without what it leaves out of that."""
    if name is None and left_out:
        raise InputError(f"{label}: leave_out = {list(left_out)}: goes with `extends`, the map to leave them out of")
    if name is None:
        return ArrayMap(label, {})
    known = known_maps()
    if name not in known:
        raise InputError(f"{label}: extends = {name!r}; only the lab's own maps can be built on: {', '.join(known)}")
    base = parse_map(_text(known[name]), name)
    if strange := [one for one in left_out if one not in base.entries]:
        raise InputError(f"{label}: leave_out names {', '.join(strange)}; {name} has {', '.join(base.entries)}")
    return replace(base, entries={one: entry for one, entry in base.entries.items() if one not in left_out})


def _entry(label: str, name: str, table: Any) -> Entry:
    if name not in ARTEFACTS:
        close = did_you_mean([name], list(ARTEFACTS))
        raise InputError(f"{label}: [artefacts.{name}]: no artefact; {close}names are in docs/reference/dumps.md")
    one = _Table(label, name, table)
    one.only(*(key for key in Entry.__dataclass_fields__ if key not in ("artefact", "form")), "format")
    file = one.text("file")
    if not file:
        raise one.wrong("file", "says in which file it lies")
    form = one.text("format") or SUFFIXES.get(Path(file).suffix, "")
    if form not in FORMATS:
        raise one.wrong("format", f"is one of {', '.join(FORMATS)}; the file's name does not say which")
    entry = Entry(
        artefact=name,
        file=file,
        form=form,
        key=one.text("key"),
        stored=one.dtype("stored"),
        reshape=one.numbers("reshape"),
        index=one.index(),
        axes=one.numbers("axes"),
        scale=one.number("scale", 1.0),
        offset=one.number("offset", 0.0),
        dtype=one.dtype("dtype"),
        chunks=one.numbers("chunks"),
        window=one.text("window"),
        fields=one.names("fields"),
        optional=one.flag("optional"),
    )
    _consistent(one, entry)
    return entry


def _consistent(one: _Table, entry: Entry) -> None:
    """Refuse what no file can be read by."""
    text = ARTEFACTS[entry.artefact].dtype == "text"
    if text != (entry.form == "rttm") and not (text and entry.form in ("json", "csv")):
        raise one.wrong("format", "turns lie in rttm, json or csv, arrays in any other format than rttm")
    if text and (given := [name for name in _OF_ARRAYS if getattr(entry, name) not in (None, (), 1.0, 0.0)]):
        raise one.wrong(given[0], "is for arrays, and these are turns")
    if entry.fields and (not text or entry.form == "rttm" or set(entry.fields) - set(TURN_FIELDS)):
        raise one.wrong("fields", f"names columns of turns in json or csv: any of {', '.join(TURN_FIELDS)}")
    if entry.stored is not None and entry.form != "raw":
        raise one.wrong("stored", "is for files of bare numbers, such as .bin; other files say it themselves")
    if entry.key is None and entry.form in ("npz", "safetensors"):
        raise one.wrong("key", f"says which array of the .{entry.form} it is")
    if entry.key is not None and entry.form in ("npy", "raw", "rttm"):
        raise one.wrong("key", "is for files that hold more than one array")
    if entry.axes is not None and sorted(entry.axes) != list(range(len(entry.axes))):
        raise one.wrong("axes", f"is an order of the axes 0 to {len(entry.axes) - 1}, as numpy.transpose takes it")
    if entry.reshape is not None and (entry.reshape.count(-1) > 1 or any(n < -1 for n in entry.reshape)):
        raise one.wrong("reshape", "has lengths of axes, at most one of them -1, which is what is left")
    if entry.window is not None and (entry.window not in WINDOWS or entry.form not in ("npz", "json")):
        raise one.wrong("window", f"is one of {', '.join(WINDOWS)}, beside an array of an npz or json")
    if entry.chunks is not None and not ARTEFACTS[entry.artefact].by_chunk:
        names = ", ".join(name for name, artefact in ARTEFACTS.items() if artefact.by_chunk)
        raise one.wrong("chunks", f"is for artefacts that may be kept of some chunks only: {names}")
    if entry.scale == 0:
        raise one.wrong("scale", "makes everything 0")


_OF_ARRAYS = ("reshape", "index", "axes", "scale", "offset", "dtype", "chunks", "window")


class _Table:
    """One table of a map, whose values are asked for by kind; a wrong one is refused with map, artefact and value."""

    def __init__(self, label: str, artefact: str, values: Any) -> None:
        self.place = f"{label}: [artefacts.{artefact}]" if artefact else label
        if not isinstance(values, dict):
            raise InputError(f"{self.place}: is {one_line(values, 60)!r}, expected a table")
        self.values: Mapping[str, Any] = values

    def only(self, *known: str) -> None:
        """Refuse any other key."""
        if unknown := [key for key in self.values if key not in known]:
            close = did_you_mean(unknown, list(known))
            raise InputError(f"{self.place}: unknown key {', '.join(unknown)}; {close}there are {', '.join(known)}")

    def wrong(self, key: str, expected: str) -> InputError:
        said = f"{key} = {one_line(self.values[key], 60)!r}" if key in self.values else f"{key} is not given"
        return InputError(f"{self.place}: {said}; it {expected}")

    def _value(self, key: str, fits: Callable[[Any], bool], expected: str) -> Any:
        value = self.values.get(key)
        if value is not None and not fits(value):
            raise self.wrong(key, expected)
        return value

    def text(self, key: str) -> str | None:
        return self._value(key, lambda v: isinstance(v, str) and bool(v), "is text")

    def flag(self, key: str) -> bool:
        return bool(self._value(key, lambda v: isinstance(v, bool), "is true or false"))

    def number(self, key: str, otherwise: float) -> float:
        value = self._value(key, lambda v: _is_number(v) and math.isfinite(v), "is a finite number")
        return otherwise if value is None else float(value)

    def numbers(self, key: str) -> tuple[int, ...] | None:
        fits = f"is a list of whole numbers of at most {BEYOND:,}"
        value = self._value(key, lambda v: isinstance(v, list) and bool(v) and all(map(_is_length, v)), fits)
        return None if value is None else tuple(value)

    def listed(self, key: str) -> tuple[str, ...]:
        fits = "is a list of names"
        value = self._value(key, lambda v: isinstance(v, list) and all(isinstance(n, str) for n in v), fits)
        return tuple(value or ())

    def names(self, key: str) -> dict[str, str]:
        value = self._value(
            key, lambda v: isinstance(v, dict) and all(isinstance(n, str) for n in v.values()), "is a table of names"
        )
        return dict(value or {})

    def dtype(self, key: str) -> str | None:
        name = self.text(key)
        if name is not None and name not in _DTYPES:
            raise self.wrong(key, f"is one of {', '.join(_DTYPES)}")
        return name

    def index(self) -> Index:
        value = self.values.get("index", [])
        steps = value if isinstance(value, list) else [value]
        found = [_step(step) for step in steps]
        if any(step is None for step in found):
            raise self.wrong("index", 'is a list with a whole number or a range such as ":" or "0:10" for each axis')
        return tuple(step for step in found if step is not None)


_WHOLE = tuple(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))
_DTYPES = ("bool", *_WHOLE, "float16", "float32", "float64")


def _is_length(value: Any) -> bool:
    return type(value) is int and abs(value) <= BEYOND


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _step(step: Any) -> int | slice | None:
    if _is_length(step):
        return int(step)
    if not isinstance(step, str) or not (found := re.fullmatch(r"(-?\d{1,9})?:(-?\d{1,9})?", step.strip())):
        return None
    return slice(*(None if bound is None else int(bound) for bound in found.groups()))


def stored_dtype(name: Any) -> np.dtype | None:
    """A dtype by a name that people write: `float32`, `f32`, `<f4`; None where it is none that holds numbers."""
    text = str(name).strip()
    if short := re.fullmatch(r"([fiu])(8|16|32|64)", text):
        text = {"f": "float", "i": "int", "u": "uint"}[short[1]] + short[2]
    try:
        dtype = np.dtype(text)
    except TypeError:
        return None
    return dtype if dtype.kind in "biuf" and dtype.newbyteorder("=").name in _DTYPES else None
