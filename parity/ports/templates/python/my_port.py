"""The program contract of the lab, protocol 1: `describe`, `stage NAME IN OUT`, `serve`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from stages import READS, STAGES, WRITES

DESCRIBED = {
    "protocol": 1,
    "name": "my_port",
    "version": "0.1.0",
    "pipeline": "community-1",
    "stages": list(STAGES),
    "formats": ["npy"],
    "serve": True,
    "run": False,
    "declares": {},
}


def read_array(path: Path) -> np.ndarray | None:
    """An array as the lab writes it; None where it was not made (nothing to cluster, say).

    Raises
    ------
    ValueError : it is no array of numbers, or truncated
    """
    if not path.exists():
        return None
    with path.open("rb") as file:
        array: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
        if file.read(1):
            raise ValueError(f"{path}: more bytes than its header declares")
    return array


def write(path: Path, value: np.ndarray | str) -> None:
    """An array as little-endian `.npy` in C order, or text as `.rttm`."""
    if isinstance(value, str):
        path.with_suffix(".rttm").write_text(value, encoding="utf-8", newline="\n")
    else:
        plain = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        np.save(path.with_suffix(".npy"), plain, allow_pickle=False)


def run_stage(name: str, source: Path, target: Path) -> None:
    """Run a stage on what one folder holds, and write what it makes into another.

    Raises
    ------
    ValueError : there is no such stage, or an input that it cannot do without is missing
    """
    if name not in STAGES:
        raise ValueError(f"no stage {name!r}; there are: {', '.join(STAGES)}")
    parameters: Mapping[str, Any] = json.loads((source / "parameters.json").read_text(encoding="utf-8"))
    inputs = {artefact: read_array(source / f"{artefact}.npy") for artefact in READS[name]}
    results = STAGES[name](parameters, **inputs)
    for artefact, value in zip(WRITES[name], results, strict=True):
        write(target / artefact, value)


def answer(line: str) -> dict[str, Any]:
    """The answer to one request; whatever goes wrong is told in it, and the next one is served."""
    number = None
    try:
        request = json.loads(line)
        number = request.get("id")
        if request["request"] == "describe":
            return {"id": number, "ok": True, "describe": DESCRIBED}
        if request["request"] != "stage":
            raise ValueError(f"unknown request {request['request']!r}")
        run_stage(request["stage"], Path(request["in"]), Path(request["out"]))
    except Exception as error:
        return {"id": number, "ok": False, "error": " ".join(f"{type(error).__name__}: {error}".split())}
    return {"id": number, "ok": True}


def main(arguments: list[str]) -> int:
    """Do what the command line asks; the exit status."""
    match arguments:
        case ["describe"]:
            print(json.dumps(DESCRIBED))
        case ["stage", name, source, target]:
            run_stage(name, Path(source), Path(target))
        case ["serve"]:
            for line in sys.stdin:
                print(json.dumps(answer(line)), flush=True)
        case _:
            print("usage: my_port.py describe | stage NAME IN OUT | serve", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
