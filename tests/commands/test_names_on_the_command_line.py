"""Names of fixtures, faults and runtimes: typed in part, misspelt, and completed by the shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from support import ROOT
from support.command_line import only_error, parity
from support.synthetic import synthetic
from typer.testing import CliRunner

from parity.__main__ import app
from parity.commands import completion
from parity.commands.options import chosen_faults
from parity.errors import InputError
from parity.faults.fault import load_faults
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.networks.wespeaker.choice import check_choice
from parity.networks.wespeaker.runtime import RUNTIMES, check_runtimes
from parity.ports.python import load_implementation
from parity.subjects.rnnt import faults as rnnt_faults
from parity.subjects.rnnt.fixtures import FIXTURES, select

PANELS = ("Check a port", "Why not the same", "Can it be trusted", "Use it", "Fixtures")


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments], env={"COLUMNS": "120"})
    assert done.exit_code == 0, done.output
    return done.output


def refused(*arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments])
    assert isinstance(done.exception, InputError), done.output
    return str(done.exception)


def test_help_is_in_groups_and_every_command_is_in_one():
    text = said("--help")
    assert [text.index(f"─ {panel} ─") for panel in PANELS] == sorted(text.index(f"─ {panel} ─") for panel in PANELS)
    assert "─ Commands ─" not in text


def test_the_version_is_one_line_with_the_reference():
    line = said("--version")
    assert line.startswith("diarization-parity-lab 0.") and line.endswith("reference pyannote.audio 4.0.4\n")
    assert "Python 3." in line and line.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "explain", "kit", "layers", "margins", "calibrate", "stability"])
def test_a_fixture_is_named_as_argument_or_option_alike(command):
    text = said(command, "--help")
    assert "FIXTURE" in text.split("─ Options ─")[0] and "--fixture" in text


@pytest.mark.parametrize("arguments", [("margins", "02"), ("margins", "--fixture", "02_py")])
def test_a_beginning_is_enough(arguments):
    text = said(*arguments)
    assert "closest decisions of 1 fixtures" in text and "02_pyannote_sample" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "pyannote_sample"), "unknown fixture 'pyannote_sample'; did you mean 02_pyannote_sample?"),
        (("run", "--fixture", "0"), "'0' begins more than one name: 01_far_field_pair, 02_pyannote_sample"),
        (("margins", "2_pyannote"), "did you mean 02_pyannote_sample?"),
        (("explain",), "which fixture? name one"),
        (("explain", "02", "--fixture", "03"), "02_pyannote_sample and 03_sparse_speech: one fixture at a time"),
        (("kit", "folder", "02", "--fixture", "03"), "one fixture at a time"),
        (("layers", "02", "--runtime", "onx"), "--runtime onx: unknown; did you mean onnx"),
        (("run", "02", "--runtime", "onnx-int8"), "onnx-int8-dynamic, onnx-int8-per-tensor, onnx-int8-per-channel"),
        (("calibrate", "02", "--only", "cosine_hysteresis"), "no such fault; did you mean hysteresis"),
        (("rnnt", "replay", "--fault", "gate_ordr"), "--fault gate_ordr: unknown; did you mean gate_order?"),
    ],
)
def test_slips_are_answered_with_what_may_have_been_meant(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words in refused(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_beginnings_of_runtimes_stand_for_the_whole_name_in_what_follows():
    assert check_choice("au") == "auto" and check_choice("onnx-f") == "onnx-float16"
    assert check_runtimes(["onnx", "onnx-b"]) == ["onnx", "onnx-bfloat16"]
    with pytest.raises(InputError, match="each once"):
        check_runtimes(["onnx-float16", "onnx-f"])


def test_a_misspelt_stage_of_an_implementation_is_answered_likewise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slip.py").write_text("PORT = {'reconstrution': print}\n")
    under_test = load_implementation("slip:PORT")
    with pytest.raises(InputError, match=r"unknown stage reconstrution; did you mean reconstruction\? known: audio"):
        under_test(synthetic())


def test_completions_are_the_names_there_are():
    assert completion.fixture_names() == list(Catalogue.read(default_folder()).names)
    assert sorted(completion.fault_names()) == sorted(fault.name for fault in load_faults())
    assert completion.rnnt_fault_names() == [fault.name for fault in rnnt_faults.FAULTS]
    assert set(completion.rnnt_fixture_names()) == set(FIXTURES) and [f.name for f in select(["smal"])] == ["small"]
    assert completion.runtime_names() == ["auto", *RUNTIMES]
    assert completion.complete_fixture("02") == ["02_pyannote_sample"]
    assert completion.complete_fixture("sample") == ["02_pyannote_sample"]


def test_where_nothing_can_be_offered_there_is_no_error(monkeypatch, tmp_path):
    monkeypatch.setenv("PARITY_FIXTURES", str(tmp_path / "nowhere"))
    assert completion.complete_fixture("02") == []


def test_completing_loads_little():
    code = (
        "import json, sys; from parity.commands import completion as c\n"
        "c.complete_fixture('0'); c.complete_fault('a'); c.complete_runtime('o'); c.complete_rnnt_fault('g')\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"scipy", "matplotlib", "onnxruntime", "onnx", "soundfile"} & set(json.loads(done.stdout))


def test_the_shell_is_offered_fixtures_and_faults():
    for words, offered in (("parity run 0", "02_pyannote_sample"), ("parity explain 02 --fault hys", "hysteresis")):
        shell = {
            "_PARITY_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        code = "import sys; sys.argv = ['parity']; from parity.__main__ import app; app(prog_name='parity')"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env={**os.environ, **shell}
        )
        assert offered in done.stdout.split(), done.stderr


def test_the_process_ends_with_2_and_one_line(tmp_path):
    assert "did you mean 02_pyannote_sample?" in only_error(parity("run", "pyannote_sample"))


@pytest.mark.parametrize(
    "only, stages, count, of",
    [
        ([], ["fbank", "vbx"], None, ["fbank", "vbx"]),
        (["vbx_other_fa", "fbank_dither"], ["vbx"], 1, ["vbx"]),
        (["vbx_other_fa", "fbank_dither"], [], 2, []),
    ],
)
def test_faults_are_chosen_by_name_and_by_stage(only, stages, count, of):
    faults = load_faults()
    chosen, found = chosen_faults(faults, only, stages)
    assert found == of and len(chosen) == (count or sum(fault.stage in of for fault in faults))
    assert all(fault.stage in (of or [fault.stage]) for fault in chosen)


@pytest.mark.parametrize(
    "only, stages, words", [([], ["vbxx"], "did you mean vbx"), (["fbank_dither"], ["vbx"], "none of these faults")]
)
def test_stages_without_faults_are_refused(only, stages, words):
    with pytest.raises(InputError, match=words):
        chosen_faults(load_faults(), only, stages)
