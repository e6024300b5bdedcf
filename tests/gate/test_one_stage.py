"""One stage alone: what the main job's isolated replays say, without anything before it or behind it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.schemas import valid
from typer.testing import CliRunner

from parity.__main__ import app
from parity.community1.speaker_counting import mean_activity
from parity.diagnosis.asking import NEVER, Effort
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.gate import one_stage
from parity.gate.one_stage import NOT_RUN, Alone, run_stage
from parity.measure.verdicts import DRIFT, ERROR, INCONCLUSIVE, PARITY, RAISES
from parity.ports.python import implementation_of
from parity.report.one_stage import headline, notes, stage_document, verdict
from parity.sources.weights import load_weights

SILENT, SHORT = "13_no_speech", "14_partial_tail"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def loaded(*arguments, **more):
        raise AssertionError("a network was loaded")

    monkeypatch.setattr(one_stage, "load_networks", loaded)


def alone(stage: str, implementation="native", names=(SHORT,)) -> list[Alone]:
    fixtures = Catalogue.read(default_folder()).select(list(names))
    return run_stage(fixtures, stage, load_weights(), implementation=implementation_of(implementation))


@pytest.mark.models
@pytest.mark.parametrize("stage", ["audio", "fbank", "plda", "vbx", "annotation"])
def test_a_native_stage_is_at_parity_and_loads_no_network(stage):
    (found,) = alone(stage)
    assert found.status == PARITY and found.drifts and not found.note
    assert {drift.mode for drift in found.drifts} == {"isolated"} and {d.stage for d in found.drifts} == {stage}


@pytest.mark.models
def test_a_stage_of_somebodys_own_drifts_raises_or_is_not_run():
    def faulty(*reads):
        raise ZeroDivisionError("no")

    (native,) = alone("speaker_counting")
    assert native.status == PARITY
    counted = {"speaker_counting": lambda segmentations: np.zeros((native.drifts[0].compared, 1), np.uint8)}
    (found,) = alone("speaker_counting", counted)
    assert found.status == DRIFT and found.drifts[0].mismatches
    (found,) = alone("speaker_counting", {"speaker_counting": faulty})
    assert found.status == RAISES and "ZeroDivisionError" in found.note and "Traceback" in found.trace
    (found,) = alone("vbx", names=[SILENT])
    assert found.status == NOT_RUN


@pytest.mark.models
def test_a_known_mistake_of_the_stage_is_named():
    fixtures = Catalogue.read(default_folder()).select([SHORT])
    wrong = {"speaker_counting": lambda seen: np.ceil(mean_activity(seen)).astype(np.uint8)}
    (found,) = alone("speaker_counting", wrong)
    assert "count_ceiling" in found.diagnosis.names and found.diagnosis.evidence is None
    document = stage_document("speaker_counting", "mine", [found])
    assert "(count_ceiling)" in headline(document) and "(count_ceiling)" in notes(document)[0]
    implementation = implementation_of(wrong)
    (found,) = run_stage(
        fixtures, "speaker_counting", load_weights(), implementation=implementation, effort=Effort(NEVER)
    )
    assert found.diagnosis is None and found.not_diagnosed == "--no-diagnose was given"


@pytest.mark.models
def test_a_snapshot_that_is_not_there_is_an_error_of_its_own(tmp_path):
    fixtures = Catalogue.read(default_folder()).select([SHORT])
    (found,) = run_stage(fixtures, "vbx", load_weights(), snapshots=tmp_path)
    assert found.status == ERROR and SHORT in found.note


def test_the_first_line_says_the_verdict_and_why():
    ran, skipped = Alone("a", PARITY, note=""), Alone("b", NOT_RUN, note="not run here")
    assert verdict([ran, skipped]) == PARITY and verdict([skipped]) == INCONCLUSIVE
    document = stage_document("vbx", "native", [skipped])
    assert headline(document).startswith("INCONCLUSIVE. vbx alone") and notes(document) == ["b: not run here"]
    raised = replace(ran, status=RAISES, note="raised ValueError")
    assert headline(stage_document("vbx", "native", [raised])) == "RAISES. a: raised ValueError."


@pytest.mark.models
def test_the_command_writes_what_it_prints_and_refuses_what_cannot_go_with_it(tmp_path):
    path = tmp_path / "found.json"
    done = CliRunner().invoke(app, ["run", "14", "--stage", "ann", "--json", str(path)])
    assert done.exit_code == 0 and done.output.startswith("PARITY. annotation alone")
    found = valid(path, "one_stage_schema.json")
    assert found["verdict"] == PARITY and found["fixtures"][0]["artefacts"][0]["within"]
    for words in (["--arrays", str(tmp_path)], ["--explain"], ["--cached"]):
        refused = CliRunner().invoke(app, ["run", "--stage", "vbx", *words])
        assert f"which {words[0]} cannot go with" in str(refused.exception)
    assert "--stage nothing: no stage" in str(CliRunner().invoke(app, ["run", "--stage", "nothing"]).exception)
