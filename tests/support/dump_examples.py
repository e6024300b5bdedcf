"""Dumps that tests make: a snapshot's artefacts as `.npy`, and what a port of other conventions would have written."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from parity.fixtures.catalogue import default_folder
from parity.ports.dump.reading import Dump, read_dump

FIXTURE = "02_pyannote_sample"  # two speakers, VBx
CROWD = "12_many_voices"  # ten clusters
IMPOSED = "08_known_count"  # KMeans

# Who speaks in each class of the segmentation network.
CLASSES = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]])


@functools.cache
def reference(name: str = FIXTURE) -> Dump:
    """A snapshot read as a dump; nobody may change it."""
    return read_dump(default_folder() / name)


def copy_of(dump: Dump) -> Dump:
    """The same dump, which a test may change."""
    values = {n: v if isinstance(v, str) else v.copy() for n, v in dump.values.items()}
    return Dump(dump.folder, values, dict(dump.beside), dict(dump.places))


def write(folder: Path, dump: Dump, only: tuple[str, ...] | None = None) -> Path:
    """A dump of `.npy` and RTTM files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in dump.values.items():
        if only is not None and name not in only:
            continue
        if isinstance(value, str):
            (folder / f"{name}.rttm").write_text(value)
        else:
            np.save(folder / f"{name}.npy", value)
            if f"{name}_chunks" in dump.beside:
                np.save(folder / f"{name}_chunks.npy", dump.beside[f"{name}_chunks"])
    return folder


def other_local_order(dump: Dump, orders: np.ndarray) -> Dump:
    """What a port writes that numbers local speakers otherwise: its speaker t of chunk c is `orders[c][t]` here.

    Training embeddings follow: they are in the order of chunks and of the port's speakers.
    """
    made = copy_of(dump)
    values, chunks = made.values, np.arange(len(orders))[:, None]
    for name in ("masks", "embeddings", "soft_clusters", "hard_clusters"):
        values[name] = values[name][chunks, orders]
    values["segmentations"] = np.take_along_axis(values["segmentations"], orders[:, None, :], 2)
    recorded = made.beside["segmentation_logits_chunks"]
    classes = np.array([classes_of(orders[chunk]) for chunk in recorded])
    values["segmentation_logits"] = np.take_along_axis(values["segmentation_logits"], classes[:, None, :], 2)
    index = values["train_chunk_idx"]
    speaker = np.argsort(orders, axis=1)[index, values["train_speaker_idx"]]
    rows = np.lexsort((speaker, index))
    values["train_speaker_idx"] = speaker[rows]
    for name in ("train_chunk_idx", "post_xvec", "post_plda", "ahc_clusters", "qinit", "q_final", "kmeans_clusters"):
        if name in values:
            values[name] = values[name][rows]
    merges, names = values["dendrogram"], np.concatenate([np.argsort(rows), np.arange(len(rows), 2 * len(rows))])
    merges[:, :2] = np.sort(names[merges[:, :2].astype(int)], axis=1)
    return made


def classes_of(order: np.ndarray) -> list[int]:
    """For each class of a port whose speaker t is `order[t]` here, the class in which the same people speak."""
    same = (CLASSES[:, order][None] == CLASSES[:, None]).all(axis=2)
    return same.argmax(axis=1).tolist()


def other_numbering(dump: Dump, clusters: np.ndarray) -> Dump:
    """What a port writes that calls cluster `clusters[j]` here its cluster j."""
    made = copy_of(dump)
    values, names = made.values, np.argsort(clusters)
    values["centroids"] = values["centroids"][clusters]
    values["soft_clusters"] = values["soft_clusters"][:, :, clusters]
    hard = values["hard_clusters"]
    values["hard_clusters"] = np.where(hard >= 0, names[np.maximum(hard, 0)], hard).astype(hard.dtype)
    for name in ("discrete_diarization", "exclusive_discrete_diarization"):
        values[name] = values[name][:, clusters]
    if "kmeans_clusters" in values:
        values["kmeans_clusters"] = names[values["kmeans_clusters"]].astype(values["kmeans_clusters"].dtype)
    return made
