"""What of a candidate is the port's own, and where native code may stand in for its arrays.

Arrays have no code to run on other inputs. Native code may take their place behind a patch only where it was shown to
be what made them: on what the candidate had, it makes the candidate's own array. Where it makes another one the fault
may be in that array's stage, and putting native code there would mend it unseen: the array stands as it is. It is asked
under the reference's conventions and, where these were undone, of the arrays as the port wrote them: tied speakers and
names of turns follow the port's own numbers, and its arrays have its own lengths.
What a port did not supply is *native*: it is the lab's own, says nothing of the port, and may hide where a port went
wrong between two of its arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from parity.errors import InputError
from parity.pipeline.stage import Artefacts, Pipeline, Stage

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
        self._inputs = {name: made[name] for name in native.inputs if name in made}
        self.given = frozenset(name for stage in candidate for name in stage.given)
        self._own = {stage.name for stage in candidate if stage.given or stage.run is not native[stage.name].run}
        self._explained: dict[tuple[str, bool], bool | None] = {}

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

    @cached_property
    def conditions(self) -> tuple[str, ...]:
        """Artefacts that the port did not supply and by whose native values stages do not run that it did run."""
        ran = (self._native[stage.name].when for stage in self._candidate if stage.given)
        closed = [when for when in ran if when is not None and not when.holds(self._made)]
        return tuple(dict.fromkeys(name for when in closed for name in when.reads if name not in self.given))

    def unread_by_port(self, stage: str) -> tuple[str, ...]:
        """Artefacts that a stage reads and the port did not supply: those that would settle whose fault it is."""
        return tuple(self._open(self._native[stage]))

    def explained(self, stage: Stage, *, whole: bool = False) -> bool | None:
        """Whether native code, on what the candidate had, makes the arrays that were given of a stage.

        None where nothing was given of it, or native code cannot be run on what the candidate had.

        Parameters
        ----------
        whole : also those that no later stage reads
        """
        if not stage.given:
            return None
        if (stage.name, whole) not in self._explained:
            self._explained[stage.name, whole] = self._explain(stage, whole)
        return self._explained[stage.name, whole]

    def _explain(self, stage: Stage, whole: bool) -> bool | None:
        if not self._follows_an_array(stage):
            return False  # everything before it is native and within tolerance, so native code makes the reference's
        read = [name for name in stage.given if self._is_read(name)]
        names = stage.given if whole else read or stage.given
        found = self._makes(stage, names, self._made)
        return found if found or not self._written else self._makes(stage, names, self._written) or found

    def _makes(self, stage: Stage, names: Iterable[str], had: Mapping[str, Any]) -> bool | None:
        """Whether native code on what the candidate had makes some artefacts of it; None where it cannot be run."""
        if self.conditions and not self._reached(self._native[stage.name], had):
            return None  # native code stops before it, for a reason that the port did not supply
        try:
            made = self._native[stage.name](had)
        except InputError:
            return None
        return all(self._agrees(name, had.get(name), made.get(name)) for name in names)

    @cached_property
    def _written(self) -> Artefacts:
        """The cascade of what the port wrote as it wrote it; empty where no convention was undone."""
        patches = {name: value for stage in self._candidate for name, value in stage.written.items()}
        if all(same(value, self._made.get(name)) for name, value in patches.items()):
            return {}
        return self._candidate.run(self._inputs, patches=patches, raised=[])

    @staticmethod
    def _reached(stage: Stage, had: Mapping[str, Any]) -> bool:
        holds = stage.when is None or stage.when.holds(had)
        return holds and all(had.get(name) is not None for name in stage.reads)

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


def same(ours: Any, theirs: Any) -> bool:
    """Whether two artefacts are one value; series of chunks are not looked into."""
    if isinstance(ours, np.ndarray) and isinstance(theirs, np.ndarray):
        return np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f")
    return ours is theirs or (isinstance(ours, list) and ours == theirs)


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
