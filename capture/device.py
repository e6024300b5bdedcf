"""Where a capture runs: the CPU, an NVIDIA card (`cuda`) or Apple's GPU (`mps`)."""

from __future__ import annotations

import re
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


def described(device: str) -> dict[str, Any]:
    """What a manifest's `machine` says of the device: its name, the accelerator's, and what drives it."""
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
    }
