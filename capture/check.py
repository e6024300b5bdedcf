"""What changed between a snapshot that is kept and a new capture of the same clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from parity.fixtures import Snapshot, read_snapshot
from parity.fixtures.heard import with_heard
from parity.measure import Drift, compare
from parity.pipeline import ARTEFACTS
from parity.replay import CASCADED
from parity.replay.outcome import excuses, near_tie_flips

PROVENANCE = ("pyannote_audio_version", "clip_sha256", "weights", "parameters")


@dataclass(frozen=True)
class Check:
    """What a new capture changes.

    Attributes
    ----------
    within : whether all that differs is inside the cascaded tolerances, and nothing is missing on either side
    same : whether everything that is kept came out again to the bit; the new capture may hold more
    lines : what to tell: bit-identical, or by how much and where not
    """

    within: bool
    same: bool
    lines: list[str]


def compare_snapshots(kept: Path, fresh: Snapshot, inputs: Mapping[str, Any]) -> Check:
    """Compare a new capture with the snapshot that is kept.

    Parameters
    ----------
    inputs : `samples` and `sample_rate` of the clip, of which both may hold hashes only
    """
    old, fresh = read_snapshot(kept, any_version=True), with_heard(fresh, inputs)
    if old.manifest.get("clip_sha256") == fresh.manifest.get("clip_sha256"):
        old = with_heard(old, inputs)
    lines = [f"{key} changed" for key in PROVENANCE if old.manifest.get(key) != fresh.manifest.get(key)]
    lines += [f"{name} is only in the {side} capture" for side, name in _lonely(old, fresh)]
    within = not lines
    allowed = excuses(near_tie_flips(fresh.values.get("segmentations"), old), old)
    same = 0
    for name in ARTEFACTS:
        if name not in old.values or name not in fresh.values:
            continue
        if _identical(old.values[name], fresh.values[name]):
            same += 1
            continue
        drift = compare(
            name,
            fresh.values[name],
            old.values[name],
            mode=CASCADED,
            chunks=old.chunks.get(name),
            excused=allowed.get(name),
        )
        within &= drift.within
        lines.append(_line(drift))
    total = len(set(old.values) & set(fresh.values))
    unmoved = same == len(old.values) and not any("changed" in line for line in lines)
    return Check(within, unmoved, [f"{same} of {total} artefacts bit-identical", *lines])


def _lonely(old: Snapshot, fresh: Snapshot) -> list[tuple[str, str]]:
    lost = [("kept", name) for name in old.values if name not in fresh.values]
    return lost + [("new", name) for name in fresh.values if name not in old.values]


def _identical(a: Any, b: Any) -> bool:
    if isinstance(a, str):
        return a == b
    return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _line(drift: Drift) -> str:
    verdict = "within tolerance" if drift.within else f"OUT OF TOLERANCE ({drift.tolerance:.1e})"
    size = (
        drift.note or f"max {drift.max_abs:.2e}, rms {drift.rms:.2e}, {drift.mismatches} of {drift.compared} mismatch"
    )
    return f"{drift.artefact}: {size}{f' at {drift.where}' if drift.where else ''}: {verdict}"
