"""Where the two networks run, and in which precision: the CPU, or an NVIDIA card.

Nothing of torch is imported: whether a device is there is the runtime's own to say, when it is loaded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from parity.errors import InputError

CPU = "cpu"
FLOAT32 = "float32"
PRECISIONS = (FLOAT32, "tf32", "float16")
"""`tf32`: float32 arrays whose products an NVIDIA card rounds to ten bits of mantissa; `float16`: torch's autocast."""
RUNTIMES_ON_CUDA = ("torch", "onnx")
MOST_CHUNKS = 64
"""In one batch: more does not fill a card any better."""


@dataclass(frozen=True)
class Placement:
    """Where networks run.

    Attributes
    ----------
    device : `cpu`, `cuda`, or one of several as in `cuda:1`
    precision : one of `PRECISIONS`, of the embedding network; float32 is the only one on the CPU
    """

    device: str = CPU
    precision: str = FLOAT32

    def __post_init__(self) -> None:
        if not re.fullmatch(r"cpu|cuda(:[0-9]{1,3})?", self.device):
            raise InputError(
                f"--device {self.device}: no such device; expected cpu or cuda, with a number as in cuda:1"
            )
        if self.precision not in PRECISIONS:
            raise InputError(f"--precision {self.precision}: unknown; known: {', '.join(PRECISIONS)}")
        if self.on_cpu and self.precision != FLOAT32:
            raise InputError(f"--precision {self.precision}: only with --device cuda; the CPU computes in {FLOAT32}")

    def __str__(self) -> str:
        return self.device if self.on_cpu else f"{self.device}, {self.precision}"

    @property
    def on_cpu(self) -> bool:
        """Whether it is the CPU."""
        return self.device == CPU

    @property
    def in_float32(self) -> Placement:
        """The same device, in float32."""
        return Placement(self.device)

    @property
    def number(self) -> int:
        """Of the card; 0 where none is named."""
        return int(self.device.partition(":")[2] or 0)

    def check_runtime(self, runtime: str) -> None:
        """Refuse a runtime that has no such device.

        Raises
        ------
        InputError : it runs on the CPU alone, or does not know the precision
        """
        if self.on_cpu:
            return
        if runtime not in RUNTIMES_ON_CUDA:
            raise InputError(
                f"--device {self.device}: not with --runtime {runtime}; there are {', '.join(RUNTIMES_ON_CUDA)}"
            )
        if runtime == "onnx" and self.precision == "float16":
            raise InputError("--precision float16: with --runtime torch only; ONNX Runtime takes float32 and tf32")


def batch_of(free_bytes: int, bytes_a_chunk: int) -> int:
    """How many chunks go through a network at once: half of the free memory, at most `MOST_CHUNKS`, at least one.

    Parameters
    ----------
    free_bytes : of the device
    bytes_a_chunk : that one chunk takes at the network's widest
    """
    return max(1, min(MOST_CHUNKS, free_bytes // 2 // bytes_a_chunk))
