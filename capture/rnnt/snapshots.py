"""From a run of the RNN-T reference to a snapshot."""

from __future__ import annotations

import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from capture.rnnt.package import version
from capture.rnnt.reference import RnntRun, run_reference
from parity.fixtures.snapshot import SCHEMA, Snapshot, write_snapshot
from parity.pipeline.artefact import STEP_ARTEFACTS
from parity.rnnt import NAME
from parity.rnnt.seeded import sha256_of
from parity.subjects.rnnt.fixtures import ALL, KEPT, RnntFixture, made_head


def capture_fixture(fixture: RnntFixture, folder: Path, *, replace: bool = False, everything: bool = False) -> Snapshot:
    """Run the reference on a fixture and keep what the fixture keeps, or everything."""
    run = run_reference(made_head(fixture.head), fixture.encoded(), fixture.max_symbols)
    return save(fixture, run, folder, replace=replace, everything=everything)


def save(fixture: RnntFixture, run: RnntRun, folder: Path, *, replace: bool, everything: bool = False) -> Snapshot:
    """Write one run as a snapshot."""
    contents: dict[str, dict[str | None, Any]] = {}
    for name in KEPT[ALL if everything else fixture.kept]:
        artefact = STEP_ARTEFACTS[name]
        contents.setdefault(artefact.file, {})[artefact.key] = run.values[name]
    return write_snapshot(folder, manifest(fixture, run), contents, replace=replace)


def manifest(fixture: RnntFixture, run: RnntRun) -> dict[str, Any]:
    """Provenance: versions, recipes and hashes of what went in, machine, command, seconds."""
    return {
        "schema": SCHEMA,
        "pipeline": NAME,
        "fixture": fixture.name,
        "gigaam_version": version(),
        "versions": {"python": platform.python_version(), "numpy": np.__version__, "torch": torch.__version__},
        "head": {"seeded": asdict(fixture.head), "sha256": made_head(fixture.head).sha256},
        "utterance": {"seeded": asdict(fixture.utterance)},
        "encoded_sha256": sha256_of(fixture.encoded()),
        "max_symbols": fixture.max_symbols,
        "steps": len(run.values["chosen"]),
        "machine": machine(),
        "command": f"nox -s capture -- rnnt --fixture {fixture.name}",
        "seconds": round(run.seconds, 3),
    }


def machine() -> dict[str, Any]:
    """What the numbers may depend on."""
    return {
        "device": "cpu",
        "threads": torch.get_num_threads(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }
