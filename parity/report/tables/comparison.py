"""Tables of `parity compare`: recordings, artefacts, scores, turns, decisions, and what `--explain` adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from parity.report.declared import declared_words
from parity.report.tables.explanations import Explained, explanation_tables
from parity.report.tables.run import DECISIONS, TRUTH
from parity.tables.table import INTEGER, NUMBER, TEXT, Column, Document, Row, Table, Tables

RECORDING = Column("recording", TEXT, "name of its folder")

RECORDINGS = (
    RECORDING,
    Column("verdict", TEXT, "the worst of its artefacts', or `error`"),
    Column("first_drift", TEXT, "the first artefact that is different"),
    Column("left_out", TEXT, "artefacts that only the reference has"),
    Column("extra", TEXT, "artefacts that only the candidate has"),
    Column("judged_chunks", INTEGER, "in which classes of frames were judged"),
    Column("total_chunks", INTEGER, "that the reference has"),
    Column("declared", TEXT, "what deviates on purpose, and from what"),
    Column("declared_der", NUMBER, "what is declared against the reference, a ratio"),
    Column("error", TEXT, "why it could not be compared"),
)

ARTEFACTS = (
    RECORDING,
    Column("stage", TEXT, "that writes it"),
    Column("artefact", TEXT, "name", "name"),
    Column("verdict", TEXT, "as in [parity compare](comparison-json.md)"),
    Column("by", TEXT, "conventions and roundings, undone"),
    Column("max_abs", NUMBER, "largest difference, conventions undone, in the artefact's own unit"),
    Column("tolerance_max_abs", NUMBER, "limit of `max_abs`", "tolerance"),
    Column("mismatched_elements", INTEGER, "that differ where they must not", "mismatches"),
    Column("compared_elements", INTEGER, "elements compared", "compared"),
    Column("where", TEXT, "the worst element"),
    Column("note", TEXT, "another shape, other members of as many clusters"),
    Column("looks_like", TEXT, "the one mistake that explains it"),
)

SCORES = (
    RECORDING,
    Column("output", TEXT, "`diarization` or `exclusive_diarization`"),
    Column("der", NUMBER, "candidate against reference, a ratio"),
    Column("miss_seconds", NUMBER, "behind `der`", "miss"),
    Column("false_alarm_seconds", NUMBER, "behind `der`", "false_alarm"),
    Column("confusion_seconds", NUMBER, "behind `der`", "confusion"),
    Column("speech_seconds", NUMBER, "of the reference, all speakers", "total"),
    Column("speakers", INTEGER, "the candidate's"),
    Column("reference_speakers", INTEGER, "the reference's"),
    Column("segments", INTEGER, "the candidate's"),
    Column("reference_segments", INTEGER, "the reference's"),
)

TURNS = (
    RECORDING,
    Column("output", TEXT, "`diarization` or `exclusive_diarization`"),
    Column("only_in", TEXT, "`reference` or `candidate`"),
    Column("start_seconds", NUMBER, "of the recording"),
    Column("duration_seconds", NUMBER, "of the turn"),
    Column("speaker", TEXT, "under the reference's name"),
)

UNKNOWN = (
    RECORDING,
    Column("stage", TEXT, "that decides"),
    Column("decision", TEXT, "the kind of decision"),
    Column("reference_lacks", TEXT, "artefacts that it lacks, or holds in a form that cannot be used", "reference"),
    Column("candidate_lacks", TEXT, "the same of the candidate", "candidate"),
)


def _recordings(document: Document) -> Iterator[Row]:
    for entry in document["recordings"]:
        judged, total = entry["class_chunks"] or (None, None)
        yield {**entry, **_declared(entry), "recording": entry["name"], "judged_chunks": judged, "total_chunks": total}
    for name, said in document["errors"].items():
        yield {"recording": name, "verdict": "error", "error": said}


def _declared(entry: Row) -> Row:
    found = entry["declaration"]
    if found is None:
        return {"declared": None, "declared_der": None}
    return {"declared": declared_words(found), "declared_der": found["cost"] and found["cost"]["der"]}


def _listed(key: str) -> Callable[[Document], Iterator[Row]]:
    return lambda document: (
        {**row, "recording": entry["name"]} for entry in document["recordings"] for row in entry[key]
    )


def _scores(document: Document) -> Iterator[Row]:
    for entry in document["recordings"]:
        for output, found in entry["turns"].items():
            counts = {
                name: count
                for key in ("speakers", "segments")
                for name, count in zip((f"reference_{key}", key), found[key], strict=True)
            }
            yield {**found, **counts, "recording": entry["name"], "output": output}


def _truth(document: Document) -> Iterator[Row]:
    for entry in document["recordings"]:
        for artefact, found in (entry["truth"] or {}).items():
            yield {**found, "recording": entry["name"], "artefact": artefact}


def _turns(document: Document) -> Iterator[Row]:
    for entry in document["recordings"]:
        for output, found in entry["turns"].items():
            for side in ("reference", "candidate"):
                for start, duration, speaker in found[f"only_{side}"]:
                    turn = {"start_seconds": start, "duration_seconds": duration, "speaker": speaker}
                    yield {"recording": entry["name"], "output": output, "only_in": side, **turn}


def _explained(document: Document) -> Explained:
    return [(entry["name"], entry["explanation"]) for entry in document["recordings"]]


COMPARE = Tables(
    "parity compare",
    (
        Table("artefacts", "an artefact that both sides have", ARTEFACTS, _listed("artefacts")),
        Table("recordings", "a recording", RECORDINGS, _recordings),
        Table("scores", "an output that both sides have", SCORES, _scores),
        Table("turns", "a turn that only one side has", TURNS, _turns),
        Table("decisions", "a kind of decision whose numbers both sides have", (RECORDING, *DECISIONS[1:]),
              _listed("margins")),
        Table("unknown_decisions", "a kind of decision of which nothing can be said", UNKNOWN,
              _listed("margins_unknown")),
        Table("truth", "an artefact whose truth is kept beside the reference", (RECORDING, *TRUTH[1:]), _truth),
        *explanation_tables(_explained),
    ),
    frozenset({"recordings", "not_compared", "errors"}),
)  # fmt: skip
