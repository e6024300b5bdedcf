"""Which map fits this folder?

`inventory` lists what lies in it, `matching` compares that with what the lab has of the same recording, `propose` gives
every artefact the array that fits it best, and says of each why, and of what it is unsure; `writing` makes a map of it
that the reader accepts.
"""

from __future__ import annotations

from parity.ports.proposal.propose import Proposal, propose
from parity.ports.proposal.writing import proposal_text

__all__ = ["Proposal", "proposal_text", "propose"]
