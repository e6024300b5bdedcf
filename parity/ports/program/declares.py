"""What a program declares to do otherwise: it is measured against the native pipeline with that, as a dump is."""

from __future__ import annotations

from dataclasses import replace

from parity.community1.networks import Networks
from parity.fixtures.prepare import Prepared
from parity.ports.dump.declaration import Declaration
from parity.ports.dump.deviations import Declared, declared_in
from parity.ports.judging import as_declared, declaration
from parity.ports.program.contract import Description
from parity.ports.python import Implementation
from parity.ports.yardstick import Means, yardstick


def declared_by(description: Description, name: str) -> Declared:
    """What a program declares, checked.

    Raises
    ------
    InputError : a name, a type or a value that may not be declared; all of them are said
    """
    return declared_in(description.declares, f"{name} describe: declares")


def as_it_declares(
    ready: Prepared, implementation: Implementation, networks: Networks
) -> tuple[Prepared, Declaration | None]:
    """A fixture as a program has to be measured on it, and what it declared; the same and None where that is nothing.

    Parameters
    ----------
    networks : the native ones, which run where what is declared changes what they hear

    Raises
    ------
    InputError : what is declared contradicts what the fixture sets
    """
    program = implementation.program
    if program is None or not program.description.declares:
        return ready, None
    declared = declared_by(program.description, program.name)
    means = Means(lambda: networks, lambda: networks.plda, lambda: ready.inputs["waveform"])
    found = yardstick(ready.snapshot, ready.parameters, declared, means, program.name)
    if found is None:
        return ready, None
    return replace(as_declared(ready, found), stability=None), declaration(found)
