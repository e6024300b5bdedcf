"""Which runtime is taken where nobody says, and how many cores there are to use."""

from __future__ import annotations

import importlib.util
import json
import os
import time

import numpy as np
import pytest
from support.random_arrays import random_wespeaker

from parity.errors import InputError
from parity.networks import runtime as networks
from parity.networks.wespeaker import choice as module
from parity.networks.wespeaker.choice import MOST_DRIFT, choose_runtime, example_chunk, fastest, measure
from parity.networks.wespeaker.runtime import AUTO, load_embedding

needs_ncnn = pytest.mark.skipif(importlib.util.find_spec("ncnn") is None, reason="needs ncnn")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path))
    return tmp_path / "runtimes"


@pytest.fixture(scope="module")
def arrays():
    return random_wespeaker(np.random.default_rng(8))


def found(seconds: float, drift: float = 0.0) -> dict[str, float]:
    return {"seconds": seconds, "drift": drift}


@pytest.mark.parametrize(
    ("onnx", "ncnn", "taken"),
    [
        (found(0.2), found(0.1, 1e-6), "ncnn"),
        (found(0.2), found(0.3, 1e-6), "onnx"),  # no slower than without it
        (found(0.2), found(0.2, 1e-6), "onnx"),
        (found(0.2), found(0.1, MOST_DRIFT), "ncnn"),
        (found(0.2), found(0.1, np.nextafter(MOST_DRIFT, 1)), "onnx"),
        (found(0.2), found(0.1, np.nan), "onnx"),
    ],
)
def test_the_fastest_within_tolerance_is_taken(onnx, ncnn, taken):
    assert fastest({"onnx": onnx, "ncnn": ncnn}) == taken


@needs_ncnn
@pytest.mark.parametrize("taken", ["onnx", "ncnn"])
def test_it_is_measured_once_and_remembered_by_machine_versions_and_weights(arrays, monkeypatch, cache, taken):
    measured = []

    def fake(networks):
        measured.append(list(networks))
        return {name: found(0.1 if name == taken else 0.2) for name in networks}

    monkeypatch.setattr(module, "measure", fake)
    assert [choose_runtime(AUTO, arrays) for _ in range(3)] == [taken] * 3 and measured == [["onnx", "ncnn"]]
    monkeypatch.setattr(module, "cpu_model", lambda: "another")
    choose_runtime(AUTO, arrays)
    choose_runtime(AUTO, {**arrays, "seg_1.bias": arrays["seg_1.bias"] + 1})
    assert len(measured) == 3
    for path in cache.iterdir():
        assert json.loads(path.read_text())["runtime"] == taken
        path.write_text("{}")
    choose_runtime(AUTO, arrays)
    assert len(measured) == 4


def test_without_ncnn_it_is_onnx_and_nothing_is_measured(arrays, monkeypatch):
    monkeypatch.setattr(module, "at_hand", lambda name: name == "onnx")
    monkeypatch.setattr(module, "measure", lambda networks: pytest.fail("measured"))
    assert choose_runtime(AUTO, arrays) == "onnx"


def test_what_somebody_says_is_taken_and_an_unknown_name_refused(arrays, monkeypatch):
    monkeypatch.setattr(module, "measure", lambda networks: pytest.fail("measured"))
    assert choose_runtime("onnx-float16", arrays) == "onnx-float16"
    with pytest.raises(InputError, match="--runtime coreml: unknown; known: auto, onnx, ncnn"):
        choose_runtime("coreml", arrays)


@needs_ncnn
def test_measuring_gives_seconds_and_a_drift_that_a_wrong_network_shows(arrays):
    wrong = {**arrays, "seg_1.bias": arrays["seg_1.bias"] + np.float32(0.1)}
    right = measure({"onnx": load_embedding(arrays, "onnx", 1), "ncnn": load_embedding(arrays, "ncnn", 1)}, rounds=1)
    assert right["onnx"]["drift"] == 0 < right["onnx"]["seconds"] and right["ncnn"]["drift"] < 1e-2
    off = measure({"onnx": load_embedding(arrays, "onnx", 1), "ncnn": load_embedding(wrong, "ncnn", 1)}, rounds=1)
    assert off["ncnn"]["drift"] > 0.09 and fastest({**off, "ncnn": {**off["ncnn"], "seconds": 0.0}}) == "onnx"


class Waiting:
    """A network that waits for a processor much longer than it uses one, as on a busy machine."""

    def __init__(self, wait: float, work: float) -> None:
        self._wait, self._work = wait, work

    def embed(self, fbank: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray]:
        time.sleep(self._wait)
        until = time.thread_time() + self._work
        while time.thread_time() < until:
            pass
        return (np.zeros((1, 1, 256)),)


def test_a_busy_machine_does_not_decide():
    measured = measure({"onnx": Waiting(0.0, 0.02), "ncnn": Waiting(0.1, 0.01)})
    assert measured["ncnn"]["seconds"] < 0.05 and fastest(measured) == "ncnn"


@needs_ncnn
def test_one_thread_is_the_callers(arrays):
    fbank, weights = example_chunk()
    for name in ("onnx", "ncnn"):
        network = load_embedding(arrays, name, threads=1)
        network.embed(fbank, weights)
        thread, process = time.thread_time(), time.process_time()
        network.embed(fbank, weights)
        assert time.thread_time() - thread > 0.9 * (time.process_time() - process) > 0


def test_the_example_is_the_same_every_time_centred_and_of_a_chunks_shape():
    fbank, mask = example_chunk()
    assert fbank.shape == (1, 998, 80) and mask.shape == (1, 1, 998) and fbank.dtype == mask.dtype == np.float32
    assert np.array_equal(fbank, example_chunk()[0]) and np.abs(fbank.mean(axis=1)).max() < 1e-5


# cores


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000"}, 1),
        ({"cpu.max": "400000 100000"}, 4),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "nonsense"}, None),
        ({}, None),
    ],
)
def test_a_containers_quota_bounds_the_cores(tmp_path, files, cores, monkeypatch):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert networks._quota(tmp_path) == cores
    monkeypatch.setattr(networks, "CGROUPS", tmp_path)
    monkeypatch.delenv("PARITY_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(3)), raising=False)
    assert networks.available_cores() == min(3, cores or 3)
