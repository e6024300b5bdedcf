"""embeddings: filterbank and masks -> one 256-dimensional embedding per chunk and speaker.

Source: `SpeakerDiarization.get_embeddings` (pipelines/speaker_diarization.py), `ResNet.forward` (models/embedding/
wespeaker/resnet.py) and `StatsPool` (models/blocks/pooling.py) at tag 4.0.4.
Convention: the trunk runs once per chunk and is pooled once per speaker; the reference runs it once per speaker, with
the same result. Embeddings are raw, not normalised; a speaker whose mask is empty gets the last layer's bias.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from parity.networks.runtime import available_cores
from parity.networks.wespeaker.masks import interpolate_nearest
from parity.pipeline import ChunkSeries

SMALLEST_BATCH, LARGEST_BATCH = 2, 8
"""Chunks in a batch: one for each core, within bounds, for the memory of a direct convolution grows with the batch."""

Network = Callable[..., tuple[np.ndarray, ...]]
Progress = Callable[[int, int], None]


def embed(
    fbank: ChunkSeries,
    masks: np.ndarray,
    *,
    trunk: Network,
    head: Network,
    batch: int | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Embeddings of the chunks that the filterbank series has.

    Parameters
    ----------
    fbank : series of (998, 80) float32
    masks : (num_chunks, 3, 589) float32, of all chunks
    trunk : fbank (batch, 998, 80) -> features (batch, 2560, 125), float32
    head : features, weights (batch, 3, 125) -> embeddings (batch, 3, 256), float32
    batch : chunks in a batch; a size for the CPU by default
    progress : called with chunks done and chunks in all

    Returns
    -------
    embeddings : (len(fbank), 3, 256) float32
    """
    rows = []
    size = batch or min(max(SMALLEST_BATCH, available_cores()), LARGEST_BATCH)
    for start in range(0, len(fbank), size):
        chunks = fbank.chunks[start : start + size]
        (features,) = trunk(fbank=fbank.take(chunks))
        weights = interpolate_nearest(masks[chunks], features.shape[2])
        rows.append(head(features=features, weights=weights)[0])
        if progress:
            progress(start + len(chunks), len(fbank))
    return np.concatenate(rows)
