"""Artefacts kept by chunk: a port may hold every chunk, the recorded ones, or others; no command may trip over it."""

from __future__ import annotations

import numpy as np
import pytest
from support.synthetic import automatic, captured, inputs, networks
from threadpoolctl import threadpool_limits

from parity.community1 import Parameters, community1_pipeline
from parity.errors import InputError
from parity.explain.explanation import INTO_REFERENCE
from parity.explain.localise import Question, explain
from parity.explain.memo import Memo
from parity.fixtures.snapshot import Snapshot
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import ChunkSeries
from parity.ports.arrays import with_arrays
from parity.ports.dump.comparison import compare_dumps
from parity.ports.dump.given import given_values
from parity.ports.dump.reading import Dump
from parity.replay.engine import replay

ALL = range(8)
RECORDED = (0, 3, 6)  # as `support.synthetic.captured` keeps them
SUBSETS = {"all": ALL, "recorded": RECORDED, "more": (0, 1, 3, 4, 6), "one of them": (3,), "others": (1, 2, 7)}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Snapshot:
    return captured(automatic(), tmp_path_factory.mktemp("reference") / "one")


def port(chunks, scale: float = 1.0, without: tuple[str, ...] = ()) -> dict:
    """Everything that the synthetic clip gives, what is kept by chunk for some chunks, the filterbank scaled."""
    values = {name: value for name, value in automatic().items() if name in ARTEFACTS and value is not None}
    whole = values["fbank"]
    logits = values["segmentation_logits"]
    values["fbank"] = ChunkSeries.recorded(np.array(chunks), whole.take(chunks) * np.float32(scale))
    values["segmentation_logits"] = ChunkSeries.recorded(np.array(chunks), logits[list(chunks)])
    return {name: value for name, value in values.items() if name not in without}


def asked(reference: Snapshot, values: dict):
    memo = Memo()
    native = memo.pipeline(community1_pipeline(memo.networks(networks()), Parameters()))
    candidate = memo.pipeline(with_arrays(native, values))
    return explain(Question("clip", "arrays", native, candidate, reference, inputs(), memo, budget=20))


def wrong_assignment(values: dict) -> dict:
    hard = values["hard_clusters"].copy()
    hard[2] = np.where(hard[2] >= 0, 1 - hard[2], hard[2])
    native = with_arrays(community1_pipeline(networks(), Parameters()), {**values, "hard_clusters": hard})
    behind = ("discrete_diarization", "exclusive_discrete_diarization", "diarization", "exclusive_diarization")
    made = native.replacing("reconstruction", community1_pipeline(networks(), Parameters())["reconstruction"].run)
    made = made.replacing("annotation", community1_pipeline(networks(), Parameters())["annotation"].run).run(inputs())
    return {**values, "hard_clusters": hard, **{name: made[name] for name in behind}}


@pytest.mark.parametrize("chunks", SUBSETS.values(), ids=SUBSETS)
def test_a_wrong_stage_is_explained_whatever_chunks_of_the_filterbank_were_dumped(reference, chunks):
    found = asked(reference, wrong_assignment(port(chunks))).explanation
    assert found.answer_changed and found.named == ("assignment",) and found.decisive == "assignment"
    assert {p.stages for p in found.patches if p.direction == INTO_REFERENCE} >= {("fbank",), ("assignment",)}


@pytest.mark.parametrize("chunks", SUBSETS.values(), ids=SUBSETS)
def test_a_wrong_filterbank_is_patched_in_both_directions_whatever_chunks_of_it_were_dumped(reference, chunks):
    found = asked(reference, wrong_assignment(port(chunks, scale=1.5))).explanation
    (fbank,) = (verdict for verdict in found.stages if verdict.stage == "fbank")
    assert fbank.verdict == ("not compared" if chunks == SUBSETS["others"] else "born")
    assert found.answer_changed and "assignment" in found.named and found.decisive == "assignment"
    (patch,) = (p for p in found.patches if p.direction == INTO_REFERENCE and p.stages == ("fbank",))
    assert patch.der is not None


@pytest.mark.parametrize("chunks", SUBSETS.values(), ids=SUBSETS)
def test_a_replay_compares_the_chunks_that_both_sides_have(reference, chunks):
    pipeline = with_arrays(community1_pipeline(networks(), Parameters()), port(chunks))
    outcome = replay(pipeline, reference, inputs())
    common = [chunk for chunk in chunks if chunk in RECORDED]
    for name, numbers in (("fbank", 998 * 80), ("segmentation_logits", 589 * 7)):
        compared = [drift.compared for drift in outcome.drifts if drift.artefact == name and drift.mode == "cascaded"]
        assert compared == ([len(common) * numbers] if common else [])
    assert outcome.at_parity == bool(common)
    assert common or "missing: segmentation_logits, fbank" in outcome.problems[0]


def test_a_comparison_hands_on_every_chunk_of_a_filterbank_that_the_candidate_has(reference):
    arrays = {n: v for n, v in automatic().items() if isinstance(v, np.ndarray) and n in ARTEFACTS}
    arrays["fbank"] = automatic()["fbank"].take(ALL)
    candidate = Dump(reference.folder, arrays, places=dict.fromkeys(arrays, "somewhere"))
    kept = {f"{name}_chunks": chunks for name, chunks in reference.chunks.items()}
    theirs = Dump(reference.folder, dict(reference.values), kept, dict.fromkeys(reference.values, "somewhere"))
    values = given_values(compare_dumps("clip", theirs, candidate), candidate)
    assert list(values["fbank"].chunks) == list(ALL)
    del candidate.values["embeddings"]
    assert list(given_values(compare_dumps("clip", theirs, candidate), candidate)["fbank"].chunks) == list(ALL)
    candidate.values["fbank"] = candidate.values["fbank"][:3]
    candidate.beside["fbank_chunks"] = np.arange(3)
    assert "fbank" not in given_values(compare_dumps("clip", theirs, candidate), candidate)


@pytest.mark.parametrize("chunks", [(0, 1, 2), RECORDED])
def test_a_filterbank_of_some_chunks_without_embeddings_is_refused_in_one_line(reference, chunks):
    with pytest.raises(InputError, match="so embeddings have to be given too"):
        with_arrays(community1_pipeline(networks(), Parameters()), port(chunks, without=("embeddings",))).run(inputs())


def test_arrays_that_contradict_each_other_in_length_are_explained(reference):
    values = wrong_assignment(port(ALL))
    found = asked(reference, {**values, "q_final": values["q_final"][:-1]}).explanation
    assert found.answer_changed and "assignment" in found.named
