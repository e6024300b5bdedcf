"""Small reports of `parity compare`, as its JSON has them: what a gate holds a port to."""

from __future__ import annotations


def artefact(name="embeddings", stage="embeddings", **changed):
    row = {"name": name, "stage": stage, "verdict": "exact", "by": [], "max_abs": 0.0, "tolerance": 1e-5}
    return row | {"mismatches": 0, "compared": 96, "where": "", "note": "", "looks_like": None} | changed


def off(size=1e-3, **changed):
    return artefact(verdict="different", max_abs=size, where="chunk 0", **changed)


def recording(*artefacts, name="02", der=0.0, **changed):
    verdict = "drift" if any(a["verdict"] == "different" for a in artefacts) else "parity"
    row = {"name": name, "verdict": verdict, "doubts": [], "form": [], "lacking": [], "artefacts": list(artefacts)}
    return row | {"turns": {"diarization": {"der": der}}} | changed


def report(*recordings, verdict=None, **changed):
    found = verdict or ("drift" if any(r["verdict"] == "drift" for r in recordings) else "parity")
    row = {"schema": 2, "verdict": found, "recordings": list(recordings), "errors": {}, "not_compared": []}
    return row | changed
