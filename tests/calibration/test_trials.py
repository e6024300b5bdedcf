"""Calibration on a synthetic clip: what is planted is found, what is not planted is not."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from support import ROOT
from support.planted import NOTHING, SWAPPED
from support.schemas import valid
from support.synthetic import automatic, captured, inputs, networks
from typer.testing import CliRunner

from parity.__main__ import app
from parity.calibration.trials import Bench, Calibration, Finding, Trial, bench_of, calibrate, try_fault
from parity.commands.calibrate import _print_raised
from parity.community1 import Parameters
from parity.errors import InputError
from parity.faults.fault import Fault, load_faults
from parity.faults.known.planting import fault, instead
from parity.fixtures.prepare import Prepared
from parity.report.calibration import calibration_document, headline

pytestmark = pytest.mark.usefixtures("one_blas_thread")


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    snapshot = captured(automatic(), tmp_path_factory.mktemp("reference") / "one")
    ready = Prepared(SimpleNamespace(name="clip"), Parameters(), snapshot, inputs())
    return bench_of(ready, networks(), weights=None)


SCALED = fault("scaled", "xvec", "a scale of 1.001", lambda native, workshop: lambda *v: native(*v) * 1.001)
MISLABELLED = fault("mislabelled", "plda", "said to be elsewhere than it is", lambda native, workshop: native)


def test_faults_are_found_named_and_restored_and_the_clean_run_is_silent(bench):
    found = calibrate([bench], [SWAPPED, SCALED, NOTHING])
    swapped, scaled, nothing = found.findings
    assert (swapped.moving, swapped.detected, swapped.named, swapped.restored) == (True, True, "assignment", True)
    assert swapped.answer_changed and swapped.decisive_consistent
    assert (scaled.moving, scaled.detected, scaled.named, scaled.restored) == (True, True, "xvec", None)
    assert (nothing.moving, nothing.detected, nothing.named) == (False, False, None)
    assert found.false_alarms == () and found.passed
    assert dict(found.confusion) == {("assignment", "assignment"): 1, ("xvec", "xvec"): 1}


def test_a_fault_whose_stage_is_said_wrongly_is_named_otherwise_and_fails_the_calibration(bench):
    wrong = Fault("wrong", "scoring", "really in assignment", lambda p, w: SWAPPED.plant(p, w))
    (finding,) = calibrate([bench], [wrong]).findings
    assert finding.detected and finding.named == "assignment" and not finding.named_rightly
    assert not calibrate([bench], [wrong]).passed


def test_what_a_fault_computed_is_forgotten_and_the_clean_runs_networks_run_once(bench):
    calibrate([bench], [])
    before = dict(bench.memo.network_runs)
    calibrate([bench], [SWAPPED, SCALED])
    assert dict(bench.memo.network_runs) == before


def test_where_the_clean_run_was_made_elsewhere_no_fault_repeats_what_is_before_its_stage(tmp_path):
    """As in another process, or where a calibration goes on."""
    snapshot = captured(automatic(), tmp_path / "one")
    bench = bench_of(Prepared(SimpleNamespace(name="clip"), Parameters(), snapshot, inputs()), networks(), weights=None)
    try_fault(bench, SCALED)
    before = dict(bench.memo.stage_runs)
    try_fault(bench, SWAPPED)
    again = {name for name, count in bench.memo.stage_runs.items() if count > before[name]}
    assert "assignment" in again and again <= {"assignment", "reconstruction", "annotation"}


def test_a_fault_that_was_not_wanted_is_not_tried(bench):
    found = calibrate([bench], [SWAPPED, SCALED], wanted=lambda planted, fixture: planted is SCALED)
    assert [len(finding.trials) for finding in found.findings] == [0, 1]


def test_the_document_has_the_keys_and_the_counts_that_are_promised(bench):
    found = calibrate([bench], [SWAPPED, SCALED, NOTHING])
    document = json.loads(json.dumps(calibration_document(found, weights="w", skipped={}, seconds=1.0)))
    text = (ROOT / "docs" / "reference" / "calibration-json.md").read_text(encoding="utf-8")
    for part in (document, document["summary"], document["faults"][0], document["faults"][0]["fixtures"][0]):
        for key in part:
            assert f"`{key}`" in text, key
    summary = document["summary"]
    assert {key: summary[key] for key in ("faults", "moving", "detected", "named")} == {
        "faults": 3, "moving": 2, "detected": 2, "named": 2,
    }  # fmt: skip
    assert (summary["answer_changed"], summary["restored"], summary["false_alarms"]) == (1, 1, 0)
    assert headline(document).startswith("3 faults: 2 move something, 2 of them detected, 2 named rightly")


def trial(**changes) -> Trial:
    whole = {"fault": "f", "fixture": "a", "moved": ("count",), "detected": True, "named": ("speaker_counting",),
             "answer_changed": False, "restored": None, "decisive": None}  # fmt: skip
    return Trial(**(whole | changes))


PLANTED = fault("f", "speaker_counting", "", instead(lambda s: s))


@pytest.mark.parametrize(
    "broken",
    [
        trial(detected=False, named=()),
        trial(named=()),
        trial(named=("masks",)),
        trial(named=("speaker_counting", "masks")),
        trial(answer_changed=True, restored=False),
    ],
)
def test_one_bad_fixture_among_good_ones_fails_the_calibration(broken):
    good = Calibration((Finding(PLANTED, (trial(), trial(fixture="b"))),), (trial(fault=None, moved=(), named=(), detected=False),))  # fmt: skip  # noqa: E501
    bad = Calibration((Finding(PLANTED, (trial(), broken)),), good.clean)
    assert good.passed and not bad.passed


def test_a_false_alarm_fails_the_calibration():
    clean = trial(fault=None, moved=(), detected=False)
    found = Calibration((), (clean,))
    assert found.false_alarms == (clean,) and not found.passed


def test_a_stage_that_raises_is_a_trial_and_traceback_shows_where(bench, capfd):
    def raising(native, workshop):
        return lambda *values: [][3]

    found = calibrate([bench], [fault("raising", "plda", "an index too far", raising)])
    ((trial,),) = (finding.trials for finding in found.findings)
    assert trial.detected and trial.named == ("plda",)
    _print_raised(found)
    said = capfd.readouterr().err
    assert said.startswith("clip, raising:\nstage plda, ") and "Traceback (most recent call last)" in said
    assert "return lambda *values: [][3]" in said and "IndexError: list index out of range" in said
    assert "raised" not in json.dumps(calibration_document(found, weights="w", skipped={}, seconds=1.0))


def test_of_dumps_no_traceback_is_shown():
    said = str(CliRunner().invoke(app, ["calibrate", "--as", "dumps", "--traceback"]).exception)
    assert said.startswith("--traceback: goes with --as code")


@pytest.mark.parametrize("kind", [("--as", "dumps"), ("--diagnose",)])
def test_dumps_have_no_other_runtime(kind):
    said = str(CliRunner().invoke(app, ["calibrate", *kind, "--runtime", "ncnn"]).exception)
    assert said.startswith("--runtime: goes with --as code")


def test_the_runtime_is_in_the_document_where_there_is_one():
    found = Calibration((), ())
    made = {
        name: calibration_document(found, weights="w", skipped={}, seconds=1.0, runtime=name) for name in ("onnx", None)
    }
    assert made["onnx"]["runtime"] == "onnx" and "runtime" not in made[None]
    for document in made.values():
        valid(document, "calibration_schema.json")


def test_other_peoples_faults_are_loaded_by_the_same_protocol(tmp_path, monkeypatch):
    (tmp_path / "their_faults.py").write_text(
        "from parity.faults.fault import Fault\nFAULTS = [Fault('mine', 'scoring', 'what I did', lambda p, w: p)]\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [planted.name for planted in load_faults("their_faults")] == ["mine"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FAULTS = 3\n", "FAULTS is not a list of parity.faults.fault.Fault"),
        ("FAULTS = []\n", "FAULTS is not a list"),
        ("", "AttributeError"),
        ("raise ValueError('x')\n", "cannot be loaded (ValueError: x)"),
        (
            "from parity.faults.fault import Fault\nf = Fault('mine', 'scoring', '', None)\nFAULTS = [f, f]\n",
            "mine more than once",
        ),
    ],
)
def test_a_module_that_is_no_list_of_faults_is_refused_in_one_line(tmp_path, monkeypatch, text, words):
    name = f"odd_faults_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError) as caught:
        load_faults(name)
    assert words in str(caught.value) and "\n" not in str(caught.value)
