"""What numbers may depend on besides code: the machine."""

from __future__ import annotations

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def cpu_model() -> str:
    """The processor's name as the system gives it."""
    return _cpu_line("model name") or platform.processor() or "unknown"


def cpu_features() -> str:
    """The instruction sets of the processor, as the system lists them; empty where it does not."""
    return _cpu_line("flags") or _cpu_line("Features")


def _cpu_line(beginning: str) -> str:
    if CPUINFO.exists():
        for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith(beginning):
                return line.split(":", 1)[1].strip()
    return ""
