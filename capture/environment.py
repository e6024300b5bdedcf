"""Makes the process fit for a reproducible capture, before NumPy, torch or pyannote.audio are imported.

Three things are pinned and said: threads of every library, NumPy's baseline CPU dispatch (its vectorised `argsort`
breaks ties in another order on every instruction set, and the reference's reconstruction sorts tied activations), and
pyannote's telemetry, which is off. A fourth is mended in the open: `torchaudio` from PyPI is linked against CUDA and
does not import beside a CPU-only torch, though nothing of its compiled extension is needed here.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

DEFAULT_THREADS = 2
_READY = "PARITY_CAPTURE_READY"
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def pinned(threads: int) -> dict[str, str]:
    """The environment variables of a capture."""
    return {
        **dict.fromkeys(_THREAD_VARIABLES, str(threads)),
        "NPY_DISABLE_CPU_FEATURES": " ".join(_dispatched_features()),
        "PYANNOTE_METRICS_ENABLED": "0",
    }


def restart_pinned(threads: int, module: str = "capture") -> None:
    """Start this program again with the pinned environment, unless it runs in it already."""
    if os.environ.get(_READY) == str(threads):
        return
    environment = {**os.environ, **pinned(threads), _READY: str(threads)}
    os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], environment)


def changed(threads: int, changes: Mapping[str, str | None]) -> dict[str, str]:
    """The environment of a capture in a process of its own: pinned, then variables set, or removed where None."""
    environment = {**os.environ, **pinned(threads), _READY: str(threads), **changes}
    return {key: value for key, value in environment.items() if value is not None}


def _dispatched_features() -> list[str]:
    question = "import numpy._core._multiarray_umath as m; print(*m.__cpu_dispatch__)"
    environment = {key: value for key, value in os.environ.items() if key != "NPY_DISABLE_CPU_FEATURES"}
    done = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True, env=environment)
    return done.stdout.split()


def mend_torchaudio() -> None:
    """Move torchaudio's compiled extension aside where, and only where, it cannot load for want of CUDA libraries."""
    import torch

    folder = _package_folder("torchaudio")
    if folder is None or torch.version.cuda is not None:
        return
    libraries = sorted((folder / "lib").glob("*.so"))
    if not libraries or not _wants_cuda():
        return
    aside = folder / "lib" / "aside"
    aside.mkdir(exist_ok=True)
    for library in libraries:
        library.rename(aside / library.name)
    print(
        f"torchaudio is linked against CUDA and does not load beside this CPU-only torch {torch.__version__}; its "
        f"compiled extension is not needed here and was moved to {aside}",
        file=sys.stderr,
    )


def _wants_cuda() -> bool:
    done = subprocess.run([sys.executable, "-c", "import torchaudio"], capture_output=True, text=True, check=False)
    return done.returncode != 0 and "libc10_cuda.so" in done.stderr + _loader_errors()


def _loader_errors() -> str:
    # torchaudio's own message leaves the reason out; the dynamic loader, asked directly, says which library is missing.
    folder = _package_folder("torchaudio")
    if folder is None:
        return ""
    question = (
        "import ctypes, pathlib, sys, torch\n"
        "for p in pathlib.Path(sys.argv[1]).glob('*.so'):\n"
        "    try: ctypes.CDLL(str(p))\n"
        "    except OSError as error: print(error)"
    )
    command = [sys.executable, "-c", question, str(folder / "lib")]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def silence_torchcodec() -> None:
    """Hide the warning that torchcodec cannot load: waveforms are handed over in memory, as it advises."""
    import warnings

    warnings.filterwarnings("ignore", message="(?s).*torchcodec is not installed correctly.*")
