"""The stages' numerics by property, and against slow references written here from the definitions, in float64."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyannote.core import SlidingWindow
from support.random_arrays import (
    FRAMES,
    random_embeddings,
    random_plda,
    random_pyannet,
    random_segmentations,
    random_wespeaker,
    vbx_data,
)

from parity.community1 import geometry, reconstruction
from parity.community1.aggregation import overlap_add
from parity.community1.annotation import annotate
from parity.community1.assignment import UNASSIGNED, constrained_argmax
from parity.community1.audio import hear
from parity.community1.centroids import compute_centroids, surviving
from parity.community1.embeddings import embed
from parity.community1.fbank import FFT_SIZE, compute_fbank, fbank_series, log_mel, mel_bank
from parity.community1.filtering import clean_frames, filter_embeddings
from parity.community1.masks import build_masks
from parity.community1.plda import Plda, solve_plda, to_plda, to_xvec
from parity.community1.reconstruction import cluster_activity, most_active, reconstruct, sum_activations
from parity.community1.scoring import inactive, score
from parity.community1.segmentation import powerset_mapping, segment, to_multilabel
from parity.community1.speaker_counting import count_speakers
from parity.community1.vbx import cluster_vbx, initial_responsibilities
from parity.networks import pyannet
from parity.networks.runtime import OnnxNetwork
from parity.networks.wespeaker.architecture import BLOCKS
from parity.networks.wespeaker.batch_norm import fold_batch_norm
from parity.networks.wespeaker.graph import build_head, build_trunk
from parity.networks.wespeaker.masks import interpolate_nearest, nearest_indices

PROPERTY = settings(deadline=None, max_examples=20, derandomize=True)
HALF_ULP = 2.0**-24  # of float32, relative

seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)


# --- geometry and overlap-add ------------------------------------------------------------------------------------


@settings(PROPERTY, max_examples=200)
@given(st.integers(0, 200_000))
def test_a_chunk_starts_at_the_frame_nearest_in_exact_arithmetic(chunk):
    assert geometry.first_frame(chunk) == round(Fraction(16_000 * chunk, 270))


@settings(PROPERTY, max_examples=200)
@given(st.integers(1, 200_000))
def test_output_frames_reach_the_end_of_the_last_chunk_in_exact_arithmetic(chunks):
    assert geometry.num_frames(chunks) == round(Fraction(16_000 * (chunks + 9), 270)) + 1
    assert geometry.first_frame(chunks - 1) + FRAMES <= geometry.num_frames(chunks)


@settings(PROPERTY, max_examples=200)
@given(st.integers(1, 2_000_000))
def test_chunks_cover_every_sample_and_none_begins_beyond_what_is_needed(samples):
    count = geometry.num_chunks(samples)
    assert (count - 1) * 16_000 + 160_000 >= samples
    assert count == 1 or (count - 2) * 16_000 + 160_000 < samples


def test_frame_middles_are_those_of_pyannote_core_to_the_last_bit():
    window = SlidingWindow(start=0.0, duration=991 / 16_000, step=270 / 16_000)
    assert geometry.frame_middles(20_000).tolist() == [window[i].middle for i in range(20_000)]


@PROPERTY
@given(seeds, st.integers(1, 14))
def test_overlap_add_equals_a_brute_force_sum_in_float64(rng, chunks):
    scores = rng.standard_normal((chunks, FRAMES, 2))
    scores[rng.random(scores.shape) < 0.2] = np.nan
    total, weight = overlap_add(scores)
    assert total.dtype == weight.dtype == np.float32
    want = np.zeros((round(Fraction(16_000 * (chunks + 9), 270)) + 1, 2))
    magnitude, number = np.zeros_like(want), np.zeros_like(want)
    for chunk in range(chunks):
        for frame in range(FRAMES):
            here = round(Fraction(16_000 * chunk, 270)) + frame
            for speaker in range(2):
                if not np.isnan(value := scores[chunk, frame, speaker]):
                    want[here, speaker] += value
                    magnitude[here, speaker] += abs(value)
                    number[here, speaker] += 1
    assert np.array_equal(weight, number)
    # Every addition rounds a partial sum, none of which exceeds the sum of magnitudes.
    assert (np.abs(total - want) <= number * HALF_ULP * magnitude).all()


def test_overlap_add_leaves_its_input_alone():
    scores = np.full((2, FRAMES, 1), np.nan)
    overlap_add(scores)
    assert np.isnan(scores).all()


# --- powerset ----------------------------------------------------------------------------------------------------


def test_powerset_classes_are_nobody_singles_then_pairs():
    assert powerset_mapping().tolist() == [
        [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1],
    ]  # fmt: skip


@PROPERTY
@given(seeds)
def test_the_multilabel_of_a_frame_is_that_of_its_best_class(rng):
    logits = np.log(rng.dirichlet(np.ones(7), (2, 30))).astype(np.float32)
    got = to_multilabel(logits)
    assert got.shape == (2, 30, 3) and got.dtype == np.float32
    for index in np.ndindex(2, 30):
        members = [set(), {0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}][max(range(7), key=lambda k: logits[index][k])]
        assert set(np.flatnonzero(got[index])) == members


@PROPERTY
@given(seeds, st.floats(-5, 5))
def test_a_constant_added_to_all_log_probabilities_of_a_frame_changes_nothing(rng, constant):
    logits = np.round(rng.standard_normal((40, 7)), 2)
    assert np.array_equal(to_multilabel(logits), to_multilabel(logits + np.round(constant, 2)))


def test_segmentation_is_the_same_chunk_by_chunk_as_in_batches_and_counts_its_progress():
    samples = 160_000 + 9 * 16_000 + 1  # 11 chunks, more than one batch
    waveform = np.arange(samples, dtype=np.float32)[None]
    batches: list[int] = []

    def network(waveforms):
        batches.append(len(waveforms))
        logits = np.zeros((len(waveforms), FRAMES, 7), np.float32)
        logits[..., 0] = waveforms[:, :, 0]  # the first sample of a chunk says which chunk it is
        return (logits,)

    done: list[tuple[int, int]] = []
    logits, segmentations = segment(waveform, network=network, progress=lambda *p: done.append(p))
    assert logits.shape == (11, FRAMES, 7) and segmentations.shape == (11, FRAMES, 3)
    assert logits[:, 0, 0].tolist() == [16_000 * chunk for chunk in range(11)]
    assert sum(batches) == 11 and max(batches) > 1
    told = np.cumsum(batches).tolist()
    nothing, same = segment(waveform, network=network, keep_logits=False)
    assert nothing is None and np.array_equal(same, segmentations)
    assert done[-1] == (11, 11) and [d for d, _ in done] == told


# --- fbank -------------------------------------------------------------------------------------------------------


def kaldi_power(samples: np.ndarray) -> np.ndarray:
    """Power spectrum of Kaldi's windows by an explicit Fourier sum, float64: (frames, 256), no Nyquist bin."""
    scaled = samples.astype(np.float64) * 32_768
    n = np.arange(512)
    fourier = np.exp(-2j * np.pi * np.outer(n, np.arange(256)) / 512)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 399)
    rows = []
    for start in range(0, len(scaled) - 400 + 1, 160):
        frame = scaled[start : start + 400]
        frame = frame - frame.mean()
        emphasised = np.empty(400)
        for i in range(400):
            emphasised[i] = frame[i] - 0.97 * frame[max(0, i - 1)]
        rows.append(np.abs(np.pad(emphasised * window, (0, 112)) @ fourier) ** 2)
    return np.array(rows)


def kaldi_bank() -> np.ndarray:
    """Kaldi's triangular mel filters from 20 Hz to 8 kHz, float64: (80, 256)."""

    def mel(hertz):
        return 1127.0 * np.log(1.0 + hertz / 700.0)

    edges = np.linspace(mel(20.0), mel(8000.0), 82)
    bank = np.zeros((80, 256))
    for k in range(80):
        left, centre, right = edges[k : k + 3]
        for i in range(256):
            m = mel(i * 16_000 / 512)
            if left < m <= centre:
                bank[k, i] = (m - left) / (centre - left)
            elif centre < m < right:
                bank[k, i] = (right - m) / (right - centre)
    return bank


# How far a filter's weight may be from the exact one where mel positions (up to 2840) are computed in float32: the
# argument of the logarithm, the logarithm and its product (relative half ulps, 1127 and 2840 mel), two edges and the
# step between them (81 steps), all divided by the width of a filter, 34.7 mel.
WEIGHT_ERROR = (1127 + 3 * 2840 + 2 * 2840) * HALF_ULP / 34.6


def test_the_mel_bank_is_kaldis_to_float32_rounding_of_mel_positions():
    assert mel_bank().dtype == np.float32 and mel_bank().shape == (80, 256)
    assert np.abs(mel_bank() - kaldi_bank()).max() < WEIGHT_ERROR
    assert np.abs(mel_bank() - kaldi_bank()).max() > 0  # else this is no independent bank


@pytest.mark.parametrize("kind", ["noise", "tone", "quiet", "offset"])
def test_log_mel_is_kaldis_definition_in_float64(kind):
    rng = np.random.default_rng(7)
    t = np.arange(8000) / 16_000
    samples = {
        "noise": 0.1 * rng.standard_normal(8000),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * t) + 1e-3 * rng.standard_normal(8000),
        "quiet": 2**-15 * rng.integers(-3, 4, 8000),
        "offset": 0.5 + 0.01 * rng.standard_normal(8000),
    }[kind].astype(np.float32)
    power, bank = kaldi_power(samples), kaldi_bank()
    energies = power @ bank.T
    got = log_mel(samples)
    assert got.shape == energies.shape == (1 + (8000 - 400) // 160, 80)
    # A weight off by WEIGHT_ERROR weighs what power its filter's neighbourhood holds. A windowed sample has about five
    # roundings, each at most half an ulp of the largest sample of its frame; 512 of them may add up in a Fourier bin.
    reach = np.array([np.convolve(row > 0, [1, 1, 1], "same") for row in bank], dtype=float)
    from_weights = WEIGHT_ERROR * (power @ reach.T)
    rounding = 5 * HALF_ULP * 32_768 * np.abs(samples).max() * 400
    from_windows = (2 * rounding * np.sqrt(power) + rounding**2) @ bank.T
    bound = (from_weights + from_windows) / energies
    error = np.abs(got - np.log(np.maximum(energies, np.finfo(np.float32).eps)))
    assert (error <= bound).all()
    assert np.sqrt(np.mean(error**2)) < 2e-5  # what a bound on the worst case does not say
    assert error.max() > 1e-9


def test_features_are_log_mel_minus_their_mean_over_frames():
    samples = np.random.default_rng(3).standard_normal(4000).astype(np.float32)
    want = log_mel(samples) - log_mel(samples).mean(axis=0)
    got = compute_fbank(samples)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=HALF_ULP, atol=1e-12)


def test_nan_passes_through_the_floor_into_its_own_windows_and_through_centring_into_all():
    samples = np.random.default_rng(3).standard_normal(4000).astype(np.float32)
    clean = log_mel(samples)
    samples[1000] = np.nan
    hit = [start <= 1000 < start + 400 for start in range(0, 3601, 160)]
    assert 0 < sum(hit) < len(hit)
    assert np.isnan(log_mel(samples)[hit]).all()
    assert np.array_equal(log_mel(samples)[~np.array(hit)], clean[~np.array(hit)])
    assert np.isnan(compute_fbank(samples)).all()


@pytest.mark.parametrize("level", [0.0, 0.25, -1.0])
def test_digital_silence_at_any_level_is_at_the_floor_and_zero_after_centring(level):
    samples = np.full(160_000, level, np.float32)
    assert np.array_equal(log_mel(samples), np.full((998, 80), np.log(np.float64(np.finfo(np.float32).eps))))
    # 998 equal numbers of 16 do not average to exactly themselves in float64.
    assert np.abs(compute_fbank(samples)).max() <= 998 * 16 * 2.0**-53


@PROPERTY
@given(seeds, st.integers(-6, 6))
def test_loudness_by_a_power_of_two_leaves_features_where_no_bin_is_at_the_floor(rng, exponent):
    samples = (0.05 * rng.standard_normal(4000)).astype(np.float32)
    louder = samples * np.float32(2.0**exponent)
    difference = log_mel(louder) - log_mel(samples)
    assert log_mel(samples).min() > np.log(np.finfo(np.float32).eps) + 10
    np.testing.assert_allclose(difference, 2 * exponent * np.log(2), rtol=0, atol=1e-13)
    np.testing.assert_allclose(compute_fbank(louder), compute_fbank(samples), rtol=2 * HALF_ULP, atol=1e-12)


def test_loudness_does_change_features_where_a_bin_is_at_the_floor():
    samples = (0.05 * np.random.default_rng(0).standard_normal(4000)).astype(np.float32)
    samples[:2000] = 0.0
    assert np.abs(compute_fbank(samples * np.float32(4)) - compute_fbank(samples)).max() > 0.1


def test_fbank_of_a_series_is_that_of_each_padded_chunk():
    samples = (0.1 * np.random.default_rng(1).standard_normal(160_000 + 20_000)).astype(np.float32)
    series = fbank_series(hear(samples[None], 16_000)[1])
    assert series.chunks.tolist() == [0, 1, 2]
    last = np.concatenate([samples[32_000:], np.zeros(12_000, np.float32)])
    got = series.take([2, 0])
    assert got.shape == (2, 998, 80) and got.dtype == np.float32
    assert np.array_equal(got[0], compute_fbank(last))
    assert np.array_equal(got[1], compute_fbank(samples[:160_000]))


def test_no_mel_filter_is_empty_or_reaches_nyquist():
    assert mel_bank().shape[1] == FFT_SIZE // 2
    assert (mel_bank() >= 0).all() and (mel_bank() <= 1).all()
    assert (mel_bank()[:, 0] == 0).all()


# --- masks and pooling -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "target"), [(589, 125), (799, 100), (998, 125), (125, 589), (125, 125), (3, 1)])
def test_nearest_interpolation_takes_source_floor_i_n_over_m(source, target):
    masks = np.arange(source, dtype=np.float32)[None, None]
    want = [i * source // target for i in range(target)]
    assert interpolate_nearest(masks, target)[0, 0].tolist() == want


@settings(PROPERTY, max_examples=200)
@given(st.integers(1, 2000), st.integers(1, 2000))
def test_nearest_interpolation_departs_from_exact_arithmetic_only_at_whole_positions(source, target):
    got = nearest_indices(source, target)
    for i, index in enumerate(got):
        exact = Fraction(i * source, target)
        # The step and its product are rounded to float32: a position that close under a whole number may fall short.
        slack = 2 * HALF_ULP * exact
        assert np.floor(exact - slack) <= index <= np.floor(exact + slack)
        assert 0 <= index < source


@PROPERTY
@given(seeds)
def test_masks_filter_and_scores_follow_a_permutation_of_chunks(rng):
    segmentations, embeddings = random_segmentations(rng, 6), random_embeddings(rng, 6)
    embeddings[rng.random((6, 3)) < 0.1] = np.nan
    centroids, order = rng.standard_normal((4, 16)), rng.permutation(6)
    assert np.array_equal(build_masks(segmentations[order]), build_masks(segmentations)[order])
    chunks, speakers = filter_embeddings(embeddings, segmentations)
    permuted = filter_embeddings(embeddings[order], segmentations[order])
    assert set(zip(order[permuted[0]], permuted[1])) == set(zip(chunks, speakers))
    two = np.arange(2)
    got = score(embeddings[order], centroids, segmentations[order], two, None)
    assert np.array_equal(got, score(embeddings, centroids, segmentations, two, None)[order], equal_nan=True)


@PROPERTY
@given(seeds, st.integers(1, 5))
def test_assignment_follows_a_permutation_of_chunks_and_is_one_to_one(rng, clusters):
    soft, order = rng.uniform(0, 2, (7, 3, clusters)), rng.permutation(7)
    hard = constrained_argmax(soft)
    assert np.array_equal(constrained_argmax(soft[order]), hard[order])
    for row, scores in zip(hard, soft):
        taken = row[row != UNASSIGNED]
        assert len(taken) == len(set(taken.tolist())) == min(3, clusters)
        chosen = sum(scores[s, k] for s, k in enumerate(row) if k != UNASSIGNED)
        assert chosen >= best_total(scores) - 1e-12


def best_total(scores: np.ndarray) -> float:
    """The best sum over one-to-one assignments, by trying them all."""

    def best(speaker: int, free: frozenset[int]) -> float:
        if speaker == len(scores):
            return 0.0
        options = [scores[speaker, k] + best(speaker + 1, free - {k}) for k in free]
        if len(free) < len(scores) - speaker:
            options.append(best(speaker + 1, free))
        return max(options)

    return best(0, frozenset(range(scores.shape[1])))


@PROPERTY
@given(seeds)
def test_a_mask_keeps_clean_frames_only_or_all_frames_of_its_speaker(rng):
    segmentations = random_segmentations(rng, 4)
    masks = build_masks(segmentations)
    assert masks.shape == (4, 3, FRAMES) and masks.dtype == np.float32
    for chunk in range(4):
        for speaker in range(3):
            active = segmentations[chunk, :, speaker] == 1
            clean = active & (segmentations[chunk].sum(axis=1) == 1)
            want = clean if clean.sum() > 2 else active
            assert np.array_equal(masks[chunk, speaker], want)
            assert clean_frames(segmentations)[chunk, speaker] == clean.sum()
    whole = build_masks(segmentations, exclude_overlap=False)
    assert np.array_equal(whole, segmentations.transpose(0, 2, 1))


def test_embeddings_are_those_of_the_series_chunks_whatever_the_batch():
    masks = np.zeros((6, 3, FRAMES), np.float32)
    masks[:, :, 0] = np.arange(18).reshape(6, 3)

    def trunk(fbank):
        return (np.broadcast_to(fbank[:, :1, :1], (len(fbank), 4, 125)),)

    def head(features, weights):
        return (np.stack([features[:, 0, :1] * np.ones(3), weights[:, :, 0]], axis=-1),)

    series = fbank_like([0, 2, 5])
    done: list[tuple[int, int]] = []
    got = embed(series, masks, trunk=trunk, head=head, progress=lambda *p: done.append(p))
    assert got[:, :, 0].tolist() == [[0] * 3, [2] * 3, [5] * 3]
    assert got[:, :, 1].tolist() == [[0, 1, 2], [6, 7, 8], [15, 16, 17]]
    assert done == [(2, 3), (3, 3)]


def fbank_like(chunks: list[int]):
    from parity.pipeline.stage import ChunkSeries

    return ChunkSeries(np.array(chunks), lambda chunk: np.full((998, 80), chunk, np.float32))


# --- scoring, xvec, plda -----------------------------------------------------------------------------------------


@PROPERTY
@given(seeds, st.integers(-20, 20), st.floats(0.01, 100))
def test_scores_do_not_depend_on_the_length_of_embeddings_or_centroids(rng, exponent, factor):
    embeddings, centroids = random_embeddings(rng, 3), rng.standard_normal((4, 16))
    segmentations, two = random_segmentations(rng, 3), np.arange(2)
    plain = score(embeddings, centroids, segmentations, two, None)
    exactly = score(embeddings * np.float32(2.0**exponent), centroids * 2.0**-exponent, segmentations, two, None)
    assert np.array_equal(plain, exactly)
    nearly = score(embeddings.astype(np.float64) * factor, centroids * factor, segmentations, two, None)
    np.testing.assert_allclose(nearly, plain, rtol=0, atol=1e-14)


@PROPERTY
@given(seeds)
def test_scores_are_one_plus_the_cosine_and_inactive_speakers_one_below_the_least(rng):
    embeddings, centroids = random_embeddings(rng, 5), rng.standard_normal((2, 16))
    segmentations, two = random_segmentations(rng, 5), np.arange(2)
    segmentations[0] = 0
    got = score(embeddings, centroids, segmentations, two, None)
    cosine = np.array(
        [[[e @ c / np.linalg.norm(e) / np.linalg.norm(c) for c in centroids] for e in row] for row in embeddings]
    )
    aside = inactive(segmentations)
    np.testing.assert_allclose(got[~aside], 1 + cosine[~aside], rtol=0, atol=1e-6)
    assert aside[0].all() and np.ptp(got[aside]) == 0
    np.testing.assert_allclose(got[aside], 1 + cosine.min() - 1, rtol=0, atol=1e-6)
    imposed = score(embeddings, centroids, segmentations, two, np.array([0, 1]))
    np.testing.assert_allclose(imposed, 1 + cosine, rtol=0, atol=1e-6)


@PROPERTY
@given(seeds)
def test_the_solved_plda_makes_within_the_identity_and_between_diagonal(rng):
    arrays = random_plda(rng)
    plda = solve_plda(arrays)
    within = np.linalg.inv(arrays["tr"].T @ arrays["tr"])
    between = np.linalg.inv(arrays["tr"].T @ np.diag(1 / arrays["psi"]) @ arrays["tr"])
    np.testing.assert_allclose(plda.transform @ within @ plda.transform.T, np.eye(12), atol=1e-10)
    np.testing.assert_allclose(plda.transform @ between @ plda.transform.T, np.diag(plda.phi), atol=1e-9)
    assert (np.diff(plda.phi) <= 0).all()


@PROPERTY
@given(seeds)
def test_the_solved_plda_is_the_stored_one_with_axes_sorted_up_to_sign(rng):
    arrays = random_plda(rng)
    order = np.argsort(-arrays["psi"])
    assume(np.min(-np.diff(np.log(arrays["psi"][order]))) > 1e-3)  # close axes may turn into each other
    plda = solve_plda(arrays)
    np.testing.assert_allclose(plda.phi, arrays["psi"][order], rtol=1e-10)
    signs = np.sign(np.sum(plda.transform * arrays["tr"][order], axis=1, keepdims=True))
    np.testing.assert_allclose(plda.transform * signs, arrays["tr"][order], atol=1e-8)


@PROPERTY
@given(seeds, st.floats(0.01, 100))
def test_xvec_depends_on_the_direction_from_the_mean_only_and_has_a_fixed_norm(rng, factor):
    plda = solve_plda(random_plda(rng))
    embeddings = rng.standard_normal((4, 3, 32))
    chunks, speakers = np.array([0, 0, 2, 3]), np.array([0, 2, 1, 1])
    got = to_xvec(embeddings, chunks, speakers, plda=plda)
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), np.sqrt(12), rtol=1e-12)
    stretched = plda.mean1 + factor * (embeddings - plda.mean1)
    np.testing.assert_allclose(to_xvec(stretched, chunks, speakers, plda=plda), got, atol=1e-9)
    scaled = to_xvec(3 * embeddings, chunks, speakers, plda=plda)
    assert np.abs(scaled - got).max() > 1e-6  # a mean is subtracted: scaling the embeddings is not invariant


@PROPERTY
@given(seeds)
def test_xvec_and_plda_equal_their_equations_row_by_row(rng):
    arrays = random_plda(rng)
    plda = solve_plda(arrays)
    embeddings = random_embeddings(rng, 3, 32)
    chunks, speakers = np.array([2, 0, 2]), np.array([0, 1, 2])
    post_xvec = to_xvec(embeddings, chunks, speakers, plda=plda)
    post_plda, phi = to_plda(post_xvec, plda=plda)
    assert post_xvec.dtype == post_plda.dtype == phi.dtype == np.float64
    for row, (c, s) in enumerate(zip(chunks, speakers)):
        x = embeddings[c, s] - arrays["mean1"]
        x = np.sqrt(32) * x / np.linalg.norm(x)
        y = np.array([arrays["lda"][:, k].astype(float) @ x for k in range(12)]) - arrays["mean2"]
        y = np.sqrt(12) * y / np.linalg.norm(y)
        np.testing.assert_allclose(post_xvec[row], y, atol=1e-12)
        np.testing.assert_allclose(post_plda[row], plda.transform @ (y - arrays["mu"]), atol=1e-11)


@PROPERTY
@given(seeds)
def test_the_sign_of_a_plda_axis_changes_nothing_in_vbx(rng):
    points, phi, labels = vbx_data(rng)
    signs = rng.choice([-1.0, 1.0], points.shape[1])
    plain, flipped = run_vbx(points, phi, labels), run_vbx(points * signs, phi, labels)
    for one, other in zip(plain, flipped):
        np.testing.assert_allclose(other, one, atol=1e-9)


# --- vbx and centroids -------------------------------------------------------------------------------------------


def run_vbx(points, phi, labels, iterations=20):
    return cluster_vbx(points, phi, labels, fa=0.07, fb=0.8, max_iterations=iterations)


def not_at_the_stopping_rule(elbo: np.ndarray) -> bool:
    """Whether rounding cannot change when VBx stops."""
    return bool((np.abs(np.diff(elbo) - 1e-4) > 1e-8).all())


@PROPERTY
@given(seeds)
def test_relabelling_ahc_clusters_permutes_the_columns_of_vbx(rng):
    points, phi, labels = vbx_data(rng)
    names = rng.permutation(labels.max() + 1)
    qinit, q, priors, elbo = run_vbx(points, phi, labels)
    assume(not_at_the_stopping_rule(elbo))
    qinit_renamed, q_renamed, priors_renamed, elbo_renamed = run_vbx(points, phi, names[labels])
    np.testing.assert_allclose(qinit_renamed[:, names], qinit, rtol=1e-15)
    np.testing.assert_allclose(q_renamed[:, names], q, atol=1e-9)
    np.testing.assert_allclose(priors_renamed[names], priors, atol=1e-9)
    np.testing.assert_allclose(elbo_renamed, elbo, rtol=1e-11)
    np.testing.assert_allclose(np.sort(priors_renamed), np.sort(priors), atol=1e-9)


@PROPERTY
@given(seeds)
def test_relabelling_ahc_clusters_leaves_the_partition_of_vbx(rng):
    points, phi, labels = vbx_data(rng)
    names = rng.permutation(labels.max() + 1)
    _, q, _, elbo = run_vbx(points, phi, labels)
    gaps = np.diff(np.sort(q, axis=1), axis=1)[:, -1:]
    assume(not_at_the_stopping_rule(elbo) and (gaps > 1e-6).all())
    best = q.argmax(axis=1)
    best_renamed = run_vbx(points, phi, names[labels])[1].argmax(axis=1)
    assert np.array_equal(best[:, None] == best, best_renamed[:, None] == best_renamed)


@PROPERTY
@given(seeds)
def test_the_order_of_embeddings_permutes_the_rows_of_vbx(rng):
    points, phi, labels = vbx_data(rng)
    order = rng.permutation(len(points))
    _, q, priors, elbo = run_vbx(points, phi, labels)
    assume(not_at_the_stopping_rule(elbo))
    _, q_permuted, priors_permuted, _ = run_vbx(points[order], phi, labels[order])
    np.testing.assert_allclose(q_permuted, q[order], atol=1e-9)
    np.testing.assert_allclose(priors_permuted, priors, atol=1e-9)


@settings(PROPERTY, max_examples=60)
@given(seeds)
def test_the_elbo_never_decreases_by_more_than_the_guard_on_priors_and_rounding(rng):
    points, phi, labels = vbx_data(rng)
    _, q, priors, elbo = run_vbx(points, phi, labels)
    # The 1e-8 added to every prior is no part of the model: it moves each row's evidence by at most clusters * 1e-8.
    slack = len(points) * len(priors) * 1e-8 + 1e-12 * np.abs(elbo).max()
    assert (np.diff(elbo) >= -slack).all()
    np.testing.assert_allclose(q.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(priors, q.sum(axis=0) / len(points), atol=1e-12)


@PROPERTY
@given(seeds)
def test_vbx_stops_at_the_first_small_step_or_at_the_limit(rng):
    points, phi, labels = vbx_data(rng)
    elbo = run_vbx(points, phi, labels)[3]
    small = np.diff(elbo) < 1e-4
    assert not small[:-1].any() and (len(elbo) == 20 or small[-1])
    cut_short = run_vbx(points, phi, labels, iterations=2)[3]
    assert np.array_equal(cut_short, elbo[:2])


@PROPERTY
@given(seeds)
def test_one_iteration_of_vbx_equals_its_equations_written_with_loops(rng):
    points, phi, labels = vbx_data(rng)
    _, q, priors, elbo = run_vbx(points, phi, labels, iterations=1)
    rows, clusters, fa, fb = len(points), labels.max() + 1, 0.07, 0.8
    start = np.array([[np.exp(7.0 * (label == k)) for k in range(clusters)] for label in labels])
    start /= start.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(initial_responsibilities(labels), start, rtol=1e-14)
    joint, penalty = np.empty((rows, clusters)), 0.0
    for k in range(clusters):
        inverse = np.array([1 / (1 + fa / fb * start[:, k].sum() * p) for p in phi])  # (17)
        alpha = fa / fb * inverse * sum(start[t, k] * np.sqrt(phi) * points[t] for t in range(rows))  # (16)
        penalty += sum(np.log(i) - i - a**2 + 1 for i, a in zip(inverse, alpha))
        for t in range(rows):
            constant = -0.5 * (points[t] @ points[t] + 16 * np.log(2 * np.pi))
            log_p = (points[t] * np.sqrt(phi)) @ alpha - 0.5 * (inverse + alpha**2) @ phi + constant  # (23)
            joint[t, k] = fa * log_p + np.log(1 / clusters + 1e-8)
    evidence = np.log(np.exp(joint - joint.max()).sum(axis=1)) + joint.max()
    want = np.exp(joint - evidence[:, None])
    np.testing.assert_allclose(q, want, atol=1e-11)
    np.testing.assert_allclose(priors, want.sum(axis=0) / rows, atol=1e-11)
    np.testing.assert_allclose(elbo, [evidence.sum() + fb * 0.5 * penalty], rtol=1e-10)


@PROPERTY
@given(seeds)
def test_centroids_are_means_weighted_by_responsibility_and_follow_their_columns(rng):
    embeddings = random_embeddings(rng, 5)
    chunks, speakers = np.array([0, 1, 1, 3, 4]), np.array([0, 0, 2, 1, 2])
    q = rng.dirichlet(np.ones(4), 5)
    priors = np.array([0.4, 1e-9, 0.3, 0.3])
    got = compute_centroids(embeddings, chunks, speakers, q, priors, None)
    train = embeddings[chunks, speakers].astype(np.float64)
    want = [sum(q[t, k] * train[t] for t in range(5)) / q[:, k].sum() for k in (0, 2, 3)]
    assert surviving(priors).tolist() == [True, False, True, True] and got.dtype == np.float64
    np.testing.assert_allclose(got, want, atol=1e-6)
    names = rng.permutation(4)
    renamed = compute_centroids(embeddings, chunks, speakers, q[:, names], priors[names], None)
    np.testing.assert_allclose(np.sort(renamed, axis=0), np.sort(got, axis=0), atol=1e-12)
    doubled = compute_centroids(embeddings * np.float32(2), chunks, speakers, q, priors, None)
    assert np.array_equal(doubled, 2 * got)


# --- counting and reconstruction ---------------------------------------------------------------------------------


@PROPERTY
@given(seeds, st.integers(1, 12))
def test_the_count_is_the_mean_number_of_speakers_rounded_half_to_even(rng, chunks):
    segmentations = random_segmentations(rng, chunks)
    said: list[list[int]] = [[] for _ in range(geometry.num_frames(chunks))]
    for chunk in range(chunks):
        start = round(Fraction(16_000 * chunk, 270))
        for frame in range(FRAMES):
            said[start + frame].append(int(segmentations[chunk, frame].sum()))
    want = [round(Fraction(sum(values), len(values))) if values else 0 for values in said]
    got = count_speakers(segmentations)
    assert got.dtype == np.uint8 and got.shape == (len(want), 1)
    assert got[:, 0].tolist() == want


@PROPERTY
@given(seeds)
def test_the_order_of_local_speakers_changes_neither_count_nor_reconstruction(rng):
    segmentations, hard = random_segmentations(rng, 5), rng.permuted(np.tile([0, 1, 2], (5, 1)), axis=1)
    other_segmentations, other_hard = segmentations.copy(), hard.copy()
    for chunk in range(5):
        order = rng.permutation(3)
        other_segmentations[chunk] = segmentations[chunk][:, order]
        other_hard[chunk] = hard[chunk][order]
    count = count_speakers(segmentations)
    assert np.array_equal(count, count_speakers(other_segmentations))
    for one, other in zip(
        reconstruct(segmentations, hard.astype(np.int8), count, max_speakers=np.inf),
        reconstruct(other_segmentations, other_hard.astype(np.int8), count, max_speakers=np.inf),
    ):
        assert np.array_equal(one, other)


@PROPERTY
@given(seeds, st.integers(1, 12))
def test_activations_added_chunk_by_chunk_are_the_overlap_add_of_all_bit_for_bit(rng, chunks):
    segmentations = random_segmentations(rng, chunks) * rng.random((chunks, 1, 1)).astype(np.float32)
    segmentations[rng.random(segmentations.shape) < 0.01] = np.nan
    hard = rng.integers(-2, 4, (chunks, 3)).astype(np.int8)
    hard[hard == -1] = UNASSIGNED
    hard[0, 0] = 0
    got, want = sum_activations(segmentations, hard), overlap_add(cluster_activity(segmentations, hard))[0]
    assert got.dtype == want.dtype and np.array_equal(got, want)


@pytest.mark.parametrize("frames", [1, 7, 50])
def test_speakers_are_ranked_in_blocks_as_all_at_once(monkeypatch, frames):
    rng = np.random.default_rng(0)
    activations, count = rng.integers(0, 4, (50, 20)).astype(np.float32), rng.integers(0, 4, (50, 1)).astype(np.int8)
    want = most_active(activations, count)
    monkeypatch.setattr(reconstruction, "BLOCK_FRAMES", frames)
    assert np.array_equal(most_active(activations, count), want)


@PROPERTY
@given(seeds, st.integers(1, 20))
def test_each_frame_has_count_winners_and_no_loser_is_more_active_than_a_winner(rng, speakers):
    activations = rng.integers(0, 4, (50, speakers)).astype(np.float32)
    count = rng.integers(0, 4, (50, 1)).astype(np.int8)
    got = most_active(activations, count)
    assert got.dtype == np.float32 and got.shape == (50, max(speakers, int(count.max())))
    padded = np.pad(activations, ((0, 0), (0, got.shape[1] - speakers)))
    assert np.array_equal(got.sum(axis=1), count[:, 0])
    for row, wins in zip(padded, got == 1):
        assert not wins.any() or wins.all() or row[wins].min() >= row[~wins].max()


@PROPERTY
@given(seeds)
def test_renaming_clusters_permutes_the_columns_of_the_diarization_where_nothing_ties(rng):
    activations = rng.permuted(np.tile(np.arange(5, dtype=np.float32), (40, 1)), axis=1)
    count, names = rng.integers(0, 4, (40, 1)).astype(np.int8), rng.permutation(5)
    assert np.array_equal(most_active(activations[:, names], count), most_active(activations, count)[:, names])


@PROPERTY
@given(seeds)
def test_turns_drawn_back_onto_frames_are_the_discrete_diarization_but_for_its_last_frame(rng):
    discrete = np.repeat(rng.integers(0, 2, (30, 3)), 4, axis=0).astype(np.float32)
    turns, exclusive = annotate(discrete, discrete, min_duration_off=0.0)
    assert turns == exclusive == sorted(turns)
    middles = geometry.frame_middles(len(discrete))
    occurring = [k for k in range(3) if discrete[:-1, k].any()]
    drawn = np.zeros_like(discrete)
    for turn in turns:
        speaker = occurring[int(turn.speaker.removeprefix("SPEAKER_"))]
        drawn[(turn.start <= middles) & (middles < turn.end), speaker] = 1
    assert np.array_equal(drawn[:-1], discrete[:-1])


# --- graphs ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wespeaker() -> dict[str, np.ndarray]:
    return random_wespeaker(np.random.default_rng(11))


def conv2d(x: np.ndarray, weight: np.ndarray, stride: int) -> np.ndarray:
    """(in, h, w) -> (out, h', w') with padding that keeps the size at stride 1, float64."""
    size = weight.shape[-1]
    padded = np.pad(x, ((0, 0), (size // 2, size // 2), (size // 2, size // 2)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    return np.tensordot(weight.astype(np.float64), windows, axes=([1, 2, 3], [0, 3, 4]))


def batch_norm(x: np.ndarray, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    gain, bias, mean, variance = (
        arrays[f"{name}.{part}"].astype(np.float64)[:, None, None]
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-5) * gain + bias


def trunk_reference(fbank: np.ndarray, arrays: dict[str, np.ndarray]) -> np.ndarray:
    """The trunk of one chunk with its batch norms unfolded, float64: (frames, 80) -> (2560, ceil(frames / 8))."""
    x = np.maximum(0, batch_norm(conv2d(fbank.T[None].astype(np.float64), arrays["conv1.weight"], 1), arrays, "bn1"))
    for name, stride in BLOCKS:
        y = np.maximum(0, batch_norm(conv2d(x, arrays[f"{name}.conv1.weight"], stride), arrays, f"{name}.bn1"))
        y = batch_norm(conv2d(y, arrays[f"{name}.conv2.weight"], 1), arrays, f"{name}.bn2")
        if f"{name}.downsample.0.weight" in arrays:
            x = batch_norm(conv2d(x, arrays[f"{name}.downsample.0.weight"], stride), arrays, f"{name}.downsample.1")
        x = np.maximum(0, x + y)
    return x.reshape(-1, x.shape[-1])


def test_the_trunk_equals_convolutions_and_unfolded_batch_norms_in_float64(wespeaker):
    trunk = OnnxNetwork(build_trunk(wespeaker), 1)
    assert trunk.outputs == ("features",)
    fbank = np.random.default_rng(5).standard_normal((2, 19, 80)).astype(np.float32)
    (features,) = trunk(fbank=fbank)
    assert features.shape == (2, 2560, 3) and features.dtype == np.float32
    for chunk in range(2):
        want = trunk_reference(fbank[chunk], wespeaker)
        assert want.std() > 0.1  # neither dead nor exploded
        # 36 float32 convolutions in a row; their roundings are independent and add up in square.
        np.testing.assert_allclose(features[chunk], want, rtol=0, atol=36 * 2 * HALF_ULP * np.abs(want).max())


def test_the_trunk_pools_a_whole_chunk_to_125_frames(wespeaker):
    (features,) = OnnxNetwork(build_trunk(wespeaker))(fbank=np.zeros((1, 998, 80), np.float32))
    assert features.shape == (1, 2560, 125)


@PROPERTY
@given(seeds)
def test_a_folded_batch_norm_equals_the_convolution_followed_by_it(rng):
    arrays = {"c.weight": rng.standard_normal((5, 3, 3, 3)).astype(np.float32)}
    arrays |= {f"n.{part}": rng.standard_normal(5).astype(np.float32) for part in ("weight", "bias", "running_mean")}
    arrays["n.running_var"] = rng.uniform(1e-3, 3, 5).astype(np.float32)
    weight, bias = fold_batch_norm(arrays, "c", "n")
    assert weight.dtype == bias.dtype == np.float32
    x = rng.standard_normal((3, 6, 7))
    want = batch_norm(conv2d(x, arrays["c.weight"], 1), arrays, "n")
    got = conv2d(x, weight, 1) + bias.astype(np.float64)[:, None, None]
    gain = np.abs(arrays["n.weight"]) / np.sqrt(arrays["n.running_var"])
    bound = conv2d(np.abs(x), np.abs(weight), 1) + np.abs(bias)[:, None, None]
    # Weight and bias are rounded once each; the bias is made of float32 arrays.
    bound = HALF_ULP * (bound + (gain * np.abs(arrays["n.running_mean"]))[:, None, None])
    assert (np.abs(got - want) <= 1.01 * bound).all()


@pytest.fixture(scope="module")
def head(wespeaker) -> OnnxNetwork:
    return OnnxNetwork(build_head(wespeaker), 1)


def pooled(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted mean and unbiased weighted standard deviation of one speaker, float64: (2560, n), (n,) -> (5120,)."""
    x, w = features.astype(np.float64), weights.astype(np.float64)
    v1, v2 = w.sum(), (w**2).sum()
    mean = (x * w).sum(axis=1) / v1
    variance = (w * (x - mean[:, None]) ** 2).sum(axis=1) / (v1 - v2 / v1)
    return np.concatenate([mean, np.sqrt(variance)])


def project(stats: np.ndarray, arrays: dict[str, np.ndarray]) -> np.ndarray:
    return arrays["seg_1.weight"].astype(np.float64) @ stats + arrays["seg_1.bias"]


def test_the_head_is_a_weighted_mean_and_unbiased_deviation_then_a_linear_layer(head, wespeaker):
    rng = np.random.default_rng(2)
    features = rng.standard_normal((2, 2560, 20)).astype(np.float32)
    weights = rng.integers(0, 2, (2, 3, 20)).astype(np.float32)
    weights[1, 2] = rng.uniform(0, 1, 20)
    (embeddings,) = head(features=features, weights=weights)
    assert embeddings.shape == (2, 3, 256) and embeddings.dtype == np.float32
    for chunk, speaker in np.ndindex(2, 3):
        want = project(pooled(features[chunk], weights[chunk, speaker]), wespeaker)
        np.testing.assert_allclose(embeddings[chunk, speaker], want, rtol=0, atol=2e-6)


def test_the_deviation_is_the_unbiased_one(head, wespeaker):
    features = np.zeros((1, 2560, 4), np.float32)
    features[0, 7] = [1, 3, 100, 100]
    weights = np.array([[[1, 1, 0, 0]]], np.float32)
    (embeddings,) = head(features=features, weights=weights)
    stats = np.zeros(5120)
    stats[7], stats[2560 + 7] = 2.0, np.sqrt(2.0)  # ((1 - 2)^2 + (3 - 2)^2) / (2 - 1)
    np.testing.assert_allclose(embeddings[0, 0], project(stats, wespeaker), rtol=0, atol=1e-6)


def test_a_speaker_without_frames_gets_the_bias_exactly(head, wespeaker):
    features = np.random.default_rng(2).standard_normal((1, 2560, 9)).astype(np.float32)
    weights = np.zeros((1, 3, 9), np.float32)
    weights[0, 1] = 1
    (embeddings,) = head(features=features, weights=weights)
    assert np.array_equal(embeddings[0, 0], wespeaker["seg_1.bias"])
    assert np.array_equal(embeddings[0, 2], wespeaker["seg_1.bias"])
    assert np.abs(embeddings[0, 1] - wespeaker["seg_1.bias"]).max() > 0.1


def test_a_speaker_with_one_frame_has_that_frame_as_mean_and_no_deviation(head, wespeaker):
    features = np.random.default_rng(2).standard_normal((1, 2560, 9)).astype(np.float32)
    weights = np.zeros((1, 1, 9), np.float32)
    weights[0, 0, 4] = 1
    (embeddings,) = head(features=features, weights=weights)
    stats = np.concatenate([features[0, :, 4].astype(np.float64), np.zeros(2560)])
    np.testing.assert_allclose(embeddings[0, 0], project(stats, wespeaker), rtol=0, atol=2e-6)


def test_speakers_of_a_chunk_are_pooled_independently(head):
    rng = np.random.default_rng(4)
    features = rng.standard_normal((1, 2560, 12)).astype(np.float32)
    weights = rng.integers(0, 2, (1, 3, 12)).astype(np.float32)
    (together,) = head(features=features, weights=weights)
    for speaker in range(3):
        (alone,) = head(features=features, weights=weights[:, speaker : speaker + 1])
        np.testing.assert_allclose(alone[0, 0], together[0, speaker], rtol=0, atol=1e-6)


def leaky(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0.01 * x)


def conv1d(x: np.ndarray, weight: np.ndarray, stride: int = 1) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[-1], axis=1)[:, ::stride]
    return np.tensordot(weight.astype(np.float64), windows, axes=([1, 2], [0, 2]))


def instance_norm(x: np.ndarray, arrays: dict[str, np.ndarray], name: str) -> np.ndarray:
    gain, bias = (arrays[f"{name}.{part}"].astype(np.float64)[:, None] for part in ("weight", "bias"))
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5) * gain + bias


def lstm(x: np.ndarray, arrays: dict[str, np.ndarray], suffix: str) -> np.ndarray:
    """One direction with torch's gates (i, f, g, o), float64: (frames, in) -> (frames, hidden)."""
    w, r, b, c = (
        arrays[f"lstm.{p}_{suffix}"].astype(np.float64) for p in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h = cell = np.zeros(r.shape[1])
    rows = []
    for row in x:
        i, f, g, o = np.split(w @ row + b + r @ h + c, 4)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        cell = f * cell + i * np.tanh(g)
        h = o * np.tanh(cell)
        rows.append(h)
    return np.array(rows)


def pyannet_reference(waveform: np.ndarray, arrays: dict[str, np.ndarray], layers: int) -> np.ndarray:
    x = instance_norm(waveform.astype(np.float64), arrays, "sincnet.wav_norm1d")
    for layer in range(3):
        if layer == 0:
            x = np.abs(conv1d(x, pyannet.sinc_filters(arrays), stride=10))
        else:
            x = conv1d(x, arrays[f"sincnet.conv1d.{layer}.weight"])
            x = x + arrays[f"sincnet.conv1d.{layer}.bias"].astype(np.float64)[:, None]
        kept = x.shape[1] // 3 * 3
        x = x[:, :kept].reshape(len(x), -1, 3).max(axis=2)
        x = leaky(instance_norm(x, arrays, f"sincnet.norm1d.{layer}"))
    x = x.T
    for layer in range(layers):
        ahead, back = lstm(x, arrays, f"l{layer}"), lstm(x[::-1], arrays, f"l{layer}_reverse")[::-1]
        x = np.concatenate([ahead, back], axis=1)
    for layer in (0, 1):
        x = leaky(x @ arrays[f"linear.{layer}.weight"].astype(np.float64).T + arrays[f"linear.{layer}.bias"])
    x = x @ arrays["classifier.weight"].astype(np.float64).T + arrays["classifier.bias"]
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def test_pyannet_equals_its_layers_written_out_in_float64():
    rng = np.random.default_rng(8)
    arrays = random_pyannet(rng)
    network = OnnxNetwork(pyannet.build_pyannet(arrays), 1)
    waveforms = (0.1 * rng.standard_normal((2, 1, 3000))).astype(np.float32)
    (got,) = network(waveforms=waveforms)
    for chunk in range(2):
        want = pyannet_reference(waveforms[chunk], arrays, layers=2)
        assert np.ptp(want, axis=0).max() > 1e-3  # frames differ, or order in time would not be tested
        np.testing.assert_allclose(got[chunk], want, rtol=0, atol=1e-5)


def test_a_chunk_has_589_frames_of_seven_classes_that_sum_to_one():
    network = OnnxNetwork(pyannet.build_pyannet(random_pyannet(np.random.default_rng(8), 1, 4)), 1)
    waveform = np.random.default_rng(0).standard_normal((1, 1, 160_000)).astype(np.float32)
    (got,) = network(waveforms=waveform)
    assert got.shape == (1, FRAMES, 7)
    np.testing.assert_allclose(np.exp(got.astype(np.float64)).sum(axis=-1), 1, atol=1e-5)


def test_sinc_filters_pass_their_band_with_cosine_and_sine_of_equal_gain():
    arrays = random_pyannet(np.random.default_rng(8))
    filterbank = "sincnet.conv1d.0.filterbank"
    arrays[f"{filterbank}.low_hz_"][:] = 950  # + 50: bands from 1000 Hz
    arrays[f"{filterbank}.band_hz_"][:] = -950  # its size + 50: to 2000 Hz
    arrays[f"{filterbank}.low_hz_"][1] = 7500  # clipped at 8000 Hz
    filters = pyannet.sinc_filters(arrays)
    assert filters.shape == (80, 1, 251) and filters.dtype == np.float32
    even, odd = filters[:40, 0], filters[40:, 0]
    assert np.array_equal(even, even[:, ::-1]) and np.array_equal(odd, -odd[:, ::-1])
    assert (even[:, 125] == 1).all() and (odd[:, 125] == 0).all()
    t = np.arange(-125, 126) / 16_000
    gain = {hz: np.abs(filters[:, 0].astype(np.float64) @ np.exp(-2j * np.pi * hz * t)) for hz in (600, 1500, 2400)}
    # An ideal band-pass of height one has taps that are 1/16000 of these, times twice the bandwidth.
    np.testing.assert_allclose(gain[1500][[0, 40]], 16_000 / 2000, rtol=0.01)
    assert max(gain[600][[0, 40]].max(), gain[2400][[0, 40]].max()) < 0.01 * gain[1500][0]
    clipped = np.abs(filters[1, 0].astype(np.float64) @ np.exp(-2j * np.pi * 7800 * t))
    np.testing.assert_allclose(clipped, 16_000 / (2 * 450), rtol=0.05)


def test_networks_and_plda_are_put_together_from_one_weight_set(wespeaker):
    from parity.community1.networks import build_networks

    rng = np.random.default_rng(1)
    segmentation, plda = random_pyannet(rng, 1, 4), random_plda(rng)
    networks = build_networks(segmentation, wespeaker, plda, threads=1)
    assert isinstance(networks.plda, Plda)
    waveforms = rng.standard_normal((3, 1, 160000)).astype(np.float32)
    (alone,) = networks.segmentation(waveforms=waveforms)
    assert alone.shape == (3, 589, 7)
    (side_by_side,) = build_networks(segmentation, wespeaker, plda, threads=2).segmentation(waveforms=waveforms)
    assert side_by_side.tobytes() == alone.tobytes()
    features, weights = np.zeros((2, 2560, 5), np.float32), np.zeros((2, 3, 5), np.float32)
    assert [len(made) for made in (networks.head(features=features, weights=weights), weights)] == [1, 2]
