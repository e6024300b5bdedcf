"""`parity fingerprint`: what can be told of arrays by those who may not, or cannot, hand them over."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parity.commands.options import MapOption, read_through
from parity.console import stdout


def fingerprint(
    folder: Annotated[Path, typer.Argument(help="A dump or snapshot, or a folder of them.")],
    out: Annotated[Path, typer.Argument(help="The JSON that is written.")],
    sample: Annotated[int, typer.Option(min=0, help="Elements of an array that are shown, a quarter at most.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Which elements these are; both sides need the same.")] = 0,
    maps: MapOption = [],  # noqa: B006
) -> None:
    """Write shape, dtype, hash, extremes, means and a sample of every artefact as one JSON, which compare takes.

    Exit status: 0 it is written, 2 something was wrong with the inputs.
    """
    from parity.errors import InputError
    from parity.files.whole import check_writable, write_text
    from parity.ports.dump import read_dump
    from parity.ports.dump.folders import named_below
    from parity.ports.fingerprint import fingerprint_of, fingerprint_text

    if out.suffix != ".json":
        raise InputError(f"{out}: a fingerprint is a JSON; name it so: {out.with_suffix('.json')}")
    check_writable(out)
    named = named_below(read_through(maps, {"folder": folder})["folder"])
    found = [fingerprint_of(read_dump(path), name, seed=seed, most=sample) for name, path in named.items()]
    write_text(out, fingerprint_text(found, seed))
    held = sum(len(one.values) for one in found)
    stdout.print(f"{out}: {held} artefacts of {len(found)} recordings", markup=False, soft_wrap=True)
