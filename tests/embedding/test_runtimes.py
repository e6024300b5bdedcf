"""What runtimes and smaller precisions of the embedding network cost."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.random_arrays import random_wespeaker
from support.schemas import valid
from typer.testing import CliRunner

from parity.__main__ import app
from parity.embedding import runtimes as module
from parity.embedding.runtimes import Costs, Outcome, Speed, measure_speed
from parity.errors import InputError
from parity.measure.score import score_rttm
from parity.networks.rounding import quantise
from parity.networks.wespeaker.runtime import RUNTIMES, load_embedding
from parity.report.document import to_json
from parity.report.runtimes import costs_data, costs_markdown, read_costs, rows

REDUCED = [name for name in RUNTIMES if name.startswith("onnx-")]
BITS = {"float16": 11, "bfloat16": 8}


@pytest.fixture(scope="module")
def arrays():
    return random_wespeaker(np.random.default_rng(0))


@pytest.fixture(scope="module")
def plain(arrays):
    return load_embedding(arrays, "onnx", 1)


@pytest.fixture(scope="module")
def inputs():
    generator = np.random.default_rng(0)
    weights = np.stack([np.ones((1, 40), np.float32), np.zeros((1, 40), np.float32)], axis=1)
    return generator.standard_normal((1, 64, 80)).astype(np.float32), weights


@pytest.mark.parametrize("name", REDUCED)
def test_a_smaller_precision_moves_embeddings_and_keeps_their_form(name, arrays, plain, inputs):
    network = load_embedding(arrays, name, 1)
    exact, _ = plain.embed(*inputs)
    got, _ = network.embed(*inputs)
    assert network.runtime == name
    assert (got.shape, got.dtype) == (exact.shape, np.float32)
    assert np.isfinite(got).all()  # a speaker without frames is pooled by an epsilon that float16 cannot hold
    relative = np.abs(got - exact).max() / np.abs(exact).max()
    assert 0 < relative < 0.5
    assert network.size < 0.6 * plain.size


@pytest.mark.parametrize("name", REDUCED)
def test_asking_for_layers_leaves_a_smaller_precision_as_it_is(name, arrays, inputs):
    network = load_embedding(arrays, name, 1)
    alone, _ = network.embed(*inputs)
    beside, layers = network.embed(*inputs, layers=("conv1", "layer1.0.out", "mean"))
    assert np.array_equal(alone, beside)
    assert [value.dtype for value in layers.values()] == [np.float32] * 3


@pytest.mark.parametrize(("name", "bits"), BITS.items())
def test_layers_of_a_half_precision_have_so_many_significant_bits(name, bits, arrays, inputs):
    _, layers = load_embedding(arrays, f"onnx-{name}", 1).embed(*inputs, layers=("layer1.0.out",))
    values = layers["layer1.0.out"]
    mantissa, _ = np.frexp(values[np.abs(values) > 1e-3])
    assert np.array_equal(mantissa * 2**bits, np.rint(mantissa * 2**bits))
    assert not np.array_equal(mantissa * 2 ** (bits - 1), np.rint(mantissa * 2 ** (bits - 1)))


def test_per_channel_scales_are_nearer_than_one_scale_where_channels_differ_in_size():
    weight = np.random.default_rng(1).standard_normal((4, 3, 3, 3)).astype(np.float32)
    weight *= np.array([1, 10, 100, 1000], np.float32)[:, None, None, None]
    (one, scale), (each, scales) = quantise(weight, None), quantise(weight, 0)
    assert one.dtype == each.dtype == np.int8
    assert scale.shape == () and scales.shape == (4,)
    assert (np.abs(each * scales[:, None, None, None] - weight) <= scales[:, None, None, None] * 0.5001).all()
    assert not np.any(one[0])  # lost beside a channel a thousand times as large
    assert each[0].any()


def test_a_channel_of_zeros_stays_zero():
    levels, scales = quantise(np.zeros((2, 1, 1, 1), np.float32), 0)
    assert not levels.any() and (scales == 1).all()


def test_speeds_are_by_the_first_runtime(plain):
    speeds = measure_speed({"a": plain, "b": plain}, np.zeros((1, 64, 80), np.float32), rounds=2)
    assert speeds["a"].ratio == speeds["a"].low == speeds["a"].high == 1.0
    assert speeds["b"].low <= speeds["b"].ratio <= speeds["b"].high


def _outcome(runtime: str, fixture: str, drift: float | None, ours: str | None) -> Outcome:
    theirs = "SPEAKER clip 1 0.000 2.000 <NA> <NA> A <NA> <NA>\n"
    if ours is None:
        return Outcome(runtime, fixture, 3, 20, drift)
    der = score_rttm(theirs, ours).der
    return Outcome(runtime, fixture, 20, 20, drift, 2.5, "merge, merge 3", der, der, ours == theirs)


@pytest.fixture
def costs():
    """Two fixtures on two runtimes, one of them on three chunks of each."""
    same = "SPEAKER clip 1 0.000 2.000 <NA> <NA> A <NA> <NA>\n"
    half = "SPEAKER clip 1 0.000 1.000 <NA> <NA> A <NA> <NA>\n"
    return Costs(
        outcomes=(
            _outcome("onnx", "01_first", 1e-6, same),
            _outcome("onnx", "02_second", 2e-6, half),
            _outcome("mlx", "01_first", 3e-6, None),
            _outcome("mlx", "02_second", None, None),
        ),
        speeds={"onnx": Speed(0.5, 1.0, 1.0, 1.0)},
        sizes={"onnx": 26_500_000, "mlx": 26_000_000},
        versions={"onnx": "onnxruntime 1", "mlx": "mlx 1"},
        weights="w",
        cpu="m",
        threads=2,
    )


def test_the_table_names_the_fixture_of_each_extreme(costs):
    document = json.loads(json.dumps(costs_data(costs)))
    onnx, mlx = rows(document)
    assert onnx == ("onnx", "26.5", "0.50", "1.00 (1.00-1.00)", "2.0e-06 (02)", "2.5 (01)", "1/2", "0.5000 (02)",
                    "onnxruntime 1")  # fmt: skip
    assert mlx[2:] == ("-", "-", "3.0e-06 (01)", "-", "-", "-", "mlx 1")
    text = costs_markdown(document)
    assert "| 01_first | 1.0e-06, = | 3.0e-06, 3 of 20 |" in text
    assert "| 02_second | 2.0e-06, 0.5000 | nobody speaks |" in text


def test_a_report_is_read_back_as_what_was_written(costs, tmp_path):
    path = tmp_path / "costs.json"
    path.write_text(to_json(costs_data(costs)), encoding="utf-8")
    assert costs_data(read_costs(path)) == costs_data(costs)
    assert replace(costs, outcomes=(), speeds={}).continuing(read_costs(path), str(path)) == read_costs(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cpu": "another"}, "processor m, now another"),
        ({"wanted_chunks": 3}, "chunks all, now 3"),
        ({"versions": {"onnx": "onnxruntime 2", "mlx": "mlx 1"}}, "packages onnxruntime 1, mlx 1, now onnxruntime 2"),
        ({"sizes": {"mlx": 26_000_000, "onnx": 26_500_000}}, "runtimes onnx, mlx, now mlx, onnx"),
    ],
)
def test_what_was_measured_otherwise_is_not_continued(costs, change, said):
    with pytest.raises(InputError, match=said):
        replace(costs, **change).continuing(costs, "costs.json")


@pytest.mark.parametrize("text", [None, "", "[]", '{"schema": 1, "runtimes": [3]}', '{"schema": 9}'])
def test_what_is_no_report_is_not_continued(text, tmp_path):
    path = tmp_path / "costs.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=str(path)):
        read_costs(path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--runtime", "onnx-int4"], "--runtime onnx-int4: unknown"),
        (["--runtime", "onnx", "--runtime", "onnx"], "one of them twice"),
        (["--fixture", "02_nothing"], "02_nothing"),
        (["--json", "costs.md"], "choose another ending"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_line(arguments, said):
    result = CliRunner().invoke(app, ["runtimes", *arguments])
    assert said in " ".join(str(result.exception).split())


@pytest.mark.models
def test_three_chunks_of_a_fixture_are_compared_with_their_rows_and_not_measured_again(tmp_path, monkeypatch):
    path = tmp_path / "costs.json"
    arguments = ["runtimes", "--runtime", "onnx", "--fixture", "14_partial_tail", "--chunks", "1", "--rounds", "1"]
    result = CliRunner().invoke(app, [*arguments, "--json", str(path)])
    assert result.exit_code == 0, result.output
    ((fixture,),) = [runtime["fixtures"] for runtime in valid(path, "runtimes_schema.json")["runtimes"]]
    assert (fixture["chunks"], fixture["rttm_equal"]) == (1, None)
    assert 0 < fixture["drift"] < 1e-5

    measured = []
    monkeypatch.setattr(module, "measure_fixture", lambda ready, *_, **__: measured.append(ready.fixture.name) or [])
    more = [*arguments, "--fixture", "01_far_field_pair", "--json", str(path), "--resume"]
    assert CliRunner().invoke(app, more).exit_code == 0
    assert measured == ["01_far_field_pair"]  # the other is in the report
