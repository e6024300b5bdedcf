"""`python -m capture`: run pyannote.audio on fixtures and keep, check or renew their snapshots."""

from __future__ import annotations

import sys

from capture.environment import DEFAULT_THREADS, restart_pinned


def _threads(arguments: list[str]) -> int:
    # Needed before any option parser is imported: threads are fixed when NumPy loads.
    for index, argument in enumerate(arguments):
        value = argument.partition("=")[2] if "=" in argument else "".join(arguments[index + 1 : index + 2])
        if argument.split("=")[0] == "--threads" and value.isdigit() and int(value):
            return int(value)
    return DEFAULT_THREADS


if __name__ == "__main__":
    restart_pinned(_threads(sys.argv[1:]))
    from capture.command import main

    main()
