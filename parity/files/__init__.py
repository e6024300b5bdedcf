"""Is what lies on disk whole, and does it say what it seems to say?

`whole` writes files and folders whole or not at all, and hashes them; `arrays` and `npy` read `.npy`, `.npz` and
`.safetensors` strictly; `machine` names the machine, on which numbers may depend.
"""

from __future__ import annotations

from parity.files.arrays import Contents, read_file
from parity.files.npy import read_npy
from parity.files.whole import sha256_file, writing_file, writing_folder

__all__ = [
    "Contents",
    "read_file",
    "read_npy",
    "sha256_file",
    "writing_file",
    "writing_folder",
]
