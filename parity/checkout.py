"""What only a checkout of the repository has, how to get one, and where the fixtures are.

The wheel installs `parity` alone, with the fixtures as its data. Captures, benches and peers belong to a checkout;
whatever needs one says so in a line, with the command that brings it. Nothing is ever written into what was installed:
a user's own fixtures and measurements lie in the user's data folder.
"""

from __future__ import annotations

import os
from pathlib import Path

PROJECT_URL = "https://github.com/diarization-parity-lab/diarization-parity-lab"
"""As in pyproject.toml, which a test compares."""

DISTRIBUTION = "diarization-parity-lab"
CATALOGUE = "catalogue.toml"
ROOT = Path(__file__).resolve().parents[1]
SHIPPED = Path(__file__).resolve().parent / "data" / "fixtures"
"""Where the wheel puts the fixtures; a checkout has no such folder."""


def is_checkout() -> bool:
    """Whether this `parity` is the one of a checkout, with `capture`, `bench`, `peers` and the noxfile beside it."""
    return (ROOT / "noxfile.py").is_file() and (ROOT / "capture" / "__init__.py").is_file()


def in_checkout(command: str) -> str:
    """A command for a message to name; where there is no checkout, with how to get one."""
    return command if is_checkout() else f"{command} (in a checkout: git clone {PROJECT_URL})"


def or_get_one() -> str:
    """What to add to a message about fixtures that are not there: nothing in a checkout, else how to get them."""
    return "" if is_checkout() else f"; {how_to_get_fixtures()}"


def how_to_get_fixtures() -> str:
    """Where fixtures come from, for a message: the wheel has them, a folder may be named instead."""
    return (
        f"the wheel carries fixtures (pip install --force-reinstall --no-deps {DISTRIBUTION}); "
        "PARITY_FIXTURES names a folder of others"
    )


def default_folder() -> Path:
    """Where fixtures are: `PARITY_FIXTURES`, or the repository's own, or the wheel's, or `fixtures` in this folder."""
    if override := os.environ.get("PARITY_FIXTURES"):
        return Path(override).expanduser()
    found = (folder for folder in (ROOT / "fixtures", SHIPPED) if (folder / CATALOGUE).is_file())
    return next(found, Path("fixtures"))


def own_folder() -> Path:
    """Where an installed `parity` keeps what a user adds to the wheel's fixtures; it may not exist yet."""
    import platformdirs

    return platformdirs.user_data_path(DISTRIBUTION, appauthor=False) / "fixtures"


def is_shipped(folder: Path) -> bool:
    """Whether a folder is the wheel's of fixtures, or below it."""
    return folder.is_relative_to(SHIPPED)


def writable(folder: Path) -> Path:
    """Where to write what belongs into a folder of fixtures, or below one: never into what was installed."""
    return own_folder() / folder.relative_to(SHIPPED) if is_shipped(folder) else folder
