"""Does the lab find what was planted?

`faults` are realistic porting mistakes, `fault` is their protocol, `trials` plants each on each fixture and counts what
the lab names.
"""

from __future__ import annotations

from parity.calibration.fault import Fault, load_faults
from parity.calibration.trials import Calibration, calibrate

__all__ = [
    "Calibration",
    "Fault",
    "calibrate",
    "load_faults",
]
