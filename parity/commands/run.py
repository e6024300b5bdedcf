"""`parity run`: the main job, fixtures against their snapshots."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from parity.checkout import need
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
    CachedOption,
    DeviationsOption,
    DeviceOption,
    DiagnoseOption,
    FixtureArguments,
    FixturesOption,
    ImplementationOption,
    MapOption,
    PrecisionOption,
    RequireOption,
    ResumeOption,
    RuntimeOption,
    SnapshotsOption,
    StageTimeoutOption,
    ThreadsOption,
    TracebackOption,
    WeightsOption,
    both,
    read_through,
    required_artefacts,
)
from parity.commands.tables import table_option
from parity.console import print_traces, stderr, stdout, working
from parity.errors import InputError
from parity.report.tables import RUN

DEFAULT_REPORT = Path("reports/latest/parity.json")
FEW = 2
"""Fixtures whose plots are drawn sooner than a process to draw them has started."""


def run(
    fixtures: FixtureArguments = None,
    fixture: FixturesOption = None,
    snapshots: SnapshotsOption = None,
    audio: Annotated[
        Path | None, typer.Option(help="Clips of captures made elsewhere (WAV, found by their hash) in --snapshots.")
    ] = None,
    weights: WeightsOption = "wheels",
    json_path: Annotated[
        Path, typer.Option("--json", help="Where the report goes; its .md and the page lie beside it.")
    ] = DEFAULT_REPORT,
    tables: Annotated[list[str], table_option(RUN)] = [],  # noqa: B006
    markdown_path: MarkdownOption = None,
    html: Annotated[bool, typer.Option("--html/--no-html", help="Whether to write the page with plots.")] = True,
    implementation: ImplementationOption = "native",
    stage_timeout: StageTimeoutOption = None,
    arrays: Annotated[
        Path | None, typer.Option(help="Arrays that a port made: one folder per fixture, or one fixture's own.")
    ] = None,
    require: RequireOption = "",
    deviations: DeviationsOption = None,
    maps: MapOption = [],  # noqa: B006
    explain: Annotated[
        bool, typer.Option("--explain", help="Localise what drifts: where it is born, which stage decides it.")
    ] = False,
    diagnose: DiagnoseOption = None,
    junit: JunitOption = None,
    sarif: SarifOption = None,
    annotations: AnnotationsOption = "",
    baseline: BaselineOption = None,
    update_baseline: UpdateBaselineOption = False,
    accept: AcceptOption = None,
    runtime: RuntimeOption = "auto",
    device: DeviceOption = "cpu",
    precision: PrecisionOption = "float32",
    threads: ThreadsOption = None,
    resume: ResumeOption = False,
    stage: Annotated[
        str | None,
        typer.Option(
            "--stage",
            help="Only this stage, on the reference's own inputs: no network unless it is one. JSON with --json.",
        ),
    ] = None,
    cached: CachedOption = None,
    traceback: TracebackOption = False,
) -> None:
    """Replay fixtures against their snapshots and say whether the reimplementation is at parity.

    Of arrays it says what `parity compare` says of them.

    Exit status: 0 every fixture at parity, equivalent, at parity given what is declared, or no worse than the
    reference's own error; 1 any drifted, raised, is inconclusive, or was covered too little by arrays (the answer, or
    what --require names, was not among them); 2 something was wrong with the inputs. With --baseline, or drift that is
    accepted, 0 where nothing else fails.
    """
    if stage is not None:
        from parity.commands.run_stage import refuse, run_stage

        refuse({
            "--arrays": arrays, "--audio": audio, "--map": maps, "--explain": explain, "--resume": resume,
            "--require": require, "--deviations": deviations, "--table": tables, "--markdown": markdown_path,
            "--junit": junit, "--sarif": sarif, "--annotations": annotations, "--baseline": baseline,
            "--accept": accept, "--cached": cached, "--device": device != "cpu",
        })  # fmt: skip
        run_stage(
            stage,
            both(fixtures, fixture),
            implementation=implementation,
            stage_timeout=stage_timeout,
            snapshots=snapshots,
            weights=weights,
            json_path=None if json_path == DEFAULT_REPORT else json_path,
            threads=threads,
            runtime=runtime,
            diagnose=diagnose,
            traceback=traceback,
        )
    from parity.diagnosis.advice import confirming
    from parity.diagnosis.asking import effort_of
    from parity.files.progress import Progress, as_read
    from parity.files.whole import check_writable, write_text
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.fixtures.recording import Recording, choose
    from parity.gate.gate import FixtureResult, run_fixtures, timed
    from parity.gate.made_of import made_of
    from parity.kept import results_where
    from parity.measure.verdicts import ERROR, exit_status
    from parity.networks.placement import Placement
    from parity.networks.runtime import available_cores
    from parity.networks.wespeaker.choice import check_choice, choose_runtime
    from parity.ports.dump.folders import is_one_recording
    from parity.ports.identity import implementation_made_of
    from parity.ports.python import NATIVE, load_implementation
    from parity.replay.subject import Raised
    from parity.report.document import document_of, entry_of, to_json
    from parity.report.drawn_apart import Drawer
    from parity.report.headline import of_run
    from parity.report.markdown import markdown
    from parity.report.programs import program_table
    from parity.report.terminal import ProgressWatcher, remarks, table
    from parity.sources.weights import load_weights
    from parity.tables.writing import targets, write_tables

    if snapshots is not None and not snapshots.is_dir():
        raise InputError(f"--snapshots {snapshots}: not a folder; expected one with one folder per fixture in it")
    if arrays is not None and not arrays.is_dir():
        raise InputError(f"--arrays {arrays}: not a folder; expected one folder per fixture, or a fixture's arrays")
    if audio is not None and (snapshots is None or not audio.is_dir()):
        raise InputError(f"--audio {audio}: expected a folder of WAV files, beside --snapshots with their captures")
    through = read_through(maps, {"arrays": arrays, "snapshots": snapshots})
    arrays, snapshots = through["arrays"], through["snapshots"]
    if json_path.suffix in (".md", ".html"):
        raise InputError(f"--json {json_path}: .md and .html are written beside it; choose another ending")
    if html:
        need("matplotlib", "the page with plots", "or leave it out: --no-html")
    placement = Placement(device, precision)
    runtime = check_choice(runtime, placement)
    check_writable(json_path)  # said now, not when minutes of work are done
    holding = Holding(arrays, junit, sarif, annotations, baseline, update_baseline, accept)
    holding.check_same_kind("fixtures")
    chosen = choose(Catalogue.read(default_folder()), both(fixtures, fixture), snapshots, audio)
    wanted = targets(tables, RUN, [json_path])
    if arrays is not None and any(isinstance(entry, Recording) for entry in chosen):
        raise InputError(f"--arrays {arrays}: goes with the catalogue's fixtures, {snapshots} holds other recordings")
    if arrays is not None and len(chosen) > 1 and is_one_recording(arrays):
        raise InputError(f"--arrays {arrays}: holds one recording's arrays; name its fixture, as in: parity run 02")
    if require and arrays is None:
        raise InputError("--require: says what --arrays have to hold, and none are given")
    required = required_artefacts(require)
    results = results_where(cached, tested=implementation != NATIVE.name or arrays is not None)
    with load_implementation(implementation, stage_timeout) as under_test:
        with working("weights and clips"):
            weight_set = load_weights(weights)
            runtime = choose_runtime(runtime, weight_set.embedding, placement)
        asked = {
            "implementation": under_test.name,
            "snapshots": None if snapshots is None else str(snapshots.resolve()),
            "arrays": None if arrays is None else str(arrays.resolve()),
            "require": sorted(required),
            "explain": explain,
            "diagnose": diagnose,
            "weights": weight_set.name,
            "runtime": runtime,
            "device": f"{device} {precision}",
            "cached": results is not None,
            "threads": threads or available_cores(),
        }
        progress = Progress(json_path, "run", asked, resume=resume)
        candidate = implementation_made_of(under_test)
        of = {
            entry.name: made_of(
                entry, weight_set, snapshots=snapshots, arrays=arrays, deviations=deviations, candidate=candidate
            )
            for entry in chosen
        }
        entries = {entry.name: progress.take(entry.name, of[entry.name]) for entry in chosen}
        left = [entry for entry in chosen if entries[entry.name] is None]
        places = {entry.name: number for number, entry in enumerate(chosen, 1)}

        def on_result(result: FixtureResult) -> None:
            confirm = partial(confirming, result.name, implementation=implementation, arrays=arrays)
            found = entry_of(result, confirm)
            # What could not be read or fetched may be there the next time.
            kept = result.status != ERROR
            plain = progress.keep(result.name, of[result.name], found) if kept else as_read(found)
            entries[result.name] = plain
            drawer.draw(places[result.name], plain["row"])

        with working("clips"):
            total = sum(_clip_seconds(entry) for entry in left)
        apart = html and len(left) > FEW and (threads or available_cores()) > 1
        with Drawer(apart=apart) as drawer, ProgressWatcher(stderr, total) as watcher:
            _, seconds = timed(
                lambda: run_fixtures(
                    left,
                    weight_set,
                    snapshots=snapshots,
                    watcher=watcher,
                    threads=threads,
                    implementation=under_test,
                    arrays=arrays,
                    explain_drift=explain,
                    required=required,
                    deviations=deviations,
                    runtime=runtime,
                    placement=placement,
                    on_result=on_result,
                    kept=results,
                    effort=effort_of(diagnose, all_of_it=explain, drawn=True),
                )
            )
    name = under_test.name if arrays is None else f"{under_test.name} with arrays of {arrays}"
    done = [entry for entry in entries.values() if entry is not None]
    found = document_of(done, weight_set, seconds, name, runtime, placement)
    found, status, held_lines = holding.settle(found)
    # Written first: a closed pipe must not cost the report.
    write_text(json_path, to_json(found))
    write_tables(wanted, found)
    in_markdown = markdown(found, held_lines)
    write_text(json_path.with_suffix(".md"), in_markdown)
    if markdown_path is not None:
        write_summary(markdown_path, in_markdown)
    if html:
        from parity.report.html import page  # what draws takes a second to import

        write_text(_page_path(json_path), page(found, drawer.drawn()))
    print_lines(held_lines)
    stdout.print(of_run(found), markup=False, soft_wrap=True)
    stdout.print(table(found))
    if (costs := program_table(found)) is not None:
        stdout.print(costs)
    for remark in remarks(found):
        stdout.print(remark, markup=False, soft_wrap=True)
    for line in progress.lines():
        stderr.print(line, markup=False, soft_wrap=True)
    stderr.print(f"report: {_page_path(json_path) if html else json_path}", markup=False, soft_wrap=True)
    if traceback:
        print_traces(Raised(**raised) for entry in done for raised in entry["raised"])
    raise typer.Exit(exit_status(entry["row"]["status"] for entry in done) if status is None else status)


def _clip_seconds(fixture: object) -> float:
    from parity.fixtures.catalogue import Fixture

    # A fixture whose clip cannot be had is reported in its turn, when the others have their bar already. What was
    # captured elsewhere has a clip now and then; tensors take no time.
    if not isinstance(fixture, Fixture):
        return 0.0
    try:
        return fixture.seconds()
    except InputError:
        return 0.0


def _page_path(json_path: Path) -> Path:
    """Where the page beside a report goes: `index.html` beside `parity.json`, else the report's own name."""
    return (
        json_path.with_name("index.html") if json_path.name == DEFAULT_REPORT.name else json_path.with_suffix(".html")
    )
