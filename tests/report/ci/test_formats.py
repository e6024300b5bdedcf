"""What build servers read says what was held against the port, and nothing that a name holds gets out of its place."""

from __future__ import annotations

import json
from datetime import date
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from junitparser import Error, Failure, JUnitXml, Skipped
from support.reports import artefact, off, recording, report
from typer.testing import CliRunner

from parity.__main__ import app
from parity.errors import InputError
from parity.history import held, judged_in
from parity.history.accepted import Accepted
from parity.report.ci import gate_data, gate_lines, github_lines, junit, sarif

HOSTILE = 'x"><img src=x>::error::\n,%0A\x00\x1b'
ACCEPTED = Accepted("count", 9.0, 0, None, "on purpose", date(2999, 1, 1))
DOCUMENT = report(
    recording(off(), off(name="count", stage="speaker_counting"), name=HOSTILE),
    recording(artefact(), name="14"),
    errors={"03": "no such file"},
    verdict="error",
)
JUDGED, HELD = judged_in(DOCUMENT), held(DOCUMENT, accepted=[ACCEPTED])


def test_junit_has_one_suite_per_recording_and_one_case_per_stage(tmp_path):
    path = tmp_path / "junit.xml"
    path.write_text(junit(JUDGED, HELD), encoding="utf-8")
    found = JUnitXml.fromfile(str(path))
    suites = {suite.name: suite for suite in found}
    assert len(suites) == 3 and suites["14"].failures == 0 and suites["03"].errors == 1
    (bad,) = (suite for name, suite in suites.items() if name.startswith('x"'))
    cases = {case.name: case for case in bad}
    assert [type(r) for r in cases["embeddings"].result] == [Failure]
    assert "1.0e-05 allowed" in cases["embeddings"].result[0].message
    assert cases["speaker_counting"].result == []  # accepted
    assert [type(r) for r in cases["vbx"].result] == [Skipped]
    assert bad.failures == 1 and bad.tests == len(cases) and found.tests == sum(s.tests for s in found)
    assert [type(r) for case in suites["03"] for r in case.result if case.name == "recording"] == [Error]


def test_junit_of_what_has_expired_fails_in_a_suite_of_its_own():
    document = report(recording(off(name="count", stage="speaker_counting")))
    late = held(document, accepted=[ACCEPTED], today=date(2999, 1, 2))
    root = ET.fromstring(junit(judged_in(document), late))
    assert root.find("testsuite[@name='parity.toml']/testcase/failure").get("type") == "expired"


def test_github_lines_are_one_line_each_and_nothing_breaks_out():
    lines = list(github_lines(JUDGED, HELD, "my,dumps"))
    assert len(lines) == len(HELD.failures) + 1 and all("\n" not in line for line in lines)
    assert lines[0].startswith('::error file=my%2Cdumps,title=x"><img src=x>%3A%3Aerror%3A%3A%0A%2C%250A')
    assert lines[-1].startswith("::notice ") and "on purpose" in lines[-1]


def test_sarif_has_a_rule_per_stage_and_a_result_per_failure():
    log = sarif(JUDGED, HELD, "my dumps")
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert log["version"] == "2.1.0" and len(rules) == len(set(rules))
    assert all(rules[result["ruleIndex"]] == result["ruleId"] for result in run["results"])
    assert len(run["results"]) == len(HELD.failures) + 1
    assert [r["suppressions"][0]["justification"] for r in run["results"] if "suppressions" in r] == [
        "on purpose (until 2999-01-01)"
    ]
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "my%20dumps" and json.dumps(log)


def closed(required: tuple[str, ...], **properties):
    """An object with these keys and no others."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


WORDS, NUMBERED = {"type": "string"}, {"type": "integer", "minimum": -1}
SAID = closed(("text",), text=WORDS)
PLACE = closed(("artifactLocation",), artifactLocation=closed((), uri={"type": "string", "format": "uri-reference"}))
SUPPRESSED = closed(("kind",), kind={"enum": ["inSource", "external"]}, justification=WORDS)
LOCATION = closed(
    (),
    physicalLocation=PLACE,
    logicalLocations={"type": "array", "uniqueItems": True, "items": closed((), name=WORDS, kind=WORDS)},
)
RESULT = closed(
    ("message",),
    ruleId=WORDS,
    ruleIndex=NUMBERED,
    level={"enum": ["none", "note", "warning", "error"]},
    message=SAID,
    locations={"type": "array", "items": LOCATION},
    partialFingerprints={"type": "object", "additionalProperties": WORDS},
    suppressions={"type": "array", "uniqueItems": True, "items": SUPPRESSED},
)
RULES = {"type": "array", "uniqueItems": True, "items": closed(("id",), id=WORDS, shortDescription=SAID)}
DRIVER = closed(("name",), name=WORDS, version=WORDS, informationUri={"type": "string", "format": "uri"}, rules=RULES)
RUN = closed(("tool",), tool=closed(("driver",), driver=DRIVER), results={"type": "array", "items": RESULT})
LOG = closed(
    ("version", "runs"),
    **{"$schema": {"type": "string", "format": "uri"}, "version": {"enum": ["2.1.0"]}},
    runs={"type": "array", "items": RUN},
)
"""What SARIF 2.1.0 (errata 01, OASIS) says of the objects that are written, their keys, types and what is required:
told in our own words from its schema, of which no copy lies here; keys that we never write are left out."""


def test_sarif_holds_what_its_standard_says_of_each_object_and_nothing_else():
    judge = Draft202012Validator(LOG)
    judge.validate(sarif(JUDGED, HELD, "my dumps"))
    late = held(DOCUMENT, accepted=[ACCEPTED], today=date(2999, 1, 2))
    judge.validate(sarif(JUDGED, late, ""))
    spoilt = sarif(JUDGED, HELD, "my dumps")
    del spoilt["runs"][0]["results"][0]["message"]["text"]
    assert not judge.is_valid(spoilt)


ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "disabled", "errors", "skipped"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "disabled", "skipped", "timestamp", "hostname", "id"},
    "testcase": {"name", "assertions", "time", "classname", "status"},
    **{key: {"type", "message"} for key in ("failure", "error")},
    "skipped": {"message", "type"},
    **{key: set() for key in ("system-out", "system-err")},
}
"""Element -> the attributes that the common schema of JUnit's XML (Jenkins', Ant's) knows; a test case has a name."""

WITHIN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase", "system-out"},
    "testcase": set(ATTRIBUTES) - {"testcase"},
}


def test_junit_holds_the_elements_and_attributes_that_its_readers_know():
    late = held(DOCUMENT, accepted=[ACCEPTED], today=date(2999, 1, 2))
    for text in (junit(JUDGED, HELD), junit(JUDGED, late)):
        root = ET.fromstring(text)
        assert root.tag == "testsuites"
        for element in root.iter():
            assert set(element.attrib) <= ATTRIBUTES[element.tag]
            assert {child.tag for child in element} <= WITHIN.get(element.tag, set())
            assert all(element.get(key, "0").isdigit() for key in ("tests", "failures", "errors", "skipped"))
        assert all(case.get("name") and case.get("classname") for case in root.iter("testcase"))


def test_the_gates_lines_begin_with_its_verdict():
    assert gate_lines(HELD)[0] == "NOT HELD. 2 things are out of tolerance, or not compared."
    assert "Accepted (x" in gate_lines(HELD)[-1] and "on purpose" in gate_lines(HELD)[-1]
    kept = held(report(recording(off())), report(recording(off())))
    assert gate_lines(kept, baseline="base.json") == [
        "HELD. Nothing is worse than in base.json.",
        "As in the baseline or less, 1 artefacts still drift: 02.",
    ]
    assert gate_data(kept, baseline="base.json")["kept"] == [{"recording": "02", "artefact": "embeddings"}]


@pytest.fixture
def sides(tmp_path, monkeypatch):
    """A reference and a port's dump of one decision, wrong in one frame."""
    monkeypatch.chdir(tmp_path)
    count = np.ones((50, 1), np.uint8)
    for name, array in (("kit", count), ("dump", np.vstack([count[:-1], [[2]]]).astype(np.uint8))):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "count.npy", array)
    return tmp_path


def compare(*arguments):
    done = CliRunner().invoke(app, ["compare", "kit", "dump", "--require", "count", *map(str, arguments)])
    if isinstance(done.exception, InputError):  # which the command line's boundary prints
        return 2, str(done.exception)
    return done.exit_code, done.output


def test_a_ports_build_red_then_held_then_red_again(sides, monkeypatch):
    summary = sides / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    status, output = compare("--annotations", "github", "--junit", "j.xml", "--sarif", "s.json", "--markdown", summary)
    assert status == 1 and "::error file=dump,title=dump%2C stage speaker_counting::count: 1 of 50 differ" in output
    assert JUnitXml.fromfile("j.xml").failures == 1 and json.loads((sides / "s.json").read_text())["version"] == "2.1.0"
    assert summary.read_text().startswith("before\n#")
    assert compare("--baseline", "base.json", "--update-baseline")[0] == 0
    status, output = compare("--baseline", "base.json", "--json", "now.json", "--markdown", "own.md")
    assert status == 0 and output.startswith("HELD. Nothing is worse than in base.json.")
    assert json.loads((sides / "now.json").read_text())["gate"]["held"] is True
    assert "**HELD. Nothing is worse than in base.json.**" in (sides / "own.md").read_text()
    np.save(sides / "dump" / "count.npy", np.full((50, 1), 2, np.uint8))
    status, output = compare("--baseline", "base.json")
    assert status == 1 and "  dump: count: 50 elements differ, were 1" in output


def test_accepted_drift_beside_the_port_is_found_and_said(sides):
    (sides / "parity.toml").write_text('[accept.count]\nmismatches = 1\nreason = "a tie"\nuntil = 2999-01-01\n')
    status, output = compare()
    assert status == 0 and output.startswith("HELD.")
    assert "Accepted (dump): count up to elements 1 until 2999-01-01: a tie." in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--annotations", "jenkins"), "there is: github"),
        (("--update-baseline",), "none is named"),
        (("--baseline", "none.json"), "--update-baseline writes one"),
        (("--baseline", "run.json"), "a report of `parity run`"),
        (("--accept", "none.toml"), "cannot be read"),
        (("--junit", "kit"), "kit"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(sides, arguments, words):
    (sides / "run.json").write_text('{"schema": 2, "fixtures": []}')
    status, output = compare(*arguments)
    assert status == 2 and words in output and "\n" not in output
