"""What programs do instead of answering: one line each, the right exit status, nothing left behind.

The table below holds a kind of misbehaviour per line (`support.misbehaving`), whether the program is called or serves,
and the words that have to be in what is said of it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from support import ROOT
from support.command_line import hears_interruptions
from support.synthetic import automatic, captured, networks

from parity.community1 import Parameters
from parity.community1.annotation import to_rttm
from parity.errors import InputError
from parity.gate.gate import _word
from parity.gate.recorded import replay_tensors
from parity.measure.verdicts import PARITY, RAISES, exit_status
from parity.ports.program import process
from parity.ports.python import load_implementation

PROGRAM = ROOT / "tests/support/misbehaving.py"
STAGES = ("assignment", "reconstruction", "annotation")
SOON = 0.4
"""Seconds that a program which hangs is waited for; it never answers, however long that is."""

pytestmark = pytest.mark.usefixtures("one_blas_thread")

FAILS = [
    # kind, stage, words
    (
        "exits_3",
        "assignment",
        "Exited: exit status 3, expected 0 (its log ends: first / second / no model at ./weights",
    ),
    ("exits_silently", "assignment", "Exited: exit status 1, expected 0 (its log is empty)"),
    ("exits_127", "assignment", "Exited: exit status 127, expected 0"),
    ("segfaults", "assignment", "Crashed: died of signal 11 (SIGSEGV)"),
    ("aborts", "assignment", "Crashed: died of signal 6 (SIGABRT) (its log ends: assertion failed: clusters < 4)"),
    ("is_killed", "assignment", "Crashed: died of signal 9 (SIGKILL)"),
    ("raises", "assignment", "Exited: exit status 1, expected 0 (its log ends: "),
    ("writes_then_fails", "assignment", "Exited: exit status 1, expected 0 (its log ends: asked for assignment)"),
    ("hangs", "assignment", "TimedOut: no answer in 0.4 s; killed"),
    ("hangs_and_will_not_be_told", "assignment", "TimedOut: no answer in 0.4 s; killed"),
    ("hangs_with_a_child", "assignment", "TimedOut: no answer in 0.4 s; killed"),
    ("floods_its_log", "assignment", "TimedOut: more than 1 MiB of log; killed (its log ends: xxx"),
    ("floods_standard_output", "assignment", "TimedOut: more than 1 MiB of log; killed (its log ends: xxx"),
    ("writes_nothing", "assignment", "WrongOutput: wrote no hard_clusters; expected hard_clusters as .npy in OUT"),
    ("writes_one_of_two", "reconstruction", "WrongOutput: wrote no discrete_diarization; expected"),
    ("writes_elsewhere", "assignment", "WrongOutput: wrote no hard_clusters"),
    ("writes_too_much", "assignment", "WrongOutput: wrote debug.txt, which the stage does not write"),
    ("writes_a_folder_too", "assignment", "WrongOutput: wrote cache, which the stage does not write"),
    ("writes_json_instead", "assignment", "WrongOutput: wrote hard_clusters.json, which the stage does not write"),
    ("other_dtype", "assignment", "WrongOutput: hard_clusters is int64, expected int8"),
    ("floats", "assignment", "WrongOutput: hard_clusters is float32, expected int8"),
    ("objects", "assignment", "WrongOutput: hard_clusters.npy: an array of Python objects"),
    ("text", "assignment", "WrongOutput: hard_clusters.npy: dtype <U4; expected integers, floats or booleans"),
    ("transposed", "assignment", "hard_clusters has shape (3, 8), expected (C, S) with C = 8, as soft_clusters has"),
    ("flat", "assignment", "WrongOutput: OUT: hard_clusters has shape (24,), expected (C, S)"),
    ("a_chunk_less", "assignment", "hard_clusters has shape (7, 3), expected (C, S) with C = 8, as soft_clusters has"),
    ("not_a_number", "reconstruction", "WrongOutput: OUT: discrete_diarization holds 1 NaN, first at ("),
    ("half_a_file", "assignment", "WrongOutput: hard_clusters.npy: truncated: declares int8 of shape (8, 3), 24 bytes"),
    ("half_a_header", "assignment", "WrongOutput: hard_clusters.npy: not a .npy array, or its header is damaged"),
    ("an_empty_file", "assignment", "WrongOutput: hard_clusters.npy: not a .npy array, or its header is damaged"),
    ("more_bytes_than_it_says", "assignment", "hard_clusters.npy: declares int8 of shape (8, 3), 24 bytes, but 28"),
    ("raw_numbers", "assignment", "WrongOutput: hard_clusters.npy: not a .npy array"),
    (
        "huge",
        "assignment",
        "hard_clusters.npy: declares shape (4000000000, 3); lengths are from 0 to",
    ),
    ("a_link", "assignment", "WrongOutput: hard_clusters.npy in OUT is no plain file"),
    ("a_pipe", "assignment", "WrongOutput: hard_clusters.npy in OUT is no plain file"),
    ("an_old_file", "assignment", "hard_clusters.npy is older than the request: a file that was there before"),
    ("removes_out", "assignment", "WrongOutput: OUT is not the folder that it was (No such file or directory)"),
    ("out_is_a_file", "assignment", "WrongOutput: OUT is not the folder that it was (Not a directory)"),
    ("locks_its_folders", "assignment", "WrongOutput: "),
    ("turns_that_are_none", "annotation", "WrongOutput: diarization.rttm: line 1: "),
    ("turns_backwards", "annotation", "WrongOutput: diarization.rttm: line 1: 'SPEAKER clip 1 3.0 -1.0 "),
    ("log_is_binary", "assignment", "Exited: exit status 3, expected 0 (its log ends: \ufffd\ufffd??[31mred"),
    ("log_is_one_long_line", "assignment", "Exited: exit status 3, expected 0 (its log ends: yyy"),
    ("served_prints_before_its_answer", "assignment", "Garbled: wrote 'INFO loaded 3 clusters', expected an answer"),
    ("served_prints_after_its_answer", "reconstruction", "Garbled: wrote 'INFO done' before it was asked"),
    ("served_answers_twice", "reconstruction", 'Garbled: wrote \'{"id": 1, "ok": true}\' before it was asked'),
    ("served_answers_the_request_before", "assignment", "Garbled: answered id 0, the request was 1"),
    ("served_has_no_id", "assignment", "Garbled: answered id None, the request was 1"),
    ("served_has_no_ok", "assignment", 'Garbled: wrote \'{"id": 1, "done": true}\', expected an answer in JSON'),
    ("served_a_list", "assignment", 'Garbled: wrote \'[{"id": 1, "ok": true}]\', expected an answer in JSON'),
    ("served_refuses", "assignment", "Refused: said: no such stage in this build"),
    ("served_refuses_without_a_word", "assignment", "Refused: said: no reason"),
    ("served_answers_before_it_writes", "assignment", "WrongOutput: wrote no hard_clusters"),
    ("served_writes_where_it_wrote_last", "reconstruction", "WrongOutput: wrote no discrete_diarization"),
    (
        "served_dies",
        "assignment",
        "Crashed: died of signal 11 (SIGSEGV) before it answered (its log ends: out of memory)",
    ),
    ("served_leaves", "assignment", "Exited: exit status 0 before it answered"),
    ("served_leaves_at_once", "assignment", "Exited: exit status 0 before it answered"),
    ("served_hangs", "assignment", "TimedOut: no answer in 0.4 s; killed"),
    ("served_half_an_answer", "assignment", "TimedOut: no answer in 0.4 s; killed"),
    ("served_no_end_of_line", "assignment", "Garbled: wrote 'xxx"),
    ("served_closes_its_output", "assignment", "Garbled: closed its standard output before it answered"),
    ("served_does_not_listen", "assignment", "TimedOut: no answer in 0.4 s; killed"),
]

FORGIVEN = ["right", "leaves_a_child", "leaves_a_daemon", "served_dies_once", "served_stays"]
"""What comes out is right; what is left behind goes all the same."""

DESCRIBED = [
    ("describe_nothing", "printed '', expected one JSON object"),
    ("describe_in_words", "printed 'my_port 1.0 usage: my_port [--help]', expected one JSON object"),
    ("describe_twice", "expected one JSON object (Extra data"),
    ("describe_a_list", "a list, expected one JSON object"),
    ("describe_in_latin_1", "expected one JSON object"),
    ("describe_without_stages", "lacks stages; required are protocol, name, version, stages"),
    ("describe_no_stage", "stages is [], expected a list of names, at least one"),
    ("describe_another_protocol", "protocol 2; this version speaks 1"),
    ("describe_an_unknown_stage", "unknown stages clustering; "),
    ("describe_a_stage_twice", "stages names assignment twice"),
    ("describe_another_pipeline", "pipeline 'sortformer'; there are: community-1, rnnt"),
    ("describe_another_format", "formats: hdf5; there are: npy, safetensors"),
    ("describe_yes", 'serve is "yes", expected true or false'),
    ("describe_a_name_of_two_lines", "expected text on one line"),
    ("describe_exits_3", "exit status 3, expected 0 (its log ends: no licence)"),
    ("describe_segfaults", "died of signal 11 (SIGSEGV)"),
    ("describe_hangs", "no answer in 0.4 s; killed"),
    ("describe_floods", "more than 1 MiB of log; killed"),
]


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return captured(automatic(), tmp_path_factory.mktemp("automatic") / "one")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder for temporary folders, and an answer for every stage; what is left of either fails the test."""
    answers, temporary = tmp_path / "answers", tmp_path / "temporary"
    description = {"protocol": 1, "name": "misbehaving", "version": "1", "stages": STAGES}
    temporary.mkdir()
    for stage, names in (
        ("assignment", ["hard_clusters"]),
        ("reconstruction", ["discrete_diarization", "exclusive_discrete_diarization"]),
    ):
        (answers / stage).mkdir(parents=True)
        for name in names:
            np.save(answers / stage / f"{name}.npy", automatic()[name])
    (answers / "annotation").mkdir()
    for name in ("diarization", "exclusive_diarization"):
        (answers / "annotation" / f"{name}.rttm").write_text(to_rttm(automatic()[name], "clip"))
    (answers / "describe.json").write_text(json.dumps(description))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(process, "LOG_LIMIT", 1 << 20)
    yield answers
    assert list(temporary.iterdir()) == []
    assert still_running(answers) == []


def still_running(answers: Path) -> list[int]:
    """Processes that the program, or a child of it, still is; those that are about to be gone are not."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            told = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(answers).encode() in told and state != "Z" and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def command(kind: str, answers: Path) -> str:
    flags = ["--serve"] if kind.startswith("served_") else []
    return " ".join(["exec:" + sys.executable, "-S", str(PROGRAM), str(answers), *flags, f"--{kind}"])


def restricted(kind: str, stage: str, answers: Path) -> None:
    """Only the stage that misbehaves, and for servers those before it, are the program's."""
    path = answers / "describe.json"
    said = json.loads(path.read_text())
    stages = STAGES[: STAGES.index(stage) + 1] if kind.startswith("served_") else [stage]
    path.write_text(json.dumps(said | {"stages": stages}))


@pytest.mark.parametrize("kind, stage, words", FAILS, ids=[row[0] for row in FAILS])
def test_a_stage_that_fails_is_a_verdict_in_one_line(reference, place, kind, stage, words):
    restricted(kind, stage, place)
    with load_implementation(command(kind, place)) as under_test:
        if "no answer" in words:
            under_test.program.timeout = SOON
        outcome, _ = replay_tensors(reference, networks(), Parameters(), under_test)
        calls = under_test.program.settle().costs[stage].calls
    (raised,) = outcome.raised
    said = str(raised)
    assert raised.stage == stage and words in said
    assert said.startswith(f"stage {stage} raised ") and said.endswith("; on the reference's own inputs")
    assert "\n" not in said and len(said) < 1000 and said.isprintable() and "Traceback" not in raised.place
    assert outcome.problems[0] == said and exit_status([_word(outcome)]) == 1 and _word(outcome) == RAISES
    assert calls == 1  # isolated it reads the same, and is not asked again


@pytest.mark.parametrize("kind", FORGIVEN)
def test_a_program_that_answers_rightly_is_at_parity_whatever_it_leaves(reference, place, kind):
    restricted(kind, "assignment", place)
    with load_implementation(command(kind, place)) as under_test:
        outcome, _ = replay_tensors(reference, networks(), Parameters(), under_test)
        remarks = under_test.program.settle().remarks
    assert outcome.at_parity and _word(outcome) == PARITY and exit_status([PARITY]) == 0
    if kind == "served_dies_once":
        (remark,) = remarks
        assert "stage assignment: exit status 3 before it answered" in remark
        assert remark.endswith("its server was restarted once") and "\n" not in remark
    else:
        assert remarks == []


def test_a_server_that_dies_again_and_again_is_restarted_once_for_each_request(reference, place):
    restricted("served_dies", "reconstruction", place)
    with load_implementation(command("served_dies", place)) as under_test:
        outcome, _ = replay_tensors(reference, networks(), Parameters(), under_test)
        account = under_test.program.settle()
    assert [raised.stage for raised in outcome.raised] == ["assignment", "reconstruction"]
    assert len(account.remarks) == 2 and {cost.calls for cost in account.costs.values()} == {1}


@pytest.mark.parametrize("kind, words", DESCRIBED, ids=[row[0] for row in DESCRIBED])
def test_a_program_that_says_something_else_of_itself_is_refused(place, kind, words):
    limit = SOON if "no answer" in words else None
    with pytest.raises(InputError) as refused:
        load_implementation(command(kind, place), limit)
    said = str(refused.value)
    assert words in said and said.startswith("--implementation exec:") and "\n" not in said and len(said) < 1000


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_lab_interrupted_while_it_waits_leaves_nothing(place, tmp_path, number, status):
    described = {"protocol": 1, "name": "hangs", "version": "1", "pipeline": "rnnt", "stages": ["choose"]}
    (place / "describe.json").write_text(json.dumps(described))
    words = [sys.executable, "-m", "parity", "rnnt", "replay", "small"]
    words += ["--implementation", command("hangs_and_says_so", place), "--json", str(tmp_path / "rnnt.json")]
    environment = {**os.environ, "TMPDIR": tempfile.gettempdir()}
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "preexec_fn": hears_interruptions}
    with subprocess.Popen(words, env=environment, **pipes) as lab:
        while not (place / "hangs").exists():
            assert lab.poll() is None
            time.sleep(0.05)
        lab.send_signal(number)
        _, said = lab.communicate(timeout=60)
    assert lab.returncode == status and "Traceback" not in said
    assert not (tmp_path / "rnnt.json").exists()


def test_there_are_forty_kinds_and_each_is_in_the_table():
    names = {row[0] for row in FAILS} | set(FORGIVEN) | {row[0] for row in DESCRIBED}
    defined = {line[4:].split("(")[0] for line in PROGRAM.read_text().splitlines() if line.startswith("def ")}
    helpers = {"hangs_and_says_so", "written", "npy", "shaped", "requests", "served", "say"}
    assert defined - helpers == names and len(names) >= 40
