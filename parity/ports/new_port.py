"""A port to begin with: a small program that speaks the program contract and has five stages at parity.

Task: a folder and a language -> the language's template, as it lies in `templates/` beside this module. Templates are
real programs, compiled and checked as they stand by the tests, so nothing is filled in.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from parity.errors import InputError
from parity.files.whole import writing_folder
from parity.names import find_name

TEMPLATES = Path(__file__).parent / "templates"
BUILT = shutil.ignore_patterns("target", "__pycache__", "*.o", "*_port")
"""What building a template where it lies leaves there."""


@dataclass(frozen=True)
class Language:
    """How a language's template is used, inside its folder.

    Attributes
    ----------
    build : the command that builds it; None where there is nothing to build
    program : the command that runs it, as `parity check` and `exec:` take it
    """

    build: str | None
    program: str


LANGUAGES = {
    "c": Language("make", "./my_port"),
    "rust": Language("cargo build --release", "target/release/my_port"),
    "node": Language(None, "node my_port.mjs"),
    "python": Language(None, "python my_port.py"),
}


def write_port(folder: Path, language: str) -> Language:
    """Write a language's template, whole or not at all.

    Parameters
    ----------
    folder : must not exist yet, or be empty
    language : a name in `LANGUAGES`, or a beginning of one

    Raises
    ------
    InputError : there is no such language; the folder holds something, is a file, or cannot be written
    """
    name = find_name(language, list(LANGUAGES), refused="--language {}: no template", there_are="there are:")
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        held = "is a file" if folder.is_file() else f"holds {next(folder.iterdir()).name} already"
        raise InputError(f"{folder}: {held}; expected a folder that is empty or not there yet")
    with writing_folder(folder, replace=folder.is_dir()) as temporary:
        shutil.copytree(TEMPLATES / name, temporary, dirs_exist_ok=True, ignore=BUILT)
    return LANGUAGES[name]
