"""Every stage of the pipeline as data: what it reads and writes, in which form, how it is compared, and its formula.

Stages come from the pipeline, dims, dtypes and units from the catalogue, tolerances from their table, formulas and
conventions from the modules that compute them: nothing is typed in twice.
"""

from __future__ import annotations

import inspect
from typing import Any

from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import without_networks
from parity.fixtures.decisions import INSIDE
from parity.measure.tolerances import tolerance
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import Stage
from parity.ports.kit import MODULES, told
from parity.replay.engine import ISOLATED

INPUTS: dict[str, dict[str, Any]] = {
    "samples": {"dims": ["channels", "n"], "dtype": "float32", "unit": "full scale 1.0, at the file's own rate"},
    "sample_rate": {"dims": [], "dtype": "int64", "unit": "Hz"},
}


def stages_data() -> list[dict[str, Any]]:
    """One entry per stage, in the pipeline's order."""
    return [_stage(stage) for stage in community1_pipeline(without_networks(), Parameters())]


def _stage(stage: Stage) -> dict[str, Any]:
    documented = inspect.getdoc(MODULES[stage.name]) or ""
    return {
        "stage": stage.name,
        "about": documented.partition("\n")[0],
        "reads": [_artefact(name) for name in stage.reads],
        "writes": [_artefact(name) | {"tolerance": tolerance(name, ISOLATED).max_abs} for name in stage.writes],
        "runs_only_if": list(stage.when.reads) if stage.when else [],
        "inside": [inside for inside, outer in INSIDE.items() if outer == stage.name],
        "module": MODULES[stage.name].__name__,
        "formula": told(stage.name),
    }


def _artefact(name: str) -> dict[str, Any]:
    if name in INPUTS:
        return {"name": name, **INPUTS[name]}
    artefact = ARTEFACTS[name]
    return {"name": name, "dims": list(artefact.dims), "dtype": artefact.dtype, "unit": artefact.unit}
