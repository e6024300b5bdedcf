"""Recordings captured elsewhere: the seed's fourteen, replayed from whatever of them is at hand."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from parity.community1.networks import Networks
from parity.community1.plda import solve_plda
from parity.errors import InputError
from parity.fixtures import seed
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.recording import Recording, choose, find_recordings
from parity.fixtures.snapshot import read_snapshot
from parity.gate.gate import COUNTED, DRIFT, ERROR, MISSING, PARITY, FixtureResult, run_fixtures
from parity.gate.recorded import BEFORE, GIVEN, Recorded, parameters_of, replay_tensors
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.python import Implementation
from parity.report.document import document, to_json
from parity.report.markdown import markdown
from parity.report.terminal import remarks

ROOT = Path(__file__).parents[1]
CAPTURED = ("01_dialogue", "02_pyannote_sample", "03_dual_speaker", "06_long_recording", "08_luyu_jinjing_freedom")
ONLY_RTTM = (
    "09_mrbeast_dollar_date",
    "11_mrbeast_age_race",
    "12_mrbeast_schools",
    "13_mrbeast_saved_animals",
    "14_mrbeast_strongman_robot",
)
LINE = "SPEAKER clip 1 {:.3f} 0.500 <NA> <NA> SPEAKER_{:02d} <NA> <NA>\n"


@pytest.fixture(scope="module")
def weights():
    from parity.sources.weights import load_weights

    return load_weights()


@pytest.fixture(scope="module")
def networks(weights) -> Networks:
    def never(*arguments, **keywords):
        raise AssertionError("a network was run")

    return Networks(never, never, never, solve_plda(weights.plda))


def catalogue() -> Catalogue:
    return Catalogue.read(default_folder())


def rttm_of(folder: Path, name: str, speakers: int, segments: int) -> Path:
    """A folder's recording of which there is only an RTTM."""
    path = folder / name / "reference.rttm"
    path.parent.mkdir(parents=True)
    path.write_text("".join(LINE.format(i, i % speakers) for i in range(segments)), encoding="utf-8")
    return path


def run_on(folder: Path, weights, names: tuple[str, ...] = ()) -> dict:
    """The document of a run on a folder of recordings, as it is read back."""
    chosen = choose(catalogue(), names, folder)
    return json.loads(to_json(document(run_fixtures(chosen, weights, snapshots=folder, threads=1), weights, 1.0)))


# which recordings a folder is about


def test_the_fourteen_have_fourteen_numbers_in_order():
    assert [int(name[:2]) for name in seed.PINNED] == list(range(1, 15))


def test_a_folder_of_our_own_snapshots_is_about_the_catalogue():
    assert find_recordings(default_folder(), catalogue()) == ()
    assert choose(catalogue(), (), default_folder()) == catalogue().fixtures


def test_one_recording_that_only_the_seed_has_brings_all_its_names(tmp_path):
    rttm_of(tmp_path, "09_mrbeast_dollar_date", 8, 468)
    found = choose(catalogue(), (), tmp_path)
    assert [entry.name for entry in found] == list(seed.PINNED)
    assert all(isinstance(entry, Recording) for entry in found)


def test_a_recording_of_nobodys_catalogue_is_replayed_beside_the_fixtures_that_are_there(tmp_path):
    rttm_of(tmp_path, "my_meeting", 2, 4)
    shutil.copytree(default_folder() / "13_no_speech", tmp_path / "13_no_speech")
    found = {entry.name: type(entry).__name__ for entry in choose(catalogue(), (), tmp_path)}
    assert found == {"13_no_speech": "Fixture", "my_meeting": "Recording"}


def test_an_unknown_recording_is_named_with_the_known_ones(tmp_path):
    rttm_of(tmp_path, "my_meeting", 2, 4)
    with pytest.raises(InputError, match=r"unknown recording 05_nobody; .* is about my_meeting$"):
        choose(catalogue(), ("05_nobody",), tmp_path)


# what an RTTM alone says


def recording(folder: Path, name: str) -> Recording:
    return next(found for found in find_recordings(folder, catalogue()) if found.name == name)


def test_the_counts_of_an_rttm_are_held_against_the_pinned_ones(tmp_path):
    path = rttm_of(tmp_path, "09_mrbeast_dollar_date", 8, 468)
    assert recording(tmp_path, "09_mrbeast_dollar_date").counts() == (8, 468)
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    with pytest.raises(InputError, match=r"reference.rttm: has 8 speakers in 467 segments, pinned are 8 in 468"):
        recording(tmp_path, "09_mrbeast_dollar_date").counts()


def test_a_broken_rttm_is_named_with_its_line(tmp_path):
    path = rttm_of(tmp_path, "my_meeting", 2, 4)
    path.write_text("SPEAKER clip 1 now\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"my_meeting/reference.rttm: RTTM line 1"):
        recording(tmp_path, "my_meeting").counts()


@pytest.mark.models
def test_what_is_there_is_counted_what_is_not_is_missing_and_what_is_wrong_an_error(tmp_path, weights):
    rttm_of(tmp_path, "09_mrbeast_dollar_date", 8, 468)
    rttm_of(tmp_path, "12_mrbeast_schools", 15, 226)
    found = run_on(tmp_path, weights)
    statuses = {fixture["name"]: fixture["status"] for fixture in found["fixtures"]}
    assert statuses.pop("09_mrbeast_dollar_date") == COUNTED
    assert statuses.pop("12_mrbeast_schools") == ERROR
    assert len(statuses) == 12 and set(statuses.values()) == {MISSING}
    assert [found["summary"][f"from_{source}"] for source in ("audio", "tensors", "rttm")] == [0, 0, 1]
    lines = remarks(found)
    assert (
        "09_mrbeast_dollar_date: not at hand: audio, captures; its RTTM has the pinned speakers and segments" in lines
    )
    assert "10_mrbeast_clean_water: not at hand: audio, captures, RTTM; pinned are 7 speakers, 115 segments" in lines
    assert "| 09_mrbeast_dollar_date | counted | 8 | 468 | — |" in markdown(found)


# one of our own captures as if it were somebody else's, with this run's weights


@pytest.fixture
def foreign(tmp_path) -> Path:
    """A capture under a name that the catalogue does not have."""
    shutil.copytree(default_folder() / "14_partial_tail", tmp_path / "elsewhere")
    return tmp_path


@pytest.mark.models
def test_a_capture_with_this_runs_weights_is_judged_from_audio_too(foreign, weights):
    (fixture,) = run_on(foreign, weights)["fixtures"]
    assert fixture["status"] == PARITY and fixture["replayed_from"] == ["tensors", "audio"]
    assert fixture["audio_replay"]["same_weights"] is True
    assert fixture["audio_replay"]["embedding_drift"] < 1e-5
    assert fixture["embedding_drift"] is None


@pytest.mark.models
@pytest.mark.parametrize("name", ["14_partial_tail", "08_known_count"])
def test_nothing_that_is_given_is_compared_and_everything_behind_it_is(weights, networks, name):
    snapshot = read_snapshot(default_folder() / name)
    outcome, _ = replay_tensors(snapshot, networks, parameters_of(snapshot, weights))
    assert outcome.at_parity
    compared = {drift.artefact for drift in outcome.drifts}
    assert not compared & set(GIVEN)
    later = {name for name in snapshot.values if ARTEFACTS[name].stage not in BEFORE}
    assert compared == later and len(later) >= 18


@pytest.mark.models
@pytest.mark.parametrize(("change", "at_parity"), [(0.0, True), (1e-9, False)])
def test_a_cascade_from_tensors_is_judged_like_an_isolated_replay(weights, networks, change, at_parity):
    def moved(native):
        run = native["centroids"].run
        return native.replacing("centroids", lambda *reads: run(*reads) + change)

    snapshot = read_snapshot(default_folder() / "14_partial_tail")
    outcome, _ = replay_tensors(snapshot, networks, parameters_of(snapshot, weights), Implementation("moved", moved))
    assert outcome.at_parity is at_parity
    beyond = {(drift.artefact, drift.mode) for drift in outcome.drifts if not drift.within}
    assert (("centroids", "cascaded") in beyond) is not at_parity


@pytest.mark.models
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"threshold": 0.7}, r"elsewhere: captured with threshold=0.7, this run's weights have 0.6$"),
        ({"num_speakers": "two"}, r"num_speakers = 'two' is no whole number$"),
    ],
)
def test_a_capture_with_other_parameters_is_refused(foreign, weights, changed, said):
    path = foreign / "elsewhere" / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(manifest | {"parameters": manifest["parameters"] | changed}), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        parameters_of(read_snapshot(foreign / "elsewhere"), weights)


# the clip


def test_a_clip_is_found_by_its_hash_whatever_its_name(tmp_path, foreign):
    wanted = read_snapshot(foreign / "elsewhere").clip_sha256
    (tmp_path / "clips" / "deep").mkdir(parents=True)
    ours = next(fixture for fixture in catalogue().fixtures if fixture.name == "14_partial_tail").clip()
    shutil.copy(ours, tmp_path / "clips" / "deep" / "some name.wav")
    (found,) = find_recordings(foreign, Catalogue(catalogue().path, ()), tmp_path / "clips")
    assert found.clip(wanted) == tmp_path / "clips" / "deep" / "some name.wav"
    assert found.clip("0" * 64) is None


def test_a_clip_beside_a_capture_of_another_is_refused(foreign):
    (foreign / "elsewhere" / "clip_16k.wav").write_bytes(b"RIFF")
    found = recording(foreign, "elsewhere")
    with pytest.raises(InputError, match=r"clip_16k.wav: has sha256 \w{64}, the capture was made of \w{64}"):
        found.clip(read_snapshot(foreign / "elsewhere").clip_sha256)


def test_without_a_capture_a_clip_is_found_by_name(tmp_path):
    rttm_of(tmp_path / "captures", "my_meeting", 2, 4)
    for name in ("my_meeting.wav", "other.wav"):
        (tmp_path / "clips").mkdir(exist_ok=True)
        (tmp_path / "clips" / name).write_bytes(name.encode())
    (found,) = find_recordings(tmp_path / "captures", catalogue(), tmp_path / "clips")
    assert found.clip(None) == tmp_path / "clips" / "my_meeting.wav"


# the seed itself


@pytest.fixture(scope="module")
def seed_document(seed14, weights) -> dict:
    return run_on(seed14, weights)


def fixtures_of(found: dict) -> dict[str, dict]:
    return {fixture["name"]: fixture for fixture in found["fixtures"]}


@pytest.mark.models
@pytest.mark.seed14
def test_all_fourteen_appear_and_the_summary_says_what_each_was_replayed_from(seed_document):
    schema = json.loads((ROOT / "parity" / "report" / "schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(seed_document, schema)
    statuses = {name: fixture["status"] for name, fixture in fixtures_of(seed_document).items()}
    assert list(statuses) == list(seed.PINNED)
    assert {name for name, status in statuses.items() if status == PARITY} == set(CAPTURED)
    assert {name for name, status in statuses.items() if status == COUNTED} == set(ONLY_RTTM)
    assert sum(status == MISSING for status in statuses.values()) == 4
    assert [seed_document["summary"][f"from_{source}"] for source in ("audio", "tensors", "rttm")] == [2, 5, 5]


@pytest.mark.models
@pytest.mark.seed14
@pytest.mark.parametrize("name", CAPTURED)
def test_from_tensors_every_artefact_behind_the_embeddings_is_within_1e_10(seed14, seed_document, name):
    fixture = fixtures_of(seed_document)[name]
    rows = {(row["artefact"], row["mode"]): row for row in fixture["artefacts"]}
    held = {n for n in read_snapshot(seed14 / name).values if ARTEFACTS[n].stage not in BEFORE}
    assert {artefact for artefact, mode in rows if mode == "cascaded"} == held and len(held) >= 16
    for row in rows.values():
        assert row["within"] and row["mismatches"] == row["excused"] == 0, row
        assert row["max_abs"] <= 1e-10 and row["compared"] == row["total"] > 0, row
    assert fixture["der"] == 0 and not fixture["problems"]
    assert rows["diarization", "cascaded"]["total"] == fixture["segments"]


@pytest.mark.models
@pytest.mark.seed14
@pytest.mark.parametrize("name", CAPTURED[1:3])
def test_from_audio_other_weights_are_named_and_their_drift_is_born_in_the_embeddings(seed_document, name):
    fixture = fixtures_of(seed_document)[name]
    heard = fixture["audio_replay"]
    assert heard["weights"] == "community-1-int8" and heard["same_weights"] is False
    assert fixture["explanation"]["named"] == ["embeddings"]
    assert not heard["answer_changed"] and not fixture["explanation"]["answer_changed"]
    assert 1e-3 < heard["embedding_drift"] < 1
    assert heard["der"] == 0 and fixture["status"] == PARITY
    first = next(row for row in heard["artefacts"] if not row["within"])
    assert first["artefact"] == "embeddings"
    said = " ".join(line for line in remarks(seed_document) if line.startswith(name))
    assert "captured with the official float32 weights" in said and "Drift is born in embeddings" in said


@pytest.mark.models
@pytest.mark.seed14
def test_an_embedding_of_the_seed_that_is_altered_is_found(seed14, networks, weights):
    snapshot = read_snapshot(seed14 / "02_pyannote_sample")
    embeddings = snapshot.values["embeddings"].copy()
    embeddings[5] += np.float32(1e-4)
    outcome, _ = replay_tensors(
        replace(snapshot, values={**snapshot.values, "embeddings": embeddings}),
        networks,
        parameters_of(snapshot, weights),
    )
    assert not outcome.at_parity and outcome.first_drift.artefact == "post_xvec"


def test_a_status_of_its_own_is_drift_only_where_the_code_is_judged():
    from parity.gate.gate import _status

    assert _status(Recorded((), ("audio", "captures", "rttm"))) == MISSING
    assert _status(Recorded(("rttm",), ("audio", "captures"), (2, 4))) == COUNTED
    assert FixtureResult("x", DRIFT).recorded is None


def test_audio_without_captures_to_belong_to_is_refused(tmp_path):
    from typer.testing import CliRunner

    from parity.__main__ import app

    done = CliRunner().invoke(app, ["run", "--audio", str(tmp_path)])
    assert isinstance(done.exception, InputError)
    assert "beside --snapshots with their captures" in str(done.exception)


def test_arrays_of_a_port_do_not_go_with_other_recordings(tmp_path):
    from typer.testing import CliRunner

    from parity.__main__ import app

    rttm_of(tmp_path, "my_meeting", 2, 4)
    report = tmp_path / "out" / "parity.json"
    arguments = ["run", "--snapshots", str(tmp_path), "--arrays", str(tmp_path), "--json", str(report)]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, InputError) and "holds other recordings" in str(done.exception)
    assert not report.exists()


@pytest.mark.models
def test_a_capture_in_which_nobody_speaks_is_replayed_from_its_segmentations(weights, networks):
    snapshot = read_snapshot(default_folder() / "13_no_speech")
    assert "embeddings" not in snapshot.values
    outcome, _ = replay_tensors(snapshot, networks, parameters_of(snapshot, weights))
    assert outcome.at_parity and outcome.rttm == ""


@pytest.mark.models
@pytest.mark.parametrize("lacking", ["embeddings", "segmentations", "diarization"])
def test_a_capture_without_what_its_replay_starts_or_ends_with_is_refused(weights, networks, lacking):
    snapshot = read_snapshot(default_folder() / "14_partial_tail")
    values = {name: value for name, value in snapshot.values.items() if name != lacking}
    with pytest.raises(InputError, match=f"the capture lacks {lacking}, without which it is no replay"):
        replay_tensors(replace(snapshot, values=values), networks, parameters_of(snapshot, weights))


@pytest.mark.models
def test_of_an_rttm_and_a_clip_the_answer_is_compared_and_other_weights_do_not_fail_it(tmp_path, weights):
    """13_no_speech takes a second; its RTTM is empty, and one with a turn is not what the pipeline hears."""
    clip = next(fixture for fixture in catalogue().fixtures if fixture.name == "13_no_speech").clip()
    for name, turns in (("silent", 0), ("spoken", 1)):
        rttm_of(tmp_path / "captures", name, 1, turns)
        (tmp_path / "clips" / name).mkdir(parents=True)
        shutil.copy(clip, tmp_path / "clips" / name / "clip.wav")
    chosen = choose(catalogue(), (), tmp_path / "captures", tmp_path / "clips")
    assert [entry.name for entry in chosen] == ["silent", "spoken"]
    results = run_fixtures(chosen, weights, threads=1)
    heard, unheard = json.loads(to_json(document(results, weights, 1.0)))["fixtures"]
    for fixture in (heard, unheard):
        assert fixture["replayed_from"] == ["audio"] and fixture["missing"] == ["captures"]
        assert fixture["status"] == COUNTED and fixture["audio_replay"]["same_weights"] is False
    assert not heard["audio_replay"]["answer_changed"] and heard["audio_replay"]["der"] == 0
    assert unheard["audio_replay"]["answer_changed"] and unheard["audio_replay"]["der"] == 1


@pytest.mark.models
@pytest.mark.seed14
def test_the_page_shows_all_fourteen_and_the_turns_of_what_has_no_audio(seed_document):
    from parity.report.html import page
    from parity.report.plots import timeline

    text = page(seed_document)
    assert all(f'id="fixture-{name}"' in text for name in seed.PINNED)
    assert "counted only" in text and "not at hand" in text and ">None<" not in text
    figure = timeline(fixtures_of(seed_document)["06_long_recording"])
    ends = [turn[1] for turn in fixtures_of(seed_document)["06_long_recording"]["timeline"]["reference"]]
    assert figure.axes[0].get_xlim() == (0, max(ends))


@pytest.mark.models
@pytest.mark.seed14
def test_the_table_fits_eighty_columns_and_says_what_is_missing(seed_document):
    from rich.console import Console

    from parity.report.terminal import table

    console = Console(width=80, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    console.print(table(seed_document))
    console.file.close()
    text = console.export_text()
    assert all(name in text for name in seed.PINNED)
    assert text.count("no audio") == 12 and text.count("no audio, captures") == 9
    assert "2 from audio, 5 from tensors, 5 from RTTM alone" in text
