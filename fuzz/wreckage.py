"""What a killed command may leave and what it may not: names that are whole, old or new; nothing of the killed one."""

from __future__ import annotations

import xml.etree.ElementTree
import zipfile
import zlib
from pathlib import Path

import numpy as np

from fuzz.writers import BEFORE, GROW, Command
from parity.errors import InputError
from parity.files.documents import parse_toml, read_json
from parity.files.whole import OLD, PART

Wrong = list[tuple[str, str]]
LINES = (".md", ".csv", ".toml", ".rttm", ".txt", ".py")


def names_of(command: Command, folder: Path) -> set[str]:
    """What there is of what it writes; hidden names are nobody's, `.gitignore` and what a killed run was writing."""
    paths = [path for name in command.writes for path in (folder / name, *(folder / name).rglob("*"))]
    names = (path.relative_to(folder) for path in paths if path.exists())
    return {name.as_posix() for name in names if not any(part.startswith(".") for part in name.parts)}


def wrong(command: Command, folder: Path, whole: set[str], *, over: bool = False) -> Wrong:
    """What is half-written or lost after a kill; after the next run, `over`, what is left or missing too.

    Parameters
    ----------
    whole : names that an undisturbed run leaves

    Returns
    -------
    found : (`half_written`, `lost_names` or `left_overs`, what is the matter)
    """
    there = names_of(command, folder)
    found = [("lost_names", f"{name} is gone") for name in command.before if name not in there]
    for name in command.writes:
        below = {entry for entry in there if entry == name or entry.startswith(f"{name}/")}
        wanted = {entry for entry in whole if entry == name or entry.startswith(f"{name}/")}
        if name not in GROW and below and below != wanted:
            found.append(("half_written", f"{name} lacks {len(wanted - below)} of {len(wanted)} names"))
        if over and not below:
            found.append(("half_written", f"{name} is not there after the next run"))
    found += [("half_written", said) for name in sorted(there) if (said := _half(folder / name))]
    if "fixtures" in command.writes:
        found += _catalogue_wrong(folder / "fixtures", over=over)
    if over:
        paths = [path for path in folder.rglob(".*") if path.name.endswith((PART, OLD))]
        found += [("left_overs", f"{path.name} is left") for path in paths]
    return found


def _half(path: Path) -> str | None:
    """What is wrong with one file, by its format."""
    if not path.is_file():
        return None
    try:
        data = path.read_bytes()
        if data == BEFORE.encode():
            return None
        if not data:  # an RTTM in which nobody speaks
            return None if path.suffix in (".rttm", ".lock") or path.name == "__init__.py" else f"{path.name} is empty"
        return _broken(path, data)
    except (OSError, ValueError, SyntaxError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, InputError) as error:
        return f"{path.name}: {error}"


def _broken(path: Path, data: bytes) -> str | None:
    from parity.files.arrays import read_file
    from parity.networks.checkpoint import read_checkpoint

    if path.suffix in (".json", ".sarif"):
        read_json(path)
    elif path.suffix in (".xml", ".svg"):
        xml.etree.ElementTree.fromstring(data)
    elif path.suffix == ".toml":
        parse_toml(data.decode("utf-8"))
    elif path.suffix == ".npz":
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:  # names of speakers are text
            for name in arrays.files:
                _ = arrays[name]
    elif path.suffix in (".npy", ".safetensors"):
        return "; ".join(read_file(path).problems) or None
    elif path.suffix in (".ckpt", ".bin"):
        read_checkpoint(path)
    elif path.suffix in LINES and not data.endswith(b"\n"):
        return f"{path.name} breaks off"
    elif path.suffix == ".html" and not data.rstrip().endswith(b"</html>"):
        return f"{path.name} is no whole page"
    return None


def _catalogue_wrong(folder: Path, *, over: bool) -> Wrong:
    from parity.fixtures.catalogue import Catalogue

    try:
        entries = {entry.name: entry for entry in Catalogue.read(folder).fixtures}
        for name in ("old", "mine"):
            if name in entries:
                entries[name].clip()
    except InputError as error:
        return [("half_written", str(error))]
    found = [("lost_names", "the entry of old is gone")] if "old" not in entries else []
    if over and "mine" not in entries:
        found.append(("lost_names", "what was added is not in the catalogue"))
    return found
