"""`python -m bench`: the pair in alternation, ratio by ratio."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from capture.environment import pinned
from parity.console import run_and_exit, stderr, stdout
from parity.errors import InputError
from parity.files import writing_file
from parity.fixtures import Catalogue, default_folder
from parity.networks.runtime import available_cores
from parity.report.document import environment

DEFAULT_CLIPS = ("02_pyannote_sample", "05_meeting_overlap", "14_partial_tail")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Side:
    """A worker process."""

    def __init__(self, name: str, threads: int) -> None:
        self.name = name
        command = [sys.executable, "-W", "ignore", "-m", "bench.worker", name, str(threads)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **pinned(threads)}
        )
        self._answer()

    def run(self, fixture: str) -> dict:
        """Run one clip."""
        self._process.stdin.write(fixture + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise InputError(
                f"bench: the {self.name} side ended with status {self._process.wait()}; its message is above"
            )
        return json.loads(line)


@app.command()
def bench(
    fixture: Annotated[list[str], typer.Option(help="Clips; repeatable.")] = list(DEFAULT_CLIPS),  # noqa: B006
    rounds: Annotated[int, typer.Option(min=1, help="Counted rounds, after one warm-up of the first clip.")] = 2,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of either side; default: the cores at hand.")
    ] = None,
    json_path: Annotated[Path, typer.Option("--json", help="Where the report goes.")] = Path("reports/bench.json"),
) -> None:
    """Replay and pyannote.audio 4.0.4 on the same clips in alternation: seconds, ratio pair by pair, peak memory.

    Absolute seconds mean little on a shared machine; the ratio of neighbours does. Exit status 1 where an RTTM differs.
    """
    names = [entry.name for entry in Catalogue.read(default_folder()).select(fixture)]
    cores = threads or available_cores()
    pyannote, parity = Side("pyannote", cores), Side("parity", cores)
    for side in (pyannote, parity):
        side.run(names[0])
    pairs = []
    for number in range(1, rounds + 1):
        for name in names:
            stderr.print(f"round {number}/{rounds}: {name}")
            pairs.append((name, pyannote.run(name), parity.run(name)))
    for side in (pyannote, parity):
        side.close()
    clips = [_clip(name, [(a, b) for n, a, b in pairs if n == name]) for name in names]
    report = {
        "machine": {**environment(), "threads": cores},
        "rounds": rounds,
        "clips": clips,
        "median_ratio": statistics.median(clip["ratio"] for clip in clips),
        "peak_mb": max(clip["peak_mb"] for clip in clips),
        "pyannote_peak_mb": max(clip["pyannote_peak_mb"] for clip in clips),
    }
    stdout.print(_table(report))
    with writing_file(json_path) as temporary:
        temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    raise typer.Exit(0 if all(clip["rttm_equal"] for clip in clips) else 1)


def _clip(name: str, pairs: list[tuple[dict, dict]]) -> dict:
    ratios = [theirs["seconds"] / ours["seconds"] for theirs, ours in pairs]
    return {
        "name": name,
        "audio_seconds": pairs[0][1]["audio_seconds"],
        "pyannote_seconds": statistics.median(theirs["seconds"] for theirs, _ in pairs),
        "seconds": statistics.median(ours["seconds"] for _, ours in pairs),
        "pipeline_seconds": statistics.median(ours["pipeline_seconds"] for _, ours in pairs),
        "ratio": statistics.median(ratios),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "rttm_equal": all(theirs["rttm"] == ours["rttm"] for theirs, ours in pairs),
        "peak_mb": max(ours["peak_mb"] for _, ours in pairs),
        "pyannote_peak_mb": max(theirs["peak_mb"] for theirs, _ in pairs),
        "stages": pairs[-1][1]["stages"],
    }


def _table(report: dict) -> Table:
    grid = Table(
        box=SIMPLE_HEAD,
        title_justify="left",
        title=f"median ratio {report['median_ratio']:.2f} · {report['machine']['threads']} threads",
    )
    for column in ("clip", "audio", "pyannote", "replay", "s/s", "ratio", "RTTM"):
        grid.add_column(column, justify="left" if column in ("clip", "RTTM") else "right", no_wrap=True)
    for clip in report["clips"]:
        spread = f"{clip['ratio']:.1f}, {min(clip['ratios']):.1f}-{max(clip['ratios']):.1f}"
        rate = f"{clip['seconds'] / clip['audio_seconds']:.2f}"
        seconds = [f"{clip[key]:.1f}" for key in ("audio_seconds", "pyannote_seconds", "seconds")]
        grid.add_row(clip["name"], *seconds, rate, spread, "equal" if clip["rttm_equal"] else "DIFFERS")
    grid.caption = f"peak memory: pyannote {report['pyannote_peak_mb']:.0f} MB, replay {report['peak_mb']:.0f} MB"
    return grid


def main() -> None:
    """Entry point."""
    run_and_exit(app)


if __name__ == "__main__":
    main()
