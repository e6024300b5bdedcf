"""Which mistakes do people make?

`fault` is the protocol of one, `known` the dictionary of realistic porting mistakes that the lab is calibrated on and
looks up when it names one.
"""

from __future__ import annotations

from parity.faults.fault import Fault, Workshop, load_faults, planted

__all__ = [
    "Fault",
    "Workshop",
    "load_faults",
    "planted",
]
