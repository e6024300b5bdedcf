"""embeddings on a device that takes many chunks at once: what `embed` makes, batch by batch.

Task: as `embeddings`. A chunk in which every mask is empty needs no trunk, as in `spoken`; the others go whole, for all
chunks of a batch have one shape. The filterbank of the next batches is computed by the CPU while the device works.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from parity.community1.embeddings import Network, Progress
from parity.networks.wespeaker.architecture import EMBEDDING_DIM
from parity.networks.wespeaker.masks import interpolate_nearest, pooled_frames
from parity.pipeline import ChunkSeries

AHEAD = 2
"""Batches whose filterbank is computed before it is asked for."""


def embed_batches(
    fbank: ChunkSeries,
    masks: np.ndarray,
    *,
    whole: Network,
    batch: int,
    workers: int = 1,
    progress: Progress | None = None,
) -> np.ndarray:
    """Embeddings of the chunks that the filterbank series has.

    Parameters
    ----------
    fbank, masks, progress : as in `embeddings.embed`
    whole : fbank (batch, 998, 80), weights (batch, 3, 125) -> embeddings (batch, 3, 256), float32
    batch : chunks in a call of `whole`
    workers : threads that compute the filterbank

    Returns
    -------
    embeddings : (len(fbank), 3, 256) float32
    """
    chunks = np.asarray(fbank.chunks)
    spoken = masks[chunks].any(axis=(1, 2))
    # One chunk that is silent stands for all of them: each of their rows is the last layer's bias.
    positions = np.sort(np.concatenate([np.flatnonzero(spoken), np.flatnonzero(~spoken)[:1]]))
    embeddings = np.empty((len(chunks), masks.shape[1], EMBEDDING_DIM), dtype=np.float32)
    batches = [positions[start : start + batch] for start in range(0, len(positions), batch)]
    for rows, frames in _prefetched(fbank, batches, workers):
        weights = interpolate_nearest(masks[chunks[rows]], pooled_frames(frames.shape[1]))
        embeddings[rows] = whole(fbank=frames, weights=weights)[0]
        if progress:
            progress(int(rows[-1]) + 1, len(chunks))
    if not spoken.all():
        embeddings[~spoken] = embeddings[np.flatnonzero(~spoken)[0]]
    if progress and len(chunks):
        progress(len(chunks), len(chunks))
    return embeddings


def _prefetched(fbank: ChunkSeries, batches: list[np.ndarray], workers: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Each batch's positions, and their filterbanks (batch, 998, 80)."""
    waiting: deque[tuple[np.ndarray, Iterator[np.ndarray]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for rows in batches:
            waiting.append((rows, pool.map(fbank.compute, map(int, fbank.chunks[rows]))))
            if len(waiting) > AHEAD:
                ready, frames = waiting.popleft()
                yield ready, np.stack(list(frames))
        while waiting:
            ready, frames = waiting.popleft()
            yield ready, np.stack(list(frames))
