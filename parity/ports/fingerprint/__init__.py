"""What can be said of arrays that nobody may, or can, hand over?

A *fingerprint* is one JSON (docs/reference/fingerprints.md) with shape, dtype, hash, extremes, means and a seeded
sample of every artefact. `record` makes one of a dump, `reading` reads one strictly, `comparison` compares as far as
that goes and says how far it went: only what is the same to the last bit counts as compared.
"""

from __future__ import annotations

from parity.ports.fingerprint.comparison import Side, compare_sides, sides
from parity.ports.fingerprint.reading import is_fingerprint, read_fingerprints
from parity.ports.fingerprint.record import Fingerprint, Spoken, Summary, fingerprint_of, fingerprint_text

__all__ = [
    "Fingerprint",
    "Side",
    "Spoken",
    "Summary",
    "compare_sides",
    "fingerprint_of",
    "fingerprint_text",
    "is_fingerprint",
    "read_fingerprints",
    "sides",
]
