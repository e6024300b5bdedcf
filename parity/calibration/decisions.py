"""Which planted faults do the decision cases catch, without any network, and how fast?

A fault touches a decision where cases are about its stage and it needs no weights to be planted. Each is put to the
cases of its stage only, as somebody who works on that stage would ask them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, cast

from parity.community1 import Parameters
from parity.community1.networks import without_networks
from parity.faults.fault import Fault, Workshop
from parity.fixtures.decisions import DecisionCase
from parity.pipeline import Pipeline
from parity.replay.decisions import ask
from parity.sources import WeightSet


@dataclass(frozen=True)
class Caught:
    """One fault against the cases of its stage.

    Attributes
    ----------
    fault : the fault
    asked : how many cases were put
    cases : those that it answers otherwise than the reference, in order
    seconds : wall time of asking them all
    """

    fault: Fault
    asked: int
    cases: tuple[DecisionCase, ...]
    seconds: float


def catch(faults: Iterable[Fault], cases: tuple[DecisionCase, ...]) -> list[Caught]:
    """Put the cases to every fault that touches a decision, in the order of the faults."""
    stages = {case.pipeline_stage for case in cases}
    found = [_catch(fault, cases) for fault in faults if fault.stage in stages]
    return [one for one in found if one is not None]


def _catch(fault: Fault, cases: tuple[DecisionCase, ...]) -> Caught | None:
    """None where the fault wants weights: it lies in a network."""
    mine = [case for case in cases if case.pipeline_stage == fault.stage]
    started = time.perf_counter()
    try:
        answers = [ask(case, partial(_planted, fault, case)) for case in mine]
    except _WantsWeights:
        return None
    seconds = time.perf_counter() - started
    return Caught(fault, len(mine), tuple(found.case for found in answers if not found.agrees), seconds)


def _planted(fault: Fault, case: DecisionCase, native: Pipeline) -> Pipeline:
    workshop = Workshop(cast(WeightSet, _NoWeights()), without_networks(), Parameters(**case.parameters))
    return fault.plant(native, workshop)


class _WantsWeights(Exception):
    pass


class _NoWeights:
    def __getattr__(self, name: str) -> NoReturn:
        raise _WantsWeights(name)


def summary(caught: Iterable[Caught]) -> dict[str, Any]:
    """How many faults were asked, how many were caught, and how long that took in all."""
    caught = list(caught)
    return {
        "faults": len(caught),
        "caught": sum(bool(one.cases) for one in caught),
        "milliseconds": 1000 * sum(one.seconds for one in caught),
    }
