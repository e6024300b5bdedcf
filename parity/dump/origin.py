"""What made two dumps, as their manifests say, and in what else the two captures differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Manifest = Mapping[str, Any]

NAMED = {
    "clip_sha256": "clip",
    "weights.sha256": "weights",
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
    first = f"pyannote.audio {_made(reference)} against {_made(candidate)}."
    others = list(differing(reference, candidate))
    if not others:
        return (first, "Nothing else is different: same clip, weights, parameters, libraries, threads and machine.")
    return (first, f"Also different: {'; '.join(others)}.")


def _made(manifest: Manifest) -> str:
    return f"{manifest['pyannote_audio_version']} on {_flat(manifest).get('machine.device', 'an unnamed device')}"


def differing(reference: Manifest, candidate: Manifest) -> Iterator[str]:
    """What the two say otherwise, version of pyannote.audio and device aside, a phrase each."""
    theirs, ours = _flat(reference), _flat(candidate)
    for key in dict.fromkeys([*theirs, *ours]):
        if key not in SAID_FIRST and theirs.get(key) != ours.get(key):
            name = NAMED.get(key, key.partition(".")[2] or key)
            yield f"{name} {_value(key, reference, theirs)} against {_value(key, candidate, ours)}"


def _flat(manifest: Manifest) -> dict[str, Any]:
    """What a capture depends on, under dotted keys."""
    found = {"clip_sha256": manifest.get("clip_sha256")}
    weights = manifest.get("weights")
    found["weights.sha256"] = weights.get("sha256") if isinstance(weights, Mapping) else None
    for table in TABLES:
        entries = manifest.get(table)
        found |= {f"{table}.{key}": value for key, value in entries.items()} if isinstance(entries, Mapping) else {}
    return found


def _value(key: str, manifest: Manifest, flat: Mapping[str, Any]) -> str:
    value = flat.get(key)
    if value is None and key not in flat:
        return "(not said)"
    if key == "weights.sha256":
        name = manifest["weights"].get("name") if isinstance(manifest.get("weights"), Mapping) else None
        return "(not said)" if value is None else f"{name} ({str(value)[:12]})"
    text = " ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
    return text[:12] if key == "clip_sha256" else " ".join(text.split())[:MOST]
