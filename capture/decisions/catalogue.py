"""Every kind of decision, the pipeline's order; each function makes the inputs of its cases."""

from __future__ import annotations

from collections.abc import Callable

from capture.decisions import answers, clusters, frames, speakers
from parity.fixtures.decisions import DecisionCase

KINDS: tuple[Callable[[], list[DecisionCase]], ...] = (
    frames.best_class,
    frames.rounded_count,
    frames.clean_mask,
    frames.training,
    clusters.merges,
    clusters.cut,
    clusters.vbx,
    speakers.gates,
    speakers.kmeans,
    speakers.survivors,
    speakers.set_aside,
    speakers.assignment,
    answers.votes,
    answers.turns,
    answers.names,
    answers.rttm,
)
