"""From tokens to text: one piece of text a token, or a SentencePiece model.

Source: `Tokenizer` in gigaam/decoding.py, gigaam 0.1.0. A published checkpoint carries its characters in its
configuration (`cfg.decoding.vocabulary`); models with SentencePiece come with a file of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from parity.errors import InputError
from parity.networks.torch_pickle import Reduced

MAX_DEPTH = 8  # of a configuration; real ones are three deep


class Pieces:
    """A vocabulary that is a list: text is its pieces, joined."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces = tuple(pieces)

    def __len__(self) -> int:
        return len(self._pieces)

    def text(self, tokens: Iterable[int]) -> str:
        """The text of some tokens."""
        return "".join(self._pieces[token] for token in tokens)


class SentencePieces:
    """A SentencePiece model.

    Raises
    ------
    InputError : the package is not installed, or the file is no such model
    """

    def __init__(self, path: Path) -> None:
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError:
            raise InputError(
                f"--tokenizer {path}: needs the package sentencepiece; pip install sentencepiece"
            ) from None
        if not path.is_file():
            raise InputError(f"--tokenizer {path}: no such file")
        try:
            self._model = SentencePieceProcessor(model_file=str(path))
        except (OSError, RuntimeError) as error:
            raise InputError(f"--tokenizer {path}: not a SentencePiece model") from error

    def __len__(self) -> int:
        return len(self._model)

    def text(self, tokens: Iterable[int]) -> str:
        """The text of some tokens."""
        return self._model.decode([int(token) for token in tokens])


Vocabulary = Pieces | SentencePieces


def check_vocabulary(vocabulary: Vocabulary, classes: int, origin: object) -> Vocabulary:
    """The vocabulary, if the head has one class more than it has tokens.

    Raises
    ------
    InputError : another number of tokens
    """
    if len(vocabulary) + 1 != classes:
        raise InputError(
            f"{origin}: {len(vocabulary)} tokens, the head has {classes} classes, so {classes - 1} and the blank; "
            f"another model's vocabulary?"
        )
    return vocabulary


def configured(tree: Any) -> Pieces | None:
    """The vocabulary in a checkpoint's configuration, `cfg.decoding.vocabulary`; None where it carries none.

    Parameters
    ----------
    tree : what a checkpoint holds; OmegaConf's objects, which are not known to the reader, are looked into
    """
    found = tree
    for key in ("cfg", "decoding", "vocabulary"):
        found = _plain(found).get(key) if isinstance(_plain(found), dict) else None
    pieces = _plain(found)
    if not isinstance(pieces, (list, tuple)):
        return None
    pieces = [_plain(piece) for piece in pieces]
    return Pieces(pieces) if pieces and all(isinstance(piece, str) for piece in pieces) else None


def _plain(value: Any) -> Any:
    """What an OmegaConf container or node stands for, one level of it; anything else as it is."""
    for _ in range(MAX_DEPTH):
        if not isinstance(value, Reduced) or not isinstance(value.state, dict):
            return value
        value = value.state["_content"] if "_content" in value.state else value.state.get("_val")
    return None
