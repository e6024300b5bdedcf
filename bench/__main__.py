"""`python -m bench`: pyannote.audio 4.0.4 and this project on the same clips in turns, ratio by ratio."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import soundfile
import typer

from bench.limit import limit
from bench.peer import NAME as SHERPA
from bench.peer import at_hand as sherpa_at_hand
from bench.report import clip_data, document, equal, markdown, remarks, table, write_plot
from bench.report_file import merge
from bench.sides import in_turns, sides
from bench.worker import PLAIN, PYANNOTE, REPLAY
from parity.commands.options import ResumeOption
from parity.commands.tables import table_option
from parity.console import run_and_exit, stderr, stdout
from parity.errors import InputError
from parity.files.machine import cpu_model
from parity.files.progress import Progress, content, lab
from parity.files.whole import check_writable, write_text
from parity.fixtures.catalogue import Catalogue, Fixture, default_folder
from parity.networks.runtime import available_cores
from parity.networks.wespeaker.choice import CANDIDATES, at_hand, choose_runtime
from parity.networks.wespeaker.runtime import AUTO, check_runtimes, runtime_version
from parity.report.document import environment
from parity.report.tables import BENCH
from parity.sources.weights import load_weights
from parity.tables.writing import targets, write_tables

LONG_SECONDS = 60.0
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bench(
    fixture: Annotated[list[str], typer.Option(help="Only this clip; repeatable. All fourteen otherwise.")] = [],  # noqa: B006
    runtime: Annotated[
        list[str], typer.Option(help="Runtimes; repeatable. Those at hand of onnx and ncnn otherwise.")
    ] = [],  # noqa: B006
    plain: Annotated[bool, typer.Option(help="Beside them the pipeline in ONNX Runtime, no work left out.")] = True,
    replays: Annotated[bool, typer.Option("--replay", help="Beside them the replay, everything compared.")] = False,
    sherpa: Annotated[
        bool | None, typer.Option(help="Beside them sherpa-onnx; default: where `nox -s peers` has installed it.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Counted rounds, after a warm-up.")] = 3,
    long_rounds: Annotated[int, typer.Option(min=1, help="Rounds in which clips longer than a minute are.")] = 1,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of every side; default: the cores at hand.")
    ] = None,
    json_path: Annotated[
        Path, typer.Option("--json", help="Where the report goes; its .md and the plot, .svg, beside it.")
    ] = Path("reports/bench.json"),
    tables: Annotated[list[str], table_option(BENCH)] = [],  # noqa: B006
    resume: ResumeOption = False,
) -> None:
    """pyannote.audio 4.0.4 and `parity diarize` on the same clips in turns: seconds, ratio pair by pair, peak memory.

    Absolute seconds mean little on a shared machine; the ratio of neighbours does. All fourteen take about an hour.
    Exit status: 0, 1 where an RTTM differs from pyannote's (a faster wrong answer is a failure), 2 wrong inputs.
    """
    check_writable(json_path)
    wanted = targets(tables, BENCH, [json_path])
    runtimes = runtime or [name for name in CANDIDATES if at_hand(name)]
    runtimes = check_runtimes(runtimes)
    cores = threads or available_cores()
    best = choose_runtime(AUTO, load_weights().embedding)
    chosen = best if best in runtimes else runtimes[0]
    names = [PYANNOTE, *runtimes, *([PLAIN] if plain else []), *([REPLAY] if replays else [])]
    names += [SHERPA] if sherpa or (sherpa is None and sherpa_at_hand()) else []
    clips = Catalogue.read(default_folder()).select(fixture)
    machine = {
        **environment(),
        "cpu": cpu_model(),
        "threads": cores,
        "runtimes": {name: runtime_version(name) for name in runtimes},
    }
    hardware = limit(cores)
    plan = _plan(clips, rounds, long_rounds)
    asked = {"sides": names, "rounds": [rounds, long_rounds], "threads": cores, "chosen": chosen}
    progress = Progress(json_path, "bench", asked, resume=resume)
    of = {clip.name: {**_made_of(machine), "clip": clip.clip_sha256} for clip in clips}
    parts = [(number, name) for number, names_of_round in enumerate(plan) for name in names_of_round]
    answers = {part: progress.take(_called(part), of[part[1]]) for part in parts}
    left = [part for part in parts if answers[part] is None]
    with sides(names if left else [], cores) as running:
        turns = [[name for at, name in left if at == number] for number in range(len(plan))]
        for part, (_, measured) in zip(left, in_turns(running, turns, stderr.print), strict=True):
            answers[part] = progress.keep(_called(part), of[part[1]], measured)
            _write(_report(machine, answers, chosen, hardware), json_path)  # an hour's measuring may be cut short
    report = _report(machine, answers, chosen, hardware)
    _write(report, json_path)
    write_tables(wanted, report)
    stdout.print(table(report))
    for said in remarks(report):
        stdout.print(said, soft_wrap=True)
    for said in progress.lines():
        stderr.print(said)
    raise typer.Exit(0 if equal(report) else 1)


def _called(part: tuple[int, str]) -> str:
    number, name = part
    return f"{name}, round {number + 1}"


def _made_of(machine: Mapping[str, Any]) -> dict[str, Any]:
    return {"lab": lab(), "bench": content(Path(__file__).parent, "*.py"), "machine": machine}


def _report(
    machine: Mapping[str, Any],
    answers: Mapping[tuple[int, str], Any],
    chosen: str,
    hardware: Mapping[str, Any],
) -> dict[str, Any]:
    found: dict[str, list] = {}
    for (_, name), measured in answers.items():
        if measured is not None:
            found.setdefault(name, []).append(measured)
    return document(machine, [clip_data(name, runs, chosen) for name, runs in found.items()], chosen, hardware)


def _write(report: Mapping[str, Any], json_path: Path) -> None:
    merge(json_path, report)
    write_text(json_path.with_suffix(".md"), markdown(report))
    write_plot(report, json_path.with_suffix(".svg"))


def _plan(clips: Iterable[Fixture], rounds: int, long_rounds: int) -> list[list[str]]:
    """Clips of each round: first all rounds of the short ones, the shortest leading, then those of the long ones."""
    seconds = {clip.name: _seconds(clip) for clip in clips}
    ordered = sorted(seconds, key=seconds.get)
    short = [name for name in ordered if seconds[name] <= LONG_SECONDS]
    long = ordered[len(short) :]
    return [*([short] * rounds if short else []), *([long] * min(rounds, long_rounds) if long else [])]


def _seconds(clip: Fixture) -> float:
    try:
        return soundfile.info(str(clip.clip())).duration
    except soundfile.LibsndfileError as error:
        raise InputError(f"{clip.clip()}: {error}") from None


def main() -> None:
    """Entry point."""
    run_and_exit(app)


if __name__ == "__main__":
    main()
