"""One recording through two pipelines in one process: what one of them made stands where a reference's snapshot would.

Task: samples, a native pipeline, another one -> what `parity.explain` and `parity.margins` say of the second by the
first. Nothing is written: artefacts end with the recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from parity.community1 import Networks, Parameters, community1_pipeline
from parity.community1.annotation import to_rttm
from parity.community1.segmentation import segment
from parity.community1.spoken import embed_spoken
from parity.explain.memo import Memo
from parity.fixtures.snapshot import Snapshot
from parity.measure.gaps import gap_of
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import Artefacts, ChunkSeries, Pipeline
from parity.replay.outcome import TEXTS, URI

MOST_CHUNKS = 60
"""Of a filterbank and of what it was made of, compared where somebody else makes them; evenly spread, 1 MB each."""
SETTINGS = {
    "threshold": ("ahc_state.npz", "threshold"),
    "min_duration_off": ("reconstruction.npz", "min_duration_off"),
    "chunk_step": ("reconstruction.npz", "chunk_step"),
}


def native_pipeline(networks: Networks, parameters: Parameters, memo: Memo) -> Pipeline:
    """What `parity.diarize` runs in one thread, with every artefact kept, and nothing run twice."""
    remembering = memo.networks(networks)
    pipeline = community1_pipeline(remembering, parameters)
    pipeline = pipeline.replacing("segmentation", partial(segment, network=remembering.segmentation))
    return memo.pipeline(with_networks(pipeline, networks, memo))


def with_networks(pipeline: Pipeline, networks: Networks, memo: Memo) -> Pipeline:
    """The same pipeline with another embedding network."""
    trunk = memo.networks(networks).trunk
    return pipeline.replacing("embeddings", partial(embed_spoken, trunk=trunk, head=networks.head))


def snapshot_of(made: Artefacts, parameters: Parameters, audio_sha256: str, *, heard: bool) -> Snapshot:
    """What a run made, as a capture of it would say it.

    Parameters
    ----------
    made : everything that the pipeline's stages wrote
    heard : whether waveforms and filterbank are compared; else stages behind them read them, and that is all
    """
    values: dict[str, Any] = {}
    implied: dict[str, Any] = {}
    chunks: dict[str, np.ndarray] = {}
    for name in ARTEFACTS:
        value = made.get(name)
        if value is None:
            continue
        if name in TEXTS:
            values[name] = to_rttm(value, URI)
        elif not isinstance(value, ChunkSeries) and (heard or name != "waveform"):
            values[name] = value
        elif isinstance(value, ChunkSeries) and heard:
            chunks[name] = _spread(value.chunks)
            values[name] = value.take(chunks[name])
        else:
            implied[name] = value
    companions = {place: np.array(getattr(parameters, name)) for name, place in SETTINGS.items()}
    companions["segmentations.npz", "segmentation_gap"] = gap_of(made["segmentation_logits"])
    return Snapshot(Path("in memory"), {"clip_sha256": audio_sha256}, values, chunks, companions, implied)


def _spread(chunks: np.ndarray) -> np.ndarray:
    if len(chunks) <= MOST_CHUNKS:
        return np.asarray(chunks)
    return np.asarray(chunks)[np.unique(np.linspace(0, len(chunks) - 1, MOST_CHUNKS).round().astype(int))]


def lines_of(made: Mapping[str, Any]) -> str:
    """The plain answer as RTTM text."""
    return to_rttm(made.get("diarization") or [], URI)
