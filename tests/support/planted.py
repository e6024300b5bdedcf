"""Faults that calibration is tried on in tests: one that changes the answer, one that changes nothing."""

from __future__ import annotations

import numpy as np

from parity.faults.known.planting import fault


def swap(native, workshop):
    def run(*values):
        hard = native(*values).copy()
        hard[2] = np.where(hard[2] >= 0, 1 - hard[2], hard[2])
        return hard

    return run


SWAPPED = fault("swapped", "assignment", "two speakers of a chunk swapped", swap)
NOTHING = fault("nothing", "scoring", "nothing at all", lambda native, workshop: lambda *v: native(*v))
