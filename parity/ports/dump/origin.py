"""What made two dumps, as their manifests say, and in what else the two captures differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Manifest = Mapping[str, Any]

NAMED = {
    "clip_sha256": "clip",
    "machine.threads": "threads",
    "machine.cpu": "CPU",
    "machine.accelerator": "accelerator",
    "machine.torch_cpu_capability": "torch's instruction set",
    "machine.numpy_cpu_features": "NumPy's instruction sets",
}
TABLES = ("versions", "machine", "parameters")
SAID_FIRST = ("versions.pyannote.audio", "machine.device")
MOST = 48  # characters of a value


def origin_lines(reference: Manifest, candidate: Manifest) -> tuple[str, ...]:
    """What was compared with what, and what else the two captures do not have in common.

    Parameters
    ----------
    reference, candidate : manifests; empty where there is none, as in most dumps of ports

    Returns
    -------
    lines : none where a manifest names no version of pyannote.audio
    """
    if not all(isinstance(m.get("pyannote_audio_version"), str) for m in (reference, candidate)):
        return ()
    theirs, ours = _flat(reference), _flat(candidate)
    lines = [f"pyannote.audio {_made(theirs)} against {_made(ours)}."]
    unsaid = {side: _tables(other) - _tables(flat) for side, flat, other in _both_ways(theirs, ours)}
    if others := [
        f"{_name(key)} {_value(key, theirs)} against {_value(key, ours)}"
        for key in dict.fromkeys([*theirs, *ours])
        if key not in SAID_FIRST and theirs.get(key) != ours.get(key)
        if (key in theirs and key in ours) or _table(key) not in unsaid["reference"] | unsaid["candidate"]
    ]:
        lines.append(f"Also different: {'; '.join(others)}.")
    lines += [f"The {side} does not say its {', '.join(sorted(tables))}." for side, tables in unsaid.items() if tables]
    if len(lines) == 1:
        lines.append("Nothing else is different: same clip, weights, parameters, libraries, threads and machine.")
    return tuple(lines)


def _both_ways(theirs: dict[str, Any], ours: dict[str, Any]) -> tuple[tuple[str, dict[str, Any], dict[str, Any]], ...]:
    return (("reference", theirs, ours), ("candidate", ours, theirs))


def _table(key: str) -> str:
    return NAMED.get(key, key) if "." not in key else key.partition(".")[0]


def _tables(flat: Mapping[str, Any]) -> set[str]:
    # Version of pyannote.audio and NumPy's stand apart in a manifest, so they say nothing of the table.
    return {_table(key) for key in flat if key not in ("versions.pyannote.audio", "versions.numpy")}


def _made(flat: Mapping[str, Any]) -> str:
    return f"{flat['versions.pyannote.audio']} on {flat.get('machine.device', 'a device that is not named')}"


def _flat(manifest: Manifest) -> dict[str, Any]:
    """What a capture depends on and says, under dotted keys; weights as their hash."""
    found: dict[str, Any] = {}
    for table in TABLES:
        entries = manifest.get(table)
        found |= {f"{table}.{key}": value for key, value in entries.items()} if isinstance(entries, Mapping) else {}
    weights = manifest.get("weights")
    found |= {
        "clip_sha256": manifest.get("clip_sha256"),
        "weights": weights.get("sha256") if isinstance(weights, Mapping) else None,
        "versions.pyannote.audio": manifest["pyannote_audio_version"],
        "versions.numpy": found.get("versions.numpy", manifest.get("numpy_version")),
    }
    return {key: value for key, value in found.items() if value is not None or key.startswith("parameters.")}


def _name(key: str) -> str:
    return NAMED.get(key, key.partition(".")[2] or key)


def _value(key: str, flat: Mapping[str, Any]) -> str:
    value = flat.get(key)
    if value is None:
        return "none"
    text = " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
    return text[:12] if key in ("clip_sha256", "weights") else " ".join(text.split())[:MOST]
