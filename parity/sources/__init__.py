"""Where do weights and audio come from?

`distributions` fetches pinned packages and keeps single members of them, checked by hash; `weights` makes weight sets
of them, of the official repository, or of a local folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import handed_on

if TYPE_CHECKING:
    from parity.sources.distributions import fetch
    from parity.sources.weights import DEFAULT_SOURCE, WeightSet, load_weights
else:
    __getattr__ = handed_on(
        __name__,
        {
            "DEFAULT_SOURCE": "parity.sources.weights",
            "WeightSet": "parity.sources.weights",
            "fetch": "parity.sources.distributions",
            "load_weights": "parity.sources.weights",
        },
    )

__all__ = [
    "DEFAULT_SOURCE",
    "WeightSet",
    "fetch",
    "load_weights",
]
