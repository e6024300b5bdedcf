"""`parity layers`: the embedding network on a runtime, layer by layer against the reference's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parity.commands.completion import complete_runtime
from parity.commands.options import (
    FixtureArguments,
    FixturesOption,
    JsonOption,
    ResumeOption,
    SnapshotsOption,
    ThreadsOption,
    WeightsOption,
    chosen_fixtures,
)
from parity.commands.tables import table_option
from parity.console import stderr, stdout, working
from parity.errors import InputError
from parity.report.tables import LAYERS

if TYPE_CHECKING:
    from parity.layers.proof import Network

DEFAULT_REPORT = Path("reports/latest/layers.json")


def layers(
    fixtures: FixtureArguments = None,
    fixture: FixturesOption = None,
    runtime: Annotated[
        str,
        typer.Option(
            "--runtime",
            help="What the embedding network runs in: onnx (default), ncnn, torch, mlx, …",
            autocompletion=complete_runtime,
        ),
    ] = "onnx",
    implementation: Annotated[
        str | None,
        typer.Option(help="A network of your own instead: module:object, called with arrays and threads; no program."),
    ] = None,
    full: Annotated[
        Path | None,
        typer.Option(
            "--layers", help="Whole layers of one fixture; in a checkout: nox -s capture -- --fixture F --layers FILE."
        ),
    ] = None,
    snapshots: SnapshotsOption = None,
    weights: WeightsOption = "wheels",
    json_path: JsonOption = None,
    table: Annotated[list[str], table_option(LAYERS)] = [],  # noqa: B006
    threads: ThreadsOption = None,
    resume: ResumeOption = False,
) -> None:
    """Compare conv1, every block, both pooled statistics and the embeddings with the reference's own.

    The network runs on the reference's filterbank and masks; the reference's layers lie beside its snapshot.
    Exit status: 0 every layer within tolerance, 1 one is not, 2 the inputs were wrong.
    """
    from parity.files.progress import Progress, content
    from parity.files.whole import check_writable, write_text
    from parity.fixtures.snapshot import read_snapshot
    from parity.gate.made_of import made_of
    from parity.layers.file import read_layers
    from parity.layers.proof import load_network, prove, reference_of
    from parity.networks.runtime import available_cores
    from parity.networks.wespeaker.runtime import check_runtime, find_runtime, load_embedding, runtime_version
    from parity.ports.identity import code_made_of
    from parity.report.document import to_json
    from parity.report.layers import fixture_layers, layers_document, proof_in_words, proof_table
    from parity.sources.weights import load_weights
    from parity.tables.writing import targets, write_tables

    chosen = chosen_fixtures(fixtures, fixture)
    if full is not None and len(chosen) != 1:
        raise InputError(f"--layers {full}: holds one fixture's layers; name that fixture, not {len(chosen)}")
    if implementation is not None and implementation.startswith("exec:"):
        raise InputError(
            f"--implementation {implementation}: a program shows what its stages write, and no layer inside one; its "
            "embeddings are judged by parity run. Layers are compared of module:object, or of a runtime"
        )
    if implementation is None:
        runtime = find_runtime(runtime)
        check_runtime(runtime)
    if json_path is not None:
        check_writable(json_path)
    wanted = targets(table, LAYERS, [json_path])
    with working("weights") as say:
        weight_set = load_weights(weights)
        held = read_layers(full) if full is not None else None
        folders = [snapshots / entry.name if snapshots else entry.snapshot_folder for entry in chosen]
        # Read before anything runs: what is missing is said now.
        references = [
            reference_of(entry, read_snapshot(folder), weight_set, held) for entry, folder in zip(chosen, folders)
        ]
        network: Network
        if implementation is None:
            network = load_embedding(weight_set.embedding, runtime, threads)
        else:
            network = load_network(implementation, weight_set.embedding, threads)
        asked = {
            "network": implementation or runtime,
            "weights": weight_set.name,
            "snapshots": None if snapshots is None else str(snapshots.resolve()),
            "threads": threads or available_cores(),
        }
        progress = Progress(json_path or DEFAULT_REPORT, "layers", asked, resume=resume)
        version = runtime_version(runtime) if implementation is None else None
        candidate = {"runtime": version} if implementation is None else code_made_of(implementation)
        rows = []
        for entry, reference in zip(chosen, references):
            say(entry.name)
            of = made_of(entry, weight_set, snapshots=snapshots, candidate=candidate)
            of["layers"] = None if full is None else content(full)
            row = progress.take(entry.name, of)
            if row is None:
                row = progress.keep(entry.name, of, fixture_layers(prove(entry.name, reference, network)))
            rows.append(row)
    found = layers_document(rows, implementation or runtime, version, weight_set.name)
    if json_path is not None:
        write_text(json_path, to_json(found))
    write_tables(wanted, found)
    stdout.print(proof_table(found))
    for line in proof_in_words(found):
        stdout.print(line, markup=False, soft_wrap=True)
    for line in progress.lines():
        stderr.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(1 if any(row["first_out"] for row in rows) else 0)
