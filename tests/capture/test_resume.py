"""Captures that need not be made again: kept where they are what is asked for, refused where they are not."""

from __future__ import annotations

import json
import shutil

import pytest

from capture.resume import take_up
from parity.errors import InputError
from parity.files.whole import sha256_file
from parity.fixtures.catalogue import default_folder
from parity.fixtures.snapshot import read_snapshot

FIXTURE = "13_no_speech"
COMMITTED = default_folder() / FIXTURE
KEYS = ("pyannote_audio_version", "versions", "clip_sha256", "parameters", "machine")


@pytest.fixture
def wanted():
    """What a new capture would say on the machine that made the committed one."""
    manifest = json.loads((COMMITTED / "manifest.json").read_text(encoding="utf-8"))
    weights = {key: manifest["weights"][key] for key in ("name", "sha256")}
    return {**{key: manifest[key] for key in KEYS}, "weights": weights}


def with_entry(wanted, dotted, value):
    table, _, key = dotted.partition(".")
    return {**wanted, table: {**wanted[table], key: value}} if key else {**wanted, table: value}


CHOSEN = [
    ("pyannote_audio_version", "4.0.7"),
    ("clip_sha256", "0" * 64),
    ("weights.sha256", "0" * 64),
    ("parameters.num_speakers", 3),
    ("machine.device", "cuda"),
    ("machine.threads", 1),
]
OTHERS = [("versions.numpy", "2.5.0"), ("machine.cpu", "another"), ("machine.torch_cpu_capability", "AVX512")]


def test_with_nothing_there_the_committed_snapshot_is_taken_without_its_noise(tmp_path, wanted):
    folder = tmp_path / "out" / FIXTURE
    said = take_up(folder, COMMITTED, wanted)
    assert said == "taken from fixtures/, captured in the very same way"
    assert sha256_file(folder / "manifest.json") == sha256_file(COMMITTED / "manifest.json")
    assert not (folder / "noise.json").exists()
    assert set(read_snapshot(folder).values) == set(read_snapshot(COMMITTED).values)


@pytest.mark.parametrize("dotted, value", CHOSEN + OTHERS)
def test_a_committed_snapshot_made_in_any_other_way_is_not_taken(tmp_path, wanted, dotted, value):
    assert take_up(tmp_path / FIXTURE, COMMITTED, with_entry(wanted, dotted, value)) is None
    assert not (tmp_path / FIXTURE).exists()


def test_with_no_committed_snapshot_the_capture_has_to_be_made(tmp_path, wanted):
    assert take_up(tmp_path / "a", tmp_path / "b", wanted) is None


def test_a_capture_of_the_same_thing_is_kept(tmp_path, wanted):
    shutil.copytree(COMMITTED, tmp_path / FIXTURE)
    assert take_up(tmp_path / FIXTURE, tmp_path / "none", wanted) == "kept, captured before"


@pytest.mark.parametrize("dotted, value", OTHERS)
def test_a_kept_capture_of_other_libraries_or_machine_is_kept_and_they_are_named(tmp_path, wanted, dotted, value):
    shutil.copytree(COMMITTED, tmp_path / FIXTURE)
    said = take_up(tmp_path / FIXTURE, tmp_path / "none", with_entry(wanted, dotted, value))
    assert said.startswith(f"kept, captured before ({dotted} is ") and said.endswith(f"now {value})")


@pytest.mark.parametrize("dotted, value", CHOSEN)
def test_a_capture_of_something_else_is_neither_kept_nor_replaced(tmp_path, wanted, dotted, value):
    folder = shutil.copytree(COMMITTED, tmp_path / FIXTURE)
    before = sha256_file(folder / "manifest.json")
    with pytest.raises(InputError, match="holds another capture") as caught:
        take_up(folder, COMMITTED, with_entry(wanted, dotted, value))
    assert dotted in str(caught.value) and "remove it, or choose another --out" in str(caught.value)
    assert sha256_file(folder / "manifest.json") == before


def test_a_damaged_capture_is_not_kept(tmp_path, wanted):
    folder = shutil.copytree(COMMITTED, tmp_path / FIXTURE)
    (folder / "segmentations.npz").write_bytes(b"short")
    with pytest.raises(InputError, match="altered"):
        take_up(folder, COMMITTED, wanted)
