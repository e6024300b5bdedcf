"""Remembers what networks and stages gave for inputs they have seen, so that patched runs repeat nothing.

Inputs are told apart by their contents (SHA-256), series of chunks by being the same object. What is remembered is
handed out again as it is: stages are pure functions, and those that are not would spoil any replay.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from parity.community1 import Networks
from parity.pipeline.stage import ChunkSeries, Pipeline

Network = Callable[..., tuple[np.ndarray, ...]]

CHUNKS = 24
"""Of a series, remembered: a clip of half a minute whole, of a longer one those asked for last."""


class Memo:
    """What was computed so far.

    Parameters
    ----------
    keep_networks : what networks gave outlives `scratch`: a megabyte and more for each chunk

    Attributes
    ----------
    network_runs : chunks that each network really worked on
    stage_runs : how often each stage really ran
    """

    def __init__(self, *, keep_networks: bool = False) -> None:
        self.keep_networks = keep_networks
        self.network_runs: Counter[str] = Counter()
        self.stage_runs: Counter[str] = Counter()
        self._known: list[dict[Any, Any]] = [{}]
        self._networks: list[Network] = []
        self._kept: list[Any] = []  # objects told apart by identity must not be freed and their address reused

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Forget at the end what was computed in the body; what was known before is used."""
        kept = len(self._kept)
        self._known.append({})
        try:
            yield
        finally:
            self._known.pop()
            del self._kept[kept:]

    def networks(self, networks: Networks) -> Networks:
        """The same networks, each chunk at most once. The head is left alone: it costs a hundredth of the trunk."""
        return replace(
            networks,
            segmentation=partial(self._network, "segmentation", networks.segmentation, self.keep_networks),
            trunk=partial(self._network, "trunk", networks.trunk, self.keep_networks),
        )

    def network(self, name: str, run: Network) -> Network:
        """A network of one input and one output, a row of which depends on no other row: each at most once.

        For those that a fault builds. What they gave is forgotten with the `scratch` that they ran in.
        """
        return partial(self._network, name, run, False)

    def pipeline(self, pipeline: Pipeline) -> Pipeline:
        """The same pipeline, each stage at most once on the same inputs; stages remembered already stay as they are."""
        for stage in pipeline:
            if not _remembers(stage.run):
                remembered = partial(self._stage, stage.name, stage.run)
                pipeline = pipeline.replacing(stage.name, remembered, given=stage.given, written=stage.written)
        return pipeline

    def _network(self, name: str, run: Network, lasting: bool, /, **inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """A network of one input and one output, row by row: only the rows not seen yet are run, together."""
        ((argument, rows),) = inputs.items()
        known = self._known[0 if lasting else -1]
        if lasting and not any(run is kept for kept in self._networks):
            self._networks.append(run)  # or its address would be another's one day
        keys = [(name, id(run) if lasting else self._token(run), self._token(row)) for row in rows]
        new = [index for index, key in enumerate(keys) if self._look_up(key) is None]
        if new:
            before = getattr(run, "ran", None)  # of what is kept on disk too, the network sees only what is not there
            (outputs,) = run(**{argument: rows[new]})
            if ran := len(new) if before is None else getattr(run, "ran", 0) - before:
                self.network_runs[name] += ran
            known |= {keys[index]: output for index, output in zip(new, outputs, strict=True)}
        return (np.stack([self._look_up(key) for key in keys]),)

    def _stage(self, name: str, run: Callable[..., Any], *values: Any) -> Any:
        key = (name, self._token(run), *map(self._token, values))
        found = self._look_up(key)
        if found is None:
            self.stage_runs[name] += 1
            found = self._known[-1][key] = (_keeping(run(*values)),)
        return found[0]

    def _look_up(self, key: Any) -> Any:
        return next((known[key] for known in self._known if key in known), None)

    def _token(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            digest = hashlib.sha256(np.ascontiguousarray(value).data).digest()
            return (value.dtype.str, value.shape, digest)
        if value is None or isinstance(value, (str, int, float)):
            return value
        self._kept.append(value)
        return id(value)


def _keeping(made: Any) -> Any:
    """A series of chunks that computes none twice that was asked for a moment ago; anything else as it is."""
    if isinstance(made, tuple):
        return tuple(map(_keeping, made))
    return made.remembering(CHUNKS) if isinstance(made, ChunkSeries) else made


def _remembers(run: Callable[..., Any]) -> bool:
    return isinstance(run, partial) and getattr(run.func, "__func__", None) is Memo._stage
