"""JUnit XML: one suite per recording, one case per stage, and one for the answer.

A stage that nothing was compared of is skipped. The form is what the readers of Jenkins, GitLab and GitHub have in
common: `testsuites/testsuite/testcase` with `failure`, `error`, `skipped` and `time`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from parity.history import Held, Judged
from parity.history.cases import Case
from parity.measure.verdicts import ERROR
from parity.report.headline import STAGES

UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, however they are written."""


def junit(recordings: Iterable[Judged], held: Held, *, name: str = "parity") -> str:
    """The document as text.

    Parameters
    ----------
    held : what fails: what is accepted, or was so in the baseline, passes and says so
    """
    root = ET.Element("testsuites", name=name)
    for recording in recordings:
        _suite(root, recording, held)
    if general := held.failing(""):
        suite = ET.SubElement(root, "testsuite", name="parity.toml")
        for worse in general:
            case = ET.SubElement(suite, "testcase", classname="parity.toml", name=_fit(worse.words), time="0")
            ET.SubElement(case, "failure", message=_fit(worse.words), type="expired")
    for suite in root:
        _count(suite)
    _count(root)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(root: ET.Element, recording: Judged, held: Held) -> None:
    suite = ET.SubElement(root, "testsuite", name=_fit(recording.name))
    failing = held.failing(recording.name)
    stages = dict.fromkeys((*STAGES, *(case.stage for case in recording.cases)))
    for stage in stages:
        cases = [case for case in recording.own if case.stage == stage]
        seconds = recording.stage_seconds.get(stage, 0.0)
        element = ET.SubElement(
            suite, "testcase", classname=_fit(recording.name), name=_fit(stage), time=f"{seconds:.3f}"
        )
        wrong = [w.words for w in failing if w.case is not None and w.case.stage == stage]
        if wrong:
            failure = ET.SubElement(element, "failure", message=_fit(wrong[0]), type=recording.verdict)
            failure.text = _fit("\n".join([*wrong, *(_line(case) for case in cases)]))
        elif not cases:
            ET.SubElement(element, "skipped", message="nothing of it was compared")
        else:
            ET.SubElement(element, "system-out").text = _fit("\n".join(map(_line, cases)))
    _answer(suite, recording, [w.words for w in failing if w.case is None])


def _answer(suite: ET.Element, recording: Judged, wrong: list[str]) -> None:
    element = ET.SubElement(suite, "testcase", classname=_fit(recording.name), name="recording", time="0")
    if recording.verdict == ERROR:
        ET.SubElement(element, "error", message=_fit("; ".join(recording.why) or ERROR), type=ERROR)
    elif wrong:
        ET.SubElement(element, "failure", message=_fit(wrong[0]), type=recording.verdict).text = _fit("\n".join(wrong))
    ders = [f"{name}: DER {der:g}" for name, der in recording.ders.items()]
    ET.SubElement(element, "system-out").text = _fit("\n".join([recording.verdict, *recording.why, *ders]))


def _line(case: Case) -> str:
    where = f", worst at {case.where}" if case.where and not case.within else ""
    return f"{case.named}: {case.size if not case.within else 'within'}{where}"


def _count(element: ET.Element) -> None:
    cases = list(element.iter("testcase"))
    for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(kind, str(sum(case.find(tag) is not None for case in cases)))
    element.set("tests", str(len(cases)))
    element.set("time", f"{sum(float(case.get('time', 0)) for case in cases):.3f}")


def _fit(text: str) -> str:
    return UNFIT.sub("\ufffd", text)
