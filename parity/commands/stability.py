"""`parity stability`: how much noise it takes to change each answer."""

from __future__ import annotations

from typing import Annotated

import typer

from parity.commands.options import FixtureArguments, FixturesOption, ThreadsOption, WeightsOption, chosen_fixtures
from parity.commands.tables import table_option
from parity.console import stdout, working
from parity.report.tables import STABILITY


def stability(
    fixtures: FixtureArguments = None,
    fixture: FixturesOption = None,
    weights: WeightsOption = "wheels",
    draws: Annotated[int, typer.Option(min=1, help="Draws on the embeddings at each size.")] = 20,
    fbank: Annotated[bool, typer.Option("--fbank/--no-fbank", help="Whether the filterbank is perturbed too.")] = True,
    table: Annotated[list[str], table_option(STABILITY)] = [],  # noqa: B006
    threads: ThreadsOption = None,
) -> None:
    """Say how much noise it takes to change each answer, and keep it beside the snapshots as stability.json."""
    from parity.margins.perturb import measure_all
    from parity.report.frames import stability_document
    from parity.report.stability import stability_table
    from parity.sources.weights import load_weights
    from parity.tables.writing import targets, write_tables

    chosen = chosen_fixtures(fixtures, fixture)
    wanted = targets(table, STABILITY)
    with working("weights and clips") as say:
        weight_set = load_weights(weights)
        found = measure_all(chosen, weight_set, draws=draws, fbank=fbank, threads=threads, on_fixture=say)
    write_tables(wanted, stability_document(found))
    stdout.print(stability_table(found))
