"""Is what lies on disk whole, and does it say what it seems to say?

`whole` writes files and folders whole or not at all, and hashes them; `arrays` and `npy` read `.npy`, `.npz` and
`.safetensors` strictly; `machine` names the machine, on which numbers may depend.
"""

from __future__ import annotations

from parity.files.arrays import read_file
from parity.files.whole import check_writable, sha256_file, write_text, writing_file, writing_folder

__all__ = [
    "check_writable",
    "read_file",
    "sha256_file",
    "write_text",
    "writing_file",
    "writing_folder",
]
