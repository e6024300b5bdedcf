"""pyannote.audio 4.0.4's own pipeline, on a weight set in its own layout."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyannote.audio import Pipeline

from capture.recorder import Recorder
from parity.community1 import geometry


@dataclass(frozen=True)
class Run:
    """What one run of the reference gave.

    Attributes
    ----------
    values : artefact -> array; empty for an untapped run
    heavy : (n,) int64, chunks of which heavy artefacts were kept
    diarization, exclusive_diarization : RTTM text
    seconds : wall time of the pipeline alone
    """

    values: Mapping[str, np.ndarray]
    heavy: np.ndarray
    diarization: str
    exclusive_diarization: str
    seconds: float


def load_reference(folder: Path, device: str = "cpu") -> Pipeline:
    """The reference's pipeline from a folder in its own layout."""
    pipeline = Pipeline.from_pretrained(folder)
    pipeline.to(torch.device(device))
    return pipeline


def run_reference(
    pipeline: Pipeline,
    waveform: np.ndarray,
    uri: str,
    speakers: Mapping[str, int] | None = None,
    *,
    tapped: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
) -> Run:
    """Run the reference on one clip.

    Parameters
    ----------
    waveform : (1, num_samples) float32, 16 kHz
    uri : the name in RTTM lines
    speakers : num_speakers, min_speakers, max_speakers where they are known
    tapped : whether artefacts are recorded
    progress : called with the stage's name, steps done and steps in all
    """
    file: dict[str, Any] = {
        "waveform": torch.from_numpy(waveform),
        "sample_rate": geometry.SAMPLE_RATE,
        "uri": uri,
    }
    recorder = Recorder(geometry.num_chunks(waveform.shape[1]), progress)
    started = time.perf_counter()
    if tapped:
        with recorder.watching(pipeline):
            output = pipeline(file, hook=recorder.hook, **(speakers or {}))
    else:
        output = pipeline(file, **(speakers or {}))
    seconds = time.perf_counter() - started
    return Run(
        values=recorder.values,
        heavy=recorder.heavy,
        diarization=output.speaker_diarization.to_rttm(),
        exclusive_diarization=output.exclusive_speaker_diarization.to_rttm(),
        seconds=seconds,
    )
