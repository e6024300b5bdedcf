"""What a report says of a deviation on purpose: what was declared, what it costs, what of it is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.report.wording import capital, number

if TYPE_CHECKING:  # loads numpy, which who only asks for the names of tables need not wait for
    from parity.ports.dump.declaration import Declaration

NETWORKS = {"segmentation": "the segmentation network", "embeddings": "the embedding network"}

Found = dict[str, Any]
"""A declaration as its JSON has it."""


def declaration_data(found: Declaration | None) -> Found | None:
    """A declaration, ready for JSON; None where nothing is declared."""
    if found is None:
        return None
    cost = found.cost
    return {
        "declared": dict(found.declared),
        "instead_of": dict(found.instead),
        "artefacts": list(found.artefacts),
        "cost": None
        if cost is None
        else {
            "der": cost.score.der,
            "miss": cost.score.miss,
            "false_alarm": cost.score.false_alarm,
            "confusion": cost.score.confusion,
            "total": cost.score.total,
            "speakers": list(cost.speakers),
            "segments": list(cost.segments),
        },
        "seconds": round(found.seconds, 3),
        "network_chunks": dict(found.network_chunks),
        "not_shown": list(found.unshown),
    }


def declared_words(found: Found) -> str:
    """`fa = 0.3 instead of 0.07`."""
    from parity.ports.dump.deviations import in_words

    return in_words(found["declared"], found["instead_of"])


def cost_words(found: Found) -> str:
    """What the deviation itself costs, in half a sentence."""
    cost = found["cost"]
    if cost is None:
        return "what it costs is not known, for the reference has no RTTM"
    if not cost["der"] and cost["speakers"][0] == cost["speakers"][1] and cost["segments"][0] == cost["segments"][1]:
        return "what you declared changes nothing in the answer here: DER 0 against the reference"
    return (
        f"what you declared itself costs a DER of {number(cost['der'])} against the reference, "
        f"{_counted(cost['speakers'], 'speaker')}, {_counted(cost['segments'], 'turn')}"
    )


def declared_in_words(found: Found | None) -> list[str]:
    """Lines beside a table: what was declared, what it costs, what the native pipeline took, what is not shown."""
    if found is None:
        return []
    lines = [f"Declared: {declared_words(found)}.", f"{capital(cost_words(found))}."]
    names = found["artefacts"]
    lines.append(
        f"Measured against the native pipeline with that: {names[0]} and all behind it ({len(names)} artefacts), "
        f"{_work(found)}; what stands before it, against the reference's own."
    )
    return lines + [f"Not shown: {sentence}." for sentence in found["not_shown"]]


def _work(found: Found) -> str:
    chunks = found["network_chunks"]
    seconds = f"{found['seconds']:.1f} s"
    if not chunks:
        return f"made in {seconds}"
    said = " and ".join(f"{count} chunks through {NETWORKS[name]}" for name, count in chunks.items())
    return f"made in {seconds}, {said}"


def _counted(pair: list[int], what: str) -> str:
    theirs, ours = pair
    return f"{ours} {what}{'' if ours == 1 else 's'} for {theirs}"
