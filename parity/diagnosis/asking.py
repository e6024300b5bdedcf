"""Is a mistake looked up, and why not? The one place in which every command decides it.

A look-up never costs a verdict: what goes wrong in it is said in a line, and the verdict stands. Stages whose mistakes
take the clip, networks and many seconds are looked up only where somebody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from parity.errors import InputError, one_line
from parity.networks.runtime import one_blas_thread
from parity.ports.yardstick import PLDA

if TYPE_CHECKING:  # what looks up is imported where something drifts: half a second, which parity need not wait for
    from parity.diagnosis.result import Diagnosis
    from parity.measure.drift import Drift
    from parity.ports.dump.comparison import Compared
    from parity.ports.dump.reading import Dump
    from parity.ports.judging import AtHand, Judged, Loading

NEVER, LIGHT, ALL = "never", "light", "all"
"""How much is looked up: nothing; what takes a second or two; everything."""


@dataclass(frozen=True)
class Asked:
    """What a look-up came to.

    Attributes
    ----------
    diagnoses : of stages where drift is born, in the pipeline's order
    why_not : why the first of them was not looked up; empty where it was, or nothing drifts
    """

    diagnoses: tuple[Diagnosis, ...] = ()
    why_not: str = ""


@dataclass(frozen=True)
class Effort:
    """How much somebody wants to wait, and what would bring more.

    Attributes
    ----------
    much : `NEVER`, `LIGHT` or `ALL`
    more : what to give so that everything is looked up, such as `--diagnose`
    drawn : whether evidence is collected, for a picture
    """

    much: str = LIGHT
    more: str = "--diagnose"
    drawn: bool = False

    def why_not(self, stage: str, at_hand: bool) -> str:
        """Why a stage is not looked up; empty where it is.

        Parameters
        ----------
        at_hand : whether the weights can be loaded without fetching them
        """
        if self.much == NEVER:
            return "--no-diagnose was given"
        if self.much == ALL:
            return ""
        from parity.diagnosis.of_dump import BUDGETS

        if stage in BUDGETS:
            return f"in {stage} it takes the clip and up to {BUDGETS[stage]:.0f} processor seconds; {self.more} does it"
        if stage in PLDA and not at_hand:
            return f"in {stage} it takes the weights, which are not here yet; {self.more} fetches them"
        return ""


def effort_of(diagnose: bool | None, *, all_of_it: bool, drawn: bool = False, more: str = "--diagnose") -> Effort:
    """How much is looked up.

    Parameters
    ----------
    diagnose : what was asked for; None: nothing was
    all_of_it : whether everything is, where nothing was asked for
    """
    if diagnose is None:
        return Effort(ALL if all_of_it else LIGHT, more, drawn)
    return Effort(ALL if diagnose else NEVER, more, drawn)


def ask_of_dump(judged: Judged, reference: Dump, candidate: Dump, means: Loading | AtHand, effort: Effort) -> Asked:
    """Which known mistake makes what drifts first in a dump."""
    first = judged.comparison.first_drift
    if first is None:
        return Asked()
    gaps = "" if first.drift is None else of_gaps([first.drift])
    if why := effort.why_not(first.stage, means.at_hand) or _of_another_width(first) or gaps:
        return Asked(why_not=why)

    def look() -> tuple[Diagnosis, ...]:
        from parity.diagnosis.evidence import evidence
        from parity.diagnosis.of_dump import diagnose_dump, sides_of
        from parity.faults.families import FAMILIES
        from parity.faults.fault import load_faults

        without = () if effort.much == ALL or means.at_hand else PLDA
        sides, faults = sides_of(judged, reference, candidate, means, without), load_faults()
        found = diagnose_dump(sides, faults, FAMILIES)
        shown = (evidence(sides, one, faults, FAMILIES) if effort.drawn else None for one in found)
        return tuple(replace(one, evidence=picture) for one, picture in zip(found, shown, strict=True))

    return safely(look)


def _of_another_width(first: Compared) -> str:
    """Why embeddings with another number of dimensions are not looked up: nothing known makes any."""
    note = first.drift.note if first.drift is not None else ""
    made = note.partition(", the")[0]
    if first.name != "embeddings" or not made.startswith("shape (") or made.endswith(", 256)"):
        return ""
    return f"embeddings have the {made}, which no known mistake makes: it is another network, or a part of each"


def of_gaps(drifts: Iterable[Drift]) -> str:
    """Why log-probabilities that are out only where the reference's are not recorded are not looked up; else empty."""
    out = [drift for drift in drifts if not drift.within]
    if not out or not all(drift.elsewhere for drift in out):
        return ""
    return f"in {out[0].where} the reference's log-probabilities are not recorded; where they are, yours agree"


def safely(look: Callable[[], tuple[Diagnosis, ...]]) -> Asked:
    """What a look-up finds, or why it found nothing: it costs nobody a verdict."""
    try:
        with one_blas_thread():
            return Asked(look())
    except InputError as error:
        return Asked(why_not=one_line(error))
    except Exception as error:  # the verdict stands without it
        return Asked(why_not=f"the look-up failed ({type(error).__name__}: {one_line(error)}), which is a bug")
