"""What native code made, kept by content: a store, what keys are made of, and how often it was of use.

A result stands under everything that it depends on: the code that made it and all of ours that it imports, weights, the
runtime and its version, the processor, and the bytes that went in.
"""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from parity.files.machine import cpu_features, cpu_model
from parity.kept.code import code_key
from parity.kept.store import Store, key_of

STAGES = {
    "audio": ("audio",),
    "segmentation": ("segmentation",),
    "fbank": ("fbank",),
    "embeddings": ("trunk", "embeddings"),
}
"""Stage -> what of it is kept."""


class Results:
    """Results kept in a store.

    Parameters
    ----------
    store : where they are kept; the cache by default

    Attributes
    ----------
    taken, made : what (`audio`, `segmentation`, `fbank`, `trunk`, `embeddings`) -> how many chunks came from the store,
        and how many were computed
    """

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()
        self.taken: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self._machine = (cpu_model(), cpu_features())
        self._keys: dict[tuple[Any, ...], str] = {}

    @property
    def not_run(self) -> tuple[str, ...]:
        """Stages that were not run, or not for every chunk, because what they make was kept; in their order."""
        return tuple(stage for stage, kinds in STAGES.items() if any(self.taken[kind] for kind in kinds))

    def key(self, what: str, modules: tuple[str, ...], packages: tuple[str, ...] = (), *more: str) -> str:
        """What results of one kind depend on beside what goes in: code, versions of packages, the processor, and more.

        Parameters
        ----------
        modules : with everything of ours that they import
        """
        asked = (what, modules, packages, more)
        if asked not in self._keys:  # every pipeline that is built asks again
            versions = [f"{name} {importlib.metadata.version(name)}" for name in ("numpy", *packages)]
            self._keys[asked] = key_of(what, code_key(modules), *versions, *self._machine, *more)
        return self._keys[asked]

    def get(self, what: str, key: str) -> np.ndarray | None:
        """What is kept under a key, counted as taken; None where nothing is."""
        found = self.store.get(key)
        if found is not None:
            self.taken[what] += 1
        return found

    def put(self, what: str, key: str, made: np.ndarray, *, keep: bool = True) -> None:
        """Keep what was computed, or count it only."""
        self.made[what] += 1
        if keep:
            self.store.put(key, made)

    def find(self, what: str, key: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """What is kept under a key, or else what `compute` gives, which then is."""
        found = self.get(what, key)
        if found is None:
            found = compute()
            self.put(what, key, found)
        return found


def results_where(cached: bool | None, *, tested: bool) -> Results | None:
    """Where results are kept, or None where everything is to be computed.

    Parameters
    ----------
    cached : what was asked for; None: nothing was
    tested : whether something else than the native pipeline is under test. Where nothing is, the native pipeline is,
        and what is under test is computed

    Raises
    ------
    InputError : see `parity.kept.store.size_limit`
    """
    return Results() if (tested if cached is None else cached) else None
