"""Results of native stages: the same whether they were kept or not, chunk by chunk, and never of what is under test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import synthetic

from parity.community1 import Networks, Parameters, community1_pipeline
from parity.explain.memo import Memo
from parity.fixtures.prepare import load_networks
from parity.kept import networks as kept_networks_module
from parity.kept import results as results_module
from parity.kept.networks import ROWWISE, kept_networks
from parity.kept.results import Results, results_where
from parity.kept.store import Store
from parity.networks.placement import Placement
from parity.pipeline import ChunkSeries
from parity.sources import load_weights

ARRAYS = {"weight": np.ones(3, np.float32)}
pytestmark = pytest.mark.usefixtures("one_blas_thread")


@pytest.fixture
def calls(monkeypatch) -> dict[str, int]:
    """The made-up networks stand where networks are built; counts chunks that they were given."""
    counts = {"segmentation": 0, "trunk": 0, "built": 0}

    def build(*arguments: object) -> Networks:
        counts["built"] += 1

        def segmentation(waveforms: np.ndarray) -> tuple[np.ndarray]:
            counts["segmentation"] += len(waveforms)
            return synthetic.segmentation(waveforms)

        def trunk(fbank: np.ndarray) -> tuple[np.ndarray]:
            counts["trunk"] += len(fbank)
            return synthetic.trunk(fbank)

        return Networks(segmentation, trunk, synthetic.head, None)

    monkeypatch.setattr(kept_networks_module, "build_networks", build)
    return counts


def pipeline(folder, *, weights=ARRAYS, runtime="onnx", memo=None, **bounds):
    results = Results(Store(folder, 10**9))
    networks = kept_networks(results, weights, weights, synthetic.plda_arrays(), 1, runtime)
    networks = memo.networks(networks) if memo else networks
    return community1_pipeline(networks, Parameters(**bounds)), results


def assert_same(found: dict, want: dict) -> None:
    assert found.keys() == want.keys()
    for name, value in want.items():
        if isinstance(value, ChunkSeries):
            np.testing.assert_array_equal(found[name].chunks, value.chunks)
            np.testing.assert_array_equal(found[name].take(value.chunks), value.take(value.chunks), strict=True)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(found[name], value, strict=True)
        else:
            assert found[name] == value


def telephone() -> dict:
    """Twelve seconds at 8 kHz: three chunks, each of them resampled."""
    return {"samples": synthetic.waveform()[:, : 12 * 8000], "sample_rate": 8000}


def heard() -> tuple[ChunkSeries, np.ndarray]:
    """A filterbank and masks of two chunks, none that anybody heard."""
    rng = np.random.default_rng(0)
    fbank = rng.normal(size=(2, 998, 80)).astype(np.float32)
    return ChunkSeries.recorded(np.arange(2), fbank), rng.random((2, 3, 589)).astype(np.float32)


def embeddings_of(folder, **settings) -> tuple[np.ndarray, Results]:
    made, results = pipeline(folder, **settings)
    return made["embeddings"].run(*heard()), results


def test_a_second_run_gives_the_same_and_builds_no_network(tmp_path, calls):
    want = synthetic.automatic()
    first, results = pipeline(tmp_path)
    assert_same(first.run(synthetic.inputs()), want)
    chunks = len(want["segmentations"])
    assert calls == {"segmentation": chunks, "trunk": chunks, "built": 1} and results.made["embeddings"] == chunks
    second, results = pipeline(tmp_path)
    assert_same(second.run(synthetic.inputs()), want)
    assert calls == {"segmentation": chunks, "trunk": chunks, "built": 1} and not results.made
    assert results.not_run == ("segmentation", "fbank", "embeddings")


def test_a_byte_flipped_in_any_entry_leaves_every_result_right(tmp_path, calls):
    want = synthetic.synthetic().run(telephone())
    pipeline(tmp_path)[0].run(telephone())
    rng = np.random.default_rng(0)
    for path in [path for path in tmp_path.glob("*/*") if path.is_file()]:  # of all five kinds
        data = bytearray(path.read_bytes())
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
    again, results = pipeline(tmp_path)
    assert_same(again.run(telephone()), want)
    assert {*results.made} == {"audio", "segmentation", "fbank", "trunk", "embeddings"}
    assert calls["trunk"] == 2 * len(want["segmentations"])
    last, results = pipeline(tmp_path)
    assert_same(last.run(telephone()), want)
    assert results.not_run == ("audio", "segmentation", "fbank", "embeddings") and not results.made


def test_of_a_clip_that_changed_in_one_place_only_that_is_new(tmp_path, calls):
    segmentation, fbank = (pipeline(tmp_path)[0][name] for name in ("segmentation", "fbank"))
    samples = synthetic.waveform()
    segmentation.run(samples)
    before = calls["segmentation"]
    changed = samples.copy()
    changed[0, -1] += 1e-3  # heard by the chunks that reach the end
    segmentation.run(changed)
    assert before and calls["segmentation"] - before == 1
    assert fbank.run is not synthetic.synthetic()["fbank"].run


def test_other_masks_need_the_head_alone(tmp_path, calls):
    kept = pipeline(tmp_path)[0]
    fbank = kept["fbank"].run(ChunkSeries.recorded(np.arange(1), synthetic.waveform()[:, :160_000]))
    masks = heard()[1]
    found = kept["embeddings"].run(fbank, masks)
    again = pipeline(tmp_path)[0]
    fbank = again["fbank"].run(ChunkSeries.recorded(np.arange(1), synthetic.waveform()[:, :160_000]))
    np.testing.assert_allclose(again["embeddings"].run(fbank, masks[:, ::-1]), found[:, ::-1], rtol=1e-3)
    assert calls["trunk"] == 1


def test_a_pipeline_that_is_remembered_too_keeps_what_other_masks_need(tmp_path, calls):
    """As `explain` and `calibrate` run it, twice, each in a process of its own."""
    for masks in heard()[1], 1 - heard()[1]:
        memo = Memo()
        remembered = memo.pipeline(pipeline(tmp_path, memo=memo)[0])
        fbank = remembered["fbank"].run(ChunkSeries.recorded(np.arange(1), synthetic.waveform()[:, :160_000]))
        remembered["embeddings"].run(fbank, masks)
    assert calls["trunk"] == 1


@pytest.mark.parametrize("what", ["nothing", "weights", "code", "machine", "runtime"])
def test_other_weights_code_machines_and_runtimes_are_other_results(tmp_path, calls, monkeypatch, what):
    want, _ = embeddings_of(tmp_path)
    if what == "code":
        monkeypatch.setattr(results_module, "code_key", lambda modules: "other")
    if what == "machine":
        monkeypatch.setattr(results_module, "cpu_features", lambda: "other")
    weights = {"weight": np.zeros(3, np.float32)} if what == "weights" else ARRAYS
    found, results = embeddings_of(tmp_path, weights=weights, runtime="ncnn" if what == "runtime" else "onnx")
    np.testing.assert_array_equal(found, want)
    assert results.taken["embeddings"] == (2 if what == "nothing" else 0)


def test_a_replaced_stage_is_run_every_time(tmp_path, calls):
    ran = []

    def replaced(native):
        def run(fbank, masks):
            ran.append(len(fbank))
            return -native(fbank, masks)

        return run

    want, _ = embeddings_of(tmp_path)
    for _ in range(2):
        kept = pipeline(tmp_path)[0]
        stage = kept.replacing("embeddings", replaced(kept["embeddings"].run))["embeddings"]
        np.testing.assert_array_equal(stage.run(*heard()), -want)
    assert ran == [2, 2]


def test_a_network_that_was_put_in_place_of_the_native_one_is_run(tmp_path, calls):
    want, _ = embeddings_of(tmp_path)
    networks = kept_networks(Results(Store(tmp_path, 10**9)), ARRAYS, ARRAYS, synthetic.plda_arrays(), 1)
    other = replace(networks, trunk=lambda fbank: (synthetic.trunk(fbank)[0] * 2,))
    assert not np.array_equal(community1_pipeline(other, Parameters())["embeddings"].run(*heard()), want)


def test_what_networks_worked_on_is_counted_and_what_came_from_disk_is_not(tmp_path, calls):
    for runs in ({"trunk": 2}, {}):
        memo = Memo()
        embeddings_of(tmp_path, memo=memo)
        assert memo.network_runs == runs


def test_runtimes_whose_rows_may_depend_on_each_other_are_not_kept(tmp_path, calls):
    assert "onnx-int8-dynamic" not in ROWWISE
    for _ in range(2):
        _, results = embeddings_of(tmp_path, runtime="onnx-int8-dynamic")
    assert calls["trunk"] == 4 and not results.taken


def test_on_a_card_nothing_is_kept(tmp_path, calls):
    results = Results(Store(tmp_path, 10**9))
    arrays = (ARRAYS, ARRAYS, synthetic.plda_arrays(), 1, "onnx", Placement("cuda"))
    assert not kept_networks(results, *arrays).around and calls["built"] == 1


def test_mistakes_are_the_stages_own_to_report(tmp_path, calls):
    stage, (fbank, masks) = pipeline(tmp_path)[0]["embeddings"], heard()
    with pytest.raises(IndexError):
        stage.run(fbank, masks[:1])
    with pytest.raises(AttributeError):
        stage.run(np.zeros((1, 998, 80), np.float32), masks)


@pytest.mark.parametrize(
    "cached, tested, kept",
    [(None, False, False), (None, True, True), (True, False, True), (False, True, False)],
)
def test_what_is_under_test_is_computed_unless_asked_otherwise(cached, tested, kept):
    assert (results_where(cached, tested=tested) is not None) == kept


@pytest.mark.models
@pytest.mark.parametrize("runtime", ROWWISE)
def test_rows_depend_neither_on_other_rows_nor_on_threads(runtime):
    """What keeping rows rests on, with the real networks: one chunk alone, and as one of two on two threads."""
    weights = load_weights()
    fbank, waveforms = heard()[0].take([0, 1]), synthetic.waveform()[None, :, :160_000]
    waveforms = np.concatenate([waveforms, -waveforms])
    alone, together = (load_networks(weights, threads, runtime) for threads in (1, 2))
    for network, rows in (("segmentation", {"waveforms": waveforms}), ("trunk", {"fbank": fbank})):
        one = getattr(alone, network)(**{name: value[:1] for name, value in rows.items()})[0]
        np.testing.assert_array_equal(one[0], getattr(together, network)(**rows)[0][0])
