"""What a fixture's result depends on: where all of it is the same, a run that goes on takes the result it has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parity.errors import InputError
from parity.files.progress import content, lab
from parity.fixtures.catalogue import Fixture
from parity.fixtures.recording import Recording
from parity.maps.place import is_mapped, mapping_of
from parity.ports.dump.folders import folder_of
from parity.sources.weights import WeightSet


def made_of(
    entry: Fixture | Recording,
    weights: WeightSet | None = None,
    *,
    snapshots: Path | None = None,
    arrays: Path | None = None,
    deviations: Path | None = None,
    candidate: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Names and plain values that are others where a fixture's result may be another.

    Parameters
    ----------
    weights : None where no network and no hyper-parameter has a say
    snapshots, arrays, deviations : as of `parity.gate.run_fixtures`
    candidate : what is under test, see `parity.ports.identity.implementation_made_of`
    """
    found: dict[str, Any] = {"lab": lab(), "candidate": dict(candidate or {})}
    if weights is not None:
        found |= {"weights": weights.sha256, "parameters": dict(weights.parameters)}
    if isinstance(entry, Recording):
        clips = {"known": sorted(entry.clips), "named": content(entry.named) if entry.named else None}
        return found | {"snapshot": _folder(entry.folder), "clip": clips}
    folder = snapshots / entry.name if snapshots else entry.snapshot_folder
    found |= {"snapshot": _folder(folder), "clip": entry.clip_sha256, "speakers": dict(entry.speakers)}
    found["arrays"] = None if arrays is None else _arrays(arrays, entry.name)
    found["deviations"] = None if deviations is None else content(deviations)
    return found


def _folder(place: Path) -> str:
    return f"{mapping_of(place)!r} {content(Path(place))}" if is_mapped(place) else content(place)


def _arrays(arrays: Path, name: str) -> str:
    try:
        return _folder(folder_of(arrays, name))
    except InputError:  # said when the fixture's turn comes
        return "nothing"
