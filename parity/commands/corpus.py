"""`parity corpus …`: many recordings: a corpus made, run, scored, judged and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parity.commands.options import StageTimeoutOption, WeightsOption
from parity.console import stderr, stdout, working
from parity.errors import InputError

if TYPE_CHECKING:
    from parity.corpus.cluster import Workers
    from parity.corpus.store import Store

app = typer.Typer(name="corpus", no_args_is_help=True, help="Many recordings: how often does the answer change?")


@app.command("make")
def make(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that is made; it must not be there yet.")],
    recordings: Annotated[int, typer.Option(help="How many.")] = 200,
    seconds: Annotated[int, typer.Option(help="Of each.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Of all chance: the same seed, the same bytes.")] = 1,
) -> None:
    """Make a corpus of seeded conversations from the pinned sources' voices: the same bytes everywhere.

    One speaker to as many as there are or fit, turns by human RTTM, levels, speeds, overlap, noise, rooms, rates and
    channels by chance; exact RTTM. They are synthetic mixtures: good for parity, not for claims about accuracy.
    """
    from parity.corpus.made.making import MANIFEST, make

    with working("the voices of the pinned sources") as tell:
        digest = make(folder, recordings, seconds, seed, tell)
    stdout.print(f"{folder / MANIFEST}: {recordings} recordings of {seconds} s, sha256 {digest}", soft_wrap=True)
    stdout.print("synthetic mixtures: good for parity, not for claims about accuracy", soft_wrap=True)


@app.command("manifest")
def manifest(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Audio, RTTM and UEM files, in any folders below; or Lhotse's recordings."),
    ],
    out: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The manifest that is written.")],
    dataset: Annotated[str, typer.Option(help="What its recordings are a part of; the folder's name by default.")] = "",
    supervisions: Annotated[
        Path | None,
        typer.Option(help="Lhotse's supervisions, where DIR is its recordings.jsonl.gz; beside it by default."),
    ] = None,
) -> None:
    """Make a manifest of a folder: files of one recording are known by its name, wherever they lie.

    Reads the layouts of AMI, VoxConverse, DIHARD and CALLHOME, and a plain folder of WAV and RTTM. Given Lhotse's
    recordings.jsonl.gz in place of a folder, it reads that and its supervisions, and writes their RTTM files as well.
    """
    from parity.corpus.layouts import rows_of, write_manifest
    from parity.corpus.lhotse import read_lhotse, rows_with_rttm

    if out.suffix != ".csv":
        raise InputError(f"{out}: ends in {out.suffix or 'nothing'!r}; this writes .csv")
    if folder.is_file():
        beside = supervisions or folder.with_name(folder.name.replace("recordings", "supervisions"))
        found = read_lhotse(folder, beside)
        rows = rows_with_rttm(found, out, dataset or folder.resolve().parent.name)
    elif supervisions is not None:
        raise InputError(f"--supervisions {supervisions}: goes with Lhotse's recordings.jsonl.gz, and {folder} is none")
    else:
        rows = rows_of(folder, dataset)
    write_manifest(out, rows)
    told = sum("human_rttm" in row for row in rows)
    stdout.print(f"{out}: {len(rows)} recordings, {told} with an RTTM; next: parity corpus run {out}", soft_wrap=True)


MANIFEST = typer.Argument(metavar="MANIFEST", help="CSV, JSON Lines or Parquet with a row for each recording.")
STORE = typer.Argument(metavar="STORE", help="The folder that `parity corpus run` wrote.")
SideOption = Annotated[
    list[str],
    typer.Option(
        "--side",
        help='Who answers; repeatable. native, native:ncnn, exec:"./my_port", module:object, rttm:DIR, or manifest '
        "(its column reference_rttm). NAME=SIDE calls it NAME.",
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option(help="Processes on this machine; the cores by default. 0: this one, without Dask.")
]
ThreadsPerWorker = Annotated[int, typer.Option(min=1, help="Threads of the networks in each worker.")]
MemoryLimit = Annotated[str, typer.Option(help="Bytes of each worker, such as 4G; an equal share by default.")]
Scheduler = Annotated[str, typer.Option(help="A Dask scheduler that runs already: tcp://host:8786.")]
Margin = Annotated[float, typer.Option(min=0.0, help="DER by which a candidate may be worse: 0.005 is half a point.")]


@app.command("run")
def run(
    manifest: Annotated[Path, MANIFEST],
    store: Annotated[Path, typer.Option(help="The folder that answers are kept in; a run that was stopped goes on.")],
    side: SideOption,
    reference: Annotated[
        str | None, typer.Option(help="One side more, that the others are compared with; forms as of --side.")
    ] = None,
    workers: WorkersOption = None,
    threads_per_worker: ThreadsPerWorker = 1,
    memory_limit: MemoryLimit = "",
    scheduler: Scheduler = "",
    weights: WeightsOption = "wheels",
    stage_timeout: StageTimeoutOption = None,
) -> None:
    """Have every side answer every recording of a corpus; what is answered already is not asked again.

    One recording is one task. A recording that fails is a row with its error, tried again by the next run. With
    --scheduler, its machines have to see the manifest's files under the same paths, and this lab of the same version.

    Exit status: 0 all answered, 1 some failed, 2 something was wrong with the inputs.
    """
    from parity.corpus.cluster import tasks_on
    from parity.corpus.manifest import read_manifest
    from parity.corpus.running import run_sides
    from parity.corpus.sides import Setup, parse_sides
    from parity.corpus.store import Store
    from parity.report.corpus import Progress

    sides = parse_sides([*([reference] if reference else []), *side])
    where = _workers(workers, memory_limit, scheduler)
    entries, kept = read_manifest(manifest), Store(store)
    setup = Setup(weights, threads_per_worker, stage_timeout)
    with kept.writing(), tasks_on(where) as tasks, Progress(stderr, tasks.dashboard) as progress:
        states = run_sides(kept, entries, sides, setup, tasks, sides[0].name if reference else None, progress.watch)
    failed = sum(state.failed for state in states)
    said = f"{failed} answers failed" if failed else f"all {len(sides)} sides answered all {len(entries)} recordings"
    stdout.print(f"{said}; next: parity corpus score {store}", soft_wrap=True)
    stdout.print(progress.table())
    raise typer.Exit(1 if failed else 0)


@app.command("score")
def score(
    store: Annotated[Path, STORE],
    workers: WorkersOption = None,
    memory_limit: MemoryLimit = "",
    scheduler: Scheduler = "",
    margin: Margin = 0.005,
) -> None:
    """Score every side against the reference and against humans, and say what that means; nothing is answered again.

    Exit status: 0 scored, 1 some pairs could not be scored, 2 something was wrong with the inputs.
    """
    from parity.corpus.cluster import tasks_on
    from parity.corpus.scoring import score_store
    from parity.corpus.summary import summarise, verdict
    from parity.report.corpus import terminal

    kept, where = _store(store), _workers(workers, memory_limit, scheduler)
    with kept.writing(), tasks_on(where) as tasks, working("scoring") as tell:
        failed = score_store(kept, tasks, lambda done, total: tell(f"scored {done} of {total}"))
    found = summarise(kept, margin)
    stdout.print(f"{verdict(found)}; next: parity corpus report {store}", soft_wrap=True)
    for table in terminal(found):
        stdout.print(table)
    raise typer.Exit(1 if failed else 0)


@app.command("explain")
def explain(
    store: Annotated[Path, STORE],
    base: Annotated[
        str | None,
        typer.Option(
            help="The side, one of native's, that stands for the reference; the reference itself where it is one, else "
            "the first in float32."
        ),
    ] = None,
    budget: Annotated[
        int, typer.Option(min=0, help="Patched runs to find the decisive elements of a flip with; 0: none.")
    ] = 60,
    snapshots: Annotated[
        Path | None,
        typer.Option(
            help="The reference's own captures, DIR/RECORDING, with every stage: they stand in place of the base."
        ),
    ] = None,
    flips_only: Annotated[
        bool, typer.Option("--flips-only", help="Leave out what every side answered alike; no headroom is known then.")
    ] = False,
    workers: WorkersOption = None,
    threads_per_worker: ThreadsPerWorker = 1,
    memory_limit: MemoryLimit = "",
    scheduler: Scheduler = "",
    weights: WeightsOption = "wheels",
    stage_timeout: StageTimeoutOption = None,
) -> None:
    """Say of every answer how near its decisions were, and of every flip where it was born and what decided it.

    Recordings run again, through the base and through every other side that ran, in one process each; of RTTM files
    that somebody made nothing can be said. What is explained already is not explained again.

    Exit status: 0 all explained, 1 some could not be, 2 something was wrong with the inputs.
    """
    from parity.corpus.cluster import tasks_on
    from parity.corpus.explanations import base_of, explain_store
    from parity.corpus.sides import Setup
    from parity.report.corpus import explained_lines
    from parity.report.document import explanation_data

    kept, where = _store(store), _workers(workers, memory_limit, scheduler)
    if snapshots is not None and not snapshots.is_dir():
        raise InputError(f"--snapshots {snapshots}: not a folder; expected one with a snapshot for each recording")
    by, setup = base_of(kept, base), Setup(weights, threads_per_worker, stage_timeout)
    with kept.writing(), tasks_on(where) as tasks, working("explaining") as tell:
        rows = explain_store(
            kept, tasks, setup, by, explanation_data, budget=budget, flips_only=flips_only, snapshots=snapshots,
            watch=lambda done, total: tell(f"explained {done} of {total} recordings"),
        )  # fmt: skip
    for line in explained_lines(rows, by.name):
        stdout.print(line, soft_wrap=True)
    raise typer.Exit(1 if any(row["error"] is not None for some in rows.values() for row in some) else 0)


@app.command("report")
def report(
    store: Annotated[Path, STORE],
    out: Annotated[Path | None, typer.Option(help="Folder of the page and tables; STORE/report by default.")] = None,
    margin: Margin = 0.005,
) -> None:
    """Write the page, one for each flip that was explained, and every table as Parquet and CSV; nothing is run."""
    from parity.corpus.explanations import explained_rows
    from parity.corpus.summary import summarise, verdict
    from parity.report.corpus_page import write_report

    kept = _store(store)
    found = summarise(kept, margin)
    page = write_report(found, out or store / "report", explained_rows(kept))
    stdout.print(f"{verdict(found)}; page: {page}", soft_wrap=True)


@app.command("compare")
def compare(
    before: Annotated[Path, typer.Argument(metavar="STORE_A", help="A scored store, as of the version before.")],
    after: Annotated[Path, typer.Argument(metavar="STORE_B", help="The other one.")],
    margin: Margin = 0.005,
) -> None:
    """What got better, worse and flipped from one store to another, side by side of the same name.

    Exit status: 0 within the margin, 1 a side's DER is worse by more than it, 2 something was wrong with the inputs.
    """
    from parity.corpus.comparing import compare_stores
    from parity.report.corpus import comparison_lines, comparison_table

    found = compare_stores(_store(before), _store(after), margin)
    for line in comparison_lines(found):
        stdout.print(line, soft_wrap=True)
    stdout.print(comparison_table(found))
    raise typer.Exit(1 if any(one.beyond for one in found) else 0)


def _workers(count: int | None, memory_limit: str, scheduler: str) -> Workers:
    from parity.corpus.cluster import Workers
    from parity.networks.runtime import available_cores

    found = Workers(available_cores() if count is None else count, memory_limit, scheduler)
    found.check()
    return found


def _store(folder: Path) -> Store:
    from parity.corpus.store import Store

    found = Store(folder)
    if not found.sides:
        raise InputError(f"{folder}: no store of a corpus; `parity corpus run` makes one")
    return found
