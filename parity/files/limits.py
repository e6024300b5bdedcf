"""How much is taken: of memory, for one array, of a recording. Each can be set in the environment, as each error says.

`PARITY_MEMORY`, else half of what the system has free and of what a control group leaves; `PARITY_LARGEST_ARRAY`;
`PARITY_LONGEST_RECORDING`.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

from parity.errors import InputError
from parity.files.sizes import parse_bytes

MEMORY, LARGEST_ARRAY, LONGEST_RECORDING = "PARITY_MEMORY", "PARITY_LARGEST_ARRAY", "PARITY_LONGEST_RECORDING"

MOST_BYTES = 2 << 30
"""Bytes one array or archive may declare: the filterbank of almost two hours, every chunk, takes that much."""

MOST_HOURS = 24.0
CGROUPS = Path("/sys/fs/cgroup")
MEMINFO = Path("/proc/meminfo")


def memory_limit() -> float:
    """Bytes that one step may take: `PARITY_MEMORY`, or half of what is free; infinite where the system does not say.

    Raises
    ------
    InputError : `PARITY_MEMORY` is not a number of bytes such as 800M or 2.5G
    """
    if (said := _bytes(MEMORY)) is not None:
        return said
    free = free_memory()
    return math.inf if free is None else free // 2


def largest_array() -> int:
    """Bytes that one array, or all of one archive, may declare: `PARITY_LARGEST_ARRAY`, 2 GiB by default.

    Raises
    ------
    InputError : `PARITY_LARGEST_ARRAY` is not a number of bytes
    """
    said = _bytes(LARGEST_ARRAY)
    return MOST_BYTES if said is None else said


def longest_recording() -> float:
    """Seconds that a recording may have: `PARITY_LONGEST_RECORDING`, which is in hours; 24 hours by default.

    Raises
    ------
    InputError : `PARITY_LONGEST_RECORDING` is not a number of hours
    """
    override = os.environ.get(LONGEST_RECORDING)
    if not override:
        return MOST_HOURS * 3600
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", override.strip()) or not float(override):
        raise InputError(f"{LONGEST_RECORDING}={override!r}: expected hours above 0, such as 2.5")
    return float(override) * 3600


def _bytes(name: str) -> int | None:
    override = os.environ.get(name)
    if not override:
        return None
    if not (found := parse_bytes(override)):
        raise InputError(f"{name}={override!r}: expected bytes above 0, such as 800M or 2.5G")
    return found


def free_memory() -> int | None:
    """Bytes that are free, or would be if files read were forgotten; None where the system does not say."""
    known = [size for size in (_machine_free(MEMINFO), _group_free(CGROUPS)) if size is not None]
    return min(known, default=None)


def as_text(size: float) -> str:
    """A number of bytes for people: 2.5 GB, 800 MB, 3 kB."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _machine_free(meminfo: Path) -> int | None:
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text(encoding="ascii").splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        pass
    try:  # no Linux: what there is at all
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _group_free(cgroups: Path) -> int | None:
    """What a control group leaves; files read, which it can forget, do not count. None where it sets no limit."""
    new = (cgroups, "memory.max", "memory.current", "inactive_file")
    old = (cgroups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    for folder, limit, usage, forgettable in (new, old):
        try:
            most, used = (int((folder / name).read_text(encoding="ascii")) for name in (limit, usage))
            stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
            return max(0, most - used + int(stat.get(forgettable, 0)))
        except (OSError, ValueError):  # version 2 says "max" where there is no limit
            continue
    return None
