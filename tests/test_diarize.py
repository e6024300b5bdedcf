"""`Diarizer`: no work that cannot change the answer, and the reference's RTTM line for line."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from support.kept_diarizer import kept_diarizer

from parity.audio.reading import load_clip
from parity.community1 import Parameters, community1_pipeline
from parity.community1.networks import build_networks
from parity.diarize import Diarizer
from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, Fixture, default_folder
from parity.fixtures.snapshot import Snapshot, read_snapshot
from parity.networks.runtime import MOST_THREADS, one_blas_thread
from parity.networks.wespeaker.choice import CANDIDATES, at_hand
from parity.networks.wespeaker.runtime import AUTO
from parity.replay.outcome import URI, with_uri
from parity.sources.weights import load_weights

pytestmark = pytest.mark.models

FIXTURES = Catalogue.read(default_folder()).fixtures
SHORT = [fixture for fixture in FIXTURES if fixture.name in ("02_pyannote_sample", "08_known_count", "13_no_speech")]
LABELS = ("hard_clusters", "count", "ahc_clusters", "segmentations")


def named(fixture: Fixture) -> str:
    return fixture.name


@pytest.fixture(scope="module")
def diarizer() -> Diarizer:
    return kept_diarizer()


def assert_the_references(diarizer: Diarizer, fixture: Fixture) -> Snapshot:
    found = diarizer(fixture.clip(), **fixture.speakers)
    snapshot = read_snapshot(fixture.snapshot_folder)
    assert found.rttm(URI) == with_uri(snapshot.values["diarization"], URI)
    assert found.rttm(URI, exclusive=True) == with_uri(snapshot.values["exclusive_diarization"], URI)
    return snapshot


@pytest.mark.parametrize("fixture", FIXTURES, ids=named)
def test_the_rttm_is_the_references_line_for_line_on_all_fourteen(diarizer, fixture):
    assert_the_references(diarizer, fixture)


@pytest.mark.parametrize("runtime", [name for name in CANDIDATES if at_hand(name)])
@pytest.mark.parametrize("threads", [1, 3])
def test_on_every_runtime_that_may_be_chosen_with_any_number_of_threads(runtime, threads):
    (shortest,) = (fixture for fixture in FIXTURES if fixture.name == "14_partial_tail")
    assert_the_references(Diarizer(runtime=runtime, threads=threads), shortest)


@pytest.mark.parametrize("fixture", SHORT, ids=named)
def test_everything_but_rounding_is_as_if_all_the_work_were_done(diarizer, fixture):
    weights, (samples, sample_rate) = load_weights(), load_clip(fixture.clip())
    networks = build_networks(weights.segmentation, weights.embedding, weights.plda, runtime=diarizer.runtime)
    pipeline = community1_pipeline(networks, Parameters(**weights.parameters, **fixture.speakers))
    with one_blas_thread():
        everything = pipeline.run({"samples": samples, "sample_rate": sample_rate})
    wanted = (*LABELS, "embeddings")
    spared = diarizer(samples, sample_rate=sample_rate, artefacts=wanted, **fixture.speakers)
    for name in LABELS:
        assert np.array_equal(spared.artefacts[name], everything.get(name)), name
    if everything.get("embeddings") is None:
        assert spared.artefacts["embeddings"] is None
    else:
        drift = np.abs(spared.artefacts["embeddings"] - everything["embeddings"]).max()
        assert drift < 1e-5


def test_seconds_are_of_every_stage_that_was_reached_and_the_runtime_is_never_auto(diarizer):
    found = diarizer(SHORT[0].clip())
    assert set(found.seconds) >= {"segmentation", "embeddings", "ahc", "vbx", "reconstruction", "annotation"}
    assert all(seconds >= 0 for seconds in found.seconds.values()) and found.seconds["embeddings"] > 0
    assert diarizer.runtime != AUTO and diarizer.runtime in CANDIDATES


def test_log_probabilities_are_kept_where_somebody_asks_for_them(diarizer):
    kept = diarizer(SHORT[0].clip(), artefacts=["segmentation_logits", "segmentations"]).artefacts
    assert kept["segmentation_logits"].shape == (*kept["segmentations"].shape[:2], 7)
    with pytest.raises(InputError, match="unknown artefact logits; known: "):
        diarizer(SHORT[0].clip(), artefacts=["logits"])


def test_one_call_does_not_change_the_next(diarizer):
    samples, sample_rate = load_clip(SHORT[0].clip())
    before = diarizer(samples, sample_rate=sample_rate).rttm(URI)
    diarizer(np.zeros_like(samples))
    diarizer(samples, sample_rate=sample_rate, num_speakers=4)
    assert diarizer(samples, sample_rate=sample_rate).rttm(URI) == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(-1,), (1, -1)])
def test_samples_may_have_one_dimension_or_one_channel_and_either_precision(diarizer, dtype, shape):
    clip = SHORT[-1].clip()
    samples, sample_rate = load_clip(clip)
    given = samples[0].reshape(shape).astype(dtype)
    assert diarizer(given, sample_rate=sample_rate).rttm(URI) == diarizer(samples, sample_rate=sample_rate).rttm(URI)


def test_a_file_of_44_khz_stereo_is_its_samples_at_their_rate(diarizer):
    (fixture,) = (fixture for fixture in FIXTURES if fixture.name == "10_summed_overlap")
    samples, sample_rate = load_clip(fixture.clip())
    assert (sample_rate, len(samples)) == (44_100, 2)
    assert diarizer(fixture.clip()).rttm(URI) == diarizer(samples, sample_rate=sample_rate).rttm(URI) != ""


@pytest.mark.parametrize(
    "waveform",
    [np.zeros((1, 1, 16000), np.float32), np.zeros((1, 1, 16000)), np.zeros(16000, np.int16), np.zeros(16000, ">f4")],
)
def test_other_samples_are_refused_with_their_shape_and_dtype(diarizer, waveform):
    with pytest.raises(InputError) as refused:
        diarizer(waveform)
    assert str(refused.value).startswith(f"waveform is {waveform.dtype} {waveform.shape}, expected float32 or float64")


def test_turns_as_pyannotes_annotation_are_the_reference_annotation(diarizer):
    found = diarizer(SHORT[0].clip())
    for exclusive in (False, True):
        annotation = found.to_annotation("clip", exclusive=exclusive)
        assert annotation.uri == "clip" and annotation.to_rttm() == found.rttm("clip", exclusive=exclusive)
        turns = found.exclusive_turns if exclusive else found.turns
        tracks = [(s.start, s.end, track, label) for s, track, label in annotation.itertracks(yield_label=True)]
        assert tracks == [(turn.start, turn.end, turn.track, turn.speaker) for turn in turns]


def test_too_many_threads_are_refused_before_anything_is_built():
    with pytest.raises(InputError, match=f"{MOST_THREADS + 1} threads; the limit is {MOST_THREADS}"):
        Diarizer(threads=MOST_THREADS + 1)


# part of a recording


def test_a_part_is_diarized_as_if_there_were_no_more_of_it_in_the_whole_files_seconds(diarizer):
    (fixture,) = [fixture for fixture in FIXTURES if fixture.name == "14_partial_tail"]
    samples, rate = load_clip(fixture.clip())
    alone = diarizer(samples[:, 8 * rate : 18 * rate], sample_rate=rate)
    part = diarizer(fixture.clip(), start=8.0, end=18.0)
    assert [(t.start, t.end, t.speaker) for t in part.turns] == [
        (t.start + 8, t.end + 8, t.speaker) for t in alone.turns
    ]
    assert part.turns and len(part.exclusive_turns) == len(alone.exclusive_turns)
    assert (part.start_seconds, part.audio_seconds, part.end_seconds) == (8.0, 10.0, max(18.0, part.turns[-1].end))


def test_one_channel_of_two_and_a_warning_of_those_that_cancel(diarizer, tmp_path):
    (fixture,) = [fixture for fixture in FIXTURES if fixture.name == "14_partial_tail"]
    samples, rate = load_clip(fixture.clip())
    first = samples[:1]
    soundfile.write(tmp_path / "call.wav", np.concatenate([first, -first]).T, rate, subtype="FLOAT")
    both, one = diarizer(tmp_path / "call.wav"), diarizer(tmp_path / "call.wav", channel=0)
    assert both.turns == [] and [remark.kind for remark in both.remarks][:1] == ["cancelled"]
    assert one.turns and one.rttm(URI) == diarizer(first, sample_rate=rate).rttm(URI)
    assert "cancelled" not in [remark.kind for remark in one.remarks]
    with (tmp_path / "call.wav").open("rb") as stream:
        assert diarizer(stream, channel=0).rttm(URI) == one.rttm(URI)
