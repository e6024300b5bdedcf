"""xvec and plda: embeddings -> the space where VBx works.

Source: `vbx_setup` in pyannote/audio/utils/vbx.py and `PLDA` in pyannote/audio/core/plda.py at tag 4.0.4; the model is
that of Landini et al., "Bayesian HMM clustering of x-vector sequences (VBx) in speaker diarization", 2022, section 2.
Conventions: the stored PLDA is re-solved (generalised eigenproblem of the between- against the within-class covariance)
and its axes are sorted by falling eigenvalue; an axis's sign is arbitrary and depends on the LAPACK at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy


@dataclass(frozen=True)
class Plda:
    """The arrays of both steps, ready to use.

    Attributes
    ----------
    mean1 : (256,), mean2 : (128,), lda : (256, 128)
    mu : (128,) float64
    transform : (128, 128) float64, rows are axes
    phi : (128,) float64, between-class variances along them, falling
    """

    mean1: np.ndarray
    mean2: np.ndarray
    lda: np.ndarray
    mu: np.ndarray
    transform: np.ndarray
    phi: np.ndarray


def solve_plda(arrays: Mapping[str, np.ndarray]) -> Plda:
    """Re-solve the stored PLDA.

    Parameters
    ----------
    arrays : mean1 (256,), mean2 (128,), lda (256, 128), mu (128,), tr (128, 128), psi (128,)
    """
    tr, psi = arrays["tr"], arrays["psi"]
    within = np.linalg.inv(tr.T @ tr)
    between = np.linalg.inv((tr.T / psi) @ tr)
    variances, axes = scipy.linalg.eigh(between, within)
    return Plda(
        mean1=arrays["mean1"],
        mean2=arrays["mean2"],
        lda=arrays["lda"],
        mu=arrays["mu"],
        transform=axes.T[::-1],
        phi=variances[::-1],
    )


def to_xvec(
    embeddings: np.ndarray, train_chunk_idx: np.ndarray, train_speaker_idx: np.ndarray, *, plda: Plda
) -> np.ndarray:
    """Centre, normalise, reduce by LDA, centre and normalise again.

    Parameters
    ----------
    embeddings : (num_chunks, 3, 256) float32
    train_chunk_idx, train_speaker_idx : (num_train,) int64

    Returns
    -------
    post_xvec : (num_train, 128) float64, each row of norm sqrt(128)
    """
    train = embeddings[train_chunk_idx, train_speaker_idx]
    wide, narrow = plda.lda.shape
    centred = np.sqrt(wide) * _unit_rows(train - plda.mean1)
    return np.sqrt(narrow) * _unit_rows(plda.lda.T.dot(centred.T).T - plda.mean2)


def to_plda(post_xvec: np.ndarray, *, plda: Plda) -> tuple[np.ndarray, np.ndarray]:
    """Project into the latent space.

    Returns
    -------
    post_plda : (num_train, 128) float64
    phi : (128,) float64
    """
    return (post_xvec - plda.mu).dot(plda.transform.T), plda.phi


def _unit_rows(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, ord=2)[:, np.newaxis]
