"""vbx: variational Bayes re-clustering, which decides how many speakers there are.

Source: `cluster_vbx` and `VBx` in pyannote/audio/utils/vbx.py at tag 4.0.4, without an HMM; equations (16), (17), (23)
and (25) of Landini et al., "Bayesian HMM clustering of x-vector sequences (VBx) in speaker diarization", 2022.
Conventions: responsibilities start from the AHC labels, one-hot times 7 through a softmax; it stops when the ELBO grows
by less than 1e-4, decreases included; 1e-8 is added to the priors before their logarithm.
"""

from __future__ import annotations

import numpy as np
import scipy

INIT_SMOOTHING = 7.0
STOP_BELOW = 1e-4
PRIOR_EPS = 1e-8
BLOCK_ROWS = 1024


def cluster_vbx(
    post_plda: np.ndarray,
    phi: np.ndarray,
    ahc_clusters: np.ndarray,
    *,
    fa: float,
    fb: float,
    max_iterations: int,
    smoothing: float = INIT_SMOOTHING,
    stop_below: float = STOP_BELOW,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Responsibilities of speakers for embeddings.

    Parameters
    ----------
    post_plda : (num_train, 128) float64
    phi : (128,) float64, between-class variances
    ahc_clusters : (num_train,) int64, from 0
    fa, fb : scale of the statistics, speaker regularisation
    max_iterations : at most that many
    smoothing : what one-hot labels are multiplied by before their softmax; 0 starts uniform
    stop_below : growth of the ELBO below which it stops

    Returns
    -------
    qinit : (num_train, num_initial) float64, responsibilities at the start
    q_final : (num_train, num_initial) float64, at the end
    sp_final : (num_initial,) float64, speaker priors
    elbo_trajectory : (iterations,) float64
    """
    qinit = initial_responsibilities(ahc_clusters, smoothing)
    q, priors = qinit, np.full(qinit.shape[1], 1.0 / qinit.shape[1])
    rho = post_plda * np.sqrt(phi)  # (18)
    constant = -0.5 * (np.sum(post_plda**2, axis=1, keepdims=True) + post_plda.shape[1] * np.log(2 * np.pi))
    elbo: list[float] = []
    for _ in range(max_iterations):
        inverse_precision = 1.0 / (1 + fa / fb * q.sum(axis=0, keepdims=True).T * phi)  # (17)
        alpha = fa / fb * inverse_precision * q.T.dot(rho)  # (16)
        joint = rho.dot(alpha.T)
        joint -= 0.5 * (inverse_precision + alpha**2).dot(phi)
        joint += constant
        joint *= fa  # (23): the log-likelihood; in place throughout, for hours are gigabytes
        joint += np.log(priors + PRIOR_EPS)
        evidence = np.concatenate([scipy.special.logsumexp(joint[rows], axis=-1) for rows in _blocks(len(joint))])
        joint -= evidence[:, None]
        q = np.exp(joint, out=joint)
        priors = q.sum(axis=0)
        priors = priors / priors.sum()
        penalty = np.sum(np.log(inverse_precision) - inverse_precision - alpha**2 + 1)
        elbo.append(np.sum(evidence) + fb * 0.5 * penalty)  # (25)
        if len(elbo) > 1 and elbo[-1] - elbo[-2] < stop_below:
            break
    return qinit, q, priors, np.array(elbo)


def initial_responsibilities(ahc_clusters: np.ndarray, smoothing: float = INIT_SMOOTHING) -> np.ndarray:
    """Smoothed one-hot rows: (num_train, num_initial) float64."""
    qinit = np.zeros((len(ahc_clusters), ahc_clusters.max() + 1))
    qinit[np.arange(len(ahc_clusters)), ahc_clusters] = 1.0
    for rows in _blocks(len(qinit)):
        qinit[rows] = scipy.special.softmax(qinit[rows] * smoothing, axis=1)
    return qinit


def _blocks(count: int) -> list[slice]:
    # Both functions of SciPy make several arrays of what they are given.
    return [slice(start, start + BLOCK_ROWS) for start in range(0, count, BLOCK_ROWS)]
