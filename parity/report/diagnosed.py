"""What `parity diagnose` says: the mistake, the evidence, the mend, the proof; as JSON, Markdown, lines, one page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from parity import __version__
from parity.report.diagnosis import diagnosis_data, diagnosis_lines, named_mistake
from parity.report.differences import difference_data, difference_in_words
from parity.report.wording import capital, inert

if TYPE_CHECKING:
    import numpy as np

    from parity.diagnosis.evidence import Evidence
    from parity.diagnosis.result import Diagnosis
    from parity.ports.dump.comparison import DumpComparison

SCHEMA = 1
Found = dict[str, Any]


def diagnosed_document(
    found: DumpComparison,
    candidate: str,
    diagnoses: Sequence[tuple[Diagnosis, Evidence | None]],
    confirm: str,
) -> Found:
    """Everything that was found (docs/reference/diagnosis-json.md, `diagnosis_schema.json`).

    Parameters
    ----------
    candidate : what was diagnosed, in words
    confirm : the command that confirms it, once it is mended
    """
    return {
        "schema": SCHEMA,
        "version": __version__,
        "fixture": found.name,
        "candidate": candidate,
        "verdict": found.verdict,
        "first_drift": None if found.first_drift is None else found.first_drift.name,
        "difference": difference_data(found.difference),
        "diagnoses": [_entry(diagnosis, shown, confirm) for diagnosis, shown in diagnoses],
    }


def _entry(diagnosis: Diagnosis, shown: Evidence | None, confirm: str) -> Found:
    data = diagnosis_data(diagnosis)
    picture = None if shown is None else _evidence(shown)
    return {"diagnosis": data, "mend": mend(data), "confirm": confirm, "evidence": picture}


def _evidence(shown: Evidence) -> Found:
    return {
        "artefact": shown.artefact,
        "shape": list(shown.shape),
        "start": shown.start,
        "candidate": _numbers(shown.candidate),
        "reference": _numbers(shown.reference),
        "mistaken": None if shown.mistaken is None else _numbers(shown.mistaken),
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(value) if abs(value) < float("inf") else None for value in values]


def mend(found: Found) -> str:
    """How to mend it, in a sentence or two."""
    mistake = found["mistake"]
    formula = f"The formula is in {found['kit']} of a kit (parity kit)."
    if mistake is None:
        return f"{capital(found['check'])}. {formula}"
    if mistake["parameter"] is not None:
        parameter = mistake["parameter"]
        what = f"Set {parameter['name']} to {parameter['reference']:.6g}; yours acts like {parameter['value']:.6g}."
    else:
        what = f"Your {found['stage']} does this: {mistake['about']}. Do what the reference does."
    return f"{what} {formula}"


def first_line(document: Found) -> str:
    """The verdict, its cause, the next step."""
    named = next((entry for entry in document["diagnoses"] if entry["diagnosis"]["mistake"]), None)
    if named is not None:
        found = named["diagnosis"]
        formula = f"Formula: {found['kit']} of a kit."
        return f"{document['verdict'].upper()}. {capital(found['stage'])}: {named_mistake(found)}. {formula}"
    if document["first_drift"] is None:
        return f"{document['verdict'].upper()}. Nothing drifts, so there is nothing to mend."
    asked = document["diagnoses"]
    check = f" {capital(asked[0]['diagnosis']['check'])}." if asked else ""
    said = f"First to drift: {document['first_drift']}; no mistake is known to do it."
    return f"{document['verdict'].upper()}. {said}{check}"


def lines(document: Found) -> list[str]:
    """For a terminal, the first line first."""
    found = [first_line(document)]
    for entry in document["diagnoses"]:
        found += [*diagnosis_lines(entry["diagnosis"]), f"  Mend: {entry['mend']}", f"  Then: {entry['confirm']}"]
    return [*found, *difference_in_words(document["difference"])]


def markdown(document: Found) -> str:
    """For a pull request."""
    parts = [f"# {inert(document['fixture'])}: diagnosis", "", inert(first_line(document))]
    for entry in document["diagnoses"]:
        parts += ["", f"## {entry['diagnosis']['stage']}", ""]
        parts += [f"- {inert(line.strip())}" for line in diagnosis_lines(entry["diagnosis"])]
        parts += ["", f"Mend: {inert(entry['mend'])}", "", f"Confirm: `{entry['confirm']}`"]
    parts += ["", *(inert(line) for line in difference_in_words(document["difference"]))]
    return "\n".join(parts).rstrip() + "\n"


def page(document: Found) -> str:
    """One page, with the evidence as pictures; loads nothing from anywhere."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    from parity.report.canvas import Classes, embedded, page_style
    from parity.report.html import TEMPLATES, policy
    from parity.report.plots.evidence import evidence

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, undefined=StrictUndefined
    )
    classes, drawings = Classes(), []
    for number, entry in enumerate(document["diagnoses"]):
        if entry["evidence"] is None:
            drawings.append(Markup(""))
            continue
        with page_style(f"e{number}"):
            picture = embedded(evidence(entry["evidence"]), f"e{number}", f"Evidence: {entry['mend']}")
        drawings.append(Markup(classes.instead_of_styles(picture)))
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8") + classes.rules()
    shown = [
        {**entry, "lines": [line.strip() for line in diagnosis_lines(entry["diagnosis"])]}
        for entry in document["diagnoses"]
    ]
    return environment.get_template("diagnosis.html.j2").render(
        document={**document, "diagnoses": shown},
        drawings=drawings,
        first_line=first_line(document),
        difference=" ".join(difference_in_words(document["difference"])),
        style=Markup(style),
        policy=policy("", style),
    )
