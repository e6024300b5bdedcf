"""`python -m bench.device --out DIR`: pyannote.audio 4.0.4 and this project on a GPU, in one script.

A machine with a GPU is at hand for minutes. So every step is a process of its own with a limit, a step that fails is a
row with its error, and `device.json` is written after each of them. Steps stand in the order of what they are worth.

The reference is captured on the same machine's CPU too: its torch, NumPy and processor are others than those of the
committed snapshots, and only what differs between CPU and card of one machine is the card's.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from capture.environment import DEFAULT_THREADS
from parity.console import run_and_exit, stderr, stdout
from parity.errors import InputError
from parity.files.machine import cpu_model
from parity.files.whole import write_text
from parity.networks.runtime import available_cores

SCHEMA = 1
NAME, GATE = "device.json", "parity.json"
CAPTURED = ("14_partial_tail", "02_pyannote_sample", "08_known_count", "10_summed_overlap", "12_many_voices")
LONG = ("06_long_mixture", "12_many_voices")
"""Left out of the gate: every stage by itself takes the CPU minutes on them, and `diarize` has their RTTM."""
BUDGET = 470
DONE, FAILED, LEFT_OUT = "done", "failed", "not run"
LAST_LINES = 6

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Step:
    """One process.

    Attributes
    ----------
    name : its key in the report
    arguments : of the interpreter
    limit : seconds it may take
    answers : whether its last line of output is JSON, which the report keeps
    beside : name of a group that runs at the same time; those of one group stand together, and are waited for when
        the next step does not belong to it
    """

    name: str
    arguments: tuple[str, ...]
    limit: float
    answers: bool = False
    beside: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


def steps(
    out: Path,
    device: str,
    fixtures: Sequence[str],
    clips: Sequence[str],
    seconds: int,
    patience: float = 1.0,
    threads: int = DEFAULT_THREADS,
) -> list[Step]:
    """Everything that is done, what matters most first.

    Parameters
    ----------
    out : the folder of captures and of the report
    fixtures : captured by pyannote.audio on the CPU and on the device
    clips : diarized by this project
    seconds : of the recording that is timed
    patience : by which every step's limit is multiplied
    threads : of the captures
    """

    threaded = () if threads == DEFAULT_THREADS else ("--threads", str(threads))

    def capture(name: str, words: Sequence[str], names: Iterable[str], limit: float) -> Step:
        chosen = [word for fixture in names for word in ("--fixture", fixture)]
        arguments = (
            "-m",
            "capture",
            *chosen,
            *words,
            *threaded,
            "--out",
            str(out / name.partition(" ")[0]),
            "--resume",
        )
        return Step(f"capture {name}", arguments, limit, beside="captures")

    def worker(name: str, *words: str, limit: float, beside: str = "") -> Step:
        arguments = ("-m", "bench.device_worker", name.partition(" ")[0], device, *words)
        return Step(name, arguments, limit, answers=True, beside=beside)

    def compared(first: str, second: str) -> Step:
        folders = [str(committed if side == "committed" else out / side) for side in (first, second)]
        return Step(f"{first} against {second}", ("-m", "bench.device_worker", "compare", *folders), 60, answers=True)

    on, committed = ("--device", device), _fixtures()
    precisions = ("float32", "tf32", "float16")
    plan = [
        worker("environment", limit=90),
        capture("device", on, fixtures, 150),
        capture("device-tf32", (*on, "--tf32"), fixtures, 150),
        *(worker(f"diarize {name}", name, *clips, limit=150, beside="captures") for name in precisions),
        *(capture(f"cpu {name}", (), [name], 210) for name in fixtures),
        compared("cpu", "device"),
        compared("cpu", "device-tf32"),
        compared("committed", "cpu"),
        compared("committed", "device"),
        worker("speed", str(seconds), limit=120),
        worker("profile", str(min(seconds, 120)), limit=60),
        capture("device-again", on, fixtures[:2], 60),
        compared("device", "device-again"),
        worker("answers", str(seconds), limit=60),
        Step("gate", _gate(out, device, [name for name in clips if name not in LONG]), 150),
        worker("verdicts", str(out / GATE), limit=30),
    ]
    return [replace(step, limit=patience * step.limit) for step in plan]


def _gate(out: Path, device: str, clips: Sequence[str]) -> tuple[str, ...]:
    chosen = [word for name in clips for word in ("--fixture", name)]
    words = ("--runtime", "torch", "--device", device, "--no-html", "--json", str(out / GATE))
    return ("-m", "parity", "run", *chosen, *words)


def _fixtures() -> Path:
    from parity.fixtures.catalogue import default_folder

    return default_folder().resolve()


class Report:
    """`device.json`, written whenever something is known."""

    def __init__(self, path: Path, head: Mapping[str, Any]) -> None:
        self.path, self._document = path, {"schema": SCHEMA, **head, "steps": {}}
        self._write()

    def add(self, name: str, row: Mapping[str, Any]) -> None:
        """A step's row."""
        self._document["steps"][name] = dict(row)
        self._write()

    def finish(self, seconds: float) -> None:
        """How long all of it took."""
        self._document["seconds"] = round(seconds, 1)
        self._write()

    def _write(self) -> None:
        write_text(self.path, json.dumps(self._document, indent=1, allow_nan=False) + "\n")

    @property
    def statuses(self) -> dict[str, str]:
        """Step -> how it ended."""
        return {name: row["status"] for name, row in self._document["steps"].items()}


@dataclass
class Running:
    """A step under way; what it prints goes to files, for a pipe that nobody reads holds it up."""

    step: Step
    log: Path
    started: float
    ends: float
    process: subprocess.Popen
    ended: threading.Event = field(default_factory=threading.Event)
    seconds: float = 0.0
    stopped: bool = False

    @classmethod
    def start(cls, step: Step, folder: Path, ends: float) -> Running:
        """Start it; `ends` is the moment, on the monotonic clock, after which nothing may run."""
        log = folder / "logs" / f"{step.name.replace(' ', '-').replace('/', '-').replace('..', 'up')}.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        now = time.monotonic()
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **step.environment}
        with log.open("w") as err, log.with_suffix(".out").open("w") as out:
            command = [sys.executable, *step.arguments]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment)
        running = cls(step, log, now, min(ends, now + step.limit), process)
        threading.Thread(target=running._watch, daemon=True).start()
        return running

    def _watch(self) -> None:
        # By itself, for those of a group are asked one after the other, and a limit is each one's own.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, self.ends - time.monotonic()))
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            self.stopped = True
        self.seconds = time.monotonic() - self.started
        self.ended.set()

    def row(self) -> dict[str, Any]:
        """Wait for it, no longer than it may take; what the report says of it."""
        self.ended.wait()
        said = f"stopped after {self.ends - self.started:.0f} s" if self.stopped else None
        code = None if self.stopped else self.process.returncode
        return _judged({"seconds": round(self.seconds, 2), "exit_status": code}, said, self.step, self.log)


def _judged(row: dict[str, Any], said: str | None, step: Step, log: Path) -> dict[str, Any]:
    """The row with what was found, or why nothing was. Status 1 of a command means that something differs."""
    found = _answer(log.with_suffix(".out")) if step.answers else None
    failed = said or row["exit_status"] not in (0, 1) or (step.answers and found is None)
    if failed:
        row |= {"status": FAILED, "error": said or _last_lines(log)}
    else:
        row |= {"status": DONE}
    return row | ({"found": found} if found is not None else {})


def _answer(path: Path) -> Any:
    for line in reversed(path.read_text(encoding="utf-8", errors="replace").splitlines()):
        try:
            return json.loads(line)
        except ValueError:
            continue
    return None


def _last_lines(path: Path) -> str:
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-LAST_LINES:])[-1200:] or "it said nothing"


def run(
    plan: Sequence[Step],
    report: Report,
    folder: Path,
    budget: float,
    tell: Callable[[str], None] = lambda line: None,
) -> None:
    """Run all steps, each guarded, and write the report after each.

    Parameters
    ----------
    folder : for logs
    budget : seconds for all of it; what does not fit is said to be left out
    tell : called with a line for each step
    """
    started = time.monotonic()
    ends, group = started + budget, []

    def finish() -> None:
        for running in group:
            row = running.row()
            report.add(running.step.name, row)
            tell(f"{running.step.name}: {row['status']} in {row['seconds']:.0f} s {row.get('error', '')}".rstrip())
        group.clear()

    for step in plan:
        if group and (not step.beside or step.beside != group[0].step.beside):
            finish()
        if time.monotonic() >= ends:
            report.add(step.name, {"status": LEFT_OUT, "error": f"no time left of {budget:.0f} s"})
            continue
        group.append(Running.start(step, folder, ends))
    finish()
    report.finish(time.monotonic() - started)


@app.command()
def bench(
    out: Annotated[Path, typer.Option(help="For captures, logs and device.json.")],
    device: Annotated[str, typer.Option(help="cuda, or cpu to try the script.")] = "cuda",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="One short fixture, a few seconds to time.")] = False,
    budget: Annotated[int, typer.Option(min=10, help="Seconds for all of it.")] = BUDGET,
    fixture: Annotated[list[str], typer.Option(help="Captured, instead of the usual five; repeatable.")] = [],  # noqa: B006
    only: Annotated[list[str], typer.Option(help="Steps whose names begin with these words; repeatable.")] = [],  # noqa: B006
    threads: Annotated[int, typer.Option(min=1, help="Of the captures.")] = DEFAULT_THREADS,
    patience: Annotated[float, typer.Option(min=0.1, help="By which each step's limit is multiplied.")] = 1.0,
) -> None:
    """Captures, comparisons, diarizations and timings on a GPU, into DIR/device.json. Exit status 1: a step failed."""
    from parity.fixtures.catalogue import Catalogue, default_folder

    if (out / NAME).exists():
        raise InputError(f"{out / NAME}: is there already; give another --out")
    names = Catalogue.read(default_folder()).names
    fixtures, clips = (CAPTURED[:1], CAPTURED[:1]) if dry_run else (tuple(fixture) or CAPTURED, names)
    out.mkdir(parents=True, exist_ok=True)
    out = out.resolve()
    head = {
        "device": device,
        "machine": {"cpu": cpu_model(), "cores": available_cores(), "python": platform.python_version()},
        "dry_run": dry_run,
    }
    report = Report(out / NAME, head)
    plan = steps(out, device, fixtures, clips, 12 if dry_run else 600, patience, threads)
    plan = [step for step in plan if not only or any(f"{step.name} ".startswith(f"{words} ") for words in only)]
    run(plan, report, out, budget, lambda line: stderr.print(line, markup=False, soft_wrap=True))
    failed = [name for name, status in report.statuses.items() if status != DONE]
    stdout.print(f"{report.path}: {len(report.statuses) - len(failed)} of {len(report.statuses)} steps done")
    raise typer.Exit(1 if failed else 0)


def main() -> None:
    """Entry point."""
    run_and_exit(app)


if __name__ == "__main__":
    main()
