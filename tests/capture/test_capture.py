"""Captures: tapping changes nothing, records everything, and refuses functions it was not written against."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest

pytestmark = [
    pytest.mark.torch,
    # What the reference and its dependencies warn of while they are imported and run is not ours to judge.
    pytest.mark.filterwarnings("ignore"),
]
pytest.importorskip("torch")

SECONDS = 12


@pytest.fixture(scope="module")
def reference():
    from capture.environment import silence_torchcodec

    silence_torchcodec()
    from capture.reference import load_reference
    from parity.sources.weights import load_weights

    return load_reference(load_weights().folder)


@pytest.fixture(scope="module")
def waveform():
    from parity.audio.reading import load_clip
    from parity.fixtures.catalogue import Catalogue, default_folder

    (fixture,) = Catalogue.read(default_folder()).select(["02_pyannote_sample"])
    return load_clip(fixture.clip())[0][:, 5 * 16000 : (5 + SECONDS) * 16000]


@pytest.fixture(scope="module")
def runs(reference, waveform):
    from capture.reference import run_reference

    return run_reference(reference, waveform, 16_000, "clip"), run_reference(
        reference, waveform, 16_000, "clip", tapped=False
    )


def test_a_tapped_run_gives_the_rttm_of_an_untapped_one(runs):
    tapped, untapped = runs
    assert tapped.diarization == untapped.diarization
    assert tapped.exclusive_diarization == untapped.exclusive_diarization
    assert len(tapped.diarization.splitlines()) >= 2


def test_every_artefact_of_the_catalogue_is_recorded_but_the_kmeans_path(runs):
    from parity.pipeline.artefact import ARTEFACTS

    recorded = set(runs[0].values) | {"diarization", "exclusive_diarization"}
    assert set(ARTEFACTS) - recorded == {"kmeans_clusters"}


def test_count_is_recorded_before_the_reference_overwrites_it(runs):
    assert runs[0].values["count"].dtype == np.uint8  # `apply` makes it int8 and caps it at one afterwards, in place
    assert runs[0].values["count"].max() == 2


def test_hard_clusters_were_recorded_before_the_reference_overwrote_them():
    from parity.fixtures.catalogue import default_folder
    from parity.fixtures.snapshot import read_snapshot

    values = read_snapshot(default_folder() / "08_known_count").values
    silent = values["segmentations"].sum(axis=1) == 0
    assert silent.any()
    assert (values["hard_clusters"][silent] >= 0).all()  # `apply` sets these to -2 afterwards, in place


def test_taps_are_gone_after_the_run(runs):
    from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
    from pyannote.audio.pipelines import clustering
    from scipy.cluster.hierarchy import linkage

    assert clustering.linkage is linkage
    assert not hasattr(BaseWeSpeakerResNet.compute_fbank, "__wrapped__")


def test_capture_refuses_a_tapped_function_that_has_changed():
    from capture.recorder import known_sources
    from capture.taps import check_sources
    from parity.errors import InputError

    check_sources(known_sources())
    path = "pyannote.audio.utils.vbx:VBx"
    with pytest.raises(InputError, match=r"1bb9a2b30bd6, written against 000000000000 \(1\) or 111111111111 \(2\)"):
        check_sources({**known_sources(), path: {"0" * 64: "1", "1" * 64: "2"}})
    with pytest.raises(InputError, match="gone"):
        check_sources({"pyannote.audio.utils.vbx:gone": {"0" * 64: "1"}})


def test_every_tapped_function_was_read_in_4_0_4_and_4_0_7():
    from capture.recorder import known_sources

    sources = {path: hashes for path, hashes in known_sources().items() if path.startswith("pyannote.audio")}
    assert len(sources) > 15
    for hashes in sources.values():
        assert any(said.endswith(" 4.0.7") for said in hashes.values())
        assert all(len(value) == 64 for value in hashes)
    assert list(sources["pyannote.audio.utils.vbx:VBx"].values()) == [
        "pyannote.audio 4.0.0 to 4.0.4",
        "pyannote.audio 4.0.5 to 4.0.7",
    ]


@pytest.mark.parametrize("device", ["cuda:999", "mps:7"])
def test_a_device_that_torch_does_not_see_is_refused_with_its_cause(device):
    import torch

    from capture.device import check_present
    from parity.errors import InputError

    kind = device.partition(":")[0]
    built = torch.version.cuda is not None if kind == "cuda" else torch.backends.mps.is_built()
    with pytest.raises(InputError, match=f"--device {device}: torch .* does not have that device: ") as caught:
        check_present(device)
    assert built or str(caught.value).endswith(f"it was built without {kind}")


def test_the_cpu_is_refused_by_no_torch_and_described_by_its_name_alone():
    from capture.device import check_present, described

    check_present("cpu")
    assert described("cpu") == {"device": "cpu"}


@pytest.mark.parametrize("tf32", [False, True])
def test_pyannote_turns_tf32_off_unless_it_was_asked_for(tf32):
    import torch
    from pyannote.audio.core import inference, pipeline

    from capture.device import prepared

    kept, flags = inference.fix_reproducibility, torch.backends.cudnn
    before = flags.allow_tf32, torch.backends.cuda.matmul.allow_tf32, flags.deterministic
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with prepared("cuda", tf32):
                for module in (inference, pipeline):  # what a run on a card does first
                    module.fix_reproducibility(torch.device("cuda"))
                assert (flags.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == (tf32, tf32) and flags.deterministic
        assert inference.fix_reproducibility is pipeline.fix_reproducibility is kept
    finally:
        flags.allow_tf32, torch.backends.cuda.matmul.allow_tf32, flags.deterministic = before


def test_a_run_that_turned_tf32_off_is_no_tf32_capture():
    import torch

    from capture.device import prepared
    from parity.errors import InputError

    flags = torch.backends.cudnn
    before = flags.allow_tf32, torch.backends.cuda.matmul.allow_tf32, flags.deterministic
    try:
        with pytest.raises(InputError, match="TF32 was off at the end"), prepared("cuda", True):
            flags.allow_tf32 = False
    finally:
        flags.allow_tf32, torch.backends.cuda.matmul.allow_tf32, flags.deterministic = before


def test_a_pipeline_that_returns_a_generator_is_drained():
    from capture.reference import returned

    def call(ran):  # what `Pipeline.__call__` of 4.0.6 is
        if ran is None:
            yield "never"
        ran.append("apply")
        return "answer"

    ran = []
    output = call(ran)
    assert ran == []
    assert returned(output) == "answer" and ran == ["apply"]
    assert returned("answer") == "answer"


def test_a_snapshot_of_a_run_is_replayed_at_parity(runs, waveform, tmp_path):
    from capture.snapshots import contents
    from parity.community1 import Parameters, community1_pipeline
    from parity.community1.networks import build_networks
    from parity.fixtures.heard import with_heard
    from parity.fixtures.snapshot import write_snapshot
    from parity.replay.engine import replay
    from parity.sources.weights import load_weights

    weights = load_weights()
    parameters = Parameters(**weights.parameters)
    manifest = {"schema": 1, "pyannote_audio_version": "4.0.4", "clip_sha256": "0" * 64}
    inputs = {"samples": waveform, "sample_rate": 16_000}
    snapshot = with_heard(write_snapshot(tmp_path / "clip", manifest, contents(runs[0], parameters, inputs)), inputs)
    networks = build_networks(weights.segmentation, weights.embedding, weights.plda)
    outcome = replay(community1_pipeline(networks, parameters), snapshot, inputs)
    assert outcome.at_parity, outcome.first_drift
    assert outcome.isolated_without == {}


def test_a_new_capture_is_compared_with_the_one_that_is_kept(runs, waveform, tmp_path):
    from capture.check import compare_snapshots
    from capture.snapshots import contents
    from parity.community1 import Parameters
    from parity.fixtures.snapshot import write_snapshot

    manifest = {"pyannote_audio_version": "4.0.4", "clip_sha256": "0" * 64}
    inputs = {"samples": waveform, "sample_rate": 16_000}
    whole = contents(runs[0], Parameters(), inputs)
    kept = write_snapshot(tmp_path / "kept", manifest, whole)
    same = compare_snapshots(kept.folder, kept, inputs)
    total = same.lines[0].split()[0]
    assert same.within and same.same and same.lines == [f"{total} of {total} artefacts bit-identical"]
    moved = whole["raw_embeddings.npz"]["embeddings"] + np.float32(1e-3)
    drifted = {**whole, "raw_embeddings.npz": {"embeddings": moved}}
    found = compare_snapshots(kept.folder, write_snapshot(tmp_path / "drifted", manifest, drifted), inputs)
    assert not found.within
    assert any(line.startswith("embeddings: max 1.00e-03") and "OUT OF TOLERANCE" in line for line in found.lines)


def test_numpy_is_pinned_to_its_baseline_where_ties_are_broken():
    from capture.environment import pinned

    code = (
        "import json, numpy as np;"
        "from numpy._core._multiarray_umath import __cpu_dispatch__ as d, __cpu_features__ as f;"
        "x = -np.random.default_rng(0).integers(0, 3, (2000, 8)).astype(np.float32);"
        "print(json.dumps([[n for n in d if f.get(n)],"
        "bool((np.argsort(x, axis=1) == np.argsort(x, axis=1, kind='stable')).all())]))"
    )
    environment = {**os.environ, **pinned(1)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    dispatched, stable = json.loads(done.stdout)
    assert dispatched == []
    assert stable


def test_a_benign_change_is_measured_in_a_process_that_shows_it(tmp_path):
    from parity.fixtures.catalogue import default_folder
    from parity.fixtures.noise import read_noise

    folder = tmp_path / "13_no_speech"  # nobody speaks, so the embedding network does not run
    shutil.copytree(default_folder() / "13_no_speech", folder)
    (folder / "noise.json").unlink(missing_ok=True)
    variants = ("one_ulp", "aten_default", "numpy_dispatch")
    chosen = [word for name in variants for word in ("--variant", name)]
    command = [sys.executable, "-m", "capture", "--noise", "--fixture", "13_no_speech", "--out", str(tmp_path), *chosen]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    measured = {variant.name: variant for variant in read_noise(folder).variants}
    assert tuple(measured) == variants
    assert measured["one_ulp"].machine["samples_moved"] > 400_000
    assert measured["aten_default"].machine["torch_cpu_capability"] == "DEFAULT"
    assert measured["aten_default"].artefacts["segmentation_logits"].max_abs > 0
    assert measured["numpy_dispatch"].machine["numpy_cpu_features"]
    assert "embeddings" not in measured["one_ulp"].artefacts
