"""Runs on disk: `DIR/ROW/FIXTURE/diarization.rttm`, which the lab's own commands read, and how it was made beside it.

The record is a hidden file, so that `parity compare fixtures DIR/ROW` sees a tree of dumps. A run that is there is
taken again only if it was asked the same question: the same clip, requirements, options, threads and weights.
"""

from __future__ import annotations

import json
from pathlib import Path

from parity.errors import InputError
from parity.files import writing_folder
from peers.running import NUMBERS, Run, read_answer

RTTM = "diarization.rttm"
RECORD = ".run.json"


def keep(folder: Path, run: Run, question: dict) -> None:
    """Write a run, whole or not at all; one already there is replaced.

    Parameters
    ----------
    folder : of the row and the fixture
    question : what decides the answer, as plain data
    """
    record = {"question": question, **{key: getattr(run, key) for key in NUMBERS}, "packages": run.packages}
    with writing_folder(folder, replace=True) as temporary:
        (temporary / RTTM).write_text(run.rttm, encoding="utf-8")
        (temporary / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def kept(folder: Path, question: dict) -> Run | None:
    """The run that is there, if it answers this question; None if there is none, or another's.

    Raises
    ------
    InputError : a record is there and cannot be read
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record.pop("question") != question:
            return None
        rttm = (folder / RTTM).read_text(encoding="utf-8")
        return read_answer(str(path), json.dumps({**record, "rttm": rttm}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: no record of a run ({error}); remove {folder} to run it again") from None
