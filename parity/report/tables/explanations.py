"""Tables of explanations: a verdict on each stage, every patched run, decisive elements, layers of the networks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from parity.tables.table import BOOLEAN, INTEGER, NUMBER, TEXT, Column, Document, Row, Table, Tables

Explained = Iterable[tuple[str, Any]]
"""Names of fixtures, and the explanation of each as JSON has it, or None."""

FIXTURE = Column("fixture", TEXT, "name of the fixture or recording")

STAGE = (
    FIXTURE,
    Column("stage", TEXT, "name, in the pipeline's order"),
    Column("verdict", TEXT, "`within`, `born`, `inherited`, …, as in [parity.json](parity-json.md)"),
    Column("named", BOOLEAN, "whether drift is born there"),
    Column("decides", BOOLEAN, "whether it is the earliest stage that decides alone, in both directions"),
    Column("suspected", BOOLEAN, "whether it may be the one, where that is inconclusive"),
    Column("artefact", TEXT, "the worst that the stage writes"),
    Column("isolated_drift", NUMBER, "on the reference's inputs, in `drift_unit`", "isolated"),
    Column("cascaded_drift", NUMBER, "on the candidate's own inputs, in `drift_unit`", "cascaded"),
    Column("drift_unit", TEXT, "`max abs`, in the artefact's own unit, or `elements` that differ", "unit"),
    Column("isolated_tolerances", NUMBER, "isolated drift in units of the tolerance", "isolated_ratio"),
    Column("cascaded_tolerances", NUMBER, "cascaded drift in units of the tolerance", "cascaded_ratio"),
    Column("cascaded_noises", NUMBER, "cascaded drift in units of the reference's own noise", "noise_ratio"),
    Column("where", TEXT, "the worst element"),
    Column("uncompared", TEXT, "artefacts that it reads and the snapshot lacks"),
    Column("unsupplied", TEXT, "stages before it that a port did not supply, one of which may be to blame"),
    Column("amplified_artefact", TEXT, "that the next five speak of", "amplification.artefact"),
    Column("read_relative", NUMBER, "relative drift (L2) of what the stage read", "amplification.read"),
    Column("shown_relative", NUMBER, "relative drift of what it wrote", "amplification.shown"),
    Column("explained_relative", NUMBER, "what the native stage makes of the same inputs", "amplification.explained"),
    Column("own_relative", NUMBER, "its own difference from the native stage", "amplification.own"),
    Column("gain", NUMBER, "explained / read", "amplification.gain"),
)

PATCH = (
    FIXTURE,
    Column("direction", TEXT, "`reference into candidate`, or the other way round"),
    Column("stages", TEXT, "whose outputs were replaced"),
    Column("prefix", BOOLEAN, "whether those are all stages up to one"),
    Column("restored", BOOLEAN, "whether the answer is (still) the reference's"),
    Column("recovered_frames_share", NUMBER, "how much of the way back, 1 all of it, by frames", "recovery.frames"),
    Column("recovered_responsibilities_share", NUMBER, "by responsibilities of VBx", "recovery.responsibilities"),
    Column("recovered_speakers_share", NUMBER, "by the number of speakers", "recovery.speakers"),
    Column("recovered_der_share", NUMBER, "by DER", "recovery.der"),
    Column("recovered_tokens_share", NUMBER, "by the edit distance of tokens (RNN-T)", "recovery.tokens"),
    Column("der", NUMBER, "of the patched run, a ratio"),
    Column("speakers", INTEGER, "of the patched run"),
)

ELEMENT = (
    FIXTURE,
    Column("set", TEXT, "`chosen`: restore the answer; `sufficient`: bring the failure into the reference"),
    Column("artefact", TEXT, "of the decisive stage"),
    Column("index", TEXT, "in the artefact"),
    Column("where", TEXT, "the same in words"),
    Column("start_seconds", NUMBER, "of the audio it speaks of", "start"),
    Column("end_seconds", NUMBER, "of the audio it speaks of", "end"),
    Column("speakers", TEXT, "the reference's names of those concerned"),
    Column("max_abs", NUMBER, "drift over its numbers, in the artefact's own unit", "drift"),
)

LAYER = (
    FIXTURE,
    Column("network", TEXT, "which"),
    Column("layer", TEXT, "in the order of computation"),
    Column("max_abs_rms", NUMBER, "largest difference in units of the layer's RMS", "relative"),
    Column("limit_rms", NUMBER, "what of that is allowed", "limit"),
    Column("within", BOOLEAN, "whether it is kept"),
)


def stage_rows(explained: Explained) -> Iterator[Row]:
    """A row for each stage of each explanation."""
    for name, found in explained:
        for stage in found["stages"] if found else ():
            stands = {
                "named": stage["stage"] in found["named"],
                "decides": stage["stage"] == found["decisive"],
                "suspected": stage["stage"] in found["suspects"],
            }
            yield {**stage, **stands, "fixture": name}


def patch_rows(explained: Explained) -> Iterator[Row]:
    """A row for each patched run."""
    return ({**patch, "fixture": name} for name, found in explained if found for patch in found["patches"])


def element_rows(explained: Explained) -> Iterator[Row]:
    """A row for each element of either set."""
    for name, found in explained:
        elements: Any = found["elements"] if found else None
        if not elements:
            continue
        for kind in ("chosen", "sufficient"):
            for element in elements[kind]:
                yield {**element, "fixture": name, "set": kind, "artefact": elements["artefact"]}


def layer_rows(explained: Explained) -> Iterator[Row]:
    """A row for each layer of a network that was looked into."""
    return ({**layer, "fixture": name} for name, found in explained if found for layer in found["layers"])


def explanation_tables(explained: Callable[[Document], Explained]) -> tuple[Table, ...]:
    """The tables of the explanations that a document holds."""
    return (
        Table("stages", "a stage of an explained fixture", STAGE, lambda found: stage_rows(explained(found))),
        Table("patches", "a patched run", PATCH, lambda found: patch_rows(explained(found))),
        Table("elements", "a decisive element", ELEMENT, lambda found: element_rows(explained(found))),
        Table("network_layers", "a layer of an explained fixture's networks", LAYER,
              lambda found: layer_rows(explained(found))),
    )  # fmt: skip


EXPLAIN = Tables(
    "parity explain",
    explanation_tables(lambda found: [(found["fixture"], found)]),
    frozenset({"fixture", "stages", "patches"}),
)
