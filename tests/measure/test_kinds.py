"""What kind of difference it is: planted kinds are named, and what is none of them is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.measure.casts import find_cast, rounded, truncated
from parity.measure.kinds import CAST, CONSTANT, GAIN, ORDER, kinds
from parity.measure.places import EDGES, QUIET, SHORT, SOME_CHUNKS, batches

SEEDS = st.integers(0, 2**32 - 1)
SCALES = st.floats(1e-2, 1e3)
quick = settings(max_examples=20, deadline=None)


def normal(seed: int, scale: float = 1.0, shape: tuple[int, ...] = (12, 3, 256)) -> np.ndarray:
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def named(name: str, got: np.ndarray, want: np.ndarray, **more: np.ndarray) -> list[str]:
    return [kind.kind for kind in kinds(name, got, want, **more)]


CASTS = {
    "float16": lambda x: x.astype(np.float16).astype(np.float32),
    "bfloat16": lambda x: rounded(x.astype(np.float64), 8).astype(np.float32),
    "float16 or TF32": lambda x: rounded(x.astype(np.float64), 11).astype(np.float32),
    "int8": lambda x: (np.round(x / (np.abs(x).max() / 127)) * (np.abs(x).max() / 127)).astype(np.float32),
}


@quick
@given(seed=SEEDS, scale=SCALES, to=st.sampled_from(sorted(CASTS)))
def test_every_cast_of_a_random_array_is_named(seed: int, scale: float, to: str) -> None:
    want = normal(seed, scale)
    (kind,) = kinds("embeddings", CASTS[to](want), want)
    expected = {"float16": ("float16", "float16 or TF32"), "float16 or TF32": ("TF32", "float16 or TF32")}
    assert kind.kind == CAST
    assert any(f"cast to {name}" in kind.words for name in expected.get(to, (to,)))


@quick
@given(seed=SEEDS, scale=SCALES, bits=st.sampled_from([8, 11]))
def test_cutting_off_is_told_from_rounding(seed: int, scale: float, bits: int) -> None:
    want = normal(seed, scale).astype(np.float64)
    cut, to_nearest = find_cast(truncated(want, bits), want), find_cast(rounded(want, bits), want)
    assert cut is not None and cut.by == "truncation"
    assert to_nearest is not None and to_nearest.by == "rounding"


@quick
@given(seed=SEEDS, scale=SCALES)
def test_int8_by_row_has_a_scale_for_each_row(seed: int, scale: float) -> None:
    want = normal(seed, scale, (40, 256))
    step = np.abs(want).max(axis=1, keepdims=True) / 127
    found = find_cast((np.round(want / step) * step).astype(np.float32), want)
    assert found is not None and (found.to, found.axis) == ("int8", "each row")


def test_float16_and_tf32_differ_below_float16s_normal_range() -> None:
    want = normal(0, 1e-5)
    half, tf32 = find_cast(CASTS["float16"](want), want), find_cast(CASTS["float16 or TF32"](want), want)
    assert half is not None and half.to == "float16"
    assert tf32 is not None and tf32.to == "TF32"


def test_decimals_are_steps_and_not_int8() -> None:
    want = normal(1, 0.1)
    found = find_cast(np.round(want, 2), want)
    assert found is not None and found.to == "steps" and found.step == pytest.approx(0.01, rel=1e-5)


@quick
@given(seed=SEEDS, scale=SCALES, size=st.floats(1e-6, 1e-1))
def test_white_noise_is_no_cast_no_constant_and_no_gain(seed: int, scale: float, size: float) -> None:
    want = normal(seed, scale)
    got = (want + size * scale * np.random.default_rng(seed + 1).standard_normal(want.shape)).astype(np.float32)
    assert not {CAST, CONSTANT, GAIN} & set(named("embeddings", got, want))


@quick
@given(seed=SEEDS, scale=SCALES, size=st.floats(1e-4, 1e-1))
def test_noise_too_large_for_rounding_has_no_kind(seed: int, scale: float, size: float) -> None:
    want = normal(seed, scale)
    noise = np.random.default_rng(seed + 1).standard_normal(want.shape) * (1 + np.abs(want) / scale)
    assert named("embeddings", (want + size * scale * noise).astype(np.float32), want) == []


@quick
@given(seed=SEEDS, scale=SCALES, offset=st.floats(1e-3, 10))
def test_a_constant_is_named_with_its_value(seed: int, scale: float, offset: float) -> None:
    want = normal(seed, scale)
    (kind,) = kinds("embeddings", (want + np.float32(offset * scale)).astype(np.float32), want)
    assert kind.kind == CONSTANT
    assert float(kind.words.split("constant, ")[1].split(",")[0]) == pytest.approx(offset * scale, rel=1e-2)


@quick
@given(seed=SEEDS, scale=SCALES, factor=st.sampled_from([0.5, 0.99, 1.001, 3.0, -1.0]))
def test_a_gain_is_named_with_its_value(seed: int, scale: float, factor: float) -> None:
    want = normal(seed, scale)
    (kind,) = kinds("embeddings", (np.float32(factor) * want).astype(np.float32), want)
    assert kind.kind == GAIN
    assert float(kind.words.split("gain, ")[1].split(" ")[0]) == pytest.approx(factor, rel=1e-3)


@settings(max_examples=6, deadline=None)
@given(seed=SEEDS)
def test_sums_in_another_order_are_named(seed: int) -> None:
    made = np.random.default_rng(seed)
    features, weights = made.standard_normal((24, 200)), made.standard_normal((200, 128)) / 14
    louder = features * np.geomspace(0.1, 10, 24)[:, None]
    a, b = louder.astype(np.float32), weights.astype(np.float32)
    order = made.permutation(200)
    want, got = (np.add.accumulate(x[:, :, None] * y, axis=1)[:, -1] for x, y in ((a, b), (a[:, order], b[order])))
    assert named("post_xvec", got, want) == [ORDER]


def test_what_is_the_same_has_no_kind() -> None:
    want = normal(3)
    assert named("embeddings", want.copy(), want) == []
    assert named("embeddings", want[:2], want) == []


@quick
@given(seed=SEEDS, last=st.integers(1, 4))
def test_only_the_last_chunks(seed: int, last: int) -> None:
    want = normal(seed)
    got = want.copy()
    got[-last:] *= np.float32(1.5)
    assert named("embeddings", got, want) == [SOME_CHUNKS, GAIN]


@pytest.mark.parametrize(
    ("affected", "total", "words"),
    [
        (range(64, 70), 70, "the last, incomplete batch of 32"),
        (range(32, 64), 100, "one batch of 32"),
        (range(31, 200, 32), 200, "place 31 of every batch of 32"),
        ([3, 17, 40], 70, ""),
    ],
)
def test_which_batch_explains_them(affected: range, total: int, words: str) -> None:
    said = batches(np.array(affected), np.arange(total))
    assert words in said if words else not said


@quick
@given(seed=SEEDS, frames=st.integers(1, 10))
def test_only_at_the_edges(seed: int, frames: int) -> None:
    want = normal(seed, shape=(3, 998, 80))
    got = want.copy()
    got[:, -frames:] += normal(seed + 1, 0.1, (3, frames, 80))
    assert named("fbank", got, want) == [EDGES]


@quick
@given(seed=SEEDS)
def test_only_in_quiet_bins(seed: int) -> None:
    want = normal(seed, shape=(3, 200, 80))
    quiet = want < np.quantile(want, 0.05)
    assert named("fbank", want + np.where(quiet, normal(seed + 1, 0.1, want.shape), 0), want) == [QUIET]


@quick
@given(seed=SEEDS, limit=st.integers(60, 400))
def test_only_where_masks_are_short(seed: int, limit: int) -> None:
    want, lengths = normal(seed), np.random.default_rng(seed).permutation(np.linspace(1, 589, 36).astype(int))
    lengths = lengths.reshape(12, 3)
    short = (lengths <= limit)[..., None]
    got = np.where(short, want + normal(seed + 1, 0.1), want)
    if 3 <= short.sum() <= 18:
        assert SHORT in named("embeddings", got, want, lengths=lengths)


def test_long_masks_that_differ_too_are_no_short_masks() -> None:
    want, lengths = normal(7), np.arange(36).reshape(12, 3)
    got = want.copy()
    got[[0, 5, 11], [0, 1, 2]] += 1
    assert SHORT not in named("embeddings", got, want, lengths=lengths)


def test_labels_have_a_place_and_nothing_else() -> None:
    want = np.zeros((40, 3), dtype=np.int8)
    got = want.copy()
    got[32:] = 1
    (kind,) = kinds("hard_clusters", got, want)
    assert kind.kind == SOME_CHUNKS
    assert "the last, incomplete batch of 32" in kind.words
