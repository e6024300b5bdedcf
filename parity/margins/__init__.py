"""How far is every decision from flipping?

`decisions` lists the kinds of decision and what decides each; `margin` reads off a snapshot how far each stands from
its edge; `perturb` moves arrays by noise of rising size until the answer changes; `precision` says how much of what the
reference says is its own rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import handed_on

if TYPE_CHECKING:
    from parity.margins.margin import Margin, margins
    from parity.margins.perturb import measure_all
else:
    __getattr__ = handed_on(
        __name__,
        {
            "Margin": "parity.margins.margin",
            "margins": "parity.margins.margin",
            "measure_all": "parity.margins.perturb",
        },
    )

__all__ = [
    "Margin",
    "margins",
    "measure_all",
]
