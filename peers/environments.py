"""One virtual environment a peer, made once: its requirements are pinned, and what is pinned names its folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from parity.errors import InputError
from parity.files.whole import sha256_bytes, write_text
from peers.adapters import Peer

STAMP = ".installed"
MINUTES = 15


def python_of(peer: Peer, folder: Path) -> Path:
    """The interpreter of a peer's environment below `folder`; it is made if need be.

    Raises
    ------
    InputError : it cannot be made or filled: no wheel for this platform, no network, no `venv` module, …
    """
    if not peer.requirements:
        return Path(sys.executable)
    place, wanted = _place(peer, folder)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not installed(peer, folder):
        _run(peer, sys.executable, "-m", "venv", "--clear", str(place))
        _run(peer, str(python), "-m", "pip", "install", "--disable-pip-version-check", *peer.requirements)
        write_text(place / STAMP, wanted + "\n")
    return python


def installed(peer: Peer, folder: Path) -> bool:
    """Whether a peer's environment below `folder` is complete."""
    return (_place(peer, folder)[0] / STAMP).is_file()


def _place(peer: Peer, folder: Path) -> tuple[Path, str]:
    wanted = "\n".join((sys.version, *peer.requirements))
    return folder / f"{peer.name}-{sha256_bytes(wanted.encode())[:12]}", wanted


def _run(peer: Peer, *command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 * MINUTES, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"environment of {peer.name}: {error}") from error
    if done.returncode:
        raise InputError(f"environment of {peer.name}: {said_last(done.stderr or done.stdout)}")


def said_last(text: str) -> str:
    """The last line that says what went wrong: pip's last ERROR, else the last line at all."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it ended without a word"])[-1]
