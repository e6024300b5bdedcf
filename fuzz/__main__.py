"""`python -m fuzz`: bad inputs for every reader, shared out to processes; `reports/fuzz.json`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from fuzz.processes import run_all
from fuzz.readers import READERS
from fuzz.worker import CORRUPT, HANG, MEMORY, REFUSED, TAKEN, TRACEBACK, Found, schedule
from parity.console import run_and_exit, stderr, stdout
from parity.errors import InputError
from parity.files.whole import check_writable, write_text
from parity.names import find_names
from parity.networks.runtime import available_cores
from parity.report.document import environment, to_json

SHOWN = 20
BAD = {"tracebacks": TRACEBACK, "hangs": HANG, "accepted_corrupt": CORRUPT, "over_memory": MEMORY}
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def fuzz(
    inputs: Annotated[int, typer.Option(min=1, help="How many, over all readers.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="Of the generator; the same inputs again.")] = 1,
    reader: Annotated[list[str], typer.Option(help="Only this reader; repeatable. All otherwise.")] = [],  # noqa: B006
    only: Annotated[int | None, typer.Option(min=0, help="Only the input of this number, its traceback shown.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Default: the cores at hand.")] = None,
    json_path: Annotated[Path, typer.Option("--json", help="Where the report goes.")] = Path("reports/fuzz.json"),
) -> None:
    """Give bad inputs to every reader: each is refused in a line, or taken where it may be taken.

    Exit status: 0 nothing else happened, 1 something did, 2 the options were wrong.
    """
    names = find_names(reader, list(READERS), refused="--reader {}: unknown", there_are="there are:") or list(READERS)
    if only is not None:
        _again(names, seed, only)
        return
    check_writable(json_path)
    started = time.monotonic()
    found, counts, most = run_all(schedule(inputs, list(names)), seed, processes or available_cores())
    document = report(found, counts, seed, time.monotonic() - started, most)
    write_text(json_path, to_json(document))
    for line in lines(document):
        stdout.print(line, soft_wrap=True)
    stderr.print(f"report: {json_path}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if passed(document) else 1)


def report(
    found: list[Found], counts: Counter[tuple[str, str]], seed: int, seconds: float, most: int
) -> dict[str, Any]:
    """`reports/fuzz.json`.

    Parameters
    ----------
    found : what went wrong
    counts : (reader, outcome) -> how many
    seconds : wall time
    most : bytes of memory of the largest process
    """
    readers = sorted({name for name, _ in counts})
    by_outcome = {name: {outcome: counts[name, outcome] for outcome in (REFUSED, TAKEN)} for name in readers}
    places = Counter((one.reader, one.outcome, one.said, one.place) for one in found)
    first = {(one.reader, one.outcome, one.said, one.place): one.number for one in reversed(found)}
    return {
        "schema": 1,
        "seed": seed,
        "seconds": round(seconds, 1),
        "environment": environment(),
        "summary": {
            "inputs": sum(counts.values()),
            **{key: sum(one.outcome == outcome for one in found) for key, outcome in BAD.items()},
            "readers": len(readers),
            "largest_process_bytes": most,
        },
        "readers": [
            {"reader": name, "inputs": sum(n for (r, _), n in counts.items() if r == name), **by_outcome[name]}
            for name in readers
        ],
        "found": [
            {"reader": reader, "outcome": outcome, "said": said, "place": place, "times": times,
             "again": f"nox -s fuzz -- --seed {seed} --reader '{reader}' --only {first[reader, outcome, said, place]}"}
            for (reader, outcome, said, place), times in places.most_common()
        ],
    }  # fmt: skip


def passed(document: dict[str, Any]) -> bool:
    """Whether nothing went wrong."""
    return not any(document["summary"][key] for key in BAD)


def lines(document: dict[str, Any]) -> Iterator[str]:
    """The verdict, and what went wrong."""
    summary = document["summary"]
    counts = ", ".join(f"{summary[key]} {key.replace('_', ' ')}" for key in BAD)
    rate = summary["inputs"] / max(document["seconds"], 0.1)
    yield (
        f"{'HELD' if passed(document) else 'BROKEN'}. {summary['inputs']:,} inputs to {summary['readers']} readers: "
        f"{counts}; {rate:.0f} a second, largest process {summary['largest_process_bytes'] / 1e6:.0f} MB"
    )
    for row in document["found"][:SHOWN]:
        yield f"{row['reader']}: {row['outcome']}, {row['times']} times: {row['said']} at {row['place']}"
        yield f"  {row['again']}"


def _again(names: tuple[str, ...] | list[str], seed: int, number: int) -> None:
    if len(names) != 1:
        raise InputError("--only needs the one reader that it is of: --reader NAME")
    import tempfile

    from fuzz.materials import write
    from fuzz.worker import made

    files, corrupt = made(names[0], seed, number, READERS[names[0]].good())
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        stdout.print(f"{'to be refused' if corrupt else 'may be taken'}: {', '.join(files)}", soft_wrap=True)
        stdout.print(repr(READERS[names[0]].read(Path(folder)))[:500])


if __name__ == "__main__":
    run_and_exit(app)
