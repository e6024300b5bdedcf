"""What a runtime of the embedding network, or a smaller precision, costs: speed, size, drift, headroom, DER.

Task: fixtures and runtimes -> for each pair how far the embeddings are from the reference's, how close decisions that
read them come to flipping, and whether the answer changes. Everything before the embeddings is computed once per
fixture and shared. Seconds are of the network alone, all runtimes in alternation in one run, so that their ratios can
be trusted where their absolute values cannot.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from parity.community1 import Networks, community1_pipeline
from parity.community1.annotation import to_rttm
from parity.community1.embeddings import embed
from parity.community1.fbank import fbank_series
from parity.community1.geometry import num_chunks
from parity.community1.scoring import inactive
from parity.errors import InputError
from parity.fixtures import Prepared, Snapshot
from parity.margins import margins
from parity.measure import score_rttm
from parity.networks.wespeaker.runtime import EmbeddingNetwork
from parity.pipeline.stage import Artefacts, ChunkSeries, Pipeline
from parity.ports import Implementation
from parity.replay.outcome import TEXTS, URI, active_embedding_drift, with_uri
from parity.tables import Tabular

UPSTREAM = ("waveform", "chunk_waveforms", "segmentation_logits", "segmentations", "count", "masks", "fbank")
DOWNSTREAM = ("ahc", "vbx", "centroids", "assignment", "reconstruction")
"""Stages whose decisions depend on embeddings."""

Step = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """One runtime on one fixture.

    Attributes
    ----------
    chunks : that were embedded
    total : that the clip has
    drift : worst max abs of embeddings over rows of active speakers; None where nobody speaks
    headroom, decision : the least headroom of a decision that reads embeddings, and which; None where nothing drifted
        or nothing was decided, and where only some chunks were embedded
    der, exclusive_der : against the reference's RTTMs; None where only some chunks were embedded
    rttm_equal : both RTTMs line for line; None as above
    """

    runtime: str
    fixture: str
    chunks: int
    total: int
    drift: float | None
    headroom: float | None = None
    decision: str = ""
    der: float | None = None
    exclusive_der: float | None = None
    rttm_equal: bool | None = None


@dataclass(frozen=True)
class Speed:
    """A runtime's seconds per chunk.

    Attributes
    ----------
    seconds : median over rounds
    ratio : median over rounds of this runtime's seconds by the first one's in the same round
    low, high : smallest and largest of these ratios
    """

    seconds: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class Costs(Tabular):
    """All of a measurement, or as much of it as is made.

    Attributes
    ----------
    sizes : runtime -> bytes of its weights
    versions : runtime -> the package that it runs on and its version
    weights : name of the weight set
    cpu : in words
    threads : within an operator
    wanted_chunks : of each clip; None for all of them
    outcomes : of every runtime on each fixture that is done
    speeds : by runtime; empty before they are measured
    """

    sizes: Mapping[str, int]
    versions: Mapping[str, str]
    weights: str
    cpu: str
    threads: int
    wanted_chunks: int | None = None
    outcomes: tuple[Outcome, ...] = ()
    speeds: Mapping[str, Speed] = field(default_factory=dict)

    def of(self, runtime: str) -> list[Outcome]:
        """One runtime's outcomes."""
        return [outcome for outcome in self.outcomes if outcome.runtime == runtime]

    def continuing(self, earlier: Costs, origin: str) -> Costs:
        """What an earlier run, cut short, had found, where it measured the same in the same way.

        Raises
        ------
        InputError : it measured other runtimes or chunks, or on other weights, packages or processors
        """
        before, now = earlier._terms(), self._terms()
        if different := [f"{name} {before[name]}, now {now[name]}" for name in now if before[name] != now[name]]:
            raise InputError(f"{origin}: cannot be continued, it was measured otherwise: {'; '.join(different)}")
        return earlier

    def _terms(self) -> dict[str, str]:
        """What two runs must have in common, in words."""
        return {
            "runtimes": ", ".join(self.sizes),
            "bytes": ", ".join(map(str, self.sizes.values())),
            "packages": ", ".join(self.versions.values()),
            "weights": self.weights,
            "processor": self.cpu,
            "threads": str(self.threads),
            "chunks": str(self.wanted_chunks or "all"),
        }


def measure_speed(networks: Mapping[str, EmbeddingNetwork], fbank: np.ndarray, rounds: int) -> dict[str, Speed]:
    """Time the network, trunk and head, on the same chunks: every runtime once a round, after a warm-up.

    Parameters
    ----------
    fbank : (chunks, 998, 80) float32
    rounds : of which medians are taken
    """
    weights = np.ones((len(fbank), 3, 589), dtype=np.float32)
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for network in networks.values():
        network.embed(fbank, weights)
    for _ in range(rounds):
        for name, network in networks.items():
            started = time.perf_counter()
            network.embed(fbank, weights)
            seconds[name].append((time.perf_counter() - started) / len(fbank))
    first = next(iter(seconds.values()))
    return {name: _speed(found, first) for name, found in seconds.items()}


def _speed(seconds: Sequence[float], first: Sequence[float]) -> Speed:
    ratios = [mine / theirs for mine, theirs in zip(seconds, first, strict=True)]
    return Speed(statistics.median(seconds), statistics.median(ratios), min(ratios), max(ratios))


def measure_fixture(
    ready: Prepared,
    native: Networks,
    networks: Mapping[str, EmbeddingNetwork],
    *,
    chunks: int | None = None,
    on_step: Step | None = None,
) -> list[Outcome]:
    """Run a fixture with every runtime.

    Parameters
    ----------
    native : what everything but the embeddings is computed with
    networks : by runtime
    chunks : embed only so many, evenly spaced over those where somebody speaks; nothing follows then
    on_step : called with the runtime's name, chunks done and chunks in all
    """
    upstream: Artefacts = {}
    found = []
    for name, network in networks.items():
        tell = partial(on_step, name) if on_step else None
        if chunks is not None:
            found.append(_some_chunks(ready, name, network, chunks, tell))
            continue
        run = partial(embed, trunk=network.trunk, head=network.head, progress=tell)
        under_test = Implementation(name, _with_embeddings(run))
        made = under_test(community1_pipeline(native, ready.parameters)).run(ready.inputs, patches=upstream)
        upstream = upstream or _shared(made)
        found.append(_outcome(name, ready, made))
    return found


def _with_embeddings(run: Callable[..., np.ndarray]) -> Callable[[Pipeline], Pipeline]:
    return lambda pipeline: pipeline.replacing("embeddings", run)


def _shared(made: Artefacts) -> Artefacts:
    """What does not depend on the embedding network; the filterbank held rather than computed again."""
    kept = {name: made[name] for name in UPSTREAM if made.get(name) is not None}
    if "fbank" in kept:
        series = kept["fbank"]
        kept["fbank"] = ChunkSeries.recorded(series.chunks, series.take(series.chunks))
    return kept


def _outcome(name: str, ready: Prepared, made: Artefacts) -> Outcome:
    reference = ready.snapshot.values
    ours, exclusive = (to_rttm(made[text], URI) for text in TEXTS)
    theirs, theirs_exclusive = (with_uri(reference[text], URI) for text in TEXTS)
    headroom, decision = _least_headroom(ready.snapshot, made)
    total = num_chunks(ready.heard[0].shape[1])
    return Outcome(
        runtime=name,
        fixture=ready.fixture.name,
        chunks=0 if made.get("embeddings") is None else total,
        total=total,
        drift=active_embedding_drift(made.get("embeddings"), ready.snapshot),
        headroom=headroom,
        decision=decision,
        der=score_rttm(theirs, ours).der,
        exclusive_der=score_rttm(theirs_exclusive, exclusive).der,
        rttm_equal=(ours, exclusive) == (theirs, theirs_exclusive),
    )


def _least_headroom(snapshot: Snapshot, made: Mapping[str, Any]) -> tuple[float | None, str]:
    known = [
        (margin.least_headroom, f"{margin.decision}, {margin.least_where}")
        for margin in margins(snapshot, made)
        if margin.stage in DOWNSTREAM and margin.least_headroom is not None
    ]
    return min(known, default=(None, ""))


def _some_chunks(
    ready: Prepared, name: str, network: EmbeddingNetwork, wanted: int, tell: Callable[[int, int], None] | None
) -> Outcome:
    """Embed a few chunks with the reference's masks, and compare those rows."""
    reference = ready.snapshot.values
    total = num_chunks(ready.heard[0].shape[1])
    if "embeddings" not in reference:  # nobody speaks, and the reference stopped before
        return Outcome(name, ready.fixture.name, 0, total, None)
    spoken = np.flatnonzero(~inactive(reference["segmentations"]).all(axis=1))
    chunks = spoken[np.unique(np.linspace(0, len(spoken) - 1, min(wanted, len(spoken))).round().astype(int))]
    series = fbank_series(ready.heard[1])
    rows = embed(
        ChunkSeries(chunks, series.compute),
        reference["masks"],
        trunk=network.trunk,
        head=network.head,
        progress=tell,
    )
    drift = active_embedding_drift(rows, ready.snapshot, chunks)
    return Outcome(name, ready.fixture.name, len(chunks), total, drift)
