"""A deviation on purpose: the native pipeline with what is declared is the yardstick, and its cost is said apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support import dump_examples, synthetic
from support.refusals import refusal

from parity.community1 import Parameters, community1_pipeline
from parity.community1.plda import solve_plda
from parity.fixtures.noise import NoiseFloor, Variant
from parity.fixtures.prepare import Prepared
from parity.fixtures.snapshot import Snapshot
from parity.measure.verdicts import DECLARED, DRIFT, LIMITED, PARITY
from parity.pipeline.stage import ChunkSeries
from parity.ports.dump.comparison import EQUIVALENT, EXACT, compare_dumps
from parity.ports.dump.reading import Dump, read_dump
from parity.ports.judging import as_declared, declared_of, judge, parameters_of
from parity.ports.yardstick import Means, as_dump, yardstick

WHOLE_CHAIN = (
    "segmentations", "count", "embeddings", "dendrogram", "elbo_trajectory", "hard_clusters", "discrete_diarization",
)  # fmt: skip
FA = "fa = 0.3 is declared, and elbo_trajectory is what fa = 0.07 gives"


def never():
    raise AssertionError("nothing that is declared needs this")


NOTHING = Means(never, never, never)


def loaded(counted: list[str] | None = None) -> Means:
    told = [] if counted is None else counted
    return Means(
        lambda: told.append("networks") or synthetic.networks(),
        lambda: told.append("plda") or solve_plda(synthetic.plda_arrays()),
        lambda: told.append("inputs") or synthetic.inputs(),
    )


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Snapshot:
    return synthetic.captured(synthetic.automatic(), tmp_path_factory.mktemp("clip") / "clip")


def port(clip: Snapshot, declared: dict, *, shows: dict | None = None) -> Dump:
    """A dump that declares something, of the pipeline with what it truly has."""
    values = declared if shows is None else shows
    made = community1_pipeline(synthetic.networks(), replace(Parameters(), **values)).run(synthetic.inputs())
    arrays = {}
    for name in WHOLE_CHAIN:
        value = made[name]
        arrays[name] = value.take(value.chunks) if isinstance(value, ChunkSeries) else value
    places = {name: f"port: {name}" for name in arrays}
    return Dump(clip.folder.parent / "port", arrays, places=places, declared=declared)


@pytest.mark.parametrize(
    ("declared", "loads"),
    [
        ({"fa": 0.3, "max_iterations": 3}, set()),
        ({"min_duration_off": 0.9}, set()),
        ({"count_threshold": 0.2}, set()),
        ({"num_speakers": 3}, set()),
        ({"min_active_ratio": 0.5}, {"plda"}),
        ({"exclude_overlap": False}, {"networks", "plda", "inputs"}),
        ({"chunk_step": 0.5}, {"networks", "plda", "inputs"}),
        ({"chunk_step": 2.5, "threshold": 0.2}, {"networks", "plda", "inputs"}),
    ],
)
def test_a_port_that_does_what_it_declares_is_at_parity_given_that(clip, declared, loads):
    told: list[str] = []
    found = judge("clip", read_dump(clip.folder), port(clip, declared), lambda reference: loaded(told))
    assert found.comparison.verdict == DECLARED, found.comparison.first_drift
    assert not found.comparison.form and found.comparison.declaration.declared == declared
    # Networks that ran twice may differ in the last place, as BLAS takes more threads or fewer.
    as_good = {EXACT, EQUIVALENT} if "networks" in loads else {EXACT}
    assert {a.verdict for a in found.comparison.artefacts} <= as_good
    assert set(told) == loads  # nothing is loaded, and no network runs, that what is declared does not need


def test_the_same_dump_without_its_declaration_drifts(clip):
    dump = port(clip, {"chunk_step": 0.5})
    found = judge("clip", read_dump(clip.folder), replace(dump, declared={}), lambda reference: NOTHING)
    assert found.comparison.verdict == DRIFT and found.yardstick is None
    (shape,) = [a.note for a in found.comparison.artefacts if a.name == "segmentations"]
    assert "shape (15, 589, 3) for (8, 589, 3)" in shape


def test_what_stands_before_the_deviation_is_the_references_own(clip):
    declared = {"fa": 0.3}
    dump = port(clip, declared)
    dump.values["embeddings"] = dump.values["embeddings"] + 1e-3
    found = judge("clip", read_dump(clip.folder), dump, lambda reference: NOTHING).comparison
    assert found.verdict == DRIFT and found.first_drift.name == "embeddings"
    assert "embeddings" not in found.declaration.artefacts and "q_final" in found.declaration.artefacts
    assert not found.declaration.unshown


@pytest.mark.parametrize(
    ("declared", "shows", "said"),
    [
        ({"fa": 0.3}, {}, FA),
        (
            {"fa": 0.3, "chunk_step": 0.5},
            {"chunk_step": 0.5},
            FA,
        ),
        ({"fa": 0.3, "chunk_step": 0.5}, {"fa": 0.3}, "chunk_step = 0.5 is declared, and segmentations is what"),
        ({"num_speakers": 3}, {}, "num_speakers = 3 is declared, and hard_clusters is what num_speakers = none gives"),
    ],
)
def test_a_declared_value_that_the_dump_does_not_show_is_said(clip, declared, shows, said):
    dump = port(clip, declared, shows=shows)
    found = judge("clip", read_dump(clip.folder), dump, lambda reference: loaded()).comparison
    assert found.verdict == DRIFT
    assert len(found.declaration.unshown) == 1 and found.declaration.unshown[0].startswith(said)


def test_of_a_value_that_is_shown_and_a_fault_behind_it_nothing_is_said(clip):
    dump = port(clip, {"fa": 0.3})
    dump.values["discrete_diarization"] = 1 - dump.values["discrete_diarization"]
    found = judge("clip", read_dump(clip.folder), dump, lambda reference: NOTHING).comparison
    assert found.first_drift.name == "discrete_diarization" and not found.declaration.unshown


def test_what_it_costs_is_its_answer_against_the_references():
    reference = dump_examples.reference()
    found = yardstick(reference.snapshot(), parameters_of(reference), {"fa": 0.3}, NOTHING)
    answer = compare_dumps("02", reference, found.dump()).turns["diarization"]
    assert found.cost == answer
    assert found.cost.score.der > 0.2 and found.cost.speakers == (2, 3)  # VBx with fa = 0.3 splits a speaker there
    assert found.network_chunks == {} and found.instead == {"fa": 0.07}


def test_declaring_what_the_reference_has_is_no_deviation(clip):
    found = judge("clip", read_dump(clip.folder), port(clip, {"fa": 0.07, "chunk_step": 1.0}), lambda r: NOTHING)
    assert found.comparison.verdict == PARITY and found.yardstick is None


def test_little_coverage_stays_little_coverage(clip):
    dump = port(clip, {"fa": 0.3})
    dump.values = {"embeddings": dump.values["embeddings"]}
    found = judge("clip", read_dump(clip.folder), dump, lambda reference: NOTHING).comparison
    assert found.verdict == LIMITED


def test_a_file_declares_for_a_dump_that_cannot_and_not_twice(clip, tmp_path):
    (tmp_path / "mine.toml").write_text("fa = 0.3\n")
    assert declared_of(port(clip, {}), tmp_path / "mine.toml") == {"fa": 0.3}
    assert "is there too; one of them has to go" in refusal(
        declared_of, port(clip, {"fb": 1.0}), tmp_path / "mine.toml"
    )


def test_a_fixture_is_replayed_and_explained_with_the_yardstick_and_its_noise_left_out(clip):
    found = yardstick(clip, Parameters(), {"fa": 0.3}, NOTHING)
    variant = Variant("threads", "", 1.0, {}, False, {"embeddings": None, "embeddings_all_rows": None, "q_final": None})
    floor = NoiseFloor("clip", "0", (variant,))
    ready = Prepared(None, Parameters(), clip, synthetic.inputs(), floor)
    assert as_declared(ready, None) is ready
    moved = as_declared(ready, found)
    assert moved.parameters.fa == 0.3 and moved.snapshot is found.snapshot
    assert set(moved.noise.variants[0].artefacts) == {"embeddings", "embeddings_all_rows"}


def test_what_the_clip_says_beside_the_arrays_stays_beside_the_yardstick():
    parts = {"manifest": {}, "companions": {}, "folder": Path("made")}
    waveform, own = np.zeros((1, 3), np.float32), np.ones((2, 3), np.float32)
    recorded = {"waveform": waveform, "chunk_waveforms": own, "count": own}
    ready = Prepared(
        SimpleNamespace(name="clip"), Parameters(),
        Snapshot(**parts, values=recorded, chunks={"chunk_waveforms": np.arange(2)}, implied={"fbank": own}), {},
    )  # fmt: skip
    measured = Snapshot(**parts, values={"count": own + 1}, chunks={})
    found = SimpleNamespace(snapshot=measured, parameters=Parameters(fa=0.3), artefacts=("count", "chunk_waveforms"))
    snapshot = as_declared(ready, found).snapshot
    assert snapshot.values["waveform"] is waveform and snapshot.values["count"][0, 0] == 2
    assert "chunk_waveforms" not in snapshot.values and dict(snapshot.chunks) == {}  # these are declared otherwise
    assert list(snapshot.implied) == ["fbank"]


def test_a_snapshot_with_another_step_says_where_its_chunks_are(clip):
    found = yardstick(clip, Parameters(), {"chunk_step": 0.5}, loaded())
    assert found.snapshot.chunk_step == 0.5 and clip.chunk_step == 1.0
    dump = as_dump(found.snapshot, found.declared)
    dump.values["embeddings"] = dump.values["embeddings"].copy()
    dump.values["embeddings"][3] += 1
    (artefact,) = [a for a in compare_dumps("clip", found.dump(), dump).artefacts if a.name == "embeddings"]
    assert artefact.drift.where.endswith("at 1.5 s")
    assert found.network_chunks == {"segmentation": 15, "embeddings": 15}
    assert np.array_equal(found.snapshot.chunks["fbank"], clip.chunks["fbank"])
