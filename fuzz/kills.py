"""`python -m fuzz.kills`: commands that write, killed at random moments, then run again; `reports/kills.json`.

After every kill what bears a trusted name is whole, old or new, and no name that was there is gone; after the next run
of the same command nothing of the killed one is left. A command runs in a fork of this process, in which the lab is
imported already: a kill hits the command, not the imports.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from fuzz import materials
from parity.checkout import default_folder
from parity.console import run_and_exit, stderr, stdout
from parity.errors import InputError
from parity.files.documents import read_json
from parity.files.whole import OLD, PART, check_writable, write_text
from parity.names import find_names
from parity.report.document import environment, to_json

BEFORE = '{"before": true}\n'
OPTIONAL = ("torch", "mlx", "ncnn")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Command:
    """One command that writes.

    Attributes
    ----------
    words : its arguments; `{}` is the folder that it works in
    writes : files and folders that it writes there
    before : files among them that are there already, and are written over
    prepare : makes what it reads
    again : exit statuses of a second run: 2 where what is whole already is not written over
    """

    words: tuple[str, ...]
    writes: tuple[str, ...]
    before: tuple[str, ...] = ()
    prepare: Callable[[Path], None] | None = None
    again: tuple[int, ...] = (0,)


def _dumps(folder: Path) -> None:
    for side in ("a", "b"):
        (folder / side).mkdir()
        materials.write(folder / side, materials.snapshots()[1])


def _goldens(folder: Path) -> None:
    (folder / "goldens").mkdir()
    materials.write(folder / "goldens", materials.goldens()[0])


def _catalogue(folder: Path) -> None:
    from parity.fixtures.catalogue import add_fixture

    text = (default_folder() / "catalogue.toml").read_text(encoding="utf-8")
    first = text.partition("[[fixture]]")[2].partition("[[fixture]]")[0]
    (folder / "fixtures").mkdir()
    (folder / "fixtures" / "catalogue.toml").write_text("[[fixture]]" + first, encoding="utf-8")
    (folder / "x.wav").write_bytes(materials.clips()[0]["x.wav"])
    add_fixture(folder / "fixtures", "old", folder / "x.wav")


COMPARED = ("c.json", "c.md", "c.csv")
COMMANDS = {
    "fixtures add": Command(("fixtures", "add", "mine", "{}/x.wav"), ("fixtures",), prepare=_catalogue, again=(0, 2)),
    "compare": Command(
        ("compare", "{}/a", "{}/b", "--json", "{}/c.json", "--markdown", "{}/c.md", "--table", "{}/c.csv"),
        COMPARED,
        COMPARED,
        _dumps,
    ),
    "fingerprint": Command(("fingerprint", "{}/a", "{}/f.json"), ("f.json",), ("f.json",), _dumps),
    "margins": Command(("margins", "13", "14", "--json", "{}/m.json"), ("m.json",), ("m.json",)),
    "map": Command(("map", "{}/goldens", "--out", "{}/m.toml"), ("m.toml",), ("m.toml",), _goldens),
    "kit": Command(("kit", "{}/kit", "--decisions"), ("kit",), again=(0, 2)),
    "new-port": Command(("new-port", "{}/port", "--language", "python"), ("port",), again=(0, 2)),
    "rnnt seed": Command(("rnnt", "seed", "three_layers_small", "{}/seed"), ("seed",), again=(0, 2)),
    "check": Command(("check", "--controls", "--json", "{}/k.json"), ("k.json",), ("k.json",)),
}


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
    names = find_names(command, list(COMMANDS), refused="--command {}: unknown", there_are="there are:") or COMMANDS
    check_writable(json_path)
    if not hasattr(os, "fork"):
        raise InputError("this system has no fork; kills run on Linux and macOS")
    import_everything()
    rng, started = random.Random(seed), time.monotonic()
    rows = []
    for position, name in enumerate(names):
        count = number * (position + 1) // len(names) - number * position // len(names)
        rows.append(_killed(name, count, rng))
        stderr.print(f"{name}: {rows[-1]['killed']} killed of {count}", markup=False)
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


def report(rows: list[dict[str, Any]], seed: int, seconds: float) -> dict[str, Any]:
    """`reports/kills.json`; a row per command."""
    counted = ("runs", "killed", "half_written", "lost_names", "left_overs", "second_runs_failed")
    return {
        "schema": 1,
        "seed": seed,
        "seconds": round(seconds, 1),
        "environment": environment(),
        "summary": {key: sum(row[key] for row in rows) for key in counted},
        "commands": rows,
    }


def passed(document: dict[str, Any]) -> bool:
    """Whether nothing is half-written, lost or left."""
    return not any(document["summary"][key] for key in BAD)


BAD = ("half_written", "lost_names", "left_overs", "second_runs_failed")


def lines(document: dict[str, Any]) -> list[str]:
    """The verdict, and what went wrong."""
    summary = document["summary"]
    counts = ", ".join(f"{summary[key]} {key.replace('_', ' ')}" for key in BAD)
    first = (
        f"{'HELD' if passed(document) else 'BROKEN'}. {summary['killed']} of {summary['runs']} runs killed: {counts}"
    )
    return [first, *(f"{row['command']}: {said}" for row in document["commands"] for said in row["said"])]


def _killed(name: str, count: int, rng: random.Random) -> dict[str, Any]:
    row: dict[str, Any] = {"command": name, "runs": count, "killed": 0, "said": [], **dict.fromkeys(BAD, 0)}
    seconds, whole = _clean_run(COMMANDS[name])
    for _ in range(count):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            _ready(COMMANDS[name], folder)
            row["killed"] += _run(COMMANDS[name], folder, after=rng.uniform(0, 1.1 * seconds)) is None
            _note(row, _wrong(COMMANDS[name], folder, whole))
            status = _run(COMMANDS[name], folder)
            if status not in COMMANDS[name].again:
                _note(row, [("second_runs_failed", f"the next run ended with {status}")])
            _note(row, _wrong(COMMANDS[name], folder, whole, over=True))
    return row


def _note(row: dict[str, Any], wrong: list[tuple[str, str]]) -> None:
    for key, said in wrong:
        row[key] += 1
        row["said"] += [said] if len(row["said"]) < 5 else []


def _ready(command: Command, folder: Path) -> None:
    if command.prepare:
        command.prepare(folder)
    for name in command.before:
        (folder / name).write_text(BEFORE, encoding="utf-8")


def _clean_run(command: Command) -> tuple[float, set[str]]:
    """How long it takes undisturbed, and the names that it writes."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _ready(command, folder)
        started = time.monotonic()
        if (status := _run(command, folder)) != 0:
            raise InputError(f"{' '.join(command.words)}: ended with {status} undisturbed")
        return time.monotonic() - started, _names(command, folder)


def _run(command: Command, folder: Path, after: float | None = None) -> int | None:
    """The exit status of a command, or None where it was killed after so many seconds."""
    child = os.fork()
    if child == 0:
        _be(command, folder)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _be(command: Command, folder: Path) -> None:
    from parity.__main__ import app as lab

    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.environ["PARITY_CACHE"] = str(folder / "cache")
    if (folder / "fixtures").exists():
        os.environ["PARITY_FIXTURES"] = str(folder / "fixtures")
    sys.argv = ["parity", *(word.replace("{}", str(folder)) for word in command.words)]
    try:
        run_and_exit(lab)
    except SystemExit as error:
        os._exit(error.code if isinstance(error.code, int) else 1)
    os._exit(0)


def _names(command: Command, folder: Path) -> set[str]:
    """What there is of what it writes; hidden names are nobody's, `.gitignore` and what a killed run was writing."""
    paths = [path for name in command.writes for path in (folder / name, *(folder / name).rglob("*"))]
    names = (path.relative_to(folder) for path in paths if path.exists())
    return {name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts)}


def _wrong(command: Command, folder: Path, whole: set[str], *, over: bool = False) -> list[tuple[str, str]]:
    """What is half-written or lost after a kill; after the next run, `over`, what is left or missing too."""
    there = _names(command, folder)
    found = [("lost_names", f"{name} is gone") for name in command.before if name not in there]
    for name in command.writes:
        below = {entry for entry in there if entry == name or entry.startswith(f"{name}/")}
        wanted = {entry for entry in whole if entry == name or entry.startswith(f"{name}/")}
        if name != "fixtures" and below and below != wanted:
            found.append(("half_written", f"{name} lacks {len(wanted - below)} of {len(wanted)} names"))
        if over and not below:
            found.append(("half_written", f"{name} is not there after the next run"))
    found += [("half_written", said) for name in sorted(there) if (said := _half(folder / name))]
    if "fixtures" in command.writes:
        found += _catalogue_wrong(folder / "fixtures", over=over)
    if over:
        paths = [path for path in folder.rglob(".*") if path.name.endswith((PART, OLD))]
        found += [("left_overs", f"{path.name} is left") for path in paths]
    return found


def _half(path: Path) -> str | None:
    """What is wrong with one file, by its format."""
    if not path.is_file():
        return None
    try:
        if not path.stat().st_size:  # an RTTM in which nobody speaks
            return None if path.suffix == ".rttm" or path.name == "__init__.py" else f"{path.name} is empty"
        if path.suffix == ".json":
            read_json(path)
        elif path.suffix in (".npy", ".npz", ".ckpt"):
            return _half_arrays(path)
        elif path.read_bytes()[-1:] != b"\n" and path.suffix in (".md", ".csv", ".toml", ".rttm"):
            return f"{path.name} breaks off"
    except (OSError, ValueError) as error:
        return f"{path.name}: {error}"
    return None


def _half_arrays(path: Path) -> str | None:
    from parity.files.arrays import read_file
    from parity.networks.checkpoint import read_checkpoint

    if path.suffix != ".ckpt":
        return "; ".join(read_file(path).problems) or None
    if path.read_bytes() == BEFORE.encode():
        return None
    try:
        read_checkpoint(path)
    except InputError as error:
        return str(error)
    return None


def _catalogue_wrong(folder: Path, *, over: bool) -> list[tuple[str, str]]:
    from parity.fixtures.catalogue import Catalogue

    try:
        entries = {entry.name: entry for entry in Catalogue.read(folder).fixtures}
        for name in ("old", "mine"):
            if name in entries:
                entries[name].clip()
    except InputError as error:
        return [("half_written", str(error))]
    found = [("lost_names", "the entry of old is gone")] if "old" not in entries else []
    if over and "mine" not in entries:
        found.append(("lost_names", "what was added is not in the catalogue"))
    return found


if __name__ == "__main__":
    run_and_exit(app)
