"""Mistakes in xvec and plda."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from parity.community1.plda import Plda, to_plda, to_xvec
from parity.faults.fault import Workshop
from parity.faults.known.embedding import of_unit_norm
from parity.faults.known.planting import Make, Run, fault

Change = Callable[[Plda, Workshop], Plda]


def _model(stage: Run, change: Change) -> Make:
    return lambda native, workshop: partial(stage, plda=change(workshop.networks.plda, workshop))


def _zero(name: str) -> Change:
    return lambda plda, workshop: replace(plda, **{name: np.zeros_like(getattr(plda, name))})


def _as_stored(plda: Plda, workshop: Workshop) -> Plda:
    return replace(plda, transform=workshop.weights.plda["tr"], phi=workshop.weights.plda["psi"])


def _without_wide_scale(plda: Plda, workshop: Workshop) -> Plda:
    # The LDA is linear: its input loses the factor with it.
    return replace(plda, lda=plda.lda / np.sqrt(len(plda.lda)))


def _rising(plda: Plda, workshop: Workshop) -> Plda:
    return replace(plda, transform=plda.transform[::-1], phi=plda.phi[::-1])


def _of_normalised(native: Run, workshop: Workshop) -> Run:
    return lambda embeddings, *training: native(of_unit_norm(embeddings), *training)


def _without_narrow_scale(native: Run, workshop: Workshop) -> Run:
    return lambda *inputs: native(*inputs) / np.sqrt(workshop.networks.plda.lda.shape[1])


FAULTS = [
    fault(
        "xvec_of_normalised_embeddings",
        "xvec",
        "embeddings normalised before the first mean is taken off, where they are raw",
        _of_normalised,
    ),
    fault(
        "xvec_without_first_mean",
        "xvec",
        "the mean before the LDA not taken off",
        _model(to_xvec, _zero("mean1")),
    ),
    fault(
        "xvec_without_second_mean",
        "xvec",
        "the mean after the LDA not taken off",
        _model(to_xvec, _zero("mean2")),
    ),
    fault(
        "xvec_without_sqrt_256",
        "xvec",
        "unit rows given to the LDA, where their norm is sqrt(256)",
        _model(to_xvec, _without_wide_scale),
    ),
    fault(
        "xvec_without_sqrt_128",
        "xvec",
        "unit rows given to the PLDA, where their norm is sqrt(128)",
        _without_narrow_scale,
    ),
    fault(
        "plda_as_stored",
        "plda",
        "the stored axes used as they are, where the eigenproblem is solved again: the same ones, up to sign",
        _model(to_plda, _as_stored),
    ),
    fault(
        "plda_without_mean",
        "plda",
        "the PLDA's mean not taken off",
        _model(to_plda, _zero("mu")),
    ),
    fault(
        "plda_axes_rising",
        "plda",
        "axes left in the rising order in which the solver gives them, variances with them",
        _model(to_plda, _rising),
    ),
    fault(
        "plda_phi_rising",
        "plda",
        "variances left in rising order, the axes turned round",
        _model(to_plda, lambda plda, workshop: replace(plda, phi=plda.phi[::-1])),
    ),
]
