"""Results as Markdown, short enough for a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from parity.measure.verdicts import DECLARED, NO_WORSE
from parity.report.ci.wording import held_markdown
from parity.report.declared import declared_in_words
from parity.report.diagnosis import diagnosis_lines, not_diagnosed_lines
from parity.report.differences import difference_in_words
from parity.report.explanation import verdict
from parity.report.headline import of_run
from parity.report.programs import program_markdown
from parity.report.standing import standing_markdown
from parity.report.wording import both, capital, inert, inert_table, number, scientific

COLUMNS = (
    "fixture",
    "status",
    "speakers",
    "segments",
    "DER",
    "exclusive",
    "embedding drift",
    "first drift",
    "human DER (reference / ours)",
)


SHORT = {DECLARED: "declared", NO_WORSE: "no worse"}
"""Words that are too long for a table."""

HELD = {"audio": "audio", "captures": "captures", "rttm": "RTTM"}
"""What may be at hand of a recording captured elsewhere, in words."""


def markdown(document: dict[str, Any], held: Sequence[str] = ()) -> str:
    """`parity.md` from the data of `parity.json`.

    Parameters
    ----------
    held : what was held against the port (`parity.report.ci.gate_lines`); it comes first
    """
    summary = document["summary"]
    lines = [
        f"# {inert(headline(document))}",
        "",
        *held_markdown(held),
        inert(of_run(document)),
        "",
        f"pyannote.audio {document['reference']['pyannote.audio']} · weights {inert(document['weights']['name'])} "
        f"(`{document['weights']['sha256'][:12]}`) · embedding network in {inert(runtime(document))} · "
        f"worst embedding drift {scientific(summary['worst_embedding_drift'])} · "
        f"worst DER {number(summary['worst_der'])} · near-tied frames {summary['near_ties']}",
        "",
        *inert_table(headings(document).values(), map(cells, document["fixtures"])),
    ]
    remarks = [remark for fixture in document["fixtures"] for remark in remarks_of(fixture)]
    if remarks:
        lines += ["", *(f"- {inert(remark)}" for remark in remarks)]
    lines += standing_markdown(document["fixtures"])
    lines += program_markdown(document)
    return "\n".join(lines) + "\n"


def headline(document: dict[str, Any]) -> str:
    """How many are at parity."""
    summary = document["summary"]
    others = [
        f"{number} {words}"
        for status, words in (("counted", "by their RTTM's counts alone"), ("missing", "not at hand"))
        if (number := sum(fixture["status"] == status for fixture in document["fixtures"]))
    ]
    return "; ".join([f"{summary['at_parity']} of {summary['fixtures']} fixtures at parity", *others])


def runtime(document: dict[str, Any]) -> str:
    """What the embedding network ran in, its version, and the device where that is not the CPU."""
    found = document["runtime"]
    return f"{found['name']} {found['version']}" + (f" on {found['device']}" if "device" in found else "")


def headings(document: dict[str, Any]) -> dict[str, str]:
    """Column -> what stands above it."""
    some_missing = any(fixture["missing"] for fixture in document["fixtures"])
    return {name: name for name in COLUMNS} | ({"first drift": "first drift, or missing"} if some_missing else {})


def cells(fixture: dict[str, Any]) -> list[str]:
    """What a table shows of one fixture, the name and status first."""
    if fixture["status"] == "error":
        return [fixture["name"], "error", *[""] * 7]
    if fixture["der"] is None:
        counts = [fixture["reference_speakers"], fixture["reference_segments"]]
        shown = ["—" if value is None else str(value) for value in counts]
        return [fixture["name"], fixture["status"], *shown, "—", "—", "—", first_drift(fixture), "—"]
    return [
        fixture["name"],
        SHORT.get(fixture["status"], fixture["status"]),
        both(fixture["speakers"], fixture["reference_speakers"]),
        both(fixture["segments"], fixture["reference_segments"]),
        number(fixture["der"]),
        number(fixture["der_exclusive"]),
        scientific(fixture["embedding_drift"]),
        first_drift(fixture),
        human(fixture["human"]),
    ]


def remarks_of(fixture: dict[str, Any]) -> list[str]:
    """What needs saying beside the table: errors, problems, the first drift in full, near-tied frames."""
    name = fixture["name"]
    if fixture["status"] == "error":
        return [f"{name}: {fixture['error']}"]
    said = [*_of_arrays(fixture), *(fixture.get("program") or {"remarks": []})["remarks"]]
    remarks = [f"{name}: {problem}" for problem in [*fixture["problems"], *said, *recorded(fixture)]]
    drift = next((row for row in fixture["artefacts"] if not row["within"]), None)
    if drift:
        remarks.append(f"{name}: {failure(drift)}")
    if fixture["explanation"]:
        remarks += [f"{name}: {sentence}" for sentence in verdict(fixture["explanation"])]
    diagnosed = [line.strip() for one in fixture["diagnoses"] for line in diagnosis_lines(one)]
    remarks += [f"{name}: {line}" for line in [*diagnosed, *not_diagnosed_lines(fixture)]]
    if fixture["explanation"]:
        differences = fixture["explanation"]["differences"]
        described = [line for one in differences for line in difference_in_words(one, fixture["diagnoses"])]
        remarks += [f"{name}: {line}" for line in described]
    remarks += [
        f"{name}: frame {tie['frame']} of chunk {tie['chunk']} ({tie['seconds']:.2f} s) differs; the reference's "
        f"two best classes are {tie['gap']:.1e} apart there, below its own noise: excused"
        for tie in fixture["near_ties"]
    ]
    return remarks


def _of_arrays(fixture: dict[str, Any]) -> list[str]:
    """What a port's arrays are said to be, and what is declared of them."""
    conventions = [f"the same by {'; '.join(fixture['conventions'])}"] if fixture["conventions"] else []
    declared = [line.rstrip(".") for line in declared_in_words(fixture["declaration"])]
    return [*declared, *map(capital, fixture["doubts"]), *conventions, *fixture["notes"]]


def recorded(fixture: dict[str, Any]) -> list[str]:
    """What was at hand of a recording captured elsewhere, in sentences; nothing of the catalogue's own."""
    lines = []
    if fixture["missing"]:
        held = {"tensors": "replayed from its captured tensors", "audio": "replayed from audio"}
        done = [held[source] for source in fixture["replayed_from"] if source in held]
        pinned = fixture["pinned"]
        if fixture["status"] == "counted":
            done = ["its RTTM has the pinned speakers and segments" if pinned else "its RTTM has no pinned counts"]
        elif fixture["status"] == "missing" and pinned:
            done = [f"pinned are {pinned['speakers']} speakers, {pinned['segments']} segments"]
        missing = ", ".join(HELD[name] for name in fixture["missing"])
        lines.append("; ".join([f"not at hand: {missing}", *done]))
    if (audio := fixture["audio_replay"]) is not None and not audio["same_weights"]:
        lines.append(
            f"from audio with the weights {audio['weights']}, captured with {audio['captured_with']}: what drifts is "
            f"localised, not failed: embeddings by up to {scientific(audio['embedding_drift'])}, DER "
            f"{number(audio['der'])}, {audio['speakers']} speakers, {audio['segments']} segments"
        )
    return lines


def failure(row: dict[str, Any]) -> str:
    """One artefact out of tolerance in words: what, where, how bad."""
    size = row["note"] or (
        f"{row['mismatches']} of {row['compared']} differ" if row["mismatches"] else f"max {scientific(row['max_abs'])}"
    )
    text = f"{row['artefact']} ({row['stage']}, {row['mode']}): {size}, limit {scientific(row['tolerance'])}"
    if row["where"]:
        sides = row["got"], row["want"]
        text += f"; worst at {row['where']}" + ("" if sides == (None, None) else f": got {sides[0]}, want {sides[1]}")
    return text + "; first stage to drift"


def first_drift(fixture: dict[str, Any]) -> str:
    """The first artefact out of tolerance, short; what was not at hand, where nothing is out."""
    drift = fixture["first_drift"]
    if drift is None and fixture["missing"]:
        return f"no {', '.join(HELD[name] for name in fixture['missing'])}"
    if drift is None and fixture["status"] == "drift" and fixture["notes"]:
        return f"{fixture['notes'][0].partition(':')[0]} (length)"
    return f"{drift['artefact']} ({drift['mode']})" if drift else ("not compared" if fixture["problems"] else "—")


def human(scores: dict[str, Any] | None) -> str:
    """DER against human RTTM of the reference and of ours."""
    return "—" if scores is None else f"{scores['reference']['der']:.3f} / {scores['ours']['der']:.3f}"


def tightest(fixture: dict[str, Any]) -> dict[str, Any] | None:
    """The margin with the least headroom; None where none is known."""
    known = [margin for margin in fixture["margins"] or () if margin["least_headroom"] is not None]
    return min(known, key=lambda margin: margin["least_headroom"], default=None)
