"""Why is it not the same: where was drift born, what decided the answer, which elements carry it?

`localise` asks; `verdict` says of each stage whether drift is *born* in it or inherited; `patching` replaces stages by
the reference's to see which *decides*; `elements` and `delta` find the fewest rows that do; `case` keeps them as a
regression case; `memo` sees to it that nothing runs twice; `explanation` is the answer as data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import handed_on

if TYPE_CHECKING:
    from parity.explain.case import run_case, write_case
    from parity.explain.explanation import Explanation
    from parity.explain.localise import ask, explain
    from parity.explain.patching import Patching
else:
    __getattr__ = handed_on(
        __name__,
        {
            "Explanation": "parity.explain.explanation",
            "Patching": "parity.explain.patching",
            "ask": "parity.explain.localise",
            "explain": "parity.explain.localise",
            "run_case": "parity.explain.case",
            "write_case": "parity.explain.case",
        },
    )

__all__ = [
    "Explanation",
    "Patching",
    "ask",
    "explain",
    "run_case",
    "write_case",
]
