"""Results as the plain data of `parity.json`; the schema is described in docs/reference/parity-json.md."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from parity import __version__
from parity.checkout import versions
from parity.explain import Explanation
from parity.fixtures.snapshot import REFERENCE_VERSION
from parity.gate import Details, FixtureResult
from parity.gate.gate import notes_of
from parity.gate.recorded import AUDIO, TENSORS, TURNS, AudioReplay, Recorded
from parity.measure import Drift
from parity.measure.verdicts import GREEN, worst
from parity.networks.placement import Placement
from parity.networks.runtime import available_cores
from parity.networks.wespeaker.runtime import DEFAULT_RUNTIME, runtime_version
from parity.ports.arrays import Supplied
from parity.replay.outcome import TEXTS, Replay
from parity.report.declared import declaration_data
from parity.report.diagnosis import diagnosis_data
from parity.report.differences import difference_data
from parity.report.programs import program_data
from parity.report.standing import standing_data
from parity.sources import WeightSet

Entry = dict[str, Any]
"""Of `entry_of`."""

SCHEMA = 2
EXPLAIN_SCHEMA = 1
"""Of `parity explain --json`."""

REPLAYED = (
    "der",
    "der_seconds",
    "der_exclusive",
    "speakers",
    "segments",
    "reference_speakers",
    "reference_segments",
    "embedding_drift",
    "first_drift",
    "problems",
    "near_ties",
    "isolated_without",
    "stage_seconds",
    "human",
    "artefacts",
)
"""What a fixture has besides its name, status and times; null where its inputs were wrong."""

DETAILED = tuple(field.name for field in fields(Details))
"""The numbers behind the plots; null where its inputs were wrong."""

PACKAGES = ("numpy", "scipy", "scikit-learn", "onnxruntime", "pyannote.metrics")


def document(
    results: Iterable[FixtureResult],
    weights: WeightSet,
    seconds: float,
    implementation: str = "native",
    runtime: str = DEFAULT_RUNTIME,
    placement: Placement | None = None,
) -> dict[str, Any]:
    """Everything a run found, ready for JSON; parameters are those of `document_of`."""
    return document_of(map(entry_of, results), weights, seconds, implementation, runtime, placement)


def document_of(
    entries: Iterable[Entry],
    weights: WeightSet,
    seconds: float,
    implementation: str = "native",
    runtime: str = DEFAULT_RUNTIME,
    placement: Placement | None = None,
) -> dict[str, Any]:
    """Everything a run found, ready for JSON, of what is kept of each fixture.

    Parameters
    ----------
    entries : of `entry_of`
    seconds : that the run took
    implementation, runtime : names of the pipeline under test and of what its embedding network ran in
    placement : the device and the precision of the networks; the CPU by default
    """
    entries = list(entries)
    rows = [entry["row"] for entry in entries]
    return {
        "schema": SCHEMA,
        "version": __version__,
        "verdict": worst(row["status"] for row in rows),
        "reference": {"pyannote.audio": REFERENCE_VERSION, "captured_on": captured_on(entries)},
        "weights": {"name": weights.name, "sha256": weights.sha256},
        "implementation": {"name": implementation, "version": __version__},
        "runtime": {"name": runtime, "version": runtime_version(runtime), **_device(placement or Placement())},
        "environment": environment(),
        "fixtures": rows,
        "summary": summary(entries, seconds),
    }


def entry_of(result: FixtureResult, confirm: Callable[[str], str] = lambda stage: "") -> Entry:
    """What is kept of a fixture: its row in the report, and what else is said of it, or summed up over all.

    Parameters
    ----------
    confirm : stage -> the command that confirms that its mistake is mended
    """
    return {
        "row": fixture_data(result, confirm),
        "machine": result.machine,
        # What drifts because of other weights is said, and is no drift of the code's.
        "judged": [
            {
                "ders": [score.der for score in (replay.score, replay.exclusive_score) if score],
                "embedding_drift": replay.embedding_drift,
                "near_ties": len(replay.near_ties),
            }
            for replay in _judged(result)
        ],
        "raised": [asdict(raised) for raised in (result.replay.raised if result.replay else ())],
    }


def _device(placement: Placement) -> dict[str, str]:
    return {} if placement.on_cpu else {"device": str(placement)}


def to_json(document: dict[str, Any]) -> str:
    """The document as text, a list of plain values on one line: a curve of 500 points is not 500 lines."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    # JSON strings hold no raw line break, so what begins with one after the bracket is structure, never text.
    return re.sub(r"\[\n\s+([^\[\]{}]*?)\n\s*\]", _on_one_line, text) + "\n"


def _on_one_line(found: re.Match[str]) -> str:
    return "[" + re.sub(r"\n\s*", " ", found[1]) + "]"


def environment() -> dict[str, Any]:
    """What the numbers may depend on."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": available_cores(),
        "cores_of_machine": os.cpu_count(),
        **versions(PACKAGES),
    }


def captured_on(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The machines that the snapshots were made on, each once."""
    machines: list[dict[str, Any]] = []
    for entry in entries:
        if entry["machine"] and entry["machine"] not in machines:
            machines.append(entry["machine"])
    return machines


def summary(entries: Sequence[Entry], seconds: float) -> dict[str, Any]:
    """The run in a few numbers."""
    rows = [entry["row"] for entry in entries]
    judged = [replay for entry in entries for replay in entry["judged"]]
    drifts = [replay["embedding_drift"] for replay in judged if replay["embedding_drift"] is not None]
    return {
        "fixtures": len(rows),
        "at_parity": sum(row["status"] in GREEN for row in rows),
        "worst_der": max((der for replay in judged for der in replay["ders"]), default=None),
        "worst_embedding_drift": max(drifts, default=None),
        "near_ties": sum(replay["near_ties"] for replay in judged),
        "from_audio": sum(AUDIO in row["replayed_from"] for row in rows),
        "from_tensors": sum(TENSORS in row["replayed_from"] for row in rows),
        "from_rttm": sum(TURNS in row["replayed_from"] for row in rows),
        "audio_seconds": round(sum(row["audio_seconds"] or 0.0 for row in rows), 3),
        "replay_seconds": round(sum(row["seconds"] or 0.0 for row in rows), 3),
        "seconds": round(seconds, 3),
    }


def _judged(result: FixtureResult) -> tuple[Replay, ...]:
    if result.recorded is not None:
        return result.recorded.judged
    return (result.replay,) if result.replay else ()


def replayed_from(result: FixtureResult) -> tuple[str, ...]:
    """What a fixture was replayed from: our own from their clips, a recording captured elsewhere from what is there."""
    if result.recorded is not None:
        return result.recorded.replayed_from
    return (AUDIO,) if result.replay else ()


def fixture_data(result: FixtureResult, confirm: Callable[[str], str] = lambda stage: "") -> dict[str, Any]:
    """What a run says of one fixture, ready for JSON; parameters are those of `entry_of`."""
    replay = result.replay
    row: dict[str, Any] = {
        "name": result.name,
        "status": result.status,
        "audio_seconds": result.audio_seconds,
        "seconds": None if result.seconds is None else round(result.seconds, 3),
        "error": result.error,
        "supplied": list(result.supplied),
        "lacking": list(result.lacking),
        "conventions": list(result.conventions),
        "doubts": list(result.doubts),
        "notes": list(result.notes),
        "program": program_data(result.account),
        "declaration": declaration_data(result.declaration),
        "not_run": list(result.not_run),
    }
    details: dict[str, Any] = dict.fromkeys(DETAILED)
    if result.details is not None:
        details = {**asdict(result.details), "truth": standing_data(result.details.truth)}
    explanation = None if result.explanation is None else explanation_data(result.explanation)
    row |= {name: finite(value) for name, value in details.items()} | {"explanation": explanation}
    row["diagnoses"] = [diagnosis_data(found, confirm(found.stage)) for found in result.diagnoses]
    row["not_diagnosed"] = result.not_diagnosed
    row |= {"replayed_from": list(replayed_from(result)), **_recorded(result.recorded)}
    if replay is None:
        return row | dict.fromkeys(REPLAYED) | {"problems": [], "near_ties": [], "artefacts": []} | _counts(result)
    return row | {
        "der": replay.score.der,
        "der_seconds": asdict(replay.score),
        "der_exclusive": None if replay.exclusive_score is None else replay.exclusive_score.der,
        "speakers": replay.speakers,
        "segments": replay.segments,
        "reference_speakers": replay.reference_speakers,
        "reference_segments": replay.reference_segments,
        "embedding_drift": replay.embedding_drift,
        "first_drift": _first(replay.first_drift),
        "problems": list(replay.problems),
        "near_ties": [asdict(tie) for tie in replay.near_ties],
        "isolated_without": {stage: list(names) for stage, names in replay.isolated_without.items()},
        "stage_seconds": {stage: round(seconds, 4) for stage, seconds in replay.stage_seconds.items()},
        "human": None if result.human is None else asdict(result.human),
        "artefacts": [_artefact(drift) for drift in replay.drifts],
    }


def _recorded(found: Recorded | None) -> dict[str, Any]:
    if found is None:
        return {"missing": [], "pinned": None, "audio_replay": None}
    return {
        "missing": list(found.missing),
        "pinned": found.pinned and dict(zip(("speakers", "segments"), found.pinned, strict=True)),
        "audio_replay": None if found.audio is None else _audio_replay(found.audio),
    }


def _counts(result: FixtureResult) -> dict[str, int]:
    """Of an RTTM that nothing was replayed against."""
    counts = result.recorded.counts if result.recorded else None
    return dict(zip(("reference_speakers", "reference_segments"), counts, strict=True)) if counts else {}


def _audio_replay(audio: AudioReplay) -> dict[str, Any]:
    replay = audio.replay
    return {
        "weights": audio.weights,
        "captured_with": audio.captured_with,
        "same_weights": audio.same_weights,
        "der": replay.score.der,
        "speakers": replay.speakers,
        "segments": replay.segments,
        "answer_changed": any(drift.mismatches > 0 for drift in replay.drifts if drift.artefact in TEXTS),
        "embedding_drift": finite(replay.embedding_drift),
        "artefacts": [_artefact(drift) for drift in replay.drifts],
    }


def supplied_data(found: Supplied, verdict: str, *, named: bool = True) -> dict[str, Any]:
    """What is said of an explained fixture beside its explanation, as of a fixture that was replayed.

    Parameters
    ----------
    named : whether the explanation names a stage
    """
    compared = found.comparison
    return {
        "schema": EXPLAIN_SCHEMA,
        "version": __version__,
        "verdict": verdict,
        "lacking": list(found.lacking),
        "conventions": list(compared.conventions) if compared else [],
        "doubts": list(compared.doubts) if compared else [],
        "notes": list(notes_of(compared, shown=named, given=found.values)) if compared else [],
        "declaration": declaration_data(found.declaration),
    }


def explanation_data(found: Explanation) -> dict[str, Any]:
    """An explanation, ready for JSON."""
    return {**finite(asdict(found)), "differences": [difference_data(one) for one in found.differences]}


def _first(drift: Drift | None) -> dict[str, Any] | None:
    if drift is None:
        return None
    return {
        "stage": drift.stage,
        "artefact": drift.artefact,
        "mode": drift.mode,
        "index": None if drift.worst_index is None else list(drift.worst_index),
        "where": drift.where,
        "max_abs": finite(drift.max_abs),
        "mismatches": drift.mismatches,
        "note": drift.note,
    }


def _artefact(drift: Drift) -> dict[str, Any]:
    row = asdict(drift)
    row["worst_index"] = None if drift.worst_index is None else list(drift.worst_index)
    return {key: finite(value) for key, value in row.items()}


def finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become text, at any depth."""
    if isinstance(value, Mapping):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value
