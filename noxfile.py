"""The front door: `nox -s parity`, `nox -s tests`, `nox -s capture`, `nox -s calibrate`, `nox -s bench`, …"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import nox

nox.options.sessions = ["parity"]
nox.options.reuse_existing_virtualenvs = True
nox.needs_version = ">=2024.4.15"


@nox.session
def parity(session: nox.Session) -> None:
    """Replay the fixtures and say whether the reimplementation is at parity (the main job)."""
    _install(session)
    _run(session, "-m", "parity", "run", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests that need no torch."""
    _install(session, "test")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(name="tests-capture")
def tests_capture(session: nox.Session) -> None:
    """Run the tests that need torch and pyannote.audio, or gigaam."""
    _install(session, "capture", "test")
    _install_gigaam(session)
    session.run("python", "-m", "pytest", "-m", "torch", *session.posargs)


@nox.session
def capture(session: nox.Session) -> None:
    """Run pyannote.audio 4.0.4 on fixtures and keep their snapshots; -- --check compares; -- rnnt is gigaam's turn."""
    _install(session, "capture")
    _run(session, "-m", *_module(session, "capture"))


@nox.session
def calibrate(session: nox.Session) -> None:
    """Plant faults and see whether the lab finds them."""
    _install(session)
    _run(session, "-m", "parity", "calibrate", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Time this project and pyannote.audio 4.0.4 on the same clips in the same run; -- rnnt: the backend and gigaam."""
    _install(session, "capture")
    _run(session, "-m", *_module(session, "bench"))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style."""
    session.install("ruff==0.17.5")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


def _module(session: nox.Session, package: str) -> list[str]:
    """The module to run and its arguments: `package.rnnt` where the first argument is `rnnt`."""
    if session.posargs[:1] != ["rnnt"]:
        return [package, *session.posargs]
    _install_gigaam(session)
    return [f"{package}.rnnt", *session.posargs[1:]]


def _install_gigaam(session: nox.Session) -> None:
    # Its own pins (torch below 2.6, onnxruntime 1.17.3) are older than this Python; its RNN-T head needs none of them.
    session.install("--no-deps", "gigaam==0.1.0")
    session.install("sentencepiece>=0.2")


def _run(session: nox.Session, *arguments: str) -> None:
    # nox ends with 1 whatever a command ended with; 2 means wrong inputs here, and scripts tell the two apart.
    try:
        session.run("python", *arguments)
    except nox.command.CommandFailed as failed:
        if getattr(failed, "return_code", None) == 2 or str(failed).endswith("code 2"):
            sys.exit(2)
        raise


def _install(session: nox.Session, *extras: str) -> None:
    # pip needs seconds to find out that nothing is to be done; what is declared decides, so that is what is stamped.
    stamp = Path(session.virtualenv.location) / ".installed"
    wanted = hashlib.sha256(Path("pyproject.toml").read_bytes() + repr(extras).encode()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    session.install("-e", f".[{','.join(extras)}]" if extras else ".")
    stamp.write_text(wanted, encoding="utf-8")
