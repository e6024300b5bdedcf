"""What of a candidate is the port's own, and where native code may stand in for its arrays.

Arrays have no code to run on other inputs. Native code may take their place behind a patch only where it was shown to
be what made them: on what the candidate had, it makes the candidate's own array. Where it makes another one the fault
may be in that array's stage, and putting native code there would mend it unseen: the array stands as it is.
What a port did not supply is *native*: it is the lab's own, says nothing of the port, and may hide where a port went
wrong between two of its arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from parity.errors import InputError
from parity.pipeline.stage import Pipeline, Stage

Agrees = Callable[[str, Any, Any], bool]


class Supply:
    """What a candidate supplied.

    Parameters
    ----------
    native, candidate : pipelines of the same stages
    made : artefacts of the candidate's cascade
    agrees : artefact, ours, theirs -> whether they are within tolerance of each other

    Attributes
    ----------
    given : artefacts that were supplied as arrays
    """

    def __init__(self, native: Pipeline, candidate: Pipeline, made: Mapping[str, Any], agrees: Agrees) -> None:
        self._native, self._candidate, self._made, self._agrees = native, candidate, made, agrees
        self.given = frozenset(name for stage in candidate for name in stage.given)
        self._own = {stage.name for stage in candidate if stage.given or stage.run is not native[stage.name].run}
        self._explained: dict[str, bool | None] = {}

    @property
    def by_arrays(self) -> bool:
        """Whether anything was supplied as an array."""
        return bool(self.given)

    def has(self, stage: str) -> bool:
        """Whether a stage is the port's own, array or code; of a candidate that is native throughout, all are."""
        return stage in self._own or not self._own

    def before(self, stage: str) -> tuple[str, ...]:
        """Stages between what a stage reads and the port's own before it, none of which the port supplied, in order.

        What was wrong in one of them shows in this stage's array first. What neither side made is none of them.
        """
        found: set[str] = set()
        left = [stage]
        while left:
            writers = {self._writer(name) for name in self._open(self._native[left.pop()])} - found
            found |= writers
            left += writers
        return tuple(other.name for other in self._native if other.name in found)

    def unread_by_port(self, stage: str) -> tuple[str, ...]:
        """Artefacts that a stage reads and the port did not supply: those that would settle whose fault it is."""
        return tuple(self._open(self._native[stage]))

    def explained(self, stage: Stage) -> bool | None:
        """Whether native code, on what the candidate had, makes the arrays that were given of a stage.

        None where nothing was given of it, or native code cannot be run on what the candidate had.
        """
        if not stage.given:
            return None
        if stage.name not in self._explained:
            self._explained[stage.name] = self._explain(stage)
        return self._explained[stage.name]

    def _explain(self, stage: Stage) -> bool | None:
        if not self._follows_an_array(stage):
            return False  # everything before it is native and within tolerance, so native code makes the reference's
        try:
            made = self._native[stage.name](self._made)
        except InputError:
            return None
        read = [name for name in stage.given if self._is_read(name)]
        return all(self._agrees(name, self._made.get(name), made.get(name)) for name in read or stage.given)

    def _follows_an_array(self, stage: Stage) -> bool:
        seen: set[str] = set()
        left = [stage]
        while left:
            reads = self._reads(left.pop())
            if any(name in self.given or self._writer(name) in self._own for name in reads):
                return True
            writers = {self._writer(name) for name in reads} - seen
            seen |= writers
            left += [self._native[name] for name in writers]
        return False

    def _open(self, stage: Stage) -> list[str]:
        """What a stage reads that is neither an array of the port's nor made by its code, and is there at all."""
        names = [name for name in self._reads(stage) if name not in self.given and self._made.get(name) is not None]
        return [name for name in names if not self._by_code(self._writer(name))]

    def _by_code(self, stage: str) -> bool:
        return stage in self._own and not self._candidate[stage].given

    def _reads(self, stage: Stage) -> list[str]:
        outside = set(self._native.inputs) - set(self._native.feedback)
        return [name for name in stage.reads if name not in outside and name not in stage.gates]

    def _writer(self, artefact: str) -> str:
        written = self._native.feedback.get(artefact, artefact)
        return next(stage.name for stage in self._native if written in stage.writes)

    def _is_read(self, name: str) -> bool:
        return any(name in stage.reads for stage in self._native)


def downstream(pipeline: Pipeline, artefacts: Iterable[str]) -> set[str]:
    """Names of the stages that read any of some artefacts, or what such a stage writes."""
    moved, names, before = set(artefacts), set[str](), -1
    while before != len(names):  # once is enough without a loop, whose first stages read what its last ones wrote
        before = len(names)
        moved |= {read for read, written in pipeline.feedback.items() if written in moved}
        for stage in pipeline:
            if moved & set(stage.needs):
                names.add(stage.name)
                moved |= set(stage.writes)
    return names
