"""How far apart are two things?

`drift` compares two arrays, `score` two RTTMs (DER), and `tolerances` is the one table of how far an artefact may be
from the reference's.
"""

from __future__ import annotations

from parity.measure.drift import Drift, compare
from parity.measure.score import Score, count, score_rttm
from parity.measure.tolerances import tolerance

__all__ = [
    "Drift",
    "Score",
    "compare",
    "count",
    "score_rttm",
    "tolerance",
]
