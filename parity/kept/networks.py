"""The native networks with everything kept that they and the stages before them make.

They are built when something is first run that is not kept. Only the CPU's results are kept, and of the embedding
network only in runtimes whose rows depend neither on the other rows of a batch nor on threads (a test holds that).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

import numpy as np

from parity.community1.networks import Networks, build_networks
from parity.community1.plda import solve_plda
from parity.kept.results import Results
from parity.kept.rows import KeptRows
from parity.kept.stages import kept_audio, kept_embeddings, kept_fbank
from parity.networks.kept import content_key
from parity.networks.placement import Placement
from parity.networks.wespeaker.runtime import DEFAULT_RUNTIME, RUNTIMES, check_runtime, runtime_version

ROWWISE = ("onnx", "ncnn")
SEGMENTATION = ("parity.networks.pyannet", "parity.networks.runtime")
EMBEDDING = ("parity.networks.wespeaker.runtime", "parity.community1.embeddings")

Arrays = Mapping[str, np.ndarray]


def kept_networks(
    results: Results,
    segmentation: Arrays,
    embedding: Arrays,
    plda: Arrays,
    threads: int | None = None,
    runtime: str = DEFAULT_RUNTIME,
    placement: Placement | None = None,
) -> Networks:
    """What `parity.community1.networks.build_networks` builds, with the same parameters and errors, and kept."""
    build = partial(build_networks, segmentation, embedding, plda, threads, runtime, placement)
    if placement is not None and not placement.on_cpu:
        return build()
    check_runtime(runtime)
    built = cache(build)
    native: set[bytes] = set()
    key = results.key("segmentation", SEGMENTATION, ("onnxruntime",), content_key(segmentation))
    hears = KeptRows(results, "segmentation", key, lambda **inputs: built().segmentation(**inputs))
    trunk, head = (partial(_run, built, part) for part in ("trunk", "head"))
    around: dict[str, Any] = {"audio": partial(kept_audio, results), "fbank": partial(kept_fbank, results, native)}
    if runtime not in ROWWISE:
        return Networks(hears, trunk, head, solve_plda(plda), around=around)
    modules = (*EMBEDDING, RUNTIMES[runtime].module)
    key = results.key("embedding", modules, (), content_key(embedding), runtime, runtime_version(runtime))
    features = KeptRows(results, "trunk", key, trunk, worth=native.__contains__)
    around["embeddings"] = partial(kept_embeddings, results, key, (features, head))
    return Networks(hears, features, head, solve_plda(plda), around=around)


def _run(built: Any, part: str, **inputs: np.ndarray) -> tuple[np.ndarray, ...]:
    return getattr(built(), part)(**inputs)
