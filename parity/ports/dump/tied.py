"""Whether the numbering of clusters decides who speaks.

Task: a dump whose clusters were brought to the reference's numbering -> whether that may be undone without harm. In a
frame where more speakers are equally active than there is room for, NumPy's order of their *numbers* says who wins.
Where native reconstruction makes the port's frames of the labels as the port numbered them, and other frames of the
same labels under the reference's numbers, the numbering is no convention: it is what went wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from parity.community1.annotation import annotate, to_rttm
from parity.community1.centroids import surviving
from parity.community1.reconstruction import reconstruct
from parity.ports.dump.aligned import Aligned
from parity.ports.dump.rttm import check_rttm, may_be_scored
from parity.ports.dump.turns import compare_turns

FRAMES = ("discrete_diarization", "exclusive_discrete_diarization")
TURNS = ("diarization", "exclusive_diarization")
WORDS = "numbered otherwise, which is what tied speakers are ordered by"


def induced(both: Aligned, columns: np.ndarray) -> np.ndarray | None:
    """The numbering of the final clusters that follows from one of AHC's: those that survive VBx, in their order.

    Parameters
    ----------
    columns : (K0,) int64, which of the candidate's clusters is the reference's cluster k

    Returns
    -------
    (K,) int64, the same of the final clusters; None where it does not follow
    """
    sp_final = both.want.get("sp_final")
    if sp_final is None or np.shape(sp_final) != columns.shape or "kmeans_clusters" in both.want:
        return None
    return np.argsort(np.argsort(columns[surviving(sp_final)]))


def decides(both: Aligned, written: Mapping[str, Any], columns: np.ndarray) -> bool:
    """Whether the port's frames, or turns where it left no frames, follow from its own numbering and from no other.

    Parameters
    ----------
    both : under the reference's numbering
    written : the candidate's artefacts before that
    columns : (K,) int64, which of the candidate's final clusters is the reference's cluster k
    """
    labels = _labels(both, written, columns)
    if labels is None:
        return False
    renumbered, own = (_reconstructed(both, hard) for hard in labels)
    return _follow(both, written, own) and not _follow(both, both.got, renumbered)


def _follow(both: Aligned, left: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    """Whether what the port left of an answer is what was made, speakers' names aside; False where it left nothing."""
    found = []
    for frames, turns in zip(FRAMES, TURNS, strict=True):
        if both.both(frames):
            found.append(_equal(made[frames], left[frames]))
        elif turns in left:
            bad = [problem for problem in check_rttm(turns, left[turns]) if not may_be_scored(problem)]
            found.append(not bad and compare_turns(made[turns], left[turns]).same)
    return bool(found) and all(found)


def _labels(both: Aligned, written: Mapping[str, Any], columns: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Hard clusters under the reference's and under the port's numbering; the port's where it left them."""
    want = both.want.get("hard_clusters")
    if want is None or both.want.get("segmentations") is None or both.want.get("count") is None:
        return None
    if both.both("hard_clusters"):
        found = both.got["hard_clusters"], written["hard_clusters"]
    else:
        inside = (want >= 0) & (want < len(columns))
        found = want, np.where(inside, columns[np.where(inside, want, 0)], want).astype(want.dtype)
    most = max(int(want.max(initial=0)) + 1, len(columns))
    return found if all(int(labels.max(initial=0)) < most for labels in found) else None


def _reconstructed(both: Aligned, hard_clusters: np.ndarray) -> dict[str, Any]:
    """What native code makes of labels: frames and turns, under their own names."""
    segmentations, count = (
        both.got[name] if both.both(name) and name not in both.cropped else both.want[name]
        for name in ("segmentations", "count")
    )
    frames = both.want.get(FRAMES[0])
    most = np.inf if frames is None else max(1.0, float(frames.sum(axis=1).max(initial=0.0)))
    made = reconstruct(segmentations, hard_clusters, count, max_speakers=most)
    turns = annotate(*made, min_duration_off=0.0)
    return dict(zip(FRAMES, made, strict=True)) | {n: to_rttm(t, "clip") for n, t in zip(TURNS, turns, strict=True)}


def _equal(made: np.ndarray, written: np.ndarray) -> bool:
    """Whether frames are the same; columns of nobody at the end say nothing."""
    width = max(made.shape[1], written.shape[1])
    if len(made) != len(written):
        return False
    ours, theirs = (np.pad(side, ((0, 0), (0, width - side.shape[1]))) for side in (made, written))
    return np.array_equal(ours, theirs)
