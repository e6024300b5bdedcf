"""The faults that the lab is calibrated on, in the pipeline's order; the protocol is in `parity.faults.fault`.

Each is what somebody porting the pipeline could well write: an option's other default, a step left out, a rounding, a
formula of another toolkit. Each changes one stage and nothing else. Some change nothing that any fixture shows; they
are kept, for a lab that named them would be wrong too.
"""

from __future__ import annotations

from parity.faults.fault import Fault
from parity.faults.known import (
    assignment,
    audio,
    clustering,
    diarization,
    embedding,
    filterbank,
    plda,
    segmentation,
)

FAULTS: list[Fault] = [
    *audio.FAULTS,
    *segmentation.FAULTS,
    *filterbank.FAULTS,
    *embedding.FAULTS,
    *plda.FAULTS,
    *clustering.FAULTS,
    *assignment.FAULTS,
    *diarization.FAULTS,
]
