"""From scores to judgements: intervals, paired differences, non-inferiority, power, flips, counts.

Sources: B. Efron, "Bootstrap Methods: Another Look at the Jackknife" (1979): recordings are drawn with replacement,
within each dataset as many as it has; of a ratio of sums the sums are drawn, never the ratios. The number of recordings
that a margin needs is the normal approximation for a paired difference, with the variance of the ratio's
linearisation. Conventions: values are ratios (0.12, not 12 %); an interval is the middle 95 % of `DRAWS` draws;
non-inferior means that its upper end, the candidate's excess of errors, lies below the margin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

DRAWS = 2_000
AT_ONCE = 1 << 20
"""Numbers that are drawn at once, so that memory does not grow with the corpus."""
FEWEST = 20
"""Recordings below which nothing is concluded: draws of a handful say little of what was not seen."""
TAILS = (2.5, 97.5)
"""Percent."""
Z_ALPHA, Z_POWER = 1.959964, 0.841621
"""Standard normal deviates of 2.5 % and of a power of 80 %."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Interval:
    """A corpus's value.

    Attributes
    ----------
    value : sum of errors over sum of totals; None where the totals are 0
    low, high : ends of the interval
    recordings : that it is of
    """

    value: float | None
    low: float | None
    high: float | None
    recordings: int


NOTHING = Interval(None, None, None, 0)


@dataclass(frozen=True)
class NonInferiority:
    """Whether a candidate is as good as the reference against humans, within a margin.

    Attributes
    ----------
    difference : candidate less reference; above 0 the candidate is worse
    margin : that the user states
    verdict : `non-inferior`, `inferior` (all of the interval is beyond), or `inconclusive`, as below `FEWEST` always
    needed : recordings at which such a difference would be found within the margin, with a power of 80 %; None where no
        number would do, or where nothing varies
    """

    difference: Interval
    margin: float
    verdict: str
    needed: int | None


def usable(rows: Iterable[Row], side: str, against: str) -> dict[str, Row]:
    """Recording -> score of one side against another, where it has numbers."""
    return {
        row["recording"]: row
        for row in rows
        if row["side"] == side and row["against"] == against and row["error"] is None
    }


def intervals(rows: Sequence[Row], metrics: Sequence[str], seed: int = 1) -> dict[str, Interval]:
    """Metrics of `parity.corpus.scoring.METRICS` over recordings, each with its interval; drawn once for all."""
    if not rows:
        return dict.fromkeys(metrics, NOTHING)
    errors, totals = (_columns(rows, metrics, part) for part in ("errors", "total"))
    found = _intervals(rows, seed, lambda weights: _ratio(weights @ errors, weights @ totals))
    return dict(zip(metrics, found, strict=True))


def interval(rows: Sequence[Row], metric: str, seed: int = 1) -> Interval:
    """The same of one metric."""
    return intervals(rows, (metric,), seed)[metric]


def paired(candidate: Mapping[str, Row], reference: Mapping[str, Row], metric: str, seed: int = 1) -> Interval:
    """The candidate's value less the reference's, over the recordings that both have; drawn together."""
    if not candidate.keys() & reference.keys():
        return NOTHING
    rows, errors, others, totals = _pairs(candidate, reference, metric)
    return _intervals(rows, seed, lambda weights: _ratio(weights @ (errors - others), weights @ totals))[0]


def non_inferiority(
    candidate: Mapping[str, Row], reference: Mapping[str, Row], margin: float, metric: str = "der", seed: int = 1
) -> NonInferiority:
    """The verdict, and how many recordings it would take."""
    found = paired(candidate, reference, metric, seed)
    verdict = "inconclusive"
    if found.high is not None and found.low is not None and found.recordings >= FEWEST:
        verdict = "non-inferior" if found.high < margin else "inferior" if found.low >= margin else verdict
    return NonInferiority(found, margin, verdict, _needed(candidate, reference, margin, metric, found.value))


def _needed(
    candidate: Mapping[str, Row], reference: Mapping[str, Row], margin: float, metric: str, difference: float | None
) -> int | None:
    if difference is None or difference >= margin or len(candidate.keys() & reference.keys()) < 2:
        return None
    _, errors, others, totals = _pairs(candidate, reference, metric)
    influence = (errors - others - difference * totals) / totals.mean()
    spread = float(np.std(influence, ddof=1))  # of one recording
    return (
        None if not spread else max(FEWEST, int(np.ceil(((Z_ALPHA + Z_POWER) * spread / (margin - difference)) ** 2)))
    )


def _pairs(
    candidate: Mapping[str, Row], reference: Mapping[str, Row], metric: str
) -> tuple[list[Row], np.ndarray, np.ndarray, np.ndarray]:
    names = sorted(candidate.keys() & reference.keys())
    rows = [candidate[name] for name in names]
    errors, totals = (_columns(rows, (metric,), part) for part in ("errors", "total"))
    return rows, errors, _columns([reference[name] for name in names], (metric,), "errors"), totals


def _columns(rows: Sequence[Row], metrics: Sequence[str], part: str) -> np.ndarray:
    """(recordings, metrics) float64."""
    return np.array([[row[f"{metric}_{part}"] for metric in metrics] for row in rows], float)


def _ratio(errors: np.ndarray, totals: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(totals > 0, errors / totals, np.nan)


def _intervals(rows: Sequence[Row], seed: int, value: Callable[[np.ndarray], np.ndarray]) -> list[Interval]:
    """Intervals of values of weights, (draws, recordings) -> (draws, values): how often each recording was drawn."""
    whole = value(np.ones((1, len(rows))))[0]
    drawn = np.concatenate([value(weights) for weights in _draws([row["dataset"] for row in rows], seed)])
    return [_of_draws(float(one), column, len(rows)) for one, column in zip(whole, drawn.T, strict=True)]


def _of_draws(whole: float, drawn: np.ndarray, recordings: int) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(whole) or not len(drawn):
        return Interval(None, None, None, recordings)
    low, high = np.percentile(drawn, TAILS)
    return Interval(whole, float(low), float(high), recordings)


def _draws(datasets: Sequence[str], seed: int) -> Iterable[np.ndarray]:
    """Weights of recordings, portion by portion; within each dataset they add up to its size."""
    generator = np.random.default_rng(seed)
    places = [np.flatnonzero(np.array(datasets) == name) for name in sorted(set(datasets))]
    portion = max(1, min(DRAWS, AT_ONCE // len(datasets)))
    for first in range(0, DRAWS, portion):
        weights = np.zeros((min(portion, DRAWS - first), len(datasets)))
        for place in places:
            weights[:, place] = generator.multinomial(len(place), np.full(len(place), 1 / len(place)), len(weights))
        yield weights


# --- flips -----------------------------------------------------------------------------------------------------------


def flips(rows: Iterable[Row]) -> list[Row]:
    """Recordings that are not line for line the reference's, most damage first: seconds of error, then speakers."""
    changed = [row for row in rows if not row["same_lines"]]
    return sorted(changed, key=lambda row: (-row["der_errors"], -abs(_off(row)), row["recording"]))


def what_flipped(row: Row) -> str:
    """What of an answer changed, in words."""
    said = []
    if row["speakers"] != row["right_speakers"]:
        said.append(f"speakers {row['right_speakers']} -> {row['speakers']}")
    if row["segments"] != row["right_segments"]:
        said.append(f"segments {row['right_segments']} -> {row['segments']}")
    return ", ".join(said) or "lines"


def share(count: int, total: int) -> Interval:
    """A share with its interval, after Wilson (1927), who needs no draws: a share of 0 has one too."""
    if not total:
        return Interval(None, None, None, 0)
    z, p = Z_ALPHA, count / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * float(np.sqrt(p * (1 - p) / total + z * z / (4 * total * total)))
    return Interval(p, max(0.0, middle - half), min(1.0, middle + half), total)


def count_classes(rows: Iterable[Row]) -> dict[str, int]:
    """How far the number of speakers is off: exact, one, two or more."""
    found = Counter(min(2, abs(_off(row))) for row in rows)
    return {"exact": found[0], "one off": found[1], "two or more off": found[2]}


def confusion_of_counts(rows: Iterable[Row]) -> dict[tuple[int, int], int]:
    """(right number of speakers, number answered) -> recordings."""
    return dict(sorted(Counter((row["right_speakers"], row["speakers"]) for row in rows).items()))


def _off(row: Row) -> int:
    return int(row["speakers"]) - int(row["right_speakers"])
