"""A stage that raises is a finding like a drift: which stage, what it was given, in which line; the rest goes on."""

from __future__ import annotations

import numpy as np
import pytest
from support.synthetic import automatic, captured, inputs, networks
from threadpoolctl import threadpool_limits

from parity.calibration.trials import bench_of, calibrate
from parity.community1 import Parameters, community1_pipeline
from parity.explain.localise import Question, explain
from parity.explain.memo import Memo
from parity.faults.known.planting import fault
from parity.fixtures.prepare import Prepared
from parity.fixtures.snapshot import Snapshot
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import Pipeline
from parity.ports.python import Implementation

BEHIND = ("discrete_diarization", "exclusive_discrete_diarization", "diarization", "exclusive_diarization")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Snapshot:
    return captured(automatic(), tmp_path_factory.mktemp("reference") / "one")


def raising(*values):
    raise LookupError("no such\nspeaker")


def nobody_at_all(pipeline: Pipeline) -> Pipeline:
    """An assignment in which every active speaker gets -2: reconstruction raises, in pyannote too."""
    native = pipeline["assignment"].run
    return pipeline.replacing("assignment", lambda *values: np.full_like(native(*values), -2))


def asked(reference: Snapshot, change, budget: int = 20):
    memo = Memo()
    native = memo.pipeline(community1_pipeline(memo.networks(networks()), Parameters()))
    candidate = memo.pipeline(Implementation("mine", change)(native))
    return explain(Question("clip", "mine", native, candidate, reference, inputs(), memo, budget=budget))


@pytest.mark.parametrize("stage", ["speaker_counting", "embeddings", "plda", "vbx", "reconstruction", "annotation"])
def test_a_stage_that_raises_on_right_inputs_is_named_and_the_run_goes_on(reference, stage):
    found = asked(reference, lambda pipeline: pipeline.replacing(stage, raising))
    (raised,) = found.replay.raised
    assert (raised.stage, raised.wrong_before, raised.inherited) == (stage, None, False)
    assert raised.said == "LookupError: no such speaker" and "test_raises.py, line " in raised.place
    assert "Traceback" in raised.trace and not found.replay.at_parity
    assert found.explanation.named == (stage,) and found.explanation.answer_changed
    assert found.explanation.decisive == stage
    before = [d for d in found.replay.drifts if d.mode == "cascaded"]
    assert all(drift.within for drift in before if drift.artefact not in BEHIND)


def test_a_stage_that_raises_on_what_went_wrong_before_it_is_not_to_blame(reference):
    found = asked(reference, nobody_at_all)
    (raised,) = found.replay.raised
    assert raised.stage == "reconstruction" and raised.said.startswith("ValueError: negative dimensions")
    assert raised.on_reference is False and raised.wrong_before == "assignment"
    assert "what it was given had already gone wrong in assignment" in str(raised)
    # Annotation was not reached, and is right on the reference's own inputs.
    verdicts = {stage.stage: stage.verdict for stage in found.explanation.stages}
    assert (verdicts["assignment"], verdicts["reconstruction"], verdicts["annotation"]) == (
        "born", "inherited", "within",
    )  # fmt: skip
    assert found.explanation.named == ("assignment",) and found.explanation.decisive == "assignment"


def test_a_stage_that_raises_on_the_references_inputs_only_is_named(reference):
    given = reference.values["post_xvec"]

    def plda(native):
        return lambda post_xvec: raising() if np.array_equal(post_xvec, given) else native(post_xvec)

    def change(pipeline):
        nudged = pipeline["xvec"].run
        changed = pipeline.replacing("xvec", lambda *values: nudged(*values) * (1 + 1e-12))
        return changed.replacing("plda", plda(pipeline["plda"].run))

    (raised,) = asked(reference, change).replay.raised
    assert (raised.stage, raised.mode, raised.on_reference) == ("plda", "isolated", True)


def test_a_run_that_nobody_watches_ends_with_the_exception(reference):
    pipeline = community1_pipeline(networks(), Parameters()).replacing("vbx", raising)
    with pytest.raises(StageRaised, match=r"^stage vbx raised LookupError: no such speaker \(.*line \d+\)$"):
        pipeline.run(inputs())


def test_one_raising_fault_does_not_end_a_calibration(reference):
    ready = Prepared(type("Entry", (), {"name": "clip"})(), Parameters(), reference, inputs())
    bench = bench_of(ready, networks(), weights=None)
    bad = fault("raises", "vbx", "raises", lambda native, workshop: raising)
    nobody = fault("nobody", "assignment", "nobody at all", lambda native, w: lambda *v: np.full_like(native(*v), -2))
    found = calibrate([bench], [bad, nobody])
    assert [(f.detected, f.named, f.restored) for f in found.findings] == [
        (True, "vbx", True), (True, "assignment", True),
    ]  # fmt: skip
    assert found.passed
