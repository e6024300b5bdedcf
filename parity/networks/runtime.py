"""ONNX Runtime sessions with pinned threads."""

from __future__ import annotations

import os

import numpy as np
import onnxruntime
import threadpoolctl

from parity.errors import InputError

MOST_THREADS = 1024
"""As many cores as one machine has; each thread takes memory before it takes work."""


def available_cores() -> int:
    """Cores this process may use: its affinity, and `PARITY_THREADS` where the user wants fewer or more."""
    override = os.environ.get("PARITY_THREADS")
    if override:
        if not (override.isascii() and override.isdigit()) or int(override) < 1:
            raise InputError(f"PARITY_THREADS={override!r}: expected a whole number of at least 1")
        return int(override)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def one_blas_thread() -> threadpoolctl.threadpool_limits:
    """A context in which BLAS works in one thread: its matrices are small here, and its threads fight the networks'."""
    return threadpoolctl.threadpool_limits(limits=1, user_api="blas")


def _checked(threads: int) -> int:
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
    """

    def __init__(self, model: bytes, threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _checked(threads or available_cores())
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    def __call__(self, **inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """All outputs, in the graph's order."""
        return tuple(self._session.run(None, inputs))
