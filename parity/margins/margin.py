"""How far every discrete decision of the reference stands from flipping, and how many times the drift that is.

Task: a snapshot, and what a candidate's cascade made of the same clip -> for each kind of decision the smallest margin,
where it is, how many decisions are exact ties; and in units of the drift actually seen there the *headroom*: below 1 it
is decisive. Margins are read off the reference's own values, nothing is replayed. A margin is the distance of the
deciding number from the point where the decision changes, in the number's own unit.
The decisions themselves are in `parity.margins.decisions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.community1 import Parameters
from parity.errors import InputError
from parity.fixtures.lookup import Asked, find_snapshot
from parity.fixtures.snapshot import Snapshot
from parity.fixtures.values import wrong_clusters, wrong_dendrogram
from parity.margins.decisions import KINDS, Kind, Values
from parity.tables import Tabular


@dataclass(frozen=True)
class Margin:
    """The closest call of one kind of decision.

    Attributes
    ----------
    stage, decision : which decision it is
    smallest : distance of the closest decision that is no exact tie; None where there is none
    unit : of that distance
    where : that decision, in words
    decisions : how many of the kind were taken
    ties : how many stand exactly on the edge; the reference breaks those by convention or by accident
    ambiguous : whether it breaks them by accident, so that they may fall otherwise on another CPU
    drift : how far the candidate's deciding number is from the reference's at that decision; None where not known
    headroom : smallest / drift; None where drift is 0 or not known
    least_headroom, least_where : the decision with the least headroom of the kind, which may be another one
    """

    stage: str
    decision: str
    smallest: float | None
    unit: str
    where: str
    decisions: int
    ties: int
    ambiguous: bool = False
    drift: float | None = None
    headroom: float | None = None
    least_headroom: float | None = None
    least_where: str = ""


class Margins(list[Margin], Tabular):
    """The closest call of each kind of decision: a list that can be had as a table."""


def margins(snapshot: Asked, made: Values | None = None) -> Margins:
    """Margins of every decision that the snapshot shows, in the pipeline's order.

    Parameters
    ----------
    snapshot : itself or its folder, a fixture or its name
    made : the candidate's cascade on the same clip; without it there is no drift and no headroom

    Returns
    -------
    margins : `smallest` is in `unit`; the closest call of each kind of decision

    Raises
    ------
    InputError : no fixture has that name, the snapshot cannot be read, or its clusters are numbered as none are
    """
    held = find_snapshot(snapshot)
    _check_numbers(held)
    reference = _with_companions(held)
    found = Margins()
    for kind in KINDS:
        if any(reference.get(name) is None for name in kind.needs) or not kind.applies(reference):
            continue
        found.append(_closest(kind, reference, made))
    return found


def _check_numbers(snapshot: Snapshot) -> None:
    for name, wrong in (("hard_clusters", wrong_clusters), ("dendrogram", wrong_dendrogram)):
        if name in snapshot.values and (said := wrong(snapshot.values[name])):
            raise InputError(f"{snapshot.folder}: {name}: {said}")


def _with_companions(snapshot: Snapshot) -> dict[str, Any]:
    # A capture made elsewhere need not say where it cut: then it is where the pipeline cuts.
    scalars: dict[str, Any] = {"threshold": np.array(Parameters().threshold)}
    scalars |= {key: value for (_, key), value in snapshot.companions.items() if np.ndim(value) == 0}
    return {**scalars, **snapshot.values, "segmentation_gap": snapshot.segmentation_gap}


def _closest(kind: Kind, reference: Values, made: Values | None) -> Margin:
    """The smallest distance that is not zero, and the drift there."""
    quantity = kind.quantity(reference, reference)
    distance = kind.distance(quantity, reference)
    taken = np.isfinite(distance)
    ties = int(np.sum(distance[taken] == 0))
    open_ = np.where(taken & (distance > 0), distance, np.inf)
    counts: dict[str, Any] = {"decisions": int(taken.sum()), "ties": ties, "ambiguous": kind.ambiguous}
    if not np.isfinite(open_).any():
        return Margin(kind.stage, kind.decision, None, kind.unit, "", **counts)
    at = _argmin(open_)
    smallest, place = float(open_[at]), kind.where(at, reference)
    drift = _drift(kind, reference, made, quantity)
    if drift is None:
        return Margin(kind.stage, kind.decision, smallest, kind.unit, place, **counts)
    with np.errstate(divide="ignore"):
        headroom = np.where(np.isfinite(open_), open_ / drift, np.inf)
    least = _argmin(headroom)
    return Margin(
        kind.stage,
        kind.decision,
        smallest,
        kind.unit,
        place,
        **counts,
        drift=float(drift[at]),
        headroom=_finite(headroom[at]),
        least_headroom=_finite(headroom[least]),
        least_where=kind.where(least, reference) if np.isfinite(headroom[least]) else "",
    )


def _drift(kind: Kind, reference: Values, made: Values | None, quantity: np.ndarray) -> np.ndarray | None:
    """How far each deciding number is from the reference's; None where the two sides did not decide the same things."""
    if made is None or any(made.get(name) is None for name in kind.reads):
        return None
    try:
        found = kind.quantity(reference, made)
    except (ValueError, IndexError):  # an implementation's dendrogram may be none; the comparison says so
        return None
    if found.shape != quantity.shape:
        return None
    with np.errstate(invalid="ignore"):
        drift = np.abs(found - quantity)
    # Infinity on both sides: nothing was decided there. NaN on one: as far away as can be.
    return np.where(found == quantity, 0.0, np.where(np.isnan(drift), np.inf, drift))


def _argmin(values: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmin(values)), values.shape))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
