"""Where a capture runs: the CPU, an NVIDIA card (`cuda`) or Apple's GPU (`mps`)."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from parity.errors import InputError

CPU = "cpu"


def check_name(device: str) -> str:
    """A device's name, as given, if it is one.

    Raises
    ------
    InputError : it is none
    """
    if not re.fullmatch(r"cpu|(cuda|mps)(:[0-9]{1,3})?", device):
        raise InputError(f"--device {device}: no such device; expected cpu, cuda or mps, with a number as in cuda:1")
    return device


def check_present(device: str) -> None:
    """Find out whether torch sees the device, before anything is run on it.

    Raises
    ------
    InputError : torch does not, with the likely cause
    """
    import torch

    kind, _, number = check_name(device).partition(":")
    if kind == CPU:
        return
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        built, cause = torch.version.cuda is not None, "no NVIDIA card or driver answers"
    else:
        count = int(torch.backends.mps.is_available())
        built, cause = torch.backends.mps.is_built(), "this is no Apple silicon with macOS 14 or later"
    if int(number or 0) >= count:
        why = f"it sees {count}" if count else cause if built else f"it was built without {kind}"
        raise InputError(f"--device {device}: torch {torch.__version__} does not have that device: {why}")


def check_tf32(device: str, tf32: bool) -> None:
    """Refuse TF32 where there is none.

    Raises
    ------
    InputError : the device is not an NVIDIA card
    """
    if tf32 and not check_name(device).startswith("cuda"):
        raise InputError(f"--tf32: only with --device cuda; {device} has no TF32")


@contextmanager
def prepared(device: str, tf32: bool) -> Iterator[None]:
    """torch as a capture wants it: the same bits twice, TF32 as asked for, though pyannote.audio turns it off itself.

    Off, nothing of pyannote.audio is touched: `fix_reproducibility` in pyannote/audio/utils/reproducibility.py switches
    TF32 off in every call. On, that function is replaced by one that does nothing while the capture runs.
    """
    if not device.startswith("cuda"):
        yield
        return
    import torch
    from pyannote.audio.core import inference, pipeline

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS is first used
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    kept = [(module, module.fix_reproducibility) for module in (inference, pipeline)]
    try:
        if tf32:
            for module, _ in kept:
                module.fix_reproducibility = lambda device: None
        yield
        if (seen := torch.backends.cudnn.allow_tf32) is not tf32:
            raise InputError(f"--device {device}: TF32 was {'on' if seen else 'off'} at the end of the run")
    finally:
        for module, function in kept:
            module.fix_reproducibility = function


def described(device: str, tf32: bool = False) -> dict[str, Any]:
    """What a manifest's `machine` says of the device: its name, the accelerator's, what drives it, and TF32."""
    import torch

    kind, _, number = device.partition(":")
    if kind == CPU:
        return {"device": device}
    if kind == "mps":
        return {"device": device, "accelerator": torch.backends.mps.get_name()}
    return {
        "device": device,
        "accelerator": torch.cuda.get_device_name(int(number or 0)),
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "driver": driver_version(),
        "tf32": tf32,
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
    }


def driver_version() -> str | None:
    """Of NVIDIA's driver; None where its own tool does not say."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    except (OSError, subprocess.SubprocessError):
        return None
    return said[0] if said else None
