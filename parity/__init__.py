"""A parity lab for ports of the `speaker-diarization-community-1` pipeline.

This is the door: it hands on what a person asks of the lab from Python, and imports a room only when something of it is
asked for. `import parity` loads neither numpy nor anything heavier; torch and pyannote.audio are imported by `capture`
alone.

Some names are those of rooms too: `parity.replay` is the package with the engine in it, and `parity.replay("02_…")`
replays a fixture. Such a room is an ordinary package (`from parity.replay.engine import replay` works as ever) that can
be called besides; calling it calls the function that `CALLED` names. Whoever imports whatever first, the answer is the
same: a room becomes callable at the moment that Python hangs it into this package.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

__version__ = "0.2.0"

__all__ = [
    "Diarizer",
    "InputError",
    "Parameters",
    "__version__",
    "community1_pipeline",
    "compare",
    "diarize",
    "explain",
    "fixtures",
    "load_networks",
    "load_weights",
    "margins",
    "plot_turns",
    "read_dump",
    "read_snapshot",
    "replay",
    "score",
    "to_frame",
    "validate",
]

P = ParamSpec("P")
R = TypeVar("R")

HANDED_ON = {
    "Diarizer": "parity.diarize",
    "InputError": "parity.errors",
    "Parameters": "parity.community1.parameters",
    "community1_pipeline": "parity.community1",
    "compare": "parity.ports.dump.asked",
    "load_networks": "parity.fixtures.prepare",
    "load_weights": "parity.sources.weights",
    "plot_turns": "parity.report.picture",
    "read_dump": "parity.ports.dump.reading",
    "read_snapshot": "parity.fixtures.snapshot",
    "score": "parity.measure.score",
    "to_frame": "parity.report.frames",
    "validate": "parity.ports.dump.asked",
}
"""Name -> the module that has it under that name."""

CALLED = {
    "diarize": ("parity.diarize", "diarize"),
    "explain": ("parity.explain.asked", "explain_fixture"),
    "fixtures": ("parity.fixtures.catalogue", "fixtures"),
    "margins": ("parity.margins.margin", "margins"),
    "replay": ("parity.gate.asked", "replay_fixture"),
}
"""Room -> module and name of the function that is called where the room is."""


def handed_on(room: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """A room's `__getattr__` (PEP 562): the names of its face, each imported when it is first asked for.

    Whoever needs one module of a room imports its face on the way, and should not wait for all that the face shows.

    Parameters
    ----------
    room : the package, for the message
    places : name -> the module that has it under that name
    """

    def find(name: str) -> Any:
        if name in places:
            return getattr(importlib.import_module(places[name]), name)
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    return find


class Room(ModuleType, Generic[P, R]):
    """A package or module of this one that can be called as well."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function that `CALLED` names; `help(parity.NAME.__wrapped__)` shows what it takes."""
        result: R = self.__wrapped__(*args, **kwargs)
        return result

    @property
    def __wrapped__(self) -> Callable[P, R]:
        """The function; `inspect.signature` and editors find it here."""
        module, name = CALLED[self.__name__.rpartition(".")[2]]
        function: Callable[P, R] = getattr(importlib.import_module(module), name)
        return function


class Door(ModuleType):
    """This package: a room of `CALLED` that is hung into it becomes a `Room`."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in CALLED and type(value) is ModuleType:
            value.__class__ = Room
        super().__setattr__(name, value)


if TYPE_CHECKING:
    from parity.community1 import community1_pipeline as community1_pipeline
    from parity.community1.parameters import Parameters as Parameters
    from parity.diarize import Diarizer as Diarizer
    from parity.diarize import diarize as _diarize
    from parity.errors import InputError as InputError
    from parity.explain.asked import explain_fixture as _explain
    from parity.fixtures import read_snapshot as read_snapshot
    from parity.fixtures.catalogue import fixtures as _fixtures
    from parity.fixtures.prepare import load_networks as load_networks
    from parity.gate.asked import replay_fixture as _replay
    from parity.margins import margins as _margins
    from parity.measure.score import score as score
    from parity.ports.dump import read_dump as read_dump
    from parity.ports.dump.asked import compare as compare
    from parity.ports.dump.asked import validate as validate
    from parity.report.frames import to_frame as to_frame
    from parity.report.picture import plot_turns as plot_turns
    from parity.sources import load_weights as load_weights

    def _room(function: Callable[P, R]) -> Room[P, R]: ...

    diarize = _room(_diarize)
    explain = _room(_explain)
    fixtures = _room(_fixtures)
    margins = _room(_margins)
    replay = _room(_replay)
else:
    _found = handed_on("parity", HANDED_ON)

    def __getattr__(name: str) -> Any:
        return importlib.import_module(f"parity.{name}") if name in CALLED else _found(name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

    sys.modules[__name__].__class__ = Door
