"""Peak memory of this process, which can be made to begin anew.

`getrusage` will not do: in a child its peak starts at the parent's, and it never goes down.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
PEAK = "5"
"""What resets the peak, see proc(5)."""


def forget_peak() -> None:
    """Let the peak begin at what is in use now, where the system can."""
    with contextlib.suppress(OSError):
        CLEAR.write_text(PEAK, encoding="ascii")


def peak_mb() -> float:
    """Megabytes (2^20 bytes) resident at most since the process began, or since `forget_peak`."""
    if STATUS.exists():
        for line in STATUS.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
