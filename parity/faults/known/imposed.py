"""Mistakes about when KMeans runs at all: which speakers are counted before a number of them is imposed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from parity.community1.kmeans import cluster_kmeans
from parity.faults.fault import Fault, Workshop
from parity.pipeline import Pipeline
from parity.pipeline.stage import Condition

STAGE = "kmeans"

Count = Callable[[np.ndarray, np.ndarray | None], int]
"""Priors (num_initial,), responsibilities (num_train, num_initial) -> how many speakers VBx is taken to have kept."""


@dataclass(frozen=True)
class Otherwise(Condition):
    """A condition that holds as another one does where what it reads besides is not given.

    Attributes
    ----------
    native : the other one
    """

    native: Condition | None = None

    def holds(self, artefacts: Mapping[str, Any]) -> bool:
        """See `Condition`."""
        if self.native is not None and any(artefacts.get(name) is None for name in self.reads):
            return self.native.holds(artefacts)
        return super().holds(artefacts)


def _forced(name: str, about: str, count: Count, *reads: str) -> Fault:
    """Whether a number is imposed decided by another count; `reads` is what that needs beside the priors."""

    def plant(pipeline: Pipeline, workshop: Workshop) -> Pipeline:
        native, p = pipeline[STAGE], workshop.parameters

        def forced(sp_final: np.ndarray, *more: np.ndarray) -> int | None:
            return p.forced_count(count(sp_final, more[0] if more else None))

        def run(sp_final: np.ndarray, embeddings: np.ndarray, *rest: Any) -> np.ndarray:
            (chunks, speakers), more = rest[:2], rest[2:]
            imposed = None if None in [None if one is None else 0 for one in more] else forced(sp_final, *more)
            if imposed is None:
                return np.asarray(native.run(sp_final, embeddings, chunks, speakers))
            return cluster_kmeans(embeddings, chunks, speakers, num_clusters=imposed)

        when = Otherwise(("sp_final", *reads), lambda *values: forced(*values) is not None, native.when)
        changed = replace(native, reads=(*native.reads, *reads), run=run, when=when)
        return pipeline.with_stages(changed if stage.name == STAGE else stage for stage in pipeline)

    return Fault(name, STAGE, about, plant)


def initial(sp_final: np.ndarray, q_final: np.ndarray | None = None) -> int:
    """The clusters that VBx began with, the dead too."""
    return len(sp_final)


def winners(sp_final: np.ndarray, q_final: np.ndarray | None = None) -> int:
    """The speakers who are the best of some embedding."""
    return 0 if q_final is None else len(np.unique(q_final.argmax(axis=1)))


FAULTS = [
    _forced(
        "kmeans_forced_by_ahc",
        "whether a number must be imposed decided by the AHC's clusters instead of by priors above 1e-7",
        initial,
    ),
    _forced(
        "kmeans_forced_by_winners",
        "whether a number must be imposed decided by who wins an embedding instead of by priors above 1e-7",
        winners,
        "q_final",
    ),
]
