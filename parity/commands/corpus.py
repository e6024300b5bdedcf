"""`parity corpus …`: many recordings: a corpus made, run, scored, judged and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parity.console import stdout, working

app = typer.Typer(name="corpus", no_args_is_help=True, help="Many recordings: how often does the answer change?")


@app.command("make")
def make(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that is made; it must not be there yet.")],
    recordings: Annotated[int, typer.Option(help="How many.")] = 200,
    seconds: Annotated[int, typer.Option(help="Of each.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Of all chance: the same seed, the same bytes.")] = 1,
) -> None:
    """Make a corpus of seeded conversations from the pinned sources' voices: the same bytes everywhere.

    One speaker to as many as there are or fit, turns by human RTTM, levels, speeds, overlap, noise, rooms, rates and
    channels by chance; exact RTTM. They are synthetic mixtures: good for parity, not for claims about accuracy.
    """
    from parity.corpus.made.making import MANIFEST, make

    with working("the voices of the pinned sources") as tell:
        digest = make(folder, recordings, seconds, seed, tell)
    stdout.print(f"{folder / MANIFEST}: {recordings} recordings of {seconds} s, sha256 {digest}", soft_wrap=True)
    stdout.print("synthetic mixtures: good for parity, not for claims about accuracy", soft_wrap=True)
