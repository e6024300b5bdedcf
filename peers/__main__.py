"""`python -m peers`: published implementations on the fixtures' clips, and one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parity.commands.tables import table_option
from parity.console import run_and_exit, stderr, stdout
from parity.files.whole import cache_dir, check_writable, write_text
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.networks.runtime import available_cores
from parity.report.document import to_json
from parity.report.tables import PEERS
from parity.sources.weights import load_weights
from parity.tables.writing import targets, write_tables
from peers.adapters import NATIVE, select
from peers.measuring import Bench, measure
from peers.report import document, markdown, remarks, table

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def peers(
    peer: Annotated[list[str], typer.Option(help="Only sherpa-onnx or moonshine; repeatable. All otherwise.")] = [],  # noqa: B006
    fixture: Annotated[list[str], typer.Option(help="Only this fixture; repeatable. All of them otherwise.")] = [],  # noqa: B006
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of every one; default: the cores at hand.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep every RTTM as DIR/ROW/FIXTURE/diarization.rttm, for `parity compare`.")
    ] = None,
    reuse: Annotated[
        bool, typer.Option("--reuse", help="Take from --out what answers the same question; run only the rest.")
    ] = False,
    environments: Annotated[
        Path | None, typer.Option(help="Where the peers' environments are made; default: in the cache.")
    ] = None,
    json_path: Annotated[Path, typer.Option("--json", help="Where the report goes; its .md lies beside it.")] = Path(
        "reports/peers.json"
    ),
    tables: Annotated[list[str], table_option(PEERS)] = [],  # noqa: B006
) -> None:
    """Run published implementations, each in its own environment, and score them against pyannote.audio 4.0.4.

    Exit status: 0 where at least one of them ran, 2 where none did or an option was wrong.
    """
    rows = select(peer)
    fixtures = Catalogue.read(default_folder()).select(fixture)
    if reuse and out is None:
        raise typer.BadParameter("--reuse takes runs from --out; name its folder")
    check_writable(json_path)
    wanted = targets(tables, PEERS, [json_path])
    bench = Bench(
        environments=environments or cache_dir() / "peers",
        weights=load_weights(),
        threads=threads or available_cores(),
        out=out,
        reuse=reuse,
    )
    report = document(
        bench, rows, measure(bench, fixtures, rows, on_step=lambda said: stderr.print(said, markup=False))
    )
    stdout.print(table(report))
    for said in remarks(report):
        stdout.print(said, markup=False, soft_wrap=True)
    write_text(json_path, to_json(report))
    write_tables(wanted, report)
    write_text(json_path.with_suffix(".md"), markdown(report))
    raise typer.Exit(0 if any(total["clips"] for total in report["totals"] if total["row"] != NATIVE) else 2)


def main() -> None:
    """Entry point."""
    run_and_exit(app)


if __name__ == "__main__":
    main()
