"""The command line in a process of its own, and the one line that a refusal prints."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys


def parity(*arguments: object, environment: dict[str, str] | None = None, limit: int | None = None):
    """Run the command line in a process of its own; `limit` is the largest file it may write, in bytes."""

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
