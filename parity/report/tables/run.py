"""Tables of `parity run`: fixtures, artefacts, decisions, turns, and what an explanation adds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from parity.report.tables.explanations import FIXTURE, Explained, explanation_tables
from parity.tables.table import BOOLEAN, INTEGER, NUMBER, TEXT, Column, Document, Row, Table, Tables

FIXTURES = (
    FIXTURE,
    Column(
        "status",
        TEXT,
        "a [verdict](verdicts.md); of others' captures also `counted`, `missing`",
    ),
    Column("error", TEXT, "why its inputs are wrong"),
    Column("supplied", TEXT, "artefacts that arrays on disk supplied"),
    Column("lacking", TEXT, "artefacts that `--require` names and that were not compared"),
    Column("conventions", TEXT, "of arrays, what was undone before they were compared"),
    Column("doubts", TEXT, "of arrays, what makes the dump or the reference suspect"),
    Column("notes", TEXT, "of arrays, what is of another length or out of form"),
    Column("declared_der", NUMBER, "what is declared against the reference, a ratio", "declaration.cost.der"),
    Column("not_run", TEXT, "native stages of which something came from the cache"),
    Column("not_diagnosed", TEXT, "why known mistakes were not tried where something drifts"),
    Column("replayed_from", TEXT, "`audio`, `tensors`, `rttm`"),
    Column("missing", TEXT, "what is not at hand of a recording captured elsewhere"),
    Column("audio_seconds", NUMBER, "of the clip"),
    Column("seconds", NUMBER, "wall time of the cascade"),
    Column("der", NUMBER, "ours against the reference's RTTM, a ratio"),
    Column("miss_seconds", NUMBER, "behind `der`", "der_seconds.miss"),
    Column("false_alarm_seconds", NUMBER, "behind `der`", "der_seconds.false_alarm"),
    Column("confusion_seconds", NUMBER, "behind `der`", "der_seconds.confusion"),
    Column("speech_seconds", NUMBER, "of the reference, all speakers", "der_seconds.total"),
    Column("der_exclusive", NUMBER, "the same of the exclusive outputs, a ratio"),
    Column("speakers", INTEGER, "ours"),
    Column("reference_speakers", INTEGER, "the reference's"),
    Column("segments", INTEGER, "ours"),
    Column("reference_segments", INTEGER, "the reference's"),
    Column("pinned_speakers", INTEGER, "known of a recording of the fourteen", "pinned.speakers"),
    Column("pinned_segments", INTEGER, "known of a recording of the fourteen", "pinned.segments"),
    Column("embedding_max_abs", NUMBER, "worst cascaded drift of active speakers' embeddings", "embedding_drift"),
    Column("first_drift_stage", TEXT, "first out of tolerance", "first_drift.stage"),
    Column("first_drift_artefact", TEXT, "first out of tolerance", "first_drift.artefact"),
    Column("first_drift_mode", TEXT, "`isolated` or `cascaded`", "first_drift.mode"),
    Column("problems", TEXT, "what was not compared, or made by one side only"),
    Column("human_der_reference", NUMBER, "the reference against a human's RTTM, a ratio", "human.reference.der"),
    Column("human_der", NUMBER, "ours against a human's RTTM, a ratio", "human.ours.der"),
)

ARTEFACTS = (
    FIXTURE,
    Column("replayed_from", TEXT, "`audio` or `tensors`"),
    Column("stage", TEXT, "that writes it"),
    Column("artefact", TEXT, "name"),
    Column("mode", TEXT, "`isolated`: on the reference's inputs; `cascaded`: on our own"),
    Column("within", BOOLEAN, "whether everything is inside its limits"),
    Column("max_abs", NUMBER, "largest difference, in the artefact's own unit"),
    Column("tolerance_max_abs", NUMBER, "limit of `max_abs`", "tolerance"),
    Column("rms", NUMBER, "of the differences, in the artefact's own unit"),
    Column("cosine", NUMBER, "smallest over rows, of vectors; a ratio"),
    Column("mismatched_elements", INTEGER, "labels, frames, lines or NaN that differ", "mismatches"),
    Column("excused_elements", INTEGER, "that differ where the reference's own choice is noise", "excused"),
    Column("compared_elements", INTEGER, "elements, or lines", "compared"),
    Column("total_elements", INTEGER, "that the reference's whole artefact has", "total"),
    Column("worst_index", TEXT, "of the worst element"),
    Column("where", TEXT, "the same in words"),
    Column("got", TEXT, "ours there"),
    Column("want", TEXT, "the reference's there"),
    Column("note", TEXT, "another shape, another number of turns; which chunks"),
    Column("elsewhere", BOOLEAN, "whether it is of chunks of which only the gap of two classes is recorded"),
)

DECISIONS = (
    FIXTURE,
    Column("stage", TEXT, "that decides"),
    Column("decision", TEXT, "the kind of decision"),
    Column("margin", NUMBER, "distance of the closest one from flipping, in `margin_unit`", "smallest"),
    Column("margin_unit", TEXT, "of `margin` and `drift`", "unit"),
    Column("where", TEXT, "the closest one"),
    Column("decisions", INTEGER, "of the kind that were taken"),
    Column("ties", INTEGER, "that stand exactly on the edge"),
    Column("ambiguous", BOOLEAN, "whether the reference breaks such ties by accident"),
    Column("drift", NUMBER, "of the deciding number there, in `margin_unit`"),
    Column("headroom_drifts", NUMBER, "`margin` in units of `drift`", "headroom"),
    Column("least_headroom_drifts", NUMBER, "of the decision that has the least", "least_headroom"),
    Column("least_where", TEXT, "that decision"),
)

STABILITY = (
    FIXTURE,
    Column("artefact", TEXT, "that seeded noise was put on"),
    Column("noise_max_abs", NUMBER, "size of the noise, in the artefact's own unit"),
    Column("draws", INTEGER, "at each size"),
    Column("changed_share", NUMBER, "of the draws whose answer was another; missing: not run"),
    Column("first_change_max_abs", NUMBER, "the smallest size that changed any answer", "first_change"),
    Column("why", TEXT, "why sizes were not run"),
)

STAGE_SECONDS = (
    FIXTURE,
    Column("stage", TEXT, "name, in the pipeline's order"),
    Column("seconds", NUMBER, "wall time in the cascade"),
)

PROGRAM_STAGES = (
    FIXTURE,
    Column("stage", TEXT, "that a program ran"),
    Column("calls", INTEGER, "requests that reached the program"),
    Column("seconds", NUMBER, "wall time of all of them, files in and out included"),
    Column("peak_memory_bytes", INTEGER, "the most that the program was seen to hold", "peak_memory"),
)

NEAR_TIES = (
    FIXTURE,
    Column("chunk", INTEGER, "number"),
    Column("frame", INTEGER, "of the chunk"),
    Column("time_seconds", NUMBER, "of the clip", "seconds"),
    Column("gap", NUMBER, "between the reference's two best classes, log-probability"),
)

NOISE = (
    FIXTURE,
    Column("artefact", TEXT, "name"),
    Column("max_abs", NUMBER, "that the reference itself moves under benign changes, in the artefact's own unit"),
    Column("rms", NUMBER, "the same"),
    Column("mismatched_elements", INTEGER, "that differ", "mismatches"),
    Column("excused_elements", INTEGER, "that differ and are hardly decided", "excused"),
)

TRUTH = (
    FIXTURE,
    Column("artefact", TEXT, "whose truth is kept"),
    Column("ratio", NUMBER, "RMS of ours from float64 over the reference's; missing: the reference is the truth"),
    Column("candidate_max_abs", NUMBER, "of ours from float64, in the artefact's own unit", "candidate_max"),
    Column("candidate_rms", NUMBER, "the same"),
    Column("reference_max_abs", NUMBER, "of the reference from float64, over the same elements", "reference_max"),
    Column("reference_rms", NUMBER, "the same"),
    Column("elements", INTEGER, "compared"),
    Column("no_worse", BOOLEAN, "whether ours is no further, in RMS and at its worst"),
    Column("closer", BOOLEAN, "whether it is closer by more than another order of sums makes it"),
)

TURNS = (
    FIXTURE,
    Column("side", TEXT, "`reference` or `ours`"),
    Column("start_seconds", NUMBER, "of the clip"),
    Column("end_seconds", NUMBER, "of the clip"),
    Column("speaker", TEXT, "under that side's name"),
)


def _fixtures(document: Document) -> Iterator[Row]:
    return ({**entry, "fixture": entry["name"]} for entry in document["fixtures"])


def _artefacts(document: Document) -> Iterator[Row]:
    for entry in document["fixtures"]:
        source = "tensors" if "tensors" in entry["replayed_from"] else "audio"
        replays = [(source, entry["artefacts"])]
        if source == "tensors" and entry["audio_replay"]:
            replays.append(("audio", entry["audio_replay"]["artefacts"]))
        for replayed_from, artefacts in replays:
            yield from ({**row, "fixture": entry["name"], "replayed_from": replayed_from} for row in artefacts)


def listed(key: str) -> Callable[[Document], Iterator[Row]]:
    """The rows that a document's fixtures hold under a key; a fixture may hold null, or lack it."""
    return lambda document: (
        {**row, "fixture": entry["name"]} for entry in document["fixtures"] for row in entry.get(key) or ()
    )


def stability_rows(document: Document) -> Iterator[Row]:
    """A row for each size of noise on each artefact of each fixture."""
    for entry in document["fixtures"]:
        for artefact, found in (entry.get("stability") or {}).items():
            for size, share in zip(found["sizes"], found["changed"], strict=True):
                more = {"fixture": entry["name"], "artefact": artefact, "noise_max_abs": size, "changed_share": share}
                yield {**found, **more}


def _stage_seconds(document: Document) -> Iterator[Row]:
    for entry in document["fixtures"]:
        for stage, seconds in (entry["stage_seconds"] or {}).items():
            yield {"fixture": entry["name"], "stage": stage, "seconds": seconds}


def _program_stages(document: Document) -> Iterator[Row]:
    for entry in document["fixtures"]:
        for row in (entry.get("program") or {}).get("stages", ()):
            yield {**row, "fixture": entry["name"]}


def _noise(document: Document) -> Iterator[Row]:
    for entry in document["fixtures"]:
        for artefact, found in (entry["noise"] or {}).items():
            yield {**found, "fixture": entry["name"], "artefact": artefact}


def _truth(document: Document) -> Iterator[Row]:
    for entry in document["fixtures"]:
        for artefact, found in (entry["truth"] or {}).items():
            yield {**found, "fixture": entry["name"], "artefact": artefact}


def _turns(document: Document) -> Iterator[Row]:
    for entry in document["fixtures"]:
        for side, key in (("reference", "reference"), ("ours", "hypothesis")):
            for start, end, speaker in (entry["timeline"] or {}).get(key, ()):
                more: dict[str, Any] = {"start_seconds": start, "end_seconds": end, "speaker": speaker}
                yield {"fixture": entry["name"], "side": side, **more}


def _explained(document: Document) -> Explained:
    return [(entry["name"], entry["explanation"]) for entry in document["fixtures"]]


DECISIONS_TABLE = Table("decisions", "a kind of decision of a fixture", DECISIONS, listed("margins"))
STABILITY_TABLE = Table("stability", "a size of noise on an artefact of a fixture", STABILITY, stability_rows)

RUN = Tables(
    "parity run",
    (
        Table("fixtures", "a fixture", FIXTURES, _fixtures),
        Table("artefacts", "an artefact of a fixture, compared in one mode", ARTEFACTS, _artefacts),
        *explanation_tables(_explained),
        DECISIONS_TABLE,
        STABILITY_TABLE,
        Table("stage_seconds", "a stage of a fixture", STAGE_SECONDS, _stage_seconds),
        Table("program_stages", "a stage that a program ran on a fixture", PROGRAM_STAGES, _program_stages),
        Table("near_ties", "a frame that differs and is excused", NEAR_TIES, listed("near_ties")),
        Table("noise", "an artefact of a fixture", NOISE, _noise),
        Table("truth", "an artefact of a fixture whose truth is kept", TRUTH, _truth),
        Table("turns", "a turn of one side", TURNS, _turns),
    ),
    frozenset({"fixtures", "summary", "implementation"}),
)
MARGINS = Tables("parity margins", (DECISIONS_TABLE,))
