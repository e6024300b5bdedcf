"""Seeded perturbations: on a pipeline whose answer changes at a known size; and the file they are kept in."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from parity.community1.annotation import Turn
from parity.errors import InputError
from parity.fixtures.beside import snapshot_sha256
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.snapshot import STABILITY, Snapshot, read_snapshot, write_snapshot
from parity.fixtures.stability import Perturbed, Stability, read_stability, write_stability
from parity.margins.perturb import LONGEST_FBANK, SIZES, perturb_embeddings, perturb_fbank
from parity.margins.precision import BITS
from parity.pipeline.stage import Pipeline, Stage
from parity.report.stability import stability_table

FIXTURE = "13_no_speech"
CHUNKS = 3
TURN = Turn(0.0, 1.0, "A", "SPEAKER_00")
WAVEFORM = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 12 * 16_000)).astype(np.float32)
CLIP = {"samples": WAVEFORM, "sample_rate": 16_000}


def snapshot(**changes) -> Snapshot:
    """Three chunks in which speakers 0 and 1 speak and 2 does not."""
    segmentations = np.zeros((CHUNKS, 589, 3), dtype=np.float32)
    segmentations[:, :200, :2] = 1
    values = {
        "segmentations": segmentations,
        "count": np.ones((5, 1), dtype=np.uint8),
        "masks": segmentations.transpose(0, 2, 1),
        "embeddings": np.random.default_rng(1).standard_normal((CHUNKS, 3, 256)).astype(np.float32),
        **changes,
    }
    held = {name: value for name, value in values.items() if value is not None}
    return Snapshot(Path("made"), {}, held, {}, {})


def pipeline(changes, network=lambda fbank, masks: fbank.take(fbank.chunks)) -> Pipeline:
    """A graph whose answer is (no turns, one turn) where `changes` of the embeddings says so, by text."""

    def annotate(embeddings: np.ndarray) -> tuple[list[Turn], list[Turn]]:
        plain, exclusive = map(bool, changes(embeddings))
        return [TURN] * plain, [TURN] * exclusive

    def refuse(*inputs: np.ndarray) -> None:
        raise AssertionError("what is the reference's own was computed")

    return Pipeline(
        "made",
        ("samples", "sample_rate"),
        [
            Stage("audio", ("samples", "sample_rate"), ("waveform", "chunk_waveforms"), refuse),
            Stage("segmentation", ("waveform",), ("segmentation_logits", "segmentations"), refuse),
            Stage("speaker_counting", ("segmentations",), ("count",), refuse),
            Stage("masks", ("segmentations",), ("masks",), refuse),
            Stage("fbank", ("chunk_waveforms",), ("fbank",), refuse),
            Stage("embeddings", ("fbank", "masks"), ("embeddings",), network),
            Stage("annotation", ("embeddings",), ("diarization", "exclusive_diarization"), annotate),
        ],
    )


def moved_by(threshold: float, speakers=slice(None)):
    """Whether the plain answer changes: where any embedding of some speakers is further than that from its own."""
    own = snapshot().values["embeddings"]
    return lambda embeddings: (np.abs(embeddings - own)[:, speakers].max() > threshold, False)


# embeddings


def test_the_first_change_is_the_smallest_size_beyond_the_threshold():
    found = perturb_embeddings(pipeline(moved_by(5e-4)), snapshot(), draws=4)
    assert (found.draws, found.sizes, found.why) == (4, SIZES, None)
    assert found.changed == (0, 0, 0, 0, 1, 1)
    assert (found.first_change, found.held) == (1e-3, 1e-4)


def test_an_answer_that_never_changes_has_no_first_change():
    found = perturb_embeddings(pipeline(lambda embeddings: (False, False)), snapshot(), draws=2)
    assert (found.first_change, found.held, found.changed) == (None, 1e-2, (0,) * 6)


def test_the_share_counts_draws():
    own = snapshot().values["embeddings"][0, 0, 0]
    found = perturb_embeddings(
        pipeline(lambda embeddings: (embeddings[0, 0, 0] > own + 1e-5, False)), snapshot(), draws=40
    )
    assert found.changed[:2] == (0, 0)
    assert 0.3 < found.changed[-1] < 0.7  # one element goes up in about half of the draws


def test_a_change_of_the_exclusive_text_alone_counts():
    plain = moved_by(5e-3)
    found = perturb_embeddings(pipeline(lambda embeddings: plain(embeddings)[::-1]), snapshot(), draws=2)
    assert found.first_change == 1e-2


def test_noise_reaches_active_speakers_and_nobody_else():
    assert perturb_embeddings(pipeline(moved_by(0, slice(2, 3))), snapshot(), draws=2).first_change is None
    assert perturb_embeddings(pipeline(moved_by(0, slice(0, 1))), snapshot(), draws=2).first_change == 1e-7


def noises(seed: int) -> np.ndarray:
    """(sizes, draws, chunks, 3, 256): what was added to the embeddings, as the pipeline saw it."""
    seen = []
    perturb_embeddings(pipeline(lambda e: (seen.append(e) or False, False)), snapshot(), draws=3, seed=seed)
    assert np.array_equal(seen[0], snapshot().values["embeddings"])  # the answer that the others are compared with
    assert all(e.dtype == np.float32 for e in seen)
    noise = np.array(seen[1:]).astype(np.float64) - seen[0]
    return noise.reshape(len(SIZES), 3, CHUNKS, 3, 256)


def test_noise_is_uniform_up_to_its_size_and_a_draw_is_one_direction():
    noise = noises(seed=5)
    rounding = 3e-7  # of float32 at the largest embeddings here
    for size, drawn in zip(SIZES, noise, strict=True):
        assert 0.99 * size - rounding < np.abs(drawn).max() <= size + rounding
    assert np.allclose(noise[-1], 10 * noise[-2], rtol=0, atol=11 * rounding)
    assert abs(noise[-1][:, :, :2].std() - 1e-2 / np.sqrt(3)) < 2e-4


def test_draws_differ_from_each_other_and_repeat_by_their_seed():
    noise = noises(seed=5)
    assert not np.array_equal(noise[-1, 0], noise[-1, 1])
    assert np.array_equal(noise, noises(seed=5))
    assert not np.array_equal(noise[-1], noises(seed=6)[-1])


@pytest.mark.parametrize("name", ["segmentations", "count", "masks", "embeddings"])
def test_what_has_to_be_the_references_own_is_missed_by_name(name):
    with pytest.raises(InputError, match=f"made: holds no {name}"):
        perturb_embeddings(pipeline(moved_by(1)), snapshot(**{name: None}), draws=1)


def test_where_nobody_speaks_nothing_is_run():
    silent = snapshot(count=np.zeros((5, 1), dtype=np.uint8), embeddings=None, masks=None)
    for found in (
        perturb_embeddings(pipeline(moved_by(1)), silent, draws=2),
        perturb_fbank(pipeline(moved_by(1)), silent, CLIP, draws=2),
    ):
        assert (found.draws, found.changed, found.first_change, found.held) == (0, (None,) * 6, None, None)
        assert "nobody speaks" in found.why


# filterbank


def through_a_network(threshold: float) -> tuple[Pipeline, list]:
    """Changes where any filterbank value of any chunk is further than that from the native one; and all runs."""
    runs: list[np.ndarray] = []

    def network(fbank, masks):
        assert np.array_equal(masks, snapshot().values["masks"])
        runs.append(fbank.take(fbank.chunks))
        return runs[-1]

    return pipeline(lambda fbank: (np.abs(fbank - runs[0]).max() > threshold, False), network), runs


def test_the_filterbank_goes_down_from_the_largest_size_to_the_first_that_no_draw_minds():
    made, runs = through_a_network(5e-5)
    found = perturb_fbank(made, snapshot(), CLIP, draws=2)
    assert found.changed == (None, None, 0, 1, 1, 1)
    assert (found.first_change, found.held) == (1e-4, 1e-5)
    assert found.why == "monotone assumed: no draw changed the answer at 1e-05, so smaller sizes were not run"
    assert len(runs) == 1 + 2 * 4


def test_where_the_largest_size_changes_nothing_the_network_runs_no_more():
    made, runs = through_a_network(1.0)
    found = perturb_fbank(made, snapshot(), CLIP, draws=3)
    assert (found.changed, found.first_change, len(runs)) == ((None,) * 5 + (0,), None, 1 + 3)


def test_where_every_size_changes_the_answer_all_were_run():
    found = perturb_fbank(through_a_network(0.0)[0], snapshot(), CLIP, draws=1)
    assert (found.changed, found.why, found.first_change) == ((1,) * 6, None, 1e-7)


def test_every_chunk_of_the_filterbank_has_noise_of_its_own():
    made, runs = through_a_network(1.0)
    perturb_fbank(made, snapshot(), CLIP, draws=2)
    quiet, *drawn = (run.astype(np.float64) for run in runs)
    assert quiet.shape == (CHUNKS, 998, 80)
    for noise in (run - quiet for run in drawn):
        assert np.all(np.abs(np.abs(noise).max(axis=(1, 2)) - 1e-2) < 1e-5)
        assert not np.allclose(noise[0], noise[1], atol=1e-3)


def test_a_long_clip_is_left_out_and_said_to_be():
    made, runs = through_a_network(0.0)
    found = perturb_fbank(
        made, snapshot(), {**CLIP, "samples": np.zeros((1, int(LONGEST_FBANK) * 16_000), np.float32)}, draws=1
    )
    assert found.draws == 0 and not runs
    assert found.why == "60 s of audio, the network runs on clips below 60 s only"


# the file


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of a captured snapshot, without what was measured against it."""
    copied = tmp_path / FIXTURE
    shutil.copytree(default_folder() / FIXTURE, copied)
    (copied / STABILITY).unlink(missing_ok=True)
    return copied


def measured(folder: Path) -> Stability:
    embeddings = Perturbed(20, SIZES, (0.0, 0.0, 0.0, 0.05, 0.65, 1.0))
    fbank = Perturbed(3, SIZES, (None, None, None, None, None, 0.0), "monotone assumed")
    return Stability(FIXTURE, snapshot_sha256(folder), 0, int(BITS), {"q_final": 1e-15}, embeddings, fbank)


def test_what_is_written_is_read_back_and_is_no_part_of_the_snapshot(folder):
    assert read_stability(folder) is None
    write_stability(folder, measured(folder))
    assert read_stability(folder) == measured(folder)
    assert STABILITY not in read_snapshot(folder).manifest["artifacts"]


def test_a_new_capture_drops_the_file_and_an_old_one_put_back_is_refused_as_stale(folder):
    write_stability(folder, measured(folder))
    old = (folder / STABILITY).read_bytes()
    manifest = {"pyannote_audio_version": "4.0.4", "clip_sha256": "0" * 64}
    write_snapshot(folder, manifest, {"reference.rttm": {None: ""}}, replace=True)
    assert read_stability(folder) is None
    (folder / STABILITY).write_bytes(old)
    with pytest.raises(InputError) as caught:
        read_stability(folder)
    assert str(caught.value).startswith(f"{folder / STABILITY}: stale: measured against a snapshot")
    assert "parity stability --fixture 13_no_speech" in str(caught.value)


@pytest.mark.parametrize(
    "place, value, said",
    [
        (("schema",), 2, "schema is 2, this version reads 1"),
        (("seed",), -1, "seed is -1"),
        (("seed",), True, "seed is True"),
        (("fixture",), 13, "fixture is 13, expected a text"),
        (("mantissa_bits",), 24, "mantissa_bits is 24"),
        (("extra",), 0, "keys that are not known"),
        (("rounding_noise",), [1], "rounding_noise is [1]"),
        (("rounding_noise", "q_final"), float("nan"), "NaN is no number of JSON"),
        (("rounding_noise", "nonsense"), 0.0, "rounding_noise.nonsense is 0.0"),
        (("perturbed",), [], "list indices"),
        (("perturbed", "embeddings", "draws"), 2.5, "draws is 2.5"),
        (("perturbed", "embeddings", "sizes"), [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8], "rising numbers"),
        (("perturbed", "embeddings", "sizes"), [10**400] * 6, "has more than 19 digits"),
        (("perturbed", "embeddings", "changed"), [0, 0, 0, 0, 0, 2], "no share between 0 and 1"),
        (("perturbed", "embeddings", "changed"), [0, 0, 0, 0, 0, None], "why is None"),
        (("perturbed", "embeddings", "first_change"), 1e-2, "first_change that its shares do not show"),
        (("perturbed", "fbank", "extra"), 0, "keys that are not known"),
        (("perturbed", "fbank", "why"), 5, "why is 5"),
    ],
)
def test_a_file_with_anything_else_in_it_is_refused_by_name(folder, place, value, said):
    write_stability(folder, measured(folder))
    document = json.loads((folder / STABILITY).read_text())
    table = document
    for key in place[:-1]:
        table = table[key]
    table[place[-1]] = value
    (folder / STABILITY).write_text(json.dumps(document))
    with pytest.raises(InputError) as caught:
        read_stability(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder / STABILITY}: ") and "\n" not in message
    assert said in message


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"schema": 1}'])
def test_a_damaged_file_is_refused_by_name(folder, text):
    (folder / STABILITY).write_text(text)
    with pytest.raises(InputError, match=f"{STABILITY}: cannot be read"):
        read_stability(folder)


@pytest.mark.parametrize("name", Catalogue.read(default_folder()).names)
def test_every_fixture_has_its_stability_and_it_is_this_snapshots(name):
    found = read_stability(default_folder() / name)
    assert found is not None and found.fixture == name
    values = read_snapshot(default_folder() / name).values
    assert (found.rounding_noise is None) == ("embeddings" not in values) == (found.embeddings.draws == 0)
    # No fixture is so fragile that the gate of 1e-5 would not hold its answer.
    assert found.embeddings.first_change is None or found.embeddings.first_change > 1e-5


# the table and the command


def test_the_table_says_first_changes_draws_and_the_worst_rounding(folder):
    console = Console(width=120, file=io.StringIO())
    quiet = Stability("silent", "", 0, 64, None, Perturbed(0, SIZES, (None,) * 6, "nobody speaks"),
                      Perturbed(0, SIZES, (None,) * 6, "nobody speaks"))  # fmt: skip
    console.print(stability_table([measured(folder), quiet]))
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]
    assert "13_no_speech 1e-04 (1/20) > 1e-02 (0/3) q_final 1.0e-15" in lines
    assert "silent — — —" in lines
    assert "filterbank not perturbed (nobody speaks): silent" in lines


@pytest.mark.models
def test_the_command_writes_the_file_and_prints_the_table(folder):
    shutil.copy(default_folder() / "catalogue.toml", folder.parent)
    done = subprocess.run(
        [sys.executable, "-m", "parity", "stability", "--fixture", FIXTURE, "--draws", "1", "--no-fbank"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PARITY_FIXTURES": str(folder.parent)},
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert FIXTURE in done.stdout
    assert read_stability(folder).fbank.why == "not asked for"
