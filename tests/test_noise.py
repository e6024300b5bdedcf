"""The noise floor: written and read strictly, tied to its snapshot; what a change does is measured as drift is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from capture.command import app
from capture.environment import changed
from capture.noise import CHANGES, noise, one_ulp
from parity.community1.scoring import inactive
from parity.errors import InputError
from parity.fixtures.beside import snapshot_sha256
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.noise import ALL_EMBEDDINGS, Noise, NoiseFloor, Variant, read_noise, write_noise
from parity.fixtures.snapshot import NOISE, Snapshot, read_snapshot, write_snapshot
from parity.replay.outcome import sampled_frames

MANIFEST = {"schema": 1, "pyannote_audio_version": "4.0.4", "clip_sha256": "0" * 64}
RTTM = {"reference.rttm": {None: ""}}
STILL = Noise(0.0, 0.0, 0)


def variant(name: str, *, answer_changed: bool = False, **artefacts: Noise) -> Variant:
    return Variant(name, f"{name}, in ñ words", 1.5, {"threads": 2}, answer_changed, artefacts)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A snapshot with a noise floor of two variants beside it."""
    folder = tmp_path / "one"
    write_snapshot(folder, MANIFEST, RTTM)
    variants = (
        variant("a", embeddings=Noise(2e-6, 1e-7, 0), elbo_trajectory=Noise(None, None, 7)),
        variant("b", answer_changed=True, embeddings=Noise(1e-6, 3e-7, 4, 5), embeddings_all_rows=Noise(1.0, 0.5, 0)),
    )
    write_noise(folder, NoiseFloor("one", snapshot_sha256(folder), variants))
    return folder


# the file


def test_what_is_written_is_read_back(folder):
    floor = read_noise(folder)
    assert [entry.name for entry in floor.variants] == ["a", "b"]
    assert floor.variants[0].artefacts["elbo_trajectory"] == Noise(None, None, 7)
    assert [entry.answer_changed for entry in floor.variants] == [False, True]
    before = (folder / NOISE).read_bytes()
    write_noise(folder, floor)
    assert (folder / NOISE).read_bytes() == before


def test_a_snapshot_without_a_noise_floor_has_none(tmp_path):
    write_snapshot(tmp_path / "one", MANIFEST, RTTM)
    assert read_noise(tmp_path / "one") is None


def test_a_noise_floor_is_no_part_of_the_snapshot_and_goes_with_it(folder):
    assert NOISE not in read_snapshot(folder).manifest["artifacts"]
    write_snapshot(folder, {**MANIFEST, "fixture": "another"}, RTTM, replace=True)
    assert not (folder / NOISE).exists()


def test_a_noise_floor_of_another_snapshot_is_refused_by_name(folder):
    old = (folder / NOISE).read_bytes()
    write_snapshot(folder, {**MANIFEST, "fixture": "another"}, RTTM, replace=True)
    (folder / NOISE).write_bytes(old)
    with pytest.raises(InputError, match=r"one/noise\.json: stale: .*nox -s capture -- --noise --fixture one"):
        read_noise(folder)


def first(document: dict) -> dict:
    return document["variants"][0]


@pytest.mark.parametrize(
    "damage, said",
    [
        (lambda d: d.update(schema=2), "schema is 2, this version reads 1"),
        (lambda d: d.pop("envelope"), "the file has keys .*, expected .*envelope"),
        (lambda d: d.update(extra=1), "the file has keys envelope, extra"),
        (lambda d: d.update(variants={}), "variants is {}, expected list"),
        (lambda d: d.update(fixture=None), "fixture is None, expected str"),
        (lambda d: d["variants"].append(first(d)), "a variant is listed twice"),
        (lambda d: first(d).pop("what"), r"variants\[0\] has keys"),
        (lambda d: first(d).update(answer_changed=0), r"variants\[0\].answer_changed is 0, expected bool"),
        (lambda d: first(d).update(seconds=-1), r"variants\[0\].seconds is -1, expected a finite number, at least 0"),
        (lambda d: first(d).update(machine=[]), r"variants\[0\].machine is \[\], expected dict"),
        (lambda d: first(d)["artefacts"].update(phy={}), r"variants\[0\].artefacts has phy, which is no artefact"),
        (lambda d: first(d)["artefacts"]["embeddings"].update(max_abs="1"), "embeddings.max_abs is '1', expected a"),
        (lambda d: first(d)["artefacts"]["embeddings"].update(max_abs=float("nan")), "embeddings.max_abs is nan"),
        (lambda d: first(d)["artefacts"]["embeddings"].update(rms=None), "one of max_abs and rms, expected both"),
        (lambda d: first(d)["artefacts"]["embeddings"].update(mismatches=0.5), "embeddings.mismatches is 0.5"),
        (lambda d: first(d)["artefacts"]["embeddings"].update(mismatches=True), "embeddings.mismatches is True"),
        (lambda d: first(d)["artefacts"]["embeddings"].update(max_abs=9.0), "envelope is not the largest"),
        (lambda d: d["envelope"].pop("embeddings"), "envelope is not the largest"),
    ],
)
def test_every_kind_of_damage_is_said_in_one_line_that_names_file_and_cure(folder, damage, said):
    document = json.loads((folder / NOISE).read_text(encoding="utf-8"))
    damage(document)
    (folder / NOISE).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError, match=rf"one/noise\.json: .*{said}.*; remove it, or measure again") as caught:
        read_noise(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "null", "\ud800".encode("utf-8", "surrogatepass")])
def test_a_file_that_is_something_else_is_refused(folder, text):
    (folder / NOISE).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=r"one/noise\.json: cannot be read"):
        read_noise(folder)


# what it says


def test_the_envelope_is_the_largest_of_each_number(folder):
    assert read_noise(folder).envelope == {
        "embeddings": Noise(2e-6, 3e-7, 4, 5),
        "elbo_trajectory": Noise(None, None, 7),
        ALL_EMBEDDINGS: Noise(1.0, 0.5, 0),
    }


def test_a_variant_of_another_shape_does_not_hide_what_the_others_measured():
    floor = NoiseFloor("one", "0", (variant("a", phi=Noise(None, None, 7)), variant("b", phi=Noise(0.5, 0.25, 0))))
    assert floor.envelope == {"phi": Noise(0.5, 0.25, 7)}


def test_drift_is_a_multiple_of_the_envelope(folder):
    floor = read_noise(folder)
    assert floor.multiple("embeddings", 1e-5) == pytest.approx(5.0)
    assert floor.multiple("embeddings", 0.0) == 0.0


def test_there_is_no_multiple_of_what_did_not_move_has_no_size_or_was_not_measured(folder):
    floor = read_noise(folder).with_variant(variant("c", phi=STILL))
    assert [floor.multiple(name, 1.0) for name in ("phi", "elbo_trajectory", "fbank")] == [None, None, None]


def test_a_variant_measured_anew_takes_its_old_place(folder):
    floor = read_noise(folder).with_variant(variant("a", phi=STILL)).with_variant(variant("c"))
    assert [entry.name for entry in floor.variants] == ["a", "b", "c"]
    assert floor.variants[0].artefacts == {"phi": STILL}


# the changes


def test_one_ulp_moves_every_sample_to_a_neighbour_either_way_and_leaves_silence():
    waveform = np.random.default_rng(0).standard_normal((1, 4000)).astype(np.float32)
    waveform[0, 1000:2000] = 0.0
    moved = one_ulp(waveform, seed=7)
    assert moved.dtype == np.float32
    up, down = (moved == np.nextafter(waveform, np.float32(towards)) for towards in (np.inf, -np.inf))
    sounding = waveform != 0
    assert (up ^ down)[sounding].all()
    assert 0.4 < up[sounding].mean() < 0.6
    assert (moved[~sounding] == 0).all()
    assert np.array_equal(moved, one_ulp(waveform, seed=7))
    assert not np.array_equal(moved, one_ulp(waveform, seed=8))


def test_a_change_that_did_not_take_effect_is_seen():
    usual = {
        "threads": 2,
        "library_threads": {"mkl": 2},
        "torch_cpu_capability": "AVX2",
        "onednn_isa": "Intel AVX2",
        "numpy_cpu_features": [],
        "batch_sizes": [32, 32],
    }
    assert {name for name, change in CHANGES.items() if change.acts(usual)} == {"one_ulp", "unchanged"}
    assert not CHANGES["one_thread"].acts({**usual, "threads": 1})
    assert CHANGES["one_thread"].acts({**usual, "threads": 1, "library_threads": {"mkl": 1, "libgomp": 1}})


def test_a_changed_environment_is_the_pinned_one_but_for_the_change(monkeypatch):
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", "AVX2")
    usual = changed(2, {})
    assert usual["OMP_NUM_THREADS"] == usual["MKL_NUM_THREADS"] == usual["OPENBLAS_NUM_THREADS"] == "2"
    assert changed(2, {"ATEN_CPU_CAPABILITY": "default"}) == {**usual, "ATEN_CPU_CAPABILITY": "default"}
    assert set(usual) - set(changed(2, {"NPY_DISABLE_CPU_FEATURES": None})) == {"NPY_DISABLE_CPU_FEATURES"}


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--variant", "one_ulp"], "--variant goes with --noise"),
        (["--noise", "--check"], "leave --check and --accept out"),
        (["--noise", "--variant", "two_ulps"], "unknown variant two_ulps; there are one_ulp, aten_default"),
        (["--noise", "--fixture", "nobody"], "unknown fixture 'nobody'"),
    ],
)
def test_a_mistake_on_the_command_line_is_said_before_any_capture(arguments, said):
    caught = CliRunner().invoke(app, arguments).exception
    assert isinstance(caught, InputError)
    assert said in str(caught) and "\n" not in str(caught)


# what a change did


@pytest.fixture(scope="module")
def kept() -> Snapshot:
    return read_snapshot(default_folder() / "14_partial_tail")


def test_a_capture_that_is_the_snapshot_has_no_noise_in_anything_it_holds(kept):
    found = noise(kept.values, kept)
    assert set(found) == {*kept.values, ALL_EMBEDDINGS}
    assert set(found.values()) == {STILL}


def test_embeddings_count_where_somebody_speaks_and_are_known_where_nobody_does(kept):
    silent = inactive(kept.values["segmentations"])
    assert silent.any() and not silent.all()
    moved = kept.values["embeddings"] + 0.5 * silent[..., None].astype(np.float32)
    found = noise({**kept.values, "embeddings": moved}, kept)
    assert found["embeddings"] == STILL
    assert found[ALL_EMBEDDINGS].max_abs == pytest.approx(0.5)
    moved = kept.values["embeddings"].copy()
    chunk, speaker = np.argwhere(~silent)[0]
    moved[chunk, speaker, 3] += 0.25
    found = noise({**kept.values, "embeddings": moved}, kept)
    assert found["embeddings"].max_abs == pytest.approx(0.25)
    assert found["embeddings"].rms == pytest.approx(0.25 / np.sqrt(256 * (~silent).sum()))


def test_a_label_or_a_line_that_changed_is_a_mismatch(kept):
    clusters = kept.values["hard_clusters"].copy()
    clusters[0, 0] += 1
    text = kept.values["diarization"].splitlines(keepends=True)[:-1]
    found = noise({**kept.values, "hard_clusters": clusters, "diarization": "".join(text)}, kept)
    assert found["hard_clusters"].mismatches == 1
    assert found["diarization"].mismatches == 1


def test_another_shape_and_a_missing_artefact_have_no_distance_and_mismatch_whole(kept):
    elbo = kept.values["elbo_trajectory"]
    values = {**kept.values, "elbo_trajectory": elbo[:-1]}
    del values["phi"]
    found = noise(values, kept)
    assert found["elbo_trajectory"] == Noise(None, None, len(elbo))
    assert found["phi"] == Noise(None, None, 128)


def test_a_flip_on_a_tie_is_excused_and_what_it_moves_has_no_distance(kept):
    frame = int(sampled_frames(589)[10])
    gap = kept.segmentation_gap.copy()
    gap[2, frame] = 1e-6
    tied = replace(kept, companions={**kept.companions, ("segmentations.npz", "segmentation_gap"): gap})
    flipped = kept.values["segmentations"].copy()
    flipped[2, frame, 0] = 1 - flipped[2, frame, 0]
    xvec = kept.values["post_xvec"] + 1.0
    embeddings = kept.values["embeddings"].copy()
    embeddings[2] += 1.0
    values = {**kept.values, "segmentations": flipped, "post_xvec": xvec, "embeddings": embeddings}
    found = noise(values, tied)
    assert found["segmentations"] == Noise(0.0, 0.0, 0, excused=1)
    assert found["post_xvec"] == Noise(None, None, 0, excused=xvec.size)
    assert found["embeddings"].max_abs == 0.0 and found["embeddings"].excused > 0
    assert noise(values, kept)["segmentations"].mismatches == 1  # not a tie there, so not excused


# what is kept


def test_every_noise_floor_that_is_kept_belongs_to_its_snapshot():
    floors = [read_noise(fixture.snapshot_folder) for fixture in Catalogue.read(default_folder()).fixtures]
    measured = [floor for floor in floors if floor is not None]
    assert sum("one_ulp" in {entry.name for entry in floor.variants} for floor in measured) >= 12
    for floor in measured:
        assert any(moved.max_abs for moved in floor.envelope.values())


def test_a_control_without_a_change_moved_nothing():
    floors = [read_noise(fixture.snapshot_folder) for fixture in Catalogue.read(default_folder()).fixtures]
    controls = [entry for floor in floors if floor for entry in floor.variants if entry.name == "unchanged"]
    assert controls
    assert {moved for entry in controls for moved in entry.artefacts.values()} == {STILL}
    assert not any(entry.answer_changed for entry in controls)
