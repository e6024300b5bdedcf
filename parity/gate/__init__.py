"""Is it at parity? The main job.

`gate` replays fixtures and says parity or drift of each; `recorded` does it for captures made elsewhere, from whatever
of them is at hand; `details` are the numbers that a report shows beyond the verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import handed_on

if TYPE_CHECKING:
    from parity.gate.details import Details
    from parity.gate.gate import FixtureResult, run_fixtures
    from parity.gate.recorded import Recorded
    from parity.measure.verdicts import DRIFT, PARITY
else:
    __getattr__ = handed_on(
        __name__,
        {
            "DRIFT": "parity.measure.verdicts",
            "Details": "parity.gate.details",
            "FixtureResult": "parity.gate.gate",
            "PARITY": "parity.measure.verdicts",
            "Recorded": "parity.gate.recorded",
            "run_fixtures": "parity.gate.gate",
        },
    )

__all__ = [
    "DRIFT",
    "PARITY",
    "Details",
    "FixtureResult",
    "Recorded",
    "run_fixtures",
]
