"""The steps of a release, the dear ones faked: what each takes for good, what stops it, what is kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from support import ROOT
from support.table_examples import document

from parity.errors import InputError
from release import captures, checks, packages, plan
from release.log import Log, minutes
from release.running import Place, Stopped, told

JUNIT = '<testsuites><testsuite tests="{}" failures="{}" errors="0" skipped="1"/></testsuites>'


class Fake:
    """A place whose commands leave what a table says, and remember what they were."""

    def __init__(self, folder: Path, leaves: dict[str, object], said: str = "", status: int = 0) -> None:
        self.root, self.folder, self.python, self.capture_python = ROOT, folder, "python", "python"
        self.leaves, self.said, self.status, self.commands = leaves, said, status, []

    def run(self, name, *words, capture=False, ok=(0,), **environment):
        self.commands.append((name, [str(word) for word in words], environment))
        for file, found in self.leaves.items():
            text = found if isinstance(found, str) else json.dumps(found)
            (self.folder / file).write_text(text)
        return self.status, self.said


# the log


def test_what_is_done_for_a_commit_is_kept_and_for_another_it_is_not(tmp_path):
    said, done = [], []

    def work():
        done.append(1)
        return {"said": "well"}

    log = Log.open(tmp_path, "abc", {})
    log.run("one", work, said.append, of=(1, 2))
    again = Log.open(tmp_path, "abc", {})
    again.run("one", work, said.append, of=(1, 2))
    assert len(done) == 1 and "kept" in said[-1]
    again.run("one", work, said.append, of=(1,))
    assert len(done) == 2
    (tmp_path / "calibration.json").write_text("{}")
    Log.open(tmp_path, "abc", {})
    assert (tmp_path / "calibration.json").exists()
    Log.open(tmp_path, "def", {}).run("one", work, said.append)
    assert len(done) == 3 and not (tmp_path / "calibration.json").exists()  # which another commit's would go on from
    assert Log.open(tmp_path, "def", {}, anew=True).done == {}


def test_a_step_that_stops_is_not_kept_and_those_before_it_are(tmp_path):
    def stops():
        raise Stopped("no")

    steps = [plan.Step("one", lambda: {"said": "well"}), plan.Step("two", stops)]
    with pytest.raises(Stopped):
        plan.carry_out(steps, Log.open(tmp_path, "abc", {}), lambda line: None)
    assert list(Log.open(tmp_path, "abc", {}).done) == ["one"]


def test_a_log_that_cannot_be_read_is_refused_in_a_line(tmp_path):
    (tmp_path / "log.json").write_text("{")
    with pytest.raises(InputError, match="cannot be gone on from"):
        Log.open(tmp_path, "abc", {})
    assert (minutes(99), minutes(150)) == ("99 s", "2.5 min")


def test_a_command_that_fails_stops_with_the_end_of_what_it_said(tmp_path):
    code = "print('first'); print('the cause'); raise SystemExit(3)"
    with pytest.raises(Stopped, match=r"exit status 3; all of it: .*x\.txt; its end: first / the cause"):
        told("x", [sys.executable, "-c", code], tmp_path, tmp_path / "x.txt")
    assert told("x", [sys.executable, "-c", code], tmp_path, tmp_path / "x.txt", (3,))[0] == 3
    with pytest.raises(Stopped, match="cannot be started"):
        told("x", [str(tmp_path / "nothing")], tmp_path, tmp_path / "x.txt")


def test_a_module_is_run_in_the_checkout_with_the_interpreter_that_has_what_it_needs(tmp_path):
    place = Place(ROOT, tmp_path, sys.executable, "no such interpreter")
    assert "Python" in place.run("version", "platform")[1] or place.run("version", "platform")[0] == 0
    with pytest.raises(Stopped, match="no such interpreter cannot be started"):
        place.run("version", "platform", capture=True)


# the lab's own sessions


@pytest.mark.parametrize("total, failed, good", [(12, 0, True), (12, 1, False), (1, 0, False)])
def test_tests_pass_where_some_do_and_none_fails(tmp_path, total, failed, good):
    place = Fake(tmp_path, {"tests.xml": JUNIT.format(total, failed)})
    if good:
        assert checks.tests(place, [])["said"] == "11 passed, 1 skipped, 0 failed"
        assert "--numprocesses=auto" in place.commands[0][1]
    else:
        with pytest.raises(Stopped, match=f"{total - failed - 1} passed, {failed} failed"):
            checks.tests(place, [])


def test_the_main_job_runs_from_a_cache_that_is_not_there_before_or_after(tmp_path):
    (tmp_path / "cache").mkdir()
    found = {"summary": {"at_parity": 2, "fixtures": 2, "worst_der": 0.0, "worst_embedding_drift": 1e-6}}
    place = Fake(tmp_path, {"parity.json": found})
    assert checks.main_job(place, ["14"])["said"].startswith(
        "2 of 2 at parity, DER 0.0000, worst embedding drift 1.0e-06"
    )
    ((_, words, environment),) = place.commands
    assert words[:3] == ["parity", "run", "14"] and environment == {"PARITY_CACHE": str(tmp_path / "cache")}
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("at_parity, fixtures", [(1, 2), (0, 0)])
def test_a_fixture_that_is_not_at_parity_stops_the_release(at_parity, fixtures):
    summary = {"at_parity": at_parity, "fixtures": fixtures, "worst_der": 0.1, "worst_embedding_drift": None}
    with pytest.raises(Stopped, match=f"{at_parity} of {fixtures} at parity"):
        checks.of_main_job({"summary": summary})


def calibrated(**changed):
    summary = {"faults": 3, "moving": 2, "detected": 2, "named": 2, "false_alarms": 0, "clean_runs": 1, "trials": 3}
    return {"summary": summary | changed}


@pytest.mark.parametrize("changed", [{"false_alarms": 1}, {"detected": 1}, {"named": 1}])
def test_a_calibration_that_missed_or_misnamed_something_stops_it(changed):
    assert "3 faults on every fixture" in checks.of_calibration(calibrated(), [])["said"]
    with pytest.raises(Stopped):
        checks.of_calibration(calibrated(**changed), [])


def test_a_calibration_is_kept_where_nothing_that_it_depends_on_changed(tmp_path, monkeypatch):
    last, folder = tmp_path / "0.1.0", tmp_path / "made"
    last.mkdir()
    folder.mkdir()
    (last / "calibration.json").write_text(json.dumps(calibrated()))
    steps = {"calibration": {"depends_on": "same", "on": [], "made_in": ""}}
    (last / "release.json").write_text(json.dumps({"version": "0.1.0", "steps": steps}))
    monkeypatch.setattr(checks, "depends_on", lambda root: "same")
    place = Fake(folder, {"calibration.json": calibrated()})
    found = checks.calibration(place, last, [])
    assert place.commands == [] and found["made_in"] == "0.1.0" and "kept from 0.1.0" in found["said"]
    assert (folder / "calibration.json").is_file()
    monkeypatch.setattr(checks, "depends_on", lambda root: "other")
    (folder / "calibration.json").unlink()
    assert checks.calibration(place, last, [])["made_in"] == "" and len(place.commands) == 1
    assert checks.calibration(place, last, ["14"])["on"] == ["14"]
    assert place.commands[-1][1] == [
        "parity",
        "calibrate",
        "--fixture",
        "14",
        "--resume",
        "--json",
        str(folder / "calibration.json"),
    ]


def test_a_part_of_a_calibration_is_not_kept_for_the_next_release(tmp_path, monkeypatch):
    (tmp_path / "calibration.json").write_text(json.dumps(calibrated()))
    steps = {"calibration": {"depends_on": "same", "on": ["14"], "made_in": ""}}
    (tmp_path / "release.json").write_text(json.dumps({"version": "0.1.0", "steps": steps}))
    assert checks.kept_calibration(tmp_path, "same") is None
    assert checks.kept_calibration(tmp_path / "nothing", "same") is None


def test_what_a_module_reaches_is_followed_wherever_an_import_stands(tmp_path):
    for name, text in {
        "a": "from parity import b", "b": "def f():\n    import parity.c.d", "c/__init__": "", "c/d": "X = 'parity.e'",
        "e": "import os", "f": "", "__init__": "",
    }.items():  # fmt: skip
        path = tmp_path / "parity" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    names = [path.relative_to(tmp_path / "parity").as_posix() for path in checks.reached(tmp_path, "parity.a")]
    assert names == ["__init__.py", "a.py", "b.py", "c/__init__.py", "c/d.py", "e.py"]


def test_bench_and_fuzz_say_what_they_did(tmp_path):
    place = Fake(tmp_path, {"bench.json": document("bench"), "fuzz.json": {"summary": {"inputs": 4000, "readers": 43}}})
    assert checks.bench(place, ["14"])["said"].startswith("9.999 times pyannote's speed (01_far_field_pair")
    assert checks.fuzz(place, 4000)["said"] == "4,000 inputs to 43 readers, nothing broken"


# captures


SNAPSHOT = {"machine": {"cpu": "some", "limited_to": {"ATEN_CPU_CAPABILITY": "avx2", "OPENBLAS_CORETYPE": None}}}


@pytest.fixture
def snapshots(tmp_path):
    (tmp_path / "14").mkdir()
    (tmp_path / "14" / "manifest.json").write_text(json.dumps(SNAPSHOT))
    return tmp_path


def test_a_capture_is_made_with_the_instruction_sets_of_the_kept_one(snapshots):
    place = Fake(snapshots, {}, "14: 23 of 23 artefacts bit-identical\n")
    found = captures.check_capture(place, snapshots, "14")
    assert (found["bit_identical"], found["artefacts"], found["differs"]) == (23, 23, [])
    assert found["said"] == "23 of 23 artefacts bit-identical here, captured on some"
    ((_, words, environment),) = place.commands
    assert words == ["capture", "--fixture", "14", "--check"] and environment == {"ATEN_CPU_CAPABILITY": "avx2"}


def test_a_capture_within_tolerance_says_by_how_much_and_one_that_moved_stops_it(snapshots):
    moved = "embeddings: max 1.00e-06, rms 1e-07, 0 of 96 mismatch: within tolerance"
    said = f"note\n14: 22 of 23 artefacts bit-identical\n14: {moved}\n"
    found = captures.check_capture(Fake(snapshots, {}, said), snapshots, "14")
    assert "22 of 23" in found["said"] and "embeddings: max 1.00e-06" in found["said"]
    with pytest.raises(Stopped, match="14: its capture moved: embeddings: max"):
        captures.check_capture(Fake(snapshots, {}, said, status=1), snapshots, "14")
    with pytest.raises(Stopped, match="does not say"):
        captures.check_capture(Fake(snapshots, {}, "nothing"), snapshots, "14")
    summary = captures.captures_document([found])["summary"]
    assert summary == {"fixtures": 1, "bit_identical": 0, "within": 1, "same_processor": 0}


# packages


def test_one_wheel_and_one_sdist_of_the_version_are_wanted(tmp_path):
    with pytest.raises(Stopped, match=r"one wheel of 0\.2\.0, found none"):
        packages.of_build(tmp_path / "dist", "0.2.0")
    (tmp_path / "a-0.2.0-py3-none-any.whl").write_bytes(b"x" * 100)
    (tmp_path / "a-0.1.0.tar.gz").write_bytes(b"x")
    with pytest.raises(Stopped, match=r"one sdist of 0\.2\.0, found a-0\.1\.0\.tar\.gz"):
        packages.of_build(tmp_path, "0.2.0")
    (tmp_path / "a-0.1.0.tar.gz").rename(tmp_path / "a-0.2.0.tar.gz")
    found = packages.of_build(tmp_path, "0.2.0")
    assert found["wheel"]["bytes"] == 100 and len(found["sdist"]["sha256"]) == 64


def test_a_bill_of_materials_names_the_project(tmp_path):
    path = tmp_path / "sbom.json"
    path.write_text(json.dumps({"specVersion": "1.6", "components": [{"name": "numpy"}]}))
    with pytest.raises(Stopped, match="does not name"):
        packages.of_bill(path)
    parts = [{"name": "numpy"}, {"name": "diarization-parity-lab"}]
    path.write_text(json.dumps({"specVersion": "1.6", "components": parts}))
    assert packages.of_bill(path)["said"] == "2 packages, CycloneDX 1.6"


# the plan


def test_the_plan_captures_every_fixture_and_leaves_out_what_is_told(tmp_path):
    place = Place(ROOT, tmp_path, "python", "python")
    names = [step.name for step in plan.steps(place, "0.2.0", plan.Asked())]
    assert names[:2] == ["tests", "parity"] and sum(name.startswith("capture ") for name in names) == 14
    assert names[-6:] == ["calibration", "bench", "fuzz", "build", "install", "sbom"]
    fewer = plan.steps(place, "0.2.0", plan.Asked(captures=("14",), without=("tests", "bench")))
    assert [step.name for step in fewer][:2] == ["parity", "capture 14_partial_tail"]
    with pytest.raises(InputError, match="--without nothing: no such step; there are bench"):
        plan.steps(place, "0.2.0", plan.Asked(without=("nothing",)))


@pytest.mark.parametrize("asked", [{"captures": ("14",)}, {"without": ("tests",)}, {"fuzz_inputs": 10}])
def test_less_than_everything_is_a_rehearsal(asked):
    assert not plan.Asked().partial and plan.Asked(**asked).partial
