"""`parity diagnose`: which mistake it is, the evidence, how to mend it; `parity demo`: the same in a minute."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from parity.checkout import need
from parity.commands.completion import complete_fault
from parity.commands.options import (
    FixtureOption,
    ImplementationOption,
    JsonOption,
    StageTimeoutOption,
    ThreadsOption,
    WeightsOption,
)
from parity.console import stderr, stdout, working
from parity.errors import InputError

if TYPE_CHECKING:
    from parity.fixtures.catalogue import Fixture

DEMO_FIXTURE, DEMO_FAULT = "02_pyannote_sample", "scores_as_distances"
NATIVE = "native"


def diagnose(
    dump: Annotated[
        Path | None, typer.Argument(help="Arrays that a port made of a fixture's clip, in a folder named after it.")
    ] = None,
    fixture: FixtureOption = None,
    implementation: ImplementationOption = NATIVE,
    stage_timeout: StageTimeoutOption = None,
    fault: Annotated[
        str | None, typer.Option(help="A planted fault instead, by its name.", autocompletion=complete_fault)
    ] = None,
    weights: WeightsOption = "wheels",
    page: Annotated[Path | None, typer.Option(help="Write one page with the evidence as pictures.")] = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the same for a pull request.")] = None,
    json_path: JsonOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Say which mistake makes what a port made, show the evidence, and say how to mend it and what confirms it.

    Exit status: 0 nothing drifts, 1 something does, whether its mistake is named or not, 2 the inputs were wrong.
    """
    from parity.files.whole import check_writable

    if page is not None:
        need("matplotlib", f"--page {page}")
    outputs = {"page": page, "markdown": markdown, "json": json_path}
    for path in outputs.values():
        if path is not None:
            check_writable(path)
    if (dump is not None) + (implementation != NATIVE) + (fault is not None) != 1:
        raise InputError("diagnose: give one of a dump, --implementation and --fault")
    if dump is not None and not dump.is_dir():
        raise InputError(f"{dump}: not a folder; expected one recording's arrays")
    entry = _entry(dump, fixture)
    with contextlib.ExitStack() as stack:
        folder, words, confirm = dump, "", ""
        if dump is None:
            option = f"--fault {fault}" if fault else f"--implementation {implementation}"
            words = f"fault {fault}" if fault else implementation
            confirm = f"parity explain {entry.name} {option}"  # of all stages: mended ones may hide another
            folder = stack.enter_context(_made(entry, implementation, stage_timeout, fault, weights, threads))
        assert folder is not None
        confirm = confirm or f"parity compare {_shown(entry.snapshot_folder)} {folder}"
        document = _diagnosed(entry, folder, words or f"dump {folder}", confirm, weights, threads)
    _tell(document, outputs)
    raise typer.Exit(0 if document["first_drift"] is None else 1)


def demo(
    page: Annotated[Path, typer.Option(help="Where the page goes.")] = Path("parity-demo.html"),
    show: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Plant a famous mistake, let the lab find, name and mend it, and look at the page. Takes a minute.

    Exit status: 0 it was found, named and mended; 1 it was not; 2 something could not be had.
    """
    import webbrowser

    from parity.faults.fault import load_faults
    from parity.files.whole import check_writable, write_text
    from parity.report.diagnosed import first_line
    from parity.report.diagnosed import page as drawn

    need("matplotlib", "the page")
    check_writable(page)
    entry = _entry(None, DEMO_FIXTURE)
    planted = next(one for one in load_faults() if one.name == DEMO_FAULT)
    stdout.print(f"1. Planted in {planted.stage}: {planted.about}.", markup=False, soft_wrap=True)
    with _made(entry, NATIVE, None, DEMO_FAULT, "wheels", None) as folder:
        found = _diagnosed(entry, folder, f"fault {DEMO_FAULT}", f"parity explain {entry.name}", "wheels", None)
    stdout.print(f"2. Found: {first_line(found)}", markup=False, soft_wrap=True)
    with _made(entry, NATIVE, None, None, "wheels", None, first=planted.stage) as folder:
        mended = _diagnosed(entry, folder, NATIVE, "", "wheels", None)
    stdout.print(f"3. Mended: {first_line(mended)}", markup=False, soft_wrap=True)
    write_text(page, drawn(found))
    opened = show and webbrowser.open(page.resolve().as_uri())
    stdout.print(f"4. {'Opened' if opened else 'The page is'} {page}", markup=False, soft_wrap=True)
    names = [name for entry in found["diagnoses"] for name in _names(entry["mistake"])]
    raise typer.Exit(0 if DEMO_FAULT in names and mended["first_drift"] is None else 1)


def _names(mistake: dict[str, Any] | None) -> list[str]:
    return [] if mistake is None else [mistake["name"], *(other["name"] for other in mistake["same"])]


def _shown(path: Path) -> Path:
    """Relative where that is shorter to type."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path


def _entry(dump: Path | None, fixture: str | None) -> Fixture:
    from parity.fixtures.catalogue import Catalogue, default_folder

    if fixture is None and dump is None:
        raise InputError("diagnose: --fixture says of which recording")
    name = fixture or (dump.resolve().name if dump is not None else "")
    try:
        (entry,) = Catalogue.read(default_folder()).select([name])
    except InputError as error:
        raise InputError(f"diagnose: {dump or name} has to be of a fixture; --fixture says which: {error}") from None
    return entry


@contextlib.contextmanager
def _made(
    entry: Fixture,
    implementation: str,
    stage_timeout: float | None,
    fault: str | None,
    weights: str,
    threads: int | None,
    first: str | None = None,
) -> Iterator[Path]:
    """A folder, for the time being, with what an implementation makes of a fixture."""
    from parity.community1 import community1_pipeline
    from parity.community1.networks import without_networks
    from parity.community1.plda import solve_plda
    from parity.diagnosis.few_chunks import HEAVY
    from parity.diagnosis.planted import leave_dump
    from parity.faults.fault import Workshop, load_faults, planted
    from parity.fixtures.prepare import load_networks, prepare
    from parity.kept import results_where
    from parity.networks.runtime import one_blas_thread
    from parity.ports.python import load_implementation
    from parity.ports.yardstick import behind
    from parity.sources.weights import load_weights

    folder = Path(tempfile.mkdtemp(prefix="parity-diagnose-"))
    try:
        with working(entry.name) as say, one_blas_thread():
            say(f"{entry.name}: what it makes")
            weight_set = load_weights(weights)
            ready = prepare(entry, entry.snapshot_folder, weight_set)
            if fault is not None:
                first = next((f.stage for f in load_faults() if f.name == fault), None)
            graph = community1_pipeline(without_networks(), ready.parameters)
            light = first is not None and not set(HEAVY) & behind(graph, [first])
            kept = results_where(None, tested=True)
            networks = (
                without_networks(solve_plda(weight_set.plda))
                if light
                else load_networks(weight_set, threads, kept=kept)
            )
            native = community1_pipeline(networks, ready.parameters)
            with load_implementation(implementation, stage_timeout) as under_test:
                if fault is not None:
                    under_test = planted(fault, Workshop(weight_set, networks, ready.parameters, threads))
                leave_dump(folder, under_test(native), ready.snapshot, dict(ready.inputs), first if light else None)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _diagnosed(
    entry: Fixture, folder: Path, words: str, confirm: str, weights: str, threads: int | None
) -> dict[str, Any]:
    from parity.diagnosis.asking import ALL, Effort, ask_of_dump
    from parity.ports.dump.reading import read_dump
    from parity.ports.judging import Loading, judge
    from parity.report.diagnosed import diagnosed_document

    means = Loading(weights, threads)
    reference, candidate = read_dump(entry.snapshot_folder), read_dump(folder)
    judged = judge(entry.name, reference, candidate, means)
    with working(f"{entry.name}: known mistakes"):
        asked = ask_of_dump(judged, reference, candidate, means, Effort(ALL, drawn=True))
    return diagnosed_document(judged.comparison, words, asked.diagnoses, confirm, asked.why_not)


def _tell(document: dict[str, Any], outputs: dict[str, Path | None]) -> None:
    from parity.files.whole import write_text
    from parity.report.diagnosed import lines, markdown, page
    from parity.report.document import to_json

    for line in lines(document):
        stdout.print(line, markup=False, soft_wrap=True)
    written = {"page": page, "markdown": markdown, "json": to_json}
    for kind, path in outputs.items():
        if path is not None:
            write_text(path, written[kind](document))
            stderr.print(f"{kind}: {path}", markup=False, soft_wrap=True)
