"""Decision cases put to a pipeline: one stage each, on inputs made by hand, against the reference's own answer.

Task: a case and a pipeline -> what the stage decides; a case and what somebody decided -> the verdict. A stage whose
condition does not hold writes nothing, and that may be the answer (KMeans where no number was imposed). No network is
loaded: where a decision is a line behind one (`powerset`), the network is a stub that returns the case's own numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from parity.community1 import Parameters, community1_pipeline, geometry
from parity.community1.annotation import to_rttm
from parity.community1.networks import without_networks
from parity.errors import one_line
from parity.fixtures.decisions import POWERSET, URI, DecisionCase
from parity.measure.drift import Drift, compare
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import Artefacts, Pipeline
from parity.replay.engine import ISOLATED

Change = Callable[[Pipeline], Pipeline]


@dataclass(frozen=True)
class Decided:
    """What became of one case.

    Attributes
    ----------
    case : the case
    drifts : every artefact that both sides wrote, compared
    problem : what keeps it from being compared, one line: an artefact missing or too many, a stage that raised
    got : artefact -> what was decided
    asked : False where it could not be put: the stage has a network of its own in front of the decision
    """

    case: DecisionCase
    drifts: tuple[Drift, ...] = ()
    problem: str = ""
    got: Mapping[str, Any] | None = None
    asked: bool = True

    @property
    def agrees(self) -> bool:
        """Whether everything is as the reference has it; of a case that was not asked there is nothing to say."""
        return not self.problem and all(drift.within for drift in self.drifts)


def ask(case: DecisionCase, change: Change = lambda pipeline: pipeline) -> Decided:
    """Put a case to a pipeline.

    Parameters
    ----------
    change : native pipeline -> the one that is asked

    Raises
    ------
    InputError : the pipeline's own, or its guard's
    """
    parameters = Parameters(**case.parameters)
    networks = without_networks()
    inputs: dict[str, Any] = dict(case.inputs)
    if case.stage == POWERSET:
        networks = replace(networks, segmentation=_returning(inputs["segmentation_logits"]))
        chunks = len(inputs.pop("segmentation_logits"))
        samples = geometry.CHUNK_SAMPLES + (chunks - 1) * geometry.STEP_SAMPLES
        inputs["waveform"] = np.zeros((1, samples), np.float32)
    stage = change(community1_pipeline(networks, parameters))[case.pipeline_stage]
    if stage.when is not None and not set(stage.when.reads) <= set(stage.reads):
        stage = replace(stage, when=None)  # whether anybody spoke is not what the case is about
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of equal rows in KMeans, of means of nothing: these are the cases
            made = stage(inputs)
    except StageRaised as error:
        return Decided(case, problem=f"raised {error.said} ({error.place})")
    own = made.pop("segmentation_logits", None)
    if own is not None and not np.array_equal(own, case.inputs["segmentation_logits"]):
        return Decided(case, asked=False)
    return judge(case, made)


def judge(case: DecisionCase, made: Artefacts) -> Decided:
    """Compare what was decided with the reference's answer.

    Parameters
    ----------
    made : artefact -> array, turns or RTTM text; None is as good as not there
    """
    got = {name: _as_text(name, value) for name, value in made.items() if value is not None}
    if missing := [name for name in case.expected if name not in got]:
        return Decided(case, problem=f"wrote no {', '.join(missing)}", got=got)
    if extra := [name for name in got if name not in case.expected]:
        return Decided(case, problem=f"wrote {', '.join(extra)}, where the reference does not run the stage", got=got)
    try:
        drifts = tuple(compare(name, got[name], case.expected[name], mode=ISOLATED) for name in case.expected)
    except (TypeError, ValueError) as error:
        return Decided(case, problem=f"cannot be compared ({one_line(error)})", got=got)
    return Decided(case, drifts, got=got)


def _as_text(name: str, value: Any) -> Any:
    turns = ARTEFACTS[name].dtype == "text" and not isinstance(value, str)
    return to_rttm(value, URI) if turns else value


def _returning(logits: np.ndarray) -> Callable[..., tuple[np.ndarray]]:
    """A segmentation network that answers with these log-probabilities, batch by batch."""
    left = iter(logits)

    def network(waveforms: np.ndarray) -> tuple[np.ndarray]:
        return (np.stack([next(left) for _ in waveforms]),)

    return network
