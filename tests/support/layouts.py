"""Folders in the layouts of public ports, made of a snapshot: the files, keys, shapes and dtypes that those have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from parity.community1.annotation import annotate
from parity.community1.vbx import cluster_vbx
from parity.maps.table import WINDOWS
from parity.ports.dump.reading import Dump

ITERATIONS = 20
"""Of VBx in cpp-annote's traces, always."""


def window(name: str) -> dict[str, np.float64]:
    """A sliding window beside its data, as cpp-annote writes it."""
    keys = ("sliding_window_start", "sliding_window_duration", "sliding_window_step")
    return {key: np.float64(value) for key, value in zip(keys, WINDOWS[name], strict=True)}


def turns(dump: Dump) -> tuple[list[Any], list[Any]]:
    """The plain and the exclusive turns at full precision, which RTTM has not."""
    frames = (dump.values["discrete_diarization"], dump.values["exclusive_discrete_diarization"])
    return annotate(*frames, min_duration_off=0.0)


def as_json(spoken: list[Any]) -> str:
    """Turns as JSON objects with start, end and speaker."""
    return json.dumps([{"start": turn.start, "end": turn.end, "speaker": turn.speaker} for turn in spoken], indent=2)


def cpp_annote(folder: Path, dump: Dump) -> Path:
    """A recording's folder as cpp-annote's scripts write it."""
    folder.mkdir(parents=True)
    values = dump.values
    chunks, frames = window("chunks"), window("frames")
    np.savez(folder / "segmentations.npz", data=values["segmentations"], **chunks)
    np.savez(folder / "speaker_count_initial.npz", data=values["count"], **frames)
    np.savez(folder / "speaker_count_capped.npz", data=values["count"].astype(np.int8), **frames)
    np.savez(folder / "embeddings.npz", embeddings=values["embeddings"])
    np.savez(
        folder / "embedding_chunk0_spk0_ort.npz",
        fbank=values["fbank"][:1],
        weights=values["masks"][:1, 0],
        expected_embedding=values["embeddings"][0, 0],
    )
    clusters = {name: values[name].astype(np.float32) for name in ("soft_clusters", "centroids")}
    np.savez(folder / "clustering.npz", hard_clusters=values["hard_clusters"], **clusters)
    silent = values["segmentations"].sum(axis=1) == 0
    final = np.where(silent, -2, values["hard_clusters"]).astype(np.int8)
    np.savez(folder / "hard_clusters_final.npz", hard_clusters=final, inactive_speakers=silent)
    np.savez(folder / "discrete_diarization_overlap.npz", data=values["discrete_diarization"], **frames)
    np.savez(folder / "discrete_diarization_exclusive.npz", data=values["exclusive_discrete_diarization"], **frames)
    np.savez(folder / "vbx_reference.npz", **vbx_reference(values))
    for name, spoken in zip(("diarization", "exclusive_diarization"), turns(dump), strict=True):
        (folder / f"{name}.json").write_text(as_json(spoken))
    (folder / "golden_speaker_bounds.json").write_text('{"num_speakers": null, "min_speakers": 1}')
    return folder


def vbx_reference(values: dict[str, Any]) -> dict[str, Any]:
    """What cpp-annote keeps of AHC, PLDA and VBx: traces with iterations first, the linkage flat, indices as int32."""
    traces = [
        cluster_vbx(
            values["post_plda"],
            values["phi"],
            values["ahc_clusters"],
            fa=0.07,
            fb=0.8,
            max_iterations=iterations,
            stop_below=-np.inf,
        )
        for iterations in range(1, ITERATIONS + 1)
    ]
    return {
        "x0": values["post_xvec"],
        "fea": values["post_plda"],
        "Phi": values["phi"],
        "ahc": values["ahc_clusters"].astype(np.int32),
        "train_chunk_idx": values["train_chunk_idx"].astype(np.int32),
        "train_speaker_idx": values["train_speaker_idx"].astype(np.int32),
        "linkage_Z": values["dendrogram"].reshape(-1),
        "gamma_trace": np.stack([trace[1] for trace in traces]),
        "pi_trace": np.stack([trace[2] for trace in traces]),
        "Fa": np.float64(0.07),
        "n_vbx_iters": np.int32(ITERATIONS),
    }


def speakrs(folder: Path, dump: Dump, name: str = "pipeline") -> Path:
    """A folder as speakrs' generator writes it; other recordings' files may be there."""
    folder.mkdir(parents=True, exist_ok=True)
    steps = {
        "segmentation": "segmentations",
        "speaker_counting": "count",
        "embeddings": "embeddings",
        "discrete_diarization": "discrete_diarization",
    }
    for step, artefact in steps.items():
        np.save(folder / f"{name}_{step}_data.npy", dump.values[artefact])
    lines = [
        f"SPEAKER {name} 1 {turn.start:.6f} {turn.end - turn.start:.6f} <NA> <NA> {turn.speaker} <NA> <NA>\n"
        for turn in turns(dump)[0]
    ]
    (folder / f"{name}_expected.rttm").write_text("".join(lines))
    (folder / f"{name}_segmentation_window.json").write_text('{"start": 0.0, "duration": 10.0, "step": 1.0}')
    return folder


def dia(folder: Path, dump: Dump) -> Path:
    """A recording's folder as dia's capture writes it: keys as in a snapshot, and no manifest's hashes."""
    folder.mkdir(parents=True)
    v = dump.values
    np.savez(folder / "raw_embeddings.npz", embeddings=v["embeddings"])
    np.savez(folder / "segmentations.npz", segmentations=v["segmentations"])
    rows = ("post_xvec", "post_plda", "train_chunk_idx", "train_speaker_idx", "phi")
    np.savez(folder / "plda_embeddings.npz", **{name: v[name] for name in rows})
    np.save(folder / "ahc_init_labels.npy", v["ahc_clusters"])
    states = ("qinit", "q_final", "sp_final", "elbo_trajectory")
    np.savez(folder / "vbx_state.npz", **{name: v[name] for name in states})
    clusters = ("soft_clusters", "hard_clusters", "centroids")
    np.savez(folder / "clustering.npz", **{name: v[name] for name in clusters})
    np.savez(folder / "reconstruction.npz", count=v["count"], discrete_diarization=v["discrete_diarization"])
    (folder / "reference.rttm").write_text(v["diarization"])
    return folder
