"""What a port in any language left on disk: read strictly, checked completely, compared up to convention.

`docs/reference/dumps.md` is the format, written for somebody who has never seen this code. `reading` reads a folder,
whose bytes are read in `parity.files`; `checks` says all that is wrong with it; `conventions` brings a dump to the
reference's numbering (`aligned`, with the parts `local_speakers`, `training`, `clusters`, `tied`); `given` hands it on
as stages' output; `overlap` compares what has another length, `turns` RTTM; `probes` guesses what a gross mismatch is,
`doubts` asks whether dump or reference is suspect, `comparison` gives the verdicts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import handed_on

if TYPE_CHECKING:
    from parity.ports.dump.checks import check_dump
    from parity.ports.dump.comparison import DumpComparison, compare_dumps
    from parity.ports.dump.reading import Dump, dumps_below, read_dump
else:
    __getattr__ = handed_on(
        __name__,
        {
            "Dump": "parity.ports.dump.reading",
            "DumpComparison": "parity.ports.dump.comparison",
            "check_dump": "parity.ports.dump.checks",
            "compare_dumps": "parity.ports.dump.comparison",
            "dumps_below": "parity.ports.dump.reading",
            "read_dump": "parity.ports.dump.reading",
        },
    )

__all__ = [
    "Dump",
    "DumpComparison",
    "check_dump",
    "compare_dumps",
    "dumps_below",
    "read_dump",
]
