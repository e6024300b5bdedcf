"""What is installed: extras, the fixtures, and what only a checkout of the repository has; how to get what is missing.

The wheel installs `parity` alone, with the fixtures as its data. What draws, tabulates, and scores with a library
weighs as much as half of the rest and belongs to extras; captures, benches and peers belong to a checkout. Whoever
needs what is not there is told in a line how to get it. Nothing is ever written into what was installed: a user's own
fixtures and measurements lie in the user's data folder.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path

from parity.errors import InputError

PROJECT_URL = "https://github.com/diarization-parity-lab/diarization-parity-lab"
"""As in pyproject.toml, which a test compares."""

DISTRIBUTION = "diarization-parity-lab"
CATALOGUE = "catalogue.toml"
ROOT = Path(__file__).resolve().parents[1]
SHIPPED = Path(__file__).resolve().parent / "data" / "fixtures"
"""Where the wheel puts the fixtures; a checkout has no such folder."""

EXTRAS = {
    "matplotlib": "report",
    "pandas": "report",
    "pyannote.core": "report",
    "pyannote.metrics": "report",
    "pyarrow": "tables",
    "sklearn": "speakers",
    "huggingface_hub": "hub",
    "av": "media",
    "dask": "corpus",
    "torch": "torch",
    "mlx": "mlx",
}
"""What the base does without -> the extra that brings it (pyproject.toml, which a test compares)."""


def how_to_get(module: str) -> str | None:
    """The command that brings a module of an extra, for a message; None of a module that is of none."""
    for name in (module, ".".join(module.split(".")[:2]), module.split(".")[0]):
        if name in EXTRAS:
            return f'pip install "{DISTRIBUTION}[{EXTRAS[name]}]"'
    # `pyannote` itself is a namespace: where neither of its two packages is installed, it is what is missed.
    return how_to_get("pyannote.core") if module == "pyannote" else None


def need(module: str, what: str, otherwise: str = "") -> None:
    """Refuse, before any work is done, what an extra that is not installed would be needed for.

    Parameters
    ----------
    what : that needs it, as an option's name
    otherwise : what can be done without it, for the message

    Raises
    ------
    InputError : the module cannot be found
    """
    if not is_installed(module):
        also = f"; {otherwise}" if otherwise else ""
        raise InputError(f"{what}: {module} is not installed: needs `{how_to_get(module)}`{also}")


def is_installed(module: str) -> bool:
    """Whether a module, of a package too, can be found; it is not imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of the package it would be in
        return False
    except ValueError:  # hidden: it stands in `sys.modules` as None, or has no spec
        return False


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """Their versions, of those that are installed."""
    import importlib.metadata

    found = {}
    for name in distributions:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


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
