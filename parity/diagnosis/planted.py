"""What a pipeline makes of a fixture, as the dump that a port would leave; of a mistake only what it can reach.

Of a fixture, the mistake's stage and those behind it are run natively with the mistake in it; everything else is what
the reference made.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from parity.community1.annotation import to_rttm
from parity.errors import InputError
from parity.fixtures.snapshot import Snapshot
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import ChunkSeries, Pipeline
from parity.ports.yardstick import behind
from parity.replay.engine import reference_artefacts
from parity.replay.outcome import TEXTS, URI


def leave_dump(folder: Path, pipeline: Pipeline, snapshot: Snapshot, inputs: dict[str, Any], stage: str | None) -> None:
    """Run a pipeline from one stage on, and write what it makes into a folder as a port would.

    Parameters
    ----------
    pipeline : with a mistake in it, or a candidate's
    stage : it and what reads of it is run; everything else is the reference's. None: all of them are run
    inputs : the pipeline's own

    Raises
    ------
    InputError : the folder cannot be written; a stage raised
    """
    reference = reference_artefacts(snapshot, inputs)
    ran = {each.name for each in pipeline} if stage is None else behind(pipeline, [stage])
    patches = {name: reference.get(name) for each in pipeline if each.name not in ran for name in each.writes}
    made = pipeline.run(inputs, patches=patches)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ARTEFACTS:
            _write(folder, name, made.get(name), snapshot)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror or error})") from error


def _write(folder: Path, name: str, value: Any, snapshot: Snapshot) -> None:
    if value is None or ARTEFACTS[name].stage == "audio":
        return
    if name in TEXTS:
        (folder / f"{name}.rttm").write_text(to_rttm(value, URI), encoding="utf-8")
        return
    chunks = snapshot.chunks.get(name)
    if chunks is not None:
        value = value.take(chunks) if isinstance(value, ChunkSeries) else value[chunks]
        np.save(folder / f"{name}_chunks.npy", chunks)
    np.save(folder / f"{name}.npy", value)
