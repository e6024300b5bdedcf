"""What do runtimes, precisions and file formats of the embedding network cost?

`runtimes` measures speed, drift and DER; `verification` asks whether embeddings still tell who speaks; `conversion`
writes the weights for other libraries and tries what it wrote.
"""

from __future__ import annotations

from parity.embedding.conversion import convert
from parity.embedding.runtimes import Costs, measure_fixture
from parity.embedding.verification import Verification, verify, windows_of

__all__ = [
    "Costs",
    "Verification",
    "convert",
    "measure_fixture",
    "verify",
    "windows_of",
]
