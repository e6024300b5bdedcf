"""Has it got worse?

`cases` makes one list of what a report of `parity run` or `parity compare` judged, `accepted` reads which drift a port
lives with on purpose and until when, `baseline` says what is worse than in an earlier report. `held` puts them
together: the gate of a build server. `releases` puts the reports of every release in a row, and `changelog` says
whether one that got worse owned up to it.
"""

from __future__ import annotations

from parity.history.accepted import Accepted, read_accepted
from parity.history.baseline import Worse, worse_than
from parity.history.cases import Case, Judged, judged_in, read_report
from parity.history.held import Held, held

__all__ = [
    "Accepted",
    "Case",
    "Held",
    "Judged",
    "Worse",
    "held",
    "judged_in",
    "read_accepted",
    "read_report",
    "worse_than",
]
