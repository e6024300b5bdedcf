"""A map is proposed from names, shapes and values, read by the reader, and honest about what it is unsure of."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support import layouts
from support.command_line import here
from support.dump_examples import FIXTURE, reference
from support.refusals import refusal

from parity.fixtures.catalogue import Catalogue, default_folder
from parity.maps import parse_map, read_map, through
from parity.ports.dump import check_dump, read_dump
from parity.ports.dump.comparison import compare_dumps
from parity.ports.dump.folders import folder_of
from parity.ports.proposal import Proposal, proposal_text, propose

VALUES = reference().values


def proposed(folder: Path, name: str | None = None) -> Proposal:
    catalogue = Catalogue.read(default_folder())
    fixture = None if name is None else catalogue.select([name])[0]
    return propose(folder, catalogue, fixture)


def said(found: Proposal, name: str) -> dict:
    return dict(found.fits[name].said)


@pytest.mark.parametrize(
    ("name", "make"), [("cpp-annote", layouts.cpp_annote), ("speakrs", layouts.speakrs), ("dia", layouts.dia)]
)
def test_of_a_public_layout_the_labs_own_map_is_found_again(name, make, tmp_path):
    made = make(tmp_path / "goldens" / FIXTURE, reference())
    folder = made if name == "speakrs" else made.parent
    found = proposed(folder)
    own, again = read_map(name), parse_map(proposal_text(found, "x"), "proposal")
    assert set(again.entries) == set(own.entries)
    for artefact, entry in own.entries.items():
        mine = again.entries[artefact]
        assert (mine.file, mine.key, mine.reshape, mine.index) == (entry.file, entry.key, entry.reshape, entry.index)
    assert set(found.unsure) == ({"count"} if name == "cpp-annote" else set())
    candidate = read_dump(folder_of(through(folder, again), FIXTURE))
    assert compare_dumps(FIXTURE, reference(), candidate).verdict == "parity"


@pytest.fixture
def odd(tmp_path) -> Path:
    """Goldens in forms of their own, of a folder whose name says nothing."""
    folder = tmp_path / "goldens"
    folder.mkdir()
    np.save(folder / "a.npy", VALUES["embeddings"].transpose(2, 0, 1))
    np.save(folder / "mel.npy", VALUES["fbank"] * np.float32(2**15) + np.float32(3))
    (folder / "labels.json").write_text(json.dumps({"out": {"hard": VALUES["hard_clusters"].tolist()}}))
    VALUES["post_xvec"].astype("<f4").tofile(folder / "x.bin")
    (folder / "x.json").write_text(json.dumps({"dtype": "float32", "shape": list(VALUES["post_xvec"].shape)}))
    np.save(folder / "count.npy", VALUES["count"][:, 0].astype(np.int8))
    np.save(folder / "nothing.npy", np.arange(11.0))
    (folder / "bare.bin").write_bytes(b"1234")
    (folder / "answer.json").write_text(layouts.as_json(layouts.turns(reference())[0]))
    return folder


def test_turns_tell_the_recording_and_values_the_steps(odd):
    found = proposed(odd)
    assert found.fixture == (FIXTURE, "by its turns, which are the same") and found.unsure == {}
    assert said(found, "embeddings") == {"axes": [1, 2, 0]}
    assert said(found, "fbank")["scale"] == 2**-15
    assert said(found, "fbank")["offset"] == pytest.approx(-3 / 2**15, abs=1e-7)
    assert said(found, "count") == {"reshape": [-1, 1]}
    assert found.fits["hard_clusters"].stored.key == "out.hard"
    text = proposal_text(found, "x")
    assert "times 32768, moved by 3" in text and "# not placed: nothing.npy, float64 (11,)" in text
    assert "# not read: bare.bin: bare numbers of unknown dtype" in text
    candidate = read_dump(folder_of(through(odd, parse_map(text, "proposal")), FIXTURE))
    assert check_dump(candidate)[0] == []
    assert compare_dumps(FIXTURE, reference(), candidate).verdict == "parity"


def test_without_a_recording_names_and_shapes_make_it_unsure(odd):
    (odd / "answer.json").unlink()
    np.save(odd / "embeddings.npy", VALUES["embeddings"].transpose(1, 2, 0))
    found = proposed(odd)
    assert found.fixture is None
    assert found.unsure["embeddings"].startswith("by its name and shape only")
    assert said(found, "embeddings") == {"axes": [2, 0, 1]}
    text = proposal_text(found, "x")
    assert "# It is none of the lab's recordings as far as can be told (--fixture says which)" in text
    assert "# unsure: by its name and shape only\n[artefacts.embeddings]" in text


def test_arrays_of_other_weights_are_unsure_with_the_correlation(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1 * np.nanstd(VALUES["embeddings"]), VALUES["embeddings"].shape)
    np.save(tmp_path / "embeddings.npy", VALUES["embeddings"] + noise.astype(np.float32))
    found = proposed(tmp_path, "02")
    assert found.fixture == (FIXTURE, "as --fixture says")
    assert (
        "alike (0.99" in found.unsure["embeddings"]
        and "other weights, or another machine?" in found.unsure["embeddings"]
    )


def test_arrays_that_fit_equally_well_are_both_named(tmp_path):
    for name in ("emb_a.npy", "emb_b.npy"):
        np.save(tmp_path / name, VALUES["embeddings"])
    assert proposed(tmp_path, "02").unsure == {"embeddings": "as good: emb_b.npy"}


def test_of_several_recordings_the_labs_own_is_looked_at(tmp_path):
    for name in ("another", FIXTURE, "zebra"):
        layouts.speakrs(tmp_path, reference(), name)
    found = proposed(tmp_path)
    assert found.inventory.fixture == FIXTURE and found.inventory.others == ["another", "zebra"]
    assert found.fits["embeddings"].stored.file == "{fixture}_embeddings_data.npy"
    assert "# Not looked at: another, zebra." in proposal_text(found, "x")


BROKEN = {
    "turns.json": b'[{"start": 1}, 3]',
    "empty.json": b"[]",
    "ragged.json": b'{"x": [[1], [2, 3]], "y": ["a"]}',
    "deep.json": b"[" * 3000,
    "numbers.csv": b"1,2\n3,4\n",
    "text.rttm": b"hello world\n",
    "bytes.rttm": b"\xff\xfe",
    "archive.npz": b"PK",
    "half.bin": b"123",
    "tensors.safetensors": b"123",
    "count.npy": b"",
}


@pytest.mark.parametrize("name", [None, "02"])
def test_files_that_are_broken_are_said_and_hide_nothing(name, tmp_path):
    for file, data in BROKEN.items():
        (tmp_path / file).write_bytes(data)
    np.save(tmp_path / "embeddings.npy", VALUES["embeddings"])
    np.save(tmp_path / "q_final.npy", np.full((2, 2), np.nan))
    np.save(tmp_path / "segmentation_logits.npy", np.full((2, 589, 7), -np.inf, np.float32))
    np.save(tmp_path / "complex.npy", np.zeros(3, complex))
    (tmp_path / "gone.npy").symlink_to(tmp_path / "nowhere.npy")
    (tmp_path / "out.npy").symlink_to("/etc/hostname")
    np.savez(tmp_path / "odd.npz", **{"a\nb": np.arange(5.0)})
    found = proposed(tmp_path, name)
    assert found.fits["embeddings"].sure == (name is not None)
    said = " ".join(found.inventory.unread)
    assert all(file in said for file in BROKEN if file not in ("turns.json", "empty.json", "ragged.json"))
    assert "complex.npy" in said and "out.npy: a link that leads out of the folder" in said
    assert "# not placed: odd.npz: a b, float64 (5,)" in proposal_text(found, "x")


def test_a_folder_of_nothing_is_refused(tmp_path):
    assert "holds no file that arrays or turns lie in" in refusal(proposed, tmp_path)
    assert "not a folder" in refusal(proposed, tmp_path / "none")


def test_the_command_writes_a_map_and_says_what_it_is_unsure_of(tmp_path):
    for name in ("emb_a.npy", "emb_b.npy"):
        np.save(tmp_path / name, VALUES["embeddings"])
    done = here("map", tmp_path, "--fixture", "02", "--out", tmp_path / "m.toml")
    assert done.returncode == 0, done.stderr
    assert "0 artefacts for sure, 1 unsure; next: parity validate" in done.stdout
    assert "unsure: embeddings: emb_a.npy: as good: emb_b.npy" in done.stdout
    assert read_map(tmp_path / "m.toml").entries["embeddings"].file == "emb_a.npy"
