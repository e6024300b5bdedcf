"""RNN-T heads and vocabularies: checkpoints in the GigaAM layout, what is refused, seeded heads and frames."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from support.rnnt_examples import SMALL

from parity.errors import InputError
from parity.networks.checkpoint_writer import write_checkpoint
from parity.networks.torch_pickle import Global, Reduced
from parity.rnnt.head import head_of
from parity.rnnt.model import read_model
from parity.rnnt.seeded import SeededUtterance, normal, sha256_of, uniform
from parity.rnnt.vocabulary import Pieces, SentencePieces, check_vocabulary, configured
from parity.subjects.rnnt.fixtures import HEADS


def arrays(**changes) -> dict[str, np.ndarray]:
    found = SMALL.state_dict() | {f"head.{name}": array for name, array in changes.items()}
    return {name: array for name, array in found.items() if array is not None}


def config(content: object) -> Reduced:
    """A value as OmegaConf pickles it."""
    if isinstance(content, dict):
        state = {"_content": {key: config(value) for key, value in content.items()}, "_parent": None}
        return Reduced(Global("omegaconf.dictconfig", "DictConfig"), (), state, new=True)
    if isinstance(content, list):
        state = {"_content": [config(value) for value in content], "_parent": None}
        return Reduced(Global("omegaconf.listconfig", "ListConfig"), (), state, new=True)
    return Reduced(Global("omegaconf.nodes", "AnyNode"), (), {"_val": content, "_parent": None}, new=True)


VOCABULARY = [chr(ord("a") + token) for token in range(19)]


# heads


def test_a_head_beside_a_call_is_refused(tmp_path):
    bait = Reduced(Global("os", "system"), ("true",))
    write_checkpoint(tmp_path / "x.ckpt", {"state_dict": SMALL.state_dict(), "more": bait})
    with pytest.raises(InputError, match=r"would import or call 'os\.system'"):
        read_model(tmp_path / "x.ckpt")


def test_a_heads_sizes_are_those_of_its_arrays():
    head = head_of(arrays(), "x")
    sizes = (head.layers, head.classes, head.pred_hidden, head.enc_hidden, head.joint_hidden, head.blank)
    assert sizes == (2, 20, 24, 20, 28, 19) and head.state_shape == (2, 2, 24)


def test_what_is_beside_the_head_is_left_alone():
    assert head_of(arrays() | {"encoder.x": np.zeros(3)}, "x").sha256 == head_of(arrays(), "x").sha256


def test_half_precision_is_widened():
    half = {name: array.astype(np.float16) for name, array in arrays().items()}
    assert all(array.dtype == np.float32 for array in head_of(half, "x").arrays.values())


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"decoder.lstm.bias_hh_l1": None}, "missing decoder.lstm.bias_hh_l1"),
        ({"decoder.lstm.weight_hh_l0_reverse": np.zeros(3)}, "unexpected decoder.lstm.weight_hh_l0_reverse"),
        ({"joint.pred.weight": np.zeros((28, 25))}, r"joint.pred.weight is \(28, 25\), expected \(28, 24\)"),
        ({"decoder.embed.weight": None}, "decoder.embed.weight missing or no matrix"),
        ({"joint.enc.weight": np.zeros(5)}, "joint.enc.weight missing or no matrix"),
        ({"decoder.embed.weight": np.zeros((1, 24))}, "1 class, at least 2"),
        ({"joint.enc.bias": np.full(28, np.nan, np.float32)}, "'joint.enc.bias' has 28 of 28 values NaN"),
    ],
)
def test_arrays_that_make_no_head_are_refused_by_name(changes, said):
    with pytest.raises(InputError, match=said):
        head_of(arrays(**changes), "x.ckpt")


def test_a_ctc_head_is_refused_as_such():
    with pytest.raises(InputError, match=r"x.ckpt: has a CTC head .* an RNN-T checkpoint is wanted"):
        head_of({"head.decoder_layers.0.weight": np.zeros((34, 768, 1))}, "x.ckpt")


def test_a_model_without_a_head_is_refused():
    with pytest.raises(InputError, match="none of its 1 arrays is named head"):
        head_of({"encoder.x": np.zeros(3)}, "x.ckpt")


# checkpoints


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_checkpoint_is_read_with_its_vocabulary(tmp_path, wrapped):
    decoding = {"_target_": "gigaam.decoding.RNNTGreedyDecoding", "vocabulary": VOCABULARY}
    cfg = {"encoder": {"d_model": 20}, "decoding": decoding}
    tree = {"cfg": config(cfg) if wrapped else cfg, "state_dict": arrays()}
    write_checkpoint(tmp_path / "m.ckpt", tree)
    model = read_model(tmp_path / "m.ckpt")
    assert model.head.sha256 == head_of(arrays(), "x").sha256
    assert model.vocabulary.text([1, 0, 18]) == "bas" and len(model.vocabulary) == 19 and model.seeded is None


@pytest.mark.parametrize(
    "tree", [{}, {"cfg": 3}, {"cfg": {"decoding": {}}}, {"cfg": config({"decoding": {"vocabulary": [1, 2]}})}, 7]
)
def test_a_configuration_without_a_vocabulary_has_none(tree):
    assert configured(tree) is None


def test_a_configuration_that_holds_itself_has_no_vocabulary():
    loop = config({"decoding": 1})
    loop.state["_content"] = loop
    assert configured({"cfg": loop}) is None


def test_another_models_vocabulary_is_refused():
    with pytest.raises(InputError, match="x: 2 tokens, the head has 20 classes, so 19 and the blank"):
        check_vocabulary(Pieces(["a", "b"]), 20, "x")


def test_omegaconfs_own_pickle_is_looked_into(tmp_path):
    torch, omegaconf = pytest.importorskip("torch"), pytest.importorskip("omegaconf")
    cfg = omegaconf.OmegaConf.create({"decoding": {"vocabulary": VOCABULARY}, "model_name": "v2_rnnt"})
    state = {name: torch.from_numpy(array) for name, array in arrays().items()}
    torch.save({"cfg": cfg, "state_dict": state}, tmp_path / "m.ckpt")
    assert read_model(tmp_path / "m.ckpt").vocabulary.text([7, 8]) == "hi"


def test_a_sentencepiece_model_makes_text(tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece")
    (tmp_path / "corpus.txt").write_text("one two three\ntwo three four\nfour five one\n" * 20, encoding="utf-8")
    prefix = str(tmp_path / "m")
    sentencepiece.SentencePieceTrainer.train(
        input=str(tmp_path / "corpus.txt"), model_prefix=prefix, vocab_size=18, minloglevel=2
    )
    pieces = SentencePieces(tmp_path / "m.model")
    processor = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    assert len(pieces) == 18 and pieces.text(processor.encode("two four")) == "two four"
    with pytest.raises(InputError, match="not a SentencePiece model"):
        SentencePieces(tmp_path / "corpus.txt")
    with pytest.raises(InputError, match="no such file"):
        SentencePieces(tmp_path / "nowhere.model")


# seeds

# What seeds make is what snapshots were captured on: these change only with the recipe, never with a machine.
HASHES = {
    "one_layer_34": "f6540a2fe072df9e23a8838959c304986ecca2868689e32526f70403d2f3ea79",
    "one_layer_1025": "a152d0ed043963e957a11af5b0edbfbc35b8e06c585004198ccd7c535fead238",
    "two_layers_34": "70814b684edba72b51722be53580e32bfe9567099814cc9cd2a3a74b737169c4",
    "two_layers_1025": "ec16ab0f07c6053121e577f5c9470a935f9464378851f855cf75752e47205941",
    "three_layers_small": "e04c8c0a3f224eba838258b2189481b2eee6d66113bbb2a8c08b42be935929a3",
}


def test_every_seeded_head_is_pinned():
    assert set(HASHES) == set(HEADS)


@pytest.mark.parametrize("name", sorted(HEADS))
def test_a_seeded_head_is_the_same_bytes_everywhere(name):
    assert HEADS[name].head().sha256 == HASHES[name]


def test_seeded_frames_are_the_same_bytes_everywhere():
    assert (
        sha256_of(SeededUtterance("x", 50, 5, pushed=20).encoded(24))
        == "e7cefc7fec4de2009ecafc54b062a27a4ebcd5d7ca30c8988a4d7d54c013f48a"
    )


def test_seeded_frames_have_about_unit_variance():
    encoded = SeededUtterance("x", 2000, 5).encoded(200)
    assert encoded.dtype == np.float32 and 0.6 < encoded[:, 16:].std() < 1.1


def test_random_numbers_are_what_they_say():
    some, more = uniform(np.random.PCG64(1), (50_000,)), normal(np.random.PCG64(2), (50_000,))
    assert -1 <= some.min() < -0.999 and 0.999 < some.max() < 1 and abs(some.mean()) < 0.01
    assert abs(more.mean()) < 0.02 and abs(more.std() - 1) < 0.01


def test_the_hash_of_frames_knows_their_shape():
    flat = np.zeros(12, dtype=np.float32)
    assert sha256_of(flat.reshape(3, 4)) != sha256_of(flat.reshape(4, 3))
    assert sha256_of(flat.reshape(3, 4)) == hashlib.sha256(b"(3, 4)" + bytes(48)).hexdigest()
