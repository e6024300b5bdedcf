"""`reports/bench.json`, which several benchmarks fill: each its own keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parity.errors import InputError
from parity.files import write_text


def merge(path: Path, values: Mapping[str, Any]) -> None:
    """Put values into a report, which is made where there is none; what others wrote there stays.

    Raises
    ------
    InputError : there is a file that is no such report, or it cannot be written
    """
    found: Any = {}
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path}: not JSON ({error}); move it away") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: holds no table, so it is no benchmark's report; move it away")
    write_text(path, json.dumps({**found, **values}, indent=1) + "\n")
