"""More mistakes in vbx: other starts, other stops, and the steps of its equations left out, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import logsumexp

from parity.community1.vbx import PRIOR_EPS, STOP_BELOW, initial_responsibilities
from parity.faults.fault import Workshop
from parity.faults.known.planting import Make, Run, fault

LOOP_PROBABILITY = 0.9
"""Of staying with a speaker from one embedding to the next, as in VBx's own example for diarization."""

Responsibilities = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, float]]
"""Joint log-likelihoods (num_train, speakers), log-priors (speakers,) -> responsibilities, log-evidence."""


def of_a_mixture(likelihood: np.ndarray, log_priors: np.ndarray) -> tuple[np.ndarray, float]:
    """Every embedding by itself, as the reference has it."""
    joint = likelihood + log_priors
    evidence = logsumexp(joint, axis=1)
    return np.exp(joint - evidence[:, None]), float(np.sum(evidence))


def of_a_chain(
    likelihood: np.ndarray, log_priors: np.ndarray, loop: float = LOOP_PROBABILITY
) -> tuple[np.ndarray, float]:
    """Forward and backward through VBx's HMM: a speaker goes on with probability `loop`, or somebody is drawn anew."""
    with np.errstate(divide="ignore"):
        transition = np.logaddexp(
            np.log(1 - loop) + log_priors[None, :], np.where(np.eye(len(log_priors)), np.log(loop), -np.inf)
        )
    forward, backward = np.empty_like(likelihood), np.zeros_like(likelihood)
    forward[0] = likelihood[0] + log_priors
    for row in range(1, len(likelihood)):
        forward[row] = likelihood[row] + _log_of_sum(forward[row - 1][:, None] + transition, axis=0)
    for row in range(len(likelihood) - 2, -1, -1):
        backward[row] = _log_of_sum(transition + (likelihood[row + 1] + backward[row + 1])[None, :], axis=1)
    evidence = float(logsumexp(forward[-1]))
    return np.exp(forward + backward - evidence), evidence


def _log_of_sum(logs: np.ndarray, axis: int) -> np.ndarray:
    """Of exponentials, as SciPy's `logsumexp`, whose checks take ten times as long as sums of so few; no sum is 0."""
    most = logs.max(axis=axis)
    summed: np.ndarray = most + np.log(np.exp(logs - np.expand_dims(most, axis)).sum(axis=axis))
    return summed


def one_hot(labels: np.ndarray, smoothing: float) -> np.ndarray:
    """Labels as they are, without the softmax: (num_train, num_initial) float64."""
    return np.eye(labels.max() + 1)[labels]


@dataclass(frozen=True)
class Vbx:
    """`parity.community1.vbx.cluster_vbx`, which its defaults are, step by step.

    Attributes
    ----------
    start : labels, smoothing -> responsibilities
    sized_priors : speakers start with the share of embeddings that they start with, instead of an equal one
    keep_priors : priors stay what they start as
    scaled : whether embeddings are multiplied by the root of the variances
    constant : whether the term that all speakers share is added
    prior_eps : added to priors before their logarithm
    fa_over_fb : whether the statistics are scaled by Fa / Fb, or by one
    halved : whether the speakers' own term has its factor of a half
    responsibilities : see `Responsibilities`
    relative : whether the growth of the ELBO is measured by its size
    dtype : that it is computed in
    """

    start: Callable[[np.ndarray, float], np.ndarray] = initial_responsibilities
    sized_priors: bool = False
    keep_priors: bool = False
    scaled: bool = True
    constant: bool = True
    prior_eps: float = PRIOR_EPS
    fa_over_fb: bool = True
    halved: bool = True
    responsibilities: Responsibilities = of_a_mixture
    relative: bool = False
    dtype: type[np.floating] = np.float64

    def __call__(
        self, settings: tuple[float, float, int, float], post_plda: np.ndarray, phi: np.ndarray, labels: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        """See `cluster_vbx`; settings are Fa, Fb, most iterations and smoothing."""
        fa, fb, max_iterations, smoothing = settings
        x: np.ndarray = post_plda.astype(self.dtype)
        phi = phi.astype(self.dtype)
        qinit = self.start(labels, smoothing)
        q: np.ndarray = qinit.astype(self.dtype)
        priors: np.ndarray = self._first_priors(qinit).astype(self.dtype)
        rho = x * np.sqrt(phi) if self.scaled else x
        shared = -0.5 * (np.sum(x**2, axis=1, keepdims=True) + x.shape[1] * np.log(2 * np.pi)) if self.constant else 0.0
        ratio, half = (fa / fb if self.fa_over_fb else 1.0), (0.5 if self.halved else 1.0)
        elbo: list[float] = []
        for _ in range(max_iterations):
            spread = 1.0 / (1 + ratio * q.sum(axis=0, keepdims=True).T * phi)
            alpha = ratio * spread * q.T.dot(rho)
            likelihood = fa * (rho.dot(alpha.T) - half * (spread + alpha**2).dot(phi) + shared)
            with np.errstate(divide="ignore"):  # without an epsilon a speaker may die for good
                q, evidence = self.responsibilities(likelihood, np.log(priors + self.dtype(self.prior_eps)))
            if not self.keep_priors:
                priors = q.sum(axis=0) / q.sum()
            elbo.append(evidence + fb * 0.5 * float(np.sum(np.log(spread) - spread - alpha**2 + 1)))
            if len(elbo) > 1 and self._stops(elbo[-2], elbo[-1]):
                break
        return qinit, q.astype(np.float64), priors.astype(np.float64), np.array(elbo)

    def _first_priors(self, qinit: np.ndarray) -> np.ndarray:
        return qinit.mean(axis=0) if self.sized_priors else np.full(qinit.shape[1], 1.0 / qinit.shape[1])

    def _stops(self, before: float, now: float) -> bool:
        grown = now - before
        return grown < STOP_BELOW * (abs(before) if self.relative else 1.0)


def _stepwise(vbx: Vbx) -> Make:
    def make(native: Run, workshop: Workshop) -> Run:
        p = workshop.parameters
        return partial(vbx, (p.fa, p.fb, p.max_iterations, p.init_smoothing))

    return make


def _swapped(native: Run, workshop: Workshop) -> Run:
    p = workshop.parameters
    return partial(Vbx(), (p.fb, p.fa, p.max_iterations, p.init_smoothing))


FAULTS = [
    fault(
        "vbx_fa_and_fb_swapped",
        "vbx",
        "Fa and Fb taken for one another",
        _swapped,
    ),
    fault(
        "vbx_one_hot_start",
        "vbx",
        "responsibilities start as the AHC's labels themselves, without the softmax that smooths them",
        _stepwise(Vbx(start=one_hot)),
    ),
    fault(
        "vbx_priors_from_sizes",
        "vbx",
        "priors start as the clusters' shares of embeddings, where all start equal",
        _stepwise(Vbx(sized_priors=True)),
    ),
    fault(
        "vbx_priors_fixed",
        "vbx",
        "priors never updated, so that no speaker dies out",
        _stepwise(Vbx(keep_priors=True)),
    ),
    fault(
        "vbx_unscaled",
        "vbx",
        "embeddings not multiplied by the root of the between-class variances",
        _stepwise(Vbx(scaled=False)),
    ),
    fault(
        "vbx_without_constant",
        "vbx",
        "the term that all speakers share left out: another ELBO, the same responsibilities",
        _stepwise(Vbx(constant=False)),
    ),
    fault(
        "vbx_without_prior_eps",
        "vbx",
        "nothing added to priors before their logarithm, where 1e-8 is",
        _stepwise(Vbx(prior_eps=0.0)),
    ),
    fault(
        "vbx_statistics_unscaled",
        "vbx",
        "the statistics not scaled by Fa / Fb where speakers are estimated",
        _stepwise(Vbx(fa_over_fb=False)),
    ),
    fault(
        "vbx_without_half",
        "vbx",
        "the factor of a half before the speakers' own term left out",
        _stepwise(Vbx(halved=False)),
    ),
    fault(
        "vbx_hmm",
        "vbx",
        "VBx with its HMM, 0.9 to stay with a speaker, where every embedding stands by itself here",
        _stepwise(Vbx(responsibilities=of_a_chain)),
    ),
    fault(
        "vbx_relative_stop",
        "vbx",
        "stops where the ELBO grows by less than 1e-4 of itself instead of 1e-4",
        _stepwise(Vbx(relative=True)),
    ),
    fault(
        "vbx_float32",
        "vbx",
        "computed in float32 instead of float64",
        _stepwise(Vbx(dtype=np.float32)),
    ),
]
