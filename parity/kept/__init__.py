"""What need not be computed again: results of native stages, the networks' above all, kept by content in the cache.

`store` keeps arrays by key, checks them when they are read, and drops the longest unused; `code` says what code a
result depends on; `results` makes keys and counts; `rows` and `stages` are what is put around networks and stages;
`networks` puts it there. What is under test is never taken from here: it is another function, or nothing is kept.
"""

from __future__ import annotations

from parity.kept.networks import kept_networks
from parity.kept.results import Results, results_where
from parity.kept.store import Store

__all__ = ["Results", "Store", "kept_networks", "results_where"]
