"""What became of a deviation on purpose: what was declared, what it costs, and what of it a dump does not show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from parity.ports.dump.turns import TurnDifference


@dataclass(frozen=True)
class Declaration:
    """A deviation that a recording was judged with.

    Attributes
    ----------
    declared, instead : by name, what is declared and what the reference has there
    artefacts : those that were measured against the native pipeline with what is declared; the others against the
        reference's own
    cost : the answer with what is declared against the reference's; None where the reference has no RTTM
    seconds : wall time that the native pipeline took for it
    network_chunks : chunks that went through each network for it; empty where none had to run
    unshown : declared values that the dump plainly does not show, one sentence each
    """

    declared: Mapping[str, Any]
    instead: Mapping[str, Any]
    artefacts: tuple[str, ...]
    cost: TurnDifference | None
    seconds: float = 0.0
    network_chunks: Mapping[str, int] = field(default_factory=dict)
    unshown: tuple[str, ...] = ()
