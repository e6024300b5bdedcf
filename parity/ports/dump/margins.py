"""How close the reference's decisions are to flipping, in units of the drift that a candidate's dump shows at them.

Task: two dumps under one numbering -> `parity.margins.margin` for every kind of decision whose deciding numbers both
hold.
Conventions: what one side lacks, holds ill-formed or in another shape is named, not guessed. Classes of frames are
judged in those chunks whose logits both sides hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.community1.parameters import Parameters
from parity.fixtures import Snapshot
from parity.fixtures.snapshot import CHUNK_STEP
from parity.margins import Margin, margins
from parity.margins.decisions import KINDS, Kind
from parity.ports.dump.aligned import Aligned
from parity.ports.dump.checks import well_formed
from parity.ports.dump.deviations import FILE
from parity.ports.dump.local_speakers import in_order
from parity.ports.dump.reading import Dump

GAP, LOGITS = ("segmentations.npz", "segmentation_gap"), "segmentation_logits"
SETTINGS = {("ahc_state.npz", "threshold"): "threshold", ("reconstruction.npz", "min_duration_off"): "min_duration_off"}


@dataclass(frozen=True)
class Unknown:
    """A kind of decision of which nothing can be said.

    Attributes
    ----------
    reference, candidate : artefacts that each side lacks, or holds in a form that cannot be used
    """

    stage: str
    decision: str
    reference: tuple[str, ...]
    candidate: tuple[str, ...]


@dataclass(frozen=True)
class Headroom:
    """What two dumps say about their decisions.

    Attributes
    ----------
    margins : kinds of which both sides hold the deciding numbers, in the pipeline's order
    unknown : the other kinds
    class_chunks : chunks in which classes of frames were judged, and how many the reference has; None where in none
    """

    margins: tuple[Margin, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    class_chunks: tuple[int, int] | None = None


def find_headroom(reference: Dump, candidate: Dump, aligned: Aligned) -> Headroom:
    """Margins of the reference's decisions, and their headroom given the candidate's drift.

    Parameters
    ----------
    aligned : both under the reference's conventions
    """
    theirs, ours = well_formed(reference), well_formed(candidate)
    values = {name: aligned.want[name] for name in theirs}
    fits = {name for name in theirs & ours if np.shape(aligned.got[name]) == np.shape(aligned.want[name])}
    made = {name: aligned.got[name] for name in fits}
    gap, chunks = _classes(candidate, aligned, values, made)
    held = values if gap is None else {**values, "segmentation_gap": gap}
    unknown = tuple(filter(None, (_unknown(kind, held, made) for kind in KINDS)))
    said = {(entry.stage, entry.decision) for entry in unknown}
    companions = _settings(reference) | ({} if gap is None else {GAP: gap})
    found = margins(Snapshot(reference.folder, {}, values, {}, companions), made)
    return Headroom(tuple(m for m in found if (m.stage, m.decision) not in said), unknown, chunks)


def _settings(reference: Dump) -> dict[tuple[str, str], np.ndarray]:
    """What a snapshot records beside its arrays, or the pipeline's own settings."""
    found: dict[tuple[str, str], np.ndarray] = {CHUNK_STEP: np.array(reference.chunk_step)}
    for place, name in SETTINGS.items():
        recorded = reference.found.get(place)
        usable = recorded is not None and np.ndim(recorded) == 0 and bool(np.isfinite(recorded))
        found[place] = recorded if recorded is not None and usable else np.array(getattr(Parameters(), name))
    # Constants are recorded where they are other than the pipeline's own.
    return found | {(file, key): value for (file, key), value in reference.found.items() if file == FILE and key}


def _classes(
    candidate: Dump, aligned: Aligned, values: Mapping[str, Any], made: dict[str, Any]
) -> tuple[np.ndarray | None, tuple[int, int] | None]:
    """Lay the candidate's logits out over all chunks in `made`; the reference's gap there, and of how many chunks.

    The reference's gap is known of every frame where a snapshot recorded it, though logits are kept of some chunks.
    """
    logits, segmentations = made.pop(LOGITS, None), values.get("segmentations")
    known = _gap(aligned, values, segmentations)
    if logits is None or known is None:
        return known, None
    chunks, got = candidate.chunks(LOGITS), candidate.values[LOGITS]
    if chunks[-1] >= len(known) or got.shape[1:] != (known.shape[1], 7):
        return known, None
    if aligned.orders is not None and len(aligned.orders) == len(known):
        got = in_order(got, aligned.orders[chunks])
    chunks, got = (x[np.isfinite(known[chunks]).any(axis=1)] for x in (chunks, got))
    laid, gap = np.zeros((*known.shape, 7)), np.full(known.shape, np.inf)
    laid[chunks], gap[chunks] = got, known[chunks]
    made[LOGITS] = laid
    return gap, (len(chunks), len(gap))


def _gap(aligned: Aligned, values: Mapping[str, Any], segmentations: np.ndarray | None) -> np.ndarray | None:
    """(C, F) float64: by how much the reference's best class leads; infinite in chunks where that is not known."""
    if segmentations is None:
        return None
    if aligned.gap is not None and aligned.gap.shape == segmentations.shape[:2]:
        return aligned.gap.astype(np.float64)
    logits, chunks = values.get(LOGITS), aligned.chunks.get(LOGITS)
    if logits is None or chunks is None or chunks[-1] >= len(segmentations):
        return None
    if logits.shape[1] != segmentations.shape[1]:
        return None
    best = np.sort(logits.astype(np.float64), axis=-1)[..., -2:]
    gap = np.full(segmentations.shape[:2], np.inf)  # infinite: a frame of which nothing is decided here
    gap[chunks] = best[..., 1] - best[..., 0]
    return gap


def _unknown(kind: Kind, values: Mapping[str, Any], made: Mapping[str, Any]) -> Unknown | None:
    lacks = tuple(name for name in kind.needs if name not in values)
    missing = tuple(name for name in kind.reads if name not in made)
    if not (lacks or missing) or (not lacks and not kind.applies(values)):
        return None
    if kind.decision == "closest cluster" and "kmeans_clusters" not in values:
        return None
    return Unknown(kind.stage, kind.decision, lacks, missing)
