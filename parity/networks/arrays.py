"""A network's arrays, checked against the names and shapes it expects."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from parity.errors import InputError


def checked(
    found: Mapping[str, np.ndarray], wanted: Mapping[str, tuple[int, ...]], *, what: str, origin: str
) -> dict[str, np.ndarray]:
    """The arrays in the order expected, float32 and contiguous.

    Parameters
    ----------
    wanted : shape of every array, by name
    what : the network's name, for messages
    origin : the file the arrays came from, for messages

    Raises
    ------
    InputError : arrays are missing, unexpected or of another shape; all of them are listed
    """
    problems = [f"missing {name}" for name in wanted if name not in found]
    problems += [f"unexpected {name}" for name in found if name not in wanted]
    problems += [
        f"{name} is {found[name].shape}, expected {shape}"
        for name, shape in wanted.items()
        if name in found and found[name].shape != shape
    ]
    if problems:
        raise InputError(f"{origin}: not {what}: {'; '.join(problems)}")
    return {name: np.ascontiguousarray(found[name], dtype=np.float32) for name in wanted}
