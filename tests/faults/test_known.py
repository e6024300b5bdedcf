"""The planted faults: each is in the stage that it names, leaves the others alone, and does what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import ROOT
from support.random_arrays import random_plda, random_pyannet, random_segmentations, random_wespeaker

from parity.community1 import Networks, Parameters, community1_pipeline, geometry
from parity.community1.aggregation import overlap_add
from parity.community1.ahc import cut
from parity.community1.annotation import to_rttm
from parity.community1.audio import hear
from parity.community1.fbank import compute_fbank, fbank_series
from parity.community1.filtering import filter_embeddings
from parity.community1.networks import build_networks
from parity.community1.plda import solve_plda
from parity.errors import InputError
from parity.explain.memo import Memo
from parity.faults.fault import BUILT_IN, Fault, Workshop, load_faults
from parity.faults.known import FAULTS, lstm, pooling, powerset, resnet, rounded_weights, sincnet
from parity.faults.known.assignment import best_pairs_first
from parity.faults.known.clustering import by_own_heights, in_order_of_appearance
from parity.faults.known.diarization import favouring, longer_step
from parity.faults.known.embedding import filter_by, interpolate_at_middles, interpolate_linear, pooling_head
from parity.faults.known.filterbank import (
    FIXED_POINT_STEPS,
    LARGEST_DEVIATION,
    Filterbank,
    kaldi_mel,
    slaney_mel,
    triangles,
)
from parity.faults.known.framing import one_sample_off, overlap_add_at, rounded_down
from parity.faults.known.segmentation import with_hysteresis
from parity.fixtures.snapshot import Snapshot, read_snapshot
from parity.measure.drift import compare
from parity.measure.tolerances import tolerance
from parity.networks.runtime import OnnxNetwork, one_blas_thread
from parity.networks.wespeaker.graph import build_head
from parity.pipeline.stage import ChunkSeries, Pipeline
from parity.ports.python import Implementation
from parity.replay.engine import reference_artefacts, run_isolated
from parity.sources.weights import WeightSet

FIXTURES = ROOT / "fixtures"
BY_NAME = {fault.name: fault for fault in FAULTS}
NEED_NETWORKS = ("audio", "segmentation", "fbank", "embeddings")
ON_SNAPSHOTS = [fault for fault in FAULTS if fault.stage not in NEED_NETWORKS]
SNAPSHOTS = ("02_pyannote_sample", "04_three_voices", "08_known_count", "10_summed_overlap", "12_many_voices")

# What none of the snapshots above shows; tests here and in test_conventions show what each would change.
UNSEEN = {
    "filter_strict",
    "plda_signs_flipped",  # compared up to sign, for nothing after it sees one
    "ahc_cut_below",
    "ahc_cut_at_own_heights",
    "kmeans_ten_starts",
    "kmeans_forced_by_ahc",
    "kmeans_forced_by_winners",
    "centroids_survival",
    "ties_to_the_first",
    "speakers_in_order_of_number",
    "speakers_by_column",
}


IN_TEST_NETWORKS = [*lstm.FAULTS, *sincnet.FAULTS, *powerset.FAULTS, *pooling.FAULTS, *resnet.FAULTS]


def of_stage(*stages: str) -> list:
    here = [fault for fault in FAULTS if fault.stage in stages and fault not in IN_TEST_NETWORKS]
    return [pytest.param(fault, id=fault.name) for fault in here]


def unused(**inputs: np.ndarray) -> tuple[np.ndarray, ...]:
    raise AssertionError("a network ran")


@pytest.fixture(scope="module", autouse=True)
def _as_the_lab_runs():
    with one_blas_thread():
        yield


@pytest.fixture(scope="module")
def weights() -> WeightSet:
    rng = np.random.default_rng(6)
    segmentation, embedding, plda = random_pyannet(rng, 1, 4), random_wespeaker(rng), random_plda(rng, 256, 128)
    return WeightSet("random", Path(), segmentation, embedding, plda, {}, {}, "random")


@pytest.fixture(scope="module")
def snapshots() -> dict[str, Snapshot]:
    return {name: read_snapshot(FIXTURES / name) for name in (*SNAPSHOTS, "14_partial_tail")}


def workshop_of(weights: WeightSet, networks: Networks | None = None, **parameters: int) -> Workshop:
    networks = networks or Networks(unused, unused, unused, solve_plda(weights.plda))
    return Workshop(weights, networks, Parameters(**parameters), threads=1)


def native_of(workshop: Workshop) -> Pipeline:
    return community1_pipeline(workshop.networks, workshop.parameters)


def planted(fault: Fault, workshop: Workshop) -> Pipeline:
    """The pipeline with the fault in it, what its stage returns checked as other people's is."""
    return Implementation(fault.name, lambda native: fault.plant(native, workshop))(native_of(workshop))


def speakers_of(snapshot: Snapshot) -> dict[str, int]:
    return {"num_speakers": 4} if snapshot.folder.name == "08_known_count" else {}


# --- the list ----------------------------------------------------------------------------------------------------


def test_the_faults_load_by_the_protocol_have_different_names_and_are_enough():
    assert load_faults(BUILT_IN) == FAULTS
    assert len(FAULTS) >= 160 and len(BY_NAME) == len(FAULTS)


def test_faults_stand_in_the_pipelines_order_and_every_stage_has_one(weights):
    order = [stage.name for stage in native_of(workshop_of(weights))]
    places = [order.index(fault.stage) for fault in FAULTS]
    assert places == sorted(places) and set(places) == set(range(len(order)))


@pytest.mark.parametrize("fault", of_stage("fbank"))
def test_what_changes_the_filterbank_says_that_the_trunk_runs_again(fault):
    assert fault.reruns_trunk


def test_what_a_fault_is_about_fits_one_line():
    for fault in FAULTS:
        assert 10 < len(fault.about) < 120 and "\n" not in fault.about, fault.name


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_replaces_its_own_stage_and_no_other(fault, weights):
    workshop = workshop_of(weights)
    native = native_of(workshop)
    changed = [mine.name for mine, theirs in zip(fault.plant(native, workshop), native, strict=True) if mine != theirs]
    assert changed == [fault.stage]


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ("FAULTS = []", "is not a list of parity.faults.fault.Fault"),
        ("FAULTS = ['dither']", "is not a list of parity.faults.fault.Fault"),
        ("", "has no attribute 'FAULTS'"),
        (
            "from parity.faults.known import FAULTS as F; FAULTS = [F[0], F[0]]",
            f"{FAULTS[0].name} more than once",
        ),
    ],
)
def test_a_module_that_holds_no_list_of_faults_is_refused_in_one_line(contents, words, tmp_path, monkeypatch):
    name = f"faults_{abs(hash(contents))}"
    (tmp_path / f"{name}.py").write_text(contents)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError) as caught:
        load_faults(name)
    assert words in str(caught.value) and "\n" not in str(caught.value)


# --- on the reference's values -----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ON_SNAPSHOTS, ids=lambda fault: fault.name)
def test_the_rest_of_the_pipeline_runs_on_what_a_faulty_stage_writes(fault, snapshots, weights):
    # KMeans runs on 08 alone; who gives the only speaker no cluster leaves the reference nothing to reconstruct.
    name = {"kmeans": "08_known_count", "assignment": "02_pyannote_sample"}.get(fault.stage, "14_partial_tail")
    values = snapshots[name].values
    given = ["segmentation_logits", "segmentations", "embeddings"] + ["soft_clusters"] * (fault.stage == "assignment")
    given += [
        artefact for artefact, stage in (("count", "speaker_counting"), ("masks", "masks")) if fault.stage != stage
    ]
    patches = {artefact: values[artefact] for artefact in given} | {"fbank": None}
    pipeline = planted(fault, workshop_of(weights, **speakers_of(snapshots[name])))
    made = pipeline.run(dict.fromkeys(pipeline.inputs), patches={"waveform": None, "chunk_waveforms": None, **patches})
    assert to_rttm(made["diarization"], "clip")


def sealed(values):
    """The same arrays, not to be written to: what is given and what native stages make is remembered elsewhere."""
    for value in values if isinstance(values, tuple) else [values]:
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return values


def sealing(pipeline: Pipeline, name: str) -> Pipeline:
    run = pipeline[name].run
    return pipeline.replacing(name, lambda *inputs: sealed(run(*inputs)))


def moved(fault: Fault, snapshot: Snapshot, weights: WeightSet) -> list[str]:
    """What a faulty stage writes beyond tolerance of what the native one does, on the reference's inputs."""
    workshop = workshop_of(weights, **speakers_of(snapshot))
    native, reference = sealing(native_of(workshop), fault.stage), reference_artefacts(snapshot, {})
    pipeline = Implementation(fault.name, lambda native: fault.plant(native, workshop))(native)
    sealed(tuple(reference.values()))
    got, missing = run_isolated(pipeline[fault.stage], pipeline, reference, {}, {})
    want, _ = run_isolated(native[fault.stage], native, reference, {}, {})
    assert not missing and set(got) == set(want)
    if fault.stage == "annotation":
        got, want = ({name: to_rttm(turns, "clip") for name, turns in made.items()} for made in (got, want))
    return [name for name in got if not compare(name, got[name], want[name], mode="isolated").within]


@pytest.mark.parametrize("fault", ON_SNAPSHOTS, ids=lambda fault: fault.name)
def test_a_fault_moves_its_stage_on_some_snapshot_unless_it_is_known_to_be_unseen(fault, snapshots, weights):
    shown = any(moved(fault, snapshots[name], weights) for name in SNAPSHOTS)
    assert shown == (fault.name not in UNSEEN)


def test_a_cut_below_leaves_out_the_merge_at_the_threshold(weights, snapshots):
    values = snapshots["02_pyannote_sample"].values
    training = [values[name] for name in ("embeddings", "train_chunk_idx", "train_speaker_idx")]
    height = float(values["dendrogram"][:, 2].max())
    workshop = Workshop(weights, workshop_of(weights).networks, Parameters(threshold=height))
    stages = [native_of(workshop)["ahc"], planted(BY_NAME["ahc_cut_below"], workshop)["ahc"]]
    assert [len(np.unique(stage.run(*training)[1])) for stage in stages] == [1, 2]


def test_own_heights_keep_a_cluster_that_an_inversion_hides():
    inverted = np.array([[0.0, 1.0, 0.7, 2.0], [2.0, 3.0, 0.5, 3.0]])
    assert len(np.unique(cut(inverted, 0.6))) == 3
    assert by_own_heights(inverted, 0.6).tolist() == [0, 0, 0]


def test_a_strict_filter_drops_an_embedding_at_exactly_the_share():
    segmentations = np.zeros((1, 10, 3), np.float32)
    segmentations[0, :2, 1] = segmentations[0, 5:8, 2] = 1
    embeddings = np.zeros((1, 3, 256), np.float32)
    assert filter_embeddings(embeddings, segmentations)[1].tolist() == [1, 2]
    assert filter_by(embeddings, segmentations)[1].tolist() == [1, 2]
    assert filter_by(embeddings, segmentations, enough=np.greater)[1].tolist() == [2]


def test_a_higher_survival_loses_a_rare_speaker(weights):
    workshop = workshop_of(weights)
    embeddings = np.random.default_rng(0).standard_normal((2, 3, 256)).astype(np.float32)
    index, q, sp = np.array([0, 1]), np.full((2, 2), 0.5), np.array([1 - 1e-4, 1e-4])
    stages = [native_of(workshop)["centroids"], planted(BY_NAME["centroids_survival"], workshop)["centroids"]]
    assert [len(stage.run(embeddings, index, index, q, sp, None)) for stage in stages] == [2, 1]


def test_ties_go_to_the_cluster_that_is_favoured_and_nothing_else_moves():
    segmentations = np.zeros((1, 589, 3), np.float32)
    segmentations[0, :, :2] = 1
    segmentations[0, :100, 1] = 0
    clusters = np.array([[0, 1, -2]], np.int8)
    first, last = (favouring(direction, segmentations, clusters).argmax(axis=1) for direction in (-1.0, 1.0))
    assert not first[:589].any()
    assert not last[:100].any() and last[100:589].all()


def test_a_stored_plda_is_the_solved_one_up_to_sign_where_its_variances_fall(weights, snapshots):
    fault, snapshot = BY_NAME["plda_as_stored"], snapshots["02_pyannote_sample"]
    order = np.argsort(-weights.plda["psi"])
    falling = {**weights.plda, "tr": weights.plda["tr"][order], "psi": weights.plda["psi"][order]}
    stored = WeightSet("falling", Path(), {}, {}, falling, {}, {}, "falling")
    assert moved(fault, snapshot, weights) == ["post_plda", "phi"]
    assert moved(fault, snapshot, stored) == []


# --- segmentation and framing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", of_stage("segmentation"))
def test_a_segmentation_fault_writes_other_segmentations(fault, weights):
    networks = build_networks(weights.segmentation, weights.embedding, weights.plda, threads=1)
    workshop = workshop_of(weights, networks)
    waveform = np.random.default_rng(1).standard_normal((1, 176_000)).astype(np.float32)
    if "weights" not in fault.name:  # a random network has one favourite class
        logits = np.log(np.random.default_rng(2).dirichlet(np.ones(7), (2, 589))).astype(np.float32)
        workshop = workshop_of(weights, Networks(lambda waveforms: (logits,), unused, unused, networks.plda))
    made = planted(fault, workshop)["segmentation"].run(waveform)
    want = native_of(workshop)["segmentation"].run(waveform)
    names = ("segmentation_logits", "segmentations")
    drifts = [compare(n, g, w, mode="isolated") for n, g, w in zip(names, made, want, strict=True)]
    assert not all(drift.within for drift in drifts)


def test_hysteresis_holds_between_its_thresholds_what_it_was():
    probability = np.array([0.5, 0.7, 0.5, 0.45, 0.3, 0.5, 0.59, 0.61])
    logits = np.full((1, 8, 7), -100.0)
    logits[0, :, 1], logits[0, :, 0] = np.log(probability), np.log(1 - probability)
    assert with_hysteresis(logits)[0, :, 0].tolist() == [0, 1, 1, 1, 0, 0, 0, 1]


def test_overlap_add_at_the_native_starts_is_the_native_one():
    scores = np.random.default_rng(3).standard_normal((13, 589, 2))
    scores[4, :, 1] = np.nan
    starts = np.array([geometry.first_frame(chunk) for chunk in range(13)])
    for got, want in zip(overlap_add_at(scores, starts), overlap_add(scores), strict=True):
        assert np.array_equal(got, want)


def test_wrong_starts_stay_inside_the_output_and_differ_from_the_native_ones():
    native = np.array([geometry.first_frame(chunk) for chunk in range(500)])
    for starts in (one_sample_off(500), rounded_down(500)):
        assert (starts <= native).all() and (starts < native).any() and starts[0] == 0
    assert (native - rounded_down(500)).max() == 1


# --- filterbank --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def waveform() -> np.ndarray:
    """Two chunks: a tone in noise, then a second of digital silence."""
    rng = np.random.default_rng(4)
    samples = 0.05 * rng.standard_normal(176_000) + 0.3 * np.sin(np.arange(176_000) * 0.1)
    samples[100_000:116_000] = 0
    return samples.astype(np.float32)[None]


def chunks_of(waveform: np.ndarray) -> ChunkSeries:
    return hear(waveform, 16_000)[1]


def test_the_filterbank_that_the_faults_configure_is_the_native_one_by_default(waveform):
    samples = geometry.chunk(waveform, 0)[0]
    assert np.array_equal(Filterbank()(samples), compute_fbank(samples))


OTHER_SHAPES = {
    "fbank_padded_edges": (1000, 80),
    "fbank_librosa": (1001, 80),
    "fbank_centred_stft": (1001, 80),
    "fbank_window_of_512": (997, 80),
    "fbank_shift_of_161": (992, 80),
    "fbank_8_khz": (1998, 80),
    "fbank_72_bins": (998, 72),
}


@pytest.mark.parametrize("fault", of_stage("fbank"))
def test_a_filterbank_fault_leaves_tolerance_and_repeats(fault, waveform, weights):
    run, heard = planted(fault, workshop_of(weights))["fbank"].run, chunks_of(waveform)
    got, want = run(heard).take([0, 1]), fbank_series(heard).take([0, 1])
    assert got.dtype == np.float32 and np.array_equal(got, run(heard).take([0, 1]))
    if fault.name in OTHER_SHAPES:
        assert got.shape == (2, *OTHER_SHAPES[fault.name])
        return
    if fault.name == "fbank_scaled_where_quiet":
        assert np.array_equal(got, want)
        loud = chunks_of(2 * waveform / np.abs(waveform).max())
        got, want = run(loud).take([0, 1]), fbank_series(loud).take([0, 1])
    drift, rms = np.abs(got - want), np.sqrt(np.mean((got - want) ** 2))
    limit = tolerance("fbank", "isolated")
    if fault.name == "fbank_2e-4":  # the point of this one: small where it is largest, smaller elsewhere
        assert 0 < drift.max() <= LARGEST_DEVIATION * 1.01 and rms < limit.rms
        return
    assert drift.max() > limit.max_abs or rms > limit.rms


def test_fixed_point_features_are_off_by_at_most_half_a_step(waveform, weights):
    got = planted(BY_NAME["fbank_fixed_point"], workshop_of(weights))["fbank"].run(chunks_of(waveform)).take([0])
    assert np.array_equal(got * FIXED_POINT_STEPS, np.rint(got * FIXED_POINT_STEPS))
    assert np.abs(got - fbank_series(chunks_of(waveform)).take([0])).max() <= 0.5 / FIXED_POINT_STEPS


def test_dither_is_another_in_every_chunk(weights):
    silence = np.zeros((1, 176_000), np.float32)
    one, two = planted(BY_NAME["fbank_dither"], workshop_of(weights))["fbank"].run(chunks_of(silence)).take([0, 1])
    assert np.abs(one - two).max() > 0.1


def test_triangles_on_kaldis_scale_are_the_native_filters_to_float32():
    from parity.community1.fbank import mel_bank

    np.testing.assert_allclose(triangles(), mel_bank(), rtol=0, atol=1e-4)
    assert np.abs(triangles(slaney_mel) - mel_bank()).max() > 0.5


def test_mel_scales_pass_through_their_published_points():
    assert slaney_mel(np.array([0.0, 500.0, 1000.0, 6400.0])).tolist() == [0.0, 7.5, 15.0, 42.0]
    assert kaldi_mel(np.array([1000.0]))[0] == pytest.approx(1000.0, abs=0.1)


# --- embeddings --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def networks(weights) -> Networks:
    return Memo().networks(build_networks(weights.segmentation, weights.embedding, weights.plda, threads=1))


@pytest.fixture(scope="module")
def pooled() -> tuple[ChunkSeries, np.ndarray]:
    """A random chunk, its masks: two speakers who take turns, and nobody."""
    rng = np.random.default_rng(5)
    fbank = rng.standard_normal((1, 998, 80)).astype(np.float32)
    masks = random_segmentations(rng, 1).transpose(0, 2, 1).copy()
    masks[0, 2] = 0
    assert masks[0, :2].any(axis=1).all()
    return ChunkSeries.recorded(np.array([0]), fbank), masks


@pytest.mark.parametrize("fault", of_stage("embeddings"))
def test_an_embeddings_fault_leaves_tolerance(fault, weights, networks, pooled):
    workshop = workshop_of(weights, networks)
    got = planted(fault, workshop)["embeddings"].run(*pooled)
    want = native_of(workshop)["embeddings"].run(*pooled)
    assert got.dtype == np.float32
    assert not compare("embeddings", got, want, mode="isolated").within


def test_pooling_without_eps_is_wrong_only_where_a_speaker_has_no_frames(weights, networks, pooled):
    workshop = workshop_of(weights, networks)
    got = planted(BY_NAME["pooling_without_eps"], workshop)["embeddings"].run(*pooled)
    want = native_of(workshop)["embeddings"].run(*pooled)
    assert np.isnan(got).all(axis=2).tolist() == [[False, False, True]]
    np.testing.assert_allclose(got[0, :2], want[0, :2], rtol=0, atol=1e-5)


def test_the_head_that_the_faults_change_is_the_native_one_by_default(weights):
    rng = np.random.default_rng(2)
    features = rng.standard_normal((2, 2560, 20)).astype(np.float32)
    masks = rng.integers(0, 2, (2, 3, 20)).astype(np.float32)
    masks[0, 0] = 0
    got = pooling_head(weights.embedding)(features=features, weights=masks)[0]
    want = OnnxNetwork(build_head(weights.embedding), 1)(features=features, weights=masks)[0]
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5)


def test_masks_between_frames_are_linear_or_those_of_the_middle():
    ramp = np.arange(589, dtype=np.float32)[None]
    middles = (np.arange(125) + 0.5) * 589 / 125
    np.testing.assert_allclose(interpolate_linear(ramp)[0], middles - 0.5, rtol=0, atol=1e-3)
    assert interpolate_at_middles(ramp)[0].tolist() == np.floor(middles).tolist()


# --- rounded weights ---------------------------------------------------------------------------------------------


def test_bfloat16_keeps_eight_bits_and_rounds_halves_to_even():
    values = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-9, -1 - 2**-8 - 2**-15], np.float32)
    assert rounded_weights.bfloat16(values).tolist() == [1.0, 1.0, 1 + 2**-6, 1.0, -1 - 2**-7]


def test_int8_has_255_levels_around_zero_and_leaves_vectors_alone():
    array = np.random.default_rng(0).standard_normal((40, 50)).astype(np.float32)
    rounded = rounded_weights.int8(array)
    step = np.abs(array).max() / 127
    assert len(np.unique(rounded)) <= 255 and 0 < np.abs(rounded - array).max() <= step * 0.5001
    assert np.array_equal(rounded_weights.int8(array[0]), array[0])


def test_networks_of_rounded_weights_are_built_once_for_all_fixtures(weights):
    one, two = (rounded_weights.rounded_embedding(workshop_of(weights), rounded_weights.float16) for _ in range(2))
    assert one["trunk"] is two["trunk"] and one["head"] is two["head"]
    assert one["trunk"] is not rounded_weights.rounded_embedding(workshop_of(weights), rounded_weights.int8)["trunk"]


# --- decisions ---------------------------------------------------------------------------------------------------


def test_greedy_takes_the_best_pair_where_the_best_total_is_elsewhere():
    assert best_pairs_first(np.array([[0.9, 0.8], [0.85, 0.1]])).tolist() == [0, 1]
    assert best_pairs_first(np.array([[0.1], [0.5], [0.3]])).tolist() == [-2, 0, -2]


def test_labels_by_appearance_are_the_same_partition():
    assert in_order_of_appearance(np.array([2, 2, 0, 1, 0])).tolist() == [0, 0, 1, 2, 1]


def test_a_longer_frame_step_moves_a_frames_middle_by_a_sample_a_frame():
    middles = geometry.frame_middles(1001)
    assert longer_step(middles[0]) == pytest.approx(middles[0], abs=1e-12)
    assert longer_step(middles[1000]) - middles[1000] == pytest.approx(1000 / 16_000, abs=1e-9)
