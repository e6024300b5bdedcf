"""Which tables the lab's documents hold, column by column (docs/reference/tables.md).

`parity.report.frames` makes them of results too. Nothing heavy is imported here: the command line reads the names of
tables for its help.
"""

from __future__ import annotations

from parity.report.tables.benchmarks import BENCH, BENCH_RNNT, SCALE
from parity.report.tables.calibration import CALIBRATE
from parity.report.tables.catalogue import CATALOGUE, STABILITY
from parity.report.tables.comparison import COMPARE
from parity.report.tables.explanations import EXPLAIN
from parity.report.tables.networks import LAYERS, RUNTIMES, VERIFICATION
from parity.report.tables.peers import PEERS
from parity.report.tables.rnnt import RNNT
from parity.report.tables.run import MARGINS, RUN

KINDS = (
    *(RUN, EXPLAIN, COMPARE, MARGINS, CALIBRATE, STABILITY, LAYERS, RUNTIMES, VERIFICATION, CATALOGUE, RNNT),
    *(BENCH, SCALE, BENCH_RNNT, PEERS),
)
"""The tables of every command; of two that a document could be of, the first is taken."""

__all__ = [
    "BENCH",
    "BENCH_RNNT",
    "CALIBRATE",
    "CATALOGUE",
    "COMPARE",
    "EXPLAIN",
    "KINDS",
    "LAYERS",
    "MARGINS",
    "PEERS",
    "RNNT",
    "RUN",
    "RUNTIMES",
    "SCALE",
    "STABILITY",
    "VERIFICATION",
]
