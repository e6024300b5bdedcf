"""What both networks in PyTorch share: the device found, its precision set while a network runs, batches by memory.

One of the few modules of `parity` that import torch, which the extra `torch` brings.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from parity.errors import InputError
from parity.networks.placement import MOST_CHUNKS, Placement, batch_of

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def find(placement: Placement) -> torch.device:
    """The device, if torch has it.

    Raises
    ------
    InputError : it has not, with the likely cause
    """
    if placement.on_cpu:
        return torch.device("cpu")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if placement.number >= count:
        built = torch.version.cuda is not None
        why = (
            f"it sees {count}"
            if count
            else "no NVIDIA card or driver answers"
            if built
            else "it was built without CUDA"
        )
        raise InputError(f"--device {placement.device}: torch {torch.__version__} does not have that device: {why}")
    os.environ.setdefault(_WORKSPACE, ":4096:8")  # cuBLAS is the same twice with it; read when its handle is made
    return torch.device(placement.device)


@contextmanager
def running(placement: Placement) -> Iterator[None]:
    """Inference in a placement's precision; torch's own settings, which are the whole process's, are put back after.

    cuDNN is asked for the same bits twice. Rounding to TF32 is off unless it was asked for: torch leaves it on in
    convolutions and LSTMs, pyannote.audio turns it off.
    """
    if placement.on_cpu:
        with torch.inference_mode():
            yield
        return
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = (cudnn.allow_tf32, matmul.allow_tf32, cudnn.deterministic, cudnn.benchmark)
    tf32, half = placement.precision == "tf32", placement.precision == "float16"
    _set(tf32, tf32, True, False)
    try:
        with torch.inference_mode(), torch.autocast("cuda", dtype=torch.float16, enabled=half):
            yield
    finally:
        _set(*before)


def _set(cudnn_tf32: bool, matmul_tf32: bool, deterministic: bool, benchmark: bool) -> None:
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = cudnn_tf32, matmul_tf32
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = deterministic, benchmark


def batch_size(device: torch.device, bytes_a_chunk: int) -> int:
    """How many chunks one call takes on a device; on the CPU the most, for its memory is the caller's to watch."""
    if device.type == "cpu":
        return MOST_CHUNKS
    free, _ = torch.cuda.mem_get_info(device)
    return batch_of(free, bytes_a_chunk)
