"""Tables of `parity rnnt replay`: fixtures, drift by artefact and by step, and what an explanation adds."""

from __future__ import annotations

from collections.abc import Iterator

from parity.report.tables.explanations import FIXTURE, Explained, explanation_tables
from parity.tables.table import BOOLEAN, INTEGER, NUMBER, TEXT, Column, Document, Row, Table, Tables

FIXTURES = (
    FIXTURE,
    Column("at_parity", BOOLEAN, "whether everything compared is within tolerance and the tokens are equal"),
    Column("backend_at_parity", BOOLEAN, "the same of the step backend"),
    Column("steps", INTEGER, "ours"),
    Column("reference_steps", INTEGER, "the reference's"),
    Column("tokens", INTEGER, "ours"),
    Column("reference_tokens", INTEGER, "the reference's"),
    Column("first_drift", TEXT, "the first artefact out of tolerance"),
    Column("first_difference_step", INTEGER, "where the searches part", "first_difference.step"),
    Column("first_difference_frame", INTEGER, "of the encoder", "first_difference.frame"),
    Column("first_difference_got", INTEGER, "our token there", "first_difference.got"),
    Column("first_difference_want", INTEGER, "the reference's token there", "first_difference.want"),
    Column("first_difference_margin", NUMBER, "of its choice, log-probability", "first_difference.margin"),
    Column("state_gain", NUMBER, "the state's drift in units of what one step makes", "amplification"),
    Column("problems", TEXT, "what was not compared, or made by one side only"),
    Column("not_diagnosed", TEXT, "why known mistakes were not tried where something drifts"),
)

DRIFTS = (
    FIXTURE,
    Column("artefact", TEXT, "name"),
    Column("mode", TEXT, "`isolated`: on the reference's inputs; `cascaded`: free-running"),
    Column("max_abs", NUMBER, "largest difference, in the artefact's own unit; infinite: another shape"),
)

STEPS = (
    FIXTURE,
    Column("artefact", TEXT, "name"),
    Column("first_step", INTEGER, "of a stretch of steps"),
    Column("max_abs", NUMBER, "largest drift of the stretch"),
)


def _fixtures(document: Document) -> Iterator[Row]:
    return ({**entry, "fixture": entry["name"]} for entry in document["fixtures"])


def _drifts(document: Document) -> Iterator[Row]:
    for entry in document["fixtures"]:
        for artefact, modes in entry["drift"].items():
            for mode, size in modes.items():
                found = "inf" if size == "shape" else size
                yield {"fixture": entry["name"], "artefact": artefact, "mode": mode, "max_abs": found}


def _steps(document: Document) -> Iterator[Row]:
    for entry in document["fixtures"]:
        for artefact, found in entry["by_step"].items():
            for step, size in zip(found["step"], found["max_abs"], strict=True):
                yield {"fixture": entry["name"], "artefact": artefact, "first_step": step, "max_abs": size}


def _explained(document: Document) -> Explained:
    return [(entry["name"], entry["explanation"]) for entry in document["fixtures"]]


RNNT = Tables(
    "parity rnnt replay",
    (
        Table("fixtures", "a fixture", FIXTURES, _fixtures),
        Table("drifts", "an artefact of a fixture, compared in one mode", DRIFTS, _drifts),
        Table("drifts_by_step", "a stretch of steps", STEPS, _steps),
        *explanation_tables(_explained)[:3],  # its one network has no layers that are looked into
    ),
    frozenset({"pipeline", "implementation", "fixtures"}),
)
