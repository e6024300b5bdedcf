"""Which tables the lab's documents hold, column by column (docs/tables.md); `frames` makes them of results too.

Nothing heavy is imported here: the command line reads the names of tables for its help.
"""

from __future__ import annotations

from parity.report.tables.calibration import CALIBRATE
from parity.report.tables.catalogue import CATALOGUE, STABILITY
from parity.report.tables.comparison import COMPARE
from parity.report.tables.explanations import EXPLAIN
from parity.report.tables.networks import LAYERS, RUNTIMES, VERIFICATION
from parity.report.tables.rnnt import RNNT
from parity.report.tables.run import MARGINS, RUN

KINDS = (RUN, EXPLAIN, COMPARE, CALIBRATE, RNNT, VERIFICATION, RUNTIMES, LAYERS, MARGINS, STABILITY, CATALOGUE)
"""Every kind of document; those that share keys stand in the order in which they are told apart."""

__all__ = [
    "CALIBRATE",
    "CATALOGUE",
    "COMPARE",
    "EXPLAIN",
    "KINDS",
    "LAYERS",
    "MARGINS",
    "RNNT",
    "RUN",
    "RUNTIMES",
    "STABILITY",
    "VERIFICATION",
]
