"""`python -m bench.scale`: how seconds and memory grow with the length of a recording, stage by stage.

Every measurement is a process of its own. Whole recordings go through `parity diarize`; where the networks would take
too long, everything else can go with recorded answers in their place, of a file of 48 kHz in stereo too. Clustering
also runs alone, on the snapshots' embeddings repeated with noise, and both ways of centroid linkage run on the same
embeddings and must give the same dendrogram. Processor seconds count where others use the machine too. What was
measured before and is not now stays in the report, under its length.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from bench import report_file
from parity.commands.tables import table_option
from parity.console import run_and_exit, stderr, stdout
from parity.errors import InputError
from parity.files.machine import cpu_model
from parity.networks.runtime import available_cores
from parity.networks.wespeaker.runtime import AUTO
from parity.report.document import environment
from parity.report.grid import uncut
from parity.report.tables import SCALE
from parity.tables.writing import targets, write_tables

MINUTES = (4, 15, 60)
RECORDED = (1, 5)  # hours
FILES = (60,)  # minutes
EMBEDDINGS = (1000, 2000, 4000, 8000, 16000, 25000)
WAYS = ("scipy", "little_memory")
NETWORKS = ("segmentation", "embeddings")

Row = Mapping[str, Any]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    minutes: Annotated[list[int], typer.Option(min=1, help="Lengths of recordings; repeatable.")] = list(MINUTES),  # noqa: B006
    hours: Annotated[list[int], typer.Option(min=1, help="Further lengths; 5 takes 40 idle minutes.")] = [],  # noqa: B006
    recorded_hours: Annotated[list[int], typer.Option(min=1, help="Lengths without the networks.")] = list(RECORDED),  # noqa: B006
    file_minutes: Annotated[list[int], typer.Option(min=1, help="Files of 48 kHz stereo, likewise.")] = list(FILES),  # noqa: B006
    embeddings: Annotated[list[int], typer.Option(min=100, help="Clustered alone; repeatable.")] = list(EMBEDDINGS),  # noqa: B006
    recordings: Annotated[bool, typer.Option(help="Whether whole recordings are run.")] = True,
    clustering: Annotated[bool, typer.Option(help="Whether clustering is run alone.")] = True,
    threads: Annotated[int | None, typer.Option(min=1, help="Chunks at once; default: the cores at hand.")] = None,
    runtime: Annotated[str, typer.Option(help="Of the embedding network.")] = AUTO,
    json_path: Annotated[Path, typer.Option("--json", help="Where the report goes.")] = Path("reports/bench.json"),
    table: Annotated[list[str], table_option(SCALE)] = [],  # noqa: B006
) -> None:
    """Growth of seconds, by stage, and of memory with the length of a recording.

    Exit status 1 where the two ways of linkage differ.
    """
    wanted = targets(table, SCALE, [json_path])
    report_file.merge(json_path, {})  # now, not after an hour: can it be written
    lengths = sorted({60 * length for length in (*minutes, *(60 * hour for hour in hours))})
    cores, found = threads or available_cores(), kept(json_path)
    found["machine"] = {**environment(), "cpu": cpu_model(), "threads": cores}
    for length in lengths if recordings else ():
        put(found, "clips", "audio_seconds", apart("recording", length, cores, runtime))
        save(json_path, found)
    for length in sorted({3600 * hour for hour in recorded_hours}) if recordings else ():
        put(found, "recorded", "audio_seconds", apart("recording", length, cores, runtime, "recorded"))
        save(json_path, found)
    for length in sorted({60 * minute for minute in file_minutes}) if recordings else ():
        put(found, "files", "audio_seconds", apart("file", length, cores, runtime, "recorded"))
        save(json_path, found)
    for count in sorted(set(embeddings)) if clustering else ():
        put(found, "clustering", "embeddings", apart("clustering", count))
        put(found, "linkage", "embeddings", both_ways(count))
        save(json_path, found)
    write_tables(wanted, {"scale": found})
    for grid in tables(found):
        stdout.print(grid)
    raise typer.Exit(0 if all(row["equal"] for row in found["linkage"]) else 1)


def apart(*words: object) -> dict[str, Any]:
    """One measurement in a process of its own.

    Raises
    ------
    InputError : it failed; its message is above
    """
    stderr.print(" ".join(map(str, words)))
    command = [sys.executable, "-W", "ignore", "-m", "bench.scale_worker", *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise InputError(f"bench: measuring {words} ended with status {done.returncode}; its message is above")
    return json.loads(done.stdout)


def both_ways(count: int) -> dict[str, Any]:
    """SciPy's linkage and ours in little memory on the same embeddings."""
    ways = {way: apart("dendrogram", count, way) for way in WAYS}
    hashes = {found.pop("sha256") for found in ways.values()}
    return {"embeddings": count, **ways, "equal": len(hashes) == 1}


# --- the report --------------------------------------------------------------------------------------------------


def kept(path: Path) -> dict[str, Any]:
    """What earlier runs left under `scale`."""
    found = json.loads(path.read_text(encoding="utf-8")).get("scale", {})
    return {
        "schema": 1,
        "machine": {},
        "clips": [],
        "recorded": [],
        "files": [],
        "clustering": [],
        "linkage": [],
        **found,
    }


def put(found: dict[str, Any], part: str, key: str, row: Row) -> None:
    """Put a row where its length belongs, in place of an older one of the same length."""
    rows = {old[key]: old for old in found[part]} | {row[key]: row}
    found[part] = [rows[length] for length in sorted(rows)]


def save(path: Path, found: dict[str, Any]) -> None:
    """Write what is there, with the growth between neighbouring lengths."""
    found["growth"] = growth(found)
    report_file.merge(path, {"scale": found})


def growth(found: Mapping[str, Sequence[Row]]) -> dict[str, list[dict[str, float]]]:
    """Exponents of processor seconds between neighbouring lengths: 1 is linear, 2 quadratic."""
    clips, alone = found["clips"], found["clustering"]
    by_embeddings = {
        "clustering": [(row["embeddings"], row["cpu_seconds"]) for row in alone],
        **{
            stage: [(row["embeddings"], row["stages"][stage]["cpu_seconds"]) for row in alone]
            for stage in ("ahc", "vbx", "reconstruction")
        },
    }
    by_seconds = {"networks": [(row["audio_seconds"], networks(row)) for row in clips]}
    return {name: exponents(points) for name, points in (by_seconds | by_embeddings).items()}


def networks(row: Row) -> float:
    """Processor seconds of both networks."""
    return sum(row["cpu_seconds"][stage] for stage in NETWORKS)


def exponents(points: Iterable[tuple[float, float]]) -> list[dict[str, float]]:
    """Slopes between neighbours on logarithmic axes."""
    return [
        {"from": size, "to": next_size, "exponent": round(math.log(next_cost / cost) / math.log(next_size / size), 2)}
        for (size, cost), (next_size, next_cost) in pairwise(points)
        if cost > 0 and next_cost > 0
    ]


# --- tables ------------------------------------------------------------------------------------------------------


def tables(found: Mapping[str, Any]) -> list[Table]:
    """For the terminal; `cpu` is processor seconds, `^` their exponent since the line above."""
    slopes = {name: {step["to"]: step["exponent"] for step in steps} for name, steps in found["growth"].items()}
    return [
        _table("recordings", RECORDINGS, [_recording(row, slopes["networks"]) for row in found["clips"]]),
        _table(
            "recorded answers in place of the networks'", RECORDINGS, [_recording(row, {}) for row in found["recorded"]]
        ),
        _table(
            "files of 48 kHz stereo, recorded answers likewise",
            RECORDINGS,
            [_recording(row, {}) for row in found["files"]],
        ),
        _table("clustering and after, alone", ALONE, [_alone(row, slopes) for row in found["clustering"]]),
        _table("centroid linkage", LINKAGE, [_linkage(row) for row in found["linkage"]]),
    ]


RECORDINGS = ["min", "chunks", "embedded", "speakers", "s", "s/s", "cpu networks", "^", "cpu after", "MB"]
ALONE = ["embedded", "chunks", "clusters", "speakers", "cpu", "^", "ahc", "^", "vbx", "^", "MB"]
LINKAGE = ["embedded", "scipy cpu", "scipy MB", "ours cpu", "ours MB", "dendrogram"]


def _recording(row: Row, slopes: Mapping[float, float]) -> list[str]:
    return [
        f"{row['audio_seconds'] / 60:.0f}",
        *(f"{row[key]:,}" for key in ("chunks", "embeddings", "speakers")),
        f"{row['seconds']:,.0f}",
        f"{row['seconds'] / row['audio_seconds']:.3f}",
        f"{networks(row):,.0f}",
        _slope(slopes, row["audio_seconds"]),
        f"{row['cpu_seconds']['clustering and after']:.1f}",
        f"{row['peak_mb']:,.0f}",
    ]


def _alone(row: Row, slopes: Mapping[str, Mapping[float, float]]) -> list[str]:
    count, stages = row["embeddings"], row["stages"]
    cells = [f"{row[key]:,}" for key in ("embeddings", "chunks", "initial_clusters", "speakers")]
    cells += [f"{row['cpu_seconds']:,.1f}", _slope(slopes["clustering"], count)]
    for stage in ("ahc", "vbx"):
        cells += [f"{stages[stage]['cpu_seconds']:,.1f}", _slope(slopes[stage], count)]
    return [*cells, f"{row['peak_mb']:,.0f}"]


def _linkage(row: Row) -> list[str]:
    numbers = [f"{row[way][key]:,.1f}" for way in WAYS for key in ("cpu_seconds", "more_mb")]
    return [f"{row['embeddings']:,}", *numbers, "equal" if row["equal"] else "DIFFERS"]


def _slope(slopes: Mapping[float, float], size: float) -> str:
    return f"{slopes[size]:.2f}" if size in slopes else "-"


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    grid = Table(box=SIMPLE_HEAD, title=title, title_justify="left", padding=(0, 0), collapse_padding=True)
    for head in heads:
        grid.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    return uncut(grid)


def main() -> None:
    """Entry point."""
    run_and_exit(app)


if __name__ == "__main__":
    main()
