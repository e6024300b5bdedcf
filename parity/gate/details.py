"""What a person wants to see of one fixture beyond the verdict: the numbers behind the report's plots.

Task: a snapshot, what our cascade made, and the waveform -> one `Details` of plain numbers. Reports render it and
compute nothing. Conventions: seconds; times as RTTM has them, with three decimals; what neither side has is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy

from parity.audio import SAMPLE_RATE
from parity.audio.loudness import Energy, energy
from parity.community1.scoring import inactive
from parity.fixtures import Snapshot
from parity.fixtures.noise import Noise, NoiseFloor
from parity.fixtures.stability import Stability
from parity.fixtures.standing import Standing, standings
from parity.fixtures.truth import Truth
from parity.margins import Margin, margins
from parity.measure.score import read_turns

Turn = tuple[float, float, str]
"""Start and end in seconds, speaker."""


@dataclass(frozen=True)
class Timeline:
    """Who speaks when, on both sides.

    Attributes
    ----------
    reference, hypothesis : turns of the plain diarization, by start, end, speaker
    differences : [start, end] in which the two do not name the same speakers; names are compared as they are
    """

    reference: tuple[Turn, ...]
    hypothesis: tuple[Turn, ...]
    differences: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class EmbeddingMap:
    """Where embeddings drift: for each chunk, max abs of each local speaker's row, four significant digits.

    None where a speaker is silent in the chunk, or either side has no number.
    """

    drift: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Merges:
    """AHC merges against the cut.

    Attributes
    ----------
    heights, reference_heights : (T-1) euclidean distance; of each merge, the largest inside its subtree, for that is
        what `fcluster` cuts where centroid linkage has inversions. None: that side has no dendrogram
    cut : merges at or below it are kept; None where the snapshot does not say
    """

    heights: tuple[float, ...] | None
    reference_heights: tuple[float, ...] | None
    cut: float | None


@dataclass(frozen=True)
class Elbo:
    """VBx's evidence lower bound after each iteration, nats; None: that side did not reach VBx."""

    reference: tuple[float, ...] | None
    hypothesis: tuple[float, ...] | None


@dataclass(frozen=True)
class Details:
    """Numbers behind the plots of one fixture.

    Attributes
    ----------
    embedding_map, merges, elbo : None where nobody speaks, nothing is clustered, or the snapshot lacks it
    margins : how close the reference's decisions are to flipping
    noise : artefact -> what the reference itself moves under benign changes; None where nobody measured it
    stability : `embeddings` and `fbank` -> draws of noise, sizes, share of answers changed, first size that changed
        one; None where nobody measured it
    truth : artefact -> how ours stands against the truth, and the reference; None where the snapshot has none
    """

    timeline: Timeline
    energy: Energy
    embedding_map: EmbeddingMap | None = None
    merges: Merges | None = None
    elbo: Elbo | None = None
    margins: tuple[Margin, ...] = ()
    noise: Mapping[str, Noise] | None = None
    stability: Mapping[str, Mapping[str, Any]] | None = None
    truth: Mapping[str, Standing] | None = None


def find_details(
    snapshot: Snapshot,
    made: Mapping[str, Any],
    rttm: str,
    waveform: np.ndarray | None,
    *,
    noise: NoiseFloor | None = None,
    stability: Stability | None = None,
    truth: Truth | None = None,
) -> Details:
    """Everything the report draws of one fixture.

    Parameters
    ----------
    made : artefacts of our cascade
    rttm : our plain diarization
    waveform : (1, num_samples) float32 at 16 kHz; None where there is no audio
    noise, stability, truth : what was measured against the snapshot
    """
    return Details(
        timeline=timeline(snapshot.values.get("diarization", ""), rttm),
        energy=Energy() if waveform is None else energy(waveform, SAMPLE_RATE),
        embedding_map=_embedding_map(snapshot, made.get("embeddings")),
        merges=_merges(snapshot, made.get("dendrogram")),
        elbo=_elbo(snapshot.values.get("elbo_trajectory"), made.get("elbo_trajectory")),
        margins=tuple(margins(snapshot, made)),
        noise=None if noise is None else noise.envelope,
        stability=None if stability is None else _stability(stability),
        truth=standings(made, snapshot, truth),
    )


def _stability(found: Stability) -> dict[str, dict[str, Any]]:
    rows = {"embeddings": found.embeddings, "fbank": found.fbank}
    return {name: {**asdict(row), "first_change": row.first_change} for name, row in rows.items()}


def timeline(reference: str, hypothesis: str) -> Timeline:
    """Turns of two RTTM texts, and where they differ."""
    theirs, ours = _turns(reference), _turns(hypothesis)
    return Timeline(theirs, ours, differences(theirs, ours))


def _turns(rttm: str) -> tuple[Turn, ...]:
    tracks = read_turns(rttm).itertracks(yield_label=True)
    # Start plus duration may miss the millisecond by an ulp, which would be a difference where there is none.
    return tuple(sorted((round(span.start, 3), round(span.end, 3), label) for span, _, label in tracks))


def differences(reference: Iterable[Turn], hypothesis: Iterable[Turn]) -> tuple[tuple[float, float], ...]:
    """The stretches in which the two sides do not have the same speakers speaking, as long as they are."""
    speaking: dict[str, list[int]] = {}
    found: list[tuple[float, float]] = []
    began: float | None = None
    for seconds, changes in _changes(reference, hypothesis):
        for speaker, side, by in changes:
            speaking.setdefault(speaker, [0, 0])[side] += by
        differ = any(bool(theirs) != bool(ours) for theirs, ours in speaking.values())
        if differ and began is None:
            began = seconds
        elif not differ and began is not None:
            found.append((began, seconds))
            began = None
    return tuple(found)


def _changes(*sides: Iterable[Turn]) -> list[tuple[float, list[tuple[str, int, int]]]]:
    """By time: speaker, side, and +1 where a turn begins or -1 where it ends."""
    changes: dict[float, list[tuple[str, int, int]]] = {}
    for side, turns in enumerate(sides):
        for start, end, speaker in turns:
            changes.setdefault(start, []).append((speaker, side, 1))
            changes.setdefault(end, []).append((speaker, side, -1))
    return sorted(changes.items())


def _embedding_map(snapshot: Snapshot, embeddings: np.ndarray | None) -> EmbeddingMap | None:
    want, segmentations = snapshot.values.get("embeddings"), snapshot.values.get("segmentations")
    if embeddings is None or want is None or segmentations is None or embeddings.shape != want.shape:
        return None
    drift = np.abs(embeddings.astype(np.float64) - want).max(axis=2)
    shown = np.isfinite(drift) & ~inactive(segmentations)
    return EmbeddingMap(
        tuple(
            tuple(float(f"{value:.4g}") if known else None for value, known in zip(*row, strict=True))
            for row in zip(drift, shown, strict=True)
        )
    )


def _merges(snapshot: Snapshot, dendrogram: np.ndarray | None) -> Merges | None:
    want = snapshot.values.get("dendrogram")
    if want is None and dendrogram is None:
        return None
    cut = snapshot.companions.get(("ahc_state.npz", "threshold"))
    return Merges(_heights(dendrogram), _heights(want), None if cut is None else float(cut))


def _heights(dendrogram: np.ndarray | None) -> tuple[float, ...] | None:
    if dendrogram is None:
        return None
    try:
        return tuple(map(float, scipy.cluster.hierarchy.maxdists(np.asarray(dendrogram, dtype=np.float64))))
    except ValueError:  # an implementation under test may return what is no dendrogram; the comparison says so
        return None


def _elbo(reference: np.ndarray | None, hypothesis: np.ndarray | None) -> Elbo | None:
    if reference is None and hypothesis is None:
        return None
    return Elbo(_numbers(reference), _numbers(hypothesis))


def _numbers(values: np.ndarray | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(map(float, np.ravel(values)))
