"""`parity layers`: the sample beside a snapshot, what is out, and the mistakes that are named."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.random_arrays import random_wespeaker

from parity.errors import InputError
from parity.fixtures.snapshot import LAYERS, MANIFEST, Snapshot, write_snapshot
from parity.layers.probes import pool
from parity.layers.proof import load_network, prove
from parity.layers.reference import PROVEN, TRUNK, ReferenceChunk, ReferenceLayer
from parity.layers.samples import EVERYBODY, POSITIONS, positions, read_samples, sample, write_samples
from parity.networks.wespeaker.onnx_runtime import OnnxEmbedding
from parity.report.layers import proof_data, proof_in_words

CHUNK = 3
FRAMES = 160


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return random_wespeaker(np.random.default_rng(3))


@pytest.fixture(scope="module")
def inputs() -> tuple[np.ndarray, np.ndarray]:
    fbank = np.random.default_rng(4).standard_normal((FRAMES, 80)).astype(np.float32)
    masks = np.concatenate([np.zeros((3, 589), np.float32), EVERYBODY])  # the third is silent
    masks[0, :300], masks[1, 250:] = 1, 1
    return fbank, masks


@pytest.fixture(scope="module")
def clean(arrays, inputs) -> dict[str, np.ndarray]:
    """What the clean network makes of the chunk, in place of a capture."""
    fbank, masks = inputs
    embeddings, made = OnnxEmbedding(arrays).embed(fbank[None], masks[None], PROVEN[:-1])
    return {name: value[0] for name, value in {**made, "embeddings": embeddings}.items()}


@pytest.fixture(scope="module")
def reference(clean, inputs) -> ReferenceChunk:
    return sample(CHUNK, *inputs, clean)


class Changed(OnnxEmbedding):
    """The network with one layer passed through a function, and nothing behind it changed."""

    def __init__(self, arrays, layer, change):
        super().__init__(arrays)
        self.layer, self.change = layer, change

    def embed(self, fbank, weights, layers=()):
        embeddings, made = super().embed(fbank, weights, layers)
        made = {**made, "embeddings": embeddings}
        made[self.layer] = self.change(made[self.layer])
        return made.pop("embeddings"), made


def proof_of(reference, arrays, layer=None, change=None):
    network = OnnxEmbedding(arrays) if layer is None else Changed(arrays, layer, change)
    return prove("clip", [reference], network)


# what is out


def test_the_reference_itself_is_within_everywhere(reference, arrays):
    found = proof_of(reference, arrays)
    assert [layer.layer for layer in found.layers] == list(PROVEN)
    assert found.first_out is None and found.sampled
    assert {layer.drift for layer in found.layers} == {0.0}


@pytest.mark.parametrize("name", ["conv1.weight", "layer2.0.downsample.0.weight", "layer3.4.conv1.weight"])
def test_an_altered_array_puts_its_own_block_out_first(reference, arrays, name):
    found = proof_of(reference, {**arrays, name: arrays[name] * np.float32(1.01)})
    assert found.first_out == ("conv1" if name == "conv1.weight" else f"{name[:8]}.out")
    before = found.layers[: PROVEN.index(found.first_out)]
    assert all(layer.drift == 0 for layer in before)


@pytest.mark.parametrize(("share", "within"), [(0.9e-4, True), (1.1e-4, False)])
def test_the_limit_is_a_share_of_the_layers_largest_value(reference, arrays, share, within):
    scale = reference.layers["layer1.0.out"].max_abs
    found = proof_of(reference, arrays, "layer1.0.out", lambda x: x + np.float32(share * scale))
    row = found.layers[PROVEN.index("layer1.0.out")]
    assert row.relative == pytest.approx(share, rel=1e-2)
    assert row.within is within
    assert found.first_out == (None if within else "layer1.0.out")


@pytest.mark.parametrize(("shift", "within"), [(0.9e-5, True), (1.1e-5, False)])
def test_the_limit_of_embeddings_is_absolute(reference, arrays, shift, within):
    found = proof_of(reference, arrays, "embeddings", lambda x: x + np.float32(shift))
    assert found.layers[-1].within is within


def test_what_lies_off_the_sample_shows_in_the_largest_value_and_the_rms(reference, arrays):
    held = reference.layers["layer2.1.out"]
    off = next(i for i in range(held.shape[0] * held.shape[1]) if i not in held.positions)

    def one_spike(x):
        x = x.copy()
        x.reshape(-1)[off] = 2 * held.max_abs
        return x

    spike = proof_of(reference, arrays, "layer2.1.out", one_spike)
    assert spike.first_out == "layer2.1.out"
    assert spike.layers[PROVEN.index("layer2.1.out")].drift == pytest.approx(held.max_abs, rel=1e-6)

    def off_sample_halved(x):
        y = (x * np.float32(0.5)).reshape(-1)
        y[held.positions] = x.reshape(-1)[held.positions]
        return y.reshape(x.shape)

    assert proof_of(reference, arrays, "layer2.1.out", off_sample_halved).first_out == "layer2.1.out"


def test_a_sampled_drift_is_never_above_that_of_the_whole_layer(clean, inputs, reference, arrays):
    whole = ReferenceChunk(CHUNK, *inputs, {name: ReferenceLayer.of(clean[name]) for name in PROVEN})
    rounded = {name: value.astype(np.float16).astype(np.float32) for name, value in arrays.items()}
    pairs = zip(proof_of(reference, rounded).layers, proof_of(whole, rounded).layers, strict=True)
    for sampled, full in pairs:
        assert 0 < sampled.drift <= full.drift
    assert not proof_of(whole, rounded).sampled


def test_a_value_that_is_not_finite_and_another_shape_are_out(reference, arrays):
    nan = proof_of(reference, arrays, "conv1", lambda x: np.where(np.arange(x.shape[-1]) == 7, np.nan, x))
    cut = proof_of(reference, arrays, "layer4.2.out", lambda x: x[..., :-1])
    assert (nan.first_out, nan.layers[0].drift) == ("conv1", np.inf)
    assert (cut.first_out, cut.layers[PROVEN.index("layer4.2.out")].relative) == ("layer4.2.out", np.inf)


def test_the_worst_chunk_is_told(clean, inputs, reference, arrays):
    off = {**clean, "mean": clean["mean"] * np.float32(1.01)}
    found = prove("clip", [reference, sample(5, *inputs, off)], OnnxEmbedding(arrays))
    row = found.layers[PROVEN.index("mean")]
    assert (found.first_out, row.chunk, found.chunks) == ("mean", 5, (CHUNK, 5))


# the mistakes


class Pooled(OnnxEmbedding):
    """A port whose head pools another axis of the image (channels, mel bins, frames) than its last."""

    def __init__(self, arrays, form):
        super().__init__(arrays)
        self.form = form

    def run_head(self, features, weights, layers):
        embeddings, _ = super().run_head(features, weights, ())
        image = features.reshape(256, 10, -1)
        mean, std = image.mean(axis=1), image.std(axis=1, ddof=1)  # over mel bins: (channels, frames)
        made = {"mean": self.form(mean, weights[0]), "std": self.form(std, weights[0])}
        return embeddings + 1, {name: made[name][None] for name in layers}


def over_time(x, weights):
    return np.stack([(x * w).sum(1) / (w.sum() + 1e-8) for w in weights])


FORMS = {
    "one for all masks": lambda x, w: x,
    "a mask, channels, frames": lambda x, w: np.stack([x] * len(w)),
    "flat": lambda x, w: np.stack([x.ravel()] * len(w)),
    "frames, channels": lambda x, w: np.stack([x.T] * len(w)),
    "then over frames": over_time,
    "then over frames, repeated to 2560": lambda x, w: np.repeat(over_time(x, w), 10, axis=1),
    "then over frames, tiled to 2560": lambda x, w: np.tile(over_time(x, w), (1, 10)),
    "then over all frames, repeated to 2560": lambda x, w: np.repeat(over_time(x, np.ones_like(w)), 10, axis=1),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_pooling_over_frequency_instead_of_time_is_caught_and_named(reference, arrays, form):
    found = prove("clip", [reference], Pooled(arrays, form))
    assert found.first_out == "mean"
    assert found.looks_like == "pooling mean looks pooled over mel bins (frequency) instead of frames (time)"
    said = proof_in_words(proof_data([found], "mine:network", None, "random"))
    assert said[0].startswith("clip: the first layer out of tolerance is mean: ")
    assert said[1] == f"  {found.looks_like}"


def mel_major(x):
    return x.reshape(1, -1, 256, 10).swapaxes(2, 3).reshape(x.shape)


@pytest.mark.parametrize(
    ("layer", "change", "words"),
    [
        ("mean", mel_major, "pooling mean looks laid out mel bin by mel bin instead of channel by channel"),
        (
            "std",
            mel_major,
            "pooling standard deviation looks laid out mel bin by mel bin instead of channel by channel",
        ),
        ("conv1", lambda x: x.transpose(0, 2, 3, 1), "conv1 looks laid out (mel bin, frame, channel) instead of"),
        (
            "layer3.0.out",
            lambda x: x.swapaxes(2, 3),
            "layer3.0.out looks laid out (channel, frame, mel bin) instead of",
        ),
        ("layer1.1.out", lambda x: x * np.float32(1.01), None),
        ("embeddings", lambda x: x[..., ::-1], None),
    ],
)
def test_a_layout_is_named_and_what_is_no_layout_is_not(reference, arrays, layer, change, words):
    found = proof_of(reference, arrays, layer, change)
    assert found.first_out == layer
    assert (found.looks_like or "").startswith(words or "") and (found.looks_like is None) is (words is None)


def test_the_mask_left_out_and_a_biased_deviation_are_named(reference, arrays, clean, inputs):
    everybody = proof_of(reference, arrays, "mean", lambda x: np.stack([x[:, -1]] * 4, axis=1))
    assert everybody.looks_like == "pooling mean looks pooled over all frames, the mask left out"
    weights = inputs[1][:, (np.arange(20) * np.float32(589 / 20)).astype(int)]
    biased = pool(clean["layer4.2.out"], weights, unbiased=False)["std"].reshape(1, 4, -1)
    found = proof_of(reference, arrays, "std", lambda x: biased)
    assert found.looks_like == ("pooling standard deviation looks biased: divided by n where the reference has n - 1")


def test_statistics_made_for_the_probes_are_the_networks_own(clean, inputs):
    weights = inputs[1][:, (np.arange(20) * np.float32(589 / 20)).astype(int)]
    made = pool(clean["layer4.2.out"], weights)
    for name in ("mean", "std"):
        assert np.allclose(made[name].reshape(4, -1), clean[name], rtol=1e-4, atol=1e-4)


# the sample


def test_positions_are_the_same_for_ever_ascending_and_other_for_another_chunk():
    found = positions("conv1", CHUNK, 32 * 80 * 998)
    assert found[:4].tolist() == FIRST_POSITIONS
    assert np.all(np.diff(found) > 0) and 250 <= len(found) <= POSITIONS["conv1"] and found[-1] < 32 * 80 * 998
    assert not np.array_equal(found, positions("conv1", CHUNK + 1, 32 * 80 * 998))
    assert positions("embeddings", CHUNK, 1024) is None
    assert positions("conv1", CHUNK, 256) is None


FIRST_POSITIONS = [5242, 28512, 41856, 56710]


@pytest.fixture
def snapshot(tmp_path, inputs) -> Snapshot:
    """A snapshot that holds the chunk's filterbank and the first three masks, and nothing else."""
    fbank, masks = inputs
    (tmp_path / MANIFEST).write_text("{}")
    values = {"fbank": fbank[None], "masks": np.concatenate([np.zeros((CHUNK, 3, 589)), masks[None, :3]])}
    return Snapshot(tmp_path, {}, values, {"fbank": np.array([CHUNK])}, {})


def written(snapshot, reference, *, inputs=False, **changes):
    from parity.fixtures.beside import snapshot_sha256

    said = {"snapshot_sha256": snapshot_sha256(snapshot.folder), **changes}
    return write_samples(snapshot.folder, [reference], said, inputs=inputs)


@pytest.mark.parametrize("inputs_kept", [False, True])
def test_a_sample_reads_back_as_it_was_written(snapshot, reference, inputs_kept):
    written(snapshot, reference, inputs=inputs_kept)
    if inputs_kept:
        snapshot = replace(snapshot, values={}, chunks={})
    (found,) = read_samples(snapshot)
    assert found.chunk == CHUNK
    assert np.array_equal(found.fbank, reference.fbank) and np.array_equal(found.masks, reference.masks)
    for name in PROVEN:
        ours, theirs = found.layers[name], reference.layers[name]
        assert (ours.shape, ours.max_abs, ours.rms) == (theirs.shape, theirs.max_abs, theirs.rms)
        assert np.array_equal(ours.values, theirs.values)
        assert (ours.positions is None) == (name == "embeddings")


def test_there_may_be_no_sample(snapshot):
    assert read_samples(snapshot) is None


def test_a_sample_of_another_snapshot_is_stale(snapshot, reference):
    written(snapshot, reference, snapshot_sha256="0" * 64)
    with pytest.raises(InputError, match=r"layers\.npz: stale: measured against a snapshot whose manifest is 0{12},"):
        read_samples(snapshot)


def test_a_new_capture_drops_the_sample_of_the_old_one(snapshot, reference):
    written(snapshot, reference)
    manifest = {"pyannote_audio_version": "4.0.4", "clip_sha256": "0" * 64}
    write_snapshot(snapshot.folder, manifest, {"reference.rttm": {None: ""}}, replace=True)
    assert read_samples(snapshot) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.pop("sizes"), "sizes"),
        (lambda a: a.update({f"values/{CHUNK}": a[f"values/{CHUNK}"][:-1]}), "its layers take"),
        (lambda a: a.update({f"values/{CHUNK}": a[f"values/{CHUNK}"] * np.nan}), "not finite"),
        (lambda a: a.update({f"values/{CHUNK}": a[f"values/{CHUNK}"].astype(float)}), "float64"),
        (lambda a: a.update(sizes=a["sizes"][:, :-1]), "sizes"),
        (lambda a: a.update(manifest=np.array("{")), "cannot be read as layers"),
        (lambda a: a.update(manifest=np.array("[]")), "cannot be read as layers"),
        (lambda a: a.pop("manifest"), "manifest"),
        (lambda a: a.update(manifest=_with(a, schema=9)), "schema is 9"),
        (lambda a: a.update(manifest=_with(a, shapes={})), "conv1"),
        (lambda a: a.update(manifest=_with(a, chunks=[7])), "chunk 7, of which the snapshot has no fbank"),
    ],
)
def test_a_sample_that_contradicts_itself_is_refused_in_one_line(snapshot, reference, change, words):
    path = written(snapshot, reference)
    with np.load(path) as loaded:
        held = dict(loaded)
    change(held)
    np.savez(path, **held)
    with pytest.raises(InputError, match=words) as caught:
        read_samples(snapshot)
    assert str(path) in str(caught.value) and "record again" in str(caught.value) and "\n" not in str(caught.value)


def _with(arrays, **changes):
    return np.array(json.dumps({**json.loads(arrays["manifest"].item()), **changes}))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"text"])
def test_a_file_that_is_no_npz_is_refused(snapshot, content):
    (snapshot.folder / LAYERS).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as layers"):
        read_samples(snapshot)


# networks of one's own


class NoLayers(OnnxEmbedding):
    def embed(self, fbank, weights, layers=()):
        return super().embed(fbank, weights)


class Raising(OnnxEmbedding):
    def embed(self, fbank, weights, layers=()):
        raise ValueError("two\nlines")


def test_a_network_that_raises_or_shows_no_layers_is_one_line(reference, arrays):
    with pytest.raises(InputError, match=r"leaves out layer conv1, layer1\.0\.out"):
        prove("clip", [reference], NoLayers(arrays))
    with pytest.raises(InputError, match="raised ValueError on chunk 3: two lines"):
        prove("clip", [reference], Raising(arrays))


def test_a_network_is_loaded_by_name_and_what_cannot_be_is_said(arrays):
    found = load_network("parity.networks.wespeaker.onnx_runtime:OnnxEmbedding", arrays)
    assert isinstance(found, OnnxEmbedding)
    for spec, words in (
        ("no_such_module:x", "cannot be loaded"),
        ("builtins:max", "raised"),
        (f"{__name__}:nothing", "made a NoneType, which has no `embed`"),
    ):
        with pytest.raises(InputError, match=f"--implementation {spec}: .*{words}"):
            load_network(spec, arrays)


def nothing(arrays, threads):
    return None


@pytest.mark.models
def test_the_committed_samples_are_within_on_onnx_and_the_smallest_fixture_says_so():
    """One chunk of a real fixture, from the committed file to the verdict."""
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.fixtures.snapshot import read_snapshot
    from parity.layers.proof import reference_of
    from parity.sources.weights import load_weights

    (fixture,) = Catalogue.read(default_folder()).select(["13_no_speech"])
    weights = load_weights()
    reference = reference_of(fixture, read_snapshot(fixture.snapshot_folder), weights)
    found = prove(fixture.name, reference, OnnxEmbedding(weights.embedding))
    assert found.chunks == (0,) and found.first_out is None
    assert 0 < found.layers[-1].drift < 1e-5


def test_every_fixture_has_its_layers_and_they_are_its_snapshots_own():
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.fixtures.snapshot import read_snapshot

    for fixture in Catalogue.read(default_folder()).fixtures:
        snapshot = read_snapshot(fixture.snapshot_folder)
        found = read_samples(snapshot)
        assert [entry.chunk for entry in found] == snapshot.chunks.get("fbank", np.zeros(1, int)).tolist()
        if "embeddings" in snapshot.values:  # the pipeline ran the same class, in other batches
            ours = np.stack([entry.layers["embeddings"].values.reshape(4, 256)[:3] for entry in found])
            theirs = snapshot.values["embeddings"][[entry.chunk for entry in found]]
            active = snapshot.values["masks"][[entry.chunk for entry in found]].any(axis=2)
            assert np.abs(ours - theirs)[active].max(initial=0.0) < 1e-5


def test_every_block_is_proven():
    assert len(TRUNK) == 17 and PROVEN[-3:] == ("mean", "std", "embeddings")
