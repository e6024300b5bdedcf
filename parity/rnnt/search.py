"""Greedy search: at each frame the best class, until it is the blank or the frame has had its share of symbols.

Task: encoder frames of an utterance -> tokens, and the frame at which each was emitted.

Source: `RNNTGreedyDecoding._greedy_decode` in gigaam/decoding.py, gigaam 0.1.0, which does not keep the frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isnan
from typing import TypeVar

import numpy as np

from parity.errors import InputError
from parity.rnnt.step import JointStep

MAX_SYMBOLS = 10
"""Symbols that one frame may emit, the reference's default."""

Listener = Callable[[int, int, np.ndarray], None]


@dataclass(frozen=True)
class Hypothesis:
    """What an utterance says.

    Attributes
    ----------
    tokens : (n,) int64
    frames : (n,) int64, the encoder frame at which each token was emitted, ascending
    """

    tokens: np.ndarray
    frames: np.ndarray


def greedy(
    backend: JointStep, encoded: np.ndarray, *, max_symbols: int = MAX_SYMBOLS, on_step: Listener | None = None
) -> Hypothesis:
    """Search one utterance, from a reset backend.

    Parameters
    ----------
    encoded : (num_frames, enc_hidden) float32; no frames, no tokens
    max_symbols : symbols per frame
    on_step : called with the frame, the chosen class and the log-probabilities (classes,), a buffer that is reused

    Raises
    ------
    InputError : no symbol is allowed, or a sum overflowed
    """
    if max_symbols < 1:
        raise InputError(f"max_symbols {max_symbols}: expected at least 1 symbol a frame")
    backend.reset()
    blank = backend.classes - 1
    scores = np.empty(backend.classes, dtype=np.float32)
    tokens: list[int] = []
    frames: list[int] = []
    previous: int | None = None
    for position, frame in enumerate(encoded):
        for _ in range(max_symbols):
            backend.step(frame, previous, scores)
            chosen = int(scores.argmax())
            if isnan(scores[chosen]):  # the first NaN is what argmax finds
                raise InputError(f"frame {position}: log-probabilities are NaN; its values or the head's are too large")
            if on_step:
                on_step(position, chosen, scores)
            if chosen == blank:
                break
            backend.commit()
            tokens.append(chosen)
            frames.append(position)
            previous = chosen
    return Hypothesis(np.array(tokens, dtype=np.int64), np.array(frames, dtype=np.int64))


Backend = TypeVar("Backend", bound=JointStep)


def greedy_batch(
    make_backend: Callable[[], Backend], utterances: Iterable[np.ndarray], *, max_symbols: int = MAX_SYMBOLS
) -> list[tuple[Hypothesis, Backend]]:
    """Search several utterances, each with a backend of its own; what was found, and what found it."""
    found = []
    for number, encoded in enumerate(utterances, start=1):
        backend = make_backend()
        try:
            found.append((greedy(backend, encoded, max_symbols=max_symbols), backend))
        except InputError as error:
            raise InputError(f"utterance {number}: {error}") from error
    return found


def check_encoded(encoded: np.ndarray, enc_hidden: int, origin: object) -> np.ndarray:
    """Encoder frames as the search wants them, (num_frames, enc_hidden) float32 and contiguous.

    Raises
    ------
    InputError : another shape or kind, no frames, or values that are not finite
    """
    if encoded.ndim != 2 or encoded.dtype.kind != "f":
        raise InputError(
            f"{origin}: is {encoded.dtype} {encoded.shape}, expected (frames, {enc_hidden}) of floats: one utterance"
        )
    if encoded.shape[1] != enc_hidden:
        turned = "; it looks transposed" if encoded.shape[0] == enc_hidden else ""
        raise InputError(f"{origin}: frames are {encoded.shape[1]} wide, this head reads {enc_hidden}{turned}")
    if not len(encoded):
        raise InputError(f"{origin}: holds no frames, at least 1 is needed: an empty recording?")
    with np.errstate(over="ignore"):  # a float64 past float32's range becomes infinite, and is told below
        frames = np.ascontiguousarray(encoded, dtype=np.float32)
    bad = ~np.isfinite(frames).all(axis=1)
    if bad.any():
        raise InputError(
            f"{origin}: {int(bad.sum())} of {len(frames)} frames hold NaN or infinity, the first is frame "
            f"{int(np.argmax(bad))}: an encoder in float16 that overflowed, or values that float32 does not hold?"
        )
    return frames
