"""Our functions against pyannote.audio 4.0.4's own, on random inputs; needs the capture environment."""

from __future__ import annotations

import os
from types import SimpleNamespace

import numpy as np
import pytest

os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")  # no telemetry from tests
torch = pytest.importorskip("torch")
pytest.importorskip("pyannote.audio")  # hides the warning that torchcodec does not load

import einops  # noqa: E402
from hypothesis import assume, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from pyannote.audio.core.inference import Inference  # noqa: E402
from pyannote.audio.core.plda import PLDA  # noqa: E402
from pyannote.audio.core.task import Problem, Resolution, Specifications  # noqa: E402
from pyannote.audio.models.blocks.pooling import StatsPool  # noqa: E402
from pyannote.audio.models.embedding import WeSpeakerResNet34  # noqa: E402
from pyannote.audio.models.segmentation import PyanNet  # noqa: E402
from pyannote.audio.pipelines.clustering import VBxClustering  # noqa: E402
from pyannote.audio.pipelines.speaker_diarization import SpeakerDiarization  # noqa: E402
from pyannote.audio.pipelines.speaker_verification import PyannoteAudioPretrainedSpeakerEmbedding  # noqa: E402
from pyannote.audio.pipelines.utils import SpeakerDiarizationMixin  # noqa: E402
from pyannote.audio.pipelines.utils.diarization import set_num_speakers  # noqa: E402
from pyannote.audio.utils import vbx as reference_vbx  # noqa: E402
from pyannote.audio.utils.powerset import Powerset  # noqa: E402
from pyannote.core import SlidingWindow, SlidingWindowFeature  # noqa: E402
from support.random_arrays import (  # noqa: E402
    FRAMES,
    random_embeddings,
    random_plda,
    random_pyannet,
    random_segmentations,
    random_wespeaker,
    vbx_data,
)

from parity.community1 import Networks, Parameters, community1_pipeline, geometry  # noqa: E402
from parity.community1.aggregation import overlap_add  # noqa: E402
from parity.community1.annotation import annotate, to_rttm  # noqa: E402
from parity.community1.assignment import constrained_argmax  # noqa: E402
from parity.community1.fbank import compute_fbank, hamming_window, mel_bank  # noqa: E402
from parity.community1.filtering import filter_embeddings  # noqa: E402
from parity.community1.masks import MIN_NUM_SAMPLES, build_masks  # noqa: E402
from parity.community1.plda import solve_plda, to_plda, to_xvec  # noqa: E402
from parity.community1.reconstruction import reconstruct, sum_activations  # noqa: E402
from parity.community1.segmentation import to_multilabel  # noqa: E402
from parity.community1.speaker_counting import count_speakers, mean_activity  # noqa: E402
from parity.community1.vbx import cluster_vbx  # noqa: E402
from parity.errors import InputError  # noqa: E402
from parity.networks import pyannet  # noqa: E402
from parity.networks.runtime import OnnxNetwork  # noqa: E402
from parity.networks.wespeaker import names as wespeaker_names  # noqa: E402
from parity.networks.wespeaker.graph import build_head, build_trunk  # noqa: E402
from parity.networks.wespeaker.masks import interpolate_nearest  # noqa: E402

# Libraries of the reference's own warn of their own future; nothing here is about that.
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]

PROPERTY = settings(deadline=None, max_examples=15, derandomize=True)
seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
steps = st.sampled_from([1.0, 0.5, 0.73, 2.5])  # seconds; the reference's is the first, others may be declared

CHUNKS = SlidingWindow(start=0.0, duration=10.0, step=1.0)


def specifications() -> Specifications:
    return Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    """Nets this small spend their time waiting for threads where cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def segmentation_model() -> PyanNet:
    """PyanNet as in segmentation-3.0, with random weights."""
    torch.manual_seed(0)
    model = PyanNet(lstm={"hidden_size": 128, "num_layers": 4, "bidirectional": True, "monolithic": True})
    model.specifications = specifications()
    model.build()
    return model.eval()


@pytest.fixture(scope="module")
def embedding_model() -> WeSpeakerResNet34:
    model = WeSpeakerResNet34()
    arrays = wespeaker_names.pyannote_names(random_wespeaker(np.random.default_rng(11)))
    missing, unexpected = model.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()}, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing)
    return model.eval()


@pytest.fixture(scope="module")
def frames(segmentation_model) -> SlidingWindow:
    return segmentation_model.receptive_field


def chunked(data: np.ndarray, step: float = geometry.STEP_SECONDS) -> SlidingWindowFeature:
    chunks = SlidingWindow(start=0.0, duration=geometry.CHUNK_SECONDS, step=step)
    return SlidingWindowFeature(data.copy(), chunks)  # the reference overwrites NaN in what it is given


# --- geometry ----------------------------------------------------------------------------------------------------


def test_frames_are_the_receptive_field_of_the_network(frames, segmentation_model):
    assert (frames.start, frames.duration, frames.step) == (0.0, geometry.FRAME_SECONDS, geometry.FRAME_STEP_SECONDS)
    assert segmentation_model.num_frames(160_000) == FRAMES


def test_frame_middles_and_first_frames_are_those_of_sliding_windows_to_the_last_bit(frames):
    count = 100_000  # 28 minutes
    assert geometry.frame_middles(count).tolist() == [frames[i].middle for i in range(count)]
    starts = [frames.closest_frame(CHUNKS[i].start + 0.5 * frames.duration) for i in range(10_000)]
    assert [geometry.first_frame(i) for i in range(10_000)] == starts


@pytest.mark.parametrize(
    ("samples", "step"),
    [(samples, 1.0) for samples in (1, 159_999, 160_000, 160_001, 176_000, 176_001, 400_123)]
    + [(168_000, 0.5), (400_123, 0.73), (400_000, 2.5)],
)
def test_chunks_are_those_that_inference_slides_over(samples, step, frames):
    waveform = np.random.default_rng(samples).standard_normal((1, samples)).astype(np.float32)
    inference = SimpleNamespace(
        model=SimpleNamespace(
            audio=SimpleNamespace(get_num_samples=lambda duration: round(duration * 16_000)),
            receptive_field=frames,
            specifications=specifications(),
        ),
        duration=10.0,
        step=step,
        batch_size=4,
        skip_aggregation=True,
        pre_aggregation_hook=None,
        infer=lambda batch: batch.numpy(),
    )
    want = Inference.slide(inference, torch.from_numpy(waveform), 16_000, None)
    count = geometry.num_chunks(samples, step)
    assert want.data.shape[0] == count
    assert np.array_equal(geometry.chunks(waveform, np.arange(count), step), want.data)


# --- segmentation, counting, reconstruction ----------------------------------------------------------------------


@PROPERTY
@given(seeds)
def test_the_hard_multilabel_is_powersets_ties_included(rng):
    logits = np.round(rng.standard_normal((3, 200, 7)), 1).astype(np.float32)
    want = Powerset(3, 2).to_multilabel(torch.from_numpy(logits)).numpy()
    got = to_multilabel(logits)
    assert got.dtype == want.dtype and np.array_equal(got, want)


@PROPERTY
@given(seeds, st.integers(1, 15), steps)
def test_overlap_add_is_inferences_aggregate_bit_for_bit(rng, chunks, step):
    window = SlidingWindow(start=0.0, duration=geometry.FRAME_SECONDS, step=geometry.FRAME_STEP_SECONDS)
    scores = rng.standard_normal((chunks, FRAMES, 3))
    scores[rng.random(scores.shape) < 0.3] = np.nan
    options = {"hamming": False, "missing": 0.0}
    summed = Inference.aggregate(chunked(scores, step), window, skip_average=True, **options)
    assert np.array_equal(overlap_add(scores, step)[0], summed.data)
    total, weight = overlap_add(scores, step)
    average = Inference.aggregate(chunked(scores, step), window, skip_average=False, **options)
    assert np.array_equal(total / np.maximum(weight, 1e-12), average.data)


@PROPERTY
@given(seeds, st.integers(1, 15), steps)
def test_the_count_is_pyannotes_bit_for_bit(rng, chunks, step):
    window = SlidingWindow(start=0.0, duration=geometry.FRAME_SECONDS, step=geometry.FRAME_STEP_SECONDS)
    segmentations = random_segmentations(rng, chunks)
    want = SpeakerDiarizationMixin.speaker_count(chunked(segmentations, step), window, warm_up=(0.0, 0.0))
    got = count_speakers(segmentations, step=step)
    assert got.dtype == want.data.dtype and np.array_equal(got, want.data)
    halves = np.abs(mean_activity(segmentations, step) % 1 - 0.5) < 1e-6
    assert halves.any() or chunks == 1 or step > 1  # they do occur


@PROPERTY
@given(seeds, st.integers(1, 12), st.integers(1, 6))
def test_reconstruction_is_pyannotes_where_no_activations_tie(rng, chunks, clusters):
    window = SlidingWindow(start=0.0, duration=geometry.FRAME_SECONDS, step=geometry.FRAME_STEP_SECONDS)
    segmentations = random_segmentations(rng, chunks)
    # Activity of random strength, so that no two sums are equal; the reference's sort is not stable, ours is pinned.
    segmentations *= rng.uniform(0.5, 1, segmentations.shape).astype(np.float32)
    hard = rng.permuted(np.tile(np.arange(max(3, clusters)), (chunks, 1)), axis=1)[:, :3].astype(np.int8)
    hard[hard >= clusters] = -2
    inactive = segmentations.sum(axis=1) == 0
    hard[0] = np.where(inactive[0], hard[0], [0, -2, -2])
    assume((np.where(inactive, -2, hard) >= 0).any())
    activations = sum_activations(segmentations, hard)
    count = rng.integers(0, 4, (len(activations), 1))
    count = np.minimum(count, (activations > 0).sum(axis=1, keepdims=True)).astype(np.uint8)
    clusters_left = np.where(inactive, -2, hard)
    for got, most in zip(reconstruct(segmentations, hard, count, max_speakers=np.inf), (127, 1)):
        counted = SlidingWindowFeature(np.minimum(count, most).astype(np.int8), window)
        want = SpeakerDiarization.reconstruct(
            SimpleNamespace(to_diarization=SpeakerDiarizationMixin.to_diarization),
            chunked(segmentations),
            clusters_left,
            counted,
        )
        assert want.sliding_window.start == 0.0
        assert got.shape == want.data.shape and np.array_equal(got, want.data)


@PROPERTY
@given(seeds)
def test_columns_added_where_the_count_exceeds_the_clusters_are_pyannotes(rng):
    window = SlidingWindow(start=0.0, duration=geometry.FRAME_SECONDS, step=geometry.FRAME_STEP_SECONDS)
    segmentations = np.zeros((3, FRAMES, 3), np.float32)
    segmentations[:, :, 0] = rng.uniform(0.5, 1, (3, FRAMES))
    hard = np.array([[0, -2, -2]] * 3, np.int8)
    count = rng.integers(0, 3, (geometry.num_frames(3), 1)).astype(np.uint8)
    count[500:] = 0
    want = SpeakerDiarization.reconstruct(
        SimpleNamespace(to_diarization=SpeakerDiarizationMixin.to_diarization),
        chunked(segmentations),
        hard,
        SlidingWindowFeature(count.astype(np.int8), window),
    )
    got, _ = reconstruct(segmentations, hard, count, max_speakers=np.inf)
    assert got.shape == (len(count), 2) and np.array_equal(got, want.data)


# --- annotation --------------------------------------------------------------------------------------------------


def reference_rttm(discrete: np.ndarray, exclusive: np.ndarray, min_duration_off: float, frames) -> tuple[str, str]:
    """What the end of `SpeakerDiarization.apply` makes of the two."""
    plain, single = (
        SpeakerDiarizationMixin.to_annotation(
            SlidingWindowFeature(data, frames), min_duration_on=0.0, min_duration_off=min_duration_off
        )
        for data in (discrete, exclusive)
    )
    mapping = dict(zip(plain.labels(), SpeakerDiarizationMixin().classes()))
    renamed = [annotation.rename_labels(mapping=mapping) for annotation in (plain, single)]
    for annotation in renamed:
        annotation.uri = "clip"
    return renamed[0].to_rttm(), renamed[1].to_rttm()


@settings(PROPERTY, max_examples=40)
@given(seeds, st.sampled_from([1, 2, 3, 12, 30]), st.sampled_from([0.0, 0.05, 0.1, 16 * 270 / 16_000, 1.0]))
def test_turns_and_rttm_are_pyannotes_with_gaps_filled_and_with_more_than_26_speakers(rng, speakers, min_duration_off):
    window = SlidingWindow(start=0.0, duration=geometry.FRAME_SECONDS, step=geometry.FRAME_STEP_SECONDS)
    runs = rng.integers(1, 30, 20)
    shared = np.repeat(rng.random((20, 1)) < 0.5, runs, axis=0)  # many speakers turn at the same frames: ties
    own = np.repeat(rng.random((20, speakers)) < 0.4, rng.permutation(runs), axis=0)
    discrete = np.where(rng.random(speakers) < 0.4, shared, own).astype(np.float32)
    exclusive = discrete * (np.cumsum(discrete, axis=1) == 1)
    ours = annotate(discrete, exclusive, min_duration_off=min_duration_off)
    theirs = reference_rttm(discrete, exclusive, min_duration_off, window)
    assert (to_rttm(ours[0], "clip"), to_rttm(ours[1], "clip")) == theirs


@pytest.mark.parametrize("frame", [0, 1, 98, 99])
def test_a_turn_of_one_frame_anywhere_is_pyannotes(frame, frames):
    discrete = np.zeros((100, 2), np.float32)
    discrete[frame, 1] = 1
    ours = annotate(discrete, discrete, min_duration_off=0.0)
    text = reference_rttm(discrete, discrete, 0.0, frames)[0]
    assert to_rttm(ours[0], "clip") == text
    assert bool(text) == (frame != 99)


@PROPERTY
@given(seeds)
def test_turn_times_are_pyannotes_to_the_last_bit(rng):
    window = SlidingWindow(start=0.0, duration=geometry.FRAME_SECONDS, step=geometry.FRAME_STEP_SECONDS)
    discrete = np.repeat(rng.integers(0, 2, (200, 2)), 50, axis=0).astype(np.float32)
    theirs = SpeakerDiarizationMixin.to_annotation(SlidingWindowFeature(discrete, window))
    want = [(segment.start, segment.end, track) for segment, track in theirs.itertracks()]
    got = [(t.start, t.end, t.track) for t in annotate(discrete, discrete, min_duration_off=0.0)[0]]
    assert got == want


# --- masks, filter, assignment -----------------------------------------------------------------------------------


@PROPERTY
@given(seeds, st.booleans())
def test_masks_are_those_that_the_reference_hands_to_its_embedding_network(rng, exclude_overlap):
    segmentations = random_segmentations(rng, 5)
    segmentations[0] = 0
    segmentations[0, :100, 0] = segmentations[0, : 100 - rng.integers(1, 5), 1] = 1  # one to four clean frames
    pipeline = SimpleNamespace(
        training=False,
        embedding_batch_size=4,
        _audio=SimpleNamespace(crop=lambda file, chunk, mode: (torch.zeros(1, 8), 16_000)),
        _embedding=EchoMasks(),
    )
    want = SpeakerDiarization.get_embeddings(pipeline, {}, chunked(segmentations), exclude_overlap=exclude_overlap)
    got = build_masks(segmentations, exclude_overlap=exclude_overlap)
    assert got.dtype == want.dtype and np.array_equal(got, want)


class EchoMasks:
    """An embedding network whose embedding is the mask."""

    min_num_samples = MIN_NUM_SAMPLES
    sample_rate = 16_000

    def __call__(self, waveforms, masks):
        return masks.numpy()


def test_400_samples_are_the_fewest_that_the_embedding_network_takes(embedding_model):
    embedding = PyannoteAudioPretrainedSpeakerEmbedding.__new__(PyannoteAudioPretrainedSpeakerEmbedding)
    embedding.model_, embedding.device = embedding_model, torch.device("cpu")
    assert embedding.min_num_samples == MIN_NUM_SAMPLES


@PROPERTY
@given(seeds)
def test_the_filter_is_pyannotes(rng):
    segmentations, embeddings = random_segmentations(rng, 8), random_embeddings(rng, 8)
    embeddings[rng.random(embeddings.shape) < 0.01] = np.nan
    segmentations[0, :, :] = 0
    segmentations[0, : 117 + rng.integers(0, 2), 0] = 1
    _, *want = VBxClustering.filter_embeddings(None, embeddings, chunked(segmentations))
    got = filter_embeddings(embeddings, segmentations)
    assert np.array_equal(got, want) and len(got[0]) > 0


@PROPERTY
@given(seeds, st.integers(1, 6))
def test_the_constrained_assignment_is_pyannotes_ties_and_nan_included(rng, clusters):
    soft = np.round(rng.uniform(0, 2, (20, 3, clusters)), 1)
    soft[rng.random((20, 3)) < 0.1] = np.nan
    want = VBxClustering.constrained_argmax(None, soft)
    got = constrained_argmax(soft)
    assert got.dtype == want.dtype and np.array_equal(got, want)


# --- plda, vbx, clustering ---------------------------------------------------------------------------------------


def reference_plda(arrays: dict[str, np.ndarray], folder) -> PLDA:
    np.savez(folder / "xvec_transform.npz", **{name: arrays[name] for name in ("mean1", "mean2", "lda")})
    np.savez(folder / "plda.npz", **{name: arrays[name] for name in ("mu", "tr", "psi")})
    return PLDA(folder / "xvec_transform.npz", folder / "plda.npz", lda_dimension=arrays["lda"].shape[1])


@pytest.mark.parametrize("seed", range(3))
def test_xvec_and_plda_are_vbx_setups_bit_for_bit(seed, tmp_path):
    rng = np.random.default_rng(seed)
    arrays = random_plda(rng)
    theirs, ours = reference_plda(arrays, tmp_path), solve_plda(arrays)
    xvec, plda, phi = reference_vbx.vbx_setup(tmp_path / "xvec_transform.npz", tmp_path / "plda.npz")
    embeddings, chunks, speakers = random_embeddings(rng, 6, 32), rng.integers(0, 6, 9), rng.integers(0, 3, 9)
    train = embeddings[chunks, speakers]
    post_xvec = to_xvec(embeddings, chunks, speakers, plda=ours)
    assert np.array_equal(post_xvec, xvec(train))
    post_plda, our_phi = to_plda(post_xvec, plda=ours)
    assert np.array_equal(post_plda, plda(xvec(train))) and np.array_equal(post_plda, theirs(train))
    assert np.array_equal(our_phi, phi) and np.array_equal(our_phi, theirs.phi)


@PROPERTY
@given(seeds)
def test_vbx_is_pyannotes_and_so_is_its_elbo(rng):
    points, phi, labels = vbx_data(rng)
    qinit, q, priors, elbo = cluster_vbx(points, phi, labels, fa=0.07, fb=0.8, max_iterations=20)
    want_q, want_priors = reference_vbx.cluster_vbx(labels, points, phi, Fa=0.07, Fb=0.8, maxIters=20)
    np.testing.assert_allclose(q, want_q, rtol=0, atol=1e-13)
    np.testing.assert_allclose(priors, want_priors, rtol=0, atol=1e-13)
    *_, want_elbo = reference_vbx.VBx(points, phi, Fa=0.07, Fb=0.8, pi=qinit.shape[1], gamma=qinit, maxIters=20)
    np.testing.assert_allclose(elbo, np.ravel(want_elbo), rtol=1e-13)


def voices(rng: np.random.Generator, chunks: int, speakers: int) -> np.ndarray:
    """Embeddings of a few voices, noisy: (chunks, 3, 32) float32."""
    centres = rng.standard_normal((speakers, 32))
    who = rng.permuted(np.tile(np.arange(max(3, speakers)) % speakers, (chunks, 1)), axis=1)[:, :3]
    return (centres[who] + 0.25 * rng.standard_normal((chunks, 3, 32))).astype(np.float32)


def our_clustering(embeddings, segmentations, plda, **bounds) -> dict:
    """The stages from filter to assignment."""
    pipeline = community1_pipeline(Networks(None, None, None, plda), Parameters(**bounds))
    made = {"embeddings": embeddings, "segmentations": segmentations, "count": count_speakers(segmentations)}
    for name in ["filter", "xvec", "plda", "ahc", "vbx", "kmeans", "centroids", "scoring", "assignment"]:
        made |= pipeline[name](made)
    return made


@pytest.mark.parametrize("bounds", [{}, {"num_speakers": 2}, {"min_speakers": 4}, {"max_speakers": 1}], ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_clustering_is_vbx_clusterings_whole_call(seed, bounds, tmp_path):
    rng = np.random.default_rng(seed)
    arrays = random_plda(rng)
    arrays["tr"] = 3 * arrays["tr"]
    embeddings, segmentations = voices(rng, 25, 1 + seed % 4), random_segmentations(rng, 25)
    embeddings[3, 1, 5] = np.nan if seed == 5 and not bounds else embeddings[3, 1, 5]
    clustering = VBxClustering(reference_plda(arrays, tmp_path))
    clustering.instantiate({"threshold": 0.6, "Fa": 0.07, "Fb": 0.8})
    number, low, high = set_num_speakers(**bounds)
    hard, soft, centroids = clustering(
        embeddings.copy(), chunked(segmentations), num_clusters=number, min_clusters=low, max_clusters=high
    )
    made = our_clustering(embeddings, segmentations, solve_plda(arrays), **bounds)
    np.testing.assert_allclose(made["centroids"], centroids, rtol=0, atol=1e-12)
    np.testing.assert_allclose(made["soft_clusters"], soft, rtol=0, atol=1e-12)
    assert np.array_equal(made["hard_clusters"], hard)


def test_the_cases_of_clustering_reach_one_and_several_speakers_with_and_without_kmeans():
    reached = set()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        arrays = random_plda(rng)
        arrays["tr"] = 3 * arrays["tr"]
        embeddings, segmentations = voices(rng, 25, 1 + seed % 4), random_segmentations(rng, 25)
        for bounds in ({}, {"num_speakers": 2}, {"min_speakers": 4}, {"max_speakers": 1}):
            made = our_clustering(embeddings, segmentations, solve_plda(arrays), **bounds)
            reached.add((min(2, len(made["centroids"])), "kmeans_clusters" in made))
    assert reached == {(1, False), (2, False), (1, True), (2, True)}


@pytest.mark.parametrize("training", [0, 1])
def test_clustering_of_fewer_than_two_embeddings_is_vbx_clusterings(training, tmp_path):
    rng = np.random.default_rng(training)
    arrays = random_plda(rng)
    segmentations = np.zeros((2, FRAMES, 3), np.float32)
    segmentations[0, :117, 0] = segmentations[1, : 117 + training, 2] = 1
    embeddings = voices(rng, 2, 2)
    clustering = VBxClustering(reference_plda(arrays, tmp_path))
    hard, soft, centroids = clustering(embeddings, chunked(segmentations))
    made = our_clustering(embeddings, segmentations, solve_plda(arrays))
    assert "ahc_clusters" not in made and len(made["train_chunk_idx"]) == training
    assert np.array_equal(made["hard_clusters"], hard) and np.array_equal(made["soft_clusters"], soft)
    assert np.array_equal(made["centroids"], centroids, equal_nan=True)


@pytest.mark.parametrize("bounds", [{"num_speakers": 3}, {"min_speakers": 3}], ids=str)
def test_where_ours_refuses_a_number_of_speakers_the_reference_fails_too(bounds, tmp_path):
    rng = np.random.default_rng(0)
    arrays = random_plda(rng)
    segmentations = np.zeros((2, FRAMES, 3), np.float32)
    segmentations[:, :200, 0] = 1
    embeddings = voices(rng, 2, 2)
    clustering = VBxClustering(reference_plda(arrays, tmp_path))
    clustering.instantiate({"threshold": 0.6, "Fa": 0.07, "Fb": 0.8})
    number, low, high = set_num_speakers(**bounds)
    with pytest.raises(ValueError, match="n_samples=2 should be >= n_clusters=3"):
        clustering(embeddings, chunked(segmentations), num_clusters=number, min_clusters=low, max_clusters=high)
    with pytest.raises(InputError, match="3 speakers"):
        our_clustering(embeddings, segmentations, solve_plda(arrays), **bounds)


@pytest.mark.parametrize("low", [None, 1, 2, 5])
@pytest.mark.parametrize("high", [None, 1, 2, 5])
@pytest.mark.parametrize("number", [None, 1, 3])
def test_bounds_on_speakers_are_pyannotes_and_refused_where_it_refuses(number, low, high):
    bounds = {"num_speakers": number, "min_speakers": low, "max_speakers": high}
    try:
        _, *want = set_num_speakers(**bounds)
    except ValueError:
        with pytest.raises(InputError, match="exceeds"):
            Parameters(**bounds)
    else:
        assert list(Parameters(**bounds).speaker_bounds) == want


# --- fbank and pooling -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["noise", "quiet", "half silent", "tone", "dc"])
def test_fbank_is_the_references_within_its_own_rounding(kind, embedding_model):
    rng = np.random.default_rng(5)
    noise = rng.standard_normal(160_000)
    samples = {
        "noise": 0.1 * noise,
        "quiet": np.round(2 * noise) / 32_768,
        "half silent": 0.1 * noise * (np.arange(160_000) < 80_000),
        "tone": 0.3 * np.sin(0.3 * np.arange(160_000)) + 1e-3 * noise,
        "dc": 0.5 + 0.01 * noise,
    }[kind].astype(np.float32)
    want = embedding_model.compute_fbank(torch.from_numpy(samples)[None, None])[0].numpy()
    got = compute_fbank(samples)
    assert got.shape == want.shape == (998, 80) and got.dtype == want.dtype
    # The bounds of the issue; single quiet bins of the reference's float32 carry 4e-4 of its own.
    assert np.abs(got - want).max() < 1e-3
    assert np.sqrt(np.mean((got - want).astype(np.float64) ** 2)) < 2e-5


def test_window_and_mel_bank_are_torchs_to_the_last_bit():
    from torchaudio.compliance import kaldi

    window = torch.hamming_window(400, periodic=False, alpha=0.54, beta=0.46).numpy()
    bank, _ = kaldi.get_mel_banks(80, 512, 16000.0, 20.0, 0.0, 100.0, -500.0, 1.0)
    np.testing.assert_array_equal(hamming_window(), window)
    np.testing.assert_array_equal(mel_bank(), bank.numpy())


def test_fbank_of_nan_is_nan_where_the_references_is(embedding_model):
    samples = np.random.default_rng(5).standard_normal(160_000).astype(np.float32)
    samples[80_000] = np.nan
    want = embedding_model.compute_fbank(torch.from_numpy(samples)[None, None])[0].numpy()
    assert np.array_equal(np.isnan(compute_fbank(samples)), np.isnan(want)) and np.isnan(want).any()


def test_fbank_of_silence_is_zero_within_the_references_rounding(embedding_model):
    want = embedding_model.compute_fbank(torch.zeros(1, 1, 160_000))[0].numpy()
    assert np.abs(want).max() < 1e-4 and np.abs(compute_fbank(np.zeros(160_000, np.float32)) - want).max() < 1e-4


@settings(PROPERTY, max_examples=150)
@given(st.integers(1, 1500), st.integers(1, 1500))
def test_nearest_interpolation_is_torchs_at_every_size(source, target):
    masks = np.arange(source, dtype=np.float32)[None, None]
    want = torch.nn.functional.interpolate(torch.from_numpy(masks), size=target, mode="nearest").numpy()
    assert np.array_equal(interpolate_nearest(masks, target), want)


def test_the_head_is_stats_pool_and_the_linear_layer(embedding_model):
    rng = np.random.default_rng(6)
    features = rng.standard_normal((2, 2560, 125)).astype(np.float32)
    masks = build_masks(random_segmentations(rng, 2))
    masks[0, :2] = 0
    masks[0, 1, 65 * FRAMES // 125] = 1  # speaker 0 has no frame, speaker 1 has one
    masks[0, 1] = np.arange(FRAMES) == 300 // 125 * 125 + 90  # one frame at most
    arrays = random_wespeaker(np.random.default_rng(11))
    (got,) = OnnxNetwork(build_head(arrays), 1)(features=features, weights=interpolate_nearest(masks, 125))
    with torch.inference_mode():
        stats = StatsPool()(torch.from_numpy(features), weights=torch.from_numpy(masks))
        want = embedding_model.resnet.seg_1(stats).numpy()
    assert np.abs(want).max() > 1
    np.testing.assert_allclose(got, want, rtol=0, atol=3e-6)


# --- networks ----------------------------------------------------------------------------------------------------


def test_the_embedding_network_is_wespeakers_forward_for_each_speaker(embedding_model):
    rng = np.random.default_rng(7)
    waveforms = (0.1 * rng.standard_normal((2, 1, 16_000))).astype(np.float32)
    masks = build_masks(random_segmentations(rng, 2))
    state = {name: value.numpy() for name, value in embedding_model.state_dict().items()}
    arrays = wespeaker_names.canonical(state, "a random model")
    with torch.inference_mode():
        fbank = embedding_model.compute_fbank(torch.from_numpy(waveforms))
        frames = embedding_model.resnet.forward_frames(fbank.clone())
        want = [embedding_model.resnet(fbank, weights=torch.from_numpy(masks[:, s]))[1].numpy() for s in range(3)]
    (features,) = OnnxNetwork(build_trunk(arrays), 1)(fbank=fbank.numpy())
    flat = einops.rearrange(frames.numpy(), "batch channel mel frame -> batch (channel mel) frame")
    assert features.shape == flat.shape
    np.testing.assert_allclose(features, flat, rtol=0, atol=1e-5 * np.abs(flat).max())
    weights = interpolate_nearest(masks, features.shape[2])
    (got,) = OnnxNetwork(build_head(arrays), 1)(features=features, weights=weights)
    np.testing.assert_allclose(got, np.stack(want, axis=1), rtol=0, atol=1e-5 * np.abs(want).max())


def test_every_array_of_the_segmentation_network_has_its_canonical_name(segmentation_model):
    state = {name: value.numpy() for name, value in segmentation_model.state_dict().items()}
    arrays = pyannet.canonical(state, "a random model")
    assert set(arrays) == set(state) == set(pyannet.expected_shapes())


def test_the_segmentation_network_is_pyannets_forward(segmentation_model):
    arrays = pyannet.canonical({k: v.numpy() for k, v in segmentation_model.state_dict().items()}, "a random model")
    # Initial weights are too small to tell layers apart; larger ones let the gates open and close.
    arrays = {name: value * np.float32(2) if name.startswith("lstm") else value for name, value in arrays.items()}
    segmentation_model.load_state_dict({name: torch.from_numpy(value) for name, value in arrays.items()})
    waveforms = (0.1 * np.random.default_rng(1).standard_normal((2, 1, 32_000))).astype(np.float32)
    with torch.inference_mode():
        want = segmentation_model(torch.from_numpy(waveforms)).numpy()
    (got,) = OnnxNetwork(pyannet.build_pyannet(arrays), 1)(waveforms=waveforms)
    assert got.shape == want.shape and np.ptp(want, axis=1).max() > 1e-3
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_sinc_filters_are_asteroids(seed, segmentation_model):
    arrays = random_pyannet(np.random.default_rng(seed))
    filterbank = segmentation_model.sincnet.conv1d[0].filterbank
    prefix = "sincnet.conv1d.0.filterbank."
    own = {name.removeprefix(prefix): torch.from_numpy(v) for name, v in arrays.items() if name.startswith(prefix)}
    before = {name: value.clone() for name, value in filterbank.state_dict().items()}
    for name in ("window_", "n_"):
        np.testing.assert_allclose(own[name], before[name], rtol=1e-5, atol=1e-6)
    filterbank.load_state_dict(own)
    with torch.inference_mode():
        want = filterbank.filters().numpy()
    filterbank.load_state_dict(before)
    got = pyannet.sinc_filters(arrays)
    assert got.shape == want.shape and got.dtype == want.dtype
    # A sine or cosine may be rounded otherwise, by 1.2e-7; two of them, over n / 2 >= 2e-4 and twice a band >= 150 Hz.
    np.testing.assert_allclose(got, want, rtol=0, atol=4e-6)
