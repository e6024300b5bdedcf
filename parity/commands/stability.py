"""`parity stability`: how much noise it takes to change each answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parity.commands.options import (
    FixtureArguments,
    FixturesOption,
    ReportOption,
    ResumeOption,
    ThreadsOption,
    WeightsOption,
    chosen_fixtures,
)
from parity.commands.tables import table_option
from parity.console import stderr, stdout, working
from parity.report.tables import STABILITY

if TYPE_CHECKING:
    from parity.fixtures.catalogue import Fixture
    from parity.fixtures.stability import Stability
    from parity.sources.weights import WeightSet

DEFAULT_REPORT = Path("reports/latest/stability.json")


def stability(
    fixtures: FixtureArguments = None,
    fixture: FixturesOption = None,
    weights: WeightsOption = "wheels",
    draws: Annotated[int, typer.Option(min=1, help="Draws on the embeddings at each size.")] = 20,
    fbank: Annotated[bool, typer.Option("--fbank/--no-fbank", help="Whether the filterbank is perturbed too.")] = True,
    table: Annotated[list[str], table_option(STABILITY)] = [],  # noqa: B006
    json_path: ReportOption = DEFAULT_REPORT,
    resume: ResumeOption = False,
    threads: ThreadsOption = None,
) -> None:
    """Say how much noise it takes to change each answer, and keep it beside the snapshots as stability.json."""
    from parity.files.progress import Progress
    from parity.files.whole import check_writable, write_text
    from parity.fixtures.stability import stability_data, stability_of, write_stability
    from parity.margins.perturb import measure_all
    from parity.networks.runtime import available_cores
    from parity.report.document import to_json
    from parity.report.frames import stability_document
    from parity.report.stability import stability_table
    from parity.sources.weights import load_weights
    from parity.tables.writing import targets, write_tables

    chosen = chosen_fixtures(fixtures, fixture)
    wanted = targets(table, STABILITY, [json_path])
    check_writable(json_path)
    with working("weights and clips") as say:
        weight_set = load_weights(weights)
        asked = {"weights": weight_set.name, "draws": draws, "fbank": fbank, "threads": threads or available_cores()}
        progress = Progress(json_path, "stability", asked, resume=resume)
        of = {entry.name: _made_of(entry, weight_set) for entry in chosen}
        kept = {entry.name: progress.take(entry.name, of[entry.name]) for entry in chosen}
        found = {name: None if data is None else stability_of(data) for name, data in kept.items()}
        for entry in chosen:
            if (known := found[entry.name]) is not None:
                write_stability(entry.snapshot_folder, known)

        def on_result(measured: Stability) -> None:
            found[measured.fixture] = measured
            progress.keep(measured.fixture, of[measured.fixture], stability_data(measured))

        left = [entry for entry in chosen if found[entry.name] is None]
        measure_all(left, weight_set, draws=draws, fbank=fbank, threads=threads, on_fixture=say, on_result=on_result)
    done = [one for one in found.values() if one is not None]
    document = stability_document(done)
    write_text(json_path, to_json(dict(document)))
    write_tables(wanted, document)
    stdout.print(stability_table(done))
    for line in progress.lines():
        stderr.print(line, markup=False, soft_wrap=True)


def _made_of(fixture: Fixture, weights: WeightSet) -> dict[str, Any]:
    from parity.files.progress import lab
    from parity.fixtures.beside import snapshot_sha256

    return {
        "lab": lab(),
        "weights": weights.sha256,
        "parameters": {**weights.parameters, **fixture.speakers},
        "clip": fixture.clip_sha256,
        "snapshot": snapshot_sha256(fixture.snapshot_folder),  # of all but what is written beside it here
    }
