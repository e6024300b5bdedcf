"""Which runtime the embedding network gets where nobody says: the fastest one here that gives the same embeddings.

Task: arrays -> a runtime's name. The candidates run one chunk in turns; a candidate must be at hand, stay within
`MOST_DRIFT` of ONNX Runtime, and take less time than it. Time is one thread's on the processor, not the clock's: what
is found is kept, and a busy minute must not decide for good. It is kept in the cache under everything that it depends
on (processor, versions, weights, the measuring itself), so that it is measured once.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from parity.errors import InputError
from parity.files.documents import read_json
from parity.files.machine import cpu_model
from parity.files.schema import check_form
from parity.files.whole import cache_dir, write_text
from parity.networks.kept import content_key
from parity.networks.placement import RUNTIMES_ON_CUDA, Placement
from parity.networks.wespeaker.runtime import (
    AUTO,
    DEFAULT_RUNTIME,
    RUNTIMES,
    EmbeddingNetwork,
    check_runtime,
    find_runtime,
    load_embedding,
    runtime_version,
)

CANDIDATES = (DEFAULT_RUNTIME, "ncnn")
MOST_DRIFT = 5e-6
"""Max abs of embeddings between two runtimes: half of what the gate allows against the reference."""
ROUNDS = 3
FORM = {"runtime": str, "measured": {...: {"seconds": float, "drift": float}}}
FRAMES = 998


def choose_runtime(runtime: str, arrays: Mapping[str, np.ndarray], placement: Placement | None = None) -> str:
    """The name of a runtime that can be loaded: the one given, or for `auto` the fastest.

    Parameters
    ----------
    arrays : under canonical names
    placement : the device; on an NVIDIA card `auto` is torch where it is installed, else ONNX Runtime

    Raises
    ------
    InputError : no such runtime, what it needs is not installed, or it never has that device
    """
    runtime = check_choice(runtime, placement)
    if runtime != AUTO:
        return runtime
    if placement is not None and not placement.on_cpu:
        return next(filter(at_hand, RUNTIMES_ON_CUDA))
    candidates = [name for name in CANDIDATES if at_hand(name)]
    if len(candidates) == 1:
        return candidates[0]
    path = _path(candidates, arrays)
    found = remembered(path, candidates)
    if found is None:
        measured = measure({name: load_embedding(arrays, name, threads=1) for name in candidates})
        found = fastest(measured)
        with contextlib.suppress(InputError):  # no cache: measured again next time
            write_text(path, json.dumps({"runtime": found, "measured": measured}, indent=1) + "\n")
    return found


def check_choice(runtime: str, placement: Placement | None = None) -> str:
    """The name that a beginning of it stands for; refuses a runtime that is neither `auto` nor to be had.

    Nothing is loaded. Same errors as `choose_runtime`.
    """
    runtime = find_runtime(runtime, (AUTO, *RUNTIMES))
    if runtime != AUTO:
        if placement is not None:
            placement.check_runtime(runtime)
        check_runtime(runtime)
    return runtime


def measure(networks: Mapping[str, EmbeddingNetwork], rounds: int = ROUNDS) -> dict[str, dict[str, float]]:
    """Processor seconds and drift of one chunk on each network, in turns after a warm-up.

    Parameters
    ----------
    networks : by runtime, of one thread, which is the caller's; drift is from the first

    Returns
    -------
    by runtime: `seconds`, the median; `drift`, max abs of embeddings
    """
    fbank, weights = example_chunk()
    embeddings = {name: network.embed(fbank, weights)[0] for name, network in networks.items()}
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(rounds):
        for name, network in networks.items():
            started = time.thread_time()
            network.embed(fbank, weights)
            seconds[name].append(time.thread_time() - started)
    first = next(iter(embeddings.values()))
    return {
        name: {"seconds": statistics.median(seconds[name]), "drift": float(np.abs(embeddings[name] - first).max())}
        for name in networks
    }


def fastest(measured: Mapping[str, Mapping[str, float]]) -> str:
    """The runtime that takes least time among those within `MOST_DRIFT`; the first of equals."""
    within = {name: found for name, found in measured.items() if found["drift"] <= MOST_DRIFT}
    return min(within, key=lambda name: within[name]["seconds"])


def example_chunk() -> tuple[np.ndarray, np.ndarray]:
    """A filterbank (1, 998, 80) with speech's spread and slowness, centred, and one mask (1, 1, 998); float32."""
    noise = np.random.default_rng(9).standard_normal((FRAMES + 7, 80))
    smooth = sum((noise[i : i + FRAMES] for i in range(8)), np.zeros((FRAMES, 80)))  # neighbouring frames share samples
    return (smooth - smooth.mean(axis=0))[None].astype(np.float32), np.ones((1, 1, FRAMES), dtype=np.float32)


def at_hand(runtime: str) -> bool:
    """Whether a runtime could be loaded here."""
    try:
        check_runtime(runtime)
    except InputError:
        return False
    return True


def _path(candidates: list[str], arrays: Mapping[str, np.ndarray]) -> Path:
    versions = [f"{name} {runtime_version(name)}" for name in candidates]
    return cache_dir() / "runtimes" / f"{content_key(arrays, __name__, cpu_model(), *versions)}.json"


def remembered(path: Path, candidates: list[str]) -> str | None:
    """What was found before; None where it was not, or what is kept is damaged: then it is measured again."""
    try:
        kept = read_json(path)
        check_form(kept, FORM)
    except (OSError, ValueError):
        return None
    measured = kept["measured"]
    whole = set(measured) == set(candidates) and kept["runtime"] in measured
    return kept["runtime"] if whole and fastest(measured) == kept["runtime"] else None
