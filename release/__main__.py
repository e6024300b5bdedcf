"""`nox -s release -- VERSION`: check, build and write down a release."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Annotated

import typer

from parity.console import run_and_exit, stderr, stdout
from parity.errors import InputError
from parity.files.whole import write_text
from release import tree
from release.log import Log, minutes
from release.plan import Asked, carry_out, described, steps
from release.publish import publish
from release.running import Place, Stopped

ROOT = Path(__file__).resolve().parents[1]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Several = list[str]


@app.command()
def release(
    version: Annotated[str, typer.Argument(help="As 0.2.0; the one in parity/__init__.py.")],
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Write the version and today into the three files that say it; no more.")
    ] = False,
    capture_python: Annotated[
        str, typer.Option(help="An interpreter with the extras capture and test; default: this one.")
    ] = sys.executable,
    python: Annotated[
        str, typer.Option(help="An interpreter with the extra test; default: this one.")
    ] = sys.executable,
    out: Annotated[Path | None, typer.Option(help="Where the reports go; default: reports/VERSION.")] = None,
    fixtures: Annotated[Several, typer.Option(help="The main job on these alone; repeatable.")] = [],  # noqa: B006
    captures: Annotated[Several, typer.Option(help="Capture these again alone; repeatable.")] = [],  # noqa: B006
    calibrate_on: Annotated[Several, typer.Option(help="Plant faults on these alone; repeatable.")] = [],  # noqa: B006
    bench_on: Annotated[Several, typer.Option(help="Clips of the short bench; repeatable.")] = list(Asked.bench_on),  # noqa: B006
    tests: Annotated[Several, typer.Option(help="These tests alone; repeatable.")] = [],  # noqa: B006
    fuzz_inputs: Annotated[int, typer.Option(min=1, help="Bad inputs.")] = Asked.fuzz_inputs,
    without: Annotated[Several, typer.Option(help="Leave a step out; repeatable.")] = [],  # noqa: B006
    anew: Annotated[bool, typer.Option("--anew", help="Forget what was done for this commit.")] = False,
) -> None:
    """Make a release: refuse what may be none, run everything that says so, build, and write reports/VERSION/.

    A step that is done for this commit is kept, so that an interrupted release goes on when it is called again. With
    less than everything (--fixtures, --captures, --tests, --without, fewer inputs) it is a rehearsal, and says so.
    Exit status: 0 made, 2 refused or stopped by what a step found.
    """
    if prepare:
        _prepare(version)
        return
    commit = tree.check(ROOT, version)
    asked = Asked(
        tests=tuple(tests),
        fixtures=tuple(fixtures),
        captures=tuple(captures),
        calibrate_on=tuple(calibrate_on),
        bench_on=tuple(bench_on),
        fuzz_inputs=fuzz_inputs,
        without=tuple(without),
    )
    folder = ROOT / "reports" / "latest" / "release" / version
    place = Place(ROOT, folder, python, capture_python)
    planned = steps(place, version, asked)
    log = Log.open(folder, commit, described(asked, place), anew=anew)
    log.done = {step.name: log.done[step.name] for step in planned if step.name in log.done}
    carry_out(planned, log, lambda line: stderr.print(line, markup=False, soft_wrap=True))
    if tree.check(ROOT, version) != commit:
        raise Stopped(f"the tree is no longer {commit[:9]}, which the steps were run on; check it out and go on")
    where = out or ROOT / "reports" / version
    publish(ROOT, where, log, version, datetime.date.today().isoformat(), partial=asked.partial)
    took = minutes(sum(found["seconds"] for found in log.done.values()))
    word = "REHEARSED" if asked.partial else "RELEASED"
    next_step = f"Next: git add {where} && git commit, then a tag v{version}" if out is None else "Nothing to commit"
    stdout.print(f"{word}. {version} of {commit[:9]} in {took}: {where}. {next_step}.", markup=False, soft_wrap=True)


def _prepare(version: str) -> None:
    if not tree.VERSION.fullmatch(version):
        raise InputError(f"{version}: not a version such as 0.2.0")
    code, changelog, citation = (ROOT / name for name in ("parity/__init__.py", "CHANGELOG.md", "CITATION.cff"))
    today = datetime.date.today().isoformat()
    said = [path.read_text(encoding="utf-8") for path in (code, changelog, citation)]
    texts = tree.prepared(said[0], said[1], said[2], version, today)
    for path, text in zip((code, changelog, citation), texts, strict=True):
        write_text(path, text)
    stdout.print(
        f"{version} stands in parity/__init__.py, CHANGELOG.md and CITATION.cff. "
        f"Next: commit, then nox -s release -- {version}",
        soft_wrap=True,
    )


if __name__ == "__main__":
    run_and_exit(app)
