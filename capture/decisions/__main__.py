"""`python -m capture.decisions`: ask pyannote.audio's own functions what they decide in every case."""

from __future__ import annotations

from capture.environment import restart_pinned

if __name__ == "__main__":
    restart_pinned(1, "capture.decisions")
    from capture.decisions.command import main

    main()
