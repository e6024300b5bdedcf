"""Measurements of `bench.scale`, each in a process of its own: `python -m bench.scale_worker recording 3600 2 auto`.

One line of JSON on standard output. Memory is megabytes of 2^20 bytes, resident; what was needed to make the inputs is
forgotten before the clock starts, and the inputs themselves are counted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import linkage

from bench.long_clip import long_clip
from bench.memory import forget_peak, peak_mb
from bench.recorded import many_embeddings, stand_ins
from bench.stereo_clip import stereo_clip
from parity.community1 import Parameters, community1_pipeline
from parity.community1.ahc import normalised_training
from parity.community1.filtering import filter_embeddings
from parity.community1.geometry import SAMPLE_RATE, num_chunks
from parity.community1.linkage import centroid_linkage
from parity.community1.networks import Networks
from parity.community1.plda import solve_plda
from parity.diarize import Diarizer
from parity.networks.runtime import one_blas_thread
from parity.sources import load_weights

Answer = dict[str, Any]

WARM_UP_SECONDS = 20
CLUSTERING = ("filter", "xvec", "plda", "ahc", "vbx", "centroids", "scoring", "assignment")
AFTER_CLUSTERING = ("reconstruction", "annotation")


# --- a whole recording -------------------------------------------------------------------------------------------


def recording(seconds: int, threads: int, runtime: str, stand_in: str = "") -> Answer:
    """The whole pipeline on a long recording; with `stand_in`, recorded answers in place of the networks' own.

    The networks are loaded and warm either way, so that their memory is counted.
    """
    waveform = long_clip(seconds)
    return {
        **_diarized(waveform, seconds, threads, runtime, stand_in),
        "waveform_mb": round(waveform.nbytes / 2**20, 1),
    }


def file(seconds: int, threads: int, runtime: str, stand_in: str = "") -> Answer:
    """The same of a WAV of 48 kHz in stereo, which is read from disk as it is needed."""
    with tempfile.TemporaryDirectory(prefix="parity-bench-") as folder:
        path = stereo_clip(Path(folder) / "long.wav", seconds)
        return {**_diarized(path, seconds, threads, runtime, stand_in), "waveform_mb": 0.0}


def _diarized(audio: np.ndarray | Path, seconds: int, threads: int, runtime: str, stand_in: str) -> Answer:
    diarizer = Diarizer(threads=threads, runtime=runtime)
    diarizer(long_clip(WARM_UP_SECONDS))
    if stand_in:
        loaded = diarizer._networks  # stays, for its memory
        diarizer._networks = stand_ins(loaded.plda)
    forget_peak()
    marks = Marks()
    found = diarizer(audio, artefacts=("train_chunk_idx", "ahc_clusters", "centroids"), progress=marks)
    marks.end()
    made = found.artefacts
    return {
        "audio_seconds": seconds,
        "chunks": num_chunks(seconds * SAMPLE_RATE),
        "embeddings": _length(made["train_chunk_idx"]),
        "initial_clusters": 0 if made["ahc_clusters"] is None else int(made["ahc_clusters"].max()) + 1,
        "speakers": len({turn.speaker for turn in found.turns}),
        "turns": len(found.turns),
        "runtime": diarizer.runtime,
        "stand_ins": bool(stand_in),
        "threads": threads,
        "seconds": round(sum(found.seconds.values()), 3),
        "stages": {name: round(value, 4) for name, value in found.seconds.items()},
        "cpu_seconds": marks.cpu_seconds,
        "peak_mb": round(max(marks.peak_mb.values()), 1),
        "peak_mb_by": marks.peak_mb,
    }


class Marks:
    """Processor seconds and peak memory of what is between the ends of the two networks' stages."""

    def __init__(self) -> None:
        self.cpu_seconds: dict[str, float] = {}
        self.peak_mb: dict[str, float] = {}
        self._since, self._told = time.process_time(), ("", 0)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """A stage's progress, told to standard error at every tenth."""
        if (tenth := (stage, done * 10 // total)) != self._told:
            self._told, used = tenth, time.process_time() - self._since
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


# --- linkage alone -----------------------------------------------------------------------------------------------


def dendrogram(count: int, way: str) -> Answer:
    """Centroid linkage of that many embeddings, SciPy's or ours in little memory."""
    made = many_embeddings(count)
    rows = normalised_training(made["embeddings"], *filter_embeddings(**made))[:count]
    run = {
        "scipy": lambda: linkage(rows, "centroid"),
        "little_memory": lambda: centroid_linkage(rows, limit=3 * count**2),
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
        run = {"recording": recording, "file": file, "clustering": clustering, "dendrogram": dendrogram}[kind]
        found = run(*(int(word) if word.isdigit() else word for word in words))
    print(json.dumps(found), file=answer, flush=True)


if __name__ == "__main__":
    main()
