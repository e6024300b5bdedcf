"""What a pipeline makes of a fixture, as the dump that a port would leave; from a stage on, where that is enough.

Of a fixture, its stages from the mistake's on are run natively with the mistake in them, on what the reference made
before it.
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
from parity.replay.engine import reference_artefacts
from parity.replay.outcome import TEXTS, URI


def leave_dump(folder: Path, pipeline: Pipeline, snapshot: Snapshot, inputs: dict[str, Any], stage: str | None) -> None:
    """Run a pipeline from one stage on, and write what it makes into a folder as a port would.

    Parameters
    ----------
    pipeline : with a mistake in it, or a candidate's
    stage : the first that is run; everything before it is the reference's. None: all of them are run
    inputs : the pipeline's own

    Raises
    ------
    InputError : the folder cannot be written; a stage raised
    """
    reference = reference_artefacts(snapshot, inputs)
    names = [each.name for each in pipeline]
    before = pipeline.stages[: names.index(stage)] if stage is not None else ()
    patches = {name: reference.get(name) for each in before for name in each.writes}
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
