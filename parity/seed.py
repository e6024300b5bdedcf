"""The fourteen recordings that this bench answers to: their names, and the counts pinned for them.

Most of their audio may not be redistributed, so none of them is part of this project; whoever has the folder of their
captures has it replayed (`parity run --snapshots DIR`). Captures were made with the official weights, in float32, with
pyannote.audio 4.0.4. Names are those of the bench's own fixtures (Findit-AI/diarization, MIT or Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterable

Counts = tuple[int, int]
"""Speakers, segments."""

PINNED: dict[str, Counts | None] = {
    "01_dialogue": None,
    "02_pyannote_sample": (2, 13),
    "03_dual_speaker": None,
    "04_three_speaker": None,
    "05_four_speaker": None,
    "06_long_recording": (3, 346),
    "07_yuhewei_dongbei_english": (2, 7),
    "08_luyu_jinjing_freedom": (3, 448),
    "09_mrbeast_dollar_date": (8, 468),
    "10_mrbeast_clean_water": (7, 115),
    "11_mrbeast_age_race": (6, 576),
    "12_mrbeast_schools": (15, 227),
    "13_mrbeast_saved_animals": (11, 296),
    "14_mrbeast_strongman_robot": (4, 343),
}
"""What pyannote.audio 4.0.4 makes of each with the official weights; None: nobody published the counts."""

CAPTURED_WITH = "the official float32 weights"


def among(names: Iterable[str], others: Iterable[str]) -> bool:
    """Whether recordings are the seed's: one bears a name that only the seed has.

    Parameters
    ----------
    names : of the recordings that a folder holds
    others : names that this project's own catalogue has too
    """
    return bool(set(names) & set(PINNED) - set(others))
