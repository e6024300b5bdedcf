"""The script for a GPU: every step is guarded, what is found is kept at once, and pages say what the report says."""

from __future__ import annotations

import json
import shutil
import time

import jsonschema
import numpy as np
import pytest
from support import ROOT

from bench import device as script
from bench import device_worker as worker
from bench.device import CAPTURED, DONE, FAILED, LEFT_OUT, Report, Step, steps
from bench.device_report import MARKS, filled, page
from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, default_folder

HEAD = {"device": "cpu", "machine": {"cpu": "a processor", "cores": 2, "python": "3.12.3"}, "dry_run": True}

KEPT = ROOT / "docs" / "measured" / "device.json"


def python(name: str, code: str, limit: float = 60, **options) -> Step:
    return Step(name, ("-c", code), limit, **options)


@pytest.fixture
def report(tmp_path):
    return Report(tmp_path / "device.json", HEAD)


def written(report: Report) -> dict:
    found = json.loads(report.path.read_text(encoding="utf-8"))
    schema = json.loads((ROOT / "bench" / "device_schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema)
    return found


def run(plan, report, tmp_path, budget=300.0):
    script.run(plan, report, tmp_path, budget)
    return written(report)["steps"]


# --- steps -------------------------------------------------------------------------------------------------------


def test_a_step_that_fails_is_a_row_with_its_error_and_the_next_goes_on(report, tmp_path):
    made = run(
        [
            python("raises", "raise SystemExit('no such card')"),
            python("dies", "import os; os.kill(os.getpid(), 9)"),
            python("differs", "raise SystemExit(1)"),
            python("says", "print('noise'); print('{\"found\": 3}')", answers=True),
            python("says nothing", "print('noise')", answers=True),
        ],
        report,
        tmp_path,
    )
    assert [row["status"] for row in made.values()] == [DONE, FAILED, DONE, DONE, FAILED]
    assert made["says"]["found"] == {"found": 3} and made["dies"]["error"] == "it said nothing"
    assert made["dies"]["exit_status"] == -9


def test_wrong_inputs_are_an_error_in_their_own_words(report, tmp_path):
    code = "import sys; print('error: no such device', file=sys.stderr); sys.exit(2)"
    assert run([python("refused", code)], report, tmp_path)["refused"] == {
        "status": FAILED,
        "error": "error: no such device",
        "exit_status": 2,
        "seconds": pytest.approx(0, abs=60),
    }


def test_a_step_that_hangs_is_stopped_and_what_does_not_fit_is_said_to_be_left_out(report, tmp_path):
    hangs = "import time; time.sleep(600)"
    started = time.monotonic()
    made = run([python("hangs", hangs, limit=1), python("also", hangs), python("late", "")], report, tmp_path, 3.0)
    assert time.monotonic() - started < 200
    assert made["hangs"] == {**made["hangs"], "status": FAILED, "error": "stopped after 1 s", "exit_status": None}
    assert made["also"]["status"] == FAILED
    assert made["late"] == {"status": LEFT_OUT, "error": "no time left of 3 s"}


def test_what_was_found_is_written_before_the_next_step_begins(report, tmp_path):
    code = f"import json; print(json.dumps({{'seen': list(json.load(open({str(report.path)!r}))['steps'])}}))"
    found = run([python("first", ""), python("second", code, answers=True)], report, tmp_path)
    assert found["second"]["found"] == {"seen": ["first"]}


def test_steps_of_a_group_run_beside_each_other_and_are_waited_for(report, tmp_path):
    wait = "import time, pathlib; [time.sleep(0.05) for _ in range(2400) if not pathlib.Path({!r}).exists()]"
    flag = str(tmp_path / "flag")
    after = f"import pathlib; print('{{\"seen\": %d}}' % pathlib.Path({flag!r}).exists())"
    made = run(
        [
            python("waits", wait.format(flag), beside="captures"),
            python("makes", f"import pathlib; pathlib.Path({flag!r}).touch()", beside="captures"),
            python("after", after, answers=True),
        ],
        report,
        tmp_path,
    )
    assert [row["status"] for row in made.values()] == [DONE] * 3 and made["after"]["found"] == {"seen": 1}


# --- what is planned ---------------------------------------------------------------------------------------------


def test_what_matters_most_stands_first_and_every_command_is_one_that_exists(tmp_path):
    names = Catalogue.read(default_folder()).names
    assert set(CAPTURED) <= set(names)
    plan = steps(tmp_path, "cuda", CAPTURED, names, 600)
    assert [step.name for step in plan[:3]] == ["environment", "capture device", "capture device-tf32"]
    assert len({step.name for step in plan}) == len(plan)
    for step in plan:
        assert step.arguments[:2] in [("-m", module) for module in ("capture", "bench.device_worker", "parity")]
        if step.arguments[1] == "bench.device_worker":
            assert step.arguments[2] in worker.STEPS
    assert sum(step.limit for step in plan if not step.beside) < 900


def test_a_report_that_is_there_is_not_written_over(tmp_path):
    (tmp_path / "device.json").write_text("{}")
    with pytest.raises(InputError, match="is there already"):
        script.bench(tmp_path)


# --- what a step finds -------------------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path):
    """Two folders with the shortest fixture's snapshot in each."""
    for side in ("a", "b"):
        shutil.copytree(default_folder() / "14_partial_tail", tmp_path / side / "14_partial_tail")
    return str(tmp_path / "a"), str(tmp_path / "b")


def test_a_capture_compared_with_itself_is_exact_throughout(two):
    found = worker.compare(*two)["14_partial_tail"]
    assert found["first_drift"] is None and found["flips"] == found["near_ties"] == 0 == len(found["frames_flipped"])
    assert {row["verdict"] for row in found["artefacts"].values()} == {"exact"}
    assert {row["max_abs"] for row in found["noise"].values()} == {0.0}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_folders_without_a_recording_in_common_are_refused(two, tmp_path):
    (tmp_path / "c").mkdir()
    shutil.move(tmp_path / "b" / "14_partial_tail", tmp_path / "c" / "other")
    with pytest.raises(InputError, match="no recording in common"):
        worker.compare(two[0], str(tmp_path / "c"))


@pytest.mark.models
def test_a_recording_is_the_long_mixture_over_again():
    long = worker._of_seconds(700)
    assert long.shape == (1, 700 * 16000) and long.dtype == np.float32 and long.flags.c_contiguous
    (fixture,) = Catalogue.read(default_folder()).select([worker.TIMED])
    length = worker.load_clip(fixture.clip())[0].shape[1]
    assert np.array_equal(long[:, length : length + 100], long[:, :100])


# --- pages -------------------------------------------------------------------------------------------------------


def test_the_page_is_made_from_the_report_that_is_kept():
    text = (ROOT / "docs" / "measured" / "versions.md").read_text(encoding="utf-8")
    assert filled(text, json.loads(KEPT.read_text(encoding="utf-8"))) == text, "run: python -m bench.device_report"


def test_the_report_that_is_kept_fits_its_schema(tmp_path):
    schema = json.loads((ROOT / "bench" / "device_schema.json").read_text(encoding="utf-8"))
    found = json.loads(KEPT.read_text(encoding="utf-8"))
    jsonschema.validate(found, schema)
    assert not found["dry_run"]


def test_a_page_without_marks_is_refused():
    with pytest.raises(InputError, match="holds no"):
        filled("# Nothing\n", {"steps": {}})


def test_a_report_in_which_nothing_was_done_is_a_page_that_says_so():
    failed = {"status": FAILED, "error": "no such card"}
    text = page({**HEAD, "schema": 1, "steps": {"environment": failed, "speed": failed}})
    assert "no such card" in text and MARKS[0] not in text
