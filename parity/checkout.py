"""What only a checkout of the repository has, how to get one, and where the fixtures are.

The wheel installs `parity` alone. Captures, benches, peers and the fixtures themselves belong to a checkout; whatever
needs one says so in a line, with the command that brings it.
"""

from __future__ import annotations

import os
from pathlib import Path

PROJECT_URL = "https://github.com/diarization-parity-lab/diarization-parity-lab"
"""As in pyproject.toml, which a test compares."""

DISTRIBUTION = "diarization-parity-lab"
CATALOGUE = "catalogue.toml"
ROOT = Path(__file__).resolve().parents[1]


def is_checkout() -> bool:
    """Whether this `parity` is the one of a checkout, with `capture`, `bench`, `peers` and the noxfile beside it."""
    return (ROOT / "noxfile.py").is_file() and (ROOT / "capture" / "__init__.py").is_file()


def in_checkout(command: str) -> str:
    """A command for a message to name; where there is no checkout, with how to get one."""
    return command if is_checkout() else f"{command} (in a checkout: git clone {PROJECT_URL})"


def or_get_one() -> str:
    """What to add to a message about fixtures that are not there: nothing in a checkout, else how to get them."""
    return "" if is_checkout() else f"; fixtures belong to a checkout: git clone {PROJECT_URL}"


def default_folder() -> Path:
    """Where fixtures are: `PARITY_FIXTURES`, or the repository's own, or `fixtures` in the folder one is in."""
    if override := os.environ.get("PARITY_FIXTURES"):
        return Path(override).expanduser()
    beside = ROOT / "fixtures"
    return beside if (beside / CATALOGUE).is_file() else Path("fixtures")
