"""A network whose rows are kept: those that were seen before are not run again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from parity.kept.results import Results
from parity.kept.store import key_of, token

Network = Callable[..., tuple[np.ndarray, ...]]


class KeptRows:
    """A network of one input and one output, a row of which depends on no other row.

    Parameters
    ----------
    results : that it is kept in
    what : it is counted as
    key : of code, weights and machine
    run : the network
    worth : a row's token -> whether what becomes of it is worth keeping; None: always

    Attributes
    ----------
    ran : rows that the network really worked on
    """

    def __init__(
        self, results: Results, what: str, key: str, run: Network, worth: Callable[[bytes], bool] | None = None
    ) -> None:
        self._results, self._what, self._key, self._run = results, what, key, run
        self._worth = worth or (lambda mark: True)
        self.ran = 0

    def __call__(self, **inputs: np.ndarray) -> tuple[np.ndarray]:
        """The output, its rows in the order of the input's."""
        ((argument, rows),) = inputs.items()
        marks = [token(row) for row in rows]
        keys = [key_of(self._key, mark) for mark in marks]
        keep = [self._worth(mark) for mark in marks]
        found = [self._results.get(self._what, key) if kept else None for key, kept in zip(keys, keep, strict=True)]
        missing = [index for index, row in enumerate(found) if row is None]
        if missing:
            (outputs,) = self._run(**{argument: rows[missing]})
            self.ran += len(missing)
            for index, output in zip(missing, outputs, strict=True):
                found[index] = output
                self._results.put(self._what, keys[index], output, keep=keep[index])
        return (np.stack([row for row in found if row is not None]),)
