"""Which layer inside the networks is the first to differ?

`inside` compares every layer of a candidate with a `file` of the reference's; `proof` proves a runtime against the
`samples` that are kept beside each snapshot, its `reference`; `probes` names the mistake that a layer looks like.
"""

from __future__ import annotations

from parity.layers.file import read_layers
from parity.layers.inside import compare_layers
from parity.layers.proof import Proof, load_network, prove, reference_of

__all__ = [
    "Proof",
    "compare_layers",
    "load_network",
    "prove",
    "read_layers",
    "reference_of",
]
