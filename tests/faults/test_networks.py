"""Mistakes inside the two networks: each makes something of its own, and what they are built with does what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.random_arrays import random_plda, random_pyannet, random_wespeaker

from parity.community1 import Networks, Parameters, community1_pipeline
from parity.community1.networks import without_networks
from parity.community1.segmentation import segment, to_multilabel
from parity.faults.fault import Workshop
from parity.faults.known import lstm, pooling, powerset, resnet, sincnet
from parity.faults.known.graphs import edited, tf32, trunk_with
from parity.faults.known.rounded_weights import float16
from parity.networks.pyannet import build_pyannet, sinc_filters
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.batch_norm import folded
from parity.networks.wespeaker.graph import build_head, build_trunk
from parity.pipeline import ChunkSeries
from parity.sources import WeightSet

INSIDE_SEGMENTATION = [*lstm.FAULTS, *sincnet.FAULTS]
SUBTLE = {"sinc_float64"}
"""What is closer to the network than 1e-5 may be: it is rounded otherwise, no more."""


@pytest.fixture(scope="module")
def weights() -> WeightSet:
    rng = np.random.default_rng(6)
    segmentation, embedding = random_pyannet(rng, num_layers=4, hidden=4), random_wespeaker(rng)
    return WeightSet(
        "random for networks", Path(), segmentation, embedding, random_plda(rng, 256, 128), {}, {}, "seeds 6"
    )


@pytest.fixture(scope="module")
def workshop(weights) -> Workshop:
    trunk = OnnxNetwork(build_trunk(weights.embedding), 1)
    head = OnnxNetwork(build_head(weights.embedding), 1)
    segmentation = OnnxNetwork(build_pyannet(weights.segmentation), 1)
    return Workshop(weights, Networks(segmentation, trunk, head, None), Parameters(), threads=1)


def run_of(fault, workshop):
    pipeline = community1_pipeline(workshop.networks, workshop.parameters)
    return fault.plant(pipeline, workshop)[fault.stage].run


# --- segmentation ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def waveform() -> np.ndarray:
    """Two chunks, the second quieter."""
    rng = np.random.default_rng(1)
    samples = rng.standard_normal(170_000) + np.sin(np.arange(170_000) * 0.2)
    samples[16_000:] *= 0.0005
    return (0.1 * samples).astype(np.float32)[None]


@pytest.fixture(scope="module")
def made(workshop, waveform) -> dict[str, np.ndarray]:
    """Log-probabilities by fault; None is the native network."""
    found = {fault.name: run_of(fault, workshop)(waveform)[0] for fault in INSIDE_SEGMENTATION}
    return {**found, "native": segment(waveform, network=workshop.networks.segmentation)[0]}


@pytest.mark.parametrize("fault", INSIDE_SEGMENTATION, ids=lambda fault: fault.name)
def test_a_mistake_inside_the_segmentation_network_makes_other_logits(fault, made):
    drift = np.abs(made[fault.name] - made["native"]).max()
    assert drift > (0.0 if fault.name in SUBTLE else 1e-5)
    assert np.isfinite(made[fault.name]).all()


def test_no_two_of_them_are_the_same(made):
    names = sorted(made)
    near = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if np.abs(made[a] - made[b]).max() < 1e-6]
    assert [pair for pair in near if not SUBTLE & set(pair)] == []


def test_state_is_carried_from_chunk_to_chunk_and_not_from_run_to_run(workshop, waveform, made):
    (fault,) = [fault for fault in lstm.FAULTS if fault.name == "lstm_state_carried"]
    carried, native = made[fault.name], made["native"]
    np.testing.assert_allclose(carried[0], native[0], rtol=0, atol=1e-5)
    assert np.abs(carried[1] - native[1]).max() > 1e-5
    assert np.array_equal(run_of(fault, workshop)(waveform)[0], carried)


def test_an_edit_that_undoes_itself_leaves_the_network_as_it_was(weights, workshop, waveform, made):
    def twice(model):
        lstm.halves_swapped(model)
        for node in [node for node in model.graph.node if node.op_type == "Gather"]:
            node.input[0], node.op_type = node.input[0], "Identity"
            del node.input[1:], node.attribute[:]

    network = OnnxNetwork(edited(build_pyannet(weights.segmentation), twice), 1)
    np.testing.assert_allclose(segment(waveform, network=network)[0], made["native"], rtol=0, atol=1e-6)


def test_filters_in_float64_are_the_native_ones_to_the_rounding_of_their_phases(weights):
    np.testing.assert_allclose(sincnet.in_float64(weights.segmentation), sinc_filters(weights.segmentation), atol=1e-3)


def test_tf32_keeps_eleven_bits():
    values = np.array([1.0, 1 + 2**-10, 1 + 2**-11 + 2**-20, 1 + 2**-12, -3.0000002], np.float32)
    assert tf32(values).tolist() == [1.0, 1 + 2**-10, 1 + 2**-10, 1.0, -3.0]
    rows = np.random.default_rng(0).standard_normal(500).astype(np.float32)
    np.testing.assert_array_equal(tf32(rows), float16(rows))  # as many bits, where float16 has the range


# --- logits ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def logits() -> np.ndarray:
    return np.log(np.random.default_rng(2).dirichlet(np.ones(7), (9, 589))).astype(np.float32)


def test_log_probabilities_decided_otherwise(logits):
    frame = np.log([[[0.1, 0.05, 0.05, 0.6, 0.05, 0.1, 0.05]]])
    assert to_multilabel(frame).tolist() == [[[0, 0, 1]]]
    assert powerset.as_bits(frame).tolist() == [[[1, 1, 0]]]
    assert powerset.nobody_last(frame).tolist() == [[[1, 1, 0]]]
    assert powerset.single_classes(frame).tolist() == [[[0, 0, 1]]]
    assert powerset.without_overlap(logits).sum(axis=-1).max() == 1
    assert powerset.last_of_equals(np.zeros((1, 1, 7))).tolist() == [[[0, 1, 1]]]


def test_log_probabilities_handed_on_otherwise(logits):
    assert np.array_equal(powerset.rows_of_eight(logits)[0, 0], logits[0, 0])
    assert powerset.rows_of_eight(logits)[0, 1].tolist() == [0.0, *logits[0, 1, :6].tolist()]
    batch = powerset.first_of_each_batch(logits)
    assert np.array_equal(batch[[0, 8]], logits[[0, 8]]) and not to_multilabel(batch[1:8]).any()
    assert not to_multilabel(powerset.frames_of_560(logits))[:, 560:].any()
    assert np.array_equal(powerset.one_chunk_late(logits)[1:], logits[:-1])
    np.testing.assert_allclose(np.exp(powerset.nobody((2,))).sum(axis=-1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("fault", powerset.FAULTS, ids=lambda fault: fault.name)
def test_a_mistake_behind_the_network_leaves_its_logits_or_its_reading(fault, logits):
    networks = Networks(lambda waveforms: (logits[: len(waveforms)],), None, None, None)
    workshop = Workshop(None, networks, Parameters())
    got = run_of(fault, workshop)(np.zeros((1, 160_000 + 8 * 16_000), np.float32))
    want = logits, to_multilabel(logits)
    assert [array.shape for array in got] == [array.shape for array in want]
    assert not all(np.array_equal(mine, theirs) for mine, theirs in zip(got, want, strict=True))


# --- embeddings --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """Two short chunks: (2, 80, 80), as many frames as bins."""
    return np.random.default_rng(3).standard_normal((2, 80, 80)).astype(np.float32)


@pytest.fixture(scope="module")
def features(workshop, image) -> dict[str, np.ndarray]:
    heard = ChunkSeries.recorded(np.arange(2), image)
    masks = np.ones((2, 3, 10), np.float32)
    found = {fault.name: run_of(fault, workshop)(heard, masks) for fault in resnet.FAULTS}
    plain = community1_pipeline(workshop.networks, Parameters())["embeddings"].run(heard, masks)
    return {**found, "native": plain}


@pytest.mark.parametrize("fault", resnet.FAULTS, ids=lambda fault: fault.name)
def test_a_mistake_inside_the_trunk_makes_other_embeddings(fault, features):
    assert fault.reruns_trunk
    assert np.abs(features[fault.name] - features["native"]).max() > 1e-5
    others = [name for name in features if name != fault.name]
    assert min(np.abs(features[fault.name] - features[name]).max() for name in others) > 1e-6


@pytest.mark.parametrize("fault", resnet.FAULTS, ids=lambda fault: fault.name)
def test_a_trunk_is_remembered_where_no_chunk_depends_on_another(fault, workshop, image, features):
    offered = []
    remembering = replace(workshop, remembered=lambda name, network: offered.append(name) or network)
    run, masks = run_of(fault, remembering), np.ones((2, 3, 10), np.float32)
    assert offered == ([] if fault.neighbours else ["trunk"])
    alone = run(ChunkSeries.recorded(np.arange(1), image[:1]), masks)
    assert (np.abs(alone - features[fault.name][:1]).max() < 1e-5) == (not fault.neighbours)


def test_statistics_that_were_never_loaded_are_seen_only_where_they_were_not_folded(workshop, weights, image):
    """The weight set without a token is folded: what was never loaded there is a variance of 1 - 1e-5."""
    whole = folded(weights.embedding)
    bare = resnet.unloaded(whole)
    far = [np.abs(bare[name] - whole[name]).max() for name in whole]
    assert max(far) < 2e-5
    network = trunk_with(workshop, "of folded weights", folded)
    np.testing.assert_allclose(network(fbank=image)[0], workshop.networks.trunk(fbank=image)[0], rtol=0, atol=1e-4)


@pytest.fixture(scope="module")
def pooled() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    masks = np.repeat(rng.integers(0, 2, (2, 3, 12)), 50, axis=2)[..., :589].astype(np.float32)
    masks[0, 2] = 0
    return np.abs(rng.standard_normal((2, 2560, 125))).astype(np.float32), masks


@pytest.mark.parametrize("fault", pooling.FAULTS, ids=lambda fault: fault.name)
def test_a_mistake_in_pooling_makes_other_embeddings(fault, workshop, pooled):
    features, masks = pooled
    networks = Networks(None, lambda fbank: (features,), workshop.networks.head, None)
    workshop = Workshop(workshop.weights, networks, Parameters(), threads=1)
    heard = ChunkSeries(np.arange(2), lambda chunk: np.zeros((998, 80), np.float32))
    got = run_of(fault, workshop)(heard, masks)
    want = community1_pipeline(networks, Parameters())["embeddings"].run(heard, masks)
    assert got.shape == want.shape and got.dtype == want.dtype
    assert np.abs(got - want).max() > 1e-4


def test_the_statistics_that_the_faults_exchange_are_the_networks(workshop, pooled):
    features, masks = pooled
    weights = masks[..., :125]
    mean, deviation = pooling.statistics(features, weights)
    linear, bias = (workshop.weights.embedding[f"seg_1.{part}"] for part in ("weight", "bias"))
    want = workshop.networks.head(features=features, weights=weights)[0]
    got = np.concatenate([mean, deviation], axis=-1) @ linear.T.astype(np.float64) + bias
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)


def test_masks_are_strided_or_shared_out(pooled):
    ramp = np.arange(589, dtype=np.float32)[None]
    assert pooling.every_fourth(ramp)[0, :3].tolist() == [0.0, 4.0, 8.0]
    assert pooling.shares(np.ones((1, 589), np.float32)) == pytest.approx(np.ones((1, 125)), abs=1e-5)
    np.testing.assert_allclose(pooling.shares(ramp)[0].mean(), ramp.mean(), rtol=1e-4)


def test_nothing_is_built_before_it_runs(weights):
    broken = Workshop(weights, without_networks(), Parameters())
    for fault in (*INSIDE_SEGMENTATION, *resnet.FAULTS):
        fault.plant(community1_pipeline(broken.networks, Parameters()), broken)
