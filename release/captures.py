"""Every fixture captured again: `python -m capture --check`, with the instruction sets of the kept capture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from parity.files.documents import read_json
from parity.files.machine import cpu_model
from release.log import Found
from release.running import Place, Stopped

COUNTED = re.compile(r"(\d+) of (\d+) artefacts bit-identical")
INSIDE, MOVED = 0, 1


def limits_of(snapshot: Path) -> dict[str, str]:
    """The variables that kept a capture from instruction sets, as its manifest says them."""
    machine = read_json(snapshot / "manifest.json").get("machine", {})
    return {name: value for name, value in machine.get("limited_to", {}).items() if value is not None}


def of_capture(name: str, said: str, status: int, machine: str, here: str) -> dict[str, Any]:
    """What one capture found.

    Parameters
    ----------
    said : the command's output
    status : 0 where all is inside the tolerances
    machine, here : the processor of the kept capture, and this one

    Raises
    ------
    Stopped : it does not say how many artefacts are bit-identical
    """
    counted = COUNTED.search(said)
    if counted is None:
        raise Stopped(f"{name}: the capture does not say what is bit-identical: {said.strip()[-200:]}")
    same, total = int(counted[1]), int(counted[2])
    lines = [line.partition(f"{name}: ")[2] for line in said.splitlines() if line.startswith(f"{name}: ")]
    return {
        "fixture": name,
        "bit_identical": same,
        "artefacts": total,
        "within": status == INSIDE,
        "same_processor": machine == here,
        "captured_on": machine,
        "differs": [line for line in lines if not COUNTED.search(line)],
    }


def check_capture(place: Place, fixtures: Path, name: str) -> Found:
    """Capture one fixture again and compare.

    Raises
    ------
    Stopped : its capture moved beyond tolerance, or something is on one side only
    """
    manifest = read_json(fixtures / name / "manifest.json")
    status, said = place.run(
        f"capture-{name}", "capture", "--fixture", name, "--check", capture=True, ok=(INSIDE, MOVED),
        **limits_of(fixtures / name),
    )  # fmt: skip
    found = of_capture(name, said, status, str(manifest.get("machine", {}).get("cpu", "")), cpu_model())
    if not found["within"]:
        raise Stopped(f"{name}: its capture moved: {'; '.join(found['differs'])}")
    return {**found, "said": in_words(found)}


def in_words(found: dict[str, Any]) -> str:
    """One capture in a line."""
    all_of_it = found["bit_identical"] == found["artefacts"]
    where = (
        "on the processor of the captures" if found["same_processor"] else f"here, captured on {found['captured_on']}"
    )
    rest = "" if all_of_it else f"; the others within tolerance: {'; '.join(found['differs'])}"
    return f"{found['bit_identical']} of {found['artefacts']} artefacts bit-identical {where}{rest}"


def captures_document(found: list[Found]) -> dict[str, Any]:
    """`captures.json`: every fixture, and how many are bit-identical."""
    rows = [{key: value for key, value in one.items() if key not in ("of", "said")} for one in found]
    return {
        "schema": 1,
        "fixtures": rows,
        "summary": {
            "fixtures": len(rows),
            "bit_identical": sum(row["bit_identical"] == row["artefacts"] for row in rows),
            "within": sum(row["within"] for row in rows),
            "same_processor": sum(row["same_processor"] for row in rows),
        },
    }


def write_captures(path: Path, found: list[Found]) -> dict[str, Any]:
    """Write `captures.json`; the document."""
    document = captures_document(found)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return document
