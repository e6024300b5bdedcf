"""The command line as its user has it, and the one line that a refusal prints."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import resource
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from parity.__main__ import main


def here(*arguments: object) -> CompletedProcess[str]:
    """Run the command line in this process: for who looks only at what it prints, writes and ends with.

    A process of its own takes a second or two to import what is here already.
    """
    words = ["parity", *map(str, arguments)]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with _as_in_a_process(words), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
            status = 0
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
    said = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err)]
    return CompletedProcess(words, status, *said)


@contextlib.contextmanager
def _as_in_a_process(words: list[str]):
    """The words, the working folder to import from, ordinary warnings; modules of that folder go again."""
    before, threshold = set(sys.modules), gc.get_threshold()
    here = str(Path.cwd())
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setattr(sys, "argv", words)
        patch.setattr(sys, "path", [here, *sys.path])
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            gc.set_threshold(*threshold)
            for name in set(sys.modules) - before:
                file = getattr(sys.modules[name], "__file__", None)
                if file and Path(file).parent == Path(here):
                    del sys.modules[name]


def parity(*arguments: object, environment: dict[str, str] | None = None, limit: int | None = None):
    """Run the command line: here, but in a process of its own where it needs another environment or a limit.

    Parameters
    ----------
    environment : variables that it has besides this process's
    limit : the largest file it may write, in bytes
    """
    if not environment and limit is None:
        return here(*arguments)

    def limited() -> None:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-m", "parity", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
        preexec_fn=limited,
    )


def hears_interruptions() -> None:
    """For `preexec_fn`: a shell that started the tests in the background may have told them to ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def only_error(done) -> str:
    """The one line on stderr of a run that ended with status 2 (progress aside)."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]
