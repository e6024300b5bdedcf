"""What stands right behind the two networks: the epsilon of pooling, a threshold on speakers' probabilities."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from parity.community1.embeddings import embed
from parity.faults.family import LINEAR, LOGARITHMIC, Family
from parity.faults.known.embedding import pooling_head
from parity.faults.known.segmentation import speaker_probabilities
from parity.networks.wespeaker.architecture import POOLING_EPS
from parity.pipeline import Pipeline


def _pooled_with(pipeline: Pipeline, workshop: Any, value: float) -> Pipeline:
    head = pooling_head(workshop.weights.embedding, eps=value)
    return pipeline.replacing("embeddings", partial(embed, trunk=workshop.networks.trunk, head=head))


def _above(pipeline: Pipeline, workshop: Any, value: float) -> Pipeline:
    native = pipeline["segmentation"].run

    def run(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits = native(waveform)[0]
        return logits, (speaker_probabilities(logits) > value).astype(np.float32)

    return pipeline.replacing("segmentation", run)


FAMILIES = [
    Family(
        name="segmentation_threshold",
        stage="segmentation",
        parameter="speakers more probable than",
        reference=lambda workshop: None,
        plant=_above,
        low=0.02,
        high=0.98,
        scale=LINEAR,
        points={"multilabel_threshold": 0.5},
        grid=25,
    ),
    Family(
        name="pooling_epsilon",
        stage="embeddings",
        parameter="the pooling's epsilon",
        reference=lambda workshop: float(POOLING_EPS),
        plant=_pooled_with,
        low=1e-12,
        high=10.0,
        scale=LOGARITHMIC,
    ),
]
