"""Benign changes of a capture, one at a time, and what a process shows of each having taken effect.

A change of an environment variable counts only before NumPy and torch are loaded, and may be ignored by a library in
silence; so every change says which part of what its process shows of itself proves it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError
from parity.sources import WeightSet

ONEDNN_QUESTION = (
    "import torch\n"
    "with torch.inference_mode():\n"
    "    torch.nn.functional.conv2d(torch.zeros(1, 32, 80, 200), torch.zeros(32, 32, 3, 3))"
)

MKL_QUESTION = "import torch; torch.zeros(64, 64) @ torch.zeros(64, 64)"
OTHER_CORE = "Sandybridge"
"""Kernels without FMA and AVX2, which every x86-64 that OpenBLAS dispatches on today can run."""

PARALLEL = re.compile(r"(omp|mkl)_get_max_threads\(\) : (\d+)")


@dataclass(frozen=True)
class Change:
    """One benign change from a normal capture.

    Attributes
    ----------
    name, what : its name, and what is changed in one line
    acts : whether a process's record of itself (`shown`) shows that the change took effect
    environment : variables that are set, or removed (None)
    threads : of torch and BLAS, where they change
    batch_size : of both networks, where it changes
    one_ulp : whether the samples are moved
    """

    name: str
    what: str
    acts: Callable[[Mapping[str, Any]], bool]
    environment: Mapping[str, str | None] = field(default_factory=dict)
    threads: int | None = None
    batch_size: int | None = None
    one_ulp: bool = False


CHANGES = {
    change.name: change
    for change in (
        Change(
            "one_ulp",
            "every sample of the clip moved to a neighbouring float32, up or down by chance; silence stays",
            lambda seen: True,  # checked on each waveform
            one_ulp=True,
        ),
        Change(
            "aten_default",
            "torch's own kernels without AVX2 and AVX-512 (ATEN_CPU_CAPABILITY=default)",
            lambda seen: seen["torch_cpu_capability"] == "DEFAULT",
            environment={"ATEN_CPU_CAPABILITY": "default"},
        ),
        Change(
            "one_thread",
            "one thread of torch, OpenMP, MKL and OpenBLAS",
            lambda seen: {seen["threads"], *seen["library_threads"].values()} == {1},
            threads=1,
        ),
        Change(
            "onednn_sse41",
            "oneDNN's convolutions with SSE4.1 (ONEDNN_MAX_CPU_ISA=SSE41)",
            lambda seen: "SSE4.1" in seen["onednn_isa"],
            environment={"ONEDNN_MAX_CPU_ISA": "SSE41"},
        ),
        Change(
            "numpy_dispatch",
            "NumPy with every instruction set this CPU has: its vectorised sort breaks ties in another order",
            lambda seen: bool(seen["numpy_cpu_features"]),
            environment={"NPY_DISABLE_CPU_FEATURES": None},
        ),
        Change(
            "openblas_sandybridge",
            f"NumPy's and SciPy's OpenBLAS with another CPU's kernels (OPENBLAS_CORETYPE={OTHER_CORE})",
            lambda seen: set(seen["openblas_cores"]) == {OTHER_CORE},
            environment={"OPENBLAS_CORETYPE": OTHER_CORE},
        ),
        Change(
            "mkl_compatible",
            "torch's MKL with the kernels that are the same on every CPU (MKL_CBWR=COMPATIBLE)",
            lambda seen: seen["mkl_branch"] == "COMPATIBLE",
            environment={"MKL_CBWR": "COMPATIBLE"},
        ),
        Change(
            "batch_sizes",
            "one chunk a batch in both networks, pyannote's own default, for the 32 of the configuration",
            lambda seen: set(seen["batch_sizes"]) == {1},
            batch_size=1,
        ),
        Change("unchanged", "nothing: the same capture again", lambda seen: True),
    )
}


def chosen(names: Sequence[str]) -> list[Change]:
    """The changes of these names, in the order of `CHANGES`; all of them where there are no names.

    Raises
    ------
    InputError : one is not known
    """
    if unknown := [name for name in names if name not in CHANGES]:
        raise InputError(f"unknown variant {', '.join(unknown)}; there are {', '.join(CHANGES)}")
    return [change for change in CHANGES.values() if not names or change.name in names]


def one_ulp(samples: np.ndarray, seed: int) -> np.ndarray:
    """Every sample moved to the float32 above or below it, by chance.

    Parameters
    ----------
    samples : (channels, n) float32
    seed : of the directions

    Returns
    -------
    moved : (channels, n) float32; zeros are kept: digital silence has no noise, and its neighbours are denormal
    """
    up = np.random.default_rng(seed).random(samples.shape) < 0.5
    towards = np.where(up, np.inf, -np.inf).astype(np.float32)
    return np.where(samples == 0, samples, np.nextafter(samples, towards))


def batched(pipeline: Any, batch_size: int | None) -> Any:
    """The reference's pipeline with other batches in both networks, where a size is given."""
    if batch_size is not None:
        pipeline.segmentation_batch_size = pipeline.embedding_batch_size = batch_size
    return pipeline


def shown(change: Change, weights: WeightSet) -> dict[str, Any]:
    """What a normal capture says of its machine, and what changes may touch, as this process shows it."""
    from capture.reference import load_reference
    from capture.snapshots import machine

    pipeline = batched(load_reference(weights.folder), change.batch_size)
    return {
        **machine(),
        "library_threads": _library_threads(),
        "onednn_isa": _onednn_isa(),
        "openblas_cores": _openblas_cores(),
        "mkl_branch": _mkl_branch(),
        "batch_sizes": [pipeline.segmentation_batch_size, pipeline.embedding_batch_size],
        "environment": dict(change.environment),
    }


def _library_threads() -> dict[str, int]:
    import torch
    from threadpoolctl import threadpool_info

    threads = {
        Path(pool["filepath"]).name.partition(".so")[0].partition("-")[0]: pool["num_threads"]
        for pool in threadpool_info()
    }
    # torch carries MKL inside itself, where no tool sees it; torch's own report does.
    return threads | {name: int(n) for name, n in PARALLEL.findall(torch.__config__.parallel_info())}


def _openblas_cores() -> list[str]:
    from threadpoolctl import threadpool_info

    return sorted({str(pool.get("architecture")) for pool in threadpool_info() if pool["internal_api"] == "openblas"})


def _onednn_isa() -> str:
    lines = _logged(ONEDNN_QUESTION, "ONEDNN_VERBOSE")
    return next((line.split("isa:")[1] for line in lines if ",cpu,isa:" in line), "unknown")


def _mkl_branch() -> str:
    found = (re.search(r" CNR:(\w+)", line) for line in _logged(MKL_QUESTION, "MKL_VERBOSE"))
    return next((branch[1] for branch in found if branch), "unknown")


def _logged(question: str, verbose: str) -> list[str]:
    """Lines of a library's log: it tells what it runs on only there, so a process with this environment is asked."""
    environment = {**os.environ, verbose: "1"}
    command = [sys.executable, "-c", question]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment).stdout.splitlines()
