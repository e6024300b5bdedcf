"""`parity runtimes`: what runtimes and precisions of the embedding network cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parity.commands.completion import complete_runtime
from parity.commands.options import FixtureArguments, FixturesOption, ThreadsOption, WeightsOption, chosen_fixtures
from parity.commands.tables import table_option
from parity.console import stderr, stdout, working
from parity.report.tables import RUNTIMES as TABLES

DEFAULT_REPORT = Path("reports/runtimes.json")


def runtimes(
    runtime: Annotated[
        list[str],
        typer.Option(
            help="Only this one; repeatable. Otherwise onnx and its smaller precisions.",
            autocompletion=complete_runtime,
        ),
    ] = [],  # noqa: B006
    fixtures: FixtureArguments = None,
    fixture: FixturesOption = None,
    chunks: Annotated[int | None, typer.Option(min=1, help="Embed only so many of each clip; no DER then.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Of timing, every runtime once in each.")] = 5,
    weights: WeightsOption = "wheels",
    json_path: Annotated[Path, typer.Option("--json", help="Where the report goes; its .md beside it.")] = (
        DEFAULT_REPORT
    ),
    table: Annotated[list[str], table_option(TABLES)] = [],  # noqa: B006
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue what was cut short: keep the fixtures that the report has.")
    ] = False,
    threads: ThreadsOption = None,
) -> None:
    """Run fixtures with several runtimes, or precisions, of the embedding network, and say what each costs.

    Seconds are of the network on one chunk, all runtimes in alternation. The report is written anew after each fixture.
    Exit status: 0, or 2 where the inputs were wrong; drift is what this measures, and no failure.
    """
    from dataclasses import replace

    from parity.embedding.runtimes import Costs, measure_fixture, measure_speed
    from parity.errors import InputError
    from parity.files.machine import cpu_model
    from parity.files.whole import check_writable, write_text
    from parity.fixtures.prepare import load_networks, prepare
    from parity.networks.runtime import available_cores, one_blas_thread
    from parity.networks.wespeaker.runtime import RUNTIMES, check_runtimes, load_embedding, runtime_version
    from parity.report.document import to_json
    from parity.report.runtimes import costs_data, costs_markdown, costs_table, read_costs
    from parity.sources.weights import load_weights
    from parity.tables.writing import targets, write_tables

    wanted = runtime or [name for name in RUNTIMES if name.startswith("onnx")]
    wanted = check_runtimes(wanted)
    if json_path.suffix == ".md":
        raise InputError(f"--json {json_path}: the .md is written beside it; choose another ending")
    check_writable(json_path)
    chosen = chosen_fixtures(fixtures, fixture)
    files = targets(table, TABLES, [json_path])
    earlier = read_costs(json_path) if resume else None
    with working("weights and clips") as say, one_blas_thread():
        weight_set = load_weights(weights)
        native = load_networks(weight_set, threads)
        networks = {name: load_embedding(weight_set.embedding, name, threads) for name in wanted}
        costs = Costs(
            sizes={name: network.size for name, network in networks.items()},
            versions={name: f"{RUNTIMES[name].needs.partition('.')[0]} {runtime_version(name)}" for name in wanted},
            weights=weight_set.name,
            cpu=cpu_model(),
            threads=threads or available_cores(),
            wanted_chunks=chunks,
        )
        costs = costs.continuing(earlier, str(json_path)) if earlier else costs
        done = {outcome.fixture for outcome in costs.outcomes}
        for entry in chosen:
            if entry.name in done:
                continue
            ready = prepare(entry, entry.snapshot_folder, weight_set)
            if not costs.speeds and (recorded := ready.snapshot.values.get("fbank")) is not None:
                say("timing")
                costs = replace(costs, speeds=measure_speed(networks, recorded[:1], rounds))

            def on_step(name: str, done: int, total: int, fixture: str = entry.name) -> None:
                say(f"{fixture}: {name} {done}/{total}")

            outcomes = measure_fixture(ready, native, networks, chunks=chunks, on_step=on_step)
            costs = replace(costs, outcomes=(*costs.outcomes, *outcomes))
            document = costs_data(costs)  # now: an hour's work may be cut short
            write_text(json_path, to_json(document))
            write_text(json_path.with_suffix(".md"), costs_markdown(document))
    write_tables(files, costs_data(costs))
    stdout.print(costs_table(costs_data(costs)))
    stderr.print(f"report: {json_path}", markup=False, soft_wrap=True)
