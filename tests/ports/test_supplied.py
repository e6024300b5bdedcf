"""Of arrays that a port left, `run` and `explain` say what `compare` says: same words, same verdict, same doubts."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support import synthetic
from support.dump_examples import copy_of, write
from support.refusals import refusal

from parity.community1 import Parameters, community1_pipeline
from parity.explain.localise import ask, candidate_of, explain
from parity.fixtures.prepare import Prepared
from parity.measure.verdicts import (
    DECLARED,
    DRIFT,
    EQUIVALENT,
    ERROR,
    INCONCLUSIVE,
    LIMITED,
    PARITY,
)
from parity.ports.arrays import Supplied, supplied_by
from parity.ports.dump.comparison import compare_dumps
from parity.ports.dump.deviations import FILE
from parity.ports.dump.given import given_values
from parity.ports.dump.reading import Dump, read_dump
from parity.ports.judging import judge, means_of
from parity.ports.python import NATIVE
from parity.ports.yardstick import yardstick
from parity.replay import replay

HELD = (
    "segmentations", "count", "embeddings", "q_final", "centroids", "hard_clusters", "discrete_diarization",
    "diarization",
)  # fmt: skip


@pytest.fixture(scope="module")
def ready(tmp_path_factory) -> Prepared:
    folder = tmp_path_factory.mktemp("reference") / "clip"
    snapshot = synthetic.captured(synthetic.automatic(), folder)
    return Prepared(SimpleNamespace(name="clip"), Parameters(), snapshot, synthetic.inputs())


def short_frames(dump: Dump, folder: Path) -> None:
    for name in ("count", "discrete_diarization"):
        dump.values[name] = dump.values[name][:-5]


def other_numbers(dump: Dump, folder: Path) -> None:
    hard = dump.values["hard_clusters"]
    dump.values["hard_clusters"] = np.where(hard >= 0, 1 - hard, hard).astype(hard.dtype)
    for name, axis in (("centroids", 0), ("discrete_diarization", 1)):
        dump.values[name] = np.flip(dump.values[name], axis).copy()


def reused_buffer(dump: Dump, folder: Path) -> None:
    dump.values["embeddings"] = np.repeat(dump.values["embeddings"][:1], len(dump.values["embeddings"]), axis=0)


def no_answer(dump: Dump, folder: Path) -> None:
    del dump.values["discrete_diarization"], dump.values["diarization"]


def out_of_form(dump: Dump, folder: Path) -> None:
    silent = ~dump.values["segmentations"].any(axis=1)
    dump.values["hard_clusters"][silent] = -7  # which nobody reads, and no cluster is called


def wrong_frames(dump: Dump, folder: Path) -> None:
    dump.values["discrete_diarization"] = 1 - dump.values["discrete_diarization"]


def declares_and_shows(dump: Dump, folder: Path) -> None:
    _declare(folder)
    reference = read_dump(folder.parent.parent / "reference")
    made = yardstick(reference.snapshot(), Parameters(), {"num_speakers": 3}, means()).dump()
    dump.values = {name: made.values[name] for name in dump.values if name in made.values}


def declares_and_does_not_show(dump: Dump, folder: Path) -> None:
    _declare(folder)


def _declare(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text("num_speakers = 3\n")


def nothing(dump: Dump, folder: Path) -> None:
    pass


def means():
    networks = synthetic.networks()
    return means_of(networks, networks.plda, synthetic.inputs())


CASES = [
    (nothing, PARITY),
    (other_numbers, EQUIVALENT),
    (declares_and_shows, DECLARED),
    (declares_and_does_not_show, DRIFT),
    (no_answer, LIMITED),
    (reused_buffer, INCONCLUSIVE),
    (short_frames, DRIFT),
    (wrong_frames, DRIFT),
    (out_of_form, ERROR),
]


def port(change, ready: Prepared, tmp_path: Path) -> Path:
    """A dump on disk; beside it the reference, which a change may read."""
    shutil.copytree(ready.snapshot.folder, tmp_path / "reference")
    dump, folder = copy_of(read_dump(ready.snapshot.folder)), tmp_path / "ports" / "clip"
    dump.values = {name: dump.values[name] for name in HELD}
    change(dump, folder)
    return write(folder, dump)


@pytest.mark.parametrize(("change", "verdict"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_compare_run_and_explain_say_the_same_word(change, verdict, ready, tmp_path):
    folder = port(change, ready, tmp_path)
    compared = judge("clip", read_dump(ready.snapshot.folder), read_dump(folder), lambda reference: means()).comparison
    supplied = supplied_by(ready, synthetic.networks(), arrays=folder)
    assert compared.verdict == verdict
    assert (supplied.comparison.doubts, supplied.comparison.conventions) == (compared.doubts, compared.conventions)
    native = community1_pipeline(synthetic.networks(), supplied.ready.parameters)
    pipeline = candidate_of(native, NATIVE, supplied)
    assert supplied.verdict(replay(pipeline, supplied.ready.snapshot, synthetic.inputs())) == verdict
    question = ask(ready, synthetic.networks(), supplied=supplied, budget=0)
    found = explain(question)
    assert supplied.verdict(found.replay, changed=found.explanation.answer_changed) == verdict


def test_frames_that_are_missing_are_given_with_those_that_are_there(ready, tmp_path):
    folder = port(short_frames, ready, tmp_path)
    supplied = supplied_by(ready, synthetic.networks(), arrays=folder)
    (note,) = [a.note for a in supplied.comparison.artefacts if a.name == "count"]
    assert "agrees where they overlap" in note and "frames = round((10 + chunks - 1) / 0.016875) + 1" in note
    assert len(supplied.values["count"]) == len(ready.snapshot.values["count"])
    assert np.array_equal(supplied.values["count"][:-5], ready.snapshot.values["count"][:-5])


class Declaring(SimpleNamespace):
    """An implementation that declares something of itself, as a program does."""

    def __init__(self, declares: dict) -> None:
        super().__init__(name="program", program=None, declares=declares)


def test_code_that_declares_is_measured_against_its_yardstick_too(ready, tmp_path):
    declared = {"num_speakers": 3}
    supplied = supplied_by(ready, synthetic.networks(), Declaring(declared))
    assert supplied.declaration.declared == declared and supplied.comparison is None
    native = community1_pipeline(synthetic.networks(), supplied.ready.parameters)
    assert supplied.verdict(replay(native, supplied.ready.snapshot, synthetic.inputs())) == DECLARED
    as_published = community1_pipeline(synthetic.networks(), Parameters())
    assert supplied.verdict(replay(as_published, supplied.ready.snapshot, synthetic.inputs())) == DRIFT
    (tmp_path / "mine.toml").write_text("num_speakers = 3\n")
    again = supplied_by(ready, synthetic.networks(), Declaring({"fa": 0.1}), deviations=tmp_path / "mine.toml")
    assert again.declaration.declared == declared  # what somebody types goes before what a program says


@pytest.mark.parametrize("shape", [(1000, 80), (998, 40)])
def test_a_filterbank_of_another_form_is_handed_on_so_that_embeddings_are_not_blamed_for_it(ready, shape):
    reference, dump = read_dump(ready.snapshot.folder), copy_of(read_dump(ready.snapshot.folder))
    chunks = dump.chunks("fbank")
    dump.values["fbank"] = np.zeros((len(chunks), *shape), np.float32)
    found = compare_dumps("clip", reference, dump)
    assert found.first_drift.name == "fbank"
    given = given_values(found, dump)
    assert given["fbank"].take(chunks).shape == (len(chunks), *shape) == given.written["fbank"].take(chunks).shape


def test_native_code_that_raises_on_wrong_arrays_is_no_verdict_of_its_own():
    found = Supplied(None, {}, SimpleNamespace(verdict=DRIFT, lacking=()))
    assert found.verdict(SimpleNamespace(at_parity=False, raised=("reconstruction",))) == DRIFT


def test_what_cannot_be_read_is_refused_and_what_is_wrong_with_it_is_one_line(ready, tmp_path):
    folder = port(nothing, ready, tmp_path)
    (folder / FILE).write_text("Fa = 1\nfb = 0\n")
    said = refusal(supplied_by, ready, synthetic.networks(), arrays=folder)
    assert said.startswith(f"--arrays {folder / FILE}: 'Fa' is nothing that can be declared") and "1 more" in said
