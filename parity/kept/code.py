"""What code a result depends on: a module and everything of ours that it imports, near and far, by its text.

Convention: imports are read in the source, wherever they stand; nothing is loaded for it. The faces of packages that a
module lies in are not among them, unless something is imported from the face: `parity.community1.fbank` does not
depend on clustering, though `parity.community1` hands both on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
NAME = __name__.partition(".")[0]
FROM = re.compile(rf"^[ \t]*from ({NAME}[\w.]*) import (\([^)]*\)|[^(\n]+)", re.M)
IMPORT = re.compile(rf"^[ \t]*import ({NAME}\.[\w.]+)", re.M)
COMMENT = re.compile(r"#.*")


def code_key(modules: Iterable[str], alone: Iterable[str] = ()) -> str:
    """The SHA-256 over the sources of modules and all that they import.

    Parameters
    ----------
    alone : modules whose imports do not count

    Raises
    ------
    FileNotFoundError : there is no such module
    """
    digest = hashlib.sha256()
    for name in sorted({*_closure(tuple(modules)), *alone}):
        digest.update(f"{name} ".encode() + hashlib.sha256(_source(name)).digest())
    return digest.hexdigest()


@cache
def _closure(modules: tuple[str, ...]) -> frozenset[str]:
    found, left = set[str](), list(modules)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += imported(_source(name))
    return frozenset(found)


def imported(source: bytes) -> list[str]:
    """Modules of this package that a source imports, or seems to: a line in a docstring may read like an import."""
    text, names = source.decode(), list[str]()
    for module, inside in FROM.findall(text):
        members = [
            f"{module}.{name.split()[0]}" for name in COMMENT.sub("", inside).strip("()").split(",") if name.strip()
        ]
        modules = [name for name in members if _is_ours(name)]
        names += modules if len(modules) == len(members) else [*modules, module]
    return [name for name in [*names, *IMPORT.findall(text)] if _is_ours(name)]


def _is_ours(name: str) -> bool:
    return name.startswith(f"{NAME}.") and _path(name) is not None


@cache
def _source(name: str) -> bytes:
    path = _path(name)
    if path is None:
        raise FileNotFoundError(f"no module {name}")
    return path.read_bytes()


def _path(name: str) -> Path | None:
    place = PACKAGE.joinpath(*name.split(".")[1:])
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)
