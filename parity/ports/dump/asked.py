"""Dumps as somebody asks about them from Python: one recording, named by its path or by what was read of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from parity.fixtures import Fixture, Snapshot
from parity.ports.dump.checks import check_dump
from parity.ports.dump.comparison import DumpComparison
from parity.ports.dump.reading import Dump, read_dump
from parity.ports.judging import Loading, judge
from parity.sources import DEFAULT_SOURCE

Asked = str | Path | Fixture | Snapshot | Dump
"""The path of a recording's folder or of an RTTM file; a fixture, which is its snapshot; a snapshot; a dump."""


@dataclass(frozen=True)
class Validation:
    """What is wrong with one recording's dump.

    Attributes
    ----------
    artefacts : names of those that are there
    problems : everything that is wrong, one line each
    notes : what was accepted and converted, or passed over, one line each
    """

    artefacts: tuple[str, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def validate(dump: Asked) -> Validation:
    """Everything that is wrong with what a port left on disk of one recording, said at once.

    Parameters
    ----------
    dump : a folder as `docs/reference/dumps.md` describes it, an RTTM file, a dump that was read, or a fixture's own
        snapshot

    Returns
    -------
    validation : `ok`, and `problems` and `notes` in words

    Raises
    ------
    InputError : there is no such folder or file; everything else is in `problems`
    """
    found = _dump_of(dump)
    problems, notes = check_dump(found)
    return Validation(tuple(found.values), tuple(problems), tuple(notes))


def compare(
    reference: Asked,
    candidate: Asked,
    *,
    deviations: str | Path | None = None,
    weights: str = DEFAULT_SOURCE,
    threads: int | None = None,
) -> DumpComparison:
    """One recording's dump against another's, artefact by artefact: exact, equivalent (and by what), or different.

    Parameters
    ----------
    reference, candidate : a recording's folder (a snapshot is one) or RTTM file, or what was read of it; the
        candidate's may hold any subset of the artefacts
    deviations : a file that declares what is done otherwise on purpose, where the candidate cannot hold one
    weights, threads : of the native pipeline, where something is declared that needs them

    Returns
    -------
    comparison : `verdict`, `first_drift`, `artefacts` in the pipeline's order, `declaration` where something is
        declared; its `name` is the candidate folder's

    Raises
    ------
    InputError : one of them cannot be read whole, they have no artefact in common, or what is declared is wrong
    """
    sides = _dump_of(reference), _dump_of(candidate)
    declared = None if deviations is None else Path(deviations)
    name = sides[1].folder.resolve().name
    return judge(name, *sides, Loading(weights, threads), deviations=declared).comparison


def _dump_of(asked: Asked) -> Dump:
    if isinstance(asked, Dump):
        return asked
    if isinstance(asked, Fixture):
        return read_dump(asked.snapshot_folder)
    return read_dump(asked.folder if isinstance(asked, Snapshot) else asked)
