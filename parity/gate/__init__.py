"""Is it at parity? The main job.

`gate` replays fixtures and says parity or drift of each; `recorded` does it for captures made elsewhere, from whatever
of them is at hand; `details` are the numbers that a report shows beyond the verdict.
"""

from __future__ import annotations

from parity.gate.details import Details
from parity.gate.gate import FixtureResult, run_fixtures
from parity.gate.recorded import Recorded
from parity.measure.verdicts import DRIFT, PARITY

__all__ = [
    "DRIFT",
    "PARITY",
    "Details",
    "FixtureResult",
    "Recorded",
    "run_fixtures",
]
