"""The pipeline's hyper-parameters, its constants, and the bounds a user may put on the number of speakers."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

from parity.community1.centroids import SURVIVAL
from parity.community1.filtering import MIN_ACTIVE_RATIO
from parity.community1.geometry import STEP_SECONDS
from parity.community1.speaker_counting import HALF
from parity.community1.vbx import INIT_SMOOTHING, STOP_BELOW
from parity.errors import InputError

MOST_SPEAKERS = 127
CONSTANTS = ("chunk_step", "count_threshold", "min_active_ratio", "init_smoothing", "stop_below", "survival")


class Bounds(TypedDict, total=False):
    """What is known beforehand of the number of speakers; what is not there, or None, is not known."""

    num_speakers: int | None
    min_speakers: int | None
    max_speakers: int | None


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What `config.yaml` of `speaker-diarization-community-1` sets, what `apply` takes, and constants of the code.

    Constants are the reference's unless a port declares that it deviates (`parity.ports.dump.deviations`).

    Attributes
    ----------
    threshold : AHC cut, euclidean distance between unit-norm centroids
    fa, fb : VBx scaling of the statistics, and speaker regularisation
    max_iterations : VBx iterations at most (`cluster_vbx` is called with 20)
    min_duration_off : seconds; gaps of one speaker that are shorter are filled
    exclude_overlap : whether embeddings are pooled over frames where the speaker is alone
    num_speakers, min_speakers, max_speakers : None where not known
    chunk_step : seconds from the start of one chunk to that of the next
    count_threshold : the part of a speaker above which one more is counted in a frame
    min_active_ratio : share of a chunk in which a speaker has to be alone to be clustered
    init_smoothing : what VBx's one-hot labels are multiplied by before their softmax
    stop_below : nats; growth of the ELBO below which VBx stops
    survival : prior above which a speaker survives VBx
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
    chunk_step: float = STEP_SECONDS
    count_threshold: float = HALF
    min_active_ratio: float = MIN_ACTIVE_RATIO
    init_smoothing: float = INIT_SMOOTHING
    stop_below: float = STOP_BELOW
    survival: float = SURVIVAL

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
    def configured(self) -> dict[str, Any]:
        """What `config.yaml` and `apply` set, which is what captures record: the constants are the code's own."""
        return {name: value for name, value in asdict(self).items() if name not in CONSTANTS}

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
