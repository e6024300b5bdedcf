"""Numbers of bytes as people write them: `800M`, `2.5G`."""

from __future__ import annotations

import re

UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def parse_bytes(text: str) -> int | None:
    """A number of bytes such as `800M`, `2.5G` or `4096`; None where it is none."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([KMGT]?)B?", text.strip().upper())
    return int(float(found[1]) * UNITS[found[2]]) if found else None
