"""What an implementation under test is made of, so that a long run can tell whether it is still the same one.

Convention: of Python code, every loaded file of its package and every other one below the current folder; of a program,
what it says of itself and each file that its command names. What those read in their turn is not seen.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from parity.files.whole import sha256_file
from parity.ports.program.program import Program
from parity.ports.python import GROUP, NATIVE, Implementation

INSTALLED = {"site-packages", "dist-packages"}
LAB = Path(__file__).resolve().parents[1]


def implementation_made_of(under_test: Implementation) -> dict[str, Any]:
    """Names and plain values that are others where the implementation is another one."""
    if under_test.name == NATIVE.name:
        return {"name": under_test.name}
    if under_test.program is not None:
        return {"name": under_test.name, **_program(under_test.program)}
    return code_made_of(under_test.name)


def code_made_of(spec: str) -> dict[str, Any]:
    """The same of `module:object`, or an entry point, that is loaded."""
    return {"name": spec, "files": _hash(_files_of(_module_of(spec)))}


def _program(program: Program) -> dict[str, Any]:
    words = [Path(found) for word in program.command if (found := shutil.which(word) or word)]
    files = [path for path in words if path.is_file()]
    description = {name: repr(value) for name, value in asdict(program.description).items()}
    return {"files": _hash(files), "describes": description}


def _module_of(spec: str) -> str:
    if ":" in spec:
        return spec.partition(":")[0]
    points = {point.name: point.value for point in importlib.metadata.entry_points(group=GROUP)}
    return points.get(spec, spec).partition(":")[0]


def _files_of(module: str) -> list[Path]:
    package, here = module.partition(".")[0], Path.cwd().resolve()
    found = set()
    for name, loaded in list(sys.modules.items()):
        place = getattr(loaded, "__file__", None)
        if not place:
            continue
        path = Path(place).resolve()
        own = name == package or name.startswith(f"{package}.")
        beside = path.is_relative_to(here) and not path.is_relative_to(LAB) and not INSTALLED & set(path.parts)
        if (own or beside) and path.is_file():
            found.add(path)
    return sorted(found)


def _hash(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path}\0{sha256_file(path)}\n".encode())
    return digest.hexdigest()
