"""A checkpoint in the GigaAM layout, read without executing anything in it: its RNN-T head and its vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from parity.networks.checkpoint import read_checkpoint
from parity.rnnt.head import Head, head_of
from parity.rnnt.vocabulary import Pieces, configured


@dataclass(frozen=True, eq=False)
class Model:
    """What decoding needs of a checkpoint.

    Attributes
    ----------
    head : predictor and joint
    vocabulary : of its configuration; None where it carries none, as models with SentencePiece
    seeded : name of the seeded head it was written from; None of a real model
    """

    head: Head
    vocabulary: Pieces | None
    seeded: str | None


def read_model(path: Path) -> Model:
    """Read a checkpoint.

    Raises
    ------
    InputError : it cannot be read (`parity.networks.checkpoint`), has a CTC head or none, or arrays do not fit
    """
    checkpoint = read_checkpoint(path)
    head = head_of(checkpoint.state_dict, path)
    seeded = checkpoint.tree.get("seeded") if isinstance(checkpoint.tree, dict) else None
    return Model(head, configured(checkpoint.tree), seeded if isinstance(seeded, str) else None)
