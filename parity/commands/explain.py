"""`parity explain`: where drift is born, which stage decides it, which elements carry it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parity.checkout import in_checkout
from parity.commands.completion import complete_fault
from parity.commands.options import (
    CachedOption,
    DeviationsOption,
    DiagnoseOption,
    FixtureArgument,
    FixtureOption,
    ImplementationOption,
    JsonOption,
    MapOption,
    RequireOption,
    RuntimeOption,
    SnapshotsOption,
    StageTimeoutOption,
    ThreadsOption,
    TracebackOption,
    WeightsOption,
    chosen_fixture,
    read_through,
    required_artefacts,
)
from parity.commands.tables import table_option
from parity.console import print_traces, stderr, stdout, working
from parity.errors import InputError
from parity.report.tables import EXPLAIN

if TYPE_CHECKING:
    from parity.diagnosis.asking import Asked, Effort
    from parity.explain.explanation import Explanation, LayerDrift
    from parity.explain.localise import Answered
    from parity.fixtures.catalogue import Fixture
    from parity.fixtures.prepare import Prepared
    from parity.kept import Results
    from parity.ports.arrays import Supplied
    from parity.ports.python import Implementation
    from parity.sources.weights import WeightSet


def explain(
    fixture: FixtureArgument = None,
    option: FixtureOption = None,
    implementation: ImplementationOption = "native",
    stage_timeout: StageTimeoutOption = None,
    arrays: Annotated[
        Path | None, typer.Option(help="Arrays that a port made: of this clip, or one folder per fixture.")
    ] = None,
    fault: Annotated[
        str | None,
        typer.Option(
            help="A planted fault instead, by its name in parity.faults.known (see parity calibrate).",
            autocompletion=complete_fault,
        ),
    ] = None,
    snapshots: SnapshotsOption = None,
    weights: WeightsOption = "wheels",
    budget: Annotated[
        int, typer.Option(min=0, help="Patched runs to find the decisive elements with; 0 leaves them out.")
    ] = 120,
    diagnose: DiagnoseOption = None,
    layers: Annotated[
        Path | None,
        typer.Option(help="The reference's layers; in a checkout: nox -s capture -- --fixture F --layers FILE."),
    ] = None,
    write_case: Annotated[
        Path | None, typer.Option("--write-case", help="Write the elements that suffice as a regression case.")
    ] = None,
    json_path: JsonOption = None,
    table: Annotated[list[str], table_option(EXPLAIN)] = [],  # noqa: B006
    require: RequireOption = "",
    deviations: DeviationsOption = None,
    maps: MapOption = [],  # noqa: B006
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = None,
    cached: CachedOption = None,
    traceback: TracebackOption = False,
) -> None:
    """Say of one fixture where drift is born, which stage decides the answer, and which elements carry it.

    Of arrays it says what `parity compare` says of them.

    Exit status: 0 parity, equivalent, parity given what is declared, or no worse than the reference's own error; 1
    drift, a stage that raises, inconclusive, or limited coverage; 2 the inputs were wrong or out of form.
    """
    from parity.diagnosis.advice import confirming
    from parity.diagnosis.asking import effort_of
    from parity.files.whole import check_writable, write_text
    from parity.fixtures.standing import standings
    from parity.kept import results_where
    from parity.measure.verdicts import exit_status
    from parity.networks.runtime import one_blas_thread
    from parity.networks.wespeaker.choice import check_choice, choose_runtime
    from parity.networks.wespeaker.runtime import runtime_version
    from parity.ports.arrays import supplied_by
    from parity.ports.dump.folders import folder_of
    from parity.ports.python import NATIVE, load_implementation
    from parity.report.diagnosis import diagnosis_data
    from parity.report.document import explanation_data, supplied_data, to_json
    from parity.report.explanation import explanation_table, in_words
    from parity.report.headline import of_explanation
    from parity.report.standing import standing_data
    from parity.sources.weights import load_weights
    from parity.tables.writing import targets, write_tables

    runtime = check_choice(runtime)
    entry = chosen_fixture(fixture, option)
    if arrays is not None and not arrays.is_dir():
        raise InputError(f"--arrays {arrays}: not a folder; expected one fixture's arrays, or one folder per fixture")
    through = read_through(maps, {"arrays": arrays, "snapshots": snapshots})
    arrays, snapshots = through["arrays"], through["snapshots"]
    for path in (json_path, write_case):
        if path is not None:
            check_writable(path)
    wanted = targets(table, EXPLAIN, (json_path, write_case))
    if require and arrays is None:
        raise InputError("--require: says what --arrays have to hold, and none are given")
    required = required_artefacts(require)
    if write_case is not None and not budget:
        raise InputError("--write-case: needs the decisive elements, which --budget 0 leaves out")
    if fault is not None and implementation != "native":
        raise InputError(f"--fault {fault}: is planted in the native pipeline, so --implementation cannot be given too")
    tested = implementation != NATIVE.name or arrays is not None or fault is not None
    kept = results_where(cached, tested=tested)
    implemented = load_implementation(implementation, stage_timeout)
    with implemented as under_test, working(entry.name) as say, one_blas_thread():
        weight_set = load_weights(weights)
        runtime = choose_runtime(runtime, weight_set.embedding)
        port = partial(
            supplied_by,
            arrays=folder_of(arrays, entry.name) if arrays else None,
            required=required,
            deviations=deviations,
        )
        effort = effort_of(diagnose, all_of_it=True, drawn=json_path is not None)
        answered, supplied, looked = _answer(
            entry, under_test, fault, port, snapshots, weight_set, budget, threads, runtime, kept, effort, say
        )
        found = answered.explanation
        if layers is not None:
            say(f"{entry.name}: layers")
            found = replace(found, layers=_layers(layers, weight_set, supplied.ready, answered, threads, runtime))
    truth = standings(answered.patching.made, supplied.ready.snapshot, supplied.ready.truth)
    word = supplied.verdict(answered.replay, changed=found.answer_changed, truth=truth)
    confirm = partial(confirming, entry.name, implementation=implementation, arrays=arrays, fault=fault)
    data = {
        **explanation_data(found),
        "diagnoses": [diagnosis_data(one, confirm(one.stage)) for one in looked.diagnoses],
        "not_diagnosed": looked.why_not,
        **supplied_data(supplied, word, named=bool(found.named)),
        "truth": standing_data(truth),
        "not_run": list(kept.not_run if kept else ()),
        "runtime": {"name": runtime, "version": runtime_version(runtime)},
    }
    if json_path is not None:
        write_text(json_path, to_json(data))
    write_tables(wanted, data)
    stdout.print(of_explanation(data, word), markup=False, soft_wrap=True)
    stdout.print(explanation_table(data))
    for line in in_words(data):
        stdout.print(line, markup=False, soft_wrap=True)
    if runtime != "onnx":
        stdout.print("embedding network in {name} {version}".format(**data["runtime"]), markup=False)
    if layers is None and (hint := _hint(found)):
        stdout.print(hint, markup=False, soft_wrap=True)
    if traceback:
        print_traces(answered.replay.raised)
    if write_case is not None and supplied.declaration is not None:
        stderr.print(
            "no case written: something is declared to be done otherwise, and a case is native behind its rows"
        )
    elif write_case is not None:
        _write_case(write_case, found, answered)
    raise typer.Exit(exit_status([word]))


def case(
    path: Annotated[Path, typer.Argument(help="A case that `parity explain --write-case` wrote.")],
    weights: WeightsOption = "wheels",
) -> None:
    """Put a case's rows among the reference's own and see whether the failure comes about.

    Exit status: 0 it does, 1 it does not, 2 the case does not fit.
    """
    from parity.community1 import community1_pipeline
    from parity.explain.case import read_case, run_case
    from parity.explain.patching import Patching
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.fixtures.prepare import load_networks, prepare
    from parity.kept import results_where
    from parity.networks.runtime import one_blas_thread
    from parity.sources.weights import load_weights

    found = read_case(path)
    (entry,) = Catalogue.read(default_folder()).select([found.fixture])
    with working(found.fixture), one_blas_thread():
        weight_set = load_weights(weights)
        ready = prepare(entry, entry.snapshot_folder, weight_set)
        networks = load_networks(weight_set, kept=results_where(None, tested=True))
        native = community1_pipeline(networks, ready.parameters)
        same, said = run_case(found, Patching(native, native, ready.snapshot, ready.inputs), path)
    rows = f"{len(found.rows)} rows of {found.artefact}"
    verdict = "reproduced" if same else "not reproduced"
    stdout.print(f"{verdict}: {rows} of {found.implementation}: {said}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if same else 1)


def _answer(
    entry: Fixture,
    under_test: Implementation,
    fault: str | None,
    port: Callable[..., Supplied],
    snapshots: Path | None,
    weights: WeightSet,
    budget: int,
    threads: int | None,
    runtime: str,
    kept: Results | None,
    effort: Effort,
    say: Callable[[str], None],
) -> tuple[Answered, Supplied, Asked]:
    from parity.diagnosis.of_replay import Replayed, ask_of_replay
    from parity.explain.localise import ask
    from parity.explain.localise import explain as localise
    from parity.faults.fault import Workshop, planted
    from parity.fixtures.prepare import load_networks, prepare
    from parity.maps import recording_in
    from parity.ports.judging import AtHand

    ready = prepare(entry, recording_in(snapshots, entry.name) if snapshots else entry.snapshot_folder, weights)
    networks = load_networks(weights, threads, runtime, kept=kept)
    if fault is not None:
        under_test = planted(fault, Workshop(weights, networks, ready.parameters, threads))
    supplied = port(ready, networks, under_test)
    question = ask(
        ready,
        networks,
        under_test,
        supplied=supplied,
        budget=budget,
        progress=lambda stage, done, total: say(f"{entry.name}: {stage} {done}/{total}"),
    )
    answered = localise(question, on_step=lambda step: say(f"{entry.name}: {step}"))
    say(f"{entry.name}: known mistakes")
    means = AtHand(weights, networks, supplied.ready.inputs, threads)
    replayed = Replayed(
        question.candidate, question.native, supplied.ready, answered.replay, answered.patching.reference
    )
    looked = ask_of_replay(supplied, replayed, answered.explanation.named, means, effort)
    return answered, supplied, looked


def _write_case(path: Path, found: Explanation, answered: Answered) -> None:
    """Write the case, or say why there is none: the explanation stands either way, and so does its exit status."""
    from parity.explain.case import case_of, write_case

    try:
        made = case_of(found, answered.patching)
    except InputError as error:
        stderr.print(f"no case written: {error}")
        return
    write_case(path, made)
    stderr.print(f"case: {path}")


def _layers(
    path: Path, weights: WeightSet, ready: Prepared, answered: Answered, threads: int | None, runtime: str
) -> tuple[LayerDrift, ...]:
    from parity.layers.inside import compare_layers

    # A filterbank of the candidate's own goes in, so that the layers show what becomes of it.
    patching = answered.patching
    own = patching.candidate["fbank"].run is not patching.native["fbank"].run
    fbank = patching.made.get("fbank") if own else None
    return tuple(
        compare_layers(
            path,
            weights,
            ready.heard,
            clip_sha256=ready.snapshot.clip_sha256,
            fbank=fbank,
            threads=threads,
            runtime=runtime,
        )
    )


def _hint(found: Explanation) -> str:
    """How to look inside the networks, where that is where drift is born."""
    if not set(found.named) & {"segmentation", "fbank", "embeddings"}:
        return ""
    elements = found.elements.chosen if found.elements else ()
    chunks = sorted({element.index[0] for element in elements if element.where.startswith("chunk")})[:2] or [0]
    asked = ",".join(map(str, chunks))
    step = in_checkout(f"nox -s capture -- --fixture {found.fixture} --layers layers.npz --chunks {asked}")
    return f"inside the networks: {step}, then parity explain {found.fixture} --layers layers.npz"
