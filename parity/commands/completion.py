"""What the shell offers after a beginning: names of fixtures, faults and runtimes, without loading the lab.

A key press may not wait for seconds: fixtures are read from `catalogue.toml` alone, and names of faults from their
modules' text. Whatever goes wrong, nothing is offered, for nobody can read an error there.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from parity.checkout import CATALOGUE, default_folder, writable
from parity.names import close_names

PARITY = Path(__file__).resolve().parents[1]
Complete = Callable[[str], list[str]]


def _offering(names: Callable[[], Iterable[str]]) -> Complete:
    def complete(incomplete: str) -> list[str]:
        known: list[str] = []
        with contextlib.suppress(Exception):
            known = list(names())
        return [name for name in known if name.startswith(incomplete)] or close_names(incomplete, known)

    return complete


def fixture_names() -> list[str]:
    """Names of the catalogue's fixtures, in its order."""
    from parity.files.documents import parse_toml

    folders = dict.fromkeys((default_folder(), writable(default_folder())))  # the second: added to the wheel's
    tables = [parse_toml(path.read_text(encoding="utf-8")) for f in folders if (path := f / CATALOGUE).is_file()]
    return [fixture["name"] for table in tables for fixture in table["fixture"]]


def rnnt_fixture_names() -> list[str]:
    """Names of the RNN-T fixtures that have a snapshot."""
    return sorted(path.name for path in (default_folder() / "rnnt").iterdir() if path.is_dir())


def runtime_names() -> list[str]:
    """Names of the runtimes of the embedding network, `auto` first."""
    from parity.networks.wespeaker.runtime import AUTO, RUNTIMES

    return [AUTO, *RUNTIMES]


def fault_names() -> list[str]:
    """Names of the planted faults, as their modules list them."""
    folder = PARITY / "faults" / "known"
    return [name for path in sorted(folder.glob("*.py")) for name in names_in_faults(path)]


def rnnt_fault_names() -> list[str]:
    """Names of the RNN-T backend's planted faults."""
    return names_in_faults(PARITY / "subjects" / "rnnt" / "faults.py")


def names_in_faults(path: Path) -> list[str]:
    """First arguments, literal names, of the calls that a module's list `FAULTS` is made of."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if getattr(target, "id", "") == "FAULTS":
            calls = [call for call in getattr(getattr(node, "value", None), "elts", []) if isinstance(call, ast.Call)]
            found += [ast.literal_eval(call.args[0]) for call in calls]
    return found


complete_fixture = _offering(fixture_names)
complete_rnnt_fixture = _offering(rnnt_fixture_names)
complete_runtime = _offering(runtime_names)
complete_fault = _offering(fault_names)
complete_rnnt_fault = _offering(rnnt_fault_names)
