"""A porting kit is a snapshot: whatever takes one takes the other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from support.command_line import only_error, parity
from support.schemas import valid

from parity.community1 import geometry
from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.snapshot import read_snapshot
from parity.measure.tolerances import tolerance
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.dump.checks import check_dump
from parity.ports.dump.reading import read_dump
from parity.ports.kit import write_kit

NAME = "14_partial_tail"
PLDA = {"mean1": np.arange(256.0), "lda": np.ones((256, 128), np.float32)}


@pytest.fixture(scope="module")
def kit(tmp_path_factory) -> Path:
    (fixture,) = Catalogue.read(default_folder()).select([NAME])
    folder = tmp_path_factory.mktemp("kits") / NAME
    write_kit(folder, fixture, fixture.snapshot_folder, PLDA)
    return folder


def test_a_kit_reads_as_the_snapshot_that_it_was_made_of(kit):
    ours, theirs = read_snapshot(kit), read_snapshot(default_folder() / NAME)
    assert set(ours.values) == set(theirs.values) and set(ours.companions) == set(theirs.companions)
    for name, value in theirs.values.items():
        same = value == ours.values[name] if isinstance(value, str) else None
        assert same if same is not None else np.array_equal(ours.values[name], value, equal_nan=value.dtype.kind == "f")
    for place, value in theirs.companions.items():
        assert np.array_equal(ours.companions[place], value)
    assert {name: chunks.tolist() for name, chunks in ours.chunks.items()} == {
        name: chunks.tolist() for name, chunks in theirs.chunks.items()
    }
    assert ours.clip_sha256 == theirs.clip_sha256 and ours.weights == theirs.weights


def test_a_kit_is_a_dump_in_which_nothing_is_wrong(kit):
    dump = read_dump(kit)
    assert check_dump(dump)[0] == [] and dump.manifest["clip_sha256"]


def test_kit_json_says_what_everything_is(kit):
    said = valid(kit / "kit.json", "kit_schema.json")
    artefacts = {entry["name"]: entry for entry in said["artefacts"]}
    assert set(artefacts) == set(read_snapshot(kit).values)
    for name, entry in artefacts.items():
        assert (entry["dims"], entry["unit"]) == (list(ARTEFACTS[name].dims), ARTEFACTS[name].unit)
        assert entry["tolerance"]["cascaded"] == tolerance(name, "cascaded").max_abs
        assert (kit / entry["file"]).is_file()
    assert artefacts["train_chunk_idx"]["reads"] == ["embeddings", "segmentations"]
    chunks, frames = said["num_chunks"]["value"], said["num_frames"]["value"]
    assert (chunks, frames) == (12, len(read_snapshot(kit).values["count"])) and frames == geometry.num_frames(chunks)
    assert "CHUNK_SECONDS = 10.0" in said["num_frames"]["formula"]
    assert any("first of equals" in words for words in said["ties"]["segmentation"]) and "assignment" in said["ties"]
    constants = {entry["name"]: np.load(kit / entry["file"]) for entry in said["constants"]}
    assert set(constants) == {"plda_mean1", "plda_lda"} and np.array_equal(constants["plda_mean1"], PLDA["mean1"])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda kit: (kit / "count.npy").unlink(), "count.npy missing, kit.json lists it"),
        (lambda kit: np.save(kit / "count.npy", np.zeros(3)), "count.npy: altered: sha256 is"),
        (lambda kit: (kit / "kit.json").write_text("{}"), "not a kit of schema 1"),
        (lambda kit: (kit / "kit.json").write_text("{"), "cannot be read as JSON"),
    ],
)
def test_a_kit_is_read_as_strictly_as_a_snapshot(kit, tmp_path, spoil, words):
    copy = tmp_path / NAME
    shutil.copytree(kit, copy)
    spoil(copy)
    with pytest.raises(InputError) as caught:
        read_snapshot(copy)
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.models
def test_run_explain_and_compare_take_a_kit_for_a_snapshot(kit, tmp_path):
    report = tmp_path / "found.json"
    done = parity("run", "--snapshots", kit.parent, "--fixture", NAME, "--no-html", "--json", report)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(report.read_text())["fixtures"][0]["status"] == "parity"
    done = parity("explain", NAME, "--snapshots", kit.parent, "--budget", 0)
    assert done.returncode == 0, done.stdout + done.stderr
    done = parity("compare", kit, default_folder() / NAME, "--explain", "--budget", 0)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_and_a_fixture_contradict_each_other(tmp_path):
    assert "--all: writes every fixture's kit" in only_error(parity("kit", tmp_path / "kits", NAME, "--all"))
