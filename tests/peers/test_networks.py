"""The ONNX files for sherpa-onnx: the project's own networks, under the metadata that its loaders ask for."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from support.random_arrays import random_pyannet, random_wespeaker

from parity.community1 import fbank
from parity.files.whole import cache_dir
from parity.networks.pyannet import build_pyannet
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.graph import build_head, build_trunk
from peers.adapters import SHERPA
from peers.environments import STAMP, python_of
from peers.onnx_files import write_onnx_files


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(0)
    return SimpleNamespace(segmentation=random_pyannet(rng), embedding=random_wespeaker(rng))


@pytest.fixture(scope="module")
def files(weights, tmp_path_factory):
    return write_onnx_files(weights, tmp_path_factory.mktemp("onnx"))


def opened(path: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def shape(value) -> list:
    return [dim if isinstance(dim, int) else "?" for dim in value.shape]


def test_the_segmentation_file_is_the_projects_network(weights, files):
    session = opened(files["segmentation"])
    (wanted_in,), (wanted_out,) = session.get_inputs(), session.get_outputs()
    assert (shape(wanted_in), shape(wanted_out)) == (["?", 1, "?"], ["?", "?", 7])
    waveform = np.random.default_rng(1).standard_normal((1, 1, 16000)).astype(np.float32)
    (ours,) = OnnxNetwork(build_pyannet(weights.segmentation), threads=1)(waveforms=waveform)
    np.testing.assert_allclose(session.run(None, {wanted_in.name: waveform})[0], ours, atol=1e-5)


def test_the_segmentation_file_says_where_its_frames_lie(files):
    assert opened(files["segmentation"]).get_modelmeta().custom_metadata_map == {
        "model_type": "pyannote-segmentation-3.0",
        "num_speakers": "3",
        "powerset_max_classes": "2",
        "num_classes": "7",
        "sample_rate": "16000",
        "window_size": "160000",
        "receptive_field_size": "991",
        "receptive_field_shift": "270",
    }


@pytest.mark.parametrize("frames", [40, 157])
def test_the_embedding_file_is_trunk_and_head_with_every_frame_kept(weights, files, frames):
    session = opened(files["embedding"])
    (wanted_in,), (wanted_out,) = session.get_inputs(), session.get_outputs()
    assert (shape(wanted_in), shape(wanted_out)) == (["?", "?", 80], ["?", 256])
    features = np.random.default_rng(2).standard_normal((2, frames, 80)).astype(np.float32)
    (pooled,) = OnnxNetwork(build_trunk(weights.embedding), threads=1)(fbank=features)
    ones = np.ones((2, 1, pooled.shape[2]), np.float32)
    (ours,) = OnnxNetwork(build_head(weights.embedding), threads=1)(features=pooled, weights=ones)
    np.testing.assert_allclose(session.run(None, {wanted_in.name: features})[0], ours[:, 0], atol=1e-5)


def test_the_embedding_file_says_how_its_features_are_scaled(files):
    assert opened(files["embedding"]).get_modelmeta().custom_metadata_map == {
        "framework": "wespeaker",
        "language": "English",
        "sample_rate": "16000",
        "output_dim": "256",
        "normalize_samples": "0",
        "feature_normalize_type": "global-mean",
    }


# sherpa-onnx itself, where `nox -s peers` has installed it

ASK = """
import json, sys, sherpa_onnx
path, samples = json.load(sys.stdin)
extractor = sherpa_onnx.SpeakerEmbeddingExtractor(sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=path))
stream = extractor.create_stream()
stream.accept_waveform(16000, samples)
stream.input_finished()
print(json.dumps(list(extractor.compute(stream))))
"""


def cosine(left: np.ndarray, right: np.ndarray) -> float:
    return float(left @ right / np.linalg.norm(left) / np.linalg.norm(right))


def povey_window() -> np.ndarray:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)).astype(np.float32) ** np.float32(0.85)


def mirrored(samples: np.ndarray) -> np.ndarray:
    """Samples such that a frame lies around every 160th: Kaldi's `snip_edges=false`."""
    frames = (len(samples) + 80) // 160
    length = (frames - 1) * 160 + 400
    return np.pad(samples, (120, max(0, length - len(samples) - 120)), mode="symmetric")[:length]


def test_sherpa_onnx_runs_the_network_on_a_filterbank_of_its_own(files, monkeypatch):
    """Povey's window, bands up to 7.6 kHz and mirrored edges, which are what its embeddings differ by, and all."""
    environments = cache_dir() / "peers"
    if not list(environments.glob(f"{SHERPA.name}-*/{STAMP}")):
        pytest.skip("sherpa-onnx is not installed: nox -s peers -- --peer sherpa-onnx")
    samples = 0.1 * np.random.default_rng(3).standard_normal(24000).astype(np.float32)
    samples[8000:16000] *= np.sin(np.arange(8000, dtype=np.float32) / 5)
    command = [python_of(SHERPA, environments), "-c", ASK]
    question = json.dumps([files["embedding"], samples.tolist()])
    done = subprocess.run(command, input=question, capture_output=True, text=True, check=True)
    theirs = np.array(json.loads(done.stdout.splitlines()[-1]))
    session = opened(files["embedding"])
    ours = session.run(None, {"fbank": fbank.compute_fbank(samples)[None]})[0][0]
    monkeypatch.setattr(fbank, "HIGH_HZ", 7600.0)
    monkeypatch.setattr(fbank, "hamming_window", povey_window)
    monkeypatch.setattr(fbank, "mel_bank", fbank.mel_bank.__wrapped__)
    as_theirs = session.run(None, {"fbank": fbank.compute_fbank(mirrored(samples))[None]})[0][0]
    assert cosine(as_theirs, theirs) > 0.99999 > cosine(ours, theirs)
