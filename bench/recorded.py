"""What the snapshots recorded, many times over: embeddings to cluster, and stand-ins for the networks.

A length that takes the networks hours can still be measured in everything else: the stand-ins answer with chunks of the
snapshots, and take no time. Embeddings get other noise every time: mostly little, now and then much, so that outliers
keep coming, as they do in recordings.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from parity.community1.filtering import filter_embeddings
from parity.community1.masks import build_masks
from parity.community1.networks import Networks
from parity.community1.plda import Plda
from parity.community1.segmentation import powerset_mapping
from parity.fixtures import read_snapshot
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.networks.wespeaker.architecture import POOLED_FEATURES
from parity.networks.wespeaker.masks import interpolate_nearest, pooled_frames
from parity.networks.wespeaker.reach import SHRINKS

NOISE = 0.2  # mean, of an embedding's norm; neighbouring chunks of one voice differ by as much
SEED = 3
FBANK_FRAMES = 998

Arrays = dict[str, np.ndarray]


def many_embeddings(count: int) -> Arrays:
    """Embeddings and segmentations of all snapshots, again and again, every time with other noise.

    Parameters
    ----------
    count : embeddings that will be clustered, or a few more

    Returns
    -------
    embeddings : (num_chunks, 3, 256) float32
    segmentations : (num_chunks, 589, 3) float32, 0 or 1
    """
    rng, parts, filled = np.random.default_rng(SEED), [], 0
    snapshots = recorded()
    while filled < count:
        for values in snapshots:
            parts.append((noisy(values["embeddings"], rng), values["segmentations"]))
            filled += len(values["train_chunk_idx"])
    embeddings, segmentations = (np.concatenate(arrays) for arrays in zip(*parts))
    chunks, _ = filter_embeddings(embeddings, segmentations)
    end = chunks[count - 1] + 1
    return {"embeddings": embeddings[:end], "segmentations": segmentations[:end]}


def stand_ins(plda: Plda) -> Networks:
    """Networks that answer with recorded chunks, which one depending on the samples; any number of threads."""
    snapshots = recorded()
    segmentations = np.concatenate([values["segmentations"] for values in snapshots])
    embeddings = np.concatenate([values["embeddings"] for values in snapshots])
    frames = pooled_frames(FBANK_FRAMES)
    chunks = {_masks(one, frames).tobytes(): index for index, one in enumerate(segmentations)}

    def segmentation(waveforms: np.ndarray) -> tuple[np.ndarray]:
        return (
            np.stack([_logits(segmentations[zlib.crc32(one.tobytes()) % len(segmentations)]) for one in waveforms]),
        )

    def trunk(fbank: np.ndarray) -> tuple[np.ndarray]:
        # What tells chunks apart goes into the features, so that the head knows which noise to add.
        shape = len(fbank), POOLED_FEATURES, -(-fbank.shape[1] // SHRINKS)
        return (np.full(shape, zlib.crc32(fbank.tobytes()) >> 8, dtype=np.float32),)

    def head(features: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray]:
        recorded_ones = embeddings[[chunks[one.tobytes()] for one in weights]]
        return (noisy(recorded_ones, np.random.default_rng(int(features.max()))),)

    return Networks(segmentation, trunk, head, plda)


def noisy(embeddings: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Embeddings (chunks, 3, 256) float32, each moved in some direction by an exponentially distributed length."""
    norms = np.linalg.norm(embeddings, axis=2, keepdims=True)
    lengths = NOISE * norms * rng.exponential(size=norms.shape).astype(np.float32)
    steps = rng.standard_normal(embeddings.shape, dtype=np.float32) / np.sqrt(np.float32(embeddings.shape[2]))
    return (embeddings + lengths * steps).astype(np.float32)


def recorded() -> list[Mapping[str, Any]]:
    """The values of all snapshots that hold embeddings."""
    wanted = ("embeddings", "segmentations", "train_chunk_idx")
    snapshots = [read_snapshot(f.snapshot_folder).values for f in Catalogue.read(default_folder()).fixtures]
    kept = [values for values in snapshots if all(values.get(name) is not None for name in wanted)]
    return [{name: values[name] for name in wanted} for values in kept]


def _logits(segmentation: np.ndarray) -> np.ndarray:
    # 0 for the class that means these speakers, less for the others: (589, 3) -> (589, 7) float32.
    return -np.abs(segmentation[:, None] - powerset_mapping()).sum(axis=2)


def _masks(segmentation: np.ndarray, frames: int) -> np.ndarray:
    return interpolate_nearest(build_masks(segmentation[None]), frames)[0]
