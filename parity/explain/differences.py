"""What the difference of a stage to blame is like: the arrays that its verdict was made of, described."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from parity.explain.explanation import TO_BLAME, StageVerdict
from parity.explain.patching import Patching
from parity.measure.difference import Difference, describe
from parity.measure.drift import compare
from parity.measure.gaps import LOGITS
from parity.pipeline.artefact import LAYOUTS
from parity.pipeline.raised import StageRaised
from parity.replay.engine import CASCADED, in_common, run_isolated

ARTEFACTS = LAYOUTS["community-1"].artefacts


def differences(patching: Patching, verdicts: Iterable[StageVerdict]) -> tuple[Difference, ...]:
    """What is known of the worst artefact of every stage to blame, in the pipeline's order."""
    found = (_difference(patching, verdict) for verdict in verdicts if verdict.verdict in TO_BLAME)
    return tuple(difference for difference in found if difference is not None)


def _difference(patching: Patching, verdict: StageVerdict) -> Difference | None:
    name = verdict.artefact
    if name is None or name not in ARTEFACTS or not isinstance(patching.snapshot.values.get(name), np.ndarray):
        return None
    got = _written(patching, verdict, name)
    want, chunks = patching.snapshot.values[name], patching.snapshot.chunks.get(name)
    if got is None:
        return None
    if chunks is not None:
        got, want, chunks = in_common(got, want, chunks)
    if not isinstance(got, np.ndarray):
        return None
    if name == LOGITS and got.shape == want.shape and compare(name, got, want, mode=CASCADED).within:
        return None  # it is out in chunks of which only the gap is recorded
    return describe(name, got, want, chunks=chunks, masks=patching.snapshot.values.get("masks"))


def _written(patching: Patching, verdict: StageVerdict, name: str) -> Any:
    """What the stage wrote on the reference's own inputs where that is out; in its cascade otherwise."""
    if verdict.isolated is not None and (verdict.isolated_ratio or 0) > 1:
        stage, reference = patching.candidate[verdict.stage], patching.reference
        try:
            alone, _ = run_isolated(stage, patching.candidate, reference, patching.made, patching.inputs)
        except StageRaised:
            alone = {}
        if name in alone:
            return alone[name]
    return patching.made.get(name)
