"""Checkpoints that attack: good weights, and beside, before, inside or instead of them a call.

Every callable stands in every place where a pickle can hold one, so that a list of what is forbidden would have to know
all of them. Python's own unpickler would import what each names; what it would call gets a path, and makes a file there
where it is `os.system` or `eval`.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fuzz.materials import checkpoints

CALLS = (
    *(("os", "system"), ("posix", "system"), ("subprocess", "Popen"), ("builtins", "eval"), ("builtins", "exec")),
    *(("functools", "partial"), ("torch.hub", "load"), ("torch", "load"), ("importlib", "import_module")),
    *(("runpy", "run_path"), ("numpy", "load"), ("pickle", "loads"), ("shutil", "rmtree"), ("webbrowser", "open")),
)


def _text(text: str) -> bytes:
    data = text.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def _name(call: tuple[str, str]) -> bytes:
    return f"c{call[0]}\n{call[1]}\n".encode()


def _called(call: tuple[str, str], path: Path) -> bytes:
    argument = f"touch {path}" if call[1] == "system" else f"open({str(path)!r}, 'w')"
    return _name(call) + _text(argument) + b"\x85R"


PLACES: dict[str, Callable[[bytes, tuple[str, str], Path], bytes]] = {
    "before the weights, thrown away": lambda good, call, path: _called(call, path) + b"0" + good,
    "instead of the weights": lambda good, call, path: _called(call, path),
    "beside the weights": lambda good, call, path: b"}" + _text("state_dict") + good + b"s" + _text("x")
    + _called(call, path) + b"s",
    "among the weights": lambda good, call, path: good + _text("evil") + _called(call, path) + b"s",
    "as a key": lambda good, call, path: b"}" + _text("state_dict") + good + b"s" + _called(call, path) + b"Ns",
    "named only": lambda good, call, path: b"}" + _text("state_dict") + good + b"s" + _text("x") + _name(call) + b"s",
    "by __new__": lambda good, call, path: _name(call) + b")\x81" + b"0" + good,
    "as a state": lambda good, call, path: good + b"ccollections\nOrderedDict\n)R" + _called(call, path) + b"b0",
    "by INST": lambda good, call, path: b"(" + _text(str(path)) + b"i" + _name(call)[1:] + b"0" + good,
    "by OBJ": lambda good, call, path: b"(" + _name(call) + _text(str(path)) + b"o0" + good,
    "in a list": lambda good, call, path: b"]" + _called(call, path) + b"a0" + good,
}  # fmt: skip


def hostile(canary: Path) -> Iterator[tuple[str, bytes]]:
    """What each does, and its bytes: one for every call in every place.

    Parameters
    ----------
    canary : the file that would be made if one were run
    """
    members, name = _members()
    good = members[name][2:-1]  # without the protocol, and the full stop
    for call in CALLS:
        for place, put in PLACES.items():
            program = b"\x80\x02" + put(good, call, canary) + b"."
            yield f"{'.'.join(call)} {place}", _packed({**members, name: program})


def names_in(data: bytes) -> list[tuple[str, str]]:
    """What Python's unpickler would import of a checkpoint; it imports nothing here."""
    found: list[tuple[str, str]] = []

    class Names(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            found.append((module, name))
            return _Anything

        def persistent_load(self, pid: Any) -> Any:
            return _Anything()

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        program = archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))
    with contextlib.suppress(pickle.UnpicklingError, TypeError, AttributeError, EOFError):
        Names(io.BytesIO(program)).load()  # what it has named where it breaks off counts
    return found


class _Anything(dict[Any, Any]):
    def __new__(cls, *arguments: Any) -> _Anything:
        return super().__new__(cls)

    def __init__(self, *arguments: Any) -> None:
        super().__init__()

    def __setstate__(self, state: Any) -> None:
        pass

    __hash__ = object.__hash__  # type: ignore[assignment]


def _members() -> tuple[dict[str, bytes], str]:
    with zipfile.ZipFile(io.BytesIO(checkpoints()[0]["pytorch_model.bin"])) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return members, next(name for name in members if name.endswith("data.pkl"))


def _packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()
