"""Tables of `parity calibrate` and `parity rnnt calibrate`: faults, trials, and what was named for what."""

from __future__ import annotations

from collections.abc import Iterator

from parity.tables.table import BOOLEAN, INTEGER, TEXT, Column, Document, Row, Table, Tables

FAULTS = (
    Column("fault", TEXT, "name", "name"),
    Column("stage", TEXT, "that it truly breaks"),
    Column("about", TEXT, "what was done instead of what"),
    Column("moving", BOOLEAN, "whether it moves any artefact of any fixture beyond tolerance"),
    Column("detected", BOOLEAN, "whether it was seen wherever it certainly does"),
    Column("named", TEXT, "the stage that the lab named; a wrong one where any fixture's is wrong"),
    Column("named_rightly", BOOLEAN, "whether that is the true one everywhere"),
    Column("answer_changed", BOOLEAN, "whether any fixture's answer changes"),
    Column("restored", BOOLEAN, "whether patching the named stage brings every answer back"),
    Column("decisive_consistent", BOOLEAN, "whether the decisive stage is the true one wherever an answer changed"),
)

TRIALS = (
    Column("fault", TEXT, "missing: the control, with nothing planted"),
    Column("stage", TEXT, "that it truly breaks"),
    Column("fixture", TEXT, "name"),
    Column("moved", TEXT, "artefacts that the fault certainly moves beyond tolerance"),
    Column("detected", BOOLEAN, "whether the replay says that the fixture is not at parity"),
    Column("named", TEXT, "stages where the lab says that drift is born"),
    Column("answer_changed", BOOLEAN, "whether an answer is not the reference's"),
    Column("restored", BOOLEAN, "whether patching the named stages brings it back"),
    Column("decisive", TEXT, "the earliest stage whose patch alone restores the answer"),
)

CONFUSION = (
    Column("stage", TEXT, "that was truly broken"),
    Column("named", TEXT, "stage that was named"),
    Column("trials", INTEGER, "in which it was, of those in which the fault was detected"),
)


def _trials(document: Document) -> Iterator[Row]:
    for fault in document["faults"]:
        yield from ({**trial, "fault": fault["name"], "stage": fault["stage"]} for trial in fault["fixtures"])
    yield from document["clean"]


CALIBRATE = Tables(
    "parity calibrate",
    (
        Table("faults", "a fault, over all its fixtures", FAULTS, lambda found: found["faults"]),
        Table("trials", "a fault, or nothing, planted on a fixture", TRIALS, _trials),
        Table("confusion", "a stage and what was named for it", CONFUSION, lambda found: found["confusion"]),
    ),
    frozenset({"faults", "clean", "confusion"}),
)
