"""The pipeline's own parameters, set otherwise: thresholds, ratios, VBx's five numbers, the collar of gaps.

Where a value only decides, those worth a try lie between the numbers that it is compared with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from parity.community1 import community1_pipeline
from parity.community1.ahc import cut
from parity.community1.annotation import silences
from parity.community1.filtering import clean_frames
from parity.community1.speaker_counting import mean_activity
from parity.faults.families.building import Tunable
from parity.faults.family import INTEGER, LINEAR, LOGARITHMIC
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


def _growths(given: Known, native: Known, candidate: Known) -> list[float]:
    """Between what the ELBO grew by from one iteration to the next, on either side."""
    sides = [np.asarray(side.get("elbo_trajectory", ()), dtype=np.float64) for side in (native, candidate)]
    grown = np.concatenate([np.diff(course) for course in sides if course.ndim == 1] or [np.empty(0)])
    return [float(np.exp(value)) for value in between(np.log(grown[grown > 0]))]


def _gaps(given: Known, native: Known, candidate: Known) -> list[float]:
    plain = given["discrete_diarization"]
    return [] if plain is None else between([after - before for before, after, _ in silences(plain)])


def _tuned(stage: str) -> Tunable:
    """A stage that the pipeline's parameters tune."""
    return Tunable(
        stage,
        lambda workshop: workshop.parameters,
        lambda numbers, workshop: community1_pipeline(workshop.networks, numbers)[stage].run,
    )


def _cut_at(pipeline: Pipeline, workshop: Any, value: float) -> Pipeline:
    native = pipeline["ahc"].run

    def run(*training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dendrogram = native(*training)[0]  # linkage takes the time, and is remembered
        return dendrogram, cut(dendrogram, value)

    return pipeline.replacing("ahc", run)


VBX = _tuned("vbx")

FAMILIES = [
    _tuned("speaker_counting").family("count_threshold", "count_threshold", "the count's threshold", 0.0, 1.0,
               values=_parts),
    _tuned("filter").family("filter_ratio", "min_active_ratio", "the share of clean frames", 0.0, 1.0, LINEAR,
               {"filter_tenth": 0.1, "filter_missing": 0.0}, _shares),
    _tuned("ahc").family("ahc_threshold", "threshold", "the AHC's threshold", 0.0, 2.0, LINEAR,
               {"ahc_other_threshold": 0.7, "ahc_threshold_as_cosine": float(np.sqrt(1.2))}, _heights, _cut_at),
    VBX.family("vbx_fa", "fa", "Fa", 1e-3, 10.0, LOGARITHMIC, {"vbx_other_fa": 0.3}),
    VBX.family("vbx_fb", "fb", "Fb", 1e-2, 100.0, LOGARITHMIC, {"vbx_other_fb": 17.0}),
    VBX.family("vbx_iterations", "max_iterations", "VBx's most iterations", 1, 40, INTEGER,
               {"vbx_one_iteration_fewer": 19}),
    VBX.family("vbx_smoothing", "init_smoothing", "the smoothing of the AHC's labels", 0.0, 20.0, LINEAR,
               {"vbx_other_smoothing": 5.0, "vbx_uniform_init": 0.0}),
    VBX.family("vbx_stop", "stop_below", "the growth of the ELBO (nats) below which VBx stops", 1e-9, 1e3,
               LOGARITHMIC, {"vbx_looser_stop": 1e-3}, _growths),
    _tuned("centroids").family("centroids_survival_prior", "survival", "the prior above which speakers survive",
               1e-12, 1.0, LOGARITHMIC, {"centroids_survival": 1e-3}, _priors),
    _tuned("annotation").family("gaps_collar", "min_duration_off", "gaps filled below (s)", 0.0, 60.0, LINEAR,
               {"gaps_filled": 0.5}, _gaps),
]  # fmt: skip
