"""ONNX Runtime sessions with pinned threads, on the CPU or on an NVIDIA card."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import threadpoolctl

from parity.errors import InputError
from parity.networks.placement import Placement

if TYPE_CHECKING:
    import onnxruntime

CGROUPS = Path("/sys/fs/cgroup")
MOST_THREADS = 1024
"""As many cores as one machine has; each thread takes memory before it takes work."""


def available_cores() -> int:
    """Cores this process may use: its affinity, its container's quota, and `PARITY_THREADS` where the user says it."""
    override = os.environ.get("PARITY_THREADS")
    if override:
        if not (override.isascii() and override.isdigit()) or int(override) < 1:
            raise InputError(f"PARITY_THREADS={override!r}: expected a whole number of at least 1")
        return int(override)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _quota(CGROUPS) or cores))


def _quota(cgroups: Path) -> int | None:
    """Whole cores that a control group grants: a quota of microseconds in every period; None where it sets none."""
    try:
        if (both := cgroups / "cpu.max").exists():  # version 2
            quota, period = both.read_text(encoding="ascii").split()
        else:
            parts = (cgroups / "cpu" / f"cpu.cfs_{name}_us" for name in ("quota", "period"))
            quota, period = (part.read_text(encoding="ascii").strip() for part in parts)
        return None if quota in ("max", "-1") else max(1, int(quota) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None


def one_blas_thread() -> threadpoolctl.threadpool_limits:
    """A context in which BLAS works in one thread: its matrices are small here, and its threads fight the networks'."""
    return threadpoolctl.threadpool_limits(limits=1, user_api="blas")


def checked_threads(threads: int) -> int:
    """Refuse more threads than any machine has cores."""
    if threads > MOST_THREADS:
        raise InputError(
            f"{threads} threads; the limit is {MOST_THREADS}, and more than the {os.cpu_count()} cores of this machine "
            "only slow the networks down"
        )
    return threads


class OnnxNetwork:
    """One graph, loaded once and run on float32 arrays.

    Parameters
    ----------
    model : the serialised ONNX graph
    threads : threads within an operator; the cores this process may use by default
    placement : the device and the precision; the CPU by default

    Raises
    ------
    InputError : too many threads, or ONNX Runtime does not have the device
    """

    def __init__(self, model: bytes, threads: int | None = None, placement: Placement | None = None) -> None:
        self._session = _session(model, checked_threads(threads or available_cores()), placement or Placement())
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    def __call__(self, **inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """All outputs, in the graph's order."""
        return tuple(self._session.run(None, inputs))


class BoundNetwork:
    """One graph of fixed shapes, loaded once, run from and into arrays that its user keeps.

    For graphs so small that copying and allocating would be a good part of a run: one thread, no copies.

    Parameters
    ----------
    model : the serialised ONNX graph, float32 throughout, no dynamic dimension
    """

    def __init__(self, model: bytes) -> None:
        self._session = _session(model, 1, Placement())
        self.inputs = {value.name: tuple(value.shape) for value in self._session.get_inputs()}
        self.outputs = {value.name: tuple(value.shape) for value in self._session.get_outputs()}

    def bind(self, **arrays: np.ndarray) -> Callable[[], None]:
        """A run that reads and writes these very arrays, by name, whenever it is called.

        Raises
        ------
        ValueError : a name is missing or unknown, or an array is not float32, contiguous and of the graph's shape
        """
        shapes = self.inputs | self.outputs
        if set(arrays) != set(shapes):
            raise ValueError(f"binds {sorted(arrays)}, the graph has {sorted(shapes)}")
        for name, array in arrays.items():
            if array.dtype != np.float32 or array.shape != shapes[name] or not array.flags.c_contiguous:
                raise ValueError(
                    f"{name} is {array.dtype} {array.shape}, the graph has contiguous float32 {shapes[name]}"
                )
        binding = self._session.io_binding()
        for name, array in arrays.items():
            bind = binding.bind_input if name in self.inputs else binding.bind_output
            bind(name, "cpu", 0, np.float32, array.shape, array.ctypes.data)

        def run(kept: dict[str, np.ndarray] = arrays) -> None:  # the addresses bound stay theirs as long as it lives
            self._session.run_with_iobinding(binding)

        return run


def _session(model: bytes, threads: int, placement: Placement) -> onnxruntime.InferenceSession:
    import onnxruntime  # here, for who asks only for cores or a graph's stages loads no runtime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    providers = _providers(placement)
    session = onnxruntime.InferenceSession(model, options, providers=providers)
    if not placement.on_cpu and session.get_providers()[0] != providers[0][0]:  # it falls back without an error
        raise InputError(f"--device {placement.device}: onnxruntime {onnxruntime.__version__} cannot use CUDA here")
    return session


def _providers(placement: Placement) -> list[Any]:
    if placement.on_cpu:
        return ["CPUExecutionProvider"]
    import onnxruntime

    if (wanted := "CUDAExecutionProvider") not in onnxruntime.get_available_providers():
        raise InputError(
            f"--device {placement.device}: onnxruntime {onnxruntime.__version__} here was built without CUDA: "
            "pip install onnxruntime-gpu in its place, or --runtime torch"
        )
    return [
        (wanted, {"device_id": placement.number, "use_tf32": int(placement.precision == "tf32")}),
        "CPUExecutionProvider",
    ]
