"""Measurements of `bench.scale`, each in a process of its own: `python -m bench.scale_worker clip 3600 2 auto`.

One line of JSON on standard output. Memory is megabytes of 2^20 bytes, resident; what was needed to make the inputs is
forgotten before the clock starts, and the inputs themselves are counted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import linkage

from bench.long_clip import long_clip
from bench.memory import forget_peak, peak_mb
from parity.community1 import Parameters, community1_pipeline
from parity.community1.ahc import normalised_training
from parity.community1.filtering import filter_embeddings
from parity.community1.geometry import SAMPLE_RATE, num_chunks
from parity.community1.linkage import centroid_linkage
from parity.community1.networks import Networks
from parity.community1.plda import solve_plda
from parity.diarize import Diarizer
from parity.fixtures import Catalogue, default_folder
from parity.networks.runtime import one_blas_thread
from parity.snapshot import read_snapshot
from parity.weights import load_weights

Answer = dict[str, Any]

WARM_UP_SECONDS = 20
NOISE = 0.2  # of an embedding's norm; what a voice varies by between neighbouring chunks
SEED = 3
CLUSTERING = ("filter", "xvec", "plda", "ahc", "vbx", "centroids", "scoring", "assignment")
AFTER_CLUSTERING = ("reconstruction", "annotation")


# --- a whole recording -------------------------------------------------------------------------------------------


def clip(seconds: int, threads: int, runtime: str) -> Answer:
    """The whole pipeline on a long recording."""
    waveform, diarizer = long_clip(seconds), Diarizer(threads=threads, runtime=runtime)
    diarizer(waveform[:, : WARM_UP_SECONDS * SAMPLE_RATE])
    forget_peak()
    marks = Marks()
    found = diarizer(waveform, artefacts=("train_chunk_idx", "ahc_clusters", "centroids"), progress=marks)
    marks.end()
    made = found.artefacts
    return {
        "audio_seconds": seconds,
        "chunks": num_chunks(waveform.shape[1]),
        "embeddings": _length(made["train_chunk_idx"]),
        "initial_clusters": 0 if made["ahc_clusters"] is None else int(made["ahc_clusters"].max()) + 1,
        "speakers": len({turn.speaker for turn in found.turns}),
        "turns": len(found.turns),
        "runtime": diarizer.runtime,
        "threads": threads,
        "seconds": round(sum(found.seconds.values()), 3),
        "stages": {name: round(value, 4) for name, value in found.seconds.items()},
        "cpu_seconds": marks.cpu_seconds,
        "waveform_mb": round(waveform.nbytes / 2**20, 1),
        "peak_mb": round(max(marks.peak_mb.values()), 1),
        "peak_mb_by": marks.peak_mb,
    }


class Marks:
    """Processor seconds and peak memory of what is between the ends of the two networks' stages."""

    def __init__(self) -> None:
        self.cpu_seconds: dict[str, float] = {}
        self.peak_mb: dict[str, float] = {}
        self._since = time.process_time()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """A stage's progress, told to standard error at every tenth."""
        if done * 10 // total > (done - 1) * 10 // total:
            used = time.process_time() - self._since
            print(f"{stage}: {done} of {total} chunks, {used:.0f} s of processor, {peak_mb():.0f} MB", file=sys.stderr)
        if done == total:
            self._mark(stage)

    def end(self) -> None:
        """All is done."""
        self._mark("clustering and after")

    def _mark(self, name: str) -> None:
        now = time.process_time()
        self.cpu_seconds[name] = round(now - self._since, 3)
        self.peak_mb[name] = round(peak_mb(), 1)
        self._since = now
        forget_peak()


# --- clustering alone --------------------------------------------------------------------------------------------


def clustering(count: int) -> Answer:
    """Every stage after the networks on about that many embeddings: real ones, repeated with noise."""
    weights = load_weights()
    networks = Networks(None, None, None, solve_plda(weights.plda))
    pipeline = community1_pipeline(networks, Parameters(**weights.parameters))
    made = many_embeddings(count)
    made |= pipeline["speaker_counting"](made)
    forget_peak()
    stages = {}
    with one_blas_thread():
        for name in (*CLUSTERING, *AFTER_CLUSTERING):
            stages[name], written = _measured(partial(pipeline[name], made))
            made |= written
    return {
        "embeddings": _length(made["train_chunk_idx"]),
        "chunks": len(made["embeddings"]),
        "initial_clusters": made["qinit"].shape[1],
        "speakers": len(made["centroids"]),
        "cpu_seconds": round(sum(stage["cpu_seconds"] for stage in stages.values()), 3),
        "peak_mb": max(stage["peak_mb"] for stage in stages.values()),
        "stages": stages,
    }


def many_embeddings(count: int) -> dict[str, np.ndarray]:
    """Embeddings and segmentations of all snapshots, again and again, every time with other noise on the embeddings.

    Parameters
    ----------
    count : embeddings to cluster, more or less

    Returns
    -------
    embeddings : (num_chunks, 3, 256) float32
    segmentations : (num_chunks, 589, 3) float32, 0 or 1
    """
    rng, parts, filled = np.random.default_rng(SEED), [], 0
    snapshots = _recorded()
    while filled < count:
        for values in snapshots:
            embeddings = values["embeddings"]
            noise = rng.standard_normal(embeddings.shape, dtype=np.float32) / np.sqrt(np.float32(embeddings.shape[2]))
            norms = np.linalg.norm(embeddings, axis=2, keepdims=True)
            parts.append((embeddings + np.float32(NOISE) * norms * noise, values["segmentations"]))
            filled += len(values["train_chunk_idx"])
    embeddings, segmentations = (np.concatenate(arrays) for arrays in zip(*parts))
    chunks, _ = filter_embeddings(embeddings, segmentations)
    end = chunks[count - 1] + 1
    return {"embeddings": embeddings[:end], "segmentations": segmentations[:end]}


def _recorded() -> list[dict[str, Any]]:
    wanted = ("embeddings", "segmentations", "train_chunk_idx")
    snapshots = [read_snapshot(f.snapshot_folder).values for f in Catalogue.read(default_folder()).fixtures]
    return [values for values in snapshots if all(values.get(name) is not None for name in wanted)]


# --- linkage alone -----------------------------------------------------------------------------------------------


def dendrogram(count: int, way: str) -> Answer:
    """Centroid linkage of that many embeddings, SciPy's or ours in little memory."""
    made = many_embeddings(count)
    rows = normalised_training(made["embeddings"], *filter_embeddings(**made))[:count]
    run = {
        "scipy": lambda: linkage(rows, "centroid"),
        "little_memory": lambda: centroid_linkage(rows, limit=np.inf),
    }[way]
    del made
    forget_peak()
    before = peak_mb()
    stage, found = _measured(run)
    return {
        "embeddings": len(rows),
        "cpu_seconds": stage["cpu_seconds"],
        "seconds": stage["seconds"],
        "more_mb": round(stage["peak_mb"] - before, 1),
        "sha256": hashlib.sha256(found.tobytes()).hexdigest(),
    }


def _measured(run: Callable[[], Any]) -> tuple[Answer, Any]:
    forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    result = run()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    return {"seconds": round(seconds, 4), "cpu_seconds": round(cpu_seconds, 4), "peak_mb": round(peak_mb(), 1)}, result


def _length(array: np.ndarray | None) -> int:
    return 0 if array is None else len(array)


def main() -> None:
    """Do one measurement."""
    kind, *words = sys.argv[1:]
    answer = os.fdopen(os.dup(1), "w")  # what libraries print must not get into it
    with contextlib.redirect_stdout(sys.stderr):
        run = {"clip": clip, "clustering": clustering, "dendrogram": dendrogram}[kind]
        found = run(*(int(word) if word.isdigit() else word for word in words))
    print(json.dumps(found), file=answer, flush=True)


if __name__ == "__main__":
    main()
