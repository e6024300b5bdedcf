"""Modules of this repository, and what each imports, read from the source."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from support import ROOT

NOT_OURS = ROOT / "parity" / "ports" / "templates"  # programs that are written for users; never imported


def modules(package: str) -> dict[str, Path]:
    """Every module of a package of this repository by its dotted name."""
    folder = ROOT / package.replace(".", "/")
    found = {}
    for path in sorted(folder.rglob("*.py")):
        if NOT_OURS in path.parents:
            continue
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path) -> set[str]:
    """Every module, and every name of a module, that a file imports anywhere in it, dotted and absolute."""
    return set(_imports(name, path))


@cache
def _imports(name: str, path: Path) -> frozenset[str]:
    found: set[str] = set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            found.update({module, *(f"{module}.{alias.name}" for alias in node.names)})
    return frozenset(found)


def of(imported: set[str], *packages: str) -> list[str]:
    """Those that are one of the packages, or inside one."""
    return sorted(name for name in imported if any(name == p or name.startswith(f"{p}.") for p in packages))
