"""Deviations on purpose: what a port declares to do otherwise than the reference, read strictly.

Task: `deviations.toml` in a dump, a file named on the command line, or what a program's `describe` says under
`declares` -> values by the names of `parity.community1.parameters.Parameters`, each checked for its name, its type and
its range, everything that is wrong said at once. What the lab makes of them is `parity.ports.yardstick`.
Conventions: a whole number may stand for a number with decimals, nothing else for anything else; `"none"` (or null)
takes a bound on the number of speakers away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from parity.community1.geometry import CHUNK_SECONDS
from parity.community1.parameters import MOST_SPEAKERS, Parameters
from parity.errors import InputError, one_line
from parity.files.documents import parse_toml, read_text
from parity.names import did_you_mean

FILE = "deviations.toml"
NONE = "none"
NUMBER, WHOLE, FLAG = "a number", "a whole number", "true or false"
SHORTEST_STEP = 0.1
MOST_BYTES = 65536

Declared = dict[str, Any]
"""Name of a parameter -> its declared value."""


@dataclass(frozen=True)
class Key:
    """What may be declared under one name.

    Attributes
    ----------
    kind : `NUMBER`, `WHOLE` or `FLAG`
    low, high : the smallest and the largest value; None where it is a flag
    stages : those that it changes
    what : what it is, with its unit
    open_ : whether `low` and `high` themselves are refused
    bound : whether it may be `"none"`
    """

    kind: str
    low: float | None
    high: float | None
    stages: tuple[str, ...]
    what: str
    open_: bool = False
    bound: bool = False

    @property
    def allowed(self) -> str:
        """In words: `a number above 0 and below 1`."""
        if self.low is None or self.high is None:
            return self.kind
        between = f"above {self.low:g} and below {self.high:g}" if self.open_ else f"from {self.low:g} to {self.high:g}"
        return f"{self.kind} {between}" + (f', or "{NONE}"' if self.bound else "")


_BOUNDED = ("kmeans", "centroids", "reconstruction")
_CHUNKS = ("audio", "segmentation", "speaker_counting", "fbank", "reconstruction")
KEYS: dict[str, Key] = {
    "chunk_step": Key(NUMBER, SHORTEST_STEP, CHUNK_SECONDS, _CHUNKS, "seconds from the start of one chunk to the next"),
    "count_threshold": Key(NUMBER, 0, 1, ("speaker_counting",),
                           "part of a speaker above which one more is counted in a frame", open_=True),
    "exclude_overlap": Key(FLAG, None, None, ("masks",), "whether embeddings are pooled over frames without overlap"),
    "min_active_ratio": Key(NUMBER, 0, 1, ("filter",), "share of a chunk in which a speaker has to be alone"),
    "threshold": Key(NUMBER, 0, 2, ("ahc",), "AHC's cut, euclidean distance between unit-norm centroids"),
    "fa": Key(NUMBER, 0, 1000, ("vbx",), "VBx's scaling of the statistics", open_=True),
    "fb": Key(NUMBER, 0, 1000, ("vbx",), "VBx's speaker regularisation", open_=True),
    "max_iterations": Key(WHOLE, 1, 1000, ("vbx",), "VBx iterations at most"),
    "init_smoothing": Key(NUMBER, 0, 1000, ("vbx",), "what VBx's one-hot labels are multiplied by before the softmax"),
    "stop_below": Key(NUMBER, 0, 1000, ("vbx",), "nats; growth of the ELBO below which VBx stops"),
    "survival": Key(NUMBER, 0, 1, ("kmeans", "centroids"), "prior above which a speaker survives VBx"),
    "num_speakers": Key(WHOLE, 1, MOST_SPEAKERS, _BOUNDED, "how many people speak", bound=True),
    "min_speakers": Key(WHOLE, 1, MOST_SPEAKERS, _BOUNDED, "at least that many", bound=True),
    "max_speakers": Key(WHOLE, 1, MOST_SPEAKERS, _BOUNDED, "at most that many", bound=True),
    "min_duration_off": Key(NUMBER, 0, 3600, ("annotation",), "seconds; shorter gaps of one speaker are filled"),
}  # fmt: skip
"""What may be declared, in the pipeline's order."""


def check_declared(given: object, place: str) -> tuple[Declared, list[str]]:
    """What a mapping declares, and everything that is wrong with it.

    Parameters
    ----------
    given : names and values, of whoever wrote them
    place : where they stand, for messages: a file, or a program's `describe`

    Returns
    -------
    declared : the values in which nothing is wrong, in the pipeline's order
    problems : one line each
    """
    if not isinstance(given, Mapping):
        return {}, [f"{place}: is {_short(given)}, expected names and values, as in fa = 0.3"]
    problems = [f"{place}: {_unknown(str(name))}" for name in given if name not in KEYS]
    declared: Declared = {}
    for name, key in KEYS.items():
        if name not in given:
            continue
        value, wrong = _value(key, given[name])
        if wrong:
            problems.append(f"{place}: {name} = {_short(given[name])}: expected {key.allowed}; it is {key.what}")
        else:
            declared[name] = value
    if not problems:
        try:
            replace(Parameters(), **declared)
        except InputError as error:
            problems.append(f"{place}: {error}")
    return declared, problems


def declared_in(given: object, place: str) -> Declared:
    """What a mapping declares.

    Raises
    ------
    InputError : anything is wrong with it; all of it is said
    """
    return _nothing_wrong(*check_declared(given, place))


def check_deviations(path: Path) -> tuple[Declared, list[str]]:
    """What a TOML file declares, and everything that is wrong with it, one line each."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return {}, [f"{path}: holds more than {MOST_BYTES} bytes; expected a few lines such as fa = 0.3"]
        given = parse_toml(read_text(path, MOST_BYTES))
    except (OSError, ValueError) as error:
        return {}, [f"{path}: cannot be read as TOML ({one_line(error)}); expected lines such as fa = 0.3"]
    return check_declared(given, str(path))


def read_deviations(path: Path) -> Declared:
    """What a TOML file declares.

    Raises
    ------
    InputError : it cannot be read, or anything is wrong with it; all of it is said
    """
    return _nothing_wrong(*check_deviations(path))


def _nothing_wrong(declared: Declared, problems: list[str]) -> Declared:
    if problems:
        count = f" (and {len(problems) - 1} more: {'; '.join(problems[1:])})" if len(problems) > 1 else ""
        raise InputError(f"{problems[0]}{count}")
    return declared


def with_declared(parameters: Parameters, declared: Mapping[str, Any], place: str) -> Parameters:
    """The parameters with what is declared in their place.

    Raises
    ------
    InputError : what is declared contradicts what the recording is given, as more speakers at least than at most
    """
    try:
        return replace(parameters, **declared)
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def in_words(declared: Mapping[str, Any], instead: Mapping[str, Any] | None = None) -> str:
    """`fa = 0.3 instead of 0.07, chunk_step = 0.5 instead of 1`."""
    before = instead or {}
    return ", ".join(
        f"{name} = {said(value)}" + (f" instead of {said(before[name])}" if name in before else "")
        for name, value in declared.items()
    )


def said(value: Any) -> str:
    """A value as it stands in a file."""
    if value is None:
        return NONE
    return str(value).lower() if isinstance(value, bool) else f"{value:.9g}"


def _value(key: Key, given: Any) -> tuple[Any, bool]:
    """The value, and whether it is wrong."""
    if key.bound and (given is None or given == NONE):
        return None, False
    if key.kind == FLAG:
        return given, not isinstance(given, bool)
    kinds = (int,) if key.kind == WHOLE else (int, float)
    if isinstance(given, bool) or not isinstance(given, kinds) or not isfinite(given):
        return given, True
    assert key.low is not None and key.high is not None  # of a number
    inside = key.low < given < key.high if key.open_ else key.low <= given <= key.high
    return (given if key.kind == WHOLE else float(given)), not inside


def _unknown(name: str) -> str:
    return f"{name[:40]!r} is nothing that can be declared; {did_you_mean([name], KEYS)}there are: {', '.join(KEYS)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}…"


def stages_of(names: Iterable[str]) -> tuple[str, ...]:
    """The stages that some parameters change."""
    return tuple(dict.fromkeys(stage for name in names for stage in KEYS[name].stages))
