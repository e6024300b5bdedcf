"""What a program declares to do otherwise: it is measured against the native pipeline with that, as a dump is."""

from __future__ import annotations

from parity.ports.dump.deviations import Declared, declared_in
from parity.ports.program.contract import Description


def declared_by(description: Description, name: str) -> Declared:
    """What a program declares, checked.

    Raises
    ------
    InputError : a name, a type or a value that may not be declared; all of them are said
    """
    return declared_in(description.declares, f"{name} describe: declares")
