"""Tables of `python -m peers`, which belongs to a checkout, from its report."""

from __future__ import annotations

from collections.abc import Iterator

from parity.tables import INTEGER, NUMBER, TEXT, Column, Table, Tables
from parity.tables.table import Document, Row

IMPLEMENTATION = Column("implementation", TEXT, "name of the row")
ERRORS = (
    Column("der", NUMBER, "against pyannote.audio 4.0.4, a ratio; of totals the sum of errors over that of speech"),
    Column("miss_seconds", NUMBER, "behind `der`", "miss"),
    Column("false_alarm_seconds", NUMBER, "behind `der`", "false_alarm"),
    Column("confusion_seconds", NUMBER, "behind `der`", "confusion"),
    Column("speech_seconds", NUMBER, "of the reference, all speakers", "total"),
)

CLIPS = (
    Column("clip", TEXT, "name of the fixture"),
    IMPLEMENTATION,
    Column("reason", TEXT, "why it did not run"),
    Column("audio_seconds", NUMBER, "of the clip"),
    Column("speakers", INTEGER, "found"),
    Column("reference_speakers", INTEGER, "the reference's"),
    Column("segments", INTEGER, "found"),
    Column("reference_segments", INTEGER, "the reference's"),
    *ERRORS,
    Column("load_seconds", NUMBER, "before the clip"),
    Column("seconds", NUMBER, "wall time of the clip"),
    Column("cpu_seconds", NUMBER, "of all threads"),
    Column("peak_mb", NUMBER, "memory, of the process"),
)
TOTALS = (
    IMPLEMENTATION,
    Column("clips", INTEGER, "that it ran on"),
    Column("same_speakers", INTEGER, "clips with as many speakers as the reference's"),
    Column("same_segments", INTEGER, "clips with as many segments"),
    Column("audio_seconds", NUMBER, "of these clips"),
    *ERRORS,
    Column("seconds", NUMBER, "wall time"),
    Column("cpu_seconds", NUMBER, "of all threads"),
)
IMPLEMENTATIONS = (
    Column("implementation", TEXT, "name of the row", "name"),
    Column("peer", TEXT, "whose it is"),
    Column("said", TEXT, "what it is"),
    Column("requirements", TEXT, "that its environment is made of"),
)


def _clips(document: Document) -> Iterator[Row]:
    for clip in document["clips"]:
        shared = {"clip": clip["name"], "audio_seconds": clip["audio_seconds"]}
        shared |= {f"reference_{key}": clip[key] for key in ("speakers", "segments")}
        yield from ({**result, **shared, "implementation": result["row"]} for result in clip["results"])


PEERS = Tables(
    "python -m peers",
    (
        Table("clips", "an implementation on a clip", CLIPS, _clips),
        Table("totals", "an implementation over the clips that it ran on", TOTALS,
              lambda found: ({**total, "implementation": total["row"]} for total in found["totals"])),
        Table("implementations", "an implementation", IMPLEMENTATIONS, lambda found: found["rows"]),
    ),
    frozenset({"rows", "clips", "totals"}),
)  # fmt: skip
