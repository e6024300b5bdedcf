"""segmentation: waveform -> log-probabilities of the powerset classes, and who speaks in each frame of each chunk.

Source: `Inference.slide` (pyannote/audio/core/inference.py) and `Powerset.to_multilabel`
(pyannote/audio/utils/powerset.py) at tag 4.0.4; powerset after Plaquet & Bredin, "Powerset multi-class cross entropy
loss for neural speaker diarization", Interspeech 2023.
Convention: classes are nobody, 1, 2, 3, 1+2, 1+3, 2+3; the hard decision is the best class, the first of equals.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from parity.community1 import geometry
from parity.networks.side_by_side import side_by_side

NUM_FRAMES = 589
NUM_CLASSES = 7
NUM_SPEAKERS = 3
MAX_SIMULTANEOUS = 2
BATCH_SIZE = 8
SHARED_BATCH_SIZE = 4  # smaller, so that workers end together

Network = Callable[..., tuple[np.ndarray, ...]]
Progress = Callable[[int, int], None]


def segment(
    waveform: np.ndarray,
    *,
    network: Network,
    workers: int = 1,
    batch: int | None = None,
    keep_logits: bool = True,
    step: float = geometry.STEP_SECONDS,
    progress: Progress | None = None,
) -> tuple[np.ndarray | None, np.ndarray]:
    """Run the segmentation network over all chunks.

    Parameters
    ----------
    waveform : (1, num_samples) float32, 16 kHz
    network : waveforms (batch, 1, 160000) float32 -> log-probabilities (batch, 589, 7) float32
    workers : batches at once; the network is then called from so many threads
    batch : chunks in a batch; a size for the CPU by default
    keep_logits : False where nobody will look at them: they are 59 MB per hour
    step : seconds from the start of one chunk to that of the next
    progress : called with chunks done and chunks in all

    Returns
    -------
    segmentation_logits : (num_chunks, 589, 7) float32, log-probabilities; None where they are not kept
    segmentations : (num_chunks, 589, 3) float32, 0 or 1
    """
    count = geometry.num_chunks(waveform.shape[1], step)
    size = batch or (BATCH_SIZE if workers == 1 else SHARED_BATCH_SIZE)
    batches = [np.arange(start, min(start + size, count)) for start in range(0, count, size)]

    def run(indices: np.ndarray) -> np.ndarray:
        return network(waveforms=geometry.chunks(waveform, indices, step))[0]

    segmentation_logits = np.empty((count, NUM_FRAMES, NUM_CLASSES), dtype=np.float32) if keep_logits else None
    segmentations = np.empty((count, NUM_FRAMES, NUM_SPEAKERS), dtype=np.float32)
    for indices, logits in zip(batches, side_by_side(run, batches, workers), strict=True):
        if segmentation_logits is not None:
            segmentation_logits[indices] = logits
        segmentations[indices] = to_multilabel(logits)
        if progress:
            progress(int(indices[-1]) + 1, count)
    return segmentation_logits, segmentations


def to_multilabel(logits: np.ndarray) -> np.ndarray:
    """Each frame's best class as speakers: (..., 7) float32 -> (..., 3) float32, 0 or 1."""
    return powerset_mapping()[np.argmax(logits, axis=-1)]


def powerset_mapping() -> np.ndarray:
    """Which speakers each class means: (7, 3) float32."""
    sets = [s for size in range(MAX_SIMULTANEOUS + 1) for s in combinations(range(NUM_SPEAKERS), size)]
    mapping = np.zeros((len(sets), NUM_SPEAKERS), dtype=np.float32)
    for row, members in enumerate(sets):
        mapping[row, list(members)] = 1.0
    return mapping
