"""embeddings, without the work that cannot change them: what `embed` makes, for those who do not replay.

Task: as `embeddings`. A chunk in which every mask is empty needs no trunk: a speaker without frames gets the last
layer's bias. Otherwise the trunk sees only the stretch of the filterbank that the frames under some mask depend on;
features elsewhere are left at zero, where every weight is zero too, so the sums of the pooling are the same.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from parity.community1.embeddings import Network, Progress
from parity.networks.side_by_side import side_by_side
from parity.networks.wespeaker.architecture import EMBEDDING_DIM, POOLED_FEATURES
from parity.networks.wespeaker.masks import interpolate_nearest, pooled_frames
from parity.networks.wespeaker.reach import SHRINKS, stretch
from parity.pipeline import ChunkSeries


def embed_spoken(
    fbank: ChunkSeries,
    masks: np.ndarray,
    *,
    trunk: Network,
    head: Network,
    workers: int = 1,
    progress: Progress | None = None,
) -> np.ndarray:
    """Embeddings of the chunks that the filterbank series has.

    Parameters
    ----------
    fbank, masks, trunk, head, progress : as in `embeddings.embed`
    workers : chunks at once; trunk and head are then called from so many threads

    Returns
    -------
    embeddings : (len(fbank), 3, 256) float32
    """
    # Copied into one array: rows that stay where they were made, between a thread's large and short-lived arrays, keep
    # the allocator from giving these back (half a megabyte a chunk, with two workers).
    embeddings = np.empty((len(fbank), masks.shape[1], EMBEDDING_DIM), dtype=np.float32)
    rows = side_by_side(partial(_embed_chunk, fbank, masks, trunk, head), fbank.chunks, workers)
    for index, row in enumerate(rows):
        embeddings[index] = row[0]
        if progress:
            progress(index + 1, len(fbank))
    return embeddings


def _embed_chunk(fbank: ChunkSeries, masks: np.ndarray, trunk: Network, head: Network, chunk: int) -> np.ndarray:
    frames = fbank.compute(int(chunk))
    weights = interpolate_nearest(masks[[chunk]], pooled_frames(len(frames)))
    features = np.zeros((1, POOLED_FEATURES, weights.shape[2]), dtype=np.float32)
    spoken = weights[0].any(axis=0)
    if spoken.any():
        start, stop = stretch(spoken, len(frames))
        (seen,) = trunk(fbank=frames[None, start:stop])
        features[:, :, start // SHRINKS :][:, :, : seen.shape[2]] = seen
    return head(features=features, weights=weights)[0]
