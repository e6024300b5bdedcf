"""Which mistake was made there, and with which value?

Drift says from where; this room says what. `look_up` plants every known mistake of one stage on what the candidate was
given and asks which of them makes what the candidate made; `of_dump` asks it wherever a dump's drift is born. `result`
is what is said, `apart` how much of a difference a mistake leaves, `advice` what to check first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from parity import handed_on

if TYPE_CHECKING:
    from parity.diagnosis.result import Diagnosis, Left, Mistake, Parameter
else:
    __getattr__ = handed_on(
        __name__, dict.fromkeys(("Diagnosis", "Left", "Mistake", "Parameter"), "parity.diagnosis.result")
    )

__all__ = ["Diagnosis", "Left", "Mistake", "Parameter"]
