"""`parity diarize`: several recordings with one load, forms and folders, standard input, names that need care."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile
from support.answers import answer, read_srt, read_textgrid
from support.command_line import only_error, parity
from typer.testing import CliRunner

import parity as face
from parity import diarize as room
from parity.__main__ import app
from parity.errors import InputError

LOADS = []


class Stub:
    """In place of the networks: the same answer to every recording."""

    def __init__(self, *arguments: object, **keywords: object) -> None:
        LOADS.append(keywords)

    def __call__(self, audio: object, **keywords: object):
        keywords["progress"]("embeddings", 1, 1)
        return answer()


@pytest.fixture
def folder(in_an_empty_folder, monkeypatch):
    """The working folder, with two recordings; networks are a stub."""
    LOADS.clear()
    monkeypatch.setattr(room, "Diarizer", Stub)
    for name in ("one.wav", "two.wav"):
        soundfile.write(in_an_empty_folder / name, np.zeros(16000), 16000)
    return in_an_empty_folder


def run(*arguments: object, **keywords: object):
    return CliRunner().invoke(app, ["diarize", *map(str, arguments)], **keywords)


def refused(*arguments: object) -> str:
    done = run(*arguments)
    assert isinstance(done.exception, InputError) and done.stdout == "", done.output
    return str(done.exception)


def here(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# several recordings


def test_several_recordings_share_one_load_and_one_header(folder):
    done = run("one.wav", "two.wav", "--format", "csv")
    assert done.exit_code == 0 and len(LOADS) == 1
    frame = pd.read_csv(io.StringIO(done.stdout))
    assert list(frame["recording"].unique()) == ["one", "two"] and len(frame) == 2 * len(answer().turns)
    said = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    assert [line.split(":")[0] for line in said] == ["one.wav", "two.wav"]
    assert all("3 speakers, 4 turns; 3700.0 s of audio in " in line for line in said)


def test_a_bad_one_is_one_line_the_others_go_on_and_the_status_is_2(folder):
    (folder / "notes.wav").write_text("not audio")
    done = run("gone.wav", "one.wav", "notes.wav", "two.wav")
    assert done.exit_code == 2 and done.exception.code == 2
    assert {line.split()[1] for line in done.stdout.splitlines()} == {"one", "two"}
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert [error.split(":")[1].strip() for error in errors] == ["gone.wav", "notes.wav"]
    assert done.stderr.splitlines()[-1] == "2 of 4 recordings were diarized"


def test_networks_that_cannot_be_loaded_end_it_all_with_one_line(folder, monkeypatch):
    def broken(*arguments: object, **keywords: object) -> None:
        LOADS.append(None)
        raise InputError("--weights nothing: no such folder")

    monkeypatch.setattr(room, "Diarizer", broken)
    assert refused("one.wav", "two.wav") == "--weights nothing: no such folder" and len(LOADS) == 1


def test_a_lonely_bad_one_loads_no_networks(folder):
    assert "gone.wav: there is no such" in refused("gone.wav")
    assert LOADS == []


def test_quiet_says_errors_and_warnings_only(folder):
    said = run("gone.wav", "one.wav", "--quiet").stderr.splitlines()
    assert [line.split(":")[0] for line in said] == ["error", "warning", "1 of 2 recordings were diarized"]


# forms and folders


def test_a_folder_has_a_file_per_recording_and_form(folder):
    forms = [word for form in ("rttm", "json", "csv", "srt", "textgrid", "audacity") for word in ("--format", form)]
    done = run("one.wav", "two.wav", *forms, "--out", "new/answers", "--plot")
    assert done.exit_code == 0 and done.stdout == ""
    endings = ("rttm", "json", "csv", "srt", "TextGrid", "txt", "svg")
    assert here(folder / "new" / "answers") == sorted(
        f"{name}.{ending}" for name in ("one", "two") for ending in endings
    )
    found = {path.suffix: path.read_text() for path in (folder / "new" / "answers").glob("two.*")}
    assert json.loads(found[".json"])["recording"] == "two"
    assert len(read_srt(found[".srt"])) == 4 and len(read_textgrid(found[".TextGrid"])) == 3
    assert found[".svg"].startswith("<?xml") and "SPEAKER_01" in found[".svg"]
    assert found[".rttm"] == answer().rttm("two")


def test_what_is_there_already_is_not_overwritten_unless_told_to(folder):
    (folder / "one.csv").write_text("mine")
    done = run("one.wav", "two.wav", "--format", "csv", "--out", ".")
    assert done.exit_code == 2 and (folder / "one.csv").read_text() == "mine" and (folder / "two.csv").exists()
    assert "error: one.csv: is there already; --overwrite replaces it" in done.stderr
    assert run("one.wav", "--format", "csv", "--out", ".", "--overwrite").exit_code == 0
    assert (folder / "one.csv").read_text() == answer().text("csv", "one")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("one.wav", "two.wav", "--format", "json"), "--format json: holds one recording, and here are 2; --out DIR"),
        (("one.wav", "--format", "json", "--format", "csv"), "--format json, csv: standard output takes one form"),
        (("one.wav", "two.wav", "--uri", "x"), "--uri x: names one recording, and here are 2"),
        (("one.wav", "./one.wav"), "one: one.wav and one.wav would bear that name"),
        (("one.wav", "one.flac", "--out", "o"), "o/one.rttm: one.wav and one.flac would be written there"),
        (("one.wav", "one.flac", "--plot"), "one.svg: one.wav and one.flac would be written there"),
        (("one.wav", "--format", "cvs"), "--format cvs: unknown; did you mean csv?"),
        (("-", "-"), "standard input holds one recording"),
        (("one.wav", "--embeddings", "e.csv"), "--embeddings e.csv: ends in '.csv', expected .npz"),
        (("one.wav", "--out", "two.wav"), "--out two.wav: is a file, expected a folder"),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused_before_anything_is_done(folder, arguments, words):
    before = here(folder)
    assert words in refused(*arguments)
    assert LOADS == [] and here(folder) == before


def test_embeddings_of_those_that_were_diarized(folder):
    run("one.wav", "gone.wav", "two.wav", "--embeddings", "voices.npz")
    with np.load(folder / "voices.npz", allow_pickle=False) as found:
        assert list(found["recording"]) == ["one"] * 3 + ["two"] * 3


def test_a_drawing_lies_in_the_working_folder_where_no_other_is_named(folder):
    assert run("one.wav", "--plot").exit_code == 0
    assert here(folder) == ["one.svg", "one.wav", "two.wav"]


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_a_drawing_is_the_same_bytes_every_time(tmp_path, ending):
    drawn = [face.plot_turns(answer(), tmp_path / name / f"a.{ending}").read_bytes() for name in ("x", "y")]
    assert drawn[0] == drawn[1] and len(drawn[0]) > 5000
    assert face.plot_turns(answer([], 1.0), tmp_path / f"silent.{ending}").exists()
    with pytest.raises(InputError, match=r"a picture ends in \.svg or \.png"):
        face.plot_turns(answer(), tmp_path / "a.bmp")


# part of a recording, and what is wrong with it


def test_the_part_and_the_channel_reach_the_pipeline(folder, monkeypatch):
    asked = []
    monkeypatch.setattr(Stub, "__call__", lambda self, audio, **keywords: asked.append(keywords) or answer())
    assert run("one.wav", "--start", 0.25, "--end", 0.75, "--channel", 0).exit_code == 0
    assert {key: asked[0][key] for key in ("start", "end", "channel")} == {"start": 0.25, "end": 0.75, "channel": 0}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--start", 5), "one.wav: --start 5 s is behind its end; it is 1.000 s long"),
        (("--channel", 1), "one.wav: has no channel 1; it has 1, counted from 0"),
        (("--start", 2, "--end", 1), "--end 1 is not after --start 2"),
        (("--start", -1), "--start -1.0: expected seconds"),
    ],
)
def test_a_part_that_is_not_there_is_refused_before_networks_are_loaded(folder, arguments, words):
    assert words in refused("one.wav", *arguments)
    assert LOADS == []


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
def test_what_is_wrong_with_a_recording_is_one_line(folder, quiet):
    first = run("one.wav", *quiet).stderr.splitlines()[0]
    assert first == "warning: one.wav: very quiet, -60 dBFS; see parity audio"


# names


@pytest.mark.parametrize("name", ["1505.10", "ñandú", 'a,b"c"'])
def test_odd_names_survive(folder, name):
    (folder / "one.wav").rename(folder / f"{name}.wav")
    assert {line.split()[1] for line in run(f"{name}.wav").stdout.splitlines()} == {name}
    assert set(pd.read_csv(io.StringIO(run(f"{name}.wav", "--format", "csv").stdout), dtype="string")["recording"]) == {
        name
    }


def test_a_name_with_a_space_is_refused_in_rttm_and_survives_elsewhere(folder):
    (folder / "one.wav").rename(folder / "a b.wav")
    said = refused("a b.wav")
    assert said.startswith("a b.wav: recording's name 'a b': RTTM separates") and "--uri" in said and LOADS == []
    assert run("a b.wav", "--uri", "a_b").stdout == answer().rttm("a_b")
    assert json.loads(run("a b.wav", "--format", "json").stdout)["recording"] == "a b"
    assert run("a b.wav", "--format", "srt", "--out", "o").exit_code == 0 and here(folder / "o") == ["a b.srt"]


def test_a_name_that_begins_with_a_dash_is_explained_and_survives(folder):
    (folder / "one.wav").rename(folder / "-dash.wav")
    line = only_error(parity("diarize", "-dash.wav"))
    assert line == "error: -dash.wav: a file whose name begins with a dash is taken for an option; write ./-dash.wav"
    for arguments in (("./-dash.wav",), ("--", "-dash.wav")):
        assert run(*arguments).stdout == answer().rttm("-dash")


# standard input


def test_standard_input_is_a_recording_of_any_declared_length(folder):
    whole = (folder / "one.wav").read_bytes()
    for data in (whole, whole[:40] + b"\xff\xff\xff\xff" + whole[44:]):
        done = run("-", input=data)
        assert done.exit_code == 0 and done.stdout == answer().rttm("stdin"), done.output
        assert "standard input: 3 speakers" in done.stderr
    assert run("-", "--uri", "call", "--format", "csv", input=whole).stdout == answer().text("csv", "call")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "standard input: is empty; a WAV was expected"),
        (b"no audio", "standard input: not audio that can be read"),
    ],
)
def test_standard_input_that_is_no_audio_is_one_line(in_an_empty_folder, data, words):
    done = subprocess.run(
        [sys.executable, "-m", "parity", "diarize", "-"], input=data, capture_output=True, check=False
    )
    assert done.returncode == 2 and done.stderr.decode().splitlines()[-1].startswith(f"error: {words}")
