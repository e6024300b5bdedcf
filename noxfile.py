"""The front door: `nox -s parity`, `nox -s quick`, `nox -s tests`, `nox -s capture`, `nox -s calibrate`, …"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import nox

nox.options.sessions = ["parity"]
nox.options.reuse_existing_virtualenvs = True
nox.needs_version = ">=2024.4.15"

IN_PARALLEL = (f"--numprocesses={(os.cpu_count() or 1) + 1}", "--dist=loadfile", "--no-loadscope-reorder")
"""Of pytest: one process more than cores, for many tests wait for one that they started; slow modules first, as the
tests sort them, not those of most tests."""


@nox.session
def parity(session: nox.Session) -> None:
    """Replay the fixtures and say whether the reimplementation is at parity (the main job)."""
    _install(session, "all", *_runtime_extras(session.posargs))
    _run(session, "-m", "parity", "run", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests that need no torch, in as many processes as keep the cores busy."""
    _install(session, "test")
    session.run("python", "-m", "pytest", *IN_PARALLEL, *session.posargs)


@nox.session
def quick(session: nox.Session) -> None:
    """Run the tests that start no process, browser or network: the loop while one edits."""
    _install(session, "test")
    session.run("python", "-m", "pytest", "--quick", *IN_PARALLEL, *session.posargs)


@nox.session(name="tests-capture")
def tests_capture(session: nox.Session) -> None:
    """Run the tests that need torch and pyannote.audio, gigaam, or MLX."""
    _install(session, "capture", "mlx", "test")
    _install_gigaam(session)
    session.run("python", "-m", "pytest", "-m", "torch or mlx", *session.posargs)


@nox.session
def capture(session: nox.Session) -> None:
    """Run pyannote.audio 4.0.4 on fixtures and keep their snapshots; -- rnnt: gigaam's RNN-T; -- decisions."""
    if version := _option(session.posargs, "--reference-version"):
        _run(session, "-m", "capture", *session.posargs, python=_python_with_pyannote(session, version))
        return
    _install(session, "capture")
    _run(session, "-m", *_module(session, "capture"))


@nox.session
def drift(session: nox.Session) -> None:
    """Capture two ways and compare: -- --versions 4.0.4 4.0.7, or --devices, --threads, --weights."""
    _install(session, "all")
    plan = json.loads(_run(session, "-m", "capture.sides", *session.posargs, silent=True, stderr=None))
    for side in plan["sides"]:
        python = _python_with_pyannote(session, side["version"])
        _run(session, "-m", "capture", *side["arguments"], python=python)
    folders = [side["folder"] for side in plan["sides"]]
    files = ("--markdown", plan["markdown"], "--json", plan["json"])
    _run(session, "-m", "parity", "compare", *folders, *files, success_codes=[0, 1])


@nox.session
def calibrate(session: nox.Session) -> None:
    """Plant faults and see whether the lab finds them."""
    _install(session, "all")
    _run(session, "-m", "parity", "calibrate", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Time this project and pyannote.audio 4.0.4 in turns; -- rnnt: RNN-T and gigaam; -- scale: an hour and more."""
    _install(session, "capture")
    _run(session, "-m", *_module(session, "bench"))


@nox.session
def peers(session: nox.Session) -> None:
    """Run published implementations on the fixtures, each in its own environment, and score them."""
    _install(session, "all")
    _run(session, "-m", "peers", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Give bad inputs to every reader: -- --inputs N --seed S --reader NAME; reports/fuzz.json."""
    _install(session, "test")
    _run(session, "-m", "fuzz", *session.posargs)


@nox.session
def kills(session: nox.Session) -> None:
    """Kill commands that write at random moments, and run them again: -- --kills N --seed S; reports/kills.json."""
    _install(session, "test")
    _run(session, "-m", "fuzz.kills", *session.posargs)


@nox.session
def release(session: nox.Session) -> None:
    """Make a release: -- VERSION; refuses, runs everything, builds, and writes reports/VERSION/."""
    _install(session, "test", "release")
    words = list(session.posargs)
    if "--prepare" not in words and _option(words, "--capture-python") is None:
        words += ["--capture-python", _python_with_pyannote(session, "4.0.4")]
    _run(session, "-m", "release", *words)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into site/; a broken link or a missing docstring fails."""
    _install(session, "all", "docs")
    session.run("python", "-m", "mkdocs", "build", "--strict", *session.posargs, env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, and types strictly; needs no torch."""
    _install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


def _module(session: nox.Session, package: str) -> list[str]:
    """The module to run and its arguments: `package.rnnt` where the first argument is `rnnt`; likewise others."""
    part = session.posargs[0] if session.posargs else ""
    if part not in ("rnnt", "scale", "decisions"):
        return [package, *session.posargs]
    if part == "rnnt":
        _install_gigaam(session)
    return [f"{package}.{part}", *session.posargs[1:]]


def _install_gigaam(session: nox.Session) -> None:
    # Its own pins (torch below 2.6, onnxruntime 1.17.3) are older than this Python; its RNN-T head needs none of them.
    session.install("--no-deps", "gigaam==0.1.0")
    session.install("sentencepiece>=0.2")


def _run(session: nox.Session, *arguments: str, python: str = "python", **options: object) -> object:
    # nox ends with 1 whatever a command ended with; 2 means wrong inputs here, and scripts tell the two apart.
    try:
        return session.run(python, *arguments, external=python != "python", **options)
    except nox.command.CommandFailed as failed:
        if getattr(failed, "return_code", None) == 2 or str(failed).endswith("code 2"):
            sys.exit(2)
        raise


def _runtime_extras(words: list[str]) -> list[str]:
    """The extra that `--runtime NAME` needs, where it is one of those that need any."""
    return [name for name in [_option(words, "--runtime")] if name in ("torch", "mlx")]


def _option(words: list[str], name: str) -> str | None:
    """The last value of an option, in both spellings; whether it is a good one is the command's to say."""
    values = [after for word, after in zip(words, [*words[1:], ""]) if word == name]
    values += [word.partition("=")[2] for word in words if word.startswith(f"{name}=")]
    return values[-1] if values else None


def _python_with_pyannote(session: nox.Session, version: str) -> str:
    """The interpreter of an environment with that pyannote.audio; all else is as the `capture` extra pins it.

    pyannote.audio alone is replaced, without its dependencies: one version of it wants another torch (4.0.2 and 4.0.3,
    exactly 2.8.0), and then more than one thing would change between two captures.
    """
    if not version.replace(".", "").isdigit():
        session.log(f"--reference-version {version}: not a version of pyannote.audio, such as 4.0.4")
        sys.exit(2)
    folder = Path(session.virtualenv.location).with_name(f"capture-{version}")
    python = str(folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
    stamp, wanted = folder / ".installed", _declared(("capture",), version)
    if not (stamp.exists() and stamp.read_text(encoding="utf-8") == wanted):
        session.run(sys.executable, "-m", "virtualenv", str(folder), external=True, silent=True)
        for what in (("-e", ".[capture]"), ("--no-deps", f"pyannote.audio=={version}")):
            session.run(python, "-m", "pip", "install", *what, external=True, silent=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python


def _declared(extras: tuple[str, ...], *others: str) -> str:
    words = repr((extras, *others) if others else extras)
    return hashlib.sha256(Path("pyproject.toml").read_bytes() + words.encode()).hexdigest()


def _install(session: nox.Session, *extras: str) -> None:
    # pip needs seconds to find out that nothing is to be done; what is declared decides, so that is what is stamped.
    stamp, wanted = Path(session.virtualenv.location) / ".installed", _declared(extras)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    session.install("-e", f".[{','.join(extras)}]" if extras else ".")
    stamp.write_text(wanted, encoding="utf-8")
