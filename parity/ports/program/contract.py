"""What a program says of itself, read strictly.

Task: the JSON object that `PROGRAM describe` prints -> a `Description`. Every mistake is one line that names the
program, the key, its value, and what was expected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parity.errors import InputError, one_line
from parity.files.documents import parse_json
from parity.names import did_you_mean

PROTOCOL = 1
PIPELINES = {"community-1": "community-1", "rnnt": "rnn-t", "rnn-t": "rnn-t"}
"""What a program may call its pipeline -> the pipeline's name."""

FORMATS = ("npy", "safetensors")
REQUIRED = ("protocol", "name", "version", "stages")
SHOWN = 80
"""Characters of a program's own words in a message."""


@dataclass(frozen=True)
class OwnFault:
    """A mistake that a program makes when `parameters.json` has its name under `fault`.

    Attributes
    ----------
    name : lower-case words joined by underscores
    stage : the stage that it truly breaks
    about : what is done instead of what, in one line
    """

    name: str
    stage: str
    about: str


@dataclass(frozen=True)
class Description:
    """What a program says of itself.

    Attributes
    ----------
    name, version : the port's own
    stages : those it has, in the order it names them; none where it only has `run`
    pipeline : `community-1` or `rnn-t`
    formats : of arrays; the first one is what it is sent, each is understood
    serve, run : whether it answers `serve` and `run`
    declares : what it means to do differently: keys and values of a dump's `deviations.toml`
    faults : mistakes that it can make, for `parity calibrate`
    """

    name: str
    version: str
    stages: tuple[str, ...]
    pipeline: str = "community-1"
    formats: tuple[str, ...] = ("npy",)
    serve: bool = False
    run: bool = False
    declares: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[OwnFault, ...] = ()


def read_description(program: str, text: str | bytes) -> Description:
    """What `describe` printed.

    Parameters
    ----------
    program : its command, for messages

    Raises
    ------
    InputError : it is not one JSON object, a key lacks or holds something else, or the protocol is another one
    """
    place = f"{program} describe"
    try:
        said = parse_json(text)
    except ValueError as error:
        shown = one_line(text.decode("utf-8", "replace") if isinstance(text, bytes) else text, SHOWN)
        raise InputError(f"{place}: printed {shown!r}, expected one JSON object ({one_line(error)})") from None
    return description_of(place, said)


def description_of(place: str, said: Any) -> Description:
    """A description out of JSON; see `read_description`."""
    if not isinstance(said, dict):
        raise InputError(f"{place}: a {type(said).__name__}, expected one JSON object")
    if lacking := [key for key in REQUIRED if key not in said]:
        raise InputError(f"{place}: lacks {', '.join(lacking)}; required are {', '.join(REQUIRED)}")
    if said["protocol"] != PROTOCOL or isinstance(said["protocol"], bool):
        raise InputError(f"{place}: protocol {said['protocol']!r}; this version speaks {PROTOCOL}")
    pipeline = said.get("pipeline", "community-1")
    if not isinstance(pipeline, str) or pipeline not in PIPELINES:
        raise InputError(f"{place}: pipeline {pipeline!r}; there are: community-1, rnnt")
    found = Description(
        name=_text(place, said, "name"),
        version=_text(place, said, "version"),
        stages=() if _runs_only(said) else _texts(place, said, "stages"),
        pipeline=PIPELINES[pipeline],
        formats=_texts(place, said, "formats", ("npy",)),
        serve=_flag(place, said, "serve"),
        run=_flag(place, said, "run"),
        declares=said.get("declares", {}),
        faults=tuple(_fault(place, row) for row in _rows(place, said)),
    )
    if odd := [name for name in found.formats if name not in FORMATS]:
        raise InputError(f"{place}: formats: {', '.join(odd)}; there are: {', '.join(FORMATS)}")
    if not isinstance(found.declares, dict):
        raise InputError(f"{place}: declares is a {type(found.declares).__name__}, expected an object")
    return found


def _runs_only(said: Mapping[str, Any]) -> bool:
    """Whether it is a whole port that cannot be taken apart: it has no stage, and `run`."""
    return said["stages"] == [] and said.get("run") is True


def check_stages(place: str, description: Description, pipeline: str, known: tuple[str, ...]) -> None:
    """Refuse a program of another pipeline, or one that names a stage which the pipeline has not.

    Parameters
    ----------
    pipeline, known : the pipeline's name and its stages

    Raises
    ------
    InputError : says what was expected
    """
    if description.pipeline != pipeline:
        raise InputError(f"{place}: a port of {description.pipeline}, and {pipeline} is under test here")
    named = (*description.stages, *(fault.stage for fault in description.faults))
    if odd := [name for name in dict.fromkeys(named) if name not in known]:
        raise InputError(
            f"{place}: unknown stages {', '.join(odd)}; {did_you_mean(odd, known)}there are: {', '.join(known)}"
        )


def _rows(place: str, said: Mapping[str, Any]) -> list[Any]:
    rows = said.get("faults", [])
    if not isinstance(rows, list):
        raise InputError(f"{place}: faults is {_shown(rows)}, expected a list of objects")
    names = [row.get("name") if isinstance(row, dict) else None for row in rows]
    if twice := sorted({str(name) for name in names if names.count(name) > 1}):
        raise InputError(f"{place}: faults: {', '.join(twice)} more than once")
    return rows


def _fault(place: str, row: Any) -> OwnFault:
    if not isinstance(row, dict) or not {"name", "stage", "about"} <= set(row):
        raise InputError(f"{place}: faults: {_shown(row)}, expected an object with name, stage and about")
    return OwnFault(*(_text(f"{place}: faults", row, key) for key in ("name", "stage", "about")))


def _text(place: str, said: Mapping[str, Any], key: str) -> str:
    value = said[key]
    if not isinstance(value, str) or not value.strip() or value != one_line(value):
        raise InputError(f"{place}: {key} is {_shown(value)}, expected text on one line")
    return value


def _texts(place: str, said: Mapping[str, Any], key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    value = said.get(key, list(default))
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        raise InputError(f"{place}: {key} is {_shown(value)}, expected a list of names, at least one")
    if len(set(value)) < len(value):
        raise InputError(f"{place}: {key} names {', '.join(sorted({v for v in value if value.count(v) > 1}))} twice")
    return tuple(value)


def _flag(place: str, said: Mapping[str, Any], key: str) -> bool:
    value = said.get(key, False)
    if not isinstance(value, bool):
        raise InputError(f"{place}: {key} is {_shown(value)}, expected true or false")
    return value


def _shown(value: Any) -> str:
    return one_line(json.dumps(value, ensure_ascii=False), SHOWN)
