"""Tables of `parity fixtures list` and `parity stability`: what there is, and how much its answers stand."""

from __future__ import annotations

from collections.abc import Iterator

from parity.report.tables.explanations import FIXTURE
from parity.report.tables.run import STABILITY_TABLE
from parity.tables.table import BOOLEAN, INTEGER, NUMBER, TEXT, Column, Document, Row, Table, Tables

CATALOGUE_COLUMNS = (
    FIXTURE,
    Column("recipe", TEXT, "that its clip is made by; `file`: the clip lies in its folder"),
    Column("stresses", TEXT, "what of the pipeline it puts under stress"),
    Column("num_speakers", INTEGER, "that the pipeline is told beforehand"),
    Column("min_speakers", INTEGER, "that the pipeline is told beforehand"),
    Column("max_speakers", INTEGER, "that the pipeline is told beforehand"),
    Column("human_rttm", BOOLEAN, "whether humans annotated its sources"),
    Column("snapshot", BOOLEAN, "whether it was captured"),
    Column("clip_sha256", TEXT, "of the clip's file"),
)

ROUNDING = (
    FIXTURE,
    Column("artefact", TEXT, "name"),
    Column("max_abs", NUMBER, "difference of the reference from extended precision, in the artefact's own unit"),
)


def _rounding(document: Document) -> Iterator[Row]:
    for entry in document["fixtures"]:
        for artefact, size in (entry["rounding_noise"] or {}).items():
            yield {"fixture": entry["name"], "artefact": artefact, "max_abs": size}


CATALOGUE = Tables(
    "parity fixtures list",
    (Table("fixtures", "a fixture", CATALOGUE_COLUMNS, lambda found: found["catalogue"]),),
    frozenset({"catalogue"}),
)
STABILITY = Tables(
    "parity stability",
    (STABILITY_TABLE, Table("rounding", "an artefact of a fixture", ROUNDING, _rounding)),
)
