"""How is a program in any language driven, one stage at a time?

`describe` asks an executable what it is, a `Program` runs its stages, by a call each or through its server, on arrays
in files, within a time limit, and judges what came back; what fails is a `ProgramFailed` that names the stage, how the
program ended, and the last lines of its log. The contract is in docs/reference/program.md.
"""

from __future__ import annotations

from parity.ports.program.contract import PROTOCOL, Description
from parity.ports.program.failures import ProgramFailed
from parity.ports.program.program import STAGE_TIMEOUT, Account, Cost, Program

__all__ = [
    "PROTOCOL",
    "STAGE_TIMEOUT",
    "Account",
    "Cost",
    "Description",
    "Program",
    "ProgramFailed",
]
