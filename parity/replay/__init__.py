"""What comes out when a pipeline runs against a snapshot?

`engine` runs any pipeline's stages isolated (on the reference's inputs) and cascaded (on its own); a `subject` says
what a pipeline's answer is and what may differ; `outcome` is what a replay of `community-1` says.
"""

from __future__ import annotations

from parity.replay.engine import CASCADED, ISOLATED, replay
from parity.replay.outcome import Replay
from parity.replay.subject import Subject, subject_of

__all__ = [
    "CASCADED",
    "ISOLATED",
    "Replay",
    "Subject",
    "replay",
    "subject_of",
]
