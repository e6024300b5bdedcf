"""kmeans: re-clustering where a number of speakers is imposed and VBx found another.

Source: `VBxClustering.__call__` in pyannote/audio/pipelines/clustering.py at tag 4.0.4; the algorithm is
scikit-learn's, seeded as there (three starts, random_state 42).
"""

from __future__ import annotations

import numpy as np

from parity.checkout import need
from parity.community1.ahc import normalised_training
from parity.errors import Unanswerable

STARTS = 3
SEED = 42


def cluster_kmeans(
    embeddings: np.ndarray, train_chunk_idx: np.ndarray, train_speaker_idx: np.ndarray, *, num_clusters: int
) -> np.ndarray:
    """Labels from KMeans over unit-norm embeddings.

    Parameters
    ----------
    embeddings : (num_chunks, 3, 256) float32
    train_chunk_idx, train_speaker_idx : (num_train,) int64
    num_clusters : how many to make

    Returns
    -------
    kmeans_clusters : (num_train,) int32

    Raises
    ------
    Unanswerable : more clusters are asked for than there are embeddings (the reference fails there too)
    InputError : scikit-learn is not installed
    """
    if num_clusters > len(train_chunk_idx):
        raise Unanswerable(
            f"{num_clusters} speakers were asked for (num_speakers or min_speakers), but the clip has only "
            f"{len(train_chunk_idx)} embeddings to cluster; pyannote.audio 4.0.4 fails there too"
        )
    need("sklearn", "a number of speakers that VBx did not find")
    from sklearn.cluster import KMeans  # a second of imports, for what few recordings need

    rows = normalised_training(embeddings, train_chunk_idx, train_speaker_idx)
    return KMeans(n_clusters=num_clusters, n_init=STARTS, random_state=SEED, copy_x=False).fit_predict(rows)
