"""The command line of decision cases, and what it keeps beside the answers."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from capture.environment import silence_torchcodec
from capture.settings import check_installed
from parity.community1 import Parameters
from parity.console import run_and_exit, stderr
from parity.errors import InputError
from parity.files.machine import cpu_model
from parity.fixtures.decisions import MANIFEST, DecisionCase, decisions_folder, entry_of, read_kind, write_kind
from parity.fixtures.snapshot import REFERENCE_VERSION

VERSIONS = ("numpy", "scipy", "scikit-learn", "torch", "pyannote.audio", "pyannote.core")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def capture(
    check: Annotated[bool, typer.Option("--check", help="Ask again and compare; write nothing.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Replace kinds whose cases have changed.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write into this folder instead of fixtures/decisions.")] = None,
) -> None:
    """Answer every decision case with pyannote.audio 4.0.4's own functions, and keep the answers by hash.

    Exit status: 0 all kept (or, with --check, the same), 1 something differs, 2 the inputs were wrong.
    """
    check_installed(REFERENCE_VERSION)
    silence_torchcodec()
    folder = out or decisions_folder()
    differs = []
    for kind in answered():
        place = folder / kind[0].kind
        changed = changes(place, kind) if (place / MANIFEST).exists() else ["not captured yet"]
        for line in changed:
            stderr.print(f"{place.name}: {line}")
        if check or (changed and not accept and (place / MANIFEST).exists()):
            differs += changed
        elif changed:
            write_kind(place, kind, provenance(), replace=True)
            stderr.print(f"{place.name}: {len(kind)} cases kept")
    if differs and not check:
        stderr.print("cases that were there are kept; run again with --accept to replace them")
    raise typer.Exit(1 if differs else 0)


def answered() -> list[list[DecisionCase]]:
    """Every kind's cases with the reference's answers.

    Raises
    ------
    InputError : two cases have one name, or a name that is no file's
    """
    from capture.decisions.catalogue import KINDS
    from capture.decisions.reference import answer

    made = [[_with(case, answer) for case in kind()] for kind in KINDS]
    names = [case.id for kind in made for case in kind]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"decision cases {', '.join(twice)} are there twice")
    return made


def _with(case: DecisionCase, answer: Any) -> DecisionCase:
    found = answer(case.stage, case.inputs, Parameters(**case.parameters))
    return replace(case, expected={k: v if isinstance(v, str) else np.array(v) for k, v in found.items()})


def changes(folder: Path, fresh: Iterable[DecisionCase]) -> list[str]:
    """What differs between the cases that are kept and those asked for now, one line each; bit for bit."""
    kept, now = {case.name: case for case in read_kind(folder)}, {case.name: case for case in fresh}
    lines = [f"{name}: is {'no longer there' if name in kept else 'new'}" for name in sorted(set(kept) ^ set(now))]
    for name in [name for name in now if name in kept]:
        was, now_is = kept[name], now[name]
        if entry_of(was) != entry_of(now_is):
            lines.append(f"{name}: its sentence, parameters, shapes or dtypes are others")
        sides = ((was.inputs, now_is.inputs, "input"), (was.expected, now_is.expected, "answer"))
        for before, after, what in sides:
            lines += [f"{name}: {what} {key} is another" for key in before if not _same(before[key], after.get(key))]
    return lines


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, str) or isinstance(after, str) or after is None:
        return bool(before == after) if isinstance(before, str) else False
    return before.dtype == after.dtype and before.shape == after.shape and before.tobytes() == after.tobytes()


def provenance() -> dict[str, Any]:
    """Versions, machine, command: what the answers may depend on."""
    return {
        "pyannote_audio_version": importlib.metadata.version("pyannote.audio"),
        "versions": {
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in VERSIONS},
        },
        "machine": {"device": "cpu", "cpu": cpu_model(), "platform": platform.platform(), "threads": 1},
        "command": "nox -s capture -- decisions",
        "captured": time.strftime("%Y-%m-%d"),
    }


def main() -> None:
    """Entry point."""
    run_and_exit(app)
