"""Everything wrong with a dump is said at once, structure before values, one clear line a thing."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.dump_examples import FIXTURE, copy_of, reference, write

from parity.files.whole import sha256_file
from parity.fixtures.catalogue import default_folder
from parity.ports.dump.checks import check_dump
from parity.ports.dump.reading import read_dump
from parity.ports.dump.rttm import check_rttm

FIXTURES = sorted(path.parent.name for path in default_folder().glob("*/manifest.json"))


def problems(dump) -> list[str]:
    found, _ = check_dump(dump)
    assert not any("\n" in line for line in found)
    return found


def changed(name: str, change) -> list[str]:
    """What is wrong with the reference's dump once one artefact is changed."""
    dump = copy_of(reference())
    value = dump.values[name]
    replaced = change(value)
    dump.values[name] = value if replaced is None else replaced
    return problems(dump)


def put(index, value):
    def change(array):
        array[index] = value

    return change


@pytest.mark.parametrize("name", FIXTURES)
def test_nothing_is_wrong_with_a_snapshot(name):
    assert problems(read_dump(default_folder() / name)) == []


def test_captures_made_elsewhere_are_dumps_too(seed14):
    folders = [path for path in sorted(seed14.iterdir()) if path.is_dir()]
    assert folders
    for folder in folders:
        assert problems(read_dump(folder)) == [], folder


def test_the_same_artefacts_as_npy_are_fine(tmp_path):
    assert problems(read_dump(write(tmp_path / FIXTURE, reference()))) == []


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("embeddings", lambda a: a[:-1], "C = 20, segmentations has 21"),
        ("embeddings", lambda a: a[:, :, :192], "256 = 192, the format has 256"),
        ("embeddings", lambda a: a[0], "expected the 3 dims (C, S, 256)"),
        (
            "segmentations",
            lambda a: a.transpose(0, 2, 1),
            "(C, F, S): F = 3, the format has 589; S = 589, the format has 3",
        ),
        ("masks", lambda a: a[:, :2], "S = 2, the format has 3"),
        ("count", lambda a: a[:-7], "frames = 1772, 21 chunks (segmentations) has 1779"),
        ("post_xvec", lambda a: a[1:], "T = 36, train_chunk_idx has 37"),
        ("dendrogram", lambda a: a[1:], "T = 36, train_chunk_idx has 37"),
        ("sp_final", lambda a: a[1:], "K0 = 3, qinit has 4"),
        ("soft_clusters", lambda a: a[:, :, :1], "K = 1, centroids has 2"),
        ("hard_clusters", lambda a: a.astype(np.float32), "is float32, expected integers (int8)"),
        ("embeddings", lambda a: a.astype(np.int32), "is int32, expected float32"),
        ("post_plda", put((3, 5), np.nan), "1 of 4736 values are NaN, the first at [3, 5]"),
        ("fbank", put((0, 2, 7), np.inf), "are infinite, the first at [0, 2, 7]"),
        ("segmentations", put((1, 2, 0), 0.5), "are neither 0 nor 1, the first at [1, 2, 0]"),
        ("segmentations", put((1, 2, 0), np.nan), "are NaN, the first at [1, 2, 0]"),
        ("hard_clusters", put((5, 1), -1), "below -2 or -1; nobody is -2, the first at [5, 1]"),
        ("hard_clusters", put((5, 1), 2), "above 1, the last of 2 clusters"),
        ("train_chunk_idx", put(36, 21), "outside 0 to 20"),
        ("train_chunk_idx", lambda a: a[::-1].copy(), "not ascending"),
        ("train_speaker_idx", put(0, 3), "outside 0 to 2"),
        ("ahc_clusters", put(0, 37), "outside 0 to 36"),
        ("dendrogram", put((4, 1), 41), "row 4 merges cluster 41 before it exists"),
        ("exclusive_discrete_diarization", lambda a: np.ones_like(a), "frames with more than one speaker"),
    ],
)
def test_one_thing_wrong_is_one_line(name, change, words):
    found = changed(name, change)
    assert len(found) == 1 and words in found[0] and f"{name}" in found[0], found


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("embeddings", put((2, 1), np.nan)),
        ("centroids", put(1, np.nan)),
        ("soft_clusters", put((0, 0), np.nan)),
        ("hard_clusters", put((0, 0), -2)),
        ("segmentation_logits", put((0, 0, 3), -np.inf)),
        ("segmentations", lambda a: a.astype(bool)),
        ("segmentations", lambda a: a.astype(np.uint8)),
        ("hard_clusters", lambda a: a.astype(np.int64)),
        ("post_plda", lambda a: a.astype(np.float32)),
        ("count", lambda a: a[:-1]),
        ("count", lambda a: np.concatenate([a, a[-1:]])),
    ],
)
def test_what_the_format_allows_is_not_wrong(name, change):
    assert changed(name, change) == []


def test_what_was_accepted_is_said():
    dump = copy_of(reference())
    dump.values["post_plda"] = dump.values["post_plda"].astype(np.float32)
    dump.values["count"] = dump.values["count"][:-1]
    _, notes = check_dump(dump)
    assert any("float32 for float64" in note for note in notes)
    assert any("one frame less than 21 chunks (segmentations) has (1778, not 1779)" in note for note in notes)


def test_everything_is_said_at_once_and_structure_first(tmp_path):
    dump = copy_of(reference())
    dump.values["embeddings"] = dump.values["embeddings"][:-1]
    dump.values["masks"][0, 0, 0] = 7
    dump.values["hard_clusters"][0, 0] = -1
    write(tmp_path, dump)
    whole = (tmp_path / "phi.npy").read_bytes()
    (tmp_path / "phi.npy").write_bytes(whole[:-9])
    (tmp_path / "embeding.npy").write_bytes(whole)
    found = problems(read_dump(tmp_path))
    order = (
        "embeding.npy: no artefact",
        "phi.npy: truncated",
        "embeddings.npy: has shape",
        "masks.npy: 1 of",
        "hard_clusters.npy: 1 of",
    )
    assert len(found) == len(order)
    assert all(words in line for words, line in zip(order, found)), found


def test_values_of_the_wrong_structure_are_not_looked_at():
    found = changed("embeddings", lambda a: np.full((21, 3, 5), np.inf, np.float32))
    assert len(found) == 1 and "has shape (21, 3, 5)" in found[0]


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        ([0, 1], "expected the 3 chunks' numbers"),
        ([0, 5, 5], "not ascending"),
        ([0, 5, 21], "not ascending numbers of 21"),
    ],
)
def test_recorded_chunks_have_to_name_the_rows(chunks, words):
    dump = copy_of(reference())
    dump.beside["fbank_chunks"] = np.array(chunks)
    (problem,) = problems(dump)
    assert words in problem


# manifests


def manifest(folder, **changes):
    files = [path for path in sorted(folder.iterdir()) if path.name != "manifest.json"]
    listed = {path.name: sha256_file(path) for path in files}
    arrays = {
        path.name: {"": {"dtype": str(a.dtype), "shape": list(a.shape)}}
        for path in files
        if path.suffix == ".npy"
        for a in [np.load(path)]
    }
    text = json.dumps(
        {"artifacts": listed | changes.get("artifacts", {}), "arrays": arrays | changes.get("arrays", {})}
    )
    (folder / "manifest.json").write_text(text)
    return folder


@pytest.fixture
def small(tmp_path):
    return write(tmp_path / FIXTURE, reference(), only=("embeddings", "phi", "diarization"))


def test_a_manifest_that_tells_the_truth_is_fine(small):
    assert problems(read_dump(manifest(small))) == []


def test_every_lie_of_a_manifest_is_said(small):
    lies = {
        "artifacts": {"phi.npy": "0" * 64, "masks.npy": "1" * 64, "../phi.npy": "2" * 64},
        "arrays": {"embeddings.npy": {"": {"dtype": "float64", "shape": [20, 3, 256]}}, "vbx_state.npz": {"qinit": {}}},
    }
    found = problems(read_dump(manifest(small, **lies)))
    expected = (
        "lists ../phi.npy, which is not there",
        "lists masks.npy, which is not there",
        "phi.npy has sha256 000000000000…",
        "embeddings.npy has dtype float64, the file has float32",
        "embeddings.npy has shape [20, 3, 256], the file has [21, 3, 256]",
        "vbx_state.npz: qinit, which is not there",
    )
    assert len(found) == len(expected) and all(words in line for words, line in zip(expected, found)), found


def test_a_file_that_the_manifest_does_not_list_is_said(small):
    manifest(small)
    np.save(small / "count.npy", reference().values["count"])
    (small / "exclusive_diarization.rttm").write_text("")
    found = problems(read_dump(small))
    assert len(found) == 2 and "does not list count.npy" in found[0] and "exclusive_diarization.rttm" in found[1]


def test_a_manifest_may_name_a_byte_order(small):
    np.save(small / "phi.npy", reference().values["phi"].astype(">f8"))
    assert problems(read_dump(manifest(small))) == []


# RTTM


def line(start, duration, speaker="A", kind="SPEAKER", uri="m"):
    return f"{kind} {uri} 1 {start} {duration} <NA> <NA> {speaker} <NA> <NA>\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (line(0, 2) + line(1, 2), "line 2: A speaks from 1.000 s, and until 2.000 s in line 1"),
        (line(0, 9) + line(1, 1) + line(5, 1, "B") + line(8, 2), "line 4: A speaks from 8.000 s, and until 9.000 s"),
        ("hello\n", "line 1: 'hello' where SPEAKER is expected"),
        ("SPEAKER m 1 0 1\n", "line 1: 5 fields"),
        (line("one", 1), "start 'one' and duration '1' are not both numbers"),
        (line(-1, 1), "starts at -1 and lasts 1 s; both are finite and at least 0"),
        (line(0, "nan"), "starts at 0 and lasts nan s"),
        (line(0, 1) + line(2, 1, uri="n"), "holds 2 recordings (m, n)"),
    ],
)
def test_what_is_wrong_with_an_rttm_is_said_with_its_line(text, words):
    assert any(words in problem for problem in check_rttm("x.rttm", text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n;; made by hand\n" + line(0, 1),
        line(0, 1) + line(1, 1),
        line(0, 2, "A") + line(1, 2, "B"),
        line("6.730", "0.017") + line("6.746", "0.287"),
    ],
)
def test_what_an_rttm_may_hold_is_not_wrong(text):
    assert check_rttm("x.rttm", text) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (line("1_000", 1), "are not both numbers"),
        (line("\u0661", 1), "are not both numbers"),
        (line("0x1", 1), "are not both numbers"),
        (line(0, "infinity"), "are not both numbers"),
        (line(0, "1e999"), "both are finite"),
        (line(999_999.5, 1), "ends at 1e+06 s; the limit is 1e+06"),
        (line(0, 1, "A\x1b[31m"), "characters that no terminal shows"),
        (line(0, 1) + line(2, 1).replace(" 1 2", " 2 2"), "holds channel 2; channels are mixed down"),
        (line(0, 1).replace(" 1 0", " A 0"), "holds channel A; channels are mixed down"),
    ],
)
def test_what_python_would_read_and_rttm_does_not_say_is_refused(text, words):
    assert any(words in problem for problem in check_rttm("x.rttm", text))
