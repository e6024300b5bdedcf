"""`parity verification`: pairs of one speaker and of two, by the embeddings of every runtime."""

from __future__ import annotations

from typing import Annotated

import typer

from parity.commands.completion import complete_runtime
from parity.commands.options import (
    FixtureArguments,
    FixturesOption,
    JsonOption,
    ThreadsOption,
    WeightsOption,
    chosen_fixtures,
)
from parity.commands.tables import table_option
from parity.console import stdout, working
from parity.report.tables import VERIFICATION


def verification(
    runtime: Annotated[
        list[str],
        typer.Option(
            "--runtime",
            help="onnx (default), ncnn, torch, mlx, …; repeatable, to compare them.",
            autocompletion=complete_runtime,
        ),
    ] = ["onnx"],  # noqa: B006
    fixtures: FixtureArguments = None,
    fixture: FixturesOption = None,
    weights: WeightsOption = "wheels",
    json_path: JsonOption = None,
    table: Annotated[list[str], table_option(VERIFICATION)] = [],  # noqa: B006
    threads: ThreadsOption = None,
) -> None:
    """Cosine similarity of pairs of windows from the excerpts that humans annotated, and the equal error rate.

    Excerpts are those that the named fixtures are made of.

    Exit status: 0 the runtimes agree to four decimals, 1 they do not, 2 the inputs were wrong.
    """
    from parity.embedding.verification import verify, windows_of
    from parity.files.whole import check_writable, write_text
    from parity.networks.wespeaker.runtime import check_runtimes, load_embedding, runtime_version
    from parity.report.document import to_json
    from parity.report.verification import verification_data, verification_in_words, verification_table
    from parity.sources.weights import load_weights
    from parity.tables.writing import targets, write_tables

    runtime = check_runtimes(runtime)
    chosen = chosen_fixtures(fixtures, fixture)
    if json_path is not None:
        check_writable(json_path)
    wanted = targets(table, VERIFICATION, [json_path])
    with working("weights and excerpts") as say:
        weight_set = load_weights(weights)
        windows = windows_of(chosen)
        found = []
        for name in runtime:
            say(f"{len(windows)} windows in {name}")
            found.append(verify(windows, load_embedding(weight_set.embedding, name, threads)))
    versions = [runtime_version(name) for name in runtime]
    data = verification_data(found, windows, versions, weight_set.name)
    if json_path is not None:
        write_text(json_path, to_json(data))
    write_tables(wanted, data)
    stdout.print(verification_table(data))
    for line in verification_in_words(data):
        stdout.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(0 if data["equal"] else 1)
