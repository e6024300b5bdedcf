"""`parity stages`: the pipeline's stages, what each reads and writes, and how it is computed."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from parity.console import stdout


def stages(
    stage: Annotated[
        list[str] | None, typer.Argument(metavar="STAGE", help="Only these, with their formulas.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """List the stages: what each reads and writes, dims, dtypes and units; of a named one its formula too."""
    from parity.names import find_names
    from parity.ports.stage_list import stages_data
    from parity.report.stage_list import in_words

    found = stages_data()
    names = [entry["stage"] for entry in found]
    wanted = find_names(stage or [], names, refused="{}: no stage", there_are="there are:")
    chosen = [entry for entry in found if not wanted or entry["stage"] in wanted]
    if as_json:
        typer.echo(json.dumps({"schema": 1, "stages": chosen}, indent=1, ensure_ascii=False))
        return
    for line in in_words(chosen, formulas=bool(wanted)):
        stdout.print(line, markup=False, soft_wrap=True)
    if not wanted:
        stdout.print("with formulas and tolerances: parity stages STAGE; all of it as data: --json", soft_wrap=True)
