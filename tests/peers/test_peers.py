"""Published implementations: what a worker may answer, what is kept, how it is scored, what is said of failures."""

from __future__ import annotations

import io
import json
import shutil
import sys
import wave
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console
from support.imports import imports, modules, of
from support.schemas import valid
from typer.testing import CliRunner

from parity.audio.reading import wav_bytes
from parity.errors import InputError
from parity.files.whole import sha256_bytes
from parity.fixtures.catalogue import Catalogue
from parity.ports.dump.reading import read_dump
from peers import environments, measuring, running
from peers.__main__ import app
from peers.adapters import MOONSHINE, OURS, ROWS, SHERPA, select
from peers.keeping import RECORD, RTTM, keep, kept
from peers.measuring import Bench, at_16_khz, judged, measure, read_reference
from peers.report import COLUMNS, document, lines, markdown, remarks, table
from peers.running import Run, read_answer, run_worker
from peers.workers.protocol import read_samples, to_rttm

ONE = "SPEAKER clip 1 0.000 2.000 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
TWO = ONE + "SPEAKER clip 1 2.000 2.000 <NA> <NA> SPEAKER_01 <NA> <NA>\n"
WEIGHTS = SimpleNamespace(name="made-up", sha256="0" * 64)


def a_run(rttm: str, seconds: float = 3.0) -> Run:
    return Run(
        rttm, load_seconds=0.5, seconds=seconds, cpu_seconds=2 * seconds, peak_mb=100.0, packages={"python": "3"}
    )


# turns as a worker writes them


def test_turns_are_ordered_and_speakers_named_by_their_number():
    text = to_rttm([(3.0, 4.0, 7), (0.0004, 1.0, 2)], "clip")
    assert text.splitlines() == [
        "SPEAKER clip 1 0.000 1.000 <NA> <NA> SPEAKER_00 <NA> <NA>",
        "SPEAKER clip 1 3.000 1.000 <NA> <NA> SPEAKER_01 <NA> <NA>",
    ]


def test_turns_of_one_speaker_that_overlap_or_touch_are_one_and_others_stay_apart():
    text = to_rttm([(0.0, 2.0, 0), (1.0, 1.5, 0), (2.0, 3.0, 0), (3.5, 4.0, 0), (1.0, 2.0, 1)], "clip")
    assert [line.split()[3:5] for line in text.splitlines()] == [
        ["0.000", "3.000"],
        ["1.000", "1.000"],
        ["3.500", "0.500"],
    ]


def test_a_turn_without_a_duration_vanishes_and_takes_no_name():
    assert to_rttm([(1.0, 1.0, 0), (2.0, 3.0, 1)], "clip").split()[7] == "SPEAKER_00"
    assert to_rttm([], "clip") == ""


def test_the_duration_is_rounded_by_itself_as_the_reference_rounds_it():
    assert to_rttm([(0.0004, 1.0008, 0)], "clip").split()[3:5] == ["0.000", "1.000"]


def test_samples_are_read_in_minus_one_to_one(tmp_path):
    (tmp_path / "clip.wav").write_bytes(wav_bytes(np.array([-32768, 0, 16384], np.int16)))
    assert read_samples(str(tmp_path / "clip.wav")) == [-1.0, 0.0, 0.5]


def test_a_clip_of_another_rate_is_refused(tmp_path):
    with wave.open(str(tmp_path / "clip.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48000)
    with pytest.raises(ValueError, match="2 channels, 48000 Hz, 16 bits; wants 1, 16000 and 16"):
        read_samples(str(tmp_path / "clip.wav"))


def test_a_clip_at_its_own_rate_is_brought_to_what_peers_want(tmp_path):
    tone = np.round(8000 * np.sin(np.arange(48_000) * 0.1)).astype(np.int16)
    stereo, mono = tmp_path / "stereo.wav", tmp_path / "mono.wav"
    stereo.write_bytes(wav_bytes(np.stack([tone, 0 * tone]), 48_000))
    mono.write_bytes(wav_bytes(tone))
    (folder := tmp_path / "made").mkdir()
    assert at_16_khz(mono, folder) == mono and not list(folder.iterdir())
    heard = read_samples(str(at_16_khz(stereo, folder)))
    assert len(heard) == 16_000
    np.testing.assert_allclose(heard[100:-100], tone[::3][100:-100] / 65536, atol=2e-3)


# a worker in a process of its own


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Makes `fake` a worker with this body, run by this interpreter; returns a function that runs it."""
    folder = tmp_path / "root" / "peers" / "workers"
    folder.mkdir(parents=True)
    shutil.copy(Path(running.__file__).parent / "workers" / "protocol.py", folder)
    for package in (folder, folder.parent):
        (package / "__init__.py").write_text("")
    clip = tmp_path / "clip.wav"
    clip.write_bytes(wav_bytes(np.zeros(16000, np.int16)))
    monkeypatch.setattr(running, "ROOT", tmp_path / "root")

    def run(body: str, limit: float | None = None) -> Run:
        (folder / "fake.py").write_text(body)
        options = {"speaker": 3}
        return run_worker(Path(sys.executable), "fake", clip=clip, uri="clip", threads=1, options=options, limit=limit)

    return run


SERVING = """
import os
from peers.workers.protocol import serve
def load(request):
    print("loading"); os.write(1, b"and its library says so too")
    return lambda samples: [(0.0, len(samples) / 16000, request["options"]["speaker"])]
serve(load)
"""


def test_a_worker_answers_with_turns_and_seconds_whatever_its_libraries_print(worker):
    run = worker(SERVING)
    assert run.rttm == ONE.replace("2.000", "1.000")
    assert min(run.load_seconds, run.seconds, run.cpu_seconds) >= 0 and 1 < run.peak_mb < 1000
    assert run.packages["python"].split(".")[0] == "3" and "numpy" in run.packages


def test_a_worker_that_raises_is_named_with_its_last_words(worker):
    with pytest.raises(InputError, match="fake: ended with status 1: ValueError: no such model"):
        worker("raise ValueError('no such model')")


def test_a_worker_that_dies_without_a_word_is_named_with_its_status(worker):
    with pytest.raises(InputError, match="fake: ended with status -6: it ended without a word"):
        worker("import os, signal; signal.signal(signal.SIGABRT, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGABRT)")


def test_a_worker_that_hangs_is_given_up(worker):
    with pytest.raises(InputError, match="fake: gave no answer in 1 s"):
        worker("import time; time.sleep(60)", limit=1)


def test_an_interpreter_that_is_gone_is_said(tmp_path):
    with pytest.raises(InputError, match="nowhere does not start: No such file"):
        run_worker(tmp_path / "nowhere", "native", clip=tmp_path, uri="clip", threads=1, options={})


@pytest.mark.parametrize("text", ["", "42", "Loaded.", '{"rttm": ""}', '{"rttm": "", "seconds": "soon"}'])
def test_what_is_no_answer_is_refused(text):
    with pytest.raises(InputError, match="which is not what a worker answers"):
        read_answer("fake", text)


@pytest.mark.parametrize("name", ["protocol", "sherpa", "moonshine"])
def test_a_worker_of_another_environment_imports_nothing_of_the_lab(name):
    path = modules("peers")[f"peers.workers.{name}"]
    assert of(imports(f"peers.workers.{name}", path), "parity", "capture", "numpy") == []


# environments


def test_an_environment_that_cannot_be_made_is_said_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"environment of moonshine: .*No such file"):
        environments.python_of(MOONSHINE, tmp_path)


def test_pips_own_error_is_the_reason_and_nothing_is_taken_for_installed(tmp_path, monkeypatch):
    errors = "WARNING: slow\nERROR: No matching distribution found for moonshine-voice==0.0.73\n[notice] new pip\n"

    def run(command, **_):
        return SimpleNamespace(returncode=int("pip" in command), stderr=errors, stdout="")

    monkeypatch.setattr(environments.subprocess, "run", run)
    with pytest.raises(InputError, match="environment of moonshine: ERROR: No matching distribution found"):
        environments.python_of(MOONSHINE, tmp_path)
    assert list(tmp_path.rglob(environments.STAMP)) == []


def test_an_environment_is_made_once_and_its_pins_name_it(tmp_path, monkeypatch):
    commands = []

    def run(command, **_):
        commands.append(command)
        return SimpleNamespace(returncode=0, stderr="", stdout="")

    monkeypatch.setattr(environments.subprocess, "run", run)
    python = environments.python_of(SHERPA, tmp_path)
    assert environments.python_of(SHERPA, tmp_path) == python and len(commands) == 2
    assert commands[1][-1] == "sherpa-onnx==2.0.1"
    assert environments.python_of(MOONSHINE, tmp_path) != python


def test_this_project_runs_in_the_environment_at_hand(tmp_path):
    assert environments.python_of(OURS, tmp_path) == Path(sys.executable)


def test_every_requirement_is_pinned():
    assert all("==" in one.split(";")[0] for row in ROWS for one in row.peer.requirements)


# scoring


def test_a_run_is_scored_against_the_reference():
    result = judged("row", a_run(ONE), TWO)
    assert (result.speakers, result.segments) == (1, 1)
    assert (result.score.der, result.score.miss, result.score.total) == (0.5, 2.0, 4.0)


@pytest.mark.parametrize("rttm, der, false_alarm", [("", 0.0, 0.0), (ONE, 1.0, 2.0)])
def test_where_the_reference_hears_nobody_false_alarms_are_seconds(rttm, der, false_alarm):
    score = judged("row", a_run(rttm), "").score
    assert (score.der, score.false_alarm, score.total) == (der, false_alarm, 0.0)


def test_the_count_of_nobody_is_no_count():
    counted = next(row for row in ROWS if row.name == "sherpa-onnx-count")
    assert counted.options(None, 4, {})["num_clusters"] == 4
    assert counted.options(None, 0, {})["num_clusters"] == -1


def test_sherpa_onnx_by_default_is_told_no_count():
    assert ROWS[0].options(None, 4, {}) == {
        "threshold": 0.5,
        "min_duration_on": 0.3,
        "min_duration_off": 0.5,
        "num_clusters": -1,
    }


# measuring


@pytest.fixture
def fixture(tmp_path):
    """A catalogue's one fixture: four seconds, two speakers."""
    folder = tmp_path / "fixtures"
    (folder / "clip").mkdir(parents=True)
    audio = wav_bytes(np.zeros(64000, np.int16))
    (folder / "clip" / "clip.wav").write_bytes(audio)
    (folder / "clip" / "reference.rttm").write_text(TWO)
    entry = f'name = "clip"\nrecipe = "file"\nstresses = "nothing"\nclip_sha256 = "{sha256_bytes(audio)}"\n'
    (folder / "catalogue.toml").write_text(f"[[fixture]]\n{entry}")
    return Catalogue.read(folder).fixtures[0]


@pytest.fixture
def workers(monkeypatch):
    """Workers that always give one turn, and no environment for moonshine; what was asked of them."""
    asked = []

    def python_of(peer, folder):
        if peer is MOONSHINE:
            raise InputError("environment of moonshine: no wheel for this platform")
        return Path(sys.executable)

    def run(python, worker, *, options, **_):
        asked.append((worker, options))
        return a_run(TWO if worker == "native" else ONE)

    monkeypatch.setattr(measuring, "python_of", python_of)
    monkeypatch.setattr(measuring, "run_worker", run)
    monkeypatch.setattr(measuring, "write_onnx_files", lambda weights, folder: {"segmentation": "s", "embedding": "e"})
    return asked


def test_a_peer_that_cannot_run_is_said_and_the_others_go_on(fixture, workers, tmp_path):
    (clip,) = measure(Bench(tmp_path, WEIGHTS, threads=2), [fixture], ROWS)
    found = {result.row: result for result in clip.results}
    assert (clip.speakers, clip.segments, clip.audio_seconds) == (2, 2, 4.0)
    assert found["moonshine"].reason == "environment of moonshine: no wheel for this platform"
    assert found["moonshine"].run is None
    assert [found[name].score.der for name in ("sherpa-onnx", "sherpa-onnx-count", "parity")] == [0.5, 0.5, 0.0]
    assert [options.get("num_clusters") for _, options in workers] == [-1, 2, None]


def test_a_worker_that_fails_on_a_clip_is_that_clips_reason(fixture, workers, tmp_path, monkeypatch):
    def run(*_, **__):
        raise InputError("sherpa: ended with status -11")

    monkeypatch.setattr(measuring, "run_worker", run)
    (clip,) = measure(Bench(tmp_path, WEIGHTS, threads=2), [fixture], select(["sherpa-onnx"]))
    assert {result.reason for result in clip.results} == {"sherpa: ended with status -11"}


def test_a_fixture_that_was_never_captured_is_said(fixture):
    (fixture.snapshot_folder / "reference.rttm").unlink()
    with pytest.raises(InputError, match=r"clip/reference.rttm: No such file.*nox -s capture"):
        read_reference(fixture)


def test_runs_are_kept_as_dumps_and_taken_again_when_asked_the_same(fixture, workers, tmp_path):
    bench = Bench(tmp_path, WEIGHTS, threads=2, out=tmp_path / "out", reuse=True)
    first = measure(bench, [fixture], ROWS)
    asked = len(workers)
    assert measure(bench, [fixture], ROWS) == first and len(workers) == asked
    measure(Bench(tmp_path, WEIGHTS, threads=1, out=tmp_path / "out", reuse=True), [fixture], ROWS)
    assert len(workers) == 2 * asked  # other threads are another question
    dump = read_dump(tmp_path / "out" / "sherpa-onnx" / "clip")
    assert dump.problems == [] and list(dump.values) == ["diarization"]


def test_what_is_kept_answers_only_its_own_question(tmp_path):
    keep(tmp_path / "run", a_run(ONE), {"threads": 2})
    assert kept(tmp_path / "run", {"threads": 2}) == a_run(ONE)
    assert kept(tmp_path / "run", {"threads": 1}) is None
    assert kept(tmp_path / "nothing", {"threads": 2}) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"question": {}, "seconds": 1}'])
def test_a_record_that_cannot_be_read_is_said_by_name(tmp_path, text):
    keep(tmp_path / "run", a_run(ONE), {})
    (tmp_path / "run" / RECORD).write_text(text)
    with pytest.raises(InputError, match=r"run[/.]"):
        kept(tmp_path / "run", {})


def test_a_record_without_its_rttm_is_said_by_name(tmp_path):
    keep(tmp_path / "run", a_run(ONE), {})
    (tmp_path / "run" / RTTM).unlink()
    with pytest.raises(InputError, match="no record of a run"):
        kept(tmp_path / "run", {})


# the table


@pytest.fixture
def report(fixture, workers, tmp_path):
    bench = Bench(tmp_path, WEIGHTS, threads=2)
    clips = measure(bench, [fixture], ROWS)
    return document(bench, ROWS, clips)


def test_totals_are_sums_of_errors_over_sums_of_speech_and_not_means_of_ratios(fixture, tmp_path):
    short = measuring.Clip("short", 2.0, 1, 1, (judged("parity", a_run(""), ONE),))
    long = measuring.Clip("long", 4.0, 2, 2, (judged("parity", a_run(TWO), TWO),))
    total = document(Bench(tmp_path, WEIGHTS, threads=2), [ROWS[-1]], [short, long])["totals"][0]
    assert total["der"] == pytest.approx(2.0 / 6.0)
    assert (total["clips"], total["same_speakers"], total["same_segments"]) == (2, 1, 1)
    assert (total["seconds"], total["audio_seconds"]) == (6.0, 6.0)


def test_every_line_is_as_wide_as_the_head_and_every_row_is_there(report):
    groups = list(lines(report))
    assert {len(line) for group in groups for line in group} == {len(COLUMNS)}
    assert [line[1] for line in groups[0]] == ["pyannote.audio 4.0.4", *(row.name for row in ROWS)]
    assert groups[0][0][:4] == ("clip", "pyannote.audio 4.0.4", "2", "2")
    assert groups[0][1][2:8] == ("1", "1", "0.5000", "2.00", "0.00", "0.00")
    assert [line[2] for line in groups[1]] == ["", "0/1", "0/1", "0/0", "1/1"]


def test_the_terminals_table_fits_eighty_columns(report):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table(report))
    text = console.export_text()
    assert "…" not in text and "sherpa-onnx-count" in text and "0.5000" in text


def test_a_row_that_did_not_run_says_so_and_its_reason_is_below(report):
    text = markdown(report)
    assert "|  | moonshine | not run |" in text
    assert "- moonshine did not run on clip: environment of moonshine: no wheel for this platform" in text
    assert any(said.startswith("sherpa-onnx: its defaults") and "2.0.1" in said for said in remarks(report))


def test_the_report_is_plain_data(report):
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert report["machine"]["threads"] == 2 and report["rows"][0]["packages"] == {"python": "3"}


# the command line


def invoked(monkeypatch, tmp_path, *arguments: str):
    monkeypatch.setattr("peers.__main__.load_weights", lambda: WEIGHTS)
    return CliRunner().invoke(app, [*arguments, "--json", str(tmp_path / "peers.json")])


def test_one_peer_that_ran_is_enough(fixture, workers, monkeypatch, tmp_path):
    monkeypatch.setenv("PARITY_FIXTURES", str(fixture.folder))
    done = invoked(monkeypatch, tmp_path)
    assert done.exit_code == 0, done.output
    assert valid(tmp_path / "peers.json", "peers_schema.json")["clips"][0]["name"] == "clip"
    assert "| clip | pyannote.audio 4.0.4 | 2 | 2 |" in (tmp_path / "peers.md").read_text()


def test_where_no_peer_ran_the_status_is_2_and_the_reasons_are_written(fixture, workers, monkeypatch, tmp_path):
    monkeypatch.setenv("PARITY_FIXTURES", str(fixture.folder))
    done = invoked(monkeypatch, tmp_path, "--peer", "moonshine")
    assert done.exit_code == 2
    assert "no wheel for this platform" in (tmp_path / "peers.md").read_text()


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--fixture", "99_nothing"], "unknown fixture '99_nothing'"),
        (["--peer", "kaldi"], "unknown peer 'kaldi'; known are sherpa-onnx, moonshine"),
    ],
)
def test_unknown_names_are_one_error_and_nothing_is_written(monkeypatch, tmp_path, arguments, said):
    done = invoked(monkeypatch, tmp_path, *arguments)
    assert isinstance(done.exception, InputError) and said in str(done.exception)
    assert list(tmp_path.iterdir()) == []


def test_reuse_needs_a_folder(monkeypatch, tmp_path):
    assert invoked(monkeypatch, tmp_path, "--reuse").exit_code == 2
