"""What a program answered, by what it was asked: the stage, and the contents of everything it read.

A program is asked at most once for the same inputs, also where it failed. Large arrays are kept on disk and read in
place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from parity.pipeline.stage import Artefacts
from parity.ports.program.failures import ProgramFailed

LARGE = 4 << 20
"""Bytes from which an array is kept on disk."""


def key_of(stage: str, values: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """A name for a request: equal where all that the program would read is equal."""
    digest = hashlib.blake2b(digest_size=20)
    digest.update(json.dumps([stage, dict(parameters)], sort_keys=True).encode())
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            digest.update(f"{name} {value.dtype.str} {value.shape}".encode())
            digest.update(np.ascontiguousarray(value).data)
        else:
            digest.update(f"{name} {value!r}".encode())
    return digest.hexdigest()


class Kept:
    """Answers by request.

    Parameters
    ----------
    folder : takes large arrays
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._answers: dict[str, Artefacts | ProgramFailed] = {}

    def get(self, key: str) -> Artefacts | None:
        """What was answered; None where that was not asked yet.

        Raises
        ------
        ProgramFailed : the program failed when it was asked
        """
        found = self._answers.get(key)
        if isinstance(found, ProgramFailed):
            raise found
        return None if found is None else dict(found)

    def fail(self, key: str, failure: ProgramFailed) -> None:
        """Keep that the program failed."""
        self._answers[key] = failure

    def put(self, key: str, values: Artefacts) -> Artefacts:
        """Keep an answer; the same values, large ones read from disk."""
        kept = {name: self._on_disk(f"{key}-{name}", value) for name, value in values.items()}
        self._answers[key] = kept
        return dict(kept)

    def _on_disk(self, name: str, value: Any) -> Any:
        if not isinstance(value, np.ndarray) or value.nbytes < LARGE:
            return value
        path = self.folder / f"{name}.npy"
        np.save(path, value, allow_pickle=False)
        return np.load(path, mmap_mode="r", allow_pickle=False)
