"""Arrays on disk as an implementation under test: what a port in another language wrote, in place of stages.

Task: a dump (docs/reference/dumps.md), any subset of the artefacts -> the native pipeline in which those artefacts
are what the port made. Stages of which nothing was given run natively on what the port made. A stage whose output is
given has no code to run on other inputs: it has no isolated replay, and behind a patch the native stage runs in its
place.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from parity.community1 import Networks
from parity.errors import InputError, first_of
from parity.fixtures.prepare import Prepared
from parity.fixtures.standing import Standing
from parity.measure import verdicts
from parity.pipeline import ARTEFACTS, ChunkSeries, Pipeline, Stage
from parity.ports.dump.checks import check_dump
from parity.ports.dump.comparison import DumpComparison, compare_dumps
from parity.ports.dump.declaration import Declaration
from parity.ports.dump.deviations import FILE
from parity.ports.dump.given import Given, as_artefact, given_values
from parity.ports.dump.reading import Dump, read_dump
from parity.ports.dump.rttm import may_be_scored
from parity.ports.judging import Judged, as_declared, declaration, declared_of, judge, means_of
from parity.ports.python import NATIVE, Implementation
from parity.ports.yardstick import Means, yardstick
from parity.replay.subject import Outcome


@dataclass(frozen=True)
class Supplied:
    """What a port supplied of one fixture, and the fixture as it is measured.

    Attributes
    ----------
    ready : with the yardstick in place of the snapshot where something is declared
    values : arrays in place of stages; None where none were given
    comparison : the arrays against the reference, as `parity compare` has it; None where none were given, or the
        reference has nothing of what they are
    declaration : what is done otherwise on purpose; None where nothing is
    required : artefacts that have to be among the arrays, or `all`
    folder : of the arrays, where somebody named one
    dumps : the reference and the arrays as they were read, where they were compared
    judged : what became of that
    """

    ready: Prepared
    values: Given | None = None
    comparison: DumpComparison | None = None
    declaration: Declaration | None = None
    required: tuple[str, ...] = ()
    folder: Path | None = None
    dumps: tuple[Dump, Dump] | None = None
    judged: Judged | None = None

    @property
    def lacking(self) -> tuple[str, ...]:
        """Artefacts that had to be among the arrays and were not."""
        if self.values is None:
            return ()
        held = [name for name in ARTEFACTS if name in self.ready.snapshot.values]
        return verdicts.lacking((), held, self.required) if self.comparison is None else self.comparison.lacking

    def verdict(self, outcome: Outcome, *, changed: bool = False, truth: Mapping[str, Standing] | None = None) -> str:
        """One word for the fixture, of `parity.measure.verdicts`: of the arrays what `compare` says, and of the replay.

        Native code that raises on arrays which are wrong says nothing more of the port than that they are.

        Parameters
        ----------
        outcome : of the replay with what was supplied
        changed : whether the answer is known to be another, line for line
        truth : how the artefacts of that replay stand against the truth; None where there is none
        """
        compared = verdicts.PARITY if self.comparison is None else self.comparison.verdict
        if compared in (verdicts.DRIFT, verdicts.INCONCLUSIVE):
            return compared
        if changed or not outcome.at_parity:
            if outcome.raised:
                return verdicts.RAISES
            return verdicts.NO_WORSE if not changed and outcome.no_worse(truth) else verdicts.DRIFT
        if compared != verdicts.PARITY:
            return compared
        if self.lacking:
            return verdicts.LIMITED
        return verdicts.PARITY if self.declaration is None else verdicts.DECLARED


def supplied_by(
    ready: Prepared,
    networks: Networks,
    implementation: Implementation = NATIVE,
    *,
    arrays: Path | None = None,
    required: tuple[str, ...] = (),
    deviations: Path | None = None,
) -> Supplied:
    """What a port supplied: arrays, and what it does otherwise on purpose.

    Parameters
    ----------
    networks : the native ones, for what is declared
    implementation : what is under test; a program may declare something, and one that has no stages is run on the clip,
        and judged by the arrays that it leaves
    arrays : a recording's folder
    required : artefacts that have to be among the arrays, or `all`; the answer where nothing is named
    deviations : a file that declares for what cannot hold one

    Raises
    ------
    InputError : the folder cannot be read whole, what is declared is wrong, or arrays are given and the implementation
        leaves some of its own
    """
    program, typed, declares = implementation.program, arrays, implementation.declares
    if program is not None and not program.description.stages:
        if arrays is not None:
            raise InputError(f"--arrays {arrays}: {implementation.name} leaves arrays of its own; give one of the two")
        arrays = program.dump(ready.fixture.clip())
    dump = None if arrays is None else _read(arrays)
    means = means_of(networks, networks.plda, ready.inputs)
    if dump is None or not set(dump.values) & set(ready.snapshot.values):
        declared = declared_of(dump, deviations) or declares
        found = yardstick(ready.snapshot, ready.parameters, declared, means, str(deviations or FILE))
        said = None if found is None else declaration(found)
        return Supplied(
            as_declared(ready, found), None if dump is None else _as_it_is(dump), None, said, required, arrays
        )
    reference = read_dump(ready.snapshot.folder)
    return supplied_dump(
        ready,
        reference,
        dump,
        lambda reference: means,
        required=required,
        deviations=deviations,
        declares=declares,
        folder=typed,
    )


def supplied_dump(
    ready: Prepared,
    reference: Dump,
    dump: Dump,
    means: Callable[[Dump], Means],
    *,
    required: tuple[str, ...] = (),
    deviations: Path | None = None,
    declares: Mapping[str, Any] | None = None,
    folder: Path | None = None,
) -> Supplied:
    """Arrays that were read, compared with their reference and put in its conventions: what every command judges.

    Parameters
    ----------
    reference : the snapshot, read as a dump
    means, required, deviations, declares : see `parity.ports.judging.judge`
    folder : that somebody named

    Raises
    ------
    InputError : what is declared is wrong
    """
    judged = judge(
        ready.fixture.name,
        reference,
        dump,
        means,
        required=required,
        deviations=deviations,
        declares=declares,
        before=ready.parameters,
    )
    comparison, measured = judged.comparison, as_declared(ready, judged.yardstick)
    values = given_in_place(dump, measured.snapshot.values, comparison)
    return Supplied(measured, values, comparison, comparison.declaration, required, folder, (reference, dump), judged)


def _read(folder: Path) -> Dump:
    """A dump in which whatever can be compared is; what is out of form the comparison says."""
    if not folder.is_dir():
        raise InputError(f"--arrays {folder}: not a folder; expected one with the files of a snapshot in it")
    dump = read_dump(folder)
    if dump.problems:
        raise InputError(f"--arrays {first_of(dump.problems)}")
    if not dump.values:
        raise InputError(f"--arrays {folder}: holds no artefact, only what lies beside them")
    return dump


def _as_it_is(dump: Dump) -> Given:
    return Given({name: as_artefact(dump, name, value) for name, value in dump.values.items()})


def given_in_place(dump: Dump, held: Container[str], comparison: DumpComparison) -> Given:
    """What was compared, under the reference's conventions; as it is, what the reference does not hold."""
    alone = {name: as_artefact(dump, name, value) for name, value in dump.values.items() if name not in held}
    given = given_values(comparison, dump)
    return Given(alone | given, alone | given.written)


def read_arrays(folder: Path, reference: Path | None = None) -> Given:
    """The artefacts that a port left in a folder.

    Parameters
    ----------
    reference : the snapshot's folder, whose conventions they are brought to, as `parity compare` does it; None: as
        the port wrote them

    Raises
    ------
    InputError : there is no folder or nothing in it, or `parity validate` finds anything wrong with it but turns that
        overlap; all of it is said
    """
    if not folder.is_dir():
        raise InputError(f"--arrays {folder}: not a folder; expected one with the files of a snapshot in it")
    dump = read_dump(folder)
    problems, _ = check_dump(dump)
    if wrong := [problem for problem in problems if not may_be_scored(problem)]:
        count = f"{len(wrong)} things are wrong: " if len(wrong) > 1 else ""
        raise InputError(f"--arrays {folder}: {count}{'; '.join(wrong)}")
    if not dump.values:
        raise InputError(f"--arrays {folder}: holds no artefact, only what lies beside them")
    theirs = None if reference is None else read_dump(reference)
    if theirs is None or not set(dump.values) & set(theirs.values):
        return _as_it_is(dump)
    return given_in_place(dump, theirs.values, compare_dumps(folder.name, theirs, dump))


def with_arrays(pipeline: Pipeline, values: Mapping[str, Any]) -> Pipeline:
    """The pipeline with artefacts that are what they are, whatever the stages before them made.

    Parameters
    ----------
    values : of a `Given`, what the port wrote goes along, so that its stages can be asked in its own numbering
    """
    as_written = values.written if isinstance(values, Given) else {}
    for stage in pipeline:
        given = {name: values[name] for name in stage.writes if name in values}
        if given:
            whole = "fbank" in given and "embeddings" not in values
            give = partial(_give_every_chunk if whole else _give, stage, given)
            written = {name: as_written[name] for name in given if name in as_written}
            pipeline = pipeline.replacing(stage.name, give, given=tuple(given), written=written)
            if stage.when is not None and not set(stage.when.reads) & set(values):
                # The port ran it: what native code makes of what it did not supply has no say in whether it does.
                pipeline = pipeline.with_stages(
                    replace(other, unreached=given) if other.name == stage.name else other for other in pipeline
                )
    return pipeline


def _give_every_chunk(stage: Stage, given: Mapping[str, Any], chunk_waveforms: ChunkSeries) -> Any:
    """A filterbank from which embeddings are to be made: nobody can make up the chunks that are not there."""
    chunks, total = given["fbank"].chunks, len(chunk_waveforms)
    if not np.array_equal(chunks, np.arange(total)):
        raise InputError(
            f"--arrays: fbank is given for {len(chunks)} chunks, {chunks[:6].tolist()}…, of {total}, so embeddings "
            "have to be given too"
        )
    return _give(stage, given, chunk_waveforms)


def _give(stage: Stage, given: Mapping[str, Any], *reads: Any) -> Any:
    missing = [name for name in stage.writes if name not in given]
    made: dict[str, Any] = {}
    if missing:
        results = stage.run(*reads)
        made = dict(zip(stage.writes, results if len(stage.writes) > 1 else (results,), strict=True))
    written = tuple(given.get(name, made.get(name)) for name in stage.writes)
    return written if len(stage.writes) > 1 else written[0]
