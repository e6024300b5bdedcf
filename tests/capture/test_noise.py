"""The reference against itself: each change takes effect and is one only; what it does is measured as drift is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from capture.changes import CHANGES, one_ulp
from capture.command import app
from capture.environment import changed
from capture.noise import noise
from parity.community1.scoring import inactive
from parity.errors import InputError
from parity.fixtures.catalogue import default_folder
from parity.fixtures.noise import ALL_EMBEDDINGS, Noise
from parity.fixtures.snapshot import Snapshot, read_snapshot
from parity.replay.outcome import sampled_frames

STILL = Noise(0.0, 0.0, 0)


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
        "openblas_cores": ["Haswell"],
        "mkl_branch": "OFF",
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
