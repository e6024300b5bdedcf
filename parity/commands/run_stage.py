"""`parity run --stage`: one stage alone, on the reference's own inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import typer

from parity.commands.options import chosen_fixtures
from parity.console import stderr, stdout, working
from parity.errors import InputError


def run_stage(
    stage: str,
    named: Iterable[str],
    *,
    implementation: str,
    stage_timeout: float | None,
    snapshots: Path | None,
    weights: str,
    json_path: Path | None,
    threads: int | None,
    runtime: str,
    diagnose: bool | None,
    traceback: bool,
) -> None:
    """Replay one stage of the pipeline under test on fixtures, print what it drifts, and exit as `parity run` does.

    Raises
    ------
    InputError : no such stage, or wrong inputs
    """
    from parity.community1 import Parameters, community1_pipeline
    from parity.community1.networks import without_networks
    from parity.diagnosis.asking import effort_of
    from parity.files.whole import check_writable, write_text
    from parity.gate.one_stage import run_stage as run
    from parity.measure.verdicts import exit_status
    from parity.names import find_name
    from parity.ports.python import load_implementation
    from parity.report.one_stage import headline, notes, stage_document, stage_table
    from parity.sources.weights import load_weights

    known = [entry.name for entry in community1_pipeline(without_networks(), Parameters())]
    stage = find_name(stage, known, refused="--stage {}: no stage", there_are="there are:")
    chosen = chosen_fixtures(named, None)
    if json_path is not None:
        check_writable(json_path)
    with load_implementation(implementation, stage_timeout) as under_test, working(stage) as say:
        found = run(
            chosen,
            stage,
            load_weights(weights),
            implementation=under_test,
            snapshots=snapshots,
            threads=threads,
            runtime=runtime,
            on_fixture=lambda name: say(f"{stage}: {name}"),
            effort=effort_of(diagnose, all_of_it=False, drawn=json_path is not None),
        )
        document = stage_document(stage, under_test.name, found)
    if json_path is not None:
        from parity.report.document import to_json  # loads all that a whole report is made of

        write_text(json_path, to_json(document))
    stdout.print(headline(document), markup=False, soft_wrap=True)
    stdout.print(stage_table(document))
    for line in notes(document):
        stdout.print(line, markup=False, soft_wrap=True)
    if traceback:
        for alone in found:
            if alone.trace:
                stderr.print(f"{alone.name}:\n{alone.trace}", markup=False, soft_wrap=True)
    raise typer.Exit(exit_status([document["verdict"]]))


def refuse(given: Mapping[str, object]) -> None:
    """Refuse options that have no meaning where one stage is run alone.

    Parameters
    ----------
    given : option -> its value; nothing, and false, were not given
    """
    if names := [name for name, value in given.items() if value]:
        raise InputError(f"--stage: runs one stage alone, which {', '.join(names)} cannot go with")
