"""What a run says in the end, how far it is from the reference's answer, and how much of that way a patch goes back.

The answer is both RTTMs, line for line. Speakers may be renamed before frames and responsibilities are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy

from parity.community1.annotation import to_rttm
from parity.explain.explanation import Recovery
from parity.measure.score import count, score_rttm
from parity.measure.tolerances import tolerance
from parity.replay.engine import CASCADED
from parity.replay.outcome import TEXTS, URI

# Responsibilities never agree to the last bit; what is within tolerance is not away.
NOTHING = {"responsibilities": tolerance("q_final", CASCADED).max_abs}


@dataclass(frozen=True)
class Answer:
    """What a run says in the end, and what it hung on.

    Attributes
    ----------
    rttm, exclusive_rttm : with the same URI on both sides
    frames, exclusive_frames : (num_frames, speakers) float32, the discrete diarizations; None where nobody speaks
    responsibilities : (T, K0) float64, and the embeddings they belong to, (T,) int64 each; None where VBx did not run
    raised : the stage that raised on the way, so that there is no answer; empty where none did
    """

    rttm: str
    exclusive_rttm: str
    frames: np.ndarray | None
    exclusive_frames: np.ndarray | None
    responsibilities: tuple[np.ndarray, np.ndarray, np.ndarray] | None
    raised: str = ""

    @property
    def speakers(self) -> int:
        """How many the plain output hears."""
        return count(self.rttm)[0]

    def same_as(self, other: Answer) -> bool:
        """Whether both RTTMs are equal, line for line."""
        ours, theirs = ((side.rttm, side.exclusive_rttm, side.raised) for side in (self, other))
        return ours == theirs


@dataclass(frozen=True)
class Distance:
    """How far an answer is from the reference's; None where that cannot be said."""

    frames: float | None
    responsibilities: float | None
    speakers: float
    der: float


def answer_of(made: Mapping[str, Any]) -> Answer:
    """The answer of a cascade."""
    rttm, exclusive = (to_rttm(made.get(name) or [], URI) for name in TEXTS)
    q = made.get("q_final")
    chunk, speaker = made.get("train_chunk_idx"), made.get("train_speaker_idx")
    rows = None if q is None or chunk is None or speaker is None else (q, chunk, speaker)
    if rows is not None and len({len(row) for row in rows}) > 1:
        rows = None  # a port's arrays may contradict each other
    return Answer(rttm, exclusive, made.get("discrete_diarization"), made.get("exclusive_discrete_diarization"), rows)


def distance(found: Answer, reference: Answer) -> Distance:
    """How far an answer is from the reference's."""
    if found.same_as(reference):
        der = 0.0
    else:
        der = max(_der(reference.rttm, found.rttm), _der(reference.exclusive_rttm, found.exclusive_rttm))
    return Distance(
        frames=_most(
            frame_disagreement(found.frames, reference.frames),
            frame_disagreement(found.exclusive_frames, reference.exclusive_frames),
        ),
        responsibilities=responsibility_distance(found.responsibilities, reference.responsibilities),
        speakers=abs(found.speakers - reference.speakers),
        der=der,
    )


@lru_cache(256)
def _der(reference: str, found: str) -> float:
    # Patches by the dozen lead to the same few answers.
    return score_rttm(reference, found).der


def frame_disagreement(found: np.ndarray | None, reference: np.ndarray | None) -> float | None:
    """Share of frames in which another set of people speaks, under the best renaming; None without two of one length.

    Parameters
    ----------
    found, reference : (num_frames, speakers) float32, 0 or 1; the numbers of speakers may differ
    """
    if found is None or reference is None or len(found) != len(reference):
        return None
    return float(np.mean(np.any(best_renaming(found, reference) != _padded(reference, found.shape[1]), axis=1)))


def best_renaming(found: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The columns of `found` in the order that agrees best with `reference`, both padded to the same width."""
    ours, theirs = _padded(found, reference.shape[1]), _padded(reference, found.shape[1])
    rows, columns = scipy.optimize.linear_sum_assignment(theirs.T @ ours, maximize=True)
    return ours[:, columns[np.argsort(rows)]]


def responsibility_distance(
    found: tuple[np.ndarray, np.ndarray, np.ndarray] | None, reference: tuple[np.ndarray, np.ndarray, np.ndarray] | None
) -> float | None:
    """Mean total variation of the responsibilities of the embeddings both sides cluster, under the best renaming."""
    if found is None or reference is None:
        return None
    ours, theirs = _by_row(found), _by_row(reference)
    common = sorted(set(ours) & set(theirs))
    if not common:
        return None
    a, b = np.stack([ours[key] for key in common]), np.stack([theirs[key] for key in common])
    return float(0.5 * np.abs(best_renaming(a, b) - _padded(b, a.shape[1])).sum(axis=1).mean())


def recovery(patched: Distance, error: Distance, away: bool) -> Recovery:
    """1 - patched / error for each distance; the other way round where it is asked how much error came along."""

    def share(name: str) -> float | None:
        gone, whole = getattr(patched, name), getattr(error, name)
        if gone is None or whole is None or whole <= NOTHING.get(name, 0.0):
            return None
        return gone / whole if away else 1.0 - gone / whole

    return Recovery(share("frames"), share("responsibilities"), share("speakers"), share("der"))


def _by_row(rows: tuple[np.ndarray, np.ndarray, np.ndarray]) -> dict[tuple[int, int], np.ndarray]:
    q, chunks, speakers = rows
    return {(int(c), int(s)): row for row, c, s in zip(q, chunks, speakers, strict=True)}


def _most(*values: float | None) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) if known else None


def _padded(columns: np.ndarray, width: int) -> np.ndarray:
    return np.pad(columns, ((0, 0), (0, max(0, width - columns.shape[1]))))
