"""The decision cases as a porter's kit: one folder per case, in the form in which a program is asked (`PROGRAM stage`).

Task: cases -> `KIND/NAME/in/*.npy` with `parameters.json`, `KIND/NAME/out/*.npy` or `.rttm`, and `decisions.json` that
says of each what it decides, which stage it asks, what that reads and writes, and how closely its answer is compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from parity.community1 import Parameters
from parity.files.whole import writing_folder
from parity.fixtures.decisions import SCHEMA, URI, DecisionCase, entry_of
from parity.measure.tolerances import tolerance
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.program.exchange import write_inputs
from parity.replay.engine import ISOLATED

LISTED = "decisions.json"


def write_decisions(folder: Path, cases: Iterable[DecisionCase]) -> int:
    """Write the cases, whole or not at all; how many.

    Parameters
    ----------
    folder : must not exist yet

    Raises
    ------
    InputError : the folder exists, or cannot be written
    """
    cases = list(cases)
    with writing_folder(folder) as temporary:
        for case in cases:
            _write(temporary / case.kind / case.name, case)
        listed = {"schema": SCHEMA, "cases": [{"id": case.id, **_described(case)} for case in cases]}
        text = json.dumps(listed, indent=1, ensure_ascii=False)
        (temporary / LISTED).write_text(text + "\n", encoding="utf-8")
    return len(cases)


def parameters_of(case: DecisionCase) -> Mapping[str, Any]:
    """What a program finds in `parameters.json`: every setting and bound, and the recording's name."""
    return {"uri": URI, **asdict(Parameters(**case.parameters))}


def write_answer(folder: Path, name: str, value: Any) -> None:
    """Write one artefact as a program would: whole numbers in the type that the catalogue gives them."""
    if isinstance(value, str):
        (folder / f"{name}.rttm").write_text(value, encoding="utf-8")
        return
    declared = ARTEFACTS[name].dtype
    array = value.astype(declared) if value.dtype.kind in "iu" else value
    np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)


def _write(folder: Path, case: DecisionCase) -> None:
    into, out = folder / "in", folder / "out"
    for part in (into, out):
        part.mkdir(parents=True)
    write_inputs(into, case.inputs, parameters_of(case))
    for name, value in case.expected.items():
        write_answer(out, name, value)


def _described(case: DecisionCase) -> dict[str, Any]:
    entry = entry_of(case)
    return {
        "kind": case.kind,
        **{key: entry[key] for key in ("stage", "about", "parameters", "reads", "writes")},
        "tolerance": {name: tolerance(name, ISOLATED).max_abs for name in case.expected},
    }
