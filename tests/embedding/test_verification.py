"""`parity verification`: windows of one voice, all their pairs, the equal error rate by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from parity.community1.fbank import compute_fbank
from parity.embedding.verification import (
    Verification,
    Window,
    cut,
    embed,
    equal_error_rate,
    largest_gap,
    sources_of,
    verify,
    windows_of,
)
from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, Fixture, default_folder
from parity.fixtures.material import Material, Turn
from parity.report.verification import verification_data, verification_in_words

RATE = 16000


def fixture(name: str, human: bool = True, **arguments) -> Fixture:
    return Fixture(name, "excerpt", "", "0" * 64, Path(), arguments, human_rttm=human)


# the rate


@pytest.mark.parametrize(
    ("same", "different", "rate"),
    [
        ([0.9, 0.8], [0.1, 0.2], 0.0),  # apart
        ([0.1, 0.2], [0.9, 0.8], 1.0),  # the wrong way round
        ([0.5, 0.5], [0.5, 0.5], 0.5),  # one threshold, either all or none
        ([0.9, 0.7, 0.5, 0.3], [0.8, 0.6, 0.1, 0.0], 0.5),  # at 0.6 two of four refused, two accepted
        ([0.9, 0.5, 0.5], [0.5, 0.1], 2 / 7),  # from (0, 2/3) to (1/2, 0): both 2/7 in between
    ],
)
def test_the_equal_error_rate_is_where_both_shares_meet(same, different, rate):
    assert equal_error_rate(np.array(same), np.array(different)) == pytest.approx(rate)


def test_the_equal_error_rate_of_two_normals_is_theirs():
    rng = np.random.default_rng(0)
    same, different = rng.normal(1, 1, 200_000), rng.normal(-1, 1, 200_000)
    assert equal_error_rate(same, different) == pytest.approx(0.158655, abs=2e-3)  # the normal's tail beyond 1


# windows


def test_windows_are_whole_two_seconds_of_exactly_one_voice_from_the_beginning_of_a_stretch():
    samples = np.arange(12 * RATE, dtype=np.int16)
    turns = (Turn(0.5, 6.0, "A"), Turn(5.0, 8.0, "B"), Turn(9.0, 10.9, "A"))
    found = cut("talk", Material(samples, turns))
    # A alone 0.5 to 5.0: two windows; B alone 6.0 to 8.0: one; A alone 9.0 to 10.9: none
    assert [(window.speaker, window.start) for window in found] == [("A", 0.5), ("A", 2.5), ("B", 6.0)]
    assert all(window.samples.shape == (2 * RATE,) and window.samples.dtype == np.float32 for window in found)
    assert np.array_equal(found[1].samples * 32768, samples[int(2.5 * RATE) : int(4.5 * RATE)])


def test_every_annotated_excerpt_counts_once_however_many_fixtures_are_made_of_it():
    chosen = [fixture("a", source="x"), fixture("b", human=False, source="y"), fixture("c", sources=["z", "x"])]
    assert sources_of(chosen) == ["x", "z"]
    real = Catalogue.read(default_folder()).fixtures
    assert len(sources_of(real)) == len(set(sources_of(real))) == 16


@pytest.mark.models
def test_windows_of_the_sample_and_of_too_little():
    windows = windows_of(Catalogue.read(default_folder()).select(["02_pyannote_sample", "09_telephone"]))
    assert [window.speaker for window in windows].count("speaker90") == 2
    assert [window.speaker for window in windows].count("speaker91") == 4
    with pytest.raises(InputError, match="0 windows of 0 speakers: pairs of one speaker and of two are needed"):
        windows_of(Catalogue.read(default_folder()).select(["07_monologue"]))


# pairs


class Known:
    """A network that knows each window by its first sample."""

    runtime = "known"

    def __init__(self, rows):
        self.rows, self.shapes, self.seen = rows, [], 0

    def embed(self, fbank, weights, layers=()):
        assert np.all(weights == 1)
        self.shapes.append((fbank.shape, weights.shape))
        rows = self.rows[self.seen : self.seen + len(fbank)]
        self.seen += len(fbank)
        return np.array(rows, np.float32)[:, None], {}


def windows(speakers: str) -> list[Window]:
    rng = np.random.default_rng(0)
    return [
        Window("talk", speaker, 2.0 * i, rng.normal(0, 0.1, 2 * RATE).astype(np.float32))
        for i, speaker in enumerate(speakers)
    ]


def test_every_pair_is_compared_once_by_cosine():
    found = verify(windows("AAB"), Known([[1, 0], [3, 4], [0, -2]]))
    assert found.runtime == "known"
    assert found.same == pytest.approx([0.6])
    assert found.different == pytest.approx([0.0, -0.8])
    assert found.rounded == (0.0, 0.6, -0.4)


def test_windows_go_through_in_batches_with_all_their_frames():
    network = Known(np.eye(10))
    assert np.array_equal(embed(windows("ABABABABAB"), network), np.eye(10, dtype=np.float32))
    assert network.shapes == [((8, 198, 80), (8, 1, 198)), ((2, 198, 80), (2, 1, 198))]
    assert compute_fbank(windows("A")[0].samples).shape == (198, 80)


def test_runtimes_that_agree_to_four_decimals_are_told_from_those_that_do_not():
    same, different = np.array([0.9, 0.5]), np.array([0.6, 0.1])
    one = Verification("onnx", same, different)
    near, far = Verification("torch", same + 1e-6, different), Verification("mlx", same + 1e-3, different)
    assert largest_gap([one, near]) == pytest.approx(1e-6)
    agree = verification_data([one, near], windows("AAB"), ["1", "2"], "random")
    apart = verification_data([one, near, far], windows("AAB"), ["1", "2", "3"], "random")
    assert agree["equal"] and not apart["equal"]
    assert verification_in_words(agree)[0] == "3 windows of 2 s, one voice each: 2 speakers of 1 excerpt"
    assert (
        "are equal to 4 decimals on all 2 runtimes; a pair's cosine differs by at most 1.0e-06"
        in (verification_in_words(agree)[1])
    )
    assert "are not equal to 4 decimals on all 3 runtimes" in verification_in_words(apart)[1]
