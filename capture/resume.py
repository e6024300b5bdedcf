"""Captures that need not be made again: one that is complete, or a committed snapshot made in the very same way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parity.errors import InputError
from parity.files import writing_folder
from parity.fixtures.snapshot import MANIFEST, OWN_NAMES, read_snapshot

CHOSEN = (
    *("pyannote_audio_version", "clip_sha256", "weights.sha256", "parameters"),
    *("machine.device", "machine.tf32", "machine.threads"),
)
"""What makes two captures the same one; library versions and the CPU may differ, and comparisons name them."""


def take_up(folder: Path, committed: Path, wanted: Mapping[str, Any]) -> str | None:
    """See whether a capture can be had without running anything.

    A complete capture in `folder` that was asked for with the same words is kept. The committed snapshot is copied
    there if nothing at all is different: version, libraries, machine, threads, weights, clip, parameters.

    Parameters
    ----------
    folder : where the capture shall lie
    committed : the catalogue's own snapshot of the fixture
    wanted : what the manifest of a new capture would say, as `capture.snapshots.identity` gives it

    Returns
    -------
    said : what was found, for the user; None where the capture has to be made

    Raises
    ------
    InputError : `folder` holds a capture of something else, or one that cannot be read
    """
    if (folder / MANIFEST).exists():
        manifest = read_snapshot(folder, any_version=True).manifest
        if others := [line for key, line in differences(manifest, wanted) if key.startswith(CHOSEN)]:
            raise InputError(
                f"{folder}: holds another capture ({'; '.join(others)}): remove it, or choose another --out"
            )
        remarks = "; ".join(line for _, line in differences(manifest, wanted))
        return f"kept, captured before ({remarks})" if remarks else "kept, captured before"
    if (committed / MANIFEST).exists():
        manifest = read_snapshot(committed, any_version=True).manifest
        if not list(differences(manifest, wanted)):
            _copy(committed, folder)
            return f"taken from {committed.parent.name}/, captured in the very same way"
    return None


def differences(manifest: Mapping[str, Any], wanted: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys in which a manifest is not what is wanted, each with what it says and what is wanted."""
    for key, value in wanted.items():
        got = manifest.get(key)
        if isinstance(value, Mapping):
            yield from differences(got if isinstance(got, Mapping) else {}, value, f"{prefix}{key}.")
        elif got != value:
            yield f"{prefix}{key}", f"{prefix}{key} is {_short(got)}, now {_short(value)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"


def _copy(source: Path, folder: Path) -> None:
    with writing_folder(folder) as temporary:
        for path in source.iterdir():
            if path.name not in OWN_NAMES and path.is_file():
                shutil.copy2(path, temporary / path.name)
        read_snapshot(temporary, any_version=True)
