"""Does the lab find what was planted?

`trials` plants each known mistake on each fixture and counts what the lab names; `on_dumps` writes it out as a port's
arrays first.
"""

from __future__ import annotations

from parity.calibration.trials import Calibration, calibrate

__all__ = [
    "Calibration",
    "calibrate",
]
