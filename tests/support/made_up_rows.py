"""Sixty embeddings of four made-up voices, and what AHC makes of them at a threshold."""

from __future__ import annotations

import numpy as np

from parity.community1 import Parameters, community1_pipeline
from parity.community1.ahc import cluster_ahc
from parity.community1.networks import without_networks
from parity.faults.fault import Workshop

RNG = np.random.default_rng(3)
CENTRES = RNG.standard_normal((4, 256))
EMBEDDINGS = (CENTRES[RNG.integers(0, 4, (20, 3))] + 0.8 * RNG.standard_normal((20, 3, 256))).astype(np.float32)
CHUNKS, SPEAKERS = (index.ravel() for index in np.meshgrid(np.arange(20), np.arange(3), indexing="ij"))
GIVEN = {"embeddings": EMBEDDINGS, "train_chunk_idx": CHUNKS, "train_speaker_idx": SPEAKERS}
NATIVE = community1_pipeline(without_networks(), Parameters())
WORKSHOP = Workshop(None, without_networks(), Parameters())


def made(threshold: float) -> dict[str, np.ndarray]:
    """What the stage writes."""
    return dict(zip(("dendrogram", "ahc_clusters"), cluster_ahc(EMBEDDINGS, CHUNKS, SPEAKERS, threshold=threshold)))
