"""Speaker embeddings of one or several recordings as one `.npz` file, readable without pickles.

Convention: arrays of one length, row by row: `recording` and `speaker` text, `embeddings` (n, 256) float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from parity.answers.diarization import Diarization
from parity.errors import InputError
from parity.files import writing_file
from parity.networks.wespeaker.architecture import EMBEDDING_DIM

ENDING = ".npz"


def check_voices_file(path: Path) -> None:
    """Refuse another ending, before any work is done.

    Raises
    ------
    InputError : it does not end in `.npz`
    """
    if path.suffix != ENDING:
        raise InputError(f"--embeddings {path}: ends in {path.suffix or 'nothing'!r}, expected {ENDING}")


def write_voices(path: Path, answers: Sequence[tuple[str, Diarization]]) -> None:
    """Write the embeddings of recordings, whole or not at all.

    Parameters
    ----------
    path : ends in `.npz`; replaced if there
    answers : name and answer of each recording

    Raises
    ------
    InputError : another ending, a disk that is full, a folder that cannot be written
    """
    check_voices_file(path)
    rows = [(uri, speaker) for uri, answer in answers for speaker in answer.speakers]
    arrays = {
        "recording": np.array([uri for uri, _ in rows], dtype=np.str_),
        "speaker": np.array([speaker for _, speaker in rows], dtype=np.str_),
        "embeddings": np.concatenate([np.zeros((0, EMBEDDING_DIM)), *(answer.embeddings for _, answer in answers)]),
    }
    with writing_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
