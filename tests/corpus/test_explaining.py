"""Answers explained by a base that runs beside them, on a clip and networks that are made up, and what is kept."""

import dataclasses
import json
from types import MappingProxyType

import numpy as np
import pytest
import soundfile
from support.corpora import corpus, line, stand_in
from support.synthetic import captured, waveform, whole_networks

import parity.corpus.explaining as explaining
import parity.corpus.explanations as explanations
import parity.corpus.running
from parity.community1 import Parameters
from parity.corpus.cluster import Tasks
from parity.corpus.explaining import EXPLAINED_TYPES, Asked, Explained, explain_one
from parity.corpus.explanations import base_of, explain_store, explained_rows
from parity.corpus.in_memory import native_pipeline, snapshot_of
from parity.corpus.manifest import Entry
from parity.corpus.running import run_sides
from parity.corpus.sides import Setup, Side, side_of
from parity.corpus.store import Store
from parity.errors import InputError
from parity.explain.memo import Memo
from parity.files.whole import sha256_file
from parity.ports.python import NATIVE, Implementation
from parity.report.document import explanation_data

BASE, SETUP = Side("native", "native:onnx"), Setup("wheels")
OTHER, MINE = Side("ncnn", "native:ncnn"), Side("mine", "mine:stages")
pytestmark = pytest.mark.usefixtures("one_blas_thread")


def everybody_is_one(pipeline):
    assign = pipeline["assignment"].run
    return pipeline.replacing("assignment", lambda *values: np.minimum(assign(*values), 0))


@pytest.fixture
def recording(tmp_path, monkeypatch):
    """A recording, and sides: `ncnn` is a hair off in its embeddings, `mine` gives all turns to one speaker."""
    soundfile.write(tmp_path / "one.wav", waveform()[0], 16_000, subtype="FLOAT")
    of_runtime = {"onnx": whole_networks(), "ncnn": whole_networks(1 + 1e-6)}
    monkeypatch.setattr(explaining, "_weights", lambda source: Weights)
    monkeypatch.setattr(explaining, "_runtime_of", lambda side, source: side.runtime or "onnx")
    monkeypatch.setattr(explaining, "_networks", lambda runtime, setup: of_runtime[runtime])
    mine = Implementation("mine:stages", everybody_is_one)
    monkeypatch.setattr(explaining, "_implementation", lambda side, setup: mine if side == MINE else NATIVE)
    return Entry("one", tmp_path / "one.wav")


class Weights:
    parameters = MappingProxyType({})


def explained(entry, *sides, kept=None, budget=0):
    rows = explain_one(Asked(entry, BASE, sides, kept or {}, SETUP, budget, explanation_data))
    assert all(set(row) == set(EXPLAINED_TYPES) for row in rows)
    return [Explained(**row) for row in rows]


def test_a_changed_answer_is_explained_and_a_hair_changes_nothing(recording):
    base, hair, mine = explained(recording, BASE, OTHER, MINE, budget=4)
    assert [row.error for row in (base, hair, mine)] == [None, None, None]
    assert (base.changed, hair.changed, hair.decisive, hair.explanation) == (False, False, None, None)
    assert mine.changed and {mine.decisive, mine.first_decision, mine.born} == {"assignment"}
    found = json.loads(mine.explanation)
    assert (found["fixture"], found["decisive"], found["seconds"], found["network_runs"]) == (
        "one",
        "assignment",
        0,
        {},
    )
    assert mine.failure == "2 speakers on both; turns of SPEAKER_00, SPEAKER_01 differ"


def test_headroom_is_told_of_every_side_and_margins_of_the_base(recording):
    base, hair = explained(recording, BASE, OTHER)
    alone, beside = ({row["decision"]: row for row in json.loads(side.margins)} for side in (base, hair))
    assert alone.keys() == beside.keys() >= {"best powerset class", "merge above or below the cut"}
    assert {row["drift"] for row in alone.values()} == {None}
    assert [alone[name]["smallest"] for name in alone] == [beside[name]["smallest"] for name in alone]
    assert beside["best powerset class"]["drift"] == 0.0  # segmentation is not the runtime's
    assert beside["best assignment of a chunk"]["headroom"] > 1


def test_another_answer_than_the_one_kept_is_noted(recording):
    (row,) = explained(recording, OTHER)
    (other,) = explained(recording, OTHER, kept={"native": line("one", 0, 1)})
    assert row.as_kept and other == dataclasses.replace(row, as_kept=False)


def test_a_capture_of_the_reference_stands_in_place_of_the_base(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(explaining, "check_weights", lambda snapshot, weights: None)
    made = native_pipeline(whole_networks(), Parameters(), Memo()).run({"samples": waveform(), "sample_rate": 16_000})
    folder = captured(made, tmp_path / "one").folder
    asked = Asked(recording, BASE, (BASE, OTHER), {}, SETUP, 0, explanation_data, folder)
    assert {row["error"] for row in explain_one(asked)} == {
        f"{folder}: captured from other audio than {recording.audio}"
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["clip_sha256"] = sha256_file(recording.audio)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    base, hair = (Explained(**row) for row in explain_one(asked))
    assert (base.error, base.changed, base.out_of_tolerance, hair.changed) == (None, False, None, False)
    drifts = {row["decision"]: row["drift"] for row in json.loads(base.margins)}
    assert drifts["best assignment of a chunk"] == 0  # the base is a candidate now, and the very same


def test_whatever_goes_wrong_is_a_row(recording, monkeypatch):
    recording.audio.unlink()
    (row,) = explained(recording, BASE)
    assert "one.wav" in row.error and row.explanation is None


def test_what_is_made_in_memory_has_what_a_snapshot_has(recording):
    memo, parameters = Memo(), Parameters()
    made = native_pipeline(whole_networks(), parameters, memo).run({"samples": waveform(), "sample_rate": 16_000})
    bare, whole = (snapshot_of(made, parameters, "0", heard=heard) for heard in (False, True))
    assert set(whole.values) - set(bare.values) == {"waveform", "chunk_waveforms", "fbank"} == set(bare.implied)
    assert list(whole.chunks["fbank"]) == list(made["fbank"].chunks)


# what is kept


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Three recordings answered by two sides, whose explanations are made up."""
    monkeypatch.setattr(parity.corpus.running, "answer_one", stand_in)
    identity = {"native": {"side": "native", "runtime": "onnx"}, "small": {"side": "native", "runtime": "onnx-float16"}}
    for module in (parity.corpus.running, explanations):
        monkeypatch.setattr(module, "identity_of", lambda side, setup: identity[side.name])
    kept = Store(tmp_path / "store")
    sides = [Side("native", "native:onnx"), Side("small", "native:onnx-float16")]
    run_sides(kept, corpus(tmp_path, 3), sides, SETUP, Tasks())
    return kept


def told(asked):
    told.asked.append(asked.entry.recording)
    assert set(asked.kept) == {"native", *(side.name for side in asked.sides)}
    name, digest = asked.entry.recording, told.sha[asked.entry.recording]
    return [dataclasses.asdict(Explained(name, digest, changed=side.name == "small")) for side in asked.sides]


def ask(kept, monkeypatch, **options):
    told.asked, told.sha = [], {}
    for row in kept.answers(kept.sides["native"]).rows.values():
        told.sha[row.recording] = row.audio_sha256
    monkeypatch.setattr(explanations, "explain_one", told)
    return explain_store(kept, Tasks(), SETUP, base_of(kept), explanation_data, budget=1, **options)


def test_explanations_are_kept_and_made_anew_with_other_code(store, monkeypatch):
    rows = ask(store, monkeypatch)
    assert told.asked == ["r000", "r001", "r002"] and [row["changed"] for row in rows["small"]] == [True] * 3
    assert ask(store, monkeypatch) == rows == explained_rows(Store(store.folder)) and told.asked == []
    monkeypatch.setattr(explanations, "code_key", lambda modules: "other")
    assert ask(store, monkeypatch) == rows and len(told.asked) == 3


def test_only_flips_are_explained_where_only_they_are_asked_for(store, monkeypatch):
    ask(store, monkeypatch, flips_only=True)
    assert told.asked == []  # both sides stand in for each other


def test_a_recording_that_is_given_up_is_a_row_and_is_tried_again(store, monkeypatch):
    class GivingUp(Tasks):
        def each(self, task, arguments):
            yield from ((number, None, MemoryError("no")) for number, _ in enumerate(arguments))

    with monkeypatch.context() as patched:
        patched.setattr(explanations, "explain_one", told)
        rows = explain_store(store, GivingUp(), SETUP, base_of(store), explanation_data, budget=1)
    assert {row["error"] for row in rows["small"]} == {"MemoryError: no"}
    assert [row["error"] for row in ask(store, monkeypatch)["small"]] == [None] * 3


def test_the_base_is_a_side_of_ours_in_float32(store, monkeypatch):
    assert base_of(store) == side_of("native", {"side": "native", "runtime": "onnx"})
    assert base_of(store, "small").runtime == "onnx-float16"
    with pytest.raises(InputError, match="there are native, small"):
        base_of(store, "pyannote")
    monkeypatch.setattr(explanations, "identity_of", lambda side, setup: {"side": "native", "runtime": "newer"})
    with pytest.raises(InputError, match="native answered with other code"):
        explain_store(store, Tasks(), SETUP, base_of(store), explanation_data, budget=1)
