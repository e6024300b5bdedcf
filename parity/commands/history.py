"""`parity history`: releases in a row, and whether one got worse without saying so."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parity.checkout import need
from parity.commands.options import JsonOption
from parity.console import stdout
from parity.errors import InputError, one_line


def history(
    reports: Annotated[Path, typer.Argument(help="A folder of releases, each with its parity.json.")] = Path("reports"),
    changelog: Annotated[Path, typer.Option(help="What each release said of itself.")] = Path("CHANGELOG.md"),
    json_path: JsonOption = None,
    draw: Annotated[
        Path | None, typer.Option("--plot", help="Draw drift, seconds and coverage over releases: .svg or .png.")
    ] = None,
) -> None:
    """Show drift by artefact, seconds and coverage over releases.

    Exit status: 0 none got worse, or the changelog says so beneath `### Got worse`; 1 one did unsaid; 2 wrong inputs.
    """
    from parity.files.whole import check_writable, write_text
    from parity.history.releases import releases_in, worsened
    from parity.report.document import to_json
    from parity.report.history import WORSE, headline, history_document, history_table, notes, plot_history
    from parity.report.picture import check_ending

    for path in (json_path, draw):
        if path is not None:
            check_writable(path)
    if draw is not None:
        check_ending(draw)
        need("matplotlib", "--plot")
    try:
        said = changelog.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"--changelog {changelog}: cannot be read ({one_line(error)})") from error
    releases = releases_in(reports)
    document = history_document(releases, worsened(releases, said))
    if json_path is not None:
        write_text(json_path, to_json(document))
    if draw is not None:
        plot_history(document, draw)
    stdout.print(headline(document), markup=False, soft_wrap=True)
    stdout.print(history_table(document))
    for line in notes(document):
        stdout.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(1 if document["verdict"] == WORSE else 0)
