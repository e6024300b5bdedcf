"""What flows through a pipeline, and in which order?

A `Pipeline` is a graph of `Stage`s, `stage`; one that loops, once per step, is a `RecurrentPipeline`, `recurrent`;
every array that passes between stages is an `Artefact`: dims, dtype, unit, file in a snapshot, `artefact`.
"""

from __future__ import annotations

from parity.pipeline.artefact import ARTEFACTS, Artefact
from parity.pipeline.recurrent import RecurrentPipeline
from parity.pipeline.stage import ChunkSeries, Pipeline, Stage

__all__ = [
    "ARTEFACTS",
    "Artefact",
    "ChunkSeries",
    "Pipeline",
    "RecurrentPipeline",
    "Stage",
]
