"""The native stages decide every case as the reference does, and whoever decides otherwise is told where."""

from __future__ import annotations

import numpy as np
import pytest

from parity.community1.assignment import constrained_argmax
from parity.fixtures.decisions import INSIDE, POWERSET, URI, read_decisions
from parity.replay.decisions import ask, judge

CASES = {case.id: case for case in read_decisions()}


@pytest.mark.parametrize("name", CASES)
def test_the_native_stage_decides_as_the_reference(name):
    found = ask(CASES[name])
    assert found.asked
    assert found.agrees, (found.problem, [drift for drift in found.drifts if not drift.within])


def test_every_stage_that_decides_has_cases():
    assert {INSIDE.get(case.stage, case.stage) for case in CASES.values()} == {
        "segmentation", "speaker_counting", "masks", "filter", "ahc", "vbx", "kmeans", "centroids", "scoring",
        "assignment", "reconstruction", "annotation",
    }  # fmt: skip


# what people got wrong in public, as it was reported


def test_p14_two_priors_above_1e_7_and_one_speaker_wanted_runs_kmeans():
    case = CASES["gates/p14_one_wanted"]
    assert case.inputs["sp_final"].tolist() == [0.6, 0.4] and case.parameters == {"num_speakers": 1}
    assert case.expected["kmeans_clusters"].tolist() == [0, 0]
    after = CASES["survivors/p14_one_imposed"]
    assert after.inputs["q_final"].tolist() == [[0.6, 0.4], [0.6, 0.4]]
    assert after.expected["centroids"].shape == (1, 256)


def test_p17_an_inversion_is_cut_into_three_where_own_heights_make_one():
    case = CASES["cut/p17_inversion"]
    np.testing.assert_allclose(case.expected["dendrogram"][:, 2], [1.0, 0.9], atol=1e-6)
    assert case.parameters == {"threshold": 0.95}
    assert sorted(case.expected["ahc_clusters"]) == [0, 1, 2]


def test_p18_tied_rows_are_assigned_as_scipy_does():
    case = CASES["assignment/p18_tied_rows"]
    assert case.inputs["soft_clusters"].tolist() == [[[0, 0], [0, 0], [1, 1]]]
    assert case.expected["hard_clusters"].tolist() == [[-2, 1, 0]]


def test_p20_the_exclusive_answer_goes_to_the_most_active():
    case = CASES["votes/p20_exclusive_most_active"]
    exclusive = case.expected["exclusive_discrete_diarization"]
    assert exclusive[100].tolist() == [1, 0] and case.expected["discrete_diarization"][100].tolist() == [1, 1]


# who decides otherwise


def _first(stage):
    return next(case for case in CASES.values() if case.stage == stage)


def test_a_wrong_decision_is_compared_and_named():
    case = CASES["assignment/best_total"]
    found = judge(case, {"hard_clusters": np.array([[0, 1, 2]], np.int8)})
    (drift,) = found.drifts
    assert not found.agrees and (drift.mismatches, drift.got, drift.want) == (2, 0, 1)
    assert drift.where.startswith("chunk 0, speaker 0")


def test_a_missing_an_extra_and_a_misshapen_answer_are_said():
    case = CASES["assignment/best_total"]
    assert judge(case, {}).problem == "wrote no hard_clusters"
    assert "shape (1, 2)" in judge(case, {"hard_clusters": np.zeros((1, 2), np.int8)}).drifts[0].note
    unwanted = judge(CASES["gates/none_given"], {"kmeans_clusters": np.zeros(6, np.int32)})
    assert unwanted.problem == "wrote kmeans_clusters, where the reference does not run the stage"


def test_a_stage_that_raises_does_not_agree():
    def broken(native):
        return native.replacing("filter", lambda embeddings, segmentations: 1 / 0)

    found = ask(_first("filter"), broken)
    assert not found.agrees and "ZeroDivisionError" in found.problem


def test_a_segmentation_with_a_network_of_its_own_is_not_asked():
    def own(waveform):
        return np.zeros((1, 589, 7), np.float32), np.zeros((1, 589, 3), np.float32)

    found = ask(_first(POWERSET), lambda native: native.replacing("segmentation", own))
    assert not found.asked


def test_turns_are_compared_as_text_under_one_name():
    case = CASES["turns/middles"]
    assert URI in case.expected["diarization"]
    assert judge(case, dict(case.expected)).agrees
    later = {name: text.replace("1 0.08", "1 0.09") for name, text in case.expected.items()}
    assert not judge(case, later).agrees


def test_none_of_the_constrained_answers_could_be_had_by_a_plain_argmax():
    """The cases of an assignment are about the assignment: most differ from each speaker's best cluster."""
    asked = [c for c in CASES.values() if c.stage == "assignment" and "kmeans_clusters" not in c.inputs]
    soft = [case.inputs["soft_clusters"] for case in asked if case.inputs["soft_clusters"].shape[2] > 1]
    differing = [not np.array_equal(constrained_argmax(s), np.argmax(s, axis=2)) for s in soft]
    assert sum(differing) > len(differing) / 2
