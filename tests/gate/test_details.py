"""The numbers behind the plots: timelines, energy, embedding drift by chunk, merges, ELBO."""

from __future__ import annotations

import numpy as np
import pytest

from parity.fixtures.catalogue import default_folder
from parity.fixtures.noise import read_noise
from parity.fixtures.snapshot import Snapshot, read_snapshot
from parity.fixtures.stability import read_stability
from parity.gate.details import Merges, differences, energy, find_details, timeline
from parity.replay.outcome import with_uri

TURN = "SPEAKER clip 1 {:.3f} {:.3f} <NA> <NA> {} <NA> <NA>\n"
WAVEFORM = np.zeros((1, 16000), dtype=np.float32)
# Clusters 0 and 1 merge at 0.7, and what they became merges with 2 at 0.5: an inversion, cut at 0.7 both times.
INVERTED = np.array([[0.0, 1.0, 0.7, 2.0], [2.0, 3.0, 0.5, 3.0]])


def rttm(*turns: tuple[float, float, str]) -> str:
    return "".join(TURN.format(start, end - start, speaker) for start, end, speaker in turns)


def snapshot(**values) -> Snapshot:
    return Snapshot(None, {}, values, {}, {("ahc_state.npz", "threshold"): np.array(0.6)})


def details(reference: dict, made: dict):
    return find_details(snapshot(**reference), made, "", WAVEFORM)


# reference   AAAA....BB      reference   AAAA      reference   AAAA
# ours        AAAA....BB      ours        AABB      ours        ..AAAA
#                                         ..^^                  ^^..^^
@pytest.mark.parametrize(
    ("reference", "ours", "expected"),
    [
        ([(0, 4, "A"), (8, 10, "B")], [(0, 4, "A"), (8, 10, "B")], ()),
        ([(0, 4, "A")], [(0, 2, "A"), (2, 4, "B")], ((2, 4),)),
        ([(0, 4, "A")], [(2, 6, "A")], ((0, 2), (4, 6))),
        ([(0, 4, "A")], [], ((0, 4),)),
        ([], [], ()),
        ([(0, 4, "A")], [(0, 2, "A"), (2, 4, "A")], ()),
        ([(0, 4, "A")], [(0, 3, "A"), (1, 4, "A")], ()),
        ([(0, 4, "A"), (2, 6, "B")], [(0, 4, "A"), (3, 6, "B")], ((2, 3),)),
        ([(0, 4, "A"), (4, 6, "B")], [(0, 4, "B"), (4, 6, "A")], ((0, 6),)),
    ],
)
def test_differences_are_where_other_speakers_speak(reference, ours, expected):
    assert differences(reference, ours) == expected
    assert differences(ours, reference) == expected


def test_the_same_rttm_has_no_differences_whatever_its_times_round_to():
    # 0.1 + 0.2 is not 0.3: starts and durations of RTTM add up to other floats than the ends they stand for.
    text = rttm(*((index * 0.1, index * 0.1 + 0.2, f"SPEAKER_{index % 3:02d}") for index in range(50)))
    found = timeline(text, text)
    assert found.differences == ()
    assert found.reference[1][:2] == (0.1, 0.3)
    meeting = timeline(rttm((0.1, 0.3, "A"), (0.3, 0.7, "A")), rttm((0.1, 0.7, "A")))
    assert meeting.differences == ()


def test_energy_is_rms_in_decibels_of_full_scale():
    time = np.arange(16000) / 16000
    sine = np.sin(2 * np.pi * 1000 * time).astype(np.float32)[None]
    found = energy(sine)
    assert found.step == pytest.approx(0.02)
    assert len(found.db) == 50
    assert set(found.db) == {-3.0}
    assert set(energy(0.1 * sine).db) == {-23.0}


def test_digital_silence_has_the_lowest_energy_and_no_warning():
    assert set(energy(WAVEFORM).db) == {-100.0}


@pytest.mark.parametrize("samples", [400, 16001, 160000, 16000 * 500, 16000 * 500 + 1])
def test_energy_covers_the_clip_in_at_most_five_hundred_points(samples):
    found = energy(np.ones((1, samples), dtype=np.float32))
    assert len(found.db) <= 500
    assert (len(found.db) - 1) * found.step < samples / 16000 <= len(found.db) * found.step
    assert found.db[-1] == 0.0  # the last, shorter one is averaged over what it has


def test_embeddings_are_mapped_by_chunk_and_speaker_and_the_silent_are_left_out():
    embeddings = np.zeros((2, 3, 4), dtype=np.float32)
    segmentations = np.ones((2, 5, 3), dtype=np.float32)
    segmentations[0, :, 1] = 0
    ours = embeddings.copy()
    ours[0, 0, 2], ours[0, 1], ours[1, 2, 3], ours[1, 0, 0] = -0.5, 9.0, 0.123456, np.nan
    found = details({"embeddings": embeddings, "segmentations": segmentations}, {"embeddings": ours})
    assert found.embedding_map.drift == ((0.5, None, 0.0), (None, 0.0, 0.1235))


@pytest.mark.parametrize("ours", [None, np.zeros((1, 3, 4), dtype=np.float32)])
def test_embeddings_that_cannot_be_compared_have_no_map(ours):
    reference = {"embeddings": np.zeros((2, 3, 4), dtype=np.float32), "segmentations": np.ones((2, 5, 3))}
    assert details(reference, {"embeddings": ours}).embedding_map is None


def test_a_merge_stands_at_the_highest_inside_its_subtree():
    found = details({"dendrogram": INVERTED}, {"dendrogram": INVERTED})
    assert found.merges == Merges((0.7, 0.7), (0.7, 0.7), 0.6)


def test_what_one_side_lacks_is_none():
    assert details({"dendrogram": INVERTED}, {}).merges == Merges(None, (0.7, 0.7), 0.6)
    assert details({}, {"elbo_trajectory": np.array([-2.0, -1.0])}).elbo.reference is None
    assert details({}, {}).merges is None
    assert details({}, {}).elbo is None


def test_a_dendrogram_that_is_none_does_not_stop_the_report():
    nonsense = np.array([[0.0, 7.0, 0.7, 2.0], [2.0, 3.0, 0.5, 3.0]])
    assert details({"dendrogram": INVERTED}, {"dendrogram": nonsense}).merges.heights is None


def test_the_reference_against_itself_shows_no_drift_anywhere():
    reference = read_snapshot(default_folder() / "14_partial_tail")
    found = find_details(reference, reference.values, with_uri(reference.values["diarization"], "x"), WAVEFORM)
    assert found.timeline.reference and found.timeline.differences == ()
    assert {value for row in found.embedding_map.drift for value in row} == {0.0, None}
    assert found.merges.heights == found.merges.reference_heights
    assert found.merges.cut == 0.6
    assert found.elbo.reference == found.elbo.hypothesis
    assert {margin.stage for margin in found.margins} >= {"segmentation", "ahc", "reconstruction"}


def test_what_was_measured_beside_the_snapshot_is_shown():
    folder = default_folder() / "12_many_voices"
    beside = {"stability": read_stability(folder), "noise": read_noise(default_folder() / "02_pyannote_sample")}
    found = find_details(read_snapshot(folder), {}, "", WAVEFORM, **beside)
    assert found.stability["embeddings"]["first_change"] == 1e-4
    assert found.noise["embeddings"].max_abs > 1e-5
    bare = find_details(read_snapshot(folder), {}, "", WAVEFORM)
    assert bare.stability is None and bare.noise is None
