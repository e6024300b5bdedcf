"""gigaam's two modules that are captured, imported without the rest of the package.

`gigaam/__init__.py` imports its models, and with them torchaudio, hydra and omegaconf, and the package pins torch below
2.6 and onnxruntime to 1.17.3; none of that has a part in the RNN-T head. So the package's name is bound to its folder
without running `__init__.py`, in the open, and `gigaam.decoder` and `gigaam.decoding` are then imported as they are.
They are the files of gigaam 0.1.0, by hash, or the capture refuses.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
import types
from pathlib import Path
from types import ModuleType

from parity.errors import InputError
from parity.files import sha256_file

VERSION = "0.1.0"
SOURCES = {
    "decoder.py": "918bf2bca7e117dada47be0a59ef711bb73ab1465b5cd9c7b88d6a89890858c7",
    "decoding.py": "5f1c142bae2a76fdb2a6d0730034d3eb96b42d28aef58fb5cf460fbcbf81e8e4",
}
CURE = "install it with: pip install --no-deps gigaam==0.1.0 (and sentencepiece)"


def load() -> tuple[ModuleType, ModuleType]:
    """`gigaam.decoder` and `gigaam.decoding`.

    Raises
    ------
    InputError : gigaam is not installed, or its files are not those that this was written against
    """
    spec = importlib.util.find_spec("gigaam")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"gigaam is not installed; {CURE}")
    folder = Path(next(iter(spec.submodule_search_locations)))
    for name, wanted in SOURCES.items():
        if (got := sha256_file(folder / name)) != wanted:
            raise InputError(f"{folder / name}: sha256 is {got}, gigaam {VERSION} has {wanted}; {CURE}")
    if "gigaam" not in sys.modules:
        package = types.ModuleType("gigaam")
        package.__path__, package.__spec__ = [str(folder)], spec
        sys.modules["gigaam"] = package
    return importlib.import_module("gigaam.decoder"), importlib.import_module("gigaam.decoding")


def version() -> str:
    """The version that is installed."""
    return importlib.metadata.version("gigaam")
