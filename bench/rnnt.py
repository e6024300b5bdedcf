"""`python -m bench.rnnt`: the RNN-T backend and gigaam's own search on PyTorch, in alternation on the same utterances.

Both sides in one process, round by round, each head's utterance by one and then by the other; what counts is the ratio
of neighbours, for absolute rates mean little on a shared machine. Torch gets the thread count at which it is faster, or
the one asked for; the backend's graphs are too small for more than one. At the end the backend takes 100,000 steps in a
process of its own whose memory is watched.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.commands.tables import table_option
from parity.console import run_and_exit, stderr, stdout
from parity.files.whole import check_writable, write_text
from parity.report.document import environment
from parity.report.grid import uncut
from parity.report.steps import statistics_line
from parity.report.tables import BENCH_RNNT
from parity.rnnt.search import greedy
from parity.rnnt.seeded import SeededHead, SeededUtterance
from parity.rnnt.step import OnnxJointStep, RnntNetworks
from parity.subjects.rnnt.fixtures import HEADS, made_head
from parity.tables.writing import targets, write_tables

REAL_SIZE = ("one_layer_34", "one_layer_1025", "two_layers_34", "two_layers_1025")
SEED = 9
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    rounds: Annotated[int, typer.Option(min=1, help="Counted rounds, after one warm-up.")] = 5,
    frames: Annotated[int, typer.Option(min=10, help="Encoder frames of an utterance.")] = 300,
    steps: Annotated[int, typer.Option(min=0, help="Steps over which memory is watched; 0 leaves it out.")] = 100_000,
    torch_threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the reference; those with which it is faster by default.")
    ] = None,
    json_path: Annotated[Path, typer.Option("--json", help="Where the report goes.")] = Path("reports/bench-rnnt.json"),
    table: Annotated[list[str], table_option(BENCH_RNNT)] = [],  # noqa: B006
) -> None:
    """Steps per second of gigaam's search on PyTorch and of the backend, and the backend's memory.

    Exit status 1 where tokens differ.
    """
    check_writable(json_path)
    wanted = targets(table, BENCH_RNNT, [json_path])
    threads = _faster_threads(frames) if torch_threads is None else _with_threads(torch_threads)
    heads = [_measure(HEADS[name], rounds, frames) for name in REAL_SIZE]
    report = report_of(heads, threads, frames, rounds, _memory_apart(steps) if steps else None)
    write_text(json_path, json.dumps(report, indent=1) + "\n")
    write_tables(wanted, report)
    stdout.print(_table(report))
    raise typer.Exit(0 if all(head["tokens_equal"] for head in heads) else 1)


def report_of(heads: list[dict], threads: int, frames: int, rounds: int, memory: dict | None) -> dict:
    """`reports/bench-rnnt.json`; a row per head."""
    return {
        "schema": 1,
        "machine": {**environment(), "torch_threads": threads, "backend_threads": 1},
        "weights": "seeded heads",
        "frames": frames,
        "rounds": rounds,
        "heads": heads,
        "ratio": min(head["ratio"] for head in heads),
        "memory": memory,
    }


def _faster_threads(frames: int) -> int:
    """The number of torch threads at which the reference is faster, set for the rest of the run."""
    import torch

    rates = {}
    for threads in dict.fromkeys((1, torch.get_num_threads())):
        torch.set_num_threads(threads)
        reference = _reference(HEADS[REAL_SIZE[0]])
        encoded = SeededUtterance("bench", frames, SEED).encoded()
        rates[threads] = min(_timed(lambda: reference(encoded))[0] for _ in range(3))  # noqa: B023
    best = min(rates, key=rates.get)
    torch.set_num_threads(best)
    return best


def _with_threads(threads: int) -> int:
    import torch

    torch.set_num_threads(threads)
    return threads


def _reference(recipe: SeededHead) -> callable:
    from capture.rnnt.reference import FIRST_CHARACTER, build_head, build_search, decode

    head = made_head(recipe)
    module, search = build_head(head), build_search(head, 10)
    return lambda encoded: [ord(c) - FIRST_CHARACTER for c in decode(search, module, encoded)]


def _measure(recipe: SeededHead, rounds: int, frames: int) -> dict:
    encoded = SeededUtterance("bench", frames, SEED).encoded(recipe.enc_hidden)
    reference, backend = _reference(recipe), OnnxJointStep(RnntNetworks(made_head(recipe)))
    theirs, ours = reference(encoded), greedy(backend, encoded).tokens.tolist()
    backend.statistics.clear()
    pairs = []
    for number in range(1, rounds + 1):
        stderr.print(f"{recipe.name}: round {number}/{rounds}")
        pairs.append((_timed(lambda: reference(encoded))[0], _timed(lambda: greedy(backend, encoded))[0]))
    steps = backend.statistics.steps // rounds
    return {
        "name": recipe.name,
        "steps": steps,
        "tokens": len(ours),
        "tokens_equal": theirs == ours,
        "reference_steps_per_second": steps / statistics.median(a for a, _ in pairs),
        "steps_per_second": steps / statistics.median(b for _, b in pairs),
        "ratio": statistics.median(a / b for a, b in pairs),
        "ratios": [round(a / b, 2) for a, b in pairs],
        "statistics": statistics_line(backend.statistics),
    }


def _timed(run: callable) -> tuple[float, object]:
    started = time.perf_counter()
    result = run()
    return time.perf_counter() - started, result


def _memory_apart(steps: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", f"from bench.rnnt import watch_memory; watch_memory({steps})"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


def watch_memory(steps: int, marks: int = 10) -> None:
    """Take steps with the largest seeded head and print the resident memory at ten marks as JSON, in kB."""
    backend = OnnxJointStep(RnntNetworks(made_head(HEADS[REAL_SIZE[-1]])))
    encoded = SeededUtterance("memory", 100, SEED).encoded()
    greedy(backend, encoded)
    backend.statistics.clear()
    resident = [_resident()]
    for mark in range(1, marks + 1):
        while backend.statistics.steps < steps * mark // marks:
            greedy(backend, encoded)
        resident.append(_resident())
    report = {
        "steps": backend.statistics.steps,
        "resident_kb": resident,
        "growth_kb": resident[-1] - resident[0],
        "second_half_kb": resident[-1] - resident[marks // 2],
    }
    print(json.dumps(report))


def _resident() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("this system does not say how much memory is resident")


def _table(report: dict) -> Table:
    grid = Table(
        box=SIMPLE_HEAD,
        title=f"ratio {report['ratio']:.1f} (least of the heads) · torch {report['machine']['torch_threads']} threads, "
        f"backend 1 · {report['weights']}",
        title_justify="left",
    )
    for column in ("head", "steps", "gigaam/s", "backend/s", "ratio", "tokens"):
        grid.add_column(column, justify="left" if column in ("head", "tokens") else "right", no_wrap=True)
    for head in report["heads"]:
        spread = f"{head['ratio']:.1f}, {min(head['ratios']):.1f}-{max(head['ratios']):.1f}"
        rates = [f"{head[key]:,.0f}" for key in ("reference_steps_per_second", "steps_per_second")]
        grid.add_row(head["name"], str(head["steps"]), *rates, spread, "equal" if head["tokens_equal"] else "DIFFER")
    if memory := report["memory"]:
        grid.caption = (
            f"steps per second; resident memory {memory['growth_kb']:+d} kB over {memory['steps']:,} steps, "
            f"{memory['second_half_kb']:+d} kB over the second half"
        )
        grid.caption_justify = "left"
    return uncut(grid)


def main() -> None:
    """Entry point."""
    run_and_exit(app)


if __name__ == "__main__":
    main()
