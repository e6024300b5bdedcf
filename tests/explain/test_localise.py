"""Localisation: planted mistakes on a synthetic clip, where the truth is known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from support.schemas import valid
from support.synthetic import automatic as clean_run
from support.synthetic import captured, inputs, networks

from parity.community1 import Parameters, community1_pipeline
from parity.errors import InputError
from parity.explain.answer import frame_disagreement
from parity.explain.case import case_of, read_case, run_case, write_case
from parity.explain.explanation import BORN_SMALL, INHERITED, INTO_CANDIDATE, INTO_REFERENCE, UNCLEAR, WITHIN
from parity.explain.localise import Answered, Question, explain
from parity.explain.memo import Memo
from parity.explain.supply import downstream
from parity.fixtures.snapshot import Snapshot
from parity.pipeline.stage import ChunkSeries, Pipeline
from parity.ports.arrays import read_arrays, with_arrays

NUM_CHUNKS = 8


pytestmark = pytest.mark.usefixtures("one_blas_thread")


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> Snapshot:
    return captured(clean_run(), tmp_path_factory.mktemp("reference") / "one")


def ask(reference: Snapshot, change=lambda pipeline: pipeline, budget: int = 60, after=None) -> Answered:
    memo = Memo()
    native = memo.pipeline(community1_pipeline(memo.networks(networks()), Parameters()))
    candidate = memo.pipeline(change(native))
    found = explain(Question("clip", "mine", native, candidate, reference, inputs(), memo, budget=budget))
    if after:
        after(memo)
    return found


def replacing(stage: str, change):
    """A pipeline in which a stage's results are changed as they leave it."""

    def plant(pipeline: Pipeline) -> Pipeline:
        native = pipeline[stage].run
        return pipeline.replacing(stage, lambda *values: change(native(*values)))

    return plant


def two_faults(*plants):
    def both(pipeline: Pipeline) -> Pipeline:
        for plant in plants:
            pipeline = plant(pipeline)
        return pipeline

    return both


def swapped_speakers(hard: np.ndarray) -> np.ndarray:
    hard = hard.copy()
    hard[2] = np.where(hard[2] >= 0, 1 - hard[2], hard[2])
    return hard


def one_more_everywhere(count: np.ndarray) -> np.ndarray:
    return np.where((count == 1) & (np.arange(len(count)) % 50 == 7)[:, None], 2, count).astype(np.uint8)


def verdicts(found: Answered) -> dict[str, str]:
    return {stage.stage: stage.verdict for stage in found.explanation.stages}


# the same code


def test_nothing_is_named_where_nothing_differs_and_networks_work_on_every_chunk_once(reference):
    runs = {}
    found = ask(reference, after=lambda memo: runs.update(memo.network_runs)).explanation
    assert not found.answer_changed
    assert found.named == () and found.patches == () and found.elements is None
    assert {stage.verdict for stage in found.stages} == {WITHIN, "not compared"}
    assert [stage.stage for stage in found.stages if stage.verdict == "not compared"] == ["kmeans"]
    assert runs == {"segmentation": NUM_CHUNKS, "trunk": NUM_CHUNKS}


@pytest.mark.parametrize("stage", ["speaker_counting", "assignment", "embeddings"])
def test_every_patch_together_reruns_no_network(reference, stage):
    runs = {}
    changes = {
        "speaker_counting": one_more_everywhere,
        "assignment": swapped_speakers,
        "embeddings": lambda e: np.where(np.arange(len(e))[:, None, None] == 2, -e, e),
    }
    found = ask(reference, replacing(stage, changes[stage]), after=lambda memo: runs.update(memo.network_runs))
    assert len(found.explanation.patches) >= 60
    assert runs == {"segmentation": NUM_CHUNKS, "trunk": NUM_CHUNKS}


# where it is born


@pytest.mark.parametrize(
    ("stage", "change"),
    [
        ("segmentation", lambda r: (r[0], np.roll(r[1], 40, axis=1))),
        ("speaker_counting", one_more_everywhere),
        ("masks", lambda masks: masks * 0),
        ("fbank", lambda s: ChunkSeries(s.chunks, lambda chunk: s.compute(chunk) + np.float32(0.1))),
        ("embeddings", lambda e: e + np.float32(1e-3)),
        ("filter", lambda r: (r[0][1:], r[1][1:])),
        ("xvec", lambda x: x * 1.001),
        ("plda", lambda r: (r[0] + 1e-6, r[1])),
        ("ahc", lambda r: (r[0], np.zeros_like(r[1]))),
        ("vbx", lambda r: (r[0], r[1] ** 2, r[2], r[3])),
        ("centroids", lambda c: c[::-1].copy()),
        ("scoring", lambda s: s + 1e-6),
        ("assignment", swapped_speakers),
        ("reconstruction", lambda r: (np.roll(r[0], 3, axis=0), r[1])),
        ("annotation", lambda r: (r[0][:-1], r[1])),
    ],
)
def test_the_stage_that_was_changed_is_named_and_no_other(reference, stage, change):
    found = ask(reference, replacing(stage, change), budget=0)
    assert found.explanation.named == (stage,)
    assert not found.replay.at_parity
    later = [v for v in found.explanation.stages if v.verdict in (INHERITED, UNCLEAR)]
    order = [v.stage for v in found.explanation.stages]
    assert all(order.index(v.stage) > order.index(stage) for v in later)


def test_two_changed_stages_are_both_named(reference):
    plant = two_faults(replacing("speaker_counting", one_more_everywhere), replacing("scoring", lambda s: s + 1e-6))
    assert ask(reference, plant, budget=0).explanation.named == ("speaker_counting", "scoring")


def test_a_filterbank_inside_its_own_tolerance_is_named_where_it_puts_embeddings_outside_theirs(reference):
    off = replacing("fbank", lambda s: ChunkSeries(s.chunks, lambda chunk: s.compute(chunk) + np.float32(1.5e-5)))
    found = ask(reference, off, budget=0)
    assert not found.replay.at_parity
    assert found.explanation.named == ("fbank",)
    assert verdicts(found)["fbank"] == BORN_SMALL
    assert verdicts(found)["embeddings"] == INHERITED


def test_amplification_tells_conditioning_from_the_candidates_own(reference):
    off = replacing("fbank", lambda s: ChunkSeries(s.chunks, lambda chunk: s.compute(chunk) + np.float32(0.1)))
    both = two_faults(off, replacing("embeddings", lambda e: e * np.float32(1.01)))
    for plant, own in ((off, 0.0), (both, 0.01)):
        stages = {v.stage: v for v in ask(reference, plant, budget=0).explanation.stages}
        found = stages["embeddings"].amplification
        assert found.own == pytest.approx(own, abs=2e-4)
        assert found.explained > 1e-3
        assert found.gain == pytest.approx(found.explained / found.read)


def test_what_was_not_compared_is_not_called_within(tmp_path):
    partial = captured(clean_run(), tmp_path / "one", schema=False, without=("masks", "fbank"))
    found = ask(partial, replacing("masks", lambda masks: masks * 0), budget=0)
    stages = {v.stage: v for v in found.explanation.stages}
    assert stages["masks"].verdict == "not compared"
    assert set(stages["embeddings"].uncompared) == {"masks", "fbank"}
    # Which chunks' waveforms were kept is told by the filterbank's.
    assert set(found.explanation.stand_ins) == {"masks", "fbank", "chunk_waveforms"}


# what decides


@pytest.mark.parametrize(
    ("stage", "change"), [("speaker_counting", one_more_everywhere), ("assignment", swapped_speakers)]
)
def test_the_changed_stage_decides_and_its_patch_restores_the_answer(reference, stage, change):
    found = ask(reference, replacing(stage, change), budget=0).explanation
    assert found.answer_changed
    assert found.decisive == stage
    alone = {(p.direction, p.stages): p for p in found.patches if not p.prefix}
    there, back = alone[INTO_CANDIDATE, (stage,)], alone[INTO_REFERENCE, (stage,)]
    assert there.restored and there.recovery.frames == 1.0 and there.der == 0.0
    assert not back.restored and back.recovery.frames == pytest.approx(1.0)
    assert not alone[INTO_CANDIDATE, ("masks",)].restored


def test_each_stage_and_each_prefix_is_patched_in_both_directions(reference):
    found = ask(reference, replacing("assignment", swapped_speakers), budget=0).explanation
    names = [stage.stage for stage in found.stages]
    for direction in (INTO_CANDIDATE, INTO_REFERENCE):
        patches = [p for p in found.patches if p.direction == direction]
        assert [p.stages for p in patches if not p.prefix] == [(name,) for name in names]
        assert [p.stages for p in patches if p.prefix] == [tuple(names[: n + 1]) for n in range(1, len(names))]
    restored = [p.restored for p in found.patches if p.prefix and p.direction == INTO_CANDIDATE]
    assert restored == sorted(restored)


def test_two_faults_that_each_break_the_answer_are_called_an_interaction(reference):
    plant = two_faults(replacing("speaker_counting", one_more_everywhere), replacing("assignment", swapped_speakers))
    found = ask(reference, plant).explanation
    assert found.interaction == ("speaker_counting", "assignment")
    assert found.decisive is None
    assert found.elements is None


# which elements


def test_the_embeddings_that_decide_are_found_among_all_that_drift(reference):
    # Two speakers of one chunk swapped: the answer breaks with both, and either of the two put right restores it.
    def change(embeddings: np.ndarray) -> np.ndarray:
        changed = embeddings + np.float32(1e-4)
        if len(changed) == NUM_CHUNKS:
            changed[2, [0, 1]] = changed[2, [1, 0]]
        return changed

    found = ask(reference, replacing("embeddings", change)).explanation
    assert found.answer_changed and found.decisive == "embeddings"
    elements = found.elements
    assert elements.artefact == "embeddings" and elements.differing == NUM_CHUNKS * 3
    assert len(elements.chosen) == 1 and elements.chosen[0].index in [(2, 0), (2, 1)]
    assert [element.index for element in elements.sufficient] == [(2, 0), (2, 1)]
    assert elements.minimal and elements.runs <= elements.budget
    element = elements.chosen[0]
    assert 2 <= element.start < element.end <= 12.1
    assert len(element.speakers) == 1 and element.speakers[0] in elements.signature


def test_a_budget_that_ends_early_says_so(reference):
    found = ask(reference, replacing("speaker_counting", one_more_everywhere), budget=4).explanation
    assert not found.elements.minimal
    assert found.elements.runs <= 5


def test_a_written_case_brings_the_failure_about_and_a_mended_one_does_not(reference, tmp_path):
    found = ask(reference, replacing("assignment", swapped_speakers))
    case = case_of(found.explanation, found.patching)
    write_case(tmp_path / "case.json", case)
    valid(tmp_path / "case.json", "case_schema.json")
    again = read_case(tmp_path / "case.json")
    assert again == case
    assert run_case(again, found.patching, Path("case.json")) == (True, found.explanation.elements.signature)
    mended = dataclasses.replace(case, rows=tuple({**row, "candidate": row["reference"]} for row in case.rows))
    assert run_case(mended, found.patching, Path("case.json")) == (False, "the answer is the reference's")


def test_a_case_that_does_not_fit_is_refused_in_one_line(reference, tmp_path):
    found = ask(reference, replacing("assignment", swapped_speakers))
    case = case_of(found.explanation, found.patching)
    with pytest.raises(InputError, match="made on clip ffff"):
        run_case(dataclasses.replace(case, clip_sha256="f" * 64), found.patching, Path("case.json"))
    outside = dataclasses.replace(case, rows=({**case.rows[0], "index": [99, 0]},))
    with pytest.raises(InputError, match="not a row of this snapshot's hard_clusters"):
        run_case(outside, found.patching, Path("case.json"))
    (tmp_path / "odd.json").write_text('{"schema": 1}')
    with pytest.raises(InputError, match="not a case of schema 1"):
        read_case(tmp_path / "odd.json")
    clean = ask(reference)
    with pytest.raises(InputError, match="no set of elements"):
        case_of(clean.explanation, clean.patching)


# arrays on disk


def arrays(folder: Path, **contents) -> Path:
    folder.mkdir()
    for file, values in contents.items():
        np.savez(folder / f"{file}.npz", **values)
    return folder


def test_arrays_that_a_port_left_are_localised_like_code(reference, tmp_path):
    embeddings = reference.values["embeddings"].copy()
    embeddings[2] = -embeddings[2]
    folder = arrays(tmp_path / "port", raw_embeddings={"embeddings": embeddings})
    found = ask(reference, lambda pipeline: with_arrays(pipeline, read_arrays(folder)))
    assert found.explanation.named == ("embeddings",)
    assert found.explanation.decisive == "embeddings"
    assert {index[0] for index in (e.index for e in found.explanation.elements.chosen)} == {2}


def test_given_arrays_behind_a_patch_are_computed_by_native_code(reference, tmp_path):
    # A port dumped its embeddings and, made from them, its clusters: mending the embeddings mends the answer.
    embeddings = reference.values["embeddings"].copy()
    embeddings[2] = -embeddings[2]
    folder = arrays(tmp_path / "first", raw_embeddings={"embeddings": embeddings})
    first = ask(reference, lambda pipeline: with_arrays(pipeline, read_arrays(folder)), budget=0)
    hard = first.patching.made["hard_clusters"]
    both = arrays(tmp_path / "both", raw_embeddings={"embeddings": embeddings}, clustering={"hard_clusters": hard})
    found = ask(reference, lambda pipeline: with_arrays(pipeline, read_arrays(both)), budget=0).explanation
    assert found.decisive == "embeddings"


def test_given_arrays_that_are_the_references_own_decide_nothing(reference, tmp_path):
    # The segmentations are right, so patching them must not hide that the count made from them is wrong.
    count = np.minimum(reference.values["count"], 1)
    port = {"segmentations": {"segmentations": reference.values["segmentations"]}, "reconstruction": {"count": count}}
    folder = arrays(tmp_path / "port", **port)
    found = ask(reference, lambda pipeline: with_arrays(pipeline, read_arrays(folder)), budget=0).explanation
    assert found.decisive == "speaker_counting"


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"raw_embeddings": {"embeddings": np.zeros((3, 3, 4), np.float32)}}, "has shape (3, 3, 4)"),
        ({"raw_embeddings": {"embedding": np.zeros((3, 3, 256), np.float32)}}, "unknown key embedding; did you mean"),
        ({"embeddings": {"embeddings": np.zeros(3)}}, "has shape (3), expected the 3 dims (C, S, 256)"),
        ({"masks": {"masks": np.full((8, 3, 589), np.nan, np.float32)}}, "14136 of 14136 values are NaN"),
        ({"segmentations": {"segmentations": np.zeros((8, 588, 3), np.float32)}}, "has shape (8, 588, 3), expected"),
        (
            {"phi": {"phi": np.zeros(12)}, "embeding": {"embeding": np.zeros(12)}},
            "2 things are wrong: ",
        ),
        ({}, "holds no artefact"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_line(tmp_path, contents, words):
    with pytest.raises(InputError) as caught:
        read_arrays(arrays(tmp_path / "port", **contents))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_arrays_of_another_clip_are_reported_by_the_stage_they_do_not_fit(reference, tmp_path):
    folder = arrays(tmp_path / "port", raw_embeddings={"embeddings": np.ones((5, 3, 256), np.float32)})
    found = ask(reference, lambda pipeline: with_arrays(pipeline, read_arrays(folder)), budget=0)
    (raised,) = found.replay.raised
    assert raised.stage == "filter" and raised.wrong_before == "embeddings" and raised.inherited
    assert "embeddings" in found.explanation.named and "filter" not in found.explanation.named


# small parts


def test_downstream_is_everything_that_reads_it_or_what_comes_of_it():
    native = community1_pipeline(networks(), Parameters())
    assert downstream(native, {"count"}) == {
        "masks", "fbank", "embeddings", "filter", "centroids", "scoring", "assignment", "xvec", "plda", "ahc", "vbx",
        "kmeans", "reconstruction", "annotation",
    }  # fmt: skip
    assert downstream(native, {"hard_clusters"}) == {"reconstruction", "annotation"}


def test_renamed_speakers_do_not_disagree_and_another_speaker_does():
    one = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], dtype=np.float32)
    assert frame_disagreement(one[:, ::-1], one) == 0.0
    assert frame_disagreement(np.pad(one, ((0, 0), (0, 2))), one) == 0.0
    other = one.copy()
    other[3, 0] = 1
    assert frame_disagreement(other, one) == 0.25
    assert frame_disagreement(one[:3], one) is None
