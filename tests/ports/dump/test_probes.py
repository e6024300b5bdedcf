"""Each gross mistake is planted alone in a fixture's own artefact, and the probe that says so is the one suggested."""

from __future__ import annotations

import numpy as np
import pytest
from support.dump_examples import FIXTURE, copy_of, reference

from parity.ports.dump.comparison import DIFFERENT, compare_dumps
from parity.ports.dump.probes import explain_array, explain_turns
from parity.ports.dump.turns import compare_turns

LN10 = np.log(10)


def value(name: str) -> np.ndarray:
    return reference().values[name].copy()


def normalised(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def mislaid(array: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """Written in another order of axes, under the right shape."""
    return np.ascontiguousarray(array.transpose(order)).reshape(array.shape)


def late(array: np.ndarray, axis: int) -> np.ndarray:
    return np.concatenate([np.take(array, [0], axis), np.take(array, np.arange(array.shape[axis] - 1), axis)], axis)


def uncentred(fbank: np.ndarray) -> np.ndarray:
    return fbank + np.linspace(-12, 4, 80) + np.arange(len(fbank))[:, None, None]


PLANTED = [
    ("segmentations", lambda a: a.transpose(0, 2, 1), "your segmentations are (chunk, speaker, frame)"),
    ("segmentation_logits", lambda a: a.transpose(0, 2, 1), "your segmentation_logits are (chunk, class, frame)"),
    ("embeddings", lambda a: a.transpose(1, 0, 2), "your embeddings are (speaker, chunk, dimension)"),
    ("soft_clusters", lambda a: a.transpose(1, 0, 2), "your soft_clusters are (speaker, chunk, cluster)"),
    ("fbank", lambda a: a.transpose(0, 2, 1), "your fbank are (chunk, mel bin, filterbank frame)"),
    ("segmentations", lambda a: mislaid(a, (0, 2, 1)), "in the order (chunk, speaker, frame) under another shape"),
    ("embeddings", lambda a: mislaid(a, (1, 0, 2)), "in the order (speaker, chunk, dimension) under another shape"),
    ("hard_clusters", lambda a: mislaid(a, (1, 0)), "in the order (speaker, chunk) under another shape"),
    ("embeddings", lambda a: a * 32768, "32768 times the reference's (samples as 16-bit integers,"),
    ("embeddings", lambda a: a / 32767, "divided by 32767 once too often"),
    ("fbank", lambda a: a / LN10, "log10 where the reference has ln"),
    ("fbank", lambda a: a * 10 / LN10, "decibels where the reference has ln"),
    ("fbank", lambda a: a + 2 * np.log(32768), "not divided by 32768, before the logarithm"),
    ("fbank", uncentred, "mean over each chunk's frames was not subtracted from your fbank"),
    ("fbank", lambda a: uncentred(a) / LN10, "your fbank are log10, and the mean was not subtracted"),
    ("embeddings", lambda a: a + np.linspace(-1, 1, 256), "mean vector was not subtracted from your embeddings"),
    ("embeddings", normalised, "your embeddings are normalised to length 1, the reference's are not"),
    ("post_xvec", normalised, "normalised to length 1, the reference's to 11.31"),
    ("post_xvec", lambda a: a * np.linspace(1, 3, len(a))[:, None], "not normalised, the reference's have length"),
    ("fbank", lambda a: late(a, 1), "your fbank are one filterbank frame late"),
    ("segmentations", lambda a: a[:, [*range(1, 589), 588]], "your segmentations are one frame early"),
    ("discrete_diarization", lambda a: late(a, 0), "your discrete_diarization are one frame late"),
    ("embeddings", lambda a: late(a, 0), "your embeddings are one chunk late"),
    ("segmentation_logits", np.exp, "are probabilities, not their logarithms"),
    ("segmentation_logits", lambda a: a + np.linspace(3, 9, 589)[:, None], "have not been through log_softmax"),
    ("segmentation_logits", lambda a: a / LN10, "log10 where the reference has ln"),
    ("soft_clusters", lambda a: 2 - a, "are cosine distances; the reference has 2 - cosine distance"),
    ("soft_clusters", lambda a: a - 1, "are cosine similarities"),
    ("embeddings", lambda a: a.byteswap(), "bytes of your embeddings are in the other order than their header says"),
    ("train_chunk_idx", lambda a: a.byteswap(), "bytes of your train_chunk_idx are in the other order"),
    ("fbank", lambda a: a.ravel().reshape(a.shape, order="F"), "in C order and their header says Fortran order"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "mistake", "words"), PLANTED)
def test_a_planted_mistake_is_suggested_in_words(name, mistake, words):
    suggested = explain_array(name, mistake(value(name)), value(name))
    assert suggested is not None and suggested.startswith("looks like") and words in suggested


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("embeddings", lambda a: np.random.default_rng(0).normal(size=a.shape)),
        ("embeddings", lambda a: np.zeros_like(a)),
        ("segmentations", lambda a: np.random.default_rng(0).integers(0, 2, a.shape)),
        ("fbank", lambda a: a[:, :500]),
        ("soft_clusters", lambda a: np.abs(a) ** 3),
        ("post_plda", lambda a: a * np.nan),
        ("embeddings", lambda a: 1e30 * np.random.default_rng(0).normal(size=a.shape)),
    ],
)
def test_what_no_mistake_explains_gets_no_suggestion(name, mistake):
    assert explain_array(name, mistake(value(name)), value(name)) is None


@pytest.mark.parametrize(("name", "by"), [("embeddings", 1e-4), ("fbank", 1e-2)])
def test_a_small_difference_is_not_probed(name, by):
    array = value(name)
    assert explain_array(name, array + by * np.std(array), array) is None


def test_a_suggestion_survives_drift_of_a_working_port():
    array = value("embeddings")
    noisy = array * (1 + 1e-6 * np.random.default_rng(0).normal(size=array.shape))
    assert "32768 times" in explain_array("embeddings", noisy * 32768, array)


def test_the_comparison_carries_the_suggestion_for_another_shape():
    dump = copy_of(reference())
    dump.values["segmentations"] = dump.values["segmentations"].transpose(0, 2, 1)
    found = compare_dumps(FIXTURE, reference(), dump).first_drift
    assert found.name == "segmentations" and found.verdict == DIFFERENT
    assert found.looks_like == "looks like your segmentations are (chunk, speaker, frame)"
    assert "shape (21, 3, 589)" in found.drift.note


def moved(rttm: str, seconds: float) -> str:
    lines = [line.split() for line in rttm.splitlines()]
    return "".join(" ".join([*f[:3], f"{float(f[3]) + seconds:.3f}", *f[4:]]) + "\n" for f in lines)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (270 / 16000, "late by one frame (16.9 ms)"),
        (-270 / 16000, "early by one frame"),
        (135 / 16000, "late by half a frame's step (8.4 ms)"),
        (-495.5 / 16000, "early by half a frame's width"),
        (0.25, "late by 0.250 s, all alike"),
    ],
)
def test_turns_that_all_moved_alike_are_said_to_have(seconds, words):
    rttm = reference().values["diarization"]
    assert words in explain_turns(compare_turns(rttm, moved(rttm, seconds)))


def test_one_moved_turn_is_no_shift():
    first, _, rest = reference().values["diarization"].partition("\n")
    assert explain_turns(compare_turns(f"{first}\n{rest}", moved(first, 0.016875) + rest)) is None
