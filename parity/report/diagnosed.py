"""What `parity diagnose` says: the mistake, the evidence, the mend, the proof; as JSON, Markdown, lines, one page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from parity import __version__
from parity.report.diagnosis import diagnosis_data, diagnosis_lines, diagnosis_markdown, named_mistake
from parity.report.differences import difference_data, difference_in_words
from parity.report.wording import capital, inert

if TYPE_CHECKING:
    from parity.diagnosis.result import Diagnosis
    from parity.ports.dump.comparison import DumpComparison

SCHEMA = 2
Found = dict[str, Any]


def diagnosed_document(
    found: DumpComparison,
    candidate: str,
    diagnoses: Sequence[Diagnosis],
    confirm: str,
    not_diagnosed: str = "",
) -> Found:
    """Everything that was found (docs/reference/diagnosis-json.md, `diagnosis_schema.json`).

    Parameters
    ----------
    candidate : what was diagnosed, in words
    confirm : the command that confirms it, once it is mended
    not_diagnosed : why nothing was looked up; empty where it was, or nothing drifts
    """
    return {
        "schema": SCHEMA,
        "version": __version__,
        "fixture": found.name,
        "candidate": candidate,
        "verdict": found.verdict,
        "first_drift": None if found.first_drift is None else found.first_drift.name,
        "difference": difference_data(found.difference),
        "diagnoses": [diagnosis_data(diagnosis, confirm) for diagnosis in diagnoses],
        "not_diagnosed": not_diagnosed,
    }


def first_line(document: Found) -> str:
    """The verdict, its cause, the next step."""
    found = next((entry for entry in document["diagnoses"] if entry["mistake"]), None)
    if found is not None:
        formula = f"Formula: {found['kit']} of a kit."
        return f"{document['verdict'].upper()}. {capital(found['stage'])}: {named_mistake(found)}. {formula}"
    if document["first_drift"] is None:
        return f"{document['verdict'].upper()}. Nothing drifts, so there is nothing to mend."
    if why := document["not_diagnosed"]:
        return f"{document['verdict'].upper()}. First to drift: {document['first_drift']}. Not looked up: {why}."
    asked = document["diagnoses"]
    check = f" {capital(asked[0]['check'])}." if asked else ""
    said = f"First to drift: {document['first_drift']}; no mistake is known to do it."
    return f"{document['verdict'].upper()}. {said}{check}"


def lines(document: Found) -> list[str]:
    """For a terminal, the first line first."""
    found = [first_line(document)]
    for entry in document["diagnoses"]:
        found += diagnosis_lines(entry)
    return [*found, *difference_in_words(document["difference"], document["diagnoses"])]


def markdown(document: Found) -> str:
    """For a pull request."""
    parts = [f"# {inert(document['fixture'])}: diagnosis", "", inert(first_line(document))]
    parts += ["", *diagnosis_markdown(document["diagnoses"])]
    parts += ["", *(inert(line) for line in difference_in_words(document["difference"], document["diagnoses"]))]
    return "\n".join(parts).rstrip() + "\n"


def page(document: Found) -> str:
    """One page, with the evidence as pictures; loads nothing from anywhere."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    from parity.report.canvas import Classes
    from parity.report.html import TEMPLATES, policy
    from parity.report.plots.evidence import evidence_svg

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, undefined=StrictUndefined
    )
    classes = Classes()
    drawings = [
        Markup(evidence_svg(entry, f"e{number}", classes)) for number, entry in enumerate(document["diagnoses"])
    ]
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8") + classes.rules()
    return environment.get_template("diagnosis.html.j2").render(
        document=document,
        lines_of=lambda entry: [line.strip() for line in diagnosis_lines(entry)],
        drawings=drawings,
        first_line=first_line(document),
        difference=" ".join(difference_in_words(document["difference"], document["diagnoses"])),
        style=Markup(style),
        policy=policy("", style),
    )
