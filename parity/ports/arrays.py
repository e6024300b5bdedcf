"""Arrays on disk as an implementation under test: what a port in another language wrote, in place of stages.

Task: a dump (docs/reference/dumps.md), any subset of the artefacts -> the native pipeline in which those artefacts
are what the port made. Stages of which nothing was given run natively on what the port made. A stage whose output is
given has no code to run on other inputs: it has no isolated replay, and behind a patch the native stage runs in its
place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError
from parity.pipeline import ChunkSeries, Pipeline, Stage
from parity.ports.dump.checks import check_dump
from parity.ports.dump.comparison import compare_dumps
from parity.ports.dump.given import Given, as_artefact, given_values
from parity.ports.dump.reading import read_dump
from parity.ports.dump.rttm import may_be_scored


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
    if reference is None:
        return Given({name: as_artefact(dump, name, value) for name, value in dump.values.items()})
    theirs = read_dump(reference)
    alone = {n: as_artefact(dump, n, value) for n, value in dump.values.items() if n not in theirs.values}
    if len(alone) == len(dump.values):
        return Given(alone)
    given = given_values(compare_dumps(folder.name, theirs, dump), dump)
    return Given(alone | given, alone | given.written)


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
