"""`parity calibrate`: the lab tested on planted faults."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parity.commands.calibrate_naming import LONG_SECONDS, calibrate_naming_of
from parity.commands.completion import complete_fault
from parity.commands.options import (
    CachedOption,
    FixtureArguments,
    FixturesOption,
    ReportOption,
    RuntimeOption,
    StageTimeoutOption,
    ThreadsOption,
    TracebackOption,
    WeightsOption,
    chosen_faults,
    chosen_fixtures,
)
from parity.commands.tables import table_option
from parity.console import print_traces, stderr, stdout, working
from parity.errors import InputError
from parity.report.tables import CALIBRATE

if TYPE_CHECKING:
    from parity.calibration.trials import Bench, Calibration
    from parity.faults.fault import Fault
    from parity.fixtures.catalogue import Fixture
    from parity.kept import Results
    from parity.sources.weights import WeightSet

DEFAULT_REPORT, DUMPS_REPORT = Path("reports/calibration.json"), Path("reports/calibration-dumps.json")
NAMING_REPORT = Path("reports/diagnosis.json")
KINDS = CODE, DUMPS = "code", "dumps"


def calibrate(
    fixtures: FixtureArguments = None,
    fixture: FixturesOption = None,
    faults: Annotated[
        list[str], typer.Option(help="A module with a list FAULTS (protocol: parity.faults.fault); repeatable.")
    ] = ["parity.faults.known"],  # noqa: B006
    implementation: Annotated[
        str | None,
        typer.Option(help='A program that plants faults of its own instead: exec:"./my_port"; describe names them.'),
    ] = None,
    stage_timeout: StageTimeoutOption = None,
    only: Annotated[list[str], typer.Option(help="Only this fault; repeatable.", autocompletion=complete_fault)] = [],  # noqa: B006
    stages: Annotated[
        list[str], typer.Option("--stage", help="Only faults of this stage, and values of it; repeatable.")
    ] = [],  # noqa: B006
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Faults that rerun the embedding network on long clips too.")
    ] = False,
    judged_as: Annotated[
        str,
        typer.Option("--as", help="code: in the pipeline; dumps: written out as arrays, as most ports are."),
    ] = "code",
    diagnose: Annotated[
        bool,
        typer.Option("--diagnose", help="Whether the mistake is named, and its value: dumps looked up, short clips."),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from what the report holds; it is written after each fixture.")
    ] = False,
    weights: WeightsOption = "wheels",
    json_path: ReportOption = DEFAULT_REPORT,
    table: Annotated[list[str], table_option(CALIBRATE)] = [],  # noqa: B006
    runtime: RuntimeOption = "auto",
    threads: ThreadsOption = None,
    cached: CachedOption = None,
    processes: Annotated[
        int | None, typer.Option("--processes", min=1, help="That try faults at once; default: the cores at hand.")
    ] = None,
    pairs: Annotated[
        int | None, typer.Option("--pairs", min=0, help="With --as dumps: two faults at once; default: 200.")
    ] = None,
    traceback: TracebackOption = False,
) -> None:
    """Plant faults and see whether the lab finds them: was it seen, was the right stage named, does its patch restore.

    Exit status: 0 everything that moves was detected, named rightly and restored, without a false alarm; 1 not so; 2
    the inputs were wrong.
    """
    from parity.calibration.programs import faults_of
    from parity.faults.fault import load_faults
    from parity.files.whole import check_writable
    from parity.kept import results_where
    from parity.networks.wespeaker.choice import check_choice
    from parity.networks.wespeaker.runtime import AUTO
    from parity.ports.python import load_implementation

    runtime = check_choice(runtime)
    if judged_as not in KINDS:
        raise InputError(f"--as {judged_as}: expected {' or '.join(KINDS)}")
    if traceback and judged_as == DUMPS:
        raise InputError("--traceback: goes with --as code, in which the same faults raise")
    if runtime != AUTO and (diagnose or judged_as == DUMPS):
        raise InputError("--runtime: goes with --as code; dumps are made in ONNX Runtime")
    if pairs is not None and judged_as != DUMPS:
        raise InputError("--pairs: goes with --as dumps")
    json_path = DUMPS_REPORT if judged_as == DUMPS and json_path == DEFAULT_REPORT else json_path
    with load_implementation(implementation or "native", stage_timeout) as under_test:
        theirs = None if implementation is None else faults_of(under_test)
        planted = theirs or [fault for module in faults for fault in load_faults(module)]
        planted, of = chosen_faults(planted, only, stages)
        chosen = chosen_fixtures(fixtures, fixture)
        json_path = NAMING_REPORT if diagnose and json_path == DEFAULT_REPORT else json_path
        check_writable(json_path)
        kept = results_where(cached, tested=True)
        if diagnose:
            if table or judged_as == DUMPS or theirs is not None:
                raise InputError("--diagnose: goes with neither --table, --as dumps nor --implementation")
            from parity.calibration.in_processes import Plan
            from parity.networks.runtime import available_cores

            at_once = processes or available_cores()
            plan = Plan(weights, tuple(faults), threads or max(1, available_cores() // at_once), kept is not None)
            benches = partial(_benches, threads=threads, kept=kept, seconds={}, keep_networks=True)
            calibrate_naming_of(
                benches, chosen, planted, plan, json_path, processes=at_once, values=not only, stages=of, resume=resume
            )
        if processes is not None and theirs is not None:
            raise InputError("--processes: goes with faults of a module; those of a program run in one process")
        if judged_as == DUMPS:
            if table:
                raise InputError("--table: goes with --as code; a calibration on dumps is --json")
            count = 1 if theirs else processes
            _on_dumps(chosen, planted, weights, json_path, threads, kept, tuple(faults), count, pairs, resume=resume)
        _as_code(
            chosen,
            planted,
            weights,
            json_path,
            table,
            runtime,
            threads,
            kept,
            everywhere=everywhere,
            resume=resume,
            traceback=traceback,
            modules=() if theirs else tuple(faults),
            processes=1 if theirs else processes,
        )


def _as_code(
    chosen: Sequence[Fixture],
    planted: list[Fault],
    weights: str,
    json_path: Path,
    table: list[str],
    runtime: str,
    threads: int | None,
    kept: Results | None,
    *,
    everywhere: bool,
    resume: bool,
    traceback: bool,
    modules: tuple[str, ...],
    processes: int | None,
) -> None:
    from parity.calibration.in_processes import Plan, calibrate_in_processes
    from parity.calibration.left import Left
    from parity.calibration.trials import Trial
    from parity.calibration.trials import calibrate as run
    from parity.files.whole import write_text
    from parity.networks.runtime import available_cores, one_blas_thread
    from parity.networks.wespeaker.choice import choose_runtime
    from parity.report.calibration import calibration_document, confusion_table, faults_table, headline, read_trials
    from parity.report.document import to_json
    from parity.sources.weights import load_weights
    from parity.tables.writing import targets, write_tables

    files = targets(table, CALIBRATE, [json_path])
    started = time.perf_counter()

    def tried(fault: Fault, name: str) -> bool:
        return everywhere or not fault.reruns_trunk or seconds[name] <= LONG_SECONDS

    def said(found: Calibration) -> dict[str, Any]:
        passed = time.perf_counter() - started
        return calibration_document(found, weights=weight_set.name, skipped=skipped, seconds=passed, runtime=runtime)

    with working("weights and clips") as say, one_blas_thread():
        weight_set = load_weights(weights)
        runtime = choose_runtime(runtime, weight_set.embedding)
        seconds = {fixture.name: fixture.seconds() for fixture in chosen}
        skipped = {name: [fault.name for fault in planted if not tried(fault, name)] for name in seconds}
        skipped = {name: faults for name, faults in skipped.items() if faults}
        known = read_trials(json_path, weight_set.name) if resume and json_path.exists() else []
        before = {(trial.fault, trial.fixture) for trial in known}
        to_do = dict.fromkeys(seconds, 0)
        for name in seconds:
            names = [None, *(fault.name for fault in planted if tried(fault, name))]
            to_do[name] = sum((fault, name) not in before for fault in names)
        left = Left(seconds, to_do)

        def on_trial(trial: Trial) -> None:
            if (trial.fault, trial.fixture) not in before:
                left.done(trial.fixture)
            say(f"{left}: {trial.fixture}: {trial.fault or 'clean run'}")

        def keep(found: Calibration) -> None:
            write_text(json_path, to_json(said(found)))

        count = processes or available_cores()
        if count == 1:
            benches = _benches(chosen, weight_set, threads, kept, {}, say, runtime=runtime)
            found = run(benches, planted, wanted=tried, on_trial=on_trial, known=known, on_fixture=keep)
        else:
            each = threads or max(1, available_cores() // count)
            plan = Plan(weights, modules, each, kept is not None, runtime)
            found = calibrate_in_processes(
                chosen,
                planted,
                plan,
                count,
                seconds=seconds,
                wanted=tried,
                on_trial=on_trial,
                known=known,
                on_part=keep,
            )
    document = said(found)
    write_text(json_path, to_json(document))
    write_tables(files, document)
    stdout.print(faults_table(document))
    stdout.print(confusion_table(document))
    stdout.print(headline(document), soft_wrap=True)
    for name, left_out in skipped.items():
        stdout.print(f"{name}: {len(left_out)} faults that rerun the embedding network not tried (--everywhere does)")
    stderr.print(f"report: {json_path}", markup=False, soft_wrap=True)
    if traceback:
        _print_raised(found)
    raise typer.Exit(0 if found.passed else 1)


def _print_raised(found: Calibration) -> None:
    """Traces of this run's trials; those of an earlier one are not kept."""
    for trial in [*found.clean, *(trial for finding in found.findings for trial in finding.trials)]:
        if trial.raised:
            stderr.print(f"{trial.fixture}, {trial.fault or 'clean run'}:")
            print_traces(trial.raised)


def _on_dumps(
    chosen: Sequence[Fixture],
    planted: list[Fault],
    weights: str,
    json_path: Path,
    threads: int | None,
    kept: Results | None,
    modules: tuple[str, ...],
    processes: int | None,
    pairs: int | None,
    *,
    resume: bool,
) -> None:
    from parity.calibration.dumps_in_processes import calibrate_dumps_in_processes
    from parity.calibration.in_processes import Plan
    from parity.calibration.on_dumps import PAIRS, DumpCalibration, calibrate_dumps
    from parity.files.whole import write_text
    from parity.networks.runtime import available_cores, one_blas_thread
    from parity.ports.dump.reading import read_dump
    from parity.report.calibration_dumps import dumps_document, headline, lines, passed, read_document
    from parity.report.document import to_json
    from parity.sources.weights import load_weights

    started = time.perf_counter()
    pairs = PAIRS if pairs is None else pairs
    seconds: dict[str, float] = {}
    with working("weights and clips") as say, one_blas_thread():
        weight_set = load_weights(weights)
        known = read_document(json_path, weight_set.name) if resume and json_path.exists() else None

        def keep(found: DumpCalibration) -> None:
            passed_by = time.perf_counter() - started
            write_text(json_path, to_json(dumps_document(found, weights=weight_set.name, seconds=passed_by)))

        def told(found: DumpCalibration, left: int) -> None:
            keep(found)
            say(f"{left} dumps left")

        count = processes or available_cores()
        if count == 1:
            benches = (
                (bench, read_dump(bench.snapshot.folder), seconds[bench.name] <= LONG_SECONDS)
                for bench in _benches(chosen, weight_set, threads, kept, seconds, say)
            )
            found = calibrate_dumps(
                benches,
                planted,
                known=known,
                pairs=pairs,
                on_trial=lambda name, what: say(f"{name}: {what}"),
                on_fixture=keep,
            )
        else:
            seconds = {fixture.name: fixture.seconds() for fixture in chosen}
            found = calibrate_dumps_in_processes(
                chosen,
                planted,
                Plan(weights, modules, threads or max(1, available_cores() // count), kept is not None),
                count,
                seconds=seconds,
                wanted=lambda name: seconds[name] <= LONG_SECONDS,
                known=known,
                pairs=pairs,
                on_part=told,
            )
    document = dumps_document(found, weights=weight_set.name, seconds=time.perf_counter() - started)
    write_text(json_path, to_json(document))
    stdout.print(headline(document), markup=False, soft_wrap=True)
    for line in lines(document):
        stdout.print(line, markup=False, soft_wrap=True)
    stderr.print(f"report: {json_path}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if passed(document) else 1)


def _benches(
    fixtures: Sequence[Fixture],
    weights: WeightSet,
    threads: int | None,
    kept: Results | None,
    seconds: dict[str, float],
    say: Callable[[str], None],
    *,
    runtime: str | None = None,
    keep_networks: bool = False,
) -> Iterator[Bench]:
    from parity.calibration.trials import bench_of
    from parity.fixtures.prepare import load_networks, prepare
    from parity.networks.wespeaker.runtime import DEFAULT_RUNTIME

    networks = load_networks(weights, threads, runtime or DEFAULT_RUNTIME, kept=kept)
    for fixture in fixtures:
        ready = prepare(fixture, fixture.snapshot_folder, weights)
        seconds[fixture.name] = ready.audio_seconds
        yield bench_of(
            ready,
            networks,
            weights,
            threads,
            partial(_tell, say, fixture.name),
            keep_networks=keep_networks,
        )


def _tell(say: Callable[[str], None], name: str, stage: str, done: int, total: int) -> None:
    say(f"{name}: {stage} {done}/{total}")
