"""`parity convert`: what is written is read back and tried before it is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from support.random_arrays import random_wespeaker
from typer.testing import CliRunner

from parity.__main__ import app
from parity.audio.reading import quantise, write_pcm16
from parity.embedding import conversion as module
from parity.embedding.conversion import Options, convert
from parity.errors import InputError
from parity.networks.checkpoint_writer import write_checkpoint
from parity.networks.wespeaker.batch_norm import folded
from parity.networks.wespeaker.checkpoints import EmbeddingWeights, read_embedding
from parity.networks.wespeaker.names import pyannote_names

RNG = np.random.default_rng(4)
WAVEFORM = (0.1 * RNG.standard_normal((1, 16_000))).astype(np.float32)
SMALL = RNG.standard_normal((1, 24, 80)).astype(np.float32), np.ones((1, 3, 14), np.float32)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> EmbeddingWeights:
    """A checkpoint in pyannote's layout, read."""
    path = tmp_path_factory.mktemp("source") / "pytorch_model.bin"
    counters = {"resnet.bn1.num_batches_tracked": np.array(3)}
    write_checkpoint(path, {"state_dict": {**pyannote_names(random_wespeaker(np.random.default_rng(5))), **counters}})
    return read_embedding(path)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Ten seconds through the network would be most of what these tests do."""
    monkeypatch.setattr(module, "probe", lambda waveform: SMALL)


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("options", "files", "layout_only"),
    [
        (Options("onnx"), ["out"], False),
        (Options("onnx", fold=False, opset=20), ["out"], True),
        (Options("onnx", parts=True), ["head.onnx", "trunk.onnx"], False),
        (Options("torch"), ["out"], True),
        (Options("mlx"), ["config.json", "weights.npz"], True),
        (Options("safetensors", fold=True), ["out"], False),
    ],
)
def test_a_conversion_is_read_back_tried_and_kept(source, tmp_path, options, files, layout_only):
    made = convert(source, "name", WAVEFORM, tmp_path / "out", options, threads=1)
    assert sorted(made.sizes) == files and made.layout_only is layout_only
    assert 0 <= made.drift <= 1e-5 < made.scale
    back, want = read_embedding(tmp_path / "out"), folded(source.arrays) if not layout_only else source.arrays
    assert all(np.array_equal(back.arrays[name], value) for name, value in want.items())
    assert contents(tmp_path) == sorted({"out", *files})


def test_the_opset_asked_for_is_the_graphs_and_every_dimension_but_the_mel_bins_is_free(source, tmp_path):
    convert(source, "name", WAVEFORM, tmp_path / "out", Options("onnx", opset=19), threads=1)
    model = onnx.load(tmp_path / "out")
    assert [entry.version for entry in model.opset_import] == [19]
    dims = {
        value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in model.graph.input
    }
    assert dims == {"fbank": ["batch", "frames", 80], "weights": ["batch", "speakers", "mask_frames"]}


@pytest.mark.parametrize("to", ["onnx", "mlx"])
def test_a_result_that_computes_otherwise_is_not_kept(source, tmp_path, monkeypatch, to):
    real = module._runner

    def wrong(*arguments):
        name, embed = real(*arguments)
        return name, lambda *inputs: embed(*inputs) + np.float32(2e-5)

    monkeypatch.setattr(module, "_runner", wrong)
    with pytest.raises(InputError, match=r"not kept: .* embeddings are 2\.\de-05 off the source's, limit 1e-05"):
        convert(source, "name", WAVEFORM, tmp_path / "out", Options(to), threads=1)
    assert contents(tmp_path) == []


def test_a_result_that_is_not_a_number_is_not_kept(source, tmp_path, monkeypatch):
    monkeypatch.setattr(
        module, "_runner", lambda *_: ("onnx", lambda *inputs: np.full((1, 3, 256), np.nan, np.float32))
    )
    with pytest.raises(InputError, match="embeddings are nan off"):
        convert(source, "name", WAVEFORM, tmp_path / "out", Options("torch"), threads=1)
    assert contents(tmp_path) == []


def test_a_file_that_reads_back_otherwise_is_not_kept(source, tmp_path, monkeypatch):
    flipped = {**source.arrays, "bn1.bias": -source.arrays["bn1.bias"]}
    monkeypatch.setattr(module, "write_torch", lambda path, arrays: write_checkpoint(path, flipped))
    with pytest.raises(InputError, match=r"reads back otherwise than written, first bn1\.bias"):
        convert(source, "name", WAVEFORM, tmp_path / "out", Options("torch"), threads=1)
    assert contents(tmp_path) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options("coreml"), "--to coreml: unknown; known: onnx, torch, mlx, safetensors"),
        (Options("torch", parts=True), "--parts and --opset are ONNX's"),
        (Options("mlx", opset=18), "--parts and --opset are ONNX's"),
        (Options("onnx", opset=14), "--opset 14: at least 15"),
        (Options("onnx", opset=99), "--opset 99: the graph cannot be made or loaded here"),
    ],
)
def test_options_that_cannot_be_are_refused(source, tmp_path, options, said):
    with pytest.raises(InputError) as caught:
        convert(source, "name", WAVEFORM, tmp_path / "out", options, threads=1)
    assert said in str(caught.value) and contents(tmp_path) == []


def test_what_is_there_is_replaced_only_where_that_is_asked(source, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="exists already; --overwrite replaces it"):
        convert(source, "name", WAVEFORM, tmp_path / "out", Options("torch"), threads=1)
    with pytest.raises(InputError, match="is a file, and a folder is to be written"):
        convert(source, "name", WAVEFORM, tmp_path / "out", Options("mlx", overwrite=True), threads=1)
    assert (tmp_path / "out").read_text() == "mine"
    convert(source, "name", WAVEFORM, tmp_path / "out", Options("torch", overwrite=True), threads=1)
    assert read_embedding(tmp_path / "out").sha256 == source.sha256


def test_the_command_says_what_was_dropped_how_far_it_is_and_then_done(source, tmp_path):
    write_pcm16(tmp_path / "clip.wav", quantise(WAVEFORM[0]))
    command = ["convert", "--to", "safetensors", str(source.path), str(tmp_path / "out"), "--clip"]
    done = CliRunner().invoke(app, [*command, str(tmp_path / "clip.wav")])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].startswith("pytorch_model.bin: torch checkpoint, 182 arrays, sha256 ")
    assert lines[1] == "dropped, no part of an embedding: 1 counter of a batch norm"
    assert lines[2] == "batch norms kept: every array the source's, bit for bit"
    assert lines[3].startswith("in onnx, on the first ten seconds of clip.wav: embeddings at most 0.0e+00 off")
    assert lines[4].startswith(f"done: {tmp_path / 'out'} (out 26,")
