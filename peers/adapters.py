"""Which implementations there are, at which version, and which of their settings make a row of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from parity.errors import InputError
from parity.fixtures import Fixture

NATIVE = "parity"


@dataclass(frozen=True)
class Peer:
    """An implementation that somebody published.

    Attributes
    ----------
    name : what `--peer` calls it
    requirements : what pip installs into its environment; empty: this very environment
    worker : the module that runs in it
    """

    name: str
    requirements: tuple[str, ...]
    worker: str


@dataclass(frozen=True)
class Row:
    """One way of running a peer.

    Attributes
    ----------
    name : of the row, and of its folder under `--out`
    said : what is chosen, in words
    options : the worker's options, from the fixture, the reference's number of speakers, and the ONNX files
    """

    name: str
    peer: Peer
    said: str
    options: Callable[[Fixture, int, dict[str, str]], dict]


NUMPY = "numpy==2.2.6; python_version < '3.11'", "numpy==2.4.6; python_version >= '3.11'"
SHERPA = Peer("sherpa-onnx", ("sherpa-onnx==2.0.1",), "sherpa")
MOONSHINE = Peer("moonshine", ("moonshine-voice==0.0.73", *NUMPY), "moonshine")
OURS = Peer(NATIVE, (), "native")

# sherpa-onnx's own defaults, written down so that another version's cannot slip in.
SHERPA_DEFAULTS = {"threshold": 0.5, "min_duration_on": 0.3, "min_duration_off": 0.5}


def _sherpa(fixture: Fixture, count: int, files: dict[str, str]) -> dict:
    return {**files, **SHERPA_DEFAULTS, "num_clusters": -1}


def _sherpa_count(fixture: Fixture, count: int, files: dict[str, str]) -> dict:
    # Nobody speaking cannot be said beforehand: it takes 0 for unknown.
    return {**files, **SHERPA_DEFAULTS, "num_clusters": count or -1, "min_duration_on": 0.0, "min_duration_off": 0.0}


ROWS = (
    Row("sherpa-onnx", SHERPA, "its defaults: number of speakers unknown, cut at cosine distance 0.5", _sherpa),
    Row(
        "sherpa-onnx-count",
        SHERPA,
        "given the reference's number of speakers; no turn dropped, no gap filled, as in the reference",
        _sherpa_count,
    ),
    Row(
        "moonshine",
        MOONSHINE,
        "identify_speakers on, all else as it comes; its own weights",
        lambda fixture, count, files: {"identify_speakers": "true"},
    ),
    Row(
        NATIVE,
        OURS,
        "this project; what the reference was told beforehand",
        lambda fixture, count, files: {"weights": "wheels", "speakers": fixture.speakers},
    ),
)


def select(names: list[str]) -> tuple[Row, ...]:
    """The rows of the named peers, all of them if none is named; this project's own row always follows.

    Raises
    ------
    InputError : a name is no peer's
    """
    known = list(dict.fromkeys(row.peer.name for row in ROWS if row.peer is not OURS))
    if unknown := [name for name in dict.fromkeys(names) if name not in known]:
        raise InputError(f"unknown peer {', '.join(map(repr, unknown))}; known are {', '.join(known)}")
    return tuple(row for row in ROWS if row.peer is OURS or not names or row.peer.name in names)
