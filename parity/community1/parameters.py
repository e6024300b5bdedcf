"""The pipeline's hyper-parameters and the bounds a user may put on the number of speakers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypedDict

from parity.errors import InputError

MOST_SPEAKERS = 127


class Bounds(TypedDict, total=False):
    """What is known beforehand of the number of speakers; what is not there, or None, is not known."""

    num_speakers: int | None
    min_speakers: int | None
    max_speakers: int | None


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What `config.yaml` of `speaker-diarization-community-1` sets, and what `apply` takes.

    Attributes
    ----------
    threshold : AHC cut, euclidean distance between unit-norm centroids
    fa, fb : VBx scaling of the statistics, and speaker regularisation
    max_iterations : VBx iterations at most (`cluster_vbx` is called with 20)
    min_duration_off : seconds; gaps of one speaker that are shorter are filled
    exclude_overlap : whether embeddings are pooled over frames where the speaker is alone
    num_speakers, min_speakers, max_speakers : None where not known
    """

    threshold: float = 0.6
    fa: float = 0.07
    fb: float = 0.8
    max_iterations: int = 20
    min_duration_off: float = 0.0
    exclude_overlap: bool = True
    num_speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None

    def __post_init__(self) -> None:
        for name in ("num_speakers", "min_speakers", "max_speakers"):
            value = getattr(self, name)
            if value is not None and not 1 <= value <= MOST_SPEAKERS:
                raise InputError(
                    f"{name}={value}: the number of speakers is at least 1 and at most {MOST_SPEAKERS}, the most that "
                    "the reference's int8 clusters number; leave it out where it is not known"
                )
        low, high = self.speaker_bounds
        if low > high:
            raise InputError(f"min_speakers={low} exceeds max_speakers={high}")

    @property
    def speaker_bounds(self) -> tuple[int, float]:
        """Fewest and most speakers; a given number is both (`set_num_speakers`, utils/diarization.py)."""
        low = self.num_speakers or self.min_speakers or 1
        high = self.num_speakers or self.max_speakers or math.inf
        return low, high

    def forced_count(self, automatic: int) -> int | None:
        """The number of clusters that KMeans must make, or None where the automatic one will do.

        Source: `VBxClustering.__call__` in pyannote/audio/pipelines/clustering.py.
        """
        low, high = self.speaker_bounds
        forced = low if low == high else None
        if automatic < low:
            forced = low
        elif automatic > high:
            forced = int(high)
        return forced if forced and forced != automatic else None
