"""The faults that the lab is calibrated on, in the pipeline's order; the protocol is in `parity.faults.fault`.

Each is what somebody porting the pipeline could well write: an option's other default, a step left out, a rounding, a
formula of another toolkit. Each changes one stage and nothing else. Some change nothing that any fixture shows; they
are kept, for a lab that named them would be wrong too.
"""

from __future__ import annotations

from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import without_networks
from parity.faults.fault import Fault
from parity.faults.known import (
    assignment,
    audio,
    bayes,
    clustering,
    counting,
    diarization,
    embedding,
    filterbank,
    filterbanks,
    imposed,
    linkage,
    lstm,
    plda,
    pooling,
    powerset,
    resnet,
    scores,
    segmentation,
    sincnet,
    speakers,
    training,
    turns,
)

_MODULES = (
    audio,
    segmentation,
    powerset,
    lstm,
    sincnet,
    counting,
    filterbank,
    filterbanks,
    embedding,
    pooling,
    resnet,
    training,
    plda,
    clustering,
    linkage,
    bayes,
    speakers,
    imposed,
    assignment,
    scores,
    diarization,
    turns,
)
_STAGES = [stage.name for stage in community1_pipeline(without_networks(), Parameters())]

FAULTS: list[Fault] = sorted(
    (fault for module in _MODULES for fault in module.FAULTS), key=lambda fault: _STAGES.index(fault.stage)
)
