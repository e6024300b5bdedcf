"""SARIF 2.1.0 (OASIS): one rule per stage, one result per failure; accepted drift as suppressed results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from parity import __version__
from parity.checkout import DISTRIBUTION, PROJECT_URL
from parity.history import Held, Judged
from parity.history.cases import Case
from parity.report.headline import STAGES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
RECORDING = "recording"


def sarif(recordings: Iterable[Judged], held: Held, file: str) -> dict[str, Any]:
    """The log as plain data.

    Parameters
    ----------
    file : what results are located in: the dump's folder or the program, relative to the repository
    """
    cases = [w.case for w in held.failures if w.case] + [case for _, case, _ in held.accepted]
    rules = tuple(dict.fromkeys((*STAGES, *(case.stage for case in cases), RECORDING)))
    results = [_result(rules, file, w.recording, w.case, w.words) for w in held.failures]
    for name, case, entry in held.accepted:
        accepted = {"kind": "external", "justification": f"{entry.reason} (until {entry.until})"}
        results.append(_result(rules, file, name, case, f"{case.named}: {case.size}") | {"suppressions": [accepted]})
    driver = {
        "name": DISTRIBUTION,
        "version": __version__,
        "informationUri": PROJECT_URL,
        "rules": [{"id": stage, "shortDescription": {"text": _about(stage)}} for stage in rules],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _about(stage: str) -> str:
    if stage == RECORDING:
        return "What is said of a recording as a whole"
    return f"Stage {stage} gives what pyannote.audio gives"


def _result(rules: tuple[str, ...], file: str, recording: str, case: Case | None, words: str) -> dict[str, Any]:
    rule = case.stage if case else RECORDING
    where = f", worst at {case.where}" if case and case.where else ""
    named = f"{recording}: " if recording else ""
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": "error",
        "message": {"text": f"{named}{words}{where}"},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": quote(file)}},
                "logicalLocations": [{"name": case.artefact if case else recording or "parity.toml", "kind": "module"}],
            }
        ],
        "partialFingerprints": {"recordingAndArtefact": f"{recording}/{case.named if case else ''}"},
    }
