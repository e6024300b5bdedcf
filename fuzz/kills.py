"""`python -m fuzz.kills`: commands that write, killed, then run again; `reports/kills.json`.

Half of the kills come at a random moment of the time that a command takes, half just before a random one of the steps
in which it touches the disk (a file opened for writing, a rename, a removal, …), of which there are few: most moments
are computing. After every kill what bears a trusted name is whole, old or new, and no name that was there is gone;
after the next run of the same command nothing of the killed one is left, no process either. A command runs in a fork
of this process, in which the lab is imported already: a kill hits the command, not the imports.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from fuzz.wreckage import Wrong, names_of, wrong
from fuzz.writers import BEFORE, COMMANDS, Command, link_cache
from parity.console import run_and_exit, stderr, stdout
from parity.errors import InputError
from parity.files.whole import check_writable, write_text
from parity.names import find_names
from parity.report.document import environment, to_json

BAD = ("half_written", "lost_names", "left_overs", "second_runs_failed")
OPTIONAL = ("torch", "mlx", "ncnn")
TRIES = 3  # runs for each kill that is wanted: some end before the moment comes
PATIENCE = 10.0  # seconds in which a killed command's own processes have to end
STEPS = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "os.symlink"})
EXCHANGE = "renameat2"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def kills(
    number: Annotated[int, typer.Option("--kills", min=1, help="How many, over all commands.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Of the moments.")] = 1,
    command: Annotated[list[str], typer.Option(help="Only this command; repeatable. All otherwise.")] = [],  # noqa: B006
    json_path: Annotated[Path, typer.Option("--json", help="Where the report goes.")] = Path("reports/kills.json"),
) -> None:
    """Kill commands that write at random moments, and run them again.

    Exit status: 0 all that bears a trusted name is whole, nothing is left over, no name is lost; 1 not so.
    """
    names = find_names(command, list(COMMANDS), refused="--command {}: unknown", there_are="there are:")
    chosen = {name: COMMANDS[name] for name in names or COMMANDS}
    check_writable(json_path)
    if not hasattr(os, "fork"):
        raise InputError("this system has no fork; kills run on Linux and macOS")
    import_everything()
    rng, started = random.Random(seed), time.monotonic()
    rows = []
    for name, count in shares(number, {name: found.share for name, found in chosen.items()}).items():
        rows.append(_killed(name, count, rng))
        stderr.print(f"{name}: {rows[-1]['killed']} killed of {rows[-1]['runs']}", markup=False)
    document = report(rows, seed, time.monotonic() - started)
    write_text(json_path, to_json(document))
    for line in lines(document):
        stdout.print(line, soft_wrap=True)
    raise typer.Exit(0 if passed(document) else 1)


def import_everything() -> None:
    """Import all of the lab but what an extra brings."""
    import parity

    for found in pkgutil.walk_packages(parity.__path__, "parity."):
        if not any(word in found.name for word in OPTIONAL) and ".templates" not in found.name:
            importlib.import_module(found.name)


def shares(number: int, weights: dict[str, int]) -> dict[str, int]:
    """So many kills shared out by weight, at least one each where there are enough; their sum is the number."""
    total = sum(weights.values())
    ends, so_far = [0], 0
    for weight in weights.values():
        so_far += weight
        ends.append(number * so_far // total)
    return {name: after - before for name, before, after in zip(weights, ends, ends[1:])}


def report(rows: list[dict[str, Any]], seed: int, seconds: float) -> dict[str, Any]:
    """`reports/kills.json`; a row per command."""
    counted = ("runs", "killed", *BAD)
    return {
        "schema": 1,
        "seed": seed,
        "seconds": round(seconds, 1),
        "environment": environment(),
        "summary": {"commands": len(rows), **{key: sum(row[key] for row in rows) for key in counted}},
        "commands": rows,
    }


def passed(document: dict[str, Any]) -> bool:
    """Whether nothing is half-written, lost or left."""
    return not any(document["summary"][key] for key in BAD)


def lines(document: dict[str, Any]) -> list[str]:
    """The verdict, and what went wrong."""
    summary = document["summary"]
    counts = ", ".join(f"{summary[key]} {key.replace('_', ' ')}" for key in BAD)
    first = (
        f"{'HELD' if passed(document) else 'BROKEN'}. {summary['killed']} of {summary['runs']} runs of "
        f"{summary['commands']} commands killed: {counts}"
    )
    return [first, *(f"{row['command']}: {said}" for row in document["commands"] for said in row["said"])]


@dataclass(frozen=True)
class Moment:
    """When a run is killed: after so many seconds, or just before the step of that number, from 1."""

    seconds: float | None = None
    step: int | None = None


def _killed(name: str, count: int, rng: random.Random) -> dict[str, Any]:
    row: dict[str, Any] = {"command": name, "runs": 0, "killed": 0, "steps": 0, "said": [], **dict.fromkeys(BAD, 0)}
    if not count:
        return row
    command = COMMANDS[name]
    seconds, steps, whole = clean_run(command)
    row["steps"] = steps
    while row["killed"] < count and row["runs"] < TRIES * count:
        aimed = row["runs"] % 2 == 0
        moment = Moment(step=rng.randint(1, steps)) if aimed else Moment(seconds=rng.uniform(0, seconds))
        row["runs"] += 1
        row["killed"] += _one(row, command, moment, whole)
    return row


def _one(row: dict[str, Any], command: Command, moment: Moment, whole: set[str]) -> bool:
    """One run that is killed, and the next; whether it was."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _ready(command, folder)
        was_killed = _run(command, folder, moment)[0] is None
        _note(row, wrong(command, folder, whole))
        if was_killed and not _group_ends():
            _note(row, [("left_overs", "a process of the killed run goes on")])
        status = _run(command, folder)[0]
        if status not in (command.again or (command.ends,)):
            _note(row, [("second_runs_failed", f"the next run ended with {status}")])
        _note(row, wrong(command, folder, whole, over=True))
    return was_killed


def _note(row: dict[str, Any], found: Wrong) -> None:
    for key, said in found:
        row[key] += 1
        row["said"] += [said] if len(row["said"]) < 5 else []


def _ready(command: Command, folder: Path) -> None:
    link_cache(folder, command.warm)
    if command.prepare:
        command.prepare(folder)
    for name in command.before:
        (folder / name).write_text(BEFORE, encoding="utf-8")


def clean_run(command: Command) -> tuple[float, int, set[str]]:
    """How long it takes undisturbed, in how many steps it touches the disk, and the names that it writes.

    Raises
    ------
    InputError : it ends with another status, or does not write what the table says
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _ready(command, folder)
        started = time.monotonic()
        status, steps = _run(command, folder, Moment(step=0))
        if status != command.ends:
            raise InputError(f"{' '.join(command.words)}: ended with {status} undisturbed")
        seconds, there = time.monotonic() - started, names_of(command, folder)
        if missing := [name for name in command.writes if not (folder / name).exists()]:
            raise InputError(f"{' '.join(command.words)}: does not write {', '.join(missing)}")
        unsaid = {path.name for path in folder.iterdir() if path.is_file()} - there - _inputs(command)
        if unsaid := {name for name in unsaid if not name.endswith(".progress.json")}:
            raise InputError(f"{' '.join(command.words)}: writes {', '.join(sorted(unsaid))} too")
        return seconds, steps, there


def _inputs(command: Command) -> set[str]:
    with tempfile.TemporaryDirectory() as place:
        _ready(command, Path(place))
        return {path.name for path in Path(place).iterdir()}


_group = 0


def _run(command: Command, folder: Path, moment: Moment = Moment()) -> tuple[int | None, int]:
    """The exit status of a command, None where it was killed, and in how many steps it touched the disk."""
    global _group
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        _be(command, folder, moment.step, write)
    os.close(write)
    _group = child
    if moment.seconds is not None:
        time.sleep(moment.seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    with os.fdopen(read, "rb") as counted:
        said = counted.read()
    steps = int(said or b"0")
    return None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), steps


def run_alone(command: Command, folder: Path) -> None:
    """Run one command undisturbed: what another one reads is made by it.

    Raises
    ------
    InputError : it ends with another status
    """
    if (status := _run(command, folder)[0]) != command.ends:
        raise InputError(f"{' '.join(command.words)}: ended with {status} undisturbed")


def _group_ends() -> bool:
    """Whether the processes that the last run started end too, now that it is dead."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            os.killpg(_group, 0)
        except (ProcessLookupError, PermissionError):
            return True
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(_group, signal.SIGKILL)
    return False


def _be(command: Command, folder: Path, step: int | None, told: int) -> None:
    from parity.__main__ import app as lab

    os.setsid()
    os.set_inheritable(told, False)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.environ["PARITY_CACHE"] = str(folder / "cache")
    if (folder / "fixtures").exists():
        os.environ["PARITY_FIXTURES"] = str(folder / "fixtures")
    os.chdir(folder)
    sys.argv = ["parity", *(word.replace("{}", str(folder)) for word in command.words)]
    steps = _Steps(str(folder), step)
    status = 1
    try:
        run_and_exit(lab)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    finally:  # whatever happens: this process must not go on as a copy of the other
        os.write(told, str(steps.count).encode())
        os._exit(status)


class _Steps:
    """Counts the steps in which this process touches what lies in a folder, and kills it before one of them."""

    def __init__(self, folder: str, last: int | None) -> None:
        self.count, self._folder, self._last, self._process = 0, folder, last, os.getpid()
        sys.addaudithook(self._on)

    def _on(self, event: str, arguments: tuple[Any, ...]) -> None:
        if os.getpid() != self._process or not self._touches(event, arguments):
            return
        self.count += 1
        if self.count == self._last:
            os.kill(self._process, signal.SIGKILL)

    def _touches(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "ctypes.dlsym":
            return bool(arguments[1] == EXCHANGE)
        if event == "open":
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            return writes and self._inside(arguments[0])
        return event in STEPS and any(self._inside(each) for each in arguments[:2])

    def _inside(self, path: Any) -> bool:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False
        found = Path(os.fsdecode(path))
        return str(found).startswith(self._folder) or not found.is_absolute()


if __name__ == "__main__":
    run_and_exit(app)
