"""pyannote.audio's own pipeline, on a weight set in its own layout."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyannote.audio import Pipeline

from capture.recorder import Recorder
from parity.audio import resampled_length
from parity.community1 import geometry
from parity.community1.parameters import Bounds


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
    with _whole_checkpoints():
        pipeline = Pipeline.from_pretrained(folder)
    pipeline.to(torch.device(device))
    return pipeline


@contextmanager
def _whole_checkpoints() -> Iterator[None]:
    # pyannote.audio asks for whole checkpoints itself since 4.0.3; before, it left the choice to torch, which since 2.6
    # refuses what the checkpoints of community-1 hold beside tensors. Nothing that says what it wants is touched.
    name = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def run_reference(
    pipeline: Pipeline,
    samples: np.ndarray,
    sample_rate: int,
    uri: str,
    speakers: Bounds | None = None,
    *,
    tapped: bool = True,
    progress: Callable[[str, int, int], None] | None = None,
) -> Run:
    """Run the reference on one clip.

    Parameters
    ----------
    samples : (channels, n) float32, as the file has them: pyannote mixes down and resamples itself
    sample_rate : Hz
    uri : the name in RTTM lines
    speakers : num_speakers, min_speakers, max_speakers where they are known
    tapped : whether artefacts are recorded
    progress : called with the stage's name, steps done and steps in all
    """
    file: dict[str, Any] = {
        "waveform": torch.from_numpy(samples),
        "sample_rate": sample_rate,
        "uri": uri,
    }
    heard = resampled_length(samples.shape[1], sample_rate)
    recorder = Recorder(geometry.num_chunks(heard), progress)
    started = time.perf_counter()
    if tapped:
        with recorder.watching(pipeline):
            output = returned(pipeline(file, hook=recorder.hook, **(speakers or {})))
    else:
        output = returned(pipeline(file, **(speakers or {})))
    seconds = time.perf_counter() - started
    return Run(
        values=recorder.values,
        heavy=recorder.heavy,
        diarization=output.speaker_diarization.to_rttm(),
        exclusive_diarization=output.exclusive_speaker_diarization.to_rttm(),
        seconds=seconds,
    )


def returned(output: Any) -> Any:
    """What the pipeline returns; 4.0.6's `Pipeline.__call__` yields somewhere, so a call runs nothing until drained."""
    if not inspect.isgenerator(output):
        return output
    while True:
        try:
            next(output)
        except StopIteration as end:
            return end.value
