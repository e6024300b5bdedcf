"""Two dumps under one numbering, and what had to be renumbered for it, in words."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np


@dataclass
class Aligned:
    """Both sides under one numbering.

    Attributes
    ----------
    want, got : artefact -> value, of the reference and the candidate
    chunks : artefact kept by chunk -> the chunks both sides recorded
    gap : (C, F), gap of the reference's two best classes, or None
    by : artefact -> conventions that it needed, in words
    cropped : artefacts of which a last frame was left out
    orders : (C, S), which of the candidate's local speakers is the reference's speaker s of chunk c; None: not known
    numbering : artefacts whose numbering of clusters was not undone, for it decides who speaks, and that in words
    """

    want: dict[str, Any]
    got: dict[str, Any]
    chunks: dict[str, np.ndarray] = field(default_factory=dict)
    gap: np.ndarray | None = None
    by: dict[str, list[str]] = field(default_factory=dict)
    cropped: set[str] = field(default_factory=set)
    orders: np.ndarray | None = None
    numbering: dict[str, str] = field(default_factory=dict)

    def copy(self) -> Aligned:
        """The same, so that what is changed in one stays in the other; arrays are shared."""
        return replace(self, got=dict(self.got), by={name: list(words) for name, words in self.by.items()})

    def both(self, *names: str) -> bool:
        """Whether both sides have all of them, in shapes that agree."""
        return all(
            name in self.want and name in self.got and np.shape(self.want[name]) == np.shape(self.got[name])
            for name in names
        )

    def change(self, name: str, value: np.ndarray, words: str) -> None:
        """Take a renumbered artefact; said where it is another than before."""
        if not np.array_equal(value, self.got[name], equal_nan=value.dtype.kind == "f"):
            self.by.setdefault(name, []).append(words)
        self.got[name] = value
