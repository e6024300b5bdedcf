"""The pipeline's own parameters, set otherwise: thresholds, ratios, VBx's five numbers, the collar of gaps.

Where a value only decides, those worth a try lie between the numbers that it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from parity.community1 import community1_pipeline
from parity.community1.ahc import cut
from parity.community1.annotation import silences
from parity.community1.filtering import clean_frames
from parity.community1.speaker_counting import mean_activity
from parity.faults.family import INTEGER, LINEAR, LOGARITHMIC, Family, Values
from parity.pipeline import Pipeline

MOST_VALUES = 300

Known = Mapping[str, Any]


def between(numbers: Iterable[float] | np.ndarray) -> list[float]:
    """Values between neighbouring numbers, and one beyond either end; of very many, some."""
    steps = np.unique(np.asarray(numbers, dtype=np.float64))
    steps = steps[np.isfinite(steps)]
    if not len(steps):
        return []
    if len(steps) > MOST_VALUES:
        steps = steps[np.linspace(0, len(steps) - 1, MOST_VALUES).astype(int)]
    room = max(1e-3, float(steps[-1] - steps[0]) / len(steps))
    return [float(steps[0] - room), *map(float, (steps[1:] + steps[:-1]) / 2), float(steps[-1] + room)]


def _heights(given: Known, native: Known, candidate: Known) -> list[float]:
    dendrogram = native["dendrogram"]
    return between(np.maximum.accumulate(np.sort(dendrogram[:, 2])))


def _shares(given: Known, native: Known, candidate: Known) -> list[float]:
    segmentations = given["segmentations"]
    return between(clean_frames(segmentations) / segmentations.shape[1])


def _parts(given: Known, native: Known, candidate: Known) -> list[float]:
    return between(np.mod(mean_activity(given["segmentations"]), 1.0))


def _priors(given: Known, native: Known, candidate: Known) -> list[float]:
    logs = np.log(np.maximum(given["sp_final"], 1e-300)) if given.get("sp_final") is not None else []
    return [float(np.exp(value)) for value in between(logs)]


def _gaps(given: Known, native: Known, candidate: Known) -> list[float]:
    plain = given["discrete_diarization"]
    return [] if plain is None else between([after - before for before, after, _ in silences(plain)])


def _set(stage: str, name: str, pipeline: Pipeline, workshop: Any, value: float) -> Pipeline:
    kind = int if name == "max_iterations" else float
    changed = replace(workshop.parameters, **{name: kind(value)})
    return pipeline.replacing(stage, community1_pipeline(workshop.networks, changed)[stage].run)


def _cut_at(pipeline: Pipeline, workshop: Any, value: float) -> Pipeline:
    native = pipeline["ahc"].run

    def run(*training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dendrogram = native(*training)[0]  # linkage takes the time, and is remembered
        return dendrogram, cut(dendrogram, value)

    return pipeline.replacing("ahc", run)


def _setting(
    name: str,
    stage: str,
    field: str,
    words: str,
    low: float,
    high: float,
    scale: str,
    points: Mapping[str, float] | None = None,
    values: Values | None = None,
    plant: Callable[[Pipeline, Any, float], Pipeline] | None = None,
) -> Family:
    return Family(
        name=name,
        stage=stage,
        parameter=words,
        reference=lambda workshop: float(getattr(workshop.parameters, field)),
        plant=plant or partial(_set, stage, field),
        low=low,
        high=high,
        scale=scale,
        values=values,
        points=points or {},
    )


FAMILIES = [
    _setting("count_threshold", "speaker_counting", "count_threshold", "the count's threshold", 0.0, 1.0, LINEAR,
             values=_parts),
    _setting("filter_ratio", "filter", "min_active_ratio", "the share of clean frames", 0.0, 1.0, LINEAR,
             {"filter_tenth": 0.1, "filter_missing": 0.0}, _shares),
    _setting("ahc_threshold", "ahc", "threshold", "the AHC's threshold", 0.0, 2.0, LINEAR,
             {"ahc_other_threshold": 0.7, "ahc_threshold_as_cosine": float(np.sqrt(1.2))}, _heights, _cut_at),
    _setting("vbx_fa", "vbx", "fa", "Fa", 1e-3, 10.0, LOGARITHMIC, {"vbx_other_fa": 0.3}),
    _setting("vbx_fb", "vbx", "fb", "Fb", 1e-2, 100.0, LOGARITHMIC, {"vbx_other_fb": 17.0}),
    _setting("vbx_iterations", "vbx", "max_iterations", "VBx's most iterations", 1, 40, INTEGER,
             {"vbx_one_iteration_fewer": 19}),
    _setting("vbx_smoothing", "vbx", "init_smoothing", "the smoothing of the AHC's labels", 0.0, 20.0, LINEAR,
             {"vbx_other_smoothing": 5.0, "vbx_uniform_init": 0.0}),
    _setting("vbx_stop", "vbx", "stop_below", "the growth of the ELBO (nats) below which VBx stops", 1e-9, 1e3,
             LOGARITHMIC, {"vbx_looser_stop": 1e-3}),
    _setting("centroids_survival_prior", "centroids", "survival", "the prior above which speakers survive", 1e-12, 1.0,
             LOGARITHMIC, {"centroids_survival": 1e-3}, _priors),
    _setting("gaps_collar", "annotation", "min_duration_off", "gaps filled below (s)", 0.0, 60.0, LINEAR,
             {"gaps_filled": 0.5}, _gaps),
]  # fmt: skip
