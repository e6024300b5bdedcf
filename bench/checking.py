"""How long `parity check` keeps one waiting, beside what the program itself takes: `python -m bench.checking PROGRAM`.

Cold is a process that finds no byte code of Python's and none of the files that it reads in memory (asked of the
system, which may keep some); warm is the same again. The program's own time is the processor time of its processes,
which on an idle machine is what one waits for it; what is left of the wall time is the lab's and the system's.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from parity.checkout import default_folder
from parity.files.machine import cpu_model

ROUNDS = 5
PACKAGES = ("numpy", "scipy", "pandas", "rich", "typer", "click", "parity")
INSIDE = """
import json, resource, sys
from parity.__main__ import main
try:
    main()
finally:
    used = {name: (u.ru_utime + u.ru_stime) for name, u in (
        ("lab", resource.getrusage(resource.RUSAGE_SELF)), ("program", resource.getrusage(resource.RUSAGE_CHILDREN)))}
    print("\\n" + json.dumps(used), file=sys.stderr)
"""


@dataclass(frozen=True)
class Waited:
    """One `parity check`, in seconds.

    Attributes
    ----------
    wall : from start to end
    lab, program : processor time of the lab's process, and of the program's
    """

    wall: float
    lab: float
    program: float

    @property
    def on_top(self) -> float:
        """What one waits beside the program's own time."""
        return self.wall - self.program


def check(program: str, byte_code: Path) -> Waited:
    """Run it once.

    Parameters
    ----------
    byte_code : where Python keeps its byte code

    Raises
    ------
    RuntimeError : the program does not pass
    """
    command = [sys.executable, "-c", INSIDE, "check", program]
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(byte_code)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or nothing would ever be warm
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)
    return Waited(wall, **json.loads(done.stderr.splitlines()[-1]))


def forget(folders: Iterable[Path]) -> None:
    """Ask the system to let go of what it keeps in memory of these folders' files."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file():
                handle = os.open(path, os.O_RDONLY)
                try:
                    os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                finally:
                    os.close(handle)


def packages() -> list[Path]:
    """The folders of what `parity check` imports."""
    found = [find_spec(name) for name in PACKAGES]
    return [Path(spec.origin).parent for spec in found if spec is not None and spec.origin]


def main(
    program: Annotated[str, typer.Argument(help="As `parity check` takes it.")],
    rounds: Annotated[int, typer.Option(min=1, help="Of each; the median is what counts.")] = ROUNDS,
) -> None:
    """Measure `parity check` on a program, cold and warm, and print it as JSON."""
    cold, warm = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as byte_code:
            forget([*packages(), default_folder()])
            cold.append(check(program, Path(byte_code)))
            warm.append(check(program, Path(byte_code)))
    said = {
        "program": program,
        "cpu": cpu_model(),
        "load": os.getloadavg()[0],
        **{
            name: {
                "median_on_top_seconds": statistics.median(one.on_top for one in each),
                "least_on_top_seconds": min(one.on_top for one in each),
                "rounds": [asdict(one) for one in each],
            }
            for name, each in (("cold", cold), ("warm", warm))
        },
    }
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    typer.run(main)
