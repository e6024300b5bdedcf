"""Snapshots: written whole or not at all, read strictly; every kind of damage is named."""

from __future__ import annotations

import functools
import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from parity.errors import InputError
from parity.files.whole import sha256_file
from parity.fixtures import snapshot as module
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.snapshot import read_snapshot, write_snapshot
from parity.pipeline.artefact import ARTEFACTS, files

MANIFEST = {"schema": 1, "pyannote_audio_version": "4.0.4", "clip_sha256": "0" * 64, "fixture": "ñ"}
CHUNKS, TRAIN, CLUSTERS = 6, 7, 2
SEED_CAPTURES = (
    "01_dialogue",
    "02_pyannote_sample",
    "03_dual_speaker",
    "06_long_recording",
    "08_luyu_jinjing_freedom",
)


def contents() -> dict:
    """What `_contents` made, free to be changed."""
    return {name: dict(arrays) for name, arrays in _contents().items()}


@functools.cache
def _contents() -> dict:
    """Every file a snapshot may hold but KMeans', small, with two of six chunks of what is kept for a subset."""
    rng = np.random.default_rng(0)
    sizes = {"C": CHUNKS, "F": 589, "S": 3, "T": TRAIN, "T-1": TRAIN - 1, "K0": 3, "K": CLUSTERS}
    sizes |= {"frames": 40, "speakers": 2, "iterations": 4}
    made: dict = {}
    for artefact in ARTEFACTS.values():
        if artefact.dtype == "text":
            value = "SPEAKER clip 1 0.500 1.250 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
        else:
            shape = [2 if d == "C" and artefact.by_chunk else sizes.get(d) or int(d) for d in artefact.dims]
            value = (2 * rng.random(shape)).astype(artefact.dtype)
        if artefact.name != "kmeans_clusters":
            made.setdefault(artefact.file, {})[artefact.key] = value
    for file in ("segmentation_logits.npz", "fbank.npz"):
        made[file]["chunks"] = np.array([1, 4])
    made["segmentations.npz"]["segmentation_gap"] = rng.random((CHUNKS, 589)).astype(np.float32)
    made["ahc_state.npz"] = {"threshold": np.array(0.6)}
    return made


def part(*names: str) -> dict:
    return {name: contents()[name] for name in names}


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("template") / "one"
    write_snapshot(folder, MANIFEST, contents())
    return folder


@pytest.fixture
def written(template, tmp_path) -> Path:
    shutil.copytree(template, tmp_path / "one")
    return tmp_path / "one"


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_snapshot(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)
    return str(caught.value)


def edit_manifest(folder: Path, change) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    change(manifest)
    path.write_text(json.dumps(manifest), encoding="utf-8")


def replace_file(folder: Path, name: str, data: bytes) -> None:
    """Put other bytes in a file and their hash in the manifest: what is checked after the hashes."""
    (folder / name).write_bytes(data)
    edit_manifest(folder, lambda m: m["artifacts"].update({name: sha256_file(folder / name)}))


def npz(**arrays) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def npy(array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


# what is written is what is read


def test_every_array_and_text_comes_back_as_it_was_written(written):
    snapshot, given = read_snapshot(written), contents()
    for artefact in ARTEFACTS.values():
        if artefact.name == "kmeans_clusters":
            assert artefact.name not in snapshot.values
        elif artefact.dtype == "text":
            assert snapshot.values[artefact.name] == given[artefact.file][None]
        else:
            got, want = snapshot.values[artefact.name], given[artefact.file][artefact.key]
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)
    assert {name: chunks.tolist() for name, chunks in snapshot.chunks.items()} == {
        "segmentation_logits": [1, 4],
        "fbank": [1, 4],
    }
    np.testing.assert_array_equal(snapshot.segmentation_gap, given["segmentations.npz"]["segmentation_gap"])
    assert snapshot.companions["ahc_state.npz", "threshold"] == 0.6


def test_not_a_number_and_infinity_survive_the_round_trip(tmp_path):
    embeddings = np.zeros((2, 3, 256), dtype=np.float32)
    embeddings[1, 2], embeddings[0, 0, 0] = np.nan, -np.inf
    write_snapshot(tmp_path / "one", MANIFEST, {"raw_embeddings.npz": {"embeddings": embeddings}})
    np.testing.assert_array_equal(read_snapshot(tmp_path / "one").values["embeddings"], embeddings)


def test_writing_returns_what_reading_returns(tmp_path):
    snapshot = write_snapshot(tmp_path / "one", MANIFEST, contents())
    again = read_snapshot(tmp_path / "one")
    assert snapshot.folder == again.folder == tmp_path / "one" and snapshot.manifest == again.manifest
    assert snapshot.values.keys() == again.values.keys()


def test_writing_twice_gives_the_same_bytes(written, tmp_path):
    write_snapshot(tmp_path / "two", MANIFEST, contents())
    names = sorted(path.name for path in written.iterdir())
    assert names == sorted([*contents(), "manifest.json"])
    for name in names:
        assert (written / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_the_order_in_which_files_and_arrays_are_given_does_not_show(written, tmp_path):
    turned = {name: dict(reversed(arrays.items())) for name, arrays in reversed(contents().items())}
    write_snapshot(tmp_path / "two", MANIFEST, turned)
    for path in written.iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_the_manifest_lists_hash_dtype_and_shape_of_everything(written):
    manifest = read_snapshot(written).manifest
    assert manifest["artifacts"] == {name: sha256_file(written / name) for name in sorted(contents())}
    assert manifest["arrays"]["segmentations.npz"]["segmentations"] == {"dtype": "float32", "shape": [6, 589, 3]}
    assert manifest["arrays"]["ahc_init_labels.npy"] == {"": {"dtype": "int64", "shape": [7]}}
    assert manifest["fixture"] == "ñ" and "ñ" in (written / "manifest.json").read_text(encoding="utf-8")


def test_provenance_that_is_not_there_reads_as_empty(written):
    assert read_snapshot(written).weights == {}
    assert read_snapshot(written).clip_sha256 == "0" * 64


# partial snapshots


def test_any_single_file_with_a_manifest_is_a_valid_snapshot(tmp_path):
    for name in contents():
        snapshot = write_snapshot(tmp_path / name, MANIFEST, part(name))
        assert set(snapshot.manifest["artifacts"]) == {name}
        assert (tmp_path / name / name).is_file()


def test_a_snapshot_without_any_artefact_is_valid_and_empty(tmp_path):
    snapshot = write_snapshot(tmp_path / "one", MANIFEST, {})
    assert snapshot.values == snapshot.companions == snapshot.chunks == {}
    assert snapshot.segmentation_gap is None


def test_whole_artefacts_need_not_name_their_chunks(tmp_path):
    features = {"fbank.npz": {"fbank": np.zeros((3, 998, 80), dtype=np.float32)}}
    assert write_snapshot(tmp_path / "one", MANIFEST, features).chunks["fbank"].tolist() == [0, 1, 2]


# damage to files


def test_an_altered_file_is_named_with_both_hashes(written):
    name = "clustering.npz"
    before = sha256_file(written / name)
    data = bytearray((written / name).read_bytes())
    data[len(data) // 2] ^= 1
    (written / name).write_bytes(data)
    message = refusal(written)
    assert name in message and before in message and sha256_file(written / name) in message


@pytest.mark.parametrize("name", sorted(contents()))
def test_a_change_of_one_byte_in_any_file_is_found(written, name):
    data = bytearray((written / name).read_bytes())
    data[-1] ^= 1
    (written / name).write_bytes(data)
    assert f"{name}: altered" in refusal(written)


def test_a_truncated_file_is_altered(written):
    path = written / "raw_embeddings.npz"
    path.write_bytes(path.read_bytes()[:-100])
    assert "raw_embeddings.npz: altered" in refusal(written)


@pytest.mark.parametrize("kept", [0, 1, 30, 1000, -200, -30, -1])
def test_a_truncated_npz_whose_hash_agrees_cannot_be_read(written, kept):
    replace_file(written, "raw_embeddings.npz", (written / "raw_embeddings.npz").read_bytes()[:kept])
    assert "raw_embeddings.npz: cannot be read" in refusal(written)


@pytest.mark.parametrize("kept", [0, 5, 60, 100, -1])
def test_a_truncated_npy_whose_hash_agrees_cannot_be_read(written, kept):
    replace_file(written, "ahc_init_labels.npy", (written / "ahc_init_labels.npy").read_bytes()[:kept])
    assert "ahc_init_labels.npy: cannot be read" in refusal(written)


@pytest.mark.parametrize("where", np.linspace(0.02, 0.98, 12))
def test_flipped_bytes_inside_an_npz_whose_hash_agrees_never_end_in_another_error(written, where):
    data = bytearray((written / "segmentations.npz").read_bytes())
    middle = int(len(data) * where)
    data[middle : middle + 8] = bytes(b ^ 0xFF for b in data[middle : middle + 8])
    replace_file(written, "segmentations.npz", bytes(data))
    assert "segmentations.npz" in refusal(written)


def test_an_array_file_of_the_other_format_is_refused(written):
    labels = np.zeros(TRAIN, dtype=np.int64)
    replace_file(written, "ahc_state.npz", npy(np.array(0.6)))
    assert "ahc_state.npz: cannot be read" in refusal(written)
    replace_file(written, "ahc_state.npz", npz(threshold=0.6))
    replace_file(written, "ahc_init_labels.npy", npz(ahc_clusters=labels))
    assert "ahc_init_labels.npy: cannot be read" in refusal(written)


@pytest.mark.parametrize("name", ["ahc_init_labels.npy", "clustering.npz"])
def test_an_array_that_claims_more_than_memory_holds_is_refused(written, name):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<i8", "fortran_order": False, "shape": (10**17,)})
    claim = buffer.getvalue() + bytes(80)
    if name.endswith(".npz"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("hard_clusters.npy", claim)
        claim = buffer.getvalue()
    replace_file(written, name, claim)
    assert f"{name}: cannot be read" in refusal(written)


def test_a_member_that_is_no_array_is_refused(written):
    with zipfile.ZipFile(written / "ahc_state.npz", "w") as archive:
        archive.writestr("threshold", b"0.6")
    replace_file(written, "ahc_state.npz", (written / "ahc_state.npz").read_bytes())
    assert "ahc_state.npz" in refusal(written)


def test_text_that_is_not_utf8_is_refused(written):
    replace_file(written, "reference.rttm", b"SPEAKER \xff")
    assert "reference.rttm: cannot be read" in refusal(written)


def test_all_missing_files_are_named(written):
    (written / "fbank.npz").unlink()
    (written / "reference.rttm").unlink()
    assert "fbank.npz, reference.rttm missing" in refusal(written)


def test_an_unlisted_file_is_named(written):
    (written / "extra.npz").write_bytes(b"")
    assert "extra.npz not listed" in refusal(written)
    (written / "extra.npz").unlink()
    edit_manifest(written, lambda m: m["artifacts"].pop("fbank.npz"))
    assert "fbank.npz not listed" in refusal(written)


def test_a_file_that_no_snapshot_holds_is_refused_though_listed(written):
    (written / "secrets.npz").write_bytes(b"x")
    edit_manifest(written, lambda m: m["artifacts"].update({"secrets.npz": sha256_file(written / "secrets.npz")}))
    assert "secrets.npz" in refusal(written)


def test_a_listed_path_outside_the_folder_is_refused(written):
    edit_manifest(written, lambda m: m["artifacts"].update({"../one/fbank.npz": "0" * 64}))
    assert "../one/fbank.npz" in refusal(written)


def test_a_users_clip_and_notes_beside_the_arrays_are_allowed(written):
    (written / "clip.wav").write_bytes(b"RIFF")
    (written / "NOTES.md").write_text("mine")
    assert len(read_snapshot(written).values) == len(ARTEFACTS) - 1


# the manifest


def test_a_folder_without_a_manifest_is_no_snapshot(tmp_path, written):
    assert "manifest.json" in refusal(tmp_path / "nowhere")
    (written / "manifest.json").unlink()
    assert "manifest.json" in refusal(written)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "{}", '{"artifacts": ["fbank.npz"]}'])
def test_a_manifest_that_is_no_manifest_is_refused(written, text):
    (written / "manifest.json").write_text(text)
    assert "manifest.json" in refusal(written)


def test_a_manifest_that_is_not_utf8_is_refused(written):
    (written / "manifest.json").write_bytes(b"\xff\xfe{}")
    assert "manifest.json: cannot be read as JSON" in refusal(written)


@pytest.mark.parametrize("key", ["pyannote_audio_version", "clip_sha256", "artifacts"])
def test_a_manifest_without_what_every_capture_has_is_refused(written, key):
    edit_manifest(written, lambda m: m.pop(key))
    assert f"`{key}`" in refusal(written)


@pytest.mark.parametrize("key", ["pyannote_audio_version", "clip_sha256"])
def test_a_manifest_whose_provenance_is_no_text_is_refused(written, key):
    edit_manifest(written, lambda m: m.update({key: 4}))
    assert f"`{key}`" in refusal(written)


def test_another_version_of_pyannote_is_refused_naming_both(written):
    edit_manifest(written, lambda m: m.update(pyannote_audio_version="3.3.2"))
    message = refusal(written)
    assert "3.3.2" in message and "4.0.4" in message


@pytest.mark.parametrize("value", [None, 3, "", "0" * 64, ["x"]])
def test_a_hash_that_is_none_never_passes(written, value):
    edit_manifest(written, lambda m: m["artifacts"].update({"fbank.npz": value}))
    assert "fbank.npz: altered" in refusal(written)


# arrays


class Trap:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_object_arrays_are_refused_and_never_unpickled(written, tmp_path):
    trap = np.array([Trap(tmp_path / "sprung")], dtype=object)
    replace_file(written, "ahc_state.npz", npz(threshold=trap))
    assert "ahc_state.npz: cannot be read" in refusal(written)
    replace_file(written, "ahc_state.npz", npz(threshold=0.6))
    replace_file(written, "ahc_init_labels.npy", npy(trap))
    assert "ahc_init_labels.npy: cannot be read" in refusal(written)
    assert not (tmp_path / "sprung").exists()


def test_object_arrays_are_not_written(tmp_path):
    with pytest.raises((ValueError, InputError)):
        write_snapshot(tmp_path / "one", MANIFEST, {"ahc_init_labels.npy": {None: np.array([{}], dtype=object)}})
    assert list(tmp_path.iterdir()) == []


def test_unknown_keys_are_named(written):
    replace_file(written, "ahc_state.npz", npz(threshold=0.6, treshold=0.5, zeal=1))
    message = refusal(written)
    assert "ahc_state.npz" in message and "treshold, zeal" in message


@pytest.mark.parametrize(
    "name, array",
    [
        ("embeddings", np.zeros((CHUNKS, 3, 256))),
        ("embeddings", np.zeros((CHUNKS, 3, 256), dtype=np.float16)),
        ("segmentations", np.zeros((CHUNKS, 589, 3), dtype=np.uint8)),
        ("post_xvec", np.zeros((TRAIN, 128), dtype=np.int64)),
        ("train_chunk_idx", np.zeros(TRAIN)),
        ("hard_clusters", np.zeros((CHUNKS, 3), dtype="U1")),
        ("count", np.zeros((40, 1), dtype=bool)),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.dtype),
)
def test_another_dtype_is_refused_naming_both(written, name, array):
    artefact = ARTEFACTS[name]
    arrays = contents()[artefact.file] | {name: array}
    replace_file(written, artefact.file, npz(**arrays))
    message = refusal(written)
    assert artefact.file in message and f"{name} is {array.dtype}, expected {artefact.dtype}" in message


def test_label_widths_and_the_precision_of_float64_may_differ(written):
    arrays = contents()
    centroids = arrays["clustering.npz"]["centroids"].astype(np.float32)
    replace_file(written, "clustering.npz", npz(**arrays["clustering.npz"] | {"centroids": centroids}))
    replace_file(written, "ahc_init_labels.npy", npy(np.zeros(TRAIN, dtype=np.int32)))
    assert read_snapshot(written).values["centroids"].dtype == np.float32


@pytest.mark.parametrize("shape", [(CHUNKS, 3), (CHUNKS, 3, 256, 1), (), (CHUNKS, 256, 3)])
def test_other_dims_are_refused(written, shape):
    replace_file(written, "raw_embeddings.npz", npz(embeddings=np.zeros(shape, dtype=np.float32)))
    assert "raw_embeddings.npz: embeddings has" in refusal(written)


@pytest.mark.parametrize("name", ["fbank", "segmentation_logits"])
def test_a_number_where_chunks_should_be_is_refused(written, name):
    replace_file(written, f"{name}.npz", npz(**{name: np.float32(1), "chunks": np.array([1, 4])}))
    assert f"{name}.npz: {name} has shape ()" in refusal(written)


@pytest.mark.parametrize(
    "name, shape, words",
    [
        ("segmentations", (CHUNKS, 588, 3), "F = 588, the format has 589"),
        ("segmentations", (CHUNKS, 589, 2), "S = 2, the format has 3"),
        ("embeddings", (CHUNKS, 3, 255), "256 = 255, the format has 256"),
        ("phi", (127,), "128 = 127, the format has 128"),
    ],
)
def test_what_the_format_fixes_is_fixed(written, name, shape, words):
    artefact = ARTEFACTS[name]
    arrays = contents()[artefact.file] | {name: np.zeros(shape, dtype=artefact.dtype)}
    arrays.pop("segmentation_gap", None)
    replace_file(written, artefact.file, npz(**arrays))
    assert words in refusal(written)


@pytest.mark.parametrize(
    "name, shape, words",
    [
        ("embeddings", (CHUNKS + 1, 3, 256), "C = "),
        ("masks", (CHUNKS - 1, 3, 589), "C = "),
        ("train_speaker_idx", (TRAIN - 1,), "T = "),
        ("ahc_clusters", (TRAIN + 1,), "T = "),
        ("q_final", (TRAIN + 1, 3), "T = "),
        ("q_final", (TRAIN, 4), "K0 = "),
        ("sp_final", (2,), "K0 = "),
        ("soft_clusters", (CHUNKS, 3, CLUSTERS + 1), "K = "),
        ("count", (41, 1), "frames = "),
        ("dendrogram", (TRAIN, 4), "T = "),
    ],
)
def test_sizes_that_contradict_other_arrays_are_refused_naming_both(written, name, shape, words):
    artefact = ARTEFACTS[name]
    array = np.zeros(shape, dtype=artefact.dtype)
    if artefact.key is None:
        replace_file(written, artefact.file, npy(array))
    else:
        replace_file(written, artefact.file, npz(**contents()[artefact.file] | {name: array}))
    message = refusal(written)
    assert words in message and "has " in message.split(", ")[-1]


def test_reconstructions_may_have_columns_of_their_own_but_not_frames(written):
    arrays = contents()["reconstruction.npz"]
    wide = {"exclusive_discrete_diarization": np.zeros((40, 5), dtype=np.float32)}
    replace_file(written, "reconstruction.npz", npz(**arrays | wide))
    assert read_snapshot(written).values["exclusive_discrete_diarization"].shape == (40, 5)
    long = {"exclusive_discrete_diarization": np.zeros((41, 2), dtype=np.float32)}
    replace_file(written, "reconstruction.npz", npz(**arrays | long))
    assert "frames = 4" in refusal(written)


@pytest.mark.parametrize(
    "chunks",
    [[1], [1, 4, 5], [4, 1], [1, 1], [-1, 4], [1, CHUNKS], []],
    ids=["fewer", "more", "falling", "twice", "negative", "beyond", "none"],
)
def test_chunks_that_do_not_fit_are_refused(written, chunks):
    arrays = contents()["fbank.npz"] | {"chunks": np.array(chunks, dtype=np.int64)}
    replace_file(written, "fbank.npz", npz(**arrays))
    message = refusal(written)
    assert "fbank.npz" in message and str(chunks) in message


@pytest.mark.parametrize("chunks", [[1.0, 4.0], [[1, 4], [1, 4]], 1], ids=["float", "table", "scalar"])
def test_chunks_that_are_no_row_of_whole_numbers_are_refused(written, chunks):
    replace_file(written, "fbank.npz", npz(**contents()["fbank.npz"] | {"chunks": np.array(chunks)}))
    assert "fbank.npz" in refusal(written)


@pytest.mark.parametrize("shape", [(CHUNKS + 1, 589), (CHUNKS, 588), (589,)])
def test_a_gap_of_another_shape_than_the_segmentations_is_refused(written, shape):
    arrays = contents()["segmentations.npz"] | {"segmentation_gap": np.zeros(shape, dtype=np.float32)}
    replace_file(written, "segmentations.npz", npz(**arrays))
    message = refusal(written)
    assert "segmentations.npz" in message and "segmentation_gap" in message


# writing whole or not at all


def test_an_existing_snapshot_is_not_overwritten_unless_told_to(written):
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    with pytest.raises(InputError, match="exists already"):
        write_snapshot(written, MANIFEST, part("ahc_state.npz"))
    assert before == {path.name: path.read_bytes() for path in written.iterdir()}
    write_snapshot(written, MANIFEST, part("ahc_state.npz"), replace=True)
    assert sorted(path.name for path in written.iterdir()) == ["ahc_state.npz", "manifest.json"]
    assert list(written.parent.iterdir()) == [written]


def test_a_users_clip_survives_replacing(written):
    (written / "clip.wav").write_bytes(b"RIFF mine")
    write_snapshot(written, MANIFEST, part("ahc_state.npz"), replace=True)
    assert (written / "clip.wav").read_bytes() == b"RIFF mine"


def test_a_folder_that_holds_only_a_users_clip_takes_its_first_snapshot(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "clip.wav").write_bytes(b"RIFF mine")
    write_snapshot(folder, MANIFEST, part("ahc_state.npz"))
    assert sorted(path.name for path in folder.iterdir()) == ["ahc_state.npz", "clip.wav", "manifest.json"]


@pytest.mark.parametrize("failure", [RuntimeError("gone wrong"), KeyboardInterrupt(), OSError(28, "No space left")])
def test_a_failure_while_writing_leaves_nothing_or_what_was_there(written, monkeypatch, failure):
    before = {path.name: path.read_bytes() for path in written.iterdir()}
    write, calls = module._write_file, []

    def write_three(path, arrays):
        calls.append(path)
        if len(calls) % 4 == 0:
            path.write_bytes(b"half")
            raise failure
        write(path, arrays)

    monkeypatch.setattr(module, "_write_file", write_three)
    for folder, replace in ((written.parent / "new", False), (written, True)):
        with pytest.raises(InputError if isinstance(failure, OSError) else type(failure)):
            write_snapshot(folder, MANIFEST, contents(), replace=replace)
    assert len(calls) == 8
    assert list(written.parent.iterdir()) == [written]
    assert before == {path.name: path.read_bytes() for path in written.iterdir()}


def test_the_folder_bears_its_name_only_once_it_verifies(tmp_path, monkeypatch):
    seen = []

    def read(folder, *, any_version):
        seen.append((folder, (tmp_path / "one").exists()))
        return read_snapshot(folder, any_version=any_version)

    monkeypatch.setattr(module, "read_snapshot", read)
    write_snapshot(tmp_path / "one", MANIFEST, part("ahc_state.npz"))
    (temporary, early), (final, late) = seen
    assert (early, late) == (False, True) and temporary != final == tmp_path / "one"


@pytest.mark.parametrize(
    "bad",
    [
        {"secrets.npz": {"x": np.zeros(1)}},
        {"raw_embeddings.npz": {"embeddings": np.zeros((2, 3, 256))}},
        {"raw_embeddings.npz": {"embedings": np.zeros((2, 3, 256), dtype=np.float32)}},
    ],
    ids=["unknown file", "dtype", "key"],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, bad):
    with pytest.raises(InputError):
        write_snapshot(tmp_path / "one", MANIFEST, bad)
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_of_another_version_is_written_and_read_where_it_is_asked_for_and_never_replayed(tmp_path):
    manifest = MANIFEST | {"pyannote_audio_version": "4.0.7"}
    written = write_snapshot(tmp_path / "one", manifest, part("ahc_state.npz"))
    assert written.manifest["pyannote_audio_version"] == "4.0.7"
    assert read_snapshot(tmp_path / "one", any_version=True).manifest == written.manifest
    with pytest.raises(
        InputError, match=r"from pyannote\.audio 4\.0\.7, this pipeline follows 4\.0\.4; `parity compare`"
    ):
        read_snapshot(tmp_path / "one")


# snapshots that are there


def test_every_file_of_the_catalogue_of_artefacts_has_a_known_suffix_and_keys():
    assert {Path(name).suffix for name in files()} == {".npz", ".npy", ".rttm"}
    for name, keys in files().items():
        assert bool(keys) == name.endswith(".npz"), name


def committed() -> list[str]:
    catalogue = Catalogue.read(default_folder())
    return [f.name for f in catalogue.fixtures if (f.snapshot_folder / "manifest.json").is_file()]


def test_there_are_committed_snapshots():
    assert committed()


@pytest.mark.parametrize("name", committed())
def test_a_committed_snapshot_reads_and_is_of_the_catalogues_clip(name):
    (fixture,) = Catalogue.read(default_folder()).select([name])
    snapshot = read_snapshot(fixture.snapshot_folder)
    assert snapshot.clip_sha256 == fixture.clip_sha256
    assert snapshot.weights["name"] == "community-1-int8"
    assert snapshot.segmentation_gap.shape == snapshot.values["segmentations"].shape[:2]
    assert {"diarization", "exclusive_diarization", "segmentation_logits", "count"} <= set(snapshot.values)


def test_altering_a_committed_snapshot_is_found(tmp_path):
    (fixture,) = Catalogue.read(default_folder()).select([committed()[0]])
    copy = tmp_path / fixture.name
    shutil.copytree(fixture.snapshot_folder, copy)
    read_snapshot(copy)
    text = (copy / "reference.rttm").read_text() + "SPEAKER x 1 0.0 1.0 <NA> <NA> nobody <NA> <NA>\n"
    (copy / "reference.rttm").write_text(text)
    assert "reference.rttm: altered" in refusal(copy)


@pytest.mark.seed14
@pytest.mark.parametrize("name", SEED_CAPTURES)
def test_a_capture_of_the_seed_is_a_valid_partial_snapshot(seed14, name):
    snapshot = read_snapshot(seed14 / name)
    missing = {"segmentation_logits", "masks", "fbank", "dendrogram", "kmeans_clusters"}
    missing |= {"exclusive_discrete_diarization", "exclusive_diarization"}
    assert set(ARTEFACTS) - set(snapshot.values) == missing
    assert snapshot.companions["ahc_state.npz", "threshold"] == 0.6
    assert snapshot.weights == {} and snapshot.segmentation_gap is None


@pytest.mark.parametrize("line", ["nonsense", "SPEAKER clip 1 zero 1.000 <NA> <NA> A <NA> <NA>", "SPEAKER clip 1 0.0"])
def test_an_rttm_that_is_none_is_refused_by_its_file_and_line(tmp_path, line):
    good = "SPEAKER clip 1 0.000 1.000 <NA> <NA> A <NA> <NA>\n"
    manifest = {"pyannote_audio_version": "4.0.4", "clip_sha256": "0" * 64}
    with pytest.raises(InputError, match=r"reference\.rttm: cannot be read"):
        write_snapshot(tmp_path / "one", manifest, {"reference.rttm": {None: good + line + "\n"}})
    assert not (tmp_path / "one").exists()
