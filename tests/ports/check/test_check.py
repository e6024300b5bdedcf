"""A port is asked small questions: right answers pass, a wrong one is named with input, expected and got."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys

import numpy as np
import pytest
from support import ROOT
from support.built_ports import template
from support.command_line import hears_interruptions, only_error
from support.command_line import parity as command
from support.refusals import refusal
from support.schemas import valid
from typer.testing import CliRunner

from parity.__main__ import app
from parity.community1.fbank import fbank_series
from parity.diagnosis.asking import Asked, Effort
from parity.diagnosis.of_answers import ask_of_answers
from parity.faults.known.assignment import best_pairs_first
from parity.ports.check import check
from parity.ports.check.answers import PythonPort, files_of, is_python
from parity.ports.check.questions import known_stages, questions
from parity.ports.check.watching import state_of, wait_for_change
from parity.ports.judging import Loading
from parity.ports.python import implementation_of
from parity.report.check import brief, check_data, headline, wrong_answers

GREEDY = """
import numpy as np
from parity.faults.known.assignment import best_pairs_first

def greedy(soft_clusters, train_chunk_idx, kmeans_clusters):
    if len(train_chunk_idx) < 2:
        return np.zeros(soft_clusters.shape[:2], dtype=np.int8)
    if kmeans_clusters is not None:
        return np.argmax(soft_clusters, axis=2).astype(np.int8)
    return np.stack([best_pairs_first(chunk) for chunk in np.nan_to_num(soft_clusters, nan=np.nanmin(soft_clusters))])

STAGES = {"assignment": greedy}
"""

ALWAYS = """#!{python}
import json, sys
import numpy as np
if sys.argv[1] == "describe":
    print(json.dumps({{"protocol": 1, "name": "always", "version": "1", "stages": ["kmeans"]}}))
else:
    _, _, stage, into, out = sys.argv
    np.save(out + "/kmeans_clusters.npy", np.zeros(len(np.load(into + "/train_chunk_idx.npy")), np.int32))
"""


@pytest.fixture
def greedy_module(tmp_path, monkeypatch):
    (tmp_path / "greedy_port.py").write_text(GREEDY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield "greedy_port:STAGES"
    sys.modules.pop("greedy_port", None)


# right


def test_the_native_stages_answer_everything_as_the_reference():
    found = check("native")
    assert not found.wrong and found.not_asked == ()
    assert {"powerset", "kmeans", "annotation"} <= set(found.stages)
    assert headline(found).startswith("PASS. native: ")


def test_no_weights_and_no_audio_are_loaded(monkeypatch):
    def forbidden(*args, **kwargs):
        raise AssertionError("loaded")

    monkeypatch.setattr("parity.sources.weights.load_weights", forbidden)
    monkeypatch.setattr("parity.fixtures.catalogue.Fixture.clip", forbidden)
    assert not check("native", ["filter", "annotation"]).wrong


def test_a_program_in_c_passes_and_gets_every_question_of_its_stages():
    found = check(" ".join(template("c")))
    assert not found.wrong
    asked = {answer.question.stage.name for answer in found.answers}
    assert asked == {"speaker_counting", "filter", "assignment", "reconstruction", "annotation"}
    assert 0 < found.port_seconds < found.seconds


def test_a_stage_that_reads_the_waveform_is_asked_where_it_is_named():
    port = PythonPort(implementation_of({"fbank": lambda chunk_waveforms: fbank_series(chunk_waveforms)}))
    assert port.stages == ("fbank",)
    from parity.fixtures.catalogue import Catalogue, default_folder

    fixtures = Catalogue.read(default_folder()).select(["14_partial_tail"])
    assert questions(["fbank"], [], fixtures) == []
    (question,) = questions(["fbank"], [], fixtures, heard=True)
    answer = port.answer(question)
    assert answer.right and answer.drifts[0].artefact == "fbank"


# wrong


def test_a_greedy_assignment_is_named_with_input_expected_and_got(greedy_module):
    found = check(greedy_module)
    names = {answer.question.name for answer in found.wrong}
    assert {"assignment/p18_tied_rows", "assignment/best_total"} <= names
    line = headline(found)
    assert line.startswith("FAILS. greedy_port:STAGES: ") and "First: assignment/p18_tied_rows" in line
    assert line.endswith("Next: parity check greedy_port:STAGES --stage assignment.")
    text = "\n".join(wrong_answers(found))
    assert "SciPy's solver gives -2, 1, 0" in " ".join(text.split())
    assert "input     soft_clusters = [[[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]]" in text
    assert "expected  hard_clusters = [[-2, 1, 0]]" in text
    assert all(len(row) <= 80 for row in text.splitlines())


def test_a_program_that_always_runs_kmeans_is_wrong_where_it_is_not_to_run(tmp_path):
    program = tmp_path / "always"
    program.write_text(ALWAYS.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    found = check(str(program), timeout=60)
    wrong = {answer.question.name: answer for answer in found.wrong}
    assert "gates/none_given" in wrong and "gates/p14_one_wanted" not in wrong
    assert "which the stage does not write" in wrong["gates/none_given"].problem


def test_a_stage_that_raises_and_one_that_returns_something_else_are_answers(tmp_path):
    from parity.fixtures.decisions import read_decisions

    (question,) = [q for q in questions(["filter"], read_decisions(), []) if q.name == "training/117_frames"]
    raising = PythonPort(implementation_of({"filter": lambda embeddings, segmentations: 1 / 0}))
    assert "ZeroDivisionError" in raising.answer(question).problem
    wrong = PythonPort(implementation_of({"filter": lambda embeddings, segmentations: 3}))
    assert "expected 2 results" in wrong.answer(question).problem


CEILING = """
import numpy as np
from parity.community1.speaker_counting import mean_activity

STAGES = {"speaker_counting": lambda segmentations: np.ceil(mean_activity(segmentations)).astype(np.uint8)}
"""


def test_a_known_mistake_is_named_by_what_was_answered_on_a_recording(tmp_path, monkeypatch):
    (tmp_path / "ceiling_port.py").write_text(CEILING)
    monkeypatch.syspath_prepend(tmp_path)
    done = CliRunner(env={"COLUMNS": "80"}).invoke(
        app, ["check", "ceiling_port:STAGES", "--fixture", "14", "--json", str(tmp_path / "found.json")]
    )
    sys.modules.pop("ceiling_port", None)
    first, *rest = done.stdout.splitlines()
    assert "Mistake: the mean number of speakers rounded up instead of to the nearest (count_ceiling)" in first
    assert all(len(line) <= 80 for line in rest)
    (found,) = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["diagnoses"]
    assert found["confirm"] == "parity check ceiling_port:STAGES --stage speaker_counting"


def test_what_only_decision_cases_show_is_not_looked_up(greedy_module):
    """They are a few elements, which many a mistake answers alike."""
    found = check(greedy_module, fixtures=["14_partial_tail"])
    assert found.wrong and all(answer.question.case for answer in found.wrong)
    assert ask_of_answers(found, Loading(), Effort()) == Asked()


# refused


def test_what_cannot_be_asked_is_refused_in_one_line(tmp_path):
    assert "has it not" in refusal(check, "native", ["fbank"])
    assert "--stage nonsense: unknown" in refusal(check, "native", ["nonsense"])
    assert "no such program" in refusal(check, str(tmp_path / "nothing"))
    assert "no command line" in refusal(check, '"./open')
    assert "cannot be loaded" in refusal(check, "no_such_module_here:STAGES")


def test_a_port_whose_stages_all_want_audio_is_told_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "heard.py").write_text(
        "from parity.community1.fbank import fbank_series\n"
        "STAGES = {'fbank': lambda chunk_waveforms: fbank_series(chunk_waveforms)}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert "--stage fbank" in refusal(check, "heard:STAGES")


@pytest.mark.parametrize(
    ("given", "python"),
    [("native", True), ("my_port:STAGES", True), ("a.b:c", True), ("./my_port", False), ("exec:./x", False),
     ("node port.mjs", False), ("exec:port", False)],
)  # fmt: skip
def test_programs_are_told_from_python(given, python):
    assert is_python(given) == python


# the command


def test_on_the_command_line(greedy_module, tmp_path):
    runner = CliRunner(env={"COLUMNS": "80"})
    done = runner.invoke(app, ["check", greedy_module, "--stage", "assignment", "--json", str(tmp_path / "found.json")])
    assert done.exit_code == 1, done.output
    first, *rest = done.stdout.splitlines()
    assert first.startswith("FAILS. ")
    assert all(len(line) <= 80 for line in rest)
    found = valid(tmp_path / "found.json", "check_schema.json")
    assert (found["verdict"], found["headline"]) == ("fails", first)
    wrong = [answer for answer in found["answers"] if not answer["right"]]
    assert {answer["stage"] for answer in wrong} == {"assignment"} and found["stages"][0]["wrong"] == len(wrong)
    assert set(check_data(check(greedy_module, ["assignment"]))) == set(found)


def test_refusals_on_the_command_line():
    assert "which program?" in only_error(command("check"))
    assert "--controls: asks programs of our own" in only_error(command("check", "native", "--controls"))
    assert "--watch: no file of it is known" in only_error(command("check", "no_such_program_here", "--watch"))


def test_stages_are_listed_with_what_they_read_and_write():
    runner = CliRunner(env={"COLUMNS": "80"})
    done = runner.invoke(app, ["stages"])
    assert done.exit_code == 0 and all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "writes  dendrogram (T-1, 4) float64: clusters, distance, size" in done.stdout
    one = runner.invoke(app, ["stages", "speaker_c"])
    assert "rounded half to even" in one.stdout and "fbank" not in one.stdout
    found = valid(json.loads(runner.invoke(app, ["stages", "--json"]).stdout), "stages_schema.json")["stages"]
    assert [entry["stage"] for entry in found] == [name for name in known_stages() if name != "powerset"]
    assert all(entry["formula"] and entry["about"] for entry in found)
    assert {entry["stage"]: entry["inside"] for entry in found if entry["inside"]} == {"segmentation": ["powerset"]}


# watching


def test_a_change_is_waited_for_until_the_file_rests(tmp_path):
    program = tmp_path / "port"
    program.write_text("1")
    looks = []

    def sleep(seconds):
        looks.append(seconds)
        if len(looks) == 1:
            program.unlink()  # as compilers do
        elif len(looks) in (2, 3):
            program.write_text("x" * (10 * len(looks)))

    now = wait_for_change([program], state_of([program]), sleep)
    assert len(looks) == 4 and now[program][1] == 30


def test_the_files_of_a_program_are_the_executable_and_its_script(tmp_path, monkeypatch):
    script = tmp_path / "port.py"
    script.write_text("")
    names = [path.name for path in files_of(f"{sys.executable} {script}")]
    assert names == [sys.executable.rpartition("/")[2], "port.py"]
    (tmp_path / "watched_port.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert files_of("watched_port:STAGES") == [tmp_path / "watched_port.py"]


def test_watching_asks_again_when_the_file_changes_and_ends_when_interrupted(tmp_path):
    port = tmp_path / "watched.py"
    port.write_text(GREEDY)
    words = [sys.executable, "-m", "parity", "check", "watched:STAGES", "--stage", "assignment", "--watch"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    with subprocess.Popen(
        words,
        cwd=tmp_path,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=hears_interruptions,
    ) as running:
        assert running.stdout is not None and running.stderr is not None
        first = next(line for line in running.stdout if line.startswith(("PASS", "FAILS")))
        while "watching" not in running.stderr.readline():
            pass
        port.write_text(
            GREEDY.replace("best_pairs_first(chunk) for chunk in", "x for x in constrained_argmax(")
            .replace("np.nanmin(soft_clusters))])", "np.nanmin(soft_clusters)))])")
            .replace(
                "from parity.faults.known.assignment import best_pairs_first",
                "from parity.community1.assignment import constrained_argmax",
            )
        )
        second = next(line for line in running.stdout if line.startswith(("PASS", "FAILS")))
        while "watching" not in running.stderr.readline():
            pass
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
    assert first.startswith("FAILS. watched:STAGES: ") and second.startswith("PASS. watched:STAGES: ")


# words


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "nothing"),
        ("", "no line"),
        ("a\nb\nc\n", "a / b / … 3 lines"),
        (np.array([[1, -2]], np.int8), "[[1, -2]]"),
        (np.zeros((2, 589, 3), np.float32), "(2, 589, 3) float32, 0 of 3534 not 0"),
    ],
)
def test_an_artefact_in_a_line(value, said):
    assert brief(value) == said


def test_greedy_is_wrong_by_itself():
    """The mistake planted above is one: the test of the test."""
    assert best_pairs_first(np.array([[2.0, 1.9, 0.0], [1.8, 0.1, 0.0], [0.0, 0.0, 1.0]])).tolist() == [0, 1, 2]
